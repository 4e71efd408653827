//! Where a running network is to be found: `endpoint.json`.
//!
//! The supervisor writes it when the nodes have started and removes it when they have stopped. The
//! commands find it from the current directory, so a user never types an address.

use std::net::SocketAddr;
use std::path::PathBuf;

use client::{Endpoints, NodeEndpoint};
use model::{Genesis, NetworkId, NodeId};
use serde::{Deserialize, Serialize};

use super::error::LocalError;
use super::file;
use super::layout::Layout;

/// A running network, as the commands need to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// The name for people, such as `local-7f3a9c21`.
    pub name: String,
    /// The hash of the genesis document.
    pub network: NetworkId,
    /// The process that watches over the nodes.
    pub supervisor: u32,
    /// The socket on which it takes commands.
    pub control: PathBuf,
    /// The nodes, in the order of their seats.
    pub nodes: Vec<EndpointNode>,
}

/// A node of a running network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointNode {
    /// `n0`, `n1` and so on.
    pub name: String,
    /// Its member key.
    pub node: NodeId,
    /// The shard it is a member of.
    pub shard: u32,
    /// Where it answers, as a multiaddress.
    pub api: String,
    /// Where it serves health and metrics, if it does.
    #[serde(default)]
    pub http: Option<SocketAddr>,
}

impl From<&EndpointNode> for NodeEndpoint {
    fn from(node: &EndpointNode) -> Self {
        Self {
            name: node.name.clone(),
            node: node.node,
            address: node.api.clone(),
        }
    }
}

impl Endpoint {
    /// The same as a client needs to know it, with the genesis document of the network.
    #[must_use]
    pub fn endpoints(&self, genesis: Genesis) -> Endpoints {
        Endpoints {
            genesis,
            nodes: self.nodes.iter().map(NodeEndpoint::from).collect(),
        }
    }

    /// The network that runs in this folder.
    ///
    /// # Errors
    ///
    /// [`LocalError::NotRunning`] if none does, [`LocalError::Damaged`] if the file is not readable.
    pub fn read(layout: &Layout) -> Result<Self, LocalError> {
        file::read_json(&layout.endpoint())?.ok_or_else(|| LocalError::NotRunning {
            directory: layout.root(),
        })
    }

    /// The node with this name.
    ///
    /// # Errors
    ///
    /// [`LocalError::UnknownNode`], which lists the names.
    pub fn node(&self, name: &str) -> Result<&EndpointNode, LocalError> {
        let mut nodes = self.nodes.iter();
        nodes.find(|node| node.name == name).ok_or_else(|| {
            LocalError::unknown_node(name, self.nodes.iter().map(|node| &*node.name))
        })
    }

    pub(crate) fn write(&self, layout: &Layout) -> Result<(), LocalError> {
        file::replace_json(&layout.endpoint(), self)
    }
}
