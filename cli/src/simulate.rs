//! `chainspace simulate`: many worlds in which everything goes wrong that may, each from a seed.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value, json};
use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Failure as Broken, Modes, Options, Progress, Report, Worlds, explore};

use crate::exit::{Exit, Failure};
use crate::near;
use crate::output::{Done, Output};

/// How often a line is written where there is no bar.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// How many worlds there are if nobody says how many, or for how long.
const SEEDS: u64 = 100;

/// How many shards a world may have. More shards try nothing that a few do not.
const SHARDS_MAX: u64 = 6;

/// How often shards change their members in one world, at most.
const CHANGES_MAX: u64 = 3;

/// What a name of an adversary may be beside those of the kinds.
const ALL: &str = "all";
const NONE: &str = "none";

const EXAMPLES: &str = "Examples:
  chainspace simulate --seeds 2000
  chainspace simulate --minutes 60 --adversary all --faults
  chainspace simulate --shards 3 --mode decider
  chainspace simulate --shards 2 --epochs --adversary none
  chainspace simulate --shards 3 --adversary shard-equivocator
  chainspace simulate --seeds 1 --from 41 --nodes 7 --adversary twins";

/// Run shards under faults, from a seed, and check what must always hold
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Simulate {
    /// How many worlds, each from a seed of its own [default: 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "minutes")]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// How many shards there are
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=SHARDS_MAX))]
    shards: u64,
    /// How transactions of several shards are decided: by all votes, as in the paper, by one shard that
    /// votes last, or some so and some so
    #[arg(long, value_name = "MODE", default_value = "any", value_parser = ["all-votes", "decider", "any"])]
    mode: String,
    /// How many members each shard has: 4 tolerate one liar, 7 two
    #[arg(long, value_name = "N", default_value = "4", value_parser = ["4", "7"])]
    nodes: String,
    /// Who lies: as many as may, of this kind; of each kind in turn with `all`; nobody with `none`. With
    /// a name that begins with `shard-`, and with `bundle-forger`, it is the whole last of several shards.
    /// Without it, each seed decides whether any members lie, and how
    #[arg(long, value_name = "NAME|all|none")]
    adversary: Option<String>,
    /// Also the faults that are rare: disks that are full, cannot sync or rot, clocks that jump,
    /// partitions that move, nodes that come back with an old disk or an empty one. Without it: late,
    /// lost and doubled messages, partitions, crashes and losses of power, clocks that are off
    #[arg(long)]
    faults: bool,
    /// Also shards that change their members: up to three times, nodes join, leave, or are excluded
    #[arg(long)]
    epochs: bool,
    /// For how long, one world after another
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: Option<u64>,
}

pub(crate) fn run(simulate: &Simulate, output: &Output) -> Result<Done, Failure> {
    let worlds = simulate.worlds()?;
    let began = Instant::now();
    let limit = simulate
        .minutes
        .map(|minutes| Duration::from_secs(60 * minutes));
    let mut meter = Meter::new(&worlds, limit, output);
    let report = explore(&worlds, None, |progress| {
        let took = began.elapsed();
        meter.show(progress, took);
        limit.is_none_or(|limit| took < limit)
    });
    meter.end();
    conclude(simulate, &report, began.elapsed(), output)
}

impl Simulate {
    fn worlds(&self) -> Result<Worlds, Failure> {
        let count = match (self.seeds, self.minutes) {
            (None, Some(_)) => u64::MAX - self.from,
            (seeds, _) => seeds.unwrap_or(SEEDS),
        };
        let end = self.from.checked_add(count).ok_or_else(|| {
            Failure::usage(format!("there are no {count} seeds from {} on", self.from))
                .hint("the last seed is 18446744073709551614")
        })?;
        let nodes = if self.nodes == "7" { 7 } else { 4 };
        let options = if self.faults {
            Options::with_all_faults(nodes)
        } else {
            Options::new(nodes)
        };
        let options = if self.epochs {
            options.changing(CHANGES_MAX)
        } else {
            options
        };
        let (casting, each_kind) = match self.adversary.as_deref() {
            None | Some(ALL) => (Casting::Any, self.adversary.is_some()),
            Some(NONE) => (Casting::Nobody, false),
            Some(name) => (Casting::All(self.kind(name)?), false),
        };
        Ok(Worlds {
            seeds: self.from..end,
            options: Options {
                shards: usize::try_from(self.shards).unwrap_or(1),
                modes: modes(&self.mode),
                casting,
                ..options
            },
            each_kind,
        })
    }

    /// The kind of adversary that people call so, if it has others to lie to.
    fn kind(&self, name: &str) -> Result<Kind, Failure> {
        let kind = kind(name)?;
        if kind.is_shard() && self.shards < 2 {
            let failure =
                Failure::usage(format!("{kind} is a whole shard, and there is one shard"));
            return Err(failure.hint("say --shards 3, so that two honest ones are left"));
        }
        Ok(kind)
    }

    /// The options that show the world of one seed again.
    fn again(&self, seed: u64) -> String {
        let mut line = format!(
            "chainspace simulate --seeds 1 --from {seed} --nodes {}",
            self.nodes
        );
        if self.shards > 1 {
            line.push_str(&format!(" --shards {} --mode {}", self.shards, self.mode));
        }
        if let Some(name) = &self.adversary {
            line.push_str(&format!(" --adversary {name}"));
        }
        if self.faults {
            line.push_str(" --faults");
        }
        if self.epochs {
            line.push_str(" --epochs");
        }
        line
    }
}

/// How transactions of several shards are decided.
fn modes(name: &str) -> Modes {
    match name {
        "all-votes" => Modes::AllVotes,
        "decider" => Modes::Decider,
        _ => Modes::Any,
    }
}

/// The kind of adversary that people call so.
fn kind(name: &str) -> Result<Kind, Failure> {
    name.parse().map_err(|unknown| {
        let members = Kind::ALL
            .iter()
            .chain(&Kind::ACROSS)
            .chain(&Kind::OF_EPOCHS);
        let kinds = members.chain(&Kind::SHARDS);
        let mut known: Vec<String> = kinds.map(Kind::to_string).collect();
        known.extend([ALL, NONE].map(str::to_owned));
        let failure = Failure::usage(format!("{unknown}"));
        let names = known.join(", ");
        match near::nearest(name, &known) {
            Some(meant) => failure.hint(format!("did you mean {meant}? There are {names}")),
            None => failure.hint(format!("there are {names}")),
        }
    })
}

fn conclude(
    simulate: &Simulate,
    report: &Report,
    took: Duration,
    output: &Output,
) -> Result<Done, Failure> {
    let text = text(simulate, report, took);
    let data = data(simulate, report, took);
    let Some(first) = report.failures.first() else {
        return Ok(Done { text, data });
    };
    for broken in &report.failures {
        output.note(format_args!("{broken}\n"));
    }
    let again = format!("see it again with: {}", simulate.again(first.seed));
    let seeds = report.failures.iter().map(|broken| broken.seed.to_string());
    let message = format!(
        "a rule was broken in {} of {} worlds: seed {}",
        report.failures.len(),
        ended(report),
        seeds.collect::<Vec<_>>().join(", "),
    );
    Err(Failure {
        text,
        data: Box::new(data),
        ..Failure::new(Exit::Failed, message).hint(again)
    })
}

const fn ended(report: &Report) -> u64 {
    report.held + report.failures.len() as u64
}

/// Worlds that ended in a second.
fn per_second(report: &Report, took: Duration) -> f64 {
    ended(report) as f64 / took.as_secs_f64().max(f64::EPSILON)
}

fn text(simulate: &Simulate, report: &Report, took: Duration) -> String {
    let faults = report.faults.iter().filter(|(_, count)| *count > 0);
    let faults: Vec<String> = faults
        .map(|(fault, count)| format!("{fault} {count}"))
        .collect();
    let faults = if faults.is_empty() {
        "none".to_owned()
    } else {
        faults.join(", ")
    };
    format!(
        "{} worlds of {}{} nodes held from seed {} on: {} blocks, {} transactions committed, \
         {} crashes, {} lies, {} events, {} states seen, settled within {} ms of virtual time, \
         {:.1} s, {:.1} worlds/s\nfaults: {faults}",
        report.held,
        match simulate.shards {
            1 => String::new(),
            shards => format!("{shards} shards of "),
        },
        simulate.nodes,
        simulate.from,
        report.blocks,
        report.committed,
        report.crashes,
        report.lies,
        report.events,
        report.states.len(),
        report.settled_ms_max,
        took.as_secs_f64(),
        per_second(report, took),
    )
}

fn data(simulate: &Simulate, report: &Report, took: Duration) -> Value {
    let failures = report.failures.iter().map(|broken: &Broken| {
        json!({
            "seed": broken.seed, "rule": broken.rule, "how": broken.how, "at_ms": broken.at_ms,
            "again": simulate.again(broken.seed), "trace": broken.trace, "stands": broken.stands,
        })
    });
    let faults = report.faults.iter();
    let faults: Map<String, Value> = faults
        .map(|(fault, count)| (fault.to_string(), json!(count)))
        .collect();
    json!({
        "from": simulate.from,
        "seeds": ended(report),
        "shards": simulate.shards,
        "mode": simulate.mode,
        "nodes": simulate.nodes.parse::<u64>().unwrap_or_default(),
        "adversary": simulate.adversary,
        "held": report.held,
        "blocks": report.blocks,
        "committed": report.committed,
        "crashes": report.crashes,
        "lies": report.lies,
        "events": report.events,
        "states": report.states.len(),
        "faults": faults,
        "settled_ms_max": report.settled_ms_max,
        "milliseconds": took.as_millis(),
        "worlds_per_second": per_second(report, took),
        "failures": failures.collect::<Vec<_>>(),
    })
}

/// Shows how far the exploration is: a bar on a terminal, a line now and then elsewhere.
struct Meter<'a> {
    bar: ProgressBar,
    output: &'a Output,
    /// For how long worlds are explored, if not for so many.
    limit: Option<Duration>,
    said: Instant,
}

impl<'a> Meter<'a> {
    fn new(worlds: &Worlds, limit: Option<Duration>, output: &'a Output) -> Self {
        let count = worlds.seeds.end - worlds.seeds.start;
        let length = limit.map_or(count, |limit| limit.as_secs());
        let bar = ProgressBar::new(length);
        let target = if output.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        bar.set_draw_target(target);
        let template = match limit {
            Some(_) => "{bar:32} {pos}/{len} s, {msg}",
            None => "{bar:32} {pos}/{len} worlds, {msg}, {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self {
            bar,
            output,
            limit,
            said: Instant::now(),
        }
    }

    fn show(&mut self, progress: &Progress, took: Duration) {
        let Progress {
            ended,
            worlds,
            failed,
            blocks,
        } = progress;
        let (position, far) = match self.limit {
            Some(limit) => {
                let (took, limit) = (took.as_secs(), limit.as_secs());
                (took, format!("{took}/{limit} s, {ended} worlds"))
            }
            None => (*ended, format!("{ended}/{worlds} worlds")),
        };
        let message = format!("{blocks} blocks, {failed} failed");
        if !self.output.is_live() && self.said.elapsed() >= LINE_EVERY {
            self.said = Instant::now();
            self.output.note(format_args!("{far}, {message}"));
        }
        self.bar.set_message(message);
        self.bar.set_position(position);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
