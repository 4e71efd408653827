//! `chainspace bench figures`: the paper's Figures 6 to 9, measured again.

use std::path::PathBuf;

use serde_json::{Value, json};
use testnet::bench::figures::{
    self, ASSUMPTIONS, FIGURES, Figure, FiguresOptions, LINEAR_PERCENT, PERCENTILES, Point, Series,
};

use super::{Mode, absolute, program};
use crate::exit::Failure;
use crate::output::{Done, Output};
use crate::{Common, table};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace bench figures --out figures --quick
  chainspace bench figures --out figures
  chainspace bench figures --out figures --figures 6,8 --seconds 10 --mode all-votes --json";

/// Seconds for a point, if nobody says how many.
const SECONDS: u64 = 6;
const SECONDS_QUICK: u64 = 3;

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// The folder that gets a table (CSV) and a drawing (SVG) of each figure
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A few points only, in less than half the time
    #[arg(long)]
    quick: bool,
    /// Which figures of the paper: 6 shards, 7 inputs, 8 latency, 9 nodes per shard
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "6,7,8,9"
    )]
    #[arg(value_parser = clap::value_parser!(u8).range(6..=9))]
    figures: Vec<u8>,
    /// How long to measure each point [default: 6, or 3 with --quick]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=30))]
    seconds: Option<u64>,
    /// How transactions that concern several shards are decided
    #[arg(long, value_name = "MODE", default_value = "decider")]
    mode: Mode,
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let seconds = if flags.quick { SECONDS_QUICK } else { SECONDS };
    let numbers = flags.figures.iter().copied();
    let options = FiguresOptions {
        program: program()?,
        directory: common.dir.as_deref().map(absolute).transpose()?,
        figures: numbers.filter_map(Figure::numbered).collect(),
        seconds: flags.seconds.unwrap_or(seconds),
        quick: flags.quick,
        all_votes: flags.mode == Mode::AllVotes,
    };
    let points = figures::figures(&options, &|text| output.note(text))?;
    let files = figures::write(&points, &flags.out)?;
    Ok(Done {
        text: text(&points, &files),
        data: json!({
            "points": points.iter().map(data).collect::<Vec<_>>(),
            "growth_percent": {
                "plain": figures::growth(&points, Series::Ours),
                "signed": figures::growth(&points, Series::Signed),
            },
            "files": files,
        }),
    })
}

fn text(points: &[Point], files: &[PathBuf]) -> String {
    let mut parts = Vec::new();
    for figure in FIGURES {
        let points: Vec<Point> = figures::of(points, figure).copied().collect();
        if !points.is_empty() {
            let rows = match figure {
                Figure::Latency => latencies(&points),
                _ => throughputs(figure, &points),
            };
            parts.push(format!(
                "Figure {}: {}\n{rows}",
                figure.number(),
                figure.title()
            ));
        }
    }
    parts.extend(growth(points));
    if points.iter().any(|point| point.series == Series::Model) {
        parts.push(ASSUMPTIONS.to_owned());
    }
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    parts.push(format!("written: {}", files.join(", ")));
    parts.join("\n\n")
}

/// The values of the varied number that were measured here; all of the paper's are in the files.
fn measured(points: &[Point]) -> Vec<f64> {
    let ours = points.iter().filter(|point| point.series == Series::Ours);
    ours.map(|point| point.x).collect()
}

fn find(points: &[Point], series: Series, x: f64) -> Option<&Point> {
    let mut found = points.iter().filter(|point| point.series == series);
    found.find(|point| point.x == x)
}

fn throughputs(figure: Figure, points: &[Point]) -> String {
    let varies = figure.varies().replace('_', " ").to_uppercase();
    let head = [
        &*varies, "PAPER/s", "+-", "OURS/s", "CPU ms", "SIGNED/s", "CPU ms", "MODEL/s",
    ];
    let mut table = table::new(head, &[0, 1, 2, 3, 4, 5, 6, 7]);
    for x in measured(points) {
        let of = |series| find(points, series, x);
        let rate = |series| cell(of(series).and_then(|point| point.per_second), 0);
        let cpu = |series| cell(of(series).and_then(|point| point.cpu_ms), 3);
        let deviation = of(Series::Paper).and_then(|point| point.deviation);
        table.add_row([
            format!("{x:.0}"),
            rate(Series::Paper),
            cell(deviation, 0),
            rate(Series::Ours),
            cpu(Series::Ours),
            rate(Series::Signed),
            cpu(Series::Signed),
            rate(Series::Model),
        ]);
    }
    table.trim_fmt()
}

fn latencies(points: &[Point]) -> String {
    let head = [
        "OFFERED/s",
        "PAPER p50 ms",
        "p90",
        "p99",
        "OURS p50 ms",
        "p90",
        "p99",
        "SIGNED p50 ms",
        "p90",
        "p99",
    ];
    let mut table = table::new(head, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for x in measured(points) {
        let mut row = vec![format!("{x:.0}")];
        for series in [Series::Paper, Series::Ours, Series::Signed] {
            let latency = find(points, series, x).and_then(|point| point.latency);
            for percent in [50, 90, 99] {
                let at = PERCENTILES.iter().position(|kept| *kept == percent);
                let ms = at.and_then(|at| Some(latency?.percentiles[at]));
                row.push(cell(ms, 1));
            }
        }
        table.add_row(row);
    }
    table.trim_fmt()
}

fn cell(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Whether a transaction costs as much with many shards as with one.
fn growth(points: &[Point]) -> Option<String> {
    let lines: Vec<String> = [Series::Ours, Series::Signed]
        .into_iter()
        .filter_map(|series| {
            let growth = figures::growth(points, series)?;
            let verdict = if growth <= LINEAR_PERCENT {
                "linear in the shards"
            } else {
                "not linear in the shards"
            };
            Some(format!(
                "{}: {growth:+.1} % processor time per transaction from the fewest to the most shards \
                 (at most {LINEAR_PERCENT:.0} %): {verdict}",
                series.name()
            ))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn data(point: &Point) -> Value {
    let latency = point.latency.map(|latency| {
        let percentiles = PERCENTILES.iter().zip(latency.percentiles);
        let mut named: serde_json::Map<String, Value> = percentiles
            .map(|(percent, ms)| (format!("p{percent}"), json!(ms)))
            .collect();
        named.insert("mean".to_owned(), json!(latency.mean));
        Value::Object(named)
    });
    json!({
        "figure": point.figure.number(),
        "series": point.series.name(),
        point.figure.varies(): point.x,
        "committed_per_second": point.per_second,
        "deviation_per_second": point.deviation,
        "cpu_ms_per_transaction": point.cpu_ms,
        "parts_per_block": point.per_block,
        "shards_per_transaction": point.concerned,
        "latency_ms": latency,
    })
}
