//! Which networks are started for the figures, and what is sent to each.

use super::{Figure, FiguresOptions, Series};
use crate::bench::drive::Arrivals;

/// How long a point is measured at most: transactions are valid for a minute, and all of a step are
/// signed before it begins.
pub(super) const SECONDS_MAX: u64 = 30;

/// Objects of a sort that a network begins with, at most: what a genesis document has room for twice.
const OBJECTS_MAX: usize = 24_000;

/// Transactions per second that there are objects for.
const PER_SECOND_MAX: usize = 4_000;

/// Transactions under way for each shard where they concern one shard each: all that the paper's client
/// sent in a run, because it sent faster than they were committed.
const IN_FLIGHT: usize = 300;

/// The same where they have several inputs: as many as that client sent at a time.
const IN_FLIGHT_OF_MANY: usize = 100;

/// A network and what is measured on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Network {
    pub(super) figure: Figure,
    pub(super) shards: u32,
    pub(super) nodes: usize,
    pub(super) inputs: usize,
    /// Transactions under way, where that is what is kept the same.
    pub(super) in_flight: usize,
    /// Objects of each of the two sorts.
    pub(super) objects: usize,
    pub(super) steps: Vec<Step>,
}

/// One point that is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) series: Series,
    pub(super) x: f64,
    pub(super) arrivals: Arrivals,
    /// Transactions that are made ready, at most.
    pub(super) transactions: usize,
}

impl Step {
    /// Whether owners sign.
    pub(super) fn is_signed(&self) -> bool {
        self.series == Series::Signed
    }
}

/// The networks of all figures, in order.
pub(super) fn networks(options: &FiguresOptions) -> Vec<Network> {
    let seconds = usize::try_from(options.seconds).unwrap_or(usize::MAX);
    let mut networks = Vec::new();
    let wants = |figure| options.figures.contains(&figure);
    let pick = |all: &'static [u32], few: &'static [u32]| if options.quick { few } else { all };
    if wants(Figure::Shards) {
        for shards in pick(&[1, 2, 4, 8], &[1, 2, 4]) {
            networks.push(closed(Figure::Shards, *shards, *shards, 4, 1, seconds));
        }
    }
    if wants(Figure::Inputs) {
        for inputs in pick(&[1, 2, 3, 4, 5, 7, 10], &[1, 4, 10]) {
            let count = *inputs as usize;
            networks.push(closed(Figure::Inputs, *inputs, 5, 4, count, seconds));
        }
    }
    if wants(Figure::Latency) {
        let rates = pick(
            &[20, 40, 60, 80, 100, 120, 140, 160, 180, 200],
            &[20, 100, 200],
        );
        networks.push(open(rates, seconds));
    }
    if wants(Figure::Nodes) {
        for nodes in pick(&[4, 7, 10, 13], &[4, 7]) {
            let count = *nodes as usize;
            networks.push(closed(Figure::Nodes, *nodes, 2, count, 1, seconds));
        }
    }
    networks
}

/// A network that is sent as much as it takes.
fn closed(
    figure: Figure,
    x: u32,
    shards: u32,
    nodes: usize,
    inputs: usize,
    seconds: usize,
) -> Network {
    let wanted = PER_SECOND_MAX * inputs * (seconds + 1);
    let objects = wanted.min(OBJECTS_MAX);
    let each = match figure {
        Figure::Inputs => IN_FLIGHT_OF_MANY,
        Figure::Shards | Figure::Nodes | Figure::Latency => IN_FLIGHT,
    };
    let in_flight = each * shards as usize;
    let step = |series| Step {
        series,
        x: f64::from(x),
        arrivals: Arrivals::Closed { in_flight },
        transactions: objects / inputs,
    };
    Network {
        figure,
        shards,
        nodes,
        inputs,
        in_flight,
        objects,
        steps: vec![step(Series::Ours), step(Series::Signed)],
    }
}

/// The network that is offered these rates one after the other.
fn open(rates: &[u32], seconds: usize) -> Network {
    let steps = rates.iter().flat_map(|rate| {
        [Series::Ours, Series::Signed].map(|series| Step {
            series,
            x: f64::from(*rate),
            arrivals: Arrivals::Open { per_second: *rate },
            transactions: *rate as usize * seconds + 1,
        })
    });
    let steps: Vec<Step> = steps.collect();
    let plain = steps.iter().filter(|step| !step.is_signed());
    let objects: usize = plain.map(|step| step.transactions).sum();
    let warm_up = steps.first().map_or(0, |step| step.transactions);
    Network {
        figure: Figure::Latency,
        shards: 2,
        nodes: 4,
        inputs: 1,
        in_flight: 0,
        objects: objects + warm_up,
        steps,
    }
}
