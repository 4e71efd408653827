//! What the network of a node is started with.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;
use model::{NetworkId, NodeId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::bounds::{AGENT_BYTES_MAX, Limits};
use crate::identity::{Sign, is_agent};

/// What the network of a node, or of a wallet, is started with.
pub struct Config {
    /// The network. Peers of other networks are told apart and refused.
    pub network: NetworkId,
    /// The seed of the transport key, by which peers know this process. Not the member key.
    pub transport_seed: Zeroizing<[u8; 32]>,
    /// The node's seat in a committee. `None` for wallets and observers.
    pub member: Option<Membership>,
    /// Addresses to listen at, such as `/ip4/127.0.0.1/tcp/0`. None: dial only.
    pub listen: Vec<String>,
    /// Addresses to keep connected, with or without `/p2p/<peer>` at the end.
    pub bootnodes: Vec<String>,
    /// The software version, which peers see.
    pub agent: String,
    /// How much of itself this node gives to others.
    pub limits: Limits,
}

/// A node's seat in the committee of a shard.
#[derive(Clone)]
pub struct Membership {
    /// The node.
    pub node: NodeId,
    /// Signs with its member key. Called on the network's thread, seldom.
    pub sign: Sign,
    /// All members of the shard, this node included.
    pub committee: Vec<NodeId>,
    /// The members of all other shards of the network. A node is in one shard, so none of them is
    /// in the committee.
    pub neighbours: Vec<NodeId>,
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("node", &self.node)
            .field("committee", &self.committee)
            .field("neighbours", &self.neighbours)
            .finish_non_exhaustive()
    }
}

/// Why the network could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("the address {address} is in use by another process")]
    AddressInUse {
        /// The address as it was configured.
        address: String,
    },
    /// The system does not let us listen there.
    #[error("cannot listen at {address}: {reason}")]
    Listen {
        /// The address as it was configured.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// An address is none, or of a kind that is not supported.
    #[error("not an address: {address}: {reason}")]
    BadAddress {
        /// The address as it was configured.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The software version cannot be shown to peers.
    #[error("the agent must be printable ASCII of at most {AGENT_BYTES_MAX} bytes")]
    BadAgent,
    /// The node is not in the committee it is said to be in.
    #[error("{0} is not in its own committee")]
    NotInCommittee(NodeId),
    /// A node of another shard is in the committee of this one as well.
    #[error("{0} is a neighbour and in the committee")]
    NeighbourInCommittee(NodeId),
    /// The system refuses what every program needs: a thread, an event queue, a cipher.
    #[error("cannot start the network: {0}")]
    System(String),
}

/// A configuration whose texts have been understood.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) listen: Vec<Listen>,
    pub(crate) bootnodes: Vec<Multiaddr>,
}

/// An address to listen at.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) text: String,
    pub(crate) address: Multiaddr,
    pub(crate) socket: SocketAddr,
}

impl Config {
    /// Understands the texts of the configuration.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the first that cannot be understood.
    pub(crate) fn check(&self) -> Result<Checked, StartError> {
        if !is_agent(&self.agent) {
            return Err(StartError::BadAgent);
        }
        if let Some(member) = &self.member {
            member.check()?;
        }
        let bad = |address: &String, reason| StartError::BadAddress {
            address: address.clone(),
            reason,
        };
        let listen = |text: &String| {
            let address: Multiaddr = text.parse().map_err(|e| bad(text, format!("{e}")))?;
            let socket = socket(&address).ok_or_else(|| {
                bad(
                    text,
                    "only /ip4 or /ip6 with /tcp can be listened at".into(),
                )
            })?;
            let text = text.clone();
            Ok(Listen {
                text,
                address,
                socket,
            })
        };
        let bootnode = |text: &String| parse_dial(text).map_err(|reason| bad(text, reason));
        Ok(Checked {
            listen: self.listen.iter().map(listen).collect::<Result<_, _>>()?,
            bootnodes: self
                .bootnodes
                .iter()
                .map(bootnode)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Membership {
    fn check(&self) -> Result<(), StartError> {
        if !self.committee.contains(&self.node) {
            return Err(StartError::NotInCommittee(self.node));
        }
        let committee: BTreeSet<&NodeId> = self.committee.iter().collect();
        match self.neighbours.iter().find(|n| committee.contains(n)) {
            Some(both) => Err(StartError::NeighbourInCommittee(*both)),
            None => Ok(()),
        }
    }
}

/// An address that can be dialed: `/ip4` or `/ip6`, `/tcp`, and perhaps `/p2p`.
///
/// # Errors
///
/// A sentence about what is wrong with it.
pub(crate) fn parse_dial(text: &str) -> Result<Multiaddr, String> {
    let address: Multiaddr = text.parse().map_err(|error| format!("{error}"))?;
    let mut bare = address.clone();
    if let Some(Part::P2p(_)) = bare.iter().last() {
        bare.pop();
    }
    match socket(&bare) {
        Some(socket) if socket.port() != 0 && !socket.ip().is_unspecified() => Ok(address),
        Some(_) => Err("an address to dial needs a host and a port".into()),
        None => Err("only /ip4 or /ip6 with /tcp can be dialed".into()),
    }
}

fn socket(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => ip.into(),
        Part::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match (parts.next()?, parts.next()) {
        (Part::Tcp(port), None) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}
