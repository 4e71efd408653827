//! `chainspace demo`: what Chainspace is for, shown with real processes.

mod books;
mod host;
mod load;
mod open_network;

use clap::Subcommand;

use crate::exit::Failure;
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace demo open-network
  chainspace demo open-network --json";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Let strangers found a shard, a shard change a member, and a liar be thrown out, while payments go on
    OpenNetwork(open_network::OpenNetwork),
}

pub(crate) fn run(command: &Command, output: &Output) -> Result<Done, Failure> {
    match command {
        Command::OpenNetwork(demo) => open_network::run(demo, output),
    }
}
