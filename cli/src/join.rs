//! `chainspace join`: from a network file, or the address of one, to a node that is on its way to a seat.

mod fetch;
mod progress;

use std::path::Path;

use ::node::config::{Flag, Given, Sources};
use client::NetworkKind;
use model::bounds::ADDRESSES_MAX;
use model::{Genesis, NetworkId};

use crate::Common;
use crate::exit::Failure;
use crate::node::{self, Wanted};
use crate::output::{Done, Output};

use progress::Progress;

const EXAMPLES: &str = "Examples:
  chainspace join network.genesis me --bootnode /dns/a.example.org/tcp/4700
  chainspace join network.genesis me --bootnode /ip4/127.0.0.1/tcp/4700 --name ada --run
  chainspace join https://a.example.org/network me --bootnode /dns/a.example.org/tcp/4700 --genesis-hash \
 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const ABOUT_TRUST: &str = "Trust:
  The network file says whose signatures count, so it is the one thing to get from somebody you trust.
  Whoever serves it chooses the network, unless --genesis-hash says which one it has to be: compare the
  hash that this command prints with what others have. Nodes and addresses are believed nothing.";

/// The log of a node that is watched: its progress is told otherwise.
const QUIET_LOG: &str = "warn";

/// Addresses from the network file at which the network is looked for if the user names none.
const BOOTNODES_MAX: usize = 4 * ADDRESSES_MAX;

/// Make a node for a network, from its file and the address of one of its nodes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = ABOUT_TRUST)]
pub(crate) struct Join {
    /// The genesis document of the network: a file, or an address such as https://a.example.org/network
    #[arg(value_name = "NETWORK-FILE-OR-URL")]
    network: String,
    #[command(flatten)]
    wanted: Wanted,
    /// The hash that the document has to have
    #[arg(long, value_name = "HASH")]
    genesis_hash: Option<NetworkId>,
    /// Start the node at once, and say how far it gets
    #[arg(long)]
    run: bool,
    /// Stop when the standard input ends: when whoever started the node is gone
    #[arg(long, hide = true, requires = "run")]
    exit_with_parent: bool,
}

impl Join {
    /// Whether the process becomes a node.
    pub(crate) const fn runs(&self) -> bool {
        self.run
    }
}

pub(crate) fn run(common: &Common, join: Join, output: &Output) -> Result<Option<Done>, Failure> {
    let Join {
        network,
        mut wanted,
        genesis_hash,
        run,
        exit_with_parent,
    } = join;
    node::refuse_node(&wanted.folder)?;
    let genesis = fetch::network_file(&network, genesis_hash)?;
    say_which(&genesis, output);
    if fetch::is_url(&network)? && genesis_hash.is_none() {
        output.warn(format_args!(
            "whoever serves {network} has chosen this network; compare its hash with what others have, or \
             have it compared: --genesis-hash"
        ));
    }
    if wanted.bootnodes.is_empty() {
        wanted.bootnodes = listed(&genesis);
    }
    if wanted.bootnodes.is_empty() {
        output.warn("without --bootnode the node knows nobody to begin with");
    }
    let made = node::make(&genesis, &wanted, output)?;
    if !run {
        output.note(format_args!(
            "  then     chainspace node run --config {}",
            made.text
        ));
        return Ok(Some(made));
    }
    output.event(&made.data);
    start(common, Path::new(&made.text), exit_with_parent, output)
}

/// Says which network it is.
fn say_which(genesis: &Genesis, output: &Output) {
    let (kind, hash) = (NetworkKind::of(genesis), genesis.network());
    output.note(format_args!("Network   {}   {kind}", genesis.name));
    output.note(format_args!("  hash     {hash}"));
}

/// Addresses of nodes that the document itself names, the first of each shard first.
fn listed(genesis: &Genesis) -> Vec<String> {
    let seats = genesis.shards.iter().map(|shard| shard.members.len()).max();
    let by_seat = (0..seats.unwrap_or(0)).flat_map(|seat| {
        let members = genesis
            .shards
            .iter()
            .filter_map(move |shard| shard.members.get(seat));
        members.flat_map(|member| member.addresses.iter().cloned())
    });
    by_seat.take(BOOTNODES_MAX).collect()
}

/// Runs the node that was made, and says how far it gets.
fn start(
    common: &Common,
    config: &Path,
    exit_with_parent: bool,
    output: &Output,
) -> Result<Option<Done>, Failure> {
    let mut sources = Sources::of_process(config)?;
    if common.verbose == 0 {
        sources.flags.push(Flag {
            name: "--run".to_owned(),
            key: "log.filter".to_owned(),
            value: Given::Text(QUIET_LOG.to_owned()),
        });
    }
    let loaded = sources.load()?;
    std::thread::scope(|threads| {
        node::run_until_stopped(common, &loaded, exit_with_parent, |outlook| {
            let progress = Progress::new(outlook, output);
            let thread = std::thread::Builder::new().name("progress".into());
            thread
                .spawn_scoped(threads, || progress.tell())
                .map(drop)
                .map_err(node::cannot_start)
        })
    })
}
