//! The figures of the paper's evaluation, measured again and held beside the paper's own results.
//!
//! The workload is the paper's: transactions that consume objects of one byte in random shards
//! ([`contracts::simulator`]), so many under way for each shard that it always has work.
//! Networks of real processes run it on one machine, where more shards cannot mean more transactions per
//! second, because all of them share its processors. What has to stay the same is the processor time of
//! a transaction: then each shard that brings hosts of its own brings its own throughput. What that
//! would come to is drawn by a model ([`hosts`]) with the costs that were measured, and called so.
//!
//! Paper: Section VII, Figures 6 to 9.

mod chart;
mod csv;
mod hosts;
mod paper;
mod plan;
mod run;
mod svg;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use super::error::BenchError;
pub use hosts::ASSUMPTIONS;

/// The figures that can be made.
pub const FIGURES: [Figure; 4] = [
    Figure::Shards,
    Figure::Inputs,
    Figure::Latency,
    Figure::Nodes,
];

/// The percentiles of a latency that are kept.
pub const PERCENTILES: [u8; 7] = [10, 25, 50, 75, 90, 99, 100];

/// How much the processor time of a transaction may grow from one shard to the most, in percent, for
/// throughput to be called linear in the shards.
pub const LINEAR_PERCENT: f64 = 15.0;

/// A figure of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// Figure 6: throughput over the number of shards.
    Shards,
    /// Figure 7: throughput over the inputs of a transaction.
    Inputs,
    /// Figure 8: latency at rates that are offered.
    Latency,
    /// Figure 9: throughput over the nodes of a shard.
    Nodes,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// What the authors published.
    Paper,
    /// Ours, measured here.
    Ours,
    /// Ours, where the owner of the objects signs each transaction.
    Signed,
    /// What ours would come to with one host for each node.
    Model,
}

/// The distribution of a latency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// The mean, in milliseconds.
    pub mean: f64,
    /// The [`PERCENTILES`], in milliseconds.
    pub percentiles: [f64; 7],
}

/// A point of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The figure.
    pub figure: Figure,
    /// The line.
    pub series: Series,
    /// The number of shards, inputs, nodes of a shard, or transactions per second that are offered.
    pub x: f64,
    /// Committed transactions per second.
    pub per_second: Option<f64>,
    /// The standard deviation of that over runs.
    pub deviation: Option<f64>,
    /// Processor time of all nodes, in milliseconds per transaction.
    pub cpu_ms: Option<f64>,
    /// Transactions that a block decides.
    pub per_block: Option<f64>,
    /// Shards that a transaction concerns, on average.
    pub concerned: Option<f64>,
    /// From due to certified.
    pub latency: Option<Quantiles>,
}

/// What to make.
#[derive(Clone, Debug)]
pub struct FiguresOptions {
    /// This program: what the nodes are processes of.
    pub program: PathBuf,
    /// An empty directory for the networks, or one that is not there. `None`: a temporary one.
    pub directory: Option<PathBuf>,
    /// Which figures.
    pub figures: Vec<Figure>,
    /// How long each point is measured, in seconds.
    pub seconds: u64,
    /// Whether a few points are enough.
    pub quick: bool,
    /// Whether all shards decide by all votes, as in the paper, in place of one for all.
    pub all_votes: bool,
}

/// Measures the figures. `note` hears how far it is.
///
/// Call it in a thread that lives until the end of the process.
///
/// # Errors
///
/// [`BenchError`]; no node runs then.
pub fn figures(
    options: &FiguresOptions,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Point>, BenchError> {
    if !(1..=plan::SECONDS_MAX).contains(&options.seconds) {
        return Err(BenchError::Options(format!(
            "a point takes 1 to {} seconds",
            plan::SECONDS_MAX
        )));
    }
    let mut points = Vec::new();
    for figure in FIGURES {
        if options.figures.contains(&figure) {
            points.extend(published(figure));
        }
    }
    points.extend(run::run(options, note)?);
    points.sort_by(|a, b| {
        let place = |point: &Point| (point.figure, point.series);
        place(a).cmp(&place(b)).then(a.x.total_cmp(&b.x))
    });
    Ok(points)
}

/// Writes for each figure that has points a table and a drawing into a folder, which is made if it is not
/// there. Returns the files.
///
/// # Errors
///
/// [`BenchError::System`] if one cannot be written.
pub fn write(points: &[Point], folder: &Path) -> Result<Vec<PathBuf>, BenchError> {
    fs::create_dir_all(folder).map_err(BenchError::system("make the folder of the figures"))?;
    let mut files = Vec::new();
    for figure in FIGURES {
        let points: Vec<Point> = of(points, figure).copied().collect();
        if points.is_empty() {
            continue;
        }
        for (end, text) in [
            ("csv", csv::table(&points)),
            ("svg", chart::draw(figure, &points)),
        ] {
            let file = folder.join(format!("figure-{}.{end}", figure.number()));
            fs::write(&file, text).map_err(BenchError::system("write a figure"))?;
            files.push(file);
        }
    }
    Ok(files)
}

/// The points of a figure.
pub fn of(points: &[Point], figure: Figure) -> impl Iterator<Item = &Point> {
    points.iter().filter(move |point| point.figure == figure)
}

/// How much more processor time a transaction takes at the most shards than at the fewest, in percent of
/// that at the fewest, for a line of Figure 6. `None` if it has fewer than two points.
#[must_use]
pub fn growth(points: &[Point], series: Series) -> Option<f64> {
    let mut costs: Vec<(f64, f64)> = of(points, Figure::Shards)
        .filter(|point| point.series == series)
        .filter_map(|point| Some((point.x, point.cpu_ms?)))
        .collect();
    costs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ((_, fewest), (_, most)) = (costs.first()?, costs.last()?);
    (costs.len() > 1).then(|| (most / fewest - 1.0) * 100.0)
}

/// What the authors published of a figure.
fn published(figure: Figure) -> Vec<Point> {
    let bare = |x| Point::at(figure, Series::Paper, x);
    let throughput = |rows: &[paper::Throughput]| {
        let points = rows.iter().map(|row| Point {
            per_second: Some(row.mean),
            deviation: Some(row.deviation),
            ..bare(row.x)
        });
        points.collect()
    };
    match figure {
        Figure::Shards => throughput(&paper::SHARDS),
        Figure::Inputs => throughput(&paper::INPUTS),
        Figure::Nodes => throughput(&paper::NODES),
        Figure::Latency => {
            let points = paper::LATENCY.iter().map(|(rate, latency)| Point {
                latency: Some(*latency),
                ..bare(*rate)
            });
            points.collect()
        }
    }
}

impl Figure {
    /// Its number in the paper.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Shards => 6,
            Self::Inputs => 7,
            Self::Latency => 8,
            Self::Nodes => 9,
        }
    }

    /// The figure with this number.
    #[must_use]
    pub fn numbered(number: u8) -> Option<Self> {
        FIGURES.into_iter().find(|figure| figure.number() == number)
    }

    /// What it shows.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Shards => "Throughput over shards (4 nodes per shard, 1 input)",
            Self::Inputs => "Throughput over inputs per transaction (5 shards of 4 nodes)",
            Self::Latency => "Latency at an offered rate (2 shards of 4 nodes, 1 input)",
            Self::Nodes => "Throughput over nodes per shard (2 shards, 1 input)",
        }
    }

    /// What is varied.
    #[must_use]
    pub const fn varies(self) -> &'static str {
        match self {
            Self::Shards => "shards",
            Self::Inputs => "inputs",
            Self::Latency => "offered_per_second",
            Self::Nodes => "nodes_per_shard",
        }
    }
}

impl Series {
    /// Its name in tables and drawings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Ours => "ours",
            Self::Signed => "ours, signed",
            Self::Model => "model, a host per node",
        }
    }
}

impl Point {
    /// A point that nothing is known of.
    const fn at(figure: Figure, series: Series, x: f64) -> Self {
        Self {
            figure,
            series,
            x,
            per_second: None,
            deviation: None,
            cpu_ms: None,
            per_block: None,
            concerned: None,
            latency: None,
        }
    }
}
