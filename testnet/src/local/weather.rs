//! Faults between nodes that run: who is cut off from whom, and who hears everything late.
//!
//! Every node has a file that says what is wrong with its way to each other node, and reads it when it
//! starts and when it changes, see the `weather` of the crate `node`. Writing the files is therefore all
//! there is to telling nodes, also those that do not run or are paused. Only the ways between nodes are
//! concerned: the commands of people reach every node at any time.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use net::PeerName;
use node::signer::peer_name;
use serde::Serialize;

use super::error::LocalError;
use super::file;
use super::layout::Layout;
use super::manifest::Manifest;

/// The longest delay, in milliseconds. Beyond it a node is as good as cut off.
pub(crate) const DELAY_MS_MAX: u32 = 60_000;

/// What is wrong between the nodes of a network.
#[derive(Debug)]
pub(crate) struct Weather {
    nodes: Vec<Station>,
    /// The nodes on one side of the partition; all others are on the other. None: there is none.
    apart: BTreeSet<usize>,
    /// By how many milliseconds nodes hear everything too late.
    delays: BTreeMap<usize, u32>,
}

/// A node as its peers know it, and its file.
#[derive(Debug)]
struct Station {
    peer: PeerName,
    file: PathBuf,
}

/// What a node reads.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Written {
    peers: BTreeMap<String, Way>,
}

/// What is wrong with the way to one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Way {
    cut: bool,
    delay_ms: u32,
}

impl Weather {
    /// Fair weather between the nodes of a network, whose transport keys are made if they are not there.
    pub(crate) fn fair(layout: &Layout, manifest: &Manifest) -> Result<Self, LocalError> {
        let station = |name: &str| -> Result<Station, LocalError> {
            Ok(Station {
                peer: peer_name(&layout.network_key(name))?,
                file: layout.weather(name),
            })
        };
        let nodes = manifest.nodes.iter().map(|node| station(&node.name));
        let weather = Self {
            nodes: nodes.collect::<Result<_, _>>()?,
            apart: BTreeSet::new(),
            delays: BTreeMap::new(),
        };
        weather.write()?;
        Ok(weather)
    }

    /// Cuts these nodes off from all others, and nobody else.
    pub(crate) fn part(&mut self, apart: BTreeSet<usize>) -> Result<(), LocalError> {
        if apart.is_empty() || apart.len() >= self.nodes.len() {
            return Err(LocalError::NoOtherSide);
        }
        self.apart = apart;
        self.write()
    }

    /// Cuts nobody off.
    pub(crate) fn heal(&mut self) -> Result<(), LocalError> {
        self.apart.clear();
        self.write()
    }

    /// Makes a node hear everything too late; 0 ends it.
    pub(crate) fn delay(&mut self, node: usize, ms: u32) -> Result<(), LocalError> {
        if ms > DELAY_MS_MAX {
            return Err(LocalError::Delay(ms));
        }
        if ms == 0 {
            self.delays.remove(&node);
        } else {
            self.delays.insert(node, ms);
        }
        self.write()
    }

    /// Whether a node is among those that were cut off from all others.
    pub(crate) fn is_apart(&self, node: usize) -> bool {
        self.apart.contains(&node)
    }

    /// By how many milliseconds a node hears everything too late.
    pub(crate) fn delay_of(&self, node: usize) -> u32 {
        self.delays.get(&node).copied().unwrap_or(0)
    }

    fn write(&self) -> Result<(), LocalError> {
        self.nodes.iter().enumerate().try_for_each(|(node, at)| {
            let text = toml::to_string(&self.written(node)).expect("a table of tables is TOML");
            file::replace(&at.file, text.as_bytes())
        })
    }

    /// What is wrong with the ways of a node.
    fn written(&self, node: usize) -> Written {
        let delay_ms = self.delay_of(node);
        let others = self.nodes.iter().enumerate();
        let ways = others
            .filter(|(other, _)| *other != node)
            .map(|(other, at)| {
                let cut = self.is_apart(node) != self.is_apart(other);
                (at.peer.to_string(), Way { cut, delay_ms })
            });
        Written {
            peers: ways.filter(|(_, way)| *way != Way::default()).collect(),
        }
    }
}
