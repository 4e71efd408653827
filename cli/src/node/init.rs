//! `chainspace node init`: the keys and the configuration of a new node.
//!
//! Nothing that is there is ever overwritten: a member key that is lost is a seat that is lost.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use client::NetworkKind;
use client::address::{self, Kind};
use client::paper::is_reachable;
use model::{Genesis, NodeId};
use node::signer::{MemberKey, peer_name};
use node::{Consents, Fatal};
use serde_json::json;

use crate::exit::{Exit, Failure};
use crate::output::{DONE, Done, Output};

/// The files of a node, beside each other.
const CONFIG: &str = "node.toml";
const GENESIS: &str = "genesis.bin";
const MEMBER_KEY: &str = "member.key";
const NETWORK_KEY: &str = "network.key";
const DATA: &str = "data";

/// Where a node listens unless it is told.
const LISTEN: &str = "/ip4/0.0.0.0/tcp/4700";

/// What comes first in the configuration.
const HEADER: &str = "# Made by `chainspace node init`. Paths are relative to this file.
# `consents` is what the node agrees to when it is asked to become a member: hashes of terms, or \"any\".
# `approves` are the lists of nodes that it is for when its shard is to replace its own: likewise.
approves = []

";

/// What comes last in the configuration of a node that listens for nobody but its own machine.
const ON_ONE_MACHINE: &str = "
# All other nodes of a network on one machine have the same address, so the limits by address would meet
# them. A node that others can reach must not have this.
exempt_loopback = true
";

const EXAMPLES: &str = "Examples:
  chainspace node init --network genesis.bin
  chainspace node init me --network genesis.bin --name ada --external-addr /dns/ada.example.org/tcp/4700
  chainspace node init me --network genesis.bin --listen /ip4/127.0.0.1/tcp/4700";

/// Make the keys and the configuration of a new node
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Init {
    /// The genesis document of the network
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    #[command(flatten)]
    wanted: Wanted,
}

/// What a user says of a new node.
#[derive(Debug, clap::Args)]
pub(crate) struct Wanted {
    /// The folder of the node, which is made if it is not there
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// A name for people, which no other node of its shard has [default: one made of its key]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Where to listen [default: port 4700 on all addresses]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Where others reach the node [default: where it listens]
    #[arg(long = "external-addr", value_name = "ADDR")]
    pub(crate) external: Vec<String>,
    /// A node of the network, to begin with
    #[arg(long = "bootnode", value_name = "ADDR")]
    pub(crate) bootnodes: Vec<String>,
    /// What the node agrees to when it is asked to become a member: the terms of a shard, or `any`
    #[arg(long = "consent", value_name = "TERMS")]
    pub(crate) consents: Vec<String>,
}

pub(crate) fn run(init: &Init, output: &Output) -> Result<Done, Failure> {
    let genesis = node::load_genesis(&init.network)?;
    make(&genesis, &init.wanted, output)
}

/// Refuses a folder in which there is a node.
pub(crate) fn refuse_node(folder: &Path) -> Result<(), Failure> {
    let names = [CONFIG, MEMBER_KEY, NETWORK_KEY];
    let Some(name) = names.iter().find(|name| folder.join(name).exists()) else {
        return Ok(());
    };
    let found = format!("there is a node in {} already: {name}", folder.display());
    Err(Failure::usage(found).hint(format!(
        "nothing was changed; start that node by `chainspace node run --config {}`, or choose another \
         folder",
        folder.join(CONFIG).display()
    )))
}

/// Makes a node for the network with this document.
pub(crate) fn make(genesis: &Genesis, wanted: &Wanted, output: &Output) -> Result<Done, Failure> {
    check(wanted, NetworkKind::of(genesis))?;
    let folder = &wanted.folder;
    let file = |name: &str| folder.join(name);
    refuse_node(folder)?;
    fs::create_dir_all(folder).map_err(|error| failed("make the folder", folder, &error))?;
    copy_genesis(genesis, &file(GENESIS))?;
    let key = MemberKey::create(&file(MEMBER_KEY)).map_err(Fatal::from)?;
    let peer = peer_name(&file(NETWORK_KEY)).map_err(Fatal::from)?;
    let node = key.node();
    let name = wanted.name.clone().unwrap_or_else(|| name_of(&node));
    write_new(&file(CONFIG), &configuration(wanted, &name))?;
    let address = address::format(Kind::Node, NetworkKind::of(genesis), node.key().as_bytes());
    let config = file(CONFIG).display().to_string();
    output.note(format_args!(
        "{} node {name}   {address}   peer {peer}\n\
         \x20 keys     {}: keep it safe, losing it loses the seat\n\
         \x20 next     chainspace node descriptor --config {config} > {name}.csd",
        output.green(DONE),
        file(MEMBER_KEY).display(),
    ));
    Ok(Done {
        data: json!({
            "config": config,
            "name": name,
            "node": address,
            "peer": peer.to_string(),
            "network": genesis.network(),
        }),
        text: config,
    })
}

/// Refuses what could not be registered, or be reached, before anything is made.
fn check(wanted: &Wanted, kind: NetworkKind) -> Result<(), Failure> {
    if let Some(name) = &wanted.name {
        let descriptor = model::NodeDescriptor {
            name: name.clone(),
            node: NodeId::new(model::PublicKey::from_bytes([0; 32])),
            addresses: Vec::new(),
        };
        descriptor
            .check()
            .map_err(|bad| Failure::usage(bad.to_string()))?;
    }
    if Consents::parse(&wanted.consents).is_none() {
        let found = "--consent takes the terms of a shard, as `shard propose` says them, or any";
        return Err(Failure::usage(found));
    }
    for address in &wanted.external {
        model::address::check(address)
            .map_err(|bad| Failure::usage(format!("{address}: {bad}")))?;
        if !is_reachable(address, kind) {
            let found = format!("nodes elsewhere cannot reach {address}, and this is {kind}");
            let hint = "name an address of this machine that is known on the internet";
            return Err(Failure::usage(found).hint(hint));
        }
    }
    Ok(())
}

fn name_of(node: &NodeId) -> String {
    let digits = node.to_string();
    format!("node-{}", digits.get(..8).unwrap_or(&digits))
}

/// The configuration, as `node run` reads it.
fn configuration(wanted: &Wanted, name: &str) -> String {
    let texts = |texts: &[String]| -> toml::Value {
        let texts = texts.iter().map(|text| toml::Value::from(text.as_str()));
        texts.collect::<Vec<_>>().into()
    };
    let listen = match &*wanted.listen {
        [] => texts(&[LISTEN.to_owned()]),
        listen => texts(listen),
    };
    let keys: [(&str, toml::Value); 9] = [
        ("name", name.into()),
        ("consents", texts(&wanted.consents)),
        ("directory", DATA.into()),
        ("genesis", GENESIS.into()),
        ("member_key", MEMBER_KEY.into()),
        ("network_key", NETWORK_KEY.into()),
        ("listen", listen),
        ("external_addresses", texts(&wanted.external)),
        ("bootnodes", texts(&wanted.bootnodes)),
    ];
    let lines = keys.map(|(key, value)| format!("{key} = {value}\n"));
    let local = !wanted.listen.is_empty() && node::is_on_one_machine(&wanted.listen);
    let local = if local { ON_ONE_MACHINE } else { "" };
    format!("{HEADER}{}{local}", lines.concat())
}

/// Puts the genesis document beside the configuration, unless it is there.
fn copy_genesis(genesis: &Genesis, path: &Path) -> Result<(), Failure> {
    let bytes = genesis.to_bytes();
    match fs::read(path) {
        Ok(found) if found == bytes => Ok(()),
        Ok(_) => {
            let found = format!("{} is of another network", path.display());
            Err(Failure::new(Exit::WrongNetwork, found).hint("choose another folder"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::write(path, bytes).map_err(|error| failed("write", path, &error))
        }
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// Writes a file that is not there.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let create = || {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    create().map_err(|error| failed("write", path, &error))
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let exit = match error.kind() {
        ErrorKind::AlreadyExists | ErrorKind::NotFound => Exit::Usage,
        _ => Exit::Failed,
    };
    Failure::new(exit, format!("cannot {doing} {}: {error}", path.display()))
}
