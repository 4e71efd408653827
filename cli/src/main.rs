//! The one program of Chainspace: nodes, local networks, payments and their proofs.
//!
//! This crate is a thin tree of commands over `node`, `client` and `testnet`, one file for each
//! noun. A command gets an [`Output`] to talk to whoever watches, and returns either what it has to
//! say on stdout or a [`Failure`]; how that is written, and with which exit code the process ends, is
//! decided in [`output`] and [`exit`] for all of them.

mod account;
mod bench;
mod config;
mod deal;
mod demo;
mod doctor;
mod evidence;
mod exit;
mod explore;
mod join;
mod log;
mod near;
mod node;
mod output;
mod own;
mod parent;
mod peers;
mod receipt;
mod send;
mod session;
mod shard;
mod simulate;
mod status;
mod table;
mod testnet;
#[cfg(test)]
mod tests;
mod tx;
mod watchdog;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::exit::Failure;
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace testnet up                       start four nodes and ten funded accounts
  chainspace send 5 bob --from alice --watch  pay, and see it being decided
  chainspace account list                     who has what
  chainspace status                           how the nodes are";

const EXIT_CODES: &str = "Exit codes:
  0   done; for a payment: committed
  1   failed, for a reason that no other code says
  2   the command line is wrong, or names what does not exist
  10  aborted by a shard
  11  the outcome is not known yet: running the same command again is safe
  12  not enough money
  13  the network, or the node that was named, cannot be reached
  14  the nodes are of another network
  15  there is no key to sign with
  20  a proof does not verify";

/// A distributed ledger of shards, and proofs that anybody can check
#[derive(Debug, Parser)]
#[command(name = "chainspace", version, before_help = EXAMPLES, after_help = EXIT_CODES)]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Args)]
struct Common {
    /// The directory of the network [default: this one, or the nearest above it that has one]
    #[arg(long, global = true, value_name = "DIR", env = "CHAINSPACE_DIR")]
    dir: Option<PathBuf>,
    /// Write the result as one JSON envelope on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Say nothing on stderr
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more on stderr; twice: still more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a network of real nodes on this machine
    #[command(subcommand)]
    Testnet(testnet::Command),
    /// Make a node for a network, from its file and the address of one of its nodes
    Join(join::Join),
    /// Run one node, and say what it is
    #[command(subcommand)]
    Node(node::Command),
    /// Look at the configuration of a node
    #[command(subcommand)]
    Config(config::Command),
    /// Find out what keeps a node from running well, and what to do about it
    Doctor(doctor::Doctor),
    /// Look at shards, found them, and exclude nodes that lied
    #[command(subcommand)]
    Shard(shard::Command),
    /// Look at proofs that a node lied
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Pay
    Send(send::Send),
    /// Look at accounts
    #[command(subcommand)]
    Account(account::Command),
    /// Look at transactions
    #[command(subcommand)]
    Tx(tx::Command),
    /// Check receipts, without a network
    #[command(subcommand)]
    Receipt(receipt::Command),
    /// Say how the nodes are
    Status(status::Status),
    /// Show whom a node is connected with
    Peers(peers::Peers),
    /// Measure how fast it is on this machine
    #[command(subcommand)]
    Bench(bench::Command),
    /// See with your own eyes what Chainspace is for
    #[command(subcommand)]
    Demo(demo::Command),
    /// Run a shard under faults, from a seed, and check what must always hold
    Simulate(simulate::Simulate),
    /// Explore everything that can happen within a bound
    #[command(subcommand)]
    Explore(explore::Command),
}

impl Command {
    /// Whether the process becomes a node.
    const fn runs_a_node(&self) -> bool {
        match self {
            Self::Node(node::Command::Run { .. }) => true,
            Self::Join(join) => join.runs(),
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = match Cli::try_parse_from(&arguments) {
        Ok(Cli { common, command }) => {
            // A node logs as its configuration says, which has to be read first.
            if !command.runs_a_node() {
                log::to_stderr(&common);
            }
            let output = Output::new(common.json, common.quiet);
            let result = run(&common, command, &output);
            output.finish(result)
        }
        Err(error) => refuse(&error, &arguments),
    };
    ExitCode::from(exit.code())
}

fn run(common: &Common, command: Command, output: &Output) -> Result<Option<Done>, Failure> {
    match command {
        Command::Testnet(command) => testnet::run(common, command, output),
        Command::Join(join) => join::run(common, join, output),
        Command::Node(command) => node::run(common, command, output),
        Command::Shard(command) => shard::run(common, &command, output).map(Some),
        Command::Config(command) => config::run(command).map(Some),
        Command::Doctor(doctor) => doctor::run(common, doctor).map(Some),
        Command::Send(command) => send::run(common, &command, output).map(Some),
        Command::Account(command) => account::run(common, &command, output).map(Some),
        Command::Tx(command) => tx::run(common, &command, output).map(Some),
        Command::Receipt(command) => receipt::run(common, &command, output).map(Some),
        Command::Evidence(command) => evidence::run(common, &command, output).map(Some),
        Command::Status(command) => status::run(common, &command, output),
        Command::Peers(command) => peers::run(common, &command).map(Some),
        Command::Bench(command) => bench::run(common, &command, output),
        Command::Demo(command) => demo::run(&command, output).map(Some),
        Command::Simulate(command) => simulate::run(&command, output).map(Some),
        Command::Explore(command) => explore::run(&command, output).map(Some),
    }
}

/// Answers a command line that is no command: with help if that was asked for, or else with what is
/// wrong with it.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> exit::Exit {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // A reader that has gone away has read enough.
        let _ = error.print();
        return exit::Exit::Done;
    }
    let json = arguments.iter().any(|argument| argument == "--json");
    let text = error.to_string();
    let (message, hint) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = message.trim_start_matches("error: ").trim();
    let mut failure = Failure::usage(message);
    if !hint.trim().is_empty() {
        failure = failure.hint(hint.trim());
    }
    Output::new(json, false).finish(Err(failure))
}
