//! `chainspace simulate`: many worlds in which everything goes wrong that may, each from a seed.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use testnet::simulation::{Failure as Broken, Options, Progress, Report, explore};

use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};

/// How often a line is written where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

const EXAMPLES: &str = "Examples:
  chainspace simulate --seeds 2000
  chainspace simulate --seeds 1 --from 41 --nodes 7";

/// Run a shard under faults, from a seed, and check what must always hold
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// How many worlds, each from a seed of its own
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// How many members the shard has: 4 tolerate one liar, 7 two
    #[arg(long, value_name = "N", default_value = "4", value_parser = ["4", "7"])]
    nodes: String,
}

pub(crate) fn run(simulate: &Simulate, output: &Output) -> Result<Done, Failure> {
    let Simulate { seeds, from, nodes } = simulate;
    let end = from.checked_add(*seeds).ok_or_else(|| {
        Failure::usage(format!("there are no {seeds} seeds from {from} on"))
            .hint("the last seed is 18446744073709551614")
    })?;
    let members = if nodes == "7" { 7 } else { 4 };
    let began = Instant::now();
    let mut meter = Meter::new(*seeds, output);
    let report = explore(*from..end, &Options::new(members), None, |progress| {
        meter.show(progress)
    });
    meter.end();
    conclude(simulate, &report, began.elapsed(), output)
}

fn conclude(
    simulate: &Simulate,
    report: &Report,
    took: Duration,
    output: &Output,
) -> Result<Done, Failure> {
    let text = format!(
        "{} worlds of {} nodes held from seed {} on: {} blocks, {} transactions committed, \
         {} crashes, {} events, settled within {} ms of virtual time, {:.1} s",
        report.held,
        simulate.nodes,
        simulate.from,
        report.blocks,
        report.committed,
        report.crashes,
        report.events,
        report.settled_ms_max,
        took.as_secs_f64(),
    );
    let data = data(simulate, report, took);
    let Some(first) = report.failures.first() else {
        return Ok(Done { text, data });
    };
    for broken in &report.failures {
        output.note(format_args!("{broken}\n"));
    }
    let again = format!(
        "see it again with: chainspace simulate --seeds 1 --from {} --nodes {}",
        first.seed, simulate.nodes
    );
    let seeds = report.failures.iter().map(|broken| broken.seed.to_string());
    let message = format!(
        "a rule was broken in {} of {} worlds: seed {}",
        report.failures.len(),
        report.held + report.failures.len() as u64,
        seeds.collect::<Vec<_>>().join(", "),
    );
    Err(Failure {
        text,
        data: Box::new(data),
        ..Failure::new(Exit::Failed, message).hint(again)
    })
}

fn data(simulate: &Simulate, report: &Report, took: Duration) -> Value {
    let failures = report.failures.iter().map(|broken: &Broken| {
        json!({
            "seed": broken.seed, "rule": broken.rule, "how": broken.how, "at_ms": broken.at_ms,
            "trace": broken.trace, "stands": broken.stands,
        })
    });
    json!({
        "from": simulate.from,
        "seeds": simulate.seeds,
        "nodes": simulate.nodes.parse::<u64>().unwrap_or_default(),
        "held": report.held,
        "blocks": report.blocks,
        "committed": report.committed,
        "crashes": report.crashes,
        "events": report.events,
        "settled_ms_max": report.settled_ms_max,
        "milliseconds": took.as_millis(),
        "failures": failures.collect::<Vec<_>>(),
    })
}

/// Shows how far the exploration is: a bar on a terminal, a line now and then elsewhere.
struct Meter<'a> {
    bar: ProgressBar,
    output: &'a Output,
    said: Instant,
}

impl<'a> Meter<'a> {
    fn new(worlds: u64, output: &'a Output) -> Self {
        let bar = ProgressBar::new(worlds);
        let target = if output.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:32} {pos}/{len} worlds, {msg}, {eta} left")
        {
            bar.set_style(style);
        }
        Self {
            bar,
            output,
            said: Instant::now(),
        }
    }

    fn show(&mut self, progress: &Progress) {
        let Progress {
            ended,
            worlds,
            failed,
            blocks,
        } = progress;
        let message = format!("{blocks} blocks, {failed} failed");
        if !self.output.is_live() && self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            self.output
                .note(format_args!("{ended}/{worlds} worlds, {message}"));
        }
        self.bar.set_message(message);
        self.bar.set_position(*ended);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
