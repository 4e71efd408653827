//! Who is who: the two keys of a node and the record that ties them together.
//!
//! A node signs votes with its member key (`model::NodeId`) and speaks on the network with a transport
//! key, whose public half is the libp2p peer id. They differ, so that a transport key can be
//! replaced or stolen without touching the committee (decision D21). The member key signs a
//! [`NodeRecord`](crate::record::NodeRecord) that names the peer id, and the Noise handshake proves that whoever shows the
//! record holds the transport key: together the two prove who is on the other side.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use libp2p::PeerId;
use libp2p::identity::Keypair;
use model::encoding::{self, DecodeError};
use model::{NetworkId, Signature};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::bounds::{AGENT_BYTES_MAX, HELLO_BYTES_MAX};
use crate::record::SignedRecord;

/// The name of a peer on the network: the hash of its transport key.
///
/// It says who is at the other end of a connection and nothing about what that peer is allowed to
/// do. Displayed and parsed in base 58, as the last part of an address is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName(pub(crate) PeerId);

impl PeerName {
    /// The name of the peer whose transport key has this seed.
    #[must_use]
    pub fn of_transport_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        let keypair = Keypair::ed25519_from_bytes(&mut seed.clone()[..]);
        let keypair = keypair.expect("every 32 bytes are a seed");
        Self(keypair.public().to_peer_id())
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "peer {}", self.0)
    }
}

/// The text is not the name of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a peer name: {0}")]
pub struct NotAPeerName(String);

impl FromStr for PeerName {
    type Err = NotAPeerName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| NotAPeerName(text.chars().take(64).collect()))
    }
}

/// Signs with a member key, wherever that key is kept.
pub type Sign = Arc<dyn Fn(&[u8]) -> Signature + Send + Sync>;

/// What two peers tell each other before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The network it speaks for. Names of protocols carry only the beginning of it.
    pub(crate) network: NetworkId,
    /// Its software version, see [`is_agent`].
    pub(crate) agent: String,
    /// Its record, if it is a node. Wallets have none.
    pub(crate) record: Option<SignedRecord>,
}

impl Hello {
    /// The greeting in `bytes`.
    ///
    /// # Errors
    ///
    /// If the bytes are not the canonical encoding of one.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, HELLO_BYTES_MAX)
    }
}

/// Whether a text can be the software version of a peer: short and printable, so that it can be
/// logged and shown as it is.
pub(crate) fn is_agent(text: &str) -> bool {
    text.len() <= AGENT_BYTES_MAX && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// The agent string of libp2p's identify protocol: the software version and the whole id of the
/// network, by which a peer of another network, with which we share no protocol, can be named.
pub(crate) fn identify_agent(agent: &str, network: &NetworkId) -> String {
    format!("{agent}{NETWORK_MARK}{network}")
}

/// The network that a peer's identify agent string names, if the peer is one of ours at all.
pub(crate) fn identified_network(agent: &str) -> Option<NetworkId> {
    let (_, network) = agent.rsplit_once(NETWORK_MARK)?;
    network.parse().ok()
}

/// What a peer calls itself by libp2p's identify protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identified {
    /// The network, if the peer is one of ours at all.
    pub(crate) network: Option<NetworkId>,
    /// The version of our protocols.
    pub(crate) version: String,
}

impl Identified {
    /// What these texts of a stranger say, if they can be shown.
    pub(crate) fn new(agent: &str, version: &str) -> Self {
        let shown = |text: &str| {
            if is_agent(text) {
                text.into()
            } else {
                String::new()
            }
        };
        Self {
            network: identified_network(agent),
            version: shown(version),
        }
    }
}

/// What stands before the network in an identify agent string.
const NETWORK_MARK: &str = " network=";
