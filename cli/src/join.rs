//! `chainspace join`: from a network file to a node that is on its way to a seat.

use std::path::PathBuf;

use client::NetworkKind;

use crate::exit::Failure;
use crate::node::{self, Init};
use crate::output::{Done, Output};

const EXAMPLES: &str = "Examples:
  chainspace join network.genesis me --bootnode /dns/a.example.org/tcp/4700
  chainspace join network.genesis me --bootnode /ip4/127.0.0.1/tcp/4700 --name ada";

const ABOUT_TRUST: &str = "Trust:
  The network file says whose signatures count, so it is the one thing to get from somebody you trust.
  Compare the network that this command prints with what others have. Nodes and addresses are believed
  nothing.";

/// Make a node for a network, from its file and the address of one of its nodes
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, after_help = ABOUT_TRUST)]
pub(crate) struct Join {
    /// The genesis document of the network
    #[arg(value_name = "NETWORK-FILE")]
    network: PathBuf,
    /// The folder of the node, which is made if it is not there
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// A node of the network, to begin with
    #[arg(long = "bootnode", value_name = "ADDR")]
    bootnodes: Vec<String>,
    /// A name for people, which no other node of its shard has [default: one made of its key]
    #[arg(long)]
    name: Option<String>,
    /// Where to listen [default: port 4700 on all addresses]
    #[arg(long, value_name = "ADDR")]
    listen: Vec<String>,
    /// Where others reach the node [default: where it listens]
    #[arg(long = "external-addr", value_name = "ADDR")]
    external: Vec<String>,
    /// What the node agrees to when it is asked to become a member: the terms of a shard, or `any`
    #[arg(long = "consent", value_name = "TERMS")]
    consents: Vec<String>,
}

pub(crate) fn run(join: Join, output: &Output) -> Result<Done, Failure> {
    let text = join.network.to_string_lossy();
    if text.contains("://") {
        return Err(Failure::usage(format!("{text} is not a file")).hint(
            "fetch the file first, and compare its hash with what people whom you trust say",
        ));
    }
    let genesis = ::node::load_genesis(&join.network)?;
    output.note(format_args!(
        "Network   {}   {}\n\
         \x20 hash     {}",
        genesis.name,
        NetworkKind::of(&genesis),
        genesis.network(),
    ));
    if join.bootnodes.is_empty() {
        output.warn("without --bootnode the node knows nobody to begin with");
    }
    let wanted = Init {
        folder: join.folder,
        network: join.network,
        name: join.name,
        listen: join.listen,
        external: join.external,
        bootnodes: join.bootnodes,
        consents: join.consents,
    };
    let made = node::init(&wanted, output)?;
    output.note(format_args!(
        "  then     chainspace node run --config {}",
        made.text
    ));
    Ok(made)
}
