//! Who is connected, as everybody in this crate sees it.
//!
//! The network task is the only writer. Handles read it to find the way to a node without asking
//! that task, so locks are held for a look-up and never across a wait.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use model::NodeId;
use tokio::sync::{Semaphore, watch};

use crate::bounds::Limits;
use crate::handle::{Direction, PeerInfo, SendError, Target};
use crate::identity::PeerName;
use crate::link::Queue;
use crate::protocol::Protocol;
use crate::streams::Opener;

/// What a peer has proven about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The node it is, if it is one.
    pub(crate) node: Option<NodeId>,
    /// Whether that node is a member of our committee.
    pub(crate) member: bool,
    /// Its software version.
    pub(crate) agent: String,
}

/// How far a connection has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The greeting is not over. Nothing counts yet.
    Unproven,
    /// The peer is who it says.
    Proven(Proof),
    /// The connection is closed, or about to be.
    Closed,
}

/// One established connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: PeerId,
    pub(crate) direction: Direction,
    pub(crate) address: Multiaddr,
    pub(crate) opener: Opener,
    pub(crate) standing: watch::Sender<Standing>,
    /// Requests that we may have in flight.
    pub(crate) asking: Shares,
    /// Requests that the peer may have in flight. Twice as many as it should have: it learns
    /// before we do that one of them is over.
    pub(crate) answering: Shares,
    /// Streams that we may be opening.
    pub(crate) opening: Arc<Semaphore>,
}

/// Permits by protocol.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    sync: Arc<Semaphore>,
    api: Arc<Semaphore>,
}

impl Shares {
    /// This many permits for each protocol.
    pub(crate) fn new(sync: usize, api: usize) -> Self {
        Self {
            sync: Arc::new(Semaphore::new(sync)),
            api: Arc::new(Semaphore::new(api)),
        }
    }

    /// The permits of one protocol.
    pub(crate) fn of(&self, protocol: Protocol) -> &Arc<Semaphore> {
        match protocol {
            Protocol::Sync => &self.sync,
            Protocol::Api => &self.api,
        }
    }
}

impl Connection {
    /// A connection that has just been established.
    pub(crate) fn new(
        id: ConnectionId,
        peer: PeerId,
        direction: Direction,
        address: Multiaddr,
        opener: Opener,
        limits: &Limits,
    ) -> Self {
        Self {
            id,
            peer,
            direction,
            address,
            opener,
            standing: watch::Sender::new(Standing::Unproven),
            asking: Shares::new(limits.sync_in_flight, limits.api_in_flight),
            answering: Shares::new(2 * limits.sync_in_flight, 2 * limits.api_in_flight),
            opening: Arc::new(Semaphore::new(limits.opening)),
        }
    }

    /// What the peer has proven, if it has and the connection lives.
    pub(crate) fn proof(&self) -> Option<Proof> {
        match &*self.standing.borrow() {
            Standing::Proven(proof) => Some(proof.clone()),
            Standing::Unproven | Standing::Closed => None,
        }
    }

    /// Waits until the greeting is over. `None` if it did not end well.
    pub(crate) async fn proven(&self) -> Option<Proof> {
        let mut standing = self.standing.subscribe();
        let settled = standing
            .wait_for(|standing| *standing != Standing::Unproven)
            .await;
        match settled.as_deref() {
            Ok(Standing::Proven(proof)) => Some(proof.clone()),
            Ok(Standing::Unproven | Standing::Closed) | Err(_) => None,
        }
    }

    /// Works on something until the connection is closed.
    ///
    /// Whoever reads from a stream needs this: when this node closes a connection, Yamux does not
    /// wake those who read from it.
    pub(crate) async fn unless_closed<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut standing = self.standing.subscribe();
        tokio::select! {
            // An error would mean that the connection itself is gone, which is the same.
            _ = standing.wait_for(|standing| *standing == Standing::Closed) => None,
            output = work => Some(output),
        }
    }
}

/// See [the module](self).
#[derive(Debug, Default)]
pub(crate) struct Peers(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    connections: BTreeMap<ConnectionId, Arc<Connection>>,
    links: BTreeMap<NodeId, (ConnectionId, Queue)>,
    listening: Vec<String>,
}

impl Peers {
    // A poisoned lock means that another thread panicked between two changes of plain maps; what
    // they hold is still true.
    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a connection.
    pub(crate) fn insert(&self, connection: Arc<Connection>) {
        self.write().connections.insert(connection.id, connection);
    }

    /// Removes a connection, and the link on it.
    pub(crate) fn remove(&self, connection: ConnectionId) {
        let mut table = self.write();
        table.connections.remove(&connection);
        table.links.retain(|_, (on, _)| *on != connection);
    }

    /// All connections, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Connection>> {
        self.read().connections.values().cloned().collect()
    }

    /// Makes `queue` the way to `node`.
    pub(crate) fn link(&self, node: NodeId, connection: ConnectionId, queue: Queue) {
        self.write().links.insert(node, (connection, queue));
    }

    /// Closes the queues of all links. What is in them still leaves.
    pub(crate) fn unlink_all(&self) {
        self.write().links.clear();
    }

    /// Queues a frame for one member.
    ///
    /// # Errors
    ///
    /// As [`Queue::push`], and [`SendError::NotConnected`] without a link.
    pub(crate) fn send(&self, to: &NodeId, frame: Bytes) -> Result<(), SendError> {
        let table = self.read();
        let (_, queue) = table.links.get(to).ok_or(SendError::NotConnected)?;
        queue.push(frame)
    }

    /// Queues a frame for every linked member, and returns how each of them took it.
    pub(crate) fn broadcast(&self, frame: &Bytes) -> Vec<Result<(), SendError>> {
        let table = self.read();
        let queues = table.links.values();
        queues.map(|(_, queue)| queue.push(frame.clone())).collect()
    }

    /// The connection for a request: the one with the link, or else the newest proven one.
    pub(crate) fn route(&self, target: &Target) -> Option<Arc<Connection>> {
        let table = self.read();
        if let Target::Node(node) = target
            && let Some((connection, _)) = table.links.get(node)
        {
            return table.connections.get(connection).cloned();
        }
        let leads = |connection: &&Arc<Connection>| {
            connection.proof().is_some_and(|proof| match target {
                Target::Node(node) => proof.node == Some(*node),
                Target::Peer(peer) => connection.peer == peer.0,
            })
        };
        table.connections.values().rev().find(leads).cloned()
    }

    /// All peers that have said hello.
    pub(crate) fn infos(&self) -> Vec<PeerInfo> {
        let table = self.read();
        let info = |connection: &Arc<Connection>| {
            let proof = connection.proof()?;
            let on_this = |node| table.links.get(&node).is_some_and(|l| l.0 == connection.id);
            Some(PeerInfo {
                peer: PeerName(connection.peer),
                node: proof.node,
                agent: proof.agent,
                address: connection.address.to_string(),
                direction: connection.direction,
                linked: proof.node.is_some_and(on_this),
            })
        };
        table.connections.values().filter_map(info).collect()
    }

    /// Replaces the addresses this node listens at.
    pub(crate) fn set_listening(&self, addresses: Vec<String>) {
        self.write().listening = addresses;
    }

    /// The addresses this node listens at.
    pub(crate) fn listening(&self) -> Vec<String> {
        self.read().listening.clone()
    }
}
