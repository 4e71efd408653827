//! A small writer of line charts as SVG: two axes with ticks, lines with marks, spread bars, a legend.
//!
//! It knows nothing of what it draws. The text is the same for the same lines, whatever machine it is
//! written on.

use std::fmt::Write as _;

/// The picture, in pixels, and the margins around the plot.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 46.0;
const BOTTOM: f64 = 86.0;

/// How wide a letter of the legend is, about.
const LETTER: f64 = 6.6;

/// How a number becomes a place on an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From zero, in equal steps.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) scale: Scale,
}

/// A point, with the distance that it spreads up and down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) spread: f64,
}

/// A line through some points.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// A colour as SVG writes it.
    pub(super) colour: &'static str,
    pub(super) is_dashed: bool,
    pub(super) marks: Vec<Mark>,
}

/// A chart.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

/// An axis with its range, and where it is in the picture.
struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Ruler {
    /// The ruler over these values, which leaves the range of its ticks around them.
    fn over(scale: Scale, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = positive.fold((f64::INFINITY, 0.0_f64), |(least, most), value| {
            (least.min(value), most.max(value))
        });
        let (least, most) = if most > 0.0 {
            (least, most)
        } else {
            (1.0, 10.0)
        };
        let (low, high) = match scale {
            Scale::Linear => (0.0, (most / step(most)).ceil() * step(most)),
            Scale::Logarithmic => {
                let low = least.log10().floor();
                (low, most.log10().ceil().max(low + 1.0))
            }
        };
        Self {
            scale,
            low,
            high,
            from,
            to,
        }
    }

    fn place(&self, value: f64) -> f64 {
        let value = match self.scale {
            Scale::Linear => value,
            Scale::Logarithmic => value.max(10_f64.powf(self.low)).log10(),
        };
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.from + part * (self.to - self.from)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high);
                let count = (self.high / step).round() as u32;
                (0..=count).map(|tick| f64::from(tick) * step).collect()
            }
            Scale::Logarithmic => {
                let powers = self.low as i32..=self.high as i32;
                powers.map(|power| 10_f64.powi(power)).collect()
            }
        }
    }
}

/// The distance of the ticks of a linear axis up to `most`: 1, 2 or 5 times a power of ten, so that there
/// are 4 to 10.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 10.0).log10().ceil());
    let finest = [0.2, 0.5, 1.0].into_iter().map(|part| part * power);
    let mut fitting = finest.filter(|step| most / step <= 10.0);
    fitting.next().unwrap_or(power)
}

impl Chart {
    /// The chart as the text of an SVG file.
    pub(super) fn draw(&self) -> String {
        let marks = || self.lines.iter().flat_map(|line| &line.marks);
        let bottom = HEIGHT - BOTTOM;
        let x = Ruler::over(
            self.x.scale,
            marks().map(|mark| mark.x),
            LEFT,
            WIDTH - RIGHT,
        );
        let y = Ruler::over(
            self.y.scale,
            marks().flat_map(|mark| [mark.y, mark.y + mark.spread]),
            bottom,
            TOP,
        );
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" \
             fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
            escaped(&self.title)
        );
        self.axes(&mut text, &x, &y);
        for line in &self.lines {
            line.draw(&mut text, &x, &y);
        }
        self.legend(&mut text);
        text.push_str("</svg>\n");
        text
    }

    fn axes(&self, text: &mut String, x: &Ruler, y: &Ruler) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in y.ticks() {
            let at = y.place(tick);
            put(
                text,
                format_args!(
                    "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>\
                     <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>\n",
                    LEFT - 7.0,
                    at + 4.0
                ),
            );
        }
        for tick in x.ticks() {
            let at = x.place(tick);
            put(
                text,
                format_args!(
                    "<path d=\"M{at:.1} {bottom}v5\" stroke=\"#222\"/>\
                     <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>\n",
                    bottom + 18.0
                ),
            );
        }
        let middle = (TOP + bottom) / 2.0;
        put(
            text,
            format_args!(
                "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#222\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
                 <text transform=\"translate(18 {middle:.1}) rotate(-90)\" \
                 text-anchor=\"middle\">{}</text>\n",
                (LEFT + right) / 2.0,
                bottom + 38.0,
                escaped(&self.x.name),
                escaped(&self.y.name)
            ),
        );
    }

    /// The names of the lines below the plot, in as many rows as it takes.
    fn legend(&self, text: &mut String) {
        let (mut x, mut y) = (LEFT, HEIGHT - BOTTOM + 58.0);
        for line in &self.lines {
            let width = 44.0 + line.name.len() as f64 * LETTER;
            if x > LEFT && x + width > WIDTH - RIGHT {
                (x, y) = (LEFT, y + 17.0);
            }
            put(
                text,
                format_args!(
                    "<path d=\"M{x:.1} {:.1}h24\" stroke=\"{}\" stroke-width=\"2\"{}/>\
                     <text x=\"{:.1}\" y=\"{y:.1}\">{}</text>\n",
                    y - 4.0,
                    line.colour,
                    line.dashes(),
                    x + 30.0,
                    escaped(&line.name)
                ),
            );
            x += width;
        }
    }
}

impl Line {
    fn draw(&self, text: &mut String, x: &Ruler, y: &Ruler) {
        let mut path = String::new();
        for (at, mark) in self.marks.iter().enumerate() {
            let verb = if at == 0 { 'M' } else { 'L' };
            let place = (x.place(mark.x), y.place(mark.y));
            put(
                &mut path,
                format_args!("{verb}{:.1} {:.1}", place.0, place.1),
            );
        }
        let colour = self.colour;
        put(
            text,
            format_args!(
                "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{}/>\n",
                self.dashes()
            ),
        );
        for mark in &self.marks {
            let at = x.place(mark.x);
            if mark.spread > 0.0 {
                let ends = [mark.y - mark.spread, mark.y + mark.spread].map(|end| y.place(end));
                put(
                    text,
                    format_args!(
                        "<path d=\"M{at:.1} {:.1}V{:.1}\" stroke=\"{colour}\" opacity=\"0.5\"/>\n",
                        ends[0], ends[1]
                    ),
                );
            }
            put(
                text,
                format_args!(
                    "<circle cx=\"{at:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>\n",
                    y.place(mark.y)
                ),
            );
        }
    }

    const fn dashes(&self) -> &'static str {
        if self.is_dashed {
            " stroke-dasharray=\"6 4\""
        } else {
            ""
        }
    }
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments)
        .expect("a string takes whatever is written to it");
}

/// Text as it may stand between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
