//! `chainspace shard`: which shards there are, founding one, changing its nodes, and
//! excluding one that lied.

mod create;
mod object;
mod propose;
mod show;
mod update;

use clap::Subcommand;

use crate::Common;
use crate::exit::Failure;
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace shard list
  chainspace shard show 0
  chainspace shard create a.csd b.csd c.csd d.csd --from alice
  chainspace shard update 2 a b c e.csd --from alice
  chainspace shard object 0 --evidence lie.bin --from alice";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// List the shards of the network
    List(show::List),
    /// Show the nodes of a shard
    Show(show::Show),
    /// Write a proposal for nodes to agree to, for `node consent`
    Propose(propose::Propose),
    /// Found a shard of nodes that agree
    Create(create::Create),
    /// Let a shard go on with another list of nodes
    Update(update::Update),
    /// Exclude a node that lied from its shard
    Object(object::Object),
}

pub(crate) fn run(common: &Common, command: &Command, output: &Output) -> Result<Done, Failure> {
    match command {
        Command::List(list) => show::list(common, list),
        Command::Show(show) => show::show(common, show),
        Command::Propose(propose) => propose::run(common, propose, output),
        Command::Create(create) => create::run(common, create, output),
        Command::Update(update) => update::run(common, update, output),
        Command::Object(object) => object::run(common, object, output),
    }
}
