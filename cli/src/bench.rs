//! `chainspace bench`: how fast it is on this machine, and how fast it could be.

mod agreement;
mod catch_up;
mod figures;
mod flood;
mod transfers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};
use testnet::bench::{BenchError, Latency};

use crate::Common;
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace bench transfers
  chainspace bench transfers --rate 1000 --seconds 20 --json
  chainspace bench agreement
  chainspace bench catch-up --blocks 10000
  chainspace bench flood --seconds 6
  chainspace bench figures --out figures --quick";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Pay from many accounts on a network of real processes that lasts as long as the measurement
    #[command(before_help = transfers::EXAMPLES)]
    Transfers(transfers::Flags),
    /// Order opaque actions by the agreement alone, with durable votes and without
    #[command(before_help = agreement::EXAMPLES)]
    Agreement(agreement::Flags),
    /// Measure how long a node that was away needs until it takes part again
    #[command(before_help = catch_up::EXAMPLES)]
    CatchUp(catch_up::Flags),
    /// Measure how fast members are while strangers flood them, and what memory they take
    #[command(before_help = flood::EXAMPLES)]
    Flood(flood::Flags),
    /// Flood a network that is being measured; `bench flood` starts it
    #[command(before_help = flood::FLOODER_EXAMPLES, hide = true)]
    Flooder(flood::FlooderFlags),
    /// Measure Figures 6 to 9 of the paper, and draw them beside its own results
    #[command(before_help = figures::EXAMPLES)]
    Figures(figures::Flags),
}

pub(crate) fn run(
    common: &Common,
    command: &Command,
    output: &Output,
) -> Result<Option<Done>, Failure> {
    match command {
        Command::Transfers(flags) => transfers::run(common, flags, output).map(Some),
        Command::Agreement(flags) => agreement::run(common, flags, output).map(Some),
        Command::CatchUp(flags) => catch_up::run(common, flags, output).map(Some),
        Command::Flood(flags) => flood::run(common, flags, output).map(Some),
        Command::Flooder(flags) => flood::run_flooder(common, flags, output).map(|()| None),
        Command::Figures(flags) => figures::run(common, flags, output).map(Some),
    }
}

/// How transactions that cross shards are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// By the shard of the first input, when the others have voted
    Decider,
    /// By each shard from all votes, as in the paper
    AllVotes,
}

/// This program: what the nodes are processes of.
fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot find this program: {error}")))
}

fn absolute(directory: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(directory)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot use the directory: {error}")))
}

fn latency_data(latency: &Latency) -> Value {
    json!({
        "p50": ms(latency.p50), "p95": ms(latency.p95), "p99": ms(latency.p99),
        "max": ms(latency.max),
    })
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn us(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Self {
        match error {
            BenchError::Local(error) => error.into(),
            BenchError::NotEmpty(_) => {
                Self::usage(error.to_string()).hint("name an empty directory, or none")
            }
            BenchError::Options(_) => Self::usage(error.to_string()),
            error => Self::new(Exit::Failed, error.to_string()),
        }
    }
}
