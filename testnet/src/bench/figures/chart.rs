//! What a figure looks like: which lines, over which axes.

use super::svg::{Axis, Chart, Line, Mark, Scale};
use super::{Figure, PERCENTILES, Point, Series};

/// Rates of which the distribution of the latency is drawn. All are in the table.
const RATES_DRAWN: [f64; 3] = [20.0, 100.0, 200.0];

/// All lines that a figure may have, from the bottom up.
const SERIES: [Series; 4] = [Series::Paper, Series::Model, Series::Ours, Series::Signed];

/// The figure as the text of an SVG file.
pub(super) fn draw(figure: Figure, points: &[Point]) -> String {
    let chart = match figure {
        Figure::Latency => distribution(points),
        _ => throughput(figure, points),
    };
    chart.draw()
}

fn throughput(figure: Figure, points: &[Point]) -> Chart {
    let lines = SERIES.into_iter().map(|series| {
        let marks = points.iter().filter(|point| point.series == series);
        let marks = marks.filter_map(|point| {
            Some(Mark {
                x: point.x,
                y: point.per_second?,
                spread: point.deviation.unwrap_or_default(),
            })
        });
        Line {
            name: match series {
                Series::Paper => "paper (a host per node)".to_owned(),
                Series::Ours => "ours (one machine)".to_owned(),
                Series::Signed => "ours, signed (one machine)".to_owned(),
                Series::Model => "ours: model, a host per node".to_owned(),
            },
            colour: colour(series),
            is_dashed: series == Series::Model,
            marks: marks.collect(),
        }
    });
    Chart {
        title: format!("Figure {}: {}", figure.number(), figure.title()),
        x: Axis {
            name: figure.varies().replace('_', " "),
            scale: Scale::Linear,
        },
        y: Axis {
            name: "committed transactions per second".to_owned(),
            scale: Scale::Logarithmic,
        },
        lines: lines.filter(|line| !line.marks.is_empty()).collect(),
    }
}

/// The distributions of the latency, as far as the percentiles tell them. A darker line is a higher rate.
fn distribution(points: &[Point]) -> Chart {
    let drawn = |point: &&Point| RATES_DRAWN.contains(&point.x) && point.series != Series::Model;
    let lines = points.iter().filter(drawn).filter_map(|point| {
        let latency = point.latency?;
        let marks = PERCENTILES.iter().zip(latency.percentiles);
        Some(Line {
            name: format!("{}, {:.0}/s", point.series.name(), point.x),
            colour: shade(point.series, point.x),
            is_dashed: point.series == Series::Paper,
            marks: marks
                .map(|(percent, ms)| Mark {
                    x: ms,
                    y: f64::from(*percent),
                    spread: 0.0,
                })
                .collect(),
        })
    });
    Chart {
        title: format!("Figure 8: {}", Figure::Latency.title()),
        x: Axis {
            name: "latency in milliseconds".to_owned(),
            scale: Scale::Logarithmic,
        },
        y: Axis {
            name: "percent of transactions".to_owned(),
            scale: Scale::Linear,
        },
        lines: lines.collect(),
    }
}

const fn colour(series: Series) -> &'static str {
    match series {
        Series::Paper => "#7f7f7f",
        Series::Ours => "#1f77b4",
        Series::Signed => "#d95f02",
        Series::Model => "#2ca02c",
    }
}

/// The colour of a series at one of [`RATES_DRAWN`].
fn shade(series: Series, rate: f64) -> &'static str {
    let shades = match series {
        Series::Paper => ["#c7c7c7", "#969696", "#525252"],
        Series::Ours | Series::Model => ["#9ecae1", "#4292c6", "#08519c"],
        Series::Signed => ["#fdbe85", "#fd8d3c", "#a63603"],
    };
    let at = RATES_DRAWN.iter().position(|drawn| *drawn == rate);
    shades[at.unwrap_or_default()]
}
