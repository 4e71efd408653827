//! The network task: the only one that owns the swarm, and the only one that decides.
//!
//! It turns three kinds of news into decisions: what the swarm saw, what the handles want, and what
//! its own tasks have finished. Each turn handles one piece of news and never waits for anybody, so
//! nothing a peer does can stop it. Each stream that a peer opens is handed to a task of its own;
//! what is said on streams, frames and requests, never passes through here.

mod arrivals;
mod dials;
mod discovery;
mod foreigners;
mod gossip;
mod hellos;
mod known;
mod limits;
mod links;
mod neighbours;
mod reports;
mod seats;
mod view;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::metrics::{Metrics, Recorder as _};
use libp2p::swarm::{ConnectionId, ListenError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, Swarm, identify, ping};
use model::NodeId;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::{debug, warn};

use crate::bounds::{LISTEN_PATIENCE, MEMORY_TICKS, TICK};
use crate::conduct::{Offence, Reporter};
use crate::config::{Config, StartError, View};
use crate::counters::Meter;
use crate::dialer::Dialer;
use crate::events::{Frame, Inbound, Link};
use crate::gossip::Gossip;
use crate::handle::Command;
use crate::identity::{Hello, Identified};
use crate::link::{Claim, Down, Intake, Links};
use crate::memory;
use crate::neighbour::Door;
use crate::peers::Peers;
use crate::protocol::{Names, Protocol, Purpose};
use crate::quota::Quotas;
use crate::rpc::{Desk, Greeting, serve};
use crate::streams;
use crate::swarm::{Behaviour, BehaviourEvent};
use arrivals::Arrival;
use dials::Waiter;
use discovery::Directory;
use gossip::Hall;
use hellos::OurHello;
use known::Acquaintances;
use reports::Reports;
use seats::Seats;

/// The ends of the channels to the rest of the node.
pub(crate) struct Outlets {
    pub(crate) frames: mpsc::Sender<Frame>,
    pub(crate) foreign: mpsc::Sender<Frame>,
    pub(crate) requests: mpsc::Sender<Inbound>,
    pub(crate) links: mpsc::Sender<Link>,
    pub(crate) gossip: mpsc::Sender<Gossip>,
}

/// What a service is made of, beside its swarm.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) bootnodes: Vec<Multiaddr>,
    pub(crate) external: Vec<Multiaddr>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) names: Arc<Names>,
    pub(crate) outlets: Outlets,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) views: watch::Receiver<View>,
    pub(crate) reporter: Reporter,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) offences: mpsc::Receiver<(PeerId, Offence)>,
    pub(crate) metrics: Metrics,
}

/// Those who listen, with the address of each as it was configured.
pub(crate) type Listeners = HashMap<ListenerId, String>;

/// What a task of the service has to say when it has finished.
enum Note {
    /// We dialed and said hello; the peer answered or did not.
    Greeted {
        connection: ConnectionId,
        outcome: Result<Hello, Greeting>,
    },
    /// The peer dialed and said hello, or something else.
    Heard {
        connection: ConnectionId,
        outcome: Result<(Hello, Stream), Greeting>,
    },
    /// Our answer to a hello was taken, or not.
    Answered {
        connection: ConnectionId,
        outcome: Result<(), Greeting>,
    },
    /// A link that we opened was accepted, or not.
    LinkOpened {
        node: NodeId,
        connection: ConnectionId,
        claim: Claim,
        outcome: Result<Stream, Down>,
    },
    /// A link is down.
    LinkDown {
        node: NodeId,
        connection: ConnectionId,
        claim: Claim,
        reason: Down,
    },
    /// A neighbour's courier has nothing to do any more.
    CourierDone,
}

/// See [the module](self).
pub(crate) struct Service {
    swarm: Swarm<Behaviour>,
    config: Config,
    peers: Arc<Peers>,
    meter: Arc<Meter>,
    names: Arc<Names>,
    desk: Arc<Desk>,
    door: Arc<Door>,
    commands: mpsc::Receiver<Command>,
    views: watch::Receiver<View>,
    reporter: Reporter,
    offences: mpsc::Receiver<(PeerId, Offence)>,
    /// Counts what libp2p tells.
    metrics: Metrics,
    tasks: JoinSet<Note>,
    hello: OurHello,
    /// What is known of each connection that is not about to be closed.
    arrivals: BTreeMap<ConnectionId, Arrival>,
    /// Who waits for a dial.
    waiters: BTreeMap<ConnectionId, Waiter>,
    dialer: Dialer,
    seats: Seats,
    /// `None` for those who are no node and have no links.
    links: Option<Links>,
    /// Where the frames of each member go.
    intakes: BTreeMap<NodeId, Intake>,
    frames: mpsc::Sender<Frame>,
    /// Pumps and couriers at work: what is queued leaves through them.
    writers: usize,
    reports: Reports,
    /// The addresses to tell others, if they are not those that we listen at.
    external: Vec<Multiaddr>,
    directory: Directory,
    hall: Hall,
    acquaintances: Acquaintances,
    /// What this process may use of the memory, in bytes, if anybody says.
    memory: Option<u64>,
    ticks: u32,
}

impl Service {
    /// A service that has not begun to work.
    pub(crate) fn new(swarm: Swarm<Behaviour>, parts: Parts) -> Self {
        let Parts {
            config,
            bootnodes,
            external,
            peers,
            meter,
            names,
            outlets,
            commands,
            views,
            reporter,
            quotas,
            offences,
            metrics,
        } = parts;
        let limits = &config.limits;
        let ours = config.identity.as_ref().map(|identity| identity.node);
        let memory = limits.memory_bytes.or_else(memory::share);
        let door = Door::new(
            limits,
            Arc::clone(&meter),
            Arc::clone(&quotas),
            outlets.foreign,
        );
        Self {
            desk: Arc::new(Desk::new(
                limits,
                Arc::clone(&meter),
                quotas,
                outlets.requests,
            )),
            door: Arc::new(door),
            dialer: Dialer::new(ours, bootnodes, limits, Instant::now()),
            seats: Seats::new(ours),
            links: ours.map(Links::new),
            intakes: BTreeMap::new(),
            frames: outlets.frames,
            reports: Reports::new(outlets.links),
            directory: Directory::new(limits, Instant::now()),
            hall: Hall::new(outlets.gossip),
            acquaintances: Acquaintances::load(&config, Instant::now()),
            external,
            hello: OurHello::default(),
            arrivals: BTreeMap::new(),
            waiters: BTreeMap::new(),
            tasks: JoinSet::new(),
            writers: 0,
            swarm,
            config,
            peers,
            meter,
            names,
            commands,
            views,
            reporter,
            offences,
            metrics,
            memory,
            ticks: 0,
        }
    }

    /// Works until every listener has an address, or has had its time to get one: where this machine has no
    /// address of a family, it may have one later.
    ///
    /// # Errors
    ///
    /// [`StartError::Listen`] if a listener has ended.
    pub(crate) async fn start(&mut self, mut listeners: Listeners) -> Result<(), StartError> {
        self.renew_hello();
        self.take_view();
        let patience = tokio::time::sleep(LISTEN_PATIENCE);
        tokio::pin!(patience);
        while !listeners.is_empty() {
            let event = tokio::select! {
                event = self.swarm.select_next_some() => event,
                () = &mut patience => {
                    for address in listeners.values() {
                        warn!(address, "this machine has no address to listen at there yet");
                    }
                    break;
                }
            };
            if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                listeners.remove(listener_id);
            }
            if let SwarmEvent::ListenerClosed {
                listener_id,
                reason,
                ..
            } = &event
                && let Some(address) = listeners.remove(listener_id)
            {
                let reason = match reason {
                    Ok(()) => "the listener has ended".into(),
                    Err(error) => error.to_string(),
                };
                return Err(StartError::Listen { address, reason });
            }
            self.on_swarm(event);
        }
        Ok(())
    }

    /// Works until it is told to stop or the last handle is gone.
    pub(crate) async fn run(mut self) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Dial { address, outcome }) => self.dial(&address, outcome),
                    Some(Command::Discover(wish)) => self.on_wish(wish),
                    Some(Command::Conduct { outcome }) => self.tell_conduct(outcome),
                    Some(Command::Stop) | None => break,
                },
                // Without handles there is nobody to change it, and the commands say so.
                Ok(()) = self.views.changed() => self.take_view(),
                Some(judged) = self.hall.judged.recv() => self.on_judged(judged),
                event = self.swarm.select_next_some() => self.on_swarm(event),
                Some(note) = self.tasks.join_next() => self.on_task(note),
                Some((peer, offence)) = self.offences.recv() => self.on_offence(peer, offence),
                _ = tick.tick() => self.on_tick(Instant::now()),
            }
        }
        self.stop().await;
    }

    /// Lets what is queued leave, then closes all connections.
    async fn stop(mut self) {
        self.commands.close();
        self.peers.close_queues();
        let patience = self.config.limits.flush_timeout;
        let flushed = async {
            while self.writers > 0 {
                tokio::select! {
                    event = self.swarm.select_next_some() => self.on_swarm(event),
                    Some(note) = self.tasks.join_next() => self.on_task(note),
                }
            }
            for connection in self.peers.all() {
                self.close(connection.id);
            }
            while self.swarm.network_info().num_peers() > 0 {
                let event = self.swarm.select_next_some().await;
                self.on_swarm(event);
            }
        };
        // A peer that does not take what is left has had its time.
        let _ = tokio::time::timeout(patience, flushed).await;
        self.acquaintances.close().await;
    }

    fn on_tick(&mut self, now: Instant) {
        self.dial_due(now);
        self.close_overdue(now);
        self.reopen_links(now);
        self.reports.retry();
        self.discover(now);
        self.say_again(now);
        self.call_acquaintances(now);
        self.save_acquaintances(now);
        self.peers.set_bootnodes(self.dialer.bootnodes());
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(MEMORY_TICKS) {
            self.look_at_memory();
        }
    }

    fn on_task(&mut self, finished: Result<Note, tokio::task::JoinError>) {
        let note = match finished.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(note) => note,
            // A mistake of ours must not be survived by half of the network.
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            Err(Err(_)) => return,
        };
        match note {
            Note::Greeted {
                connection,
                outcome,
            } => self.on_greeted(connection, outcome),
            Note::Heard {
                connection,
                outcome,
            } => self.on_heard(connection, outcome),
            Note::Answered {
                connection,
                outcome,
            } => self.on_answered(connection, outcome),
            Note::LinkOpened {
                node,
                connection,
                claim,
                outcome,
            } => self.on_link_opened(node, connection, claim, outcome),
            Note::LinkDown {
                node,
                connection,
                claim,
                reason,
            } => self.on_link_down(node, connection, &claim, &reason),
            Note::CourierDone => self.writers -= 1,
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        self.metrics.record(&event);
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => self.on_established(connection_id, peer_id, &endpoint),
            SwarmEvent::ConnectionClosed {
                connection_id,
                cause,
                ..
            } => {
                debug!(connection = %connection_id, ?cause, "connection closed");
                self.forget(connection_id);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                error,
                ..
            } => self.on_dial_failed(connection_id, &error),
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                ..
            } => {
                debug!(from = %send_back_addr, %error, "inbound connection failed");
                match error {
                    ListenError::Denied { .. } => self.meter.connections_refused.increment(),
                    _ => self.meter.handshakes_failed.increment(),
                }
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                self.readdress();
            }
            SwarmEvent::ListenerClosed {
                addresses, reason, ..
            } => {
                warn!(?addresses, ?reason, "no longer listening");
                self.readdress();
            }
            SwarmEvent::ListenerError { error, .. } => warn!(%error, "listener failed"),
            // Dials in progress and addresses that others observe decide nothing here.
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match &event {
            BehaviourEvent::Identify(event) => self.metrics.record(event),
            BehaviourEvent::Ping(event) => self.metrics.record(event),
            BehaviourEvent::Discovery(event) => self.metrics.record(event),
            BehaviourEvent::Gossip(event) => self.metrics.record(event),
            BehaviourEvent::Streams(_) => {} // ours, and counted by us
            BehaviourEvent::Gate(never) | BehaviourEvent::Limits(never) => match *never {},
        }
        match event {
            BehaviourEvent::Streams(inbound) => self.on_stream(inbound),
            BehaviourEvent::Ping(ping::Event {
                connection,
                result: Err(ping::Failure::Timeout | ping::Failure::Other { .. }),
                ..
            }) => {
                debug!(%connection, "no answer to pings");
                self.close(connection);
            }
            BehaviourEvent::Ping(ping::Event {
                connection,
                result: Ok(latency),
                ..
            }) => {
                if let Some(arrival) = self.arrivals.get(&connection) {
                    arrival.connection.measured(latency);
                }
            }
            BehaviourEvent::Identify(identify::Event::Received {
                connection_id,
                info,
                ..
            }) => {
                let identified = Identified::new(&info.agent_version, &info.protocol_version);
                self.on_identified(connection_id, identified);
            }
            BehaviourEvent::Discovery(event) => self.on_directory(event),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Ping(_) | BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Gate(never) | BehaviourEvent::Limits(never) => match never {},
        }
    }

    /// A peer opened a stream. Dropping it refuses it.
    fn on_stream(&mut self, inbound: streams::Inbound) {
        let streams::Inbound {
            connection,
            purpose,
            stream,
        } = inbound;
        match purpose {
            Purpose::Hello => self.on_hello_stream(connection, stream),
            Purpose::Bft => self.on_link_stream(connection, stream),
            Purpose::Exchange(Protocol::Sbac) => self.on_told_stream(connection, stream),
            Purpose::Exchange(protocol @ (Protocol::Sync | Protocol::Api)) => {
                self.on_request_stream(connection, protocol, stream);
            }
        }
    }

    /// A peer asks something.
    fn on_request_stream(&mut self, id: ConnectionId, protocol: Protocol, stream: Stream) {
        let Some(arrival) = self.arrivals.get(&id) else {
            return;
        };
        let on = Arc::clone(&arrival.connection);
        let desk = Arc::clone(&self.desk);
        tokio::spawn(async move {
            let serving = serve(desk, &on, protocol, stream);
            if let Some(Err(reason)) = on.unless_closed(serving).await {
                debug!(connection = %id, ?protocol, %reason, "request not answered");
            }
        });
    }
}
