//! Who is connected, as everybody in this crate sees it.
//!
//! The network task is the only writer. Handles read it to find the way to a node without asking
//! that task, so locks are held for a look-up and never across a wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use model::NodeId;
use tokio::sync::{Semaphore, watch};

use crate::bounds::{EARLY_STREAMS_MAX, Limits, SBAC_IN_FLIGHT};
use crate::conduct::{Offence, Reporter};
use crate::gate::is_loopback;
use crate::handle::{Bootnode, Direction, PeerInfo, SendError, Target, TellError};
use crate::identity::PeerName;
use crate::link::Queue;
use crate::protocol::Protocol;
use crate::streams::Opener;

/// What a peer is to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A member of our committee.
    Member,
    /// A member of another shard.
    Neighbour,
    /// Anybody else.
    Guest,
}

/// What a peer has proven about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The node it is, if it is one.
    pub(crate) node: Option<NodeId>,
    /// What that node is to us at the moment. Who is no node is a guest.
    pub(crate) role: Role,
    /// The number of its record, 0 without one.
    pub(crate) sequence: u64,
    /// The addresses at which it says that it listens, as far as they can be dialed from here.
    pub(crate) addresses: Vec<Multiaddr>,
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

/// The other end of a connection.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) direction: Direction,
    /// Where it is connected from or to.
    pub(crate) address: Multiaddr,
    /// Whether it is on this machine.
    pub(crate) local: bool,
}

/// One established connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnectionId,
    pub(crate) peer: PeerId,
    pub(crate) direction: Direction,
    pub(crate) address: Multiaddr,
    /// When it was established.
    pub(crate) since: Instant,
    pub(crate) opener: Opener,
    pub(crate) standing: watch::Sender<Standing>,
    /// Requests that we may have in flight.
    pub(crate) asking: Shares,
    /// Requests that the peer may have in flight. Twice as many as it should have: it learns
    /// before we do that one of them is over.
    pub(crate) answering: Shares,
    /// Requests that the peer may have open before its greeting is over.
    pub(crate) early: Arc<Semaphore>,
    /// Streams that we may be opening.
    pub(crate) opening: Arc<Semaphore>,
    /// Whether the peer may ask as often as it likes.
    pub(crate) exempt: bool,
    /// Whether the peer is on this machine.
    pub(crate) local: bool,
    /// The time to the peer and back, measured last.
    latency: Mutex<Option<Duration>>,
    reporter: Reporter,
}

/// Permits by protocol.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    sync: Arc<Semaphore>,
    api: Arc<Semaphore>,
    sbac: Arc<Semaphore>,
}

impl Shares {
    /// This many permits for each protocol.
    pub(crate) fn new(sync: usize, api: usize, sbac: usize) -> Self {
        Self {
            sync: Arc::new(Semaphore::new(sync)),
            api: Arc::new(Semaphore::new(api)),
            sbac: Arc::new(Semaphore::new(sbac)),
        }
    }

    /// The permits of one protocol.
    pub(crate) fn of(&self, protocol: Protocol) -> &Arc<Semaphore> {
        match protocol {
            Protocol::Sync => &self.sync,
            Protocol::Api => &self.api,
            Protocol::Sbac => &self.sbac,
        }
    }
}

impl Connection {
    /// A connection that has just been established.
    pub(crate) fn new(
        id: ConnectionId,
        peer: PeerId,
        end: End,
        opener: Opener,
        reporter: Reporter,
        limits: &Limits,
    ) -> Self {
        let End {
            direction,
            address,
            local,
        } = end;
        Self {
            id,
            peer,
            direction,
            exempt: limits.exempt_loopback && is_loopback(&address),
            local,
            latency: Mutex::default(),
            reporter,
            address,
            since: Instant::now(),
            opener,
            standing: watch::Sender::new(Standing::Unproven),
            asking: Shares::new(limits.sync_in_flight, limits.api_in_flight, SBAC_IN_FLIGHT),
            answering: Shares::new(
                2 * limits.sync_in_flight,
                2 * limits.api_in_flight,
                2 * SBAC_IN_FLIGHT,
            ),
            early: Arc::new(Semaphore::new(EARLY_STREAMS_MAX)),
            opening: Arc::new(Semaphore::new(limits.opening)),
        }
    }

    /// The time to the peer and back has been measured.
    pub(crate) fn measured(&self, latency: Duration) {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = Some(latency);
    }

    /// The time to the peer and back, measured last.
    fn latency(&self) -> Option<Duration> {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports what the peer has done.
    pub(crate) fn report(&self, offence: Offence) {
        self.reporter.report(self.peer, offence);
    }

    /// What the peer has proven, if it has and the connection lives.
    pub(crate) fn proof(&self) -> Option<Proof> {
        match &*self.standing.borrow() {
            Standing::Proven(proof) => Some(proof.clone()),
            Standing::Unproven | Standing::Closed => None,
        }
    }

    /// The node that the peer has proven to be, if it has and the connection lives.
    pub(crate) fn node(&self) -> Option<NodeId> {
        match &*self.standing.borrow() {
            Standing::Proven(proof) => proof.node,
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

    /// Works on something for as long as the peer is what it is to us.
    pub(crate) async fn while_is<F: Future>(&self, role: Role, work: F) -> Option<F::Output> {
        let mut standing = self.standing.subscribe();
        tokio::select! {
            _ = standing.wait_for(|standing| !standing.is(role)) => None,
            output = work => Some(output),
        }
    }
}

impl Standing {
    fn is(&self, role: Role) -> bool {
        matches!(self, Self::Proven(proof) if proof.role == role)
    }
}

impl Table {
    /// The connection that carries frames for a node.
    fn used_with(&self, node: &NodeId) -> Option<ConnectionId> {
        let link = self.links.get(node).map(|(connection, _)| *connection);
        link.or_else(|| {
            let neighbour = self.neighbours.get(node)?;
            neighbour.way.borrow().as_ref().map(|used| used.id)
        })
    }
}

/// See [the module](self).
#[derive(Debug, Default)]
pub(crate) struct Peers(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    connections: BTreeMap<ConnectionId, Arc<Connection>>,
    links: BTreeMap<NodeId, (ConnectionId, Queue)>,
    neighbours: BTreeMap<NodeId, Neighbour>,
    listening: Vec<String>,
    announced: Vec<String>,
    audience: usize,
    bootnodes: Vec<Bootnode>,
}

/// The way to a neighbour.
#[derive(Debug)]
struct Neighbour {
    /// `None` when the network stops.
    queue: Option<Queue>,
    /// The connection that is used. `None` while there is none.
    way: Way,
}

/// Where the connection that is used with a neighbour is said.
type Way = watch::Sender<Option<Arc<Connection>>>;

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

    /// Takes away the way to a member.
    pub(crate) fn unlink(&self, node: &NodeId) {
        self.write().links.remove(node);
    }

    /// The connections of a node that has proven to be one.
    pub(crate) fn of(&self, node: &NodeId) -> Vec<Arc<Connection>> {
        let mut connections = self.all();
        connections.retain(|connection| connection.node() == Some(*node));
        connections
    }

    /// The node that a peer has proven to be.
    pub(crate) fn node_of(&self, peer: &PeerId) -> Option<NodeId> {
        let table = self.read();
        let mut connections = table.connections.values().filter(|c| c.peer == *peer);
        connections.find_map(|connection| connection.node())
    }

    /// The nodes with which there is a connection.
    pub(crate) fn connected(&self) -> BTreeSet<NodeId> {
        let table = self.read();
        table
            .connections
            .values()
            .filter_map(|c| c.node())
            .collect()
    }

    /// Makes `queue` the way to a neighbour that is not connected yet, and returns what says when
    /// it is.
    pub(crate) fn add_neighbour(
        &self,
        node: NodeId,
        queue: Queue,
    ) -> watch::Receiver<Option<Arc<Connection>>> {
        let (way, follower) = watch::channel(None);
        let queue = Some(queue);
        let neighbour = Neighbour { queue, way };
        self.write().neighbours.insert(node, neighbour);
        follower
    }

    /// Takes away the way to a neighbour. What is still queued is lost.
    pub(crate) fn remove_neighbour(&self, node: &NodeId) {
        if let Some(neighbour) = self.write().neighbours.remove(node) {
            neighbour.way.send_replace(None);
        }
    }

    /// Takes this connection with a neighbour from now on, or none.
    pub(crate) fn reroute(&self, node: &NodeId, connection: Option<Arc<Connection>>) {
        if let Some(neighbour) = self.read().neighbours.get(node) {
            neighbour.way.send_replace(connection);
        }
    }

    /// Closes all queues. What is in them still leaves.
    pub(crate) fn close_queues(&self) {
        let mut table = self.write();
        table.links.clear();
        for neighbour in table.neighbours.values_mut() {
            neighbour.queue = None;
        }
    }

    /// Queues a frame for one member.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`], and [`SendError::NotConnected`] without a link.
    pub(crate) fn send(&self, to: &NodeId, frame: Bytes) -> Result<(), SendError> {
        let table = self.read();
        let (_, queue) = table.links.get(to).ok_or(SendError::NotConnected)?;
        Ok(queue.push(frame)?)
    }

    /// Queues a frame for one neighbour.
    ///
    /// # Errors
    ///
    /// Every [`TellError`] but [`TellError::TooLarge`].
    pub(crate) fn tell(&self, to: &NodeId, frame: Bytes) -> Result<(), TellError> {
        let table = self.read();
        let neighbour = table.neighbours.get(to).ok_or(TellError::NotANeighbour)?;
        let queue = neighbour.queue.as_ref().ok_or(TellError::NotConnected)?;
        if neighbour.way.borrow().is_none() {
            return Err(TellError::NotConnected);
        }
        Ok(queue.push(frame)?)
    }

    /// Queues a frame for every linked member, and returns how each of them took it.
    pub(crate) fn broadcast(&self, frame: &Bytes) -> Vec<Result<(), SendError>> {
        let table = self.read();
        let queues = table.links.values();
        queues
            .map(|(_, queue)| Ok(queue.push(frame.clone())?))
            .collect()
    }

    /// The connection for a request: the one that carries frames, or else the newest proven one.
    pub(crate) fn route(&self, target: &Target) -> Option<Arc<Connection>> {
        let table = self.read();
        if let Target::Node(node) = target
            && let Some(connection) = table.used_with(node)
        {
            return table.connections.get(&connection).cloned();
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
            let on_this = |node| table.used_with(&node) == Some(connection.id);
            Some(PeerInfo {
                peer: PeerName(connection.peer),
                node: proof.node,
                role: proof.role,
                agent: proof.agent,
                address: connection.address.to_string(),
                listens: proof.addresses.iter().map(Multiaddr::to_string).collect(),
                direction: connection.direction,
                since: connection.since,
                latency: connection.latency(),
                linked: proof.node.is_some_and(on_this),
            })
        };
        table.connections.values().filter_map(info).collect()
    }

    /// Replaces how this node stands with its bootnodes.
    pub(crate) fn set_bootnodes(&self, bootnodes: Vec<Bootnode>) {
        self.write().bootnodes = bootnodes;
    }

    /// How this node stands with its bootnodes.
    pub(crate) fn bootnodes(&self) -> Vec<Bootnode> {
        self.read().bootnodes.clone()
    }

    /// Replaces the addresses this node listens at, and those that it tells others.
    pub(crate) fn set_addresses(&self, listening: Vec<String>, announced: Vec<String>) {
        let mut table = self.write();
        table.listening = listening;
        table.announced = announced;
    }

    /// The addresses that this node tells others.
    pub(crate) fn announced(&self) -> Vec<String> {
        self.read().announced.clone()
    }

    /// So many peers listen to our gossip.
    pub(crate) fn set_audience(&self, peers: usize) {
        self.write().audience = peers;
    }

    /// How many peers listen to our gossip.
    pub(crate) fn audience(&self) -> usize {
        self.read().audience
    }

    /// The addresses this node listens at.
    pub(crate) fn listening(&self) -> Vec<String> {
        self.read().listening.clone()
    }
}
