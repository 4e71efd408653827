//! Peers that were good, remembered in a file, so that a node that restarts needs no introduction.
//!
//! A peer was good at an address if it answered there and proved who it is. The file is small, is
//! written as a whole and replaced in one step, and is worth nothing to anybody else: one that cannot
//! be read is left aside.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use libp2p::{Multiaddr, PeerId};
use model::encoding::{self, DecodeError};
use model::{NetworkId, NodeId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::parse_dial;

/// Peers that are remembered.
const PEERS_MAX: usize = 1024;

/// The longest file, in bytes: far more than as many of the longest entries.
const FILE_BYTES_MAX: usize = 512 * 1024;

/// How long a peer is remembered that was not met again: two weeks, in milliseconds.
const MEMORY_MS: u64 = 14 * 24 * 3600 * 1000;

/// What the file begins with. Others are of another version, or no such file.
const VERSION: u64 = 1;

/// A peer and where it was good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acquaintance {
    /// Where it answered, with `/p2p/<peer>`.
    pub(crate) address: String,
    /// The node it was, if it was one.
    pub(crate) node: Option<NodeId>,
    /// When it was met last, in milliseconds since 1970.
    pub(crate) met: u64,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    version: u64,
    network: NetworkId,
    /// The latest first.
    peers: Vec<Acquaintance>,
}

/// Why nothing could be remembered.
#[derive(Debug, Error)]
pub(crate) enum Forgotten {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a file of peers: {0}")]
    NotPeers(#[from] DecodeError),
    #[error("it is of another version or network")]
    Other,
}

/// See [the module](self). The latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownPeers(Vec<Acquaintance>);

impl KnownPeers {
    /// What was remembered in a file. Without one it is nothing.
    ///
    /// # Errors
    ///
    /// [`Forgotten`] if there is something else in the file, or the system does not let us read it.
    pub(crate) fn load(path: &Path, network: &NetworkId, now: u64) -> Result<Self, Forgotten> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)?;
        let written: Written = encoding::decode(&bytes, FILE_BYTES_MAX)?;
        if written.version != VERSION || written.network != *network {
            return Err(Forgotten::Other);
        }
        let mut known = Self(written.peers);
        known.0.retain(|peer| parse_dial(&peer.address).is_ok());
        // A time to come is that of a clock that was wrong.
        known
            .0
            .iter_mut()
            .for_each(|peer| peer.met = peer.met.min(now));
        known.tidy(now);
        Ok(known)
    }

    /// The bytes to write to a file of a network.
    pub(crate) fn encode(&self, network: &NetworkId) -> Vec<u8> {
        encoding::encode(&Written {
            version: VERSION,
            network: *network,
            peers: self.0.clone(),
        })
    }

    /// A peer was good at an address.
    pub(crate) fn met(&mut self, peer: &PeerId, at: &Multiaddr, node: Option<NodeId>, now: u64) {
        let Ok(address) = at.clone().with_p2p(*peer) else {
            return;
        };
        let address = address.to_string();
        self.0.retain(|known| known.address != address);
        let met = Acquaintance {
            address,
            node,
            met: now,
        };
        self.0.push(met);
        self.tidy(now);
    }

    /// The latest peers.
    pub(crate) fn latest(&self, count: usize) -> impl Iterator<Item = &Acquaintance> {
        self.0.iter().take(count)
    }

    /// Forgets what is old or too much.
    fn tidy(&mut self, now: u64) {
        self.0.retain(|peer| now - peer.met.min(now) < MEMORY_MS);
        self.0.sort_by_key(|peer| std::cmp::Reverse(peer.met));
        self.0.truncate(PEERS_MAX);
    }
}

/// Replaces a file in one step: after a crash there is the old one or the new one.
///
/// # Errors
///
/// What the system says.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let mut file = File::create(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(beside, path)
}
