//! The way in: how the rest of a node acts on its network.
//!
//! Nodes are addressed by [`NodeId`], and no type of libp2p appears. Sending never waits; asking
//! waits for the answer and nothing else.

mod discovery;
mod error;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use libp2p::metrics::Registry;
use model::{NetworkId, NodeId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinHandle};

use crate::bounds::{FRAME_BYTES_MAX, SBAC_FRAME_BYTES_MAX};
use crate::conduct::{Offence, PeerConduct, Reporter};
use crate::config::{View, ViewError, parse_dial};
use crate::counters::{Counters, Meter};
use crate::identity::PeerName;
use crate::memory::Memory;
use crate::peers::{Peers, Role};
use crate::protocol::{Names, Protocol, Purpose};
use crate::quota::Quotas;
use crate::rpc::ask;

pub(crate) use discovery::Wish;
pub use error::{DialError, RequestError, SendError, TellError};

/// Acts on the network. Cheap to clone; the network stops when the last one is dropped.
#[derive(Clone)]
pub struct Handle {
    pub(crate) peers: Arc<Peers>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) names: Arc<Names>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) reporter: Reporter,
    pub(crate) quotas: Arc<Quotas>,
    /// What this process may use of the memory, in bytes, if somebody has said so.
    pub(crate) memory_bytes: Option<u64>,
    /// The node that this is.
    pub(crate) node: Option<NodeId>,
    /// The view that the network task is to take.
    pub(crate) view: Arc<watch::Sender<View>>,
    /// What libp2p counts.
    pub(crate) library: Arc<Registry>,
    /// Closed when the network's thread has ended.
    pub(crate) stopped: watch::Receiver<()>,
}

/// What the network task is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Dial an address and say what came of it.
    Dial {
        address: libp2p::Multiaddr,
        outcome: oneshot::Sender<Result<Remote, DialError>>,
    },
    /// Something that has to do with finding others.
    Discover(Wish),
    /// Say how guests have behaved.
    Conduct {
        outcome: oneshot::Sender<Vec<PeerConduct>>,
    },
    /// Stop.
    Stop,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node, by its member key.
    Node(NodeId),
    /// A peer, by the name that [`Handle::dial`] or [`Origin`](crate::Origin) gave.
    Peer(PeerName),
}

/// Who answered a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The peer.
    pub peer: PeerName,
    /// The node it has proven to be.
    pub node: Option<NodeId>,
    /// Its software version.
    pub agent: String,
}

/// An address that this node was told to keep connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootnode {
    /// The address.
    pub address: String,
    /// What came of it.
    pub state: BootnodeState,
}

/// How this node stands with a bootnode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootnodeState {
    /// It is about to be dialed, or has not answered yet.
    Dialing,
    /// It is connected.
    Connected {
        /// The node it has proven to be.
        node: Option<NodeId>,
    },
    /// The last dial failed, and there will be another one soon.
    Unreached {
        /// Why.
        reason: String,
    },
    /// It is of another network than this node. It is asked again after
    /// [`Limits::foreign_pause`](crate::Limits::foreign_pause).
    WrongNetwork {
        /// Its network.
        theirs: NetworkId,
    },
    /// It is this node.
    Own,
}

/// A peer that has said hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The peer.
    pub peer: PeerName,
    /// The node it has proven to be.
    pub node: Option<NodeId>,
    /// What it is to this node.
    pub role: Role,
    /// Its software version.
    pub agent: String,
    /// Where it is connected from or to.
    pub address: String,
    /// Where it says that it listens.
    pub listens: Vec<String>,
    /// Who dialed.
    pub direction: Direction,
    /// Since when it is connected.
    pub since: Instant,
    /// The time to it and back, measured last.
    pub latency: Option<Duration>,
    /// Whether this connection carries the link with a member, or what a neighbour is told.
    pub linked: bool,
}

/// Who dialed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The peer did.
    Inbound,
    /// This node did.
    Outbound,
}

impl Handle {
    /// Queues a frame for a member of the committee. Never waits.
    ///
    /// That it is queued does not mean that it arrives: a link can break at any time.
    ///
    /// # Errors
    ///
    /// Every [`SendError`].
    pub fn send(&self, to: NodeId, frame: Bytes) -> Result<(), SendError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(SendError::TooLarge);
        }
        let queued = self.peers.send(&to, frame);
        self.count(queued);
        queued
    }

    /// Queues a frame for every member with a link, all of whom share its buffer. Never waits.
    ///
    /// Returns for how many it was queued. Full queues are counted and passed over.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLarge`].
    pub fn broadcast(&self, frame: Bytes) -> Result<usize, SendError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(SendError::TooLarge);
        }
        let outcomes = self.peers.broadcast(&frame);
        for queued in &outcomes {
            self.count(*queued);
        }
        Ok(outcomes.iter().filter(|queued| queued.is_ok()).count())
    }

    /// Queues a frame for a neighbour. Never waits.
    ///
    /// Frames that are queued while others are under way leave together, in order. That a frame is
    /// queued does not mean that it arrives, and one that was given up as lost may still arrive.
    ///
    /// # Errors
    ///
    /// Every [`TellError`].
    pub fn tell(&self, to: NodeId, frame: Bytes) -> Result<(), TellError> {
        if frame.len() > SBAC_FRAME_BYTES_MAX {
            return Err(TellError::TooLarge);
        }
        let queued = self.peers.tell(&to, frame);
        match queued {
            Err(TellError::NotConnected) => self.meter.sbac_frames_dropped_unconnected.increment(),
            Err(TellError::Full) => self.meter.sbac_frames_dropped_full.increment(),
            Err(TellError::NotANeighbour) => {
                self.meter.sbac_frames_dropped_no_neighbour.increment();
            }
            Ok(()) | Err(TellError::TooLarge) => {}
        }
        queued
    }

    fn count(&self, queued: Result<(), SendError>) {
        match queued {
            Err(SendError::NotConnected) => self.meter.frames_dropped_unlinked.increment(),
            Err(SendError::Full) => self.meter.frames_dropped_full.increment(),
            Ok(()) | Err(SendError::TooLarge) => {}
        }
    }

    /// Takes another view of who is who. Never waits, and takes effect soon; of several views that
    /// follow each other quickly, only the last one may be seen.
    ///
    /// Members that are new get links, neighbours that are new are told, and those who are either no
    /// longer lose at once what they had: links and streams end, and what waits for them is lost.
    /// Connections stay, and links with those who stay are not touched. What was read from a node
    /// before is still in [`Events`](crate::Events).
    ///
    /// # Errors
    ///
    /// Every [`ViewError`]; the view is as before then.
    pub fn set_view(&self, view: View) -> Result<(), ViewError> {
        view.check(self.node)?;
        self.view.send_replace(view);
        Ok(())
    }

    /// Dials an address, with or without `/p2p/<peer>`, and waits until the peer has said hello.
    ///
    /// An address that is connected already is not dialed again.
    ///
    /// # Errors
    ///
    /// Every [`DialError`].
    pub async fn dial(&self, address: &str) -> Result<Remote, DialError> {
        let parsed = parse_dial(address).map_err(|reason| DialError::BadAddress {
            address: address.chars().take(256).collect(),
            reason,
        })?;
        let (outcome, answer) = oneshot::channel();
        let command = Command::Dial {
            address: parsed,
            outcome,
        };
        self.commands
            .send(command)
            .await
            .map_err(|_| DialError::Stopped)?;
        answer.await.unwrap_or(Err(DialError::Stopped))
    }

    /// Asks a connected node or peer, and waits for the answer at most `timeout`.
    ///
    /// Dropping the future withdraws the question.
    ///
    /// # Errors
    ///
    /// Every [`RequestError`].
    pub async fn request(
        &self,
        to: Target,
        protocol: Protocol,
        body: Vec<u8>,
        timeout: Duration,
    ) -> Result<Vec<u8>, RequestError> {
        let (limit, found) = (protocol.request_bytes_max(), body.len());
        if found > limit {
            return Err(RequestError::TooLarge { limit, found });
        }
        if self.commands.is_closed() {
            return Err(RequestError::Stopped);
        }
        let connection = self.peers.route(&to).ok_or(RequestError::NotConnected)?;
        let name = self.names.of(Purpose::Exchange(protocol)).clone();
        let meter = Arc::clone(&self.meter);
        // On the network's own thread, where the stream is: the caller may be on any runtime.
        let exchange = self.runtime.spawn(async move {
            let asking = connection.unless_closed(ask(&connection, name, protocol, body, &meter));
            match tokio::time::timeout(timeout, asking).await {
                Ok(answer) => answer.unwrap_or(Err(RequestError::Closed)),
                Err(_) => Err(RequestError::Timeout),
            }
        });
        Withdrawn(exchange).finish().await
    }

    /// Reports what a peer has done, as far as it is not for this crate to see. Never waits.
    ///
    /// Guests that go on like that are disconnected, and then banned. Of members and neighbours it is
    /// counted and logged: only the ledger can take their places away.
    pub fn report(&self, peer: PeerName, offence: Offence) {
        self.reporter.report(peer.0, offence);
    }

    /// A guest has paid for something: what others ask for who have paid for nothing is not in its way for a
    /// time. Says nothing about members and neighbours.
    pub fn has_paid(&self, guest: PeerName) {
        self.meter.guests_paid.increment();
        self.quotas.guest_pays(guest.0);
    }

    /// What a guest has asked of the `api` costs more than its bytes: as if it had so many more.
    pub fn charge(&self, guest: PeerName, bytes: usize) {
        self.quotas.guest_costs(guest.0, Protocol::Api, bytes);
    }

    /// The peers that have said hello, one entry for each connection.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.peers.infos()
    }

    /// How this node stands with its bootnodes, in the order in which they were configured.
    #[must_use]
    pub fn bootnodes(&self) -> Vec<Bootnode> {
        self.peers.bootnodes()
    }

    /// The addresses this node listens at, each with `/p2p/<peer>`.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<String> {
        self.peers.listening()
    }

    /// The addresses at which this node tells others to call it, each with `/p2p/<peer>`.
    #[must_use]
    pub fn announced_addresses(&self) -> Vec<String> {
        self.peers.announced()
    }

    /// How guests have behaved of whom anything is remembered, those who are gone or banned as well.
    /// Empty if the network has stopped.
    pub async fn conduct(&self) -> Vec<PeerConduct> {
        let (outcome, answer) = oneshot::channel();
        drop(self.commands.send(Command::Conduct { outcome }).await);
        answer.await.unwrap_or_default()
    }

    /// What has been counted since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.meter.snapshot()
    }

    /// What libp2p counts, each name beginning with `chainspace_libp2p_`: connections, handshakes, pings,
    /// look-ups. No label names a peer.
    #[must_use]
    pub fn library_metrics(&self) -> &Registry {
        &self.library
    }

    /// The memory of this process, and what it may use of it.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory::now(self.memory_bytes)
    }

    /// Stops the network for all handles, once what is queued has left or a second has passed.
    ///
    /// When it returns, nothing of the network runs any more and the ports are free.
    pub async fn shutdown(mut self) {
        // An error of either kind means that it has stopped already.
        let _ = self.commands.send(Command::Stop).await;
        while self.stopped.changed().await.is_ok() {}
    }
}

/// An exchange that ends when nobody waits for it.
struct Withdrawn(JoinHandle<Result<Vec<u8>, RequestError>>);

impl Withdrawn {
    async fn finish(mut self) -> Result<Vec<u8>, RequestError> {
        let outcome = (&mut self.0).await;
        outcome.unwrap_or_else(|error: JoinError| match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(RequestError::Stopped),
        })
    }
}

impl Drop for Withdrawn {
    fn drop(&mut self) {
        self.0.abort();
    }
}
