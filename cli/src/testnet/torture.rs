//! `chainspace testnet torture`: payments while nodes fail, and what must be true afterwards.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testnet::torture::{self, Counts, Listeners, Options, Progress, Report};

use crate::Common;
use crate::exit::{Exit, Failure};
use crate::output::{DOT, Done, Output};

pub(super) const EXAMPLES: &str = "Examples:
  chainspace testnet torture --minutes 2
  chainspace testnet torture --minutes 10 --seed 7
  chainspace testnet torture --minutes 5 --epochs
  chainspace testnet torture --seconds 20 --shards 3 --nodes 7 --json";

#[derive(Debug, clap::Args)]
pub(crate) struct Flags {
    /// For how many minutes nodes fail
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_440))]
    minutes: u64,
    /// For how many seconds, instead of minutes
    #[arg(long, value_name = "S", conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(10..=86_400))]
    seconds: Option<u64>,
    /// What decides which node fails, when and how
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// How many shards
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=16))]
    shards: u32,
    /// How many nodes a shard has
    #[arg(long, value_name = "N", default_value_t = 4)]
    nodes: usize,
    /// Let shards change the seats of their members all the while, and kill members as they do
    #[arg(long)]
    epochs: bool,
}

pub(super) fn run(common: &Common, flags: &Flags, output: &Output) -> Result<Done, Failure> {
    let internal = |what: &str, error: std::io::Error| {
        Failure::new(Exit::Failed, format!("cannot find {what}: {error}"))
    };
    let absolute = |directory: &Path| {
        std::path::absolute(directory).map_err(|error| internal("the directory", error))
    };
    let options = Options {
        program: std::env::current_exe().map_err(|error| internal("this program", error))?,
        directory: common.dir.as_deref().map(absolute).transpose()?,
        shards: flags.shards,
        nodes: flags.nodes,
        duration: Duration::from_secs(flags.seconds.unwrap_or(flags.minutes * 60)),
        seed: flags.seed,
        epochs: flags.epochs,
    };
    let listeners = Listeners {
        progress: &|progress| output.note(line(progress)),
        note: &|text| output.note(text),
        detail: &|text| {
            if common.verbose > 0 {
                output.note(text);
            }
        },
    };
    let report = torture::run(&options, listeners)?;
    let (text, data) = (text(&options, &report), data(&options, &report));
    if report.verdict.broken.is_empty() {
        return Ok(Done { text, data });
    }
    let broken = report.verdict.broken.len();
    let kept = report.kept.as_ref();
    let seed = options.seed;
    Err(Failure {
        hint: kept.map(|kept| format!("the network is kept in {}", kept.display())),
        text,
        data: Box::new(data),
        ..Failure::new(
            Exit::Failed,
            format!("{broken} promises are broken, seed {seed}"),
        )
    })
}

/// How far it is.
fn line(progress: &Progress) -> String {
    let left = progress.left.as_secs();
    let epochs = match progress.epochs {
        0 => String::new(),
        count => format!(" {DOT} {count} epochs begun"),
    };
    format!(
        "{:02}:{:02} left {DOT} {} committed {DOT} {} {DOT} {}{epochs}",
        left / 60,
        left % 60,
        progress.committed,
        aborted(progress),
        faults(&progress.faults),
    )
}

fn aborted(progress: &Progress) -> String {
    let reasons = progress.aborted.iter();
    let reasons: Vec<String> = reasons
        .map(|(why, count)| format!("{why} {count}"))
        .collect();
    let all: u64 = progress.aborted.values().sum();
    match reasons.is_empty() {
        true => "0 aborted".to_owned(),
        false => format!("{all} aborted ({})", reasons.join(", ")),
    }
}

fn faults(counts: &Counts) -> String {
    let Counts {
        kills,
        pauses,
        cuts,
        delays,
    } = counts;
    format!(
        "{} faults ({kills} killed, {pauses} paused, {cuts} cut off, {delays} late)",
        counts.all()
    )
}

fn text(options: &Options, report: &Report) -> String {
    let (progress, verdict) = (&report.progress, &report.verdict);
    let heights: Vec<String> = verdict.heights.iter().map(u64::to_string).collect();
    let supply = verdict
        .supply
        .map_or_else(|| "unknown".to_owned(), |sum| sum.to_string());
    let judged = if verdict.broken.is_empty() {
        "verdict    supply exact, no lock left, one outcome in all shards, one head in each, audited"
            .to_owned()
    } else {
        verdict
            .broken
            .iter()
            .map(|what| format!("broken     {what}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    format!(
        "seed       {}, {} shards of {} nodes, {} s\n\
         payments   {} committed, {}\n\
         faults     {}\n\
         epochs     {} begun\n\
         chains     {} transactions, {} of them across shards; heights {}\n\
         supply     {supply}\n{judged}",
        options.seed,
        options.shards,
        options.nodes,
        options.duration.as_secs(),
        progress.committed,
        aborted(progress),
        faults(&progress.faults),
        progress.epochs,
        verdict.transactions,
        verdict.across,
        heights.join(", "),
    )
}

fn data(options: &Options, report: &Report) -> Value {
    let (progress, verdict) = (&report.progress, &report.verdict);
    let Counts {
        kills,
        pauses,
        cuts,
        delays,
    } = progress.faults;
    json!({
        "seed": options.seed,
        "shards": options.shards,
        "nodes": options.nodes,
        "seconds": options.duration.as_secs(),
        "committed": progress.committed,
        "aborted": progress.aborted,
        "faults": { "kills": kills, "pauses": pauses, "cuts": cuts, "delays": delays },
        "epochs": progress.epochs,
        "transactions": verdict.transactions,
        "across": verdict.across,
        "heights": verdict.heights,
        "supply": verdict.supply.map(|sum| sum.ncsc().to_string()),
        "broken": verdict.broken,
    })
}
