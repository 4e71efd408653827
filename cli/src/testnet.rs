//! `chainspace testnet`: a network of real nodes on this machine.

mod announce;
mod line;
mod screen;
mod torture;

use std::io::{self, BufRead, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Subcommand};
use client::Options;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use testnet::local::{self, Endpoint, Layout, NodeState, State};

use self::announce::Announcer;
use crate::exit::{Exit, Failure};
use crate::output::{Done, Output};
use crate::session::{Session, find, runtime};
use crate::{Common, parent};

/// How often the last line of a terminal is written anew.
const BEAT_LIVE: Duration = Duration::from_secs(1);

/// How often a line is written where nobody can rewrite one.
const BEAT: Duration = Duration::from_secs(5);

/// How long a node that was started may take to answer. A program that is not optimized takes longer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 60 } else { 15 });

const EXAMPLES: &str = "Examples:
  chainspace testnet up             start the network of this directory, or make one
  chainspace testnet kill n2        end a node at once, as a power cut would
  chainspace testnet restart n2     start it again
  chainspace testnet partition n1   cut a node off from all others
  chainspace testnet heal           put the cable back
  chainspace testnet byzantine n3 --equivocate
                                    let a node lie, to see it being caught
  chainspace testnet stop           stop all nodes and keep the state
  chainspace testnet reset          start over";

const UP_EXAMPLES: &str = "Examples:
  chainspace testnet up
  chainspace testnet up --nodes 7
  chainspace testnet up --http 4780
  chainspace testnet up --json --ephemeral";

const KILL_EXAMPLES: &str = "Examples:
  chainspace testnet kill n2";

const PAUSE_EXAMPLES: &str = "Examples:
  chainspace testnet pause n2
  chainspace testnet resume n2";

const RESTART_EXAMPLES: &str = "Examples:
  chainspace testnet restart n2";

const PARTITION_EXAMPLES: &str = "Examples:
  chainspace testnet partition n1
  chainspace testnet partition n2 n3
  chainspace testnet heal";

const DELAY_EXAMPLES: &str = "Examples:
  chainspace testnet delay n3 200
  chainspace testnet delay n3 0";

const BYZANTINE_EXAMPLES: &str = "Examples:
  chainspace testnet byzantine n3 --equivocate
  chainspace testnet byzantine n3 --two-heads --false-votes
  chainspace testnet byzantine n3 --honest";

const STOP_EXAMPLES: &str = "Examples:
  chainspace testnet stop
  chainspace testnet stop --dir elsewhere";

const RESET_EXAMPLES: &str = "Examples:
  chainspace testnet reset
  chainspace testnet reset -y";

const ENV_EXAMPLES: &str = "Examples:
  eval \"$(chainspace testnet env)\"";

#[derive(Debug, Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Command {
    /// Start the network of the directory, or make one; Ctrl-C stops it and keeps its state
    #[command(before_help = UP_EXAMPLES)]
    Up(Up),
    /// End a node at once, with SIGKILL
    #[command(before_help = KILL_EXAMPLES)]
    Kill(Node),
    /// Stop a node from running, with SIGSTOP: a machine that has stalled
    #[command(before_help = PAUSE_EXAMPLES)]
    Pause(Node),
    /// Let a paused node run again
    #[command(before_help = PAUSE_EXAMPLES)]
    Resume(Node),
    /// Start a node, after stopping it in order if it runs
    #[command(before_help = RESTART_EXAMPLES)]
    Restart(Node),
    /// Cut nodes off from all others, as if a cable had been pulled; they hear each other
    ///
    /// Connections hang until somebody's patience is over. Commands such as `send` and `status` are
    /// not part of it: they reach the nodes on both sides.
    #[command(before_help = PARTITION_EXAMPLES)]
    Partition {
        /// The nodes on one side; all others are on the other side
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<String>,
    },
    /// Put the cable back: nobody is cut off any more
    #[command(before_help = PARTITION_EXAMPLES)]
    Heal,
    /// Let a node hear all others late
    ///
    /// Commands such as `send` and `status` reach it without delay.
    #[command(before_help = DELAY_EXAMPLES)]
    Delay {
        /// The node, such as n3
        node: String,
        /// By how many milliseconds; 0 ends it
        #[arg(value_name = "MS", value_parser = clap::value_parser!(u32).range(0..=60_000))]
        ms: u32,
    },
    /// Let a node lie on purpose, with its own key, or make it honest again
    ///
    /// What it is asked to do in one command is all that it does: a second command replaces the first.
    /// `chainspace evidence list` says who has proof of it.
    #[command(before_help = BYZANTINE_EXAMPLES)]
    Byzantine(Byzantine),
    /// Stop all nodes and keep the state
    #[command(before_help = STOP_EXAMPLES)]
    Stop,
    /// Stop all nodes and forget everything
    #[command(before_help = RESET_EXAMPLES)]
    Reset {
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    /// Let nodes fail while wallets pay, and check what must be true afterwards
    ///
    /// A network of its own is started and forgotten. Payments among all accounts go into all shards
    /// while nodes are killed, paused, delayed and cut off, in each shard as many at a time as it must
    /// survive. With -v each fault is named when it happens.
    #[command(before_help = torture::EXAMPLES)]
    Torture(torture::Flags),
    /// Print the setting that lets commands find the network from anywhere
    #[command(before_help = ENV_EXAMPLES)]
    Env,
}

/// What network to start.
#[derive(Debug, clap::Args)]
pub(crate) struct Up {
    /// How many shards [default: as many as the network here, or 2]
    #[arg(long, value_name = "K")]
    shards: Option<u32>,
    /// How many nodes a shard has [default: as many as the network here, or 4]
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// How the shards commit what concerns several of them [default: as the network here, or open]
    #[arg(long, value_name = "NAME")]
    profile: Option<Profile>,
    /// Node i listens at this port plus i [default: free ones]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// Node i serves health and metrics at this port plus i [default: no node does]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    http: Option<u16>,
    /// Forget the network when it stops
    #[arg(long)]
    ephemeral: bool,
    /// Stop when the standard input ends: when whoever started the network is gone
    #[arg(long)]
    exit_with_parent: bool,
}

/// [`model::Profile`] as it is named on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Profile {
    /// One shard decides, 2f + 1 nodes speak for a shard: for networks that anybody may join
    Open,
    /// All shards decide by all votes, f + 1 nodes speak for a shard: as in the paper
    Paper,
}

/// Which node is to lie, and about what.
#[derive(Debug, clap::Args)]
#[command(group = ArgGroup::new("about").required(true).multiple(true).args([
    "equivocate", "two_heads", "false_votes", "honest",
]))]
pub(crate) struct Byzantine {
    /// The node, such as n3
    node: String,
    /// Vote for two blocks of one slot, and propose two where it leads
    #[arg(long)]
    equivocate: bool,
    /// Sign two heads at each height
    #[arg(long)]
    two_heads: bool,
    /// Show other shards the opposite of what its shard promises them
    #[arg(long)]
    false_votes: bool,
    /// Lie no more
    #[arg(long, conflicts_with_all = ["equivocate", "two_heads", "false_votes"])]
    honest: bool,
}

/// The node that a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Node {
    /// The node, such as n2
    node: String,
}

pub(crate) fn run(
    common: &Common,
    command: Command,
    output: &Output,
) -> Result<Option<Done>, Failure> {
    match command {
        Command::Up(up) => return start(common, &up, output).map(|()| None),
        Command::Kill(node) => tell(common, node, |node| local::Command::Kill { node }),
        Command::Pause(node) => tell(common, node, |node| local::Command::Pause { node }),
        Command::Resume(node) => tell(common, node, |node| local::Command::Resume { node }),
        Command::Restart(Node { node }) => restart(common, node),
        Command::Partition { nodes } => disturb(common, local::Command::Partition { nodes }),
        Command::Heal => disturb(common, local::Command::Heal),
        Command::Delay { node, ms } => disturb(common, local::Command::Delay { node, ms }),
        Command::Byzantine(byzantine) => tempt(common, byzantine),
        Command::Stop => stop(common),
        Command::Reset { yes } => reset(common, yes, output),
        Command::Torture(flags) => torture::run(common, &flags, output),
        Command::Env => env(common),
    }
    .map(Some)
}

fn start(common: &Common, up: &Up, output: &Output) -> Result<(), Failure> {
    let failed =
        |what: &str, error: io::Error| Failure::new(Exit::Failed, format!("{what}: {error}"));
    let directory = match &common.dir {
        Some(directory) => directory.clone(),
        None => std::env::current_dir()
            .map_err(|error| failed("there is no current directory", error))?,
    };
    let program =
        std::env::current_exe().map_err(|error| failed("cannot find this program", error))?;
    let options = local::Options {
        program,
        shards: up.shards,
        nodes: up.nodes,
        profile: up.profile.map(|profile| match profile {
            Profile::Open => model::Profile::Open,
            Profile::Paper => model::Profile::Paper,
        }),
        port: up.port,
        http: up.http,
        ephemeral: up.ephemeral,
        beat: if output.is_live() { BEAT_LIVE } else { BEAT },
        accounts: Vec::new(),
        simulated: Vec::new(),
        guarded: None,
        block_entries_max: None,
        faults: true,
        directory: std::path::absolute(&directory)
            .map_err(|error| failed("cannot use the directory", error))?,
    };
    if up.exit_with_parent {
        parent::watch(|| {
            // It can only fail if there is no such process, and then there is nothing to stop.
            let _ = kill(Pid::this(), Signal::SIGTERM);
        })?;
    }
    let mut announcer = Announcer::new(output, Layout::of(&options.directory), up.ephemeral);
    let result = runtime()?.block_on(local::up(options, |event| announcer.on(event)));
    announcer.end();
    Ok(result?)
}

/// Tells the supervisor to do something to a node.
fn tell(
    common: &Common,
    Node { node }: Node,
    command: impl FnOnce(String) -> local::Command,
) -> Result<Done, Failure> {
    let layout = find(common)?;
    let endpoint = Endpoint::read(&layout)?;
    endpoint.node(&node)?;
    let states = local::ask(&layout, &endpoint, &command(node))?;
    Ok(states_of(&states))
}

/// Tells the supervisor to do something to the ways between nodes.
fn disturb(common: &Common, command: local::Command) -> Result<Done, Failure> {
    let layout = find(common)?;
    let endpoint = Endpoint::read(&layout)?;
    let nodes = match &command {
        local::Command::Partition { nodes } => nodes.as_slice(),
        local::Command::Delay { node, .. } => std::slice::from_ref(node),
        _ => &[],
    };
    for node in nodes {
        endpoint.node(node)?;
    }
    let states = local::ask(&layout, &endpoint, &command)?;
    Ok(states_of(&states))
}

/// Tells the supervisor what a node is to lie about.
fn tempt(common: &Common, byzantine: Byzantine) -> Result<Done, Failure> {
    let Byzantine {
        node,
        equivocate,
        two_heads,
        false_votes,
        honest: _, // then the others are not there
    } = byzantine;
    let lies = local::Lies {
        equivocate,
        two_heads,
        false_votes,
    };
    tell(common, Node { node }, |node| local::Command::Byzantine {
        node,
        lies,
    })
}

/// Starts a node, and waits until it answers.
fn restart(common: &Common, node: String) -> Result<Done, Failure> {
    let session = Session::find(common)?;
    let id = session.endpoint.node(&node)?.node;
    let command = local::Command::Restart { node: node.clone() };
    let states = local::ask(&session.layout, &session.endpoint, &command)?;
    let client = session.client(Options::default())?;
    session.runtime.block_on(async {
        let answers = async {
            while client.status(&id).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let log = session.layout.log(&node);
        tokio::time::timeout(ANSWER_PATIENCE, answers)
            .await
            .map_err(|_| {
                Failure::new(
                    Exit::Unreachable,
                    format!("{node} was started and does not answer"),
                )
                .hint(format!("its log may say why: {}", log.display()))
            })
    })?;
    Ok(states_of(&states))
}

fn stop(common: &Common) -> Result<Done, Failure> {
    let layout = find(common)?;
    local::stop(&layout)?;
    Ok(directory_of(&layout))
}

fn reset(common: &Common, yes: bool, output: &Output) -> Result<Done, Failure> {
    let layout = find(common)?;
    if !yes {
        confirm(&layout, output)?;
    }
    local::reset(&layout)?;
    Ok(directory_of(&layout))
}

/// Asks whether everything is to be forgotten.
fn confirm(layout: &Layout, output: &Output) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !output.is_live() {
        return Err(
            Failure::usage("there is nobody to ask whether to forget the network")
                .hint("say -y to forget it without being asked"),
        );
    }
    output.note(format_args!(
        "This stops the network in {} and removes everything it holds. Type yes to go on:",
        layout.root().display()
    ));
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "nothing was removed")),
    }
}

fn env(common: &Common) -> Result<Done, Failure> {
    let layout = find(common)?;
    let directory: PathBuf = std::path::absolute(layout.directory()).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot use the directory: {error}"))
    })?;
    let directory = directory.display().to_string();
    let quoted = directory.replace('\'', r"'\''");
    Ok(Done {
        text: format!("export CHAINSPACE_DIR='{quoted}'"),
        data: json!({ "CHAINSPACE_DIR": directory }),
    })
}

fn directory_of(layout: &Layout) -> Done {
    let directory = layout.root().display().to_string();
    Done {
        data: json!({ "directory": directory }),
        text: directory,
    }
}

fn states_of(states: &[NodeState]) -> Done {
    let mut lines = Vec::new();
    let mut nodes: Vec<Value> = Vec::new();
    for node in states {
        let NodeState {
            name,
            pid,
            state,
            cut,
            delay_ms,
            lies,
        } = node;
        let (word, pid_text) = match (state, pid) {
            (State::Running, Some(pid)) => ("running", format!("  process {pid}")),
            (State::Paused, Some(pid)) => ("paused", format!("  process {pid}")),
            _ => ("stopped", String::new()),
        };
        let trouble = trouble(node);
        lines.push(format!("{name}  {word}{pid_text}{trouble}"));
        nodes.push(json!({
            "name": name, "pid": pid, "state": word, "cut": cut, "delay_ms": delay_ms,
            "lies": lies_of(lies),
        }));
    }
    Done {
        text: lines.join("\n"),
        data: json!({ "nodes": nodes }),
    }
}

/// What a node lies about, as the flags of `testnet byzantine` name it.
pub(crate) fn lies_of(lies: &local::Lies) -> Vec<&'static str> {
    let local::Lies {
        equivocate,
        two_heads,
        false_votes,
    } = *lies;
    let told = [
        (equivocate, "equivocate"),
        (two_heads, "two-heads"),
        (false_votes, "false-votes"),
    ];
    let told = told.into_iter().filter(|(told, _)| *told);
    told.map(|(_, lie)| lie).collect()
}

/// What is wrong with a node and its ways to others, behind what else is said of it.
pub(crate) fn trouble(state: &NodeState) -> String {
    let mut trouble = String::new();
    if state.cut {
        trouble.push_str(", cut off");
    }
    if state.delay_ms > 0 {
        trouble.push_str(&format!(", {} ms late", state.delay_ms));
    }
    if !state.lies.is_honest() {
        trouble.push_str(", lies on purpose");
    }
    trouble
}
