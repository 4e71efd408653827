//! What the network of a node is started with.

mod discovery;

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol as Part;
use model::bounds::MEMBERS_MAX;
use model::{NetworkId, NodeId};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::bounds::{AGENT_BYTES_MAX, Limits, NEIGHBOURS_MAX};
use crate::identity::{Sign, is_agent};
pub use discovery::Discovery;

/// What the network of a node, or of a wallet, is started with.
pub struct Config {
    /// The network. Peers of other networks are told apart and refused.
    pub network: NetworkId,
    /// The seed of the transport key, by which peers know this process. Not the member key.
    pub transport_seed: Zeroizing<[u8; 32]>,
    /// The node that this is. `None` for wallets, who are nobody in particular.
    pub identity: Option<Identity>,
    /// Who is who for that node at the start; [`Handle::set_view`](crate::Handle::set_view) changes
    /// it.
    pub view: View,
    /// Addresses to listen at, such as `/ip4/127.0.0.1/tcp/0`. None: dial only.
    pub listen: Vec<String>,
    /// Addresses to keep connected, with or without `/p2p/<peer>` at the end.
    pub bootnodes: Vec<String>,
    /// The software version, which peers see.
    pub agent: String,
    /// How it is found, and finds others. Wallets, which neither listen nor are nodes, do neither.
    pub discovery: Discovery,
    /// How much of itself this node gives to others.
    pub limits: Limits,
}

/// A node: a member key, with or without a seat.
#[derive(Clone)]
pub struct Identity {
    /// The node.
    pub node: NodeId,
    /// Signs with its member key. Called on the network's thread, seldom.
    pub sign: Sign,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Who is who for a node. Empty for one that follows no shard.
///
/// A node that is in the committee has a seat: it has links with the other members, and it and its
/// neighbours tell each other frames. One that is not is a guest with a name: it stays connected
/// with all of them, and neither links nor tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All members of the shard, this node included if it has a seat. At most
    /// [`MEMBERS_MAX`].
    pub committee: Vec<NodeId>,
    /// The members of all other shards that this node works with. A node is in one shard, so none of
    /// them is in the committee. At most [`NEIGHBOURS_MAX`].
    pub neighbours: Vec<NodeId>,
}

/// Why a view makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ViewError {
    /// A node of another shard is in the committee of this one as well.
    #[error("{0} is a neighbour and in the committee")]
    NeighbourInCommittee(NodeId),
    /// The node itself is among its neighbours.
    #[error("{0} is its own neighbour")]
    OwnNeighbour(NodeId),
    /// More members or neighbours than a node can have.
    #[error(
        "{members} members and {neighbours} neighbours, where {MEMBERS_MAX} and {NEIGHBOURS_MAX} \
         are allowed"
    )]
    TooMany {
        /// Members of the committee.
        members: usize,
        /// Neighbours.
        neighbours: usize,
    },
    /// There is no node that could have a view.
    #[error("a process that is no node has no view")]
    NoNode,
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
    /// The view that the node is to start with makes no sense.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The system refuses what every program needs: a thread, an event queue, a cipher.
    #[error("cannot start the network: {0}")]
    System(String),
}

/// A configuration whose texts have been understood.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) listen: Vec<Listen>,
    pub(crate) bootnodes: Vec<Multiaddr>,
    pub(crate) external: Vec<Multiaddr>,
}

/// An address to listen at.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) text: String,
    pub(crate) address: Multiaddr,
    pub(crate) socket: SocketAddr,
}

impl Config {
    /// Whether this process takes part in keeping the directory, and in gossip. Wallets do not.
    pub(crate) fn takes_part(&self) -> bool {
        self.identity.is_some() || !self.listen.is_empty()
    }

    /// Whether others can call this process.
    pub(crate) fn is_reachable(&self) -> bool {
        !self.listen.is_empty()
    }

    /// Understands the texts of the configuration.
    ///
    /// # Errors
    ///
    /// [`StartError`] names the first that cannot be understood.
    pub(crate) fn check(&self) -> Result<Checked, StartError> {
        if !is_agent(&self.agent) {
            return Err(StartError::BadAgent);
        }
        let node = self.identity.as_ref().map(|identity| identity.node);
        self.view.check(node)?;
        let bad = |address: &String, reason| StartError::BadAddress {
            address: address.clone(),
            reason,
        };
        let listen = |text: &String| -> Result<Listen, StartError> {
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
        let external = |text: &String| parse_external(text).map_err(|reason| bad(text, reason));
        let told = self.discovery.external_addresses.iter();
        Ok(Checked {
            external: told.map(external).collect::<Result<_, _>>()?,
            listen: self.listen.iter().map(listen).collect::<Result<_, _>>()?,
            bootnodes: self
                .bootnodes
                .iter()
                .map(bootnode)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl View {
    /// Whether the view makes sense for a node.
    ///
    /// # Errors
    ///
    /// Every [`ViewError`].
    pub(crate) fn check(&self, node: Option<NodeId>) -> Result<(), ViewError> {
        let (members, neighbours) = (self.committee.len(), self.neighbours.len());
        if members > MEMBERS_MAX || neighbours > NEIGHBOURS_MAX {
            return Err(ViewError::TooMany {
                members,
                neighbours,
            });
        }
        let Some(node) = node else {
            let is_empty = members == 0 && neighbours == 0;
            return if is_empty {
                Ok(())
            } else {
                Err(ViewError::NoNode)
            };
        };
        if self.neighbours.contains(&node) {
            return Err(ViewError::OwnNeighbour(node));
        }
        let committee: BTreeSet<&NodeId> = self.committee.iter().collect();
        match self.neighbours.iter().find(|n| committee.contains(n)) {
            Some(both) => Err(ViewError::NeighbourInCommittee(*both)),
            None => Ok(()),
        }
    }
}

/// The socket of a multiaddress to listen at, such as `/ip4/0.0.0.0/tcp/4700`.
///
/// # Errors
///
/// A sentence about what is wrong with the address.
pub fn listen_socket(text: &str) -> Result<SocketAddr, String> {
    let address: Multiaddr = text.parse().map_err(|error| format!("{error}"))?;
    socket(&address).ok_or_else(|| "only /ip4 or /ip6 with /tcp can be listened at".to_owned())
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

/// An address to tell others: one that can be dialed, without the peer, which is told with it.
fn parse_external(text: &str) -> Result<Multiaddr, String> {
    let address = parse_dial(text)?;
    match address.iter().last() {
        Some(Part::P2p(_)) => Err("the peer is not part of an external address".into()),
        _ => Ok(address),
    }
}

/// The socket of a multiaddress that consists of nothing else.
pub(crate) fn socket(address: &Multiaddr) -> Option<SocketAddr> {
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
