//! `chainspace explore agreement`: everything that can happen to a small shard, one state after another.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testnet::exploration::{Bound, Broken, Hearing, Report, explore};

use super::{Meter, STATES};
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace explore agreement
  chainspace explore agreement --slots 2 --liars 1
  chainspace explore agreement --slots 2 --liars 1,2";

/// A shard of four, with a liar among it, and whatever order messages and time-outs come in
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Agreement {
    /// Slots in which something may happen
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=3))]
    slots: u64,
    /// States to look at, for each liar
    #[arg(long, value_name = "N", default_value_t = STATES, value_parser = clap::value_parser!(u64).range(1..))]
    states: u64,
    /// Which seats lie together, 0 to 3: two are too many, they fork and are named [default: each seat in
    /// turn, one liar at a time]
    #[arg(long, value_name = "SEAT", value_delimiter = ',', value_parser = clap::value_parser!(u8).range(0..=3))]
    liars: Vec<u8>,
}

pub(super) fn run(agreement: &Agreement, output: &Output) -> Result<Done, Failure> {
    let mut explored = Vec::new();
    for liars in casts(&agreement.liars)? {
        let began = Instant::now();
        let mut meter = Meter::new(format!("nodes {liars:?} lie"), output);
        let bound = Bound {
            liars: liars.clone(),
            slots: agreement.slots,
            hearing: Hearing::Certificates,
            states_max: usize::try_from(agreement.states).unwrap_or(usize::MAX),
        };
        let found = explore(&bound, |progress| meter.show(progress));
        let report = found.map_err(|broken| refuse(&liars, &broken, output))?;
        let took = began.elapsed();
        output.note(format_args!("{}", sentence(&liars, &report, took)));
        for line in &report.first_fork {
            output.note(format_args!("  {line}"));
        }
        explored.push((liars, report, took));
    }
    let sentences = explored
        .iter()
        .map(|(liars, report, took)| sentence(liars, report, *took));
    Ok(Done {
        text: sentences.collect::<Vec<_>>().join("\n"),
        data: json!({
            "slots": agreement.slots,
            "explored": explored
                .iter()
                .map(|(liars, report, took)| data(liars, report, *took))
                .collect::<Vec<_>>(),
        }),
    })
}

/// Who lies, one exploration after another.
fn casts(liars: &[u8]) -> Result<Vec<Vec<usize>>, Failure> {
    if liars.is_empty() {
        return Ok((0..4).map(|seat| vec![seat]).collect());
    }
    let mut seats: Vec<usize> = liars.iter().copied().map(usize::from).collect();
    seats.sort_unstable();
    seats.dedup();
    if seats.len() > 2 {
        return Err(Failure::usage("three liars of four are a quorum")
            .hint("name two seats at most: two fork the chain, and each fork names them"));
    }
    Ok(vec![seats])
}

fn sentence(liars: &[usize], report: &Report, took: Duration) -> String {
    let extent = if report.exhausted { "all" } else { "the first" };
    format!(
        "nodes {liars:?} lie: every rule holds in {extent} {} states, {} moves, {} decided, \
         {} forks, {} calls of the replica, {:.1} s",
        report.states,
        report.moves,
        report.decided,
        report.forks,
        report.steps,
        took.as_secs_f64(),
    )
}

fn data(liars: &[usize], report: &Report, took: Duration) -> Value {
    json!({
        "liars": liars,
        "exhausted": report.exhausted,
        "states": report.states,
        "moves": report.moves,
        "decided": report.decided,
        "forks": report.forks,
        "proofs": report.proofs,
        "steps": report.steps,
        "milliseconds": took.as_millis(),
        "first_fork": report.first_fork,
    })
}

fn refuse(liars: &[usize], broken: &Broken, output: &Output) -> Failure {
    output.note(format_args!("{broken}\n"));
    let message = format!(
        "a rule was broken with nodes {liars:?} lying: {}",
        broken.how
    );
    let data = json!({ "liars": liars, "how": broken.how, "story": broken.story });
    Failure {
        data: Box::new(data),
        ..Failure::new(Exit::Failed, message)
    }
}
