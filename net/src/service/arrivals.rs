//! Connections, from the moment they are there to the moment they are given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::core::ConnectedPoint;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};
use tracing::debug;

use super::{Note, Service};
use crate::gate::{is_loopback, is_same_machine};
use crate::handle::{DialError, Direction};
use crate::identity::Identified;
use crate::peers::{Connection, End, Standing};
use crate::protocol::Purpose;
use crate::rpc::greet;

/// How far the greeting of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The peer has dialed and said nothing yet.
    Silent,
    /// The greeting is under way.
    Greeting,
    /// The peer does not speak our greeting. Identify will say which network it is of.
    Foreign,
    /// The peer is of another network, and has some time left to find out the same.
    OtherNetwork,
    /// The peer is who it says.
    Proven,
}

/// What the service knows of a connection.
pub(super) struct Arrival {
    pub(super) connection: Arc<Connection>,
    pub(super) stage: Stage,
    /// When it must be proven.
    pub(super) deadline: Instant,
    /// What identify calls the peer.
    pub(super) identified: Option<Identified>,
    /// Where its node says that it listens.
    pub(super) addresses: Vec<Multiaddr>,
    /// When to ask again for the link that the member has refused or ended, if it is to be asked.
    pub(super) link_again: Option<Instant>,
    /// The pause before that, the next time.
    pub(super) link_pause: Duration,
}

impl End {
    fn of(endpoint: &ConnectedPoint) -> Self {
        match endpoint {
            ConnectedPoint::Dialer { address, .. } => Self {
                direction: Direction::Outbound,
                address: address.clone(),
                local: is_loopback(address),
            },
            ConnectedPoint::Listener {
                local_addr,
                send_back_addr,
            } => Self {
                direction: Direction::Inbound,
                address: send_back_addr.clone(),
                local: is_same_machine(local_addr, send_back_addr),
            },
        }
    }
}

impl Service {
    /// A connection is there. Whoever dialed it says hello.
    pub(super) fn on_established(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        endpoint: &ConnectedPoint,
    ) {
        let Some(opener) = self.swarm.behaviour_mut().streams.take_opener(id) else {
            return;
        };
        self.meter.connections.increment();
        let end = End::of(endpoint);
        let (direction, address) = (end.direction, &end.address);
        debug!(connection = %id, %peer, %address, ?direction, "connected");
        let (reporter, limits) = (self.reporter.clone(), &self.config.limits);
        let connection = Connection::new(id, peer, end, opener, reporter, limits);
        let connection = Arc::new(connection);
        let stage = match direction {
            Direction::Inbound => Stage::Silent,
            Direction::Outbound => {
                self.say_hello(&connection);
                Stage::Greeting
            }
        };
        self.peers.insert(Arc::clone(&connection));
        let arrival = Arrival {
            connection,
            stage,
            deadline: Instant::now() + self.config.limits.hello_timeout,
            identified: None,
            addresses: Vec::new(),
            link_again: None,
            link_pause: self.config.limits.redial_min,
        };
        self.arrivals.insert(id, arrival);
    }

    fn say_hello(&mut self, connection: &Arc<Connection>) {
        let id = connection.id;
        let greeting = greet(
            Arc::clone(connection),
            self.names.of(Purpose::Hello).clone(),
            self.hello.bytes(),
            self.config.limits.hello_timeout,
        );
        self.tasks.spawn(async move {
            Note::Greeted {
                connection: id,
                outcome: greeting.await,
            }
        });
    }

    /// Closes the connections that should have been proven by now.
    pub(super) fn close_overdue(&mut self, now: Instant) {
        let overdue: Vec<ConnectionId> = self
            .arrivals
            .iter()
            .filter(|(_, arrival)| arrival.stage != Stage::Proven && arrival.deadline <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in overdue {
            if self.stage(id) == Some(Stage::OtherNetwork) {
                self.close(id);
                continue;
            }
            self.meter.hellos_refused.increment();
            let address = self.address_of(id);
            self.fail(id, DialError::Timeout { address });
        }
    }

    /// How far the greeting of a connection has come.
    pub(super) fn stage(&self, id: ConnectionId) -> Option<Stage> {
        self.arrivals.get(&id).map(|arrival| arrival.stage)
    }

    /// The address of a connection, for people.
    pub(super) fn address_of(&self, id: ConnectionId) -> String {
        self.arrivals
            .get(&id)
            .map(|arrival| arrival.connection.address.to_string())
            .unwrap_or_default()
    }

    /// Gives a connection up for a reason, which whoever dialed it is told.
    pub(super) fn fail(&mut self, id: ConnectionId, reason: DialError) {
        debug!(connection = %id, %reason, "connection given up");
        self.dialer.failed(id, reason.to_string());
        self.settle(id, &Err(reason));
        self.close(id);
    }

    /// Gives a connection up.
    pub(super) fn close(&mut self, id: ConnectionId) {
        self.forget(id);
        self.swarm.close_connection(id);
    }

    /// Removes every trace of a connection. Does nothing the second time.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        let Some(arrival) = self.arrivals.remove(&id) else {
            return;
        };
        let now = Instant::now();
        let address = arrival.connection.address.to_string();
        let node = arrival.connection.node();
        arrival.connection.standing.send_replace(Standing::Closed);
        self.peers.remove(id);
        self.dialer.ended(id, now);
        let peer = arrival.connection.peer;
        if !self.arrivals.values().any(|a| a.connection.peer == peer) {
            self.hall.forget(&peer);
        }
        let reason = "the connection was closed".into();
        self.settle(id, &Err(DialError::Refused { address, reason }));
        if let Some(node) = node {
            self.release_link(node, id, now);
            self.reroute(node, now);
        }
    }
}
