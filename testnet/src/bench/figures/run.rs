//! Measuring the points, network by network.

use std::time::{Duration, Instant};

use super::hosts::{Hosts, NODE_DELAY};
use super::plan::{Network, Step, networks};
use super::{FiguresOptions, PERCENTILES, Point, Quantiles, Series};
use crate::bench::consumption::{Meal, Stock, objects};
use crate::bench::error::BenchError;
use crate::bench::rig::{Ran, Rig};
use crate::bench::stage::{Scene, Stage};
use crate::bench::{costs, now, runtime, supply};

/// How long transactions are valid after they were signed, in milliseconds.
const VALID_MS: u64 = 58_000;

/// How long a network warms up before its first point.
const WARM_UP: Duration = Duration::from_secs(1);

/// The part of the objects of a network that the warm-up may use: one of so many.
const WARM_UP_PART: usize = 7;

/// The most lanes of a load that is offered at a rate: it never waits for one.
const LANES_OPEN: usize = 100_000;

/// Bytes of a block whose sync is measured: about those of a hundred transactions.
const BLOCK_BYTES: usize = 32 * 1024;

/// Measures all points, and draws the model from them.
pub(super) fn run(
    options: &FiguresOptions,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Point>, BenchError> {
    let began = Instant::now();
    let networks = networks(options);
    let count: usize = networks.iter().map(|network| network.steps.len()).sum();
    let mut points = Vec::new();
    for network in networks {
        let done = points.iter().filter(|point: &&Point| is_measured(point));
        note(&format!(
            "point {} of {count} after {:.0} s: figure {}, {} shards of {} nodes, {} inputs",
            done.count() + 1,
            began.elapsed().as_secs_f64(),
            network.figure.number(),
            network.shards,
            network.nodes,
            network.inputs,
        ));
        points.extend(measure(options, &network, note)?);
    }
    Ok(points)
}

fn is_measured(point: &Point) -> bool {
    matches!(point.series, Series::Ours | Series::Signed)
}

/// The points of one network, and the model that follows from the first.
fn measure(
    options: &FiguresOptions,
    network: &Network,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Point>, BenchError> {
    let stage = Stage {
        directory: options.directory.as_deref(),
        simulated: [false, true]
            .into_iter()
            .flat_map(|signed| objects(network.objects, network.shards, signed))
            .collect(),
        ..Stage::new(&options.program, network.shards, network.nodes)
    };
    stage.play(note, |scene| {
        let mut points = runtime()?.block_on(steps(options, network, &scene, note))?;
        let sync = costs::sync(BLOCK_BYTES, &scene.folder)?;
        let model = points.first().and_then(|point| model(network, point, sync));
        points.extend(model);
        Ok(points)
    })
}

async fn steps(
    options: &FiguresOptions,
    network: &Network,
    scene: &Scene,
    note: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Point>, BenchError> {
    let mut rig = Rig::connect(scene, network.nodes).await?;
    let mut stocks = [false, true].map(|signed| Stock::open(&scene.genesis, signed));
    let meal = |signed| Meal {
        shards: network.shards,
        inputs: network.inputs,
        signed,
        all_votes: options.all_votes,
    };
    if let Some(first) = network.steps.first() {
        let part = network.objects / WARM_UP_PART / network.inputs;
        let until = now().plus_ms(VALID_MS);
        let mut warm = stocks[0].serve(meal(false), part, lanes(first), until)?;
        rig.run(&mut warm, first.arrivals, WARM_UP).await?;
    }
    let mut points = Vec::new();
    for step in &network.steps {
        let signed = step.is_signed();
        let stock = &mut stocks[usize::from(signed)];
        let until = now().plus_ms(VALID_MS);
        let mut load = stock.serve(meal(signed), step.transactions, lanes(step), until)?;
        let concerned = load.concerned();
        let duration = Duration::from_secs(options.seconds);
        let ran = rig.run(&mut load, step.arrivals, duration).await?;
        let point = point(network, step, ran, concerned);
        note(&said(&point));
        points.push(point);
    }
    supply::all_agree(&rig.link, network.nodes).await?;
    Ok(points)
}

/// How many transactions can be under way.
const fn lanes(step: &Step) -> usize {
    use crate::bench::drive::Arrivals;
    match step.arrivals {
        Arrivals::Closed { in_flight } => in_flight,
        Arrivals::Open { .. } => LANES_OPEN,
    }
}

/// What came of a step. Throughput counts from the first certified block on, as the paper's does.
fn point(network: &Network, step: &Step, ran: Ran, concerned: f64) -> Point {
    let Ran {
        mut tally, nodes, ..
    } = ran;
    let committed = tally.latencies.len().max(1) as f64;
    let counted = tally.in_window.saturating_sub(tally.in_lead) as f64;
    let time = tally.window.saturating_sub(tally.lead).as_secs_f64();
    Point {
        per_second: (time > 0.0).then_some(counted / time),
        cpu_ms: Some(nodes.cpu.as_secs_f64() * 1e3 / committed),
        per_block: Some(committed * concerned / tally.blocks.max(1) as f64),
        concerned: Some(concerned),
        latency: quantiles(&mut tally.latencies),
        ..Point::at(network.figure, step.series, step.x)
    }
}

fn said(point: &Point) -> String {
    let latency = point.latency.map(|latency| latency.percentiles[2]);
    format!(
        "  {}: {:.0} per second, {:.3} ms of processors each, p50 {:.0} ms",
        point.series.name(),
        point.per_second.unwrap_or_default(),
        point.cpu_ms.unwrap_or_default(),
        latency.unwrap_or_default(),
    )
}

/// The distribution of some latencies, `None` of none.
pub(super) fn quantiles(latencies: &mut [Duration]) -> Option<Quantiles> {
    latencies.sort_unstable();
    let ms = |latency: &Duration| latency.as_secs_f64() * 1e3;
    let at = |percent: u8| {
        let rank = (latencies.len() * usize::from(percent)).div_ceil(100);
        latencies.get(rank.saturating_sub(1)).map_or(0.0, ms)
    };
    let sum: f64 = latencies.iter().map(ms).sum();
    (!latencies.is_empty()).then(|| Quantiles {
        mean: sum / latencies.len() as f64,
        percentiles: PERCENTILES.map(at),
    })
}

/// What the costs that were measured come to with one host for each node.
fn model(network: &Network, measured: &Point, sync: Duration) -> Option<Point> {
    measured
        .per_second
        .filter(|_| network.figure != super::Figure::Latency)?;
    // What one node spends on its part of a transaction in one shard, its part of the blocks included.
    let parts = network.nodes as f64 * measured.concerned?;
    let hosts = Hosts {
        shards: network.shards,
        inputs: network.inputs,
        in_flight: network.in_flight,
        work: Duration::from_secs_f64(measured.cpu_ms? / 1e3 / parts),
        delay: NODE_DELAY,
        sync,
    };
    Some(Point {
        per_second: Some(hosts.per_second()),
        ..Point::at(network.figure, Series::Model, measured.x)
    })
}
