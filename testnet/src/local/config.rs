//! The configurations of the nodes, as `chainspace node run` reads them.

use std::net::SocketAddr;

use node::config::LogFormat;
use serde::Serialize;

use super::error::LocalError;
use super::file;
use super::layout::{LIES, Layout, NETWORK_KEY, STORE, WEATHER};
use super::manifest::ManifestNode;

/// The file of a node's member key, in its folder.
pub(crate) const MEMBER_KEY: &str = "member.key";

/// What [`node::Config`] reads. Paths are relative to the file, so that the folder can be moved.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    directory: &'a str,
    genesis: &'a str,
    member_key: &'a str,
    network_key: &'a str,
    listen: [String; 1],
    bootnodes: Vec<String>,
    consents: [&'a str; 1],
    approves: [&'a str; 1],
    exempt_loopback: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_mib: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_entries_max: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weather: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lies: Option<&'a str>,
    log: Log,
}

/// A log is a file here, and its readers are people.
#[derive(Serialize)]
struct Log {
    format: LogFormat,
}

/// What is not in the manifest: whoever starts the network says it each time.
pub(crate) struct Given {
    /// Where the node serves health and metrics.
    pub(crate) http: Option<SocketAddr>,
    /// Whether what is on this machine has no limits.
    pub(crate) exempt_loopback: bool,
    /// What the node may use of the memory, in mebibytes.
    pub(crate) memory_mib: Option<u64>,
    /// The most transactions in a block.
    pub(crate) block_entries_max: Option<usize>,
    /// Whether the node can be cut off from the others, and be made to lie.
    pub(crate) faults: bool,
}

/// Writes the configuration of `node`, which is to stay connected with `all` others.
pub(crate) fn write(
    layout: &Layout,
    node: &ManifestNode,
    all: &[ManifestNode],
    given: &Given,
) -> Result<(), LocalError> {
    let others = all.iter().filter(|other| other.name != node.name);
    let written = Written {
        name: &node.name,
        directory: STORE,
        genesis: "../../genesis",
        member_key: MEMBER_KEY,
        network_key: NETWORK_KEY,
        listen: [node.address()],
        bootnodes: others.map(ManifestNode::address).collect(),
        // Whoever founds a shard here is the user who started all of them.
        consents: ["any"],
        approves: ["any"],
        exempt_loopback: given.exempt_loopback,
        memory_mib: given.memory_mib,
        block_entries_max: given.block_entries_max,
        http: given.http,
        weather: given.faults.then_some(WEATHER),
        lies: given.faults.then_some(LIES),
        log: Log {
            format: LogFormat::Pretty,
        },
    };
    let text = toml::to_string(&written).expect("texts and lists of texts are TOML");
    file::replace(&layout.config(&node.name), text.as_bytes())
}
