//! Dials: those that a handle asked for and those that the dialer wants.

use std::error::Error;
use std::time::Instant;

use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError as SwarmError};
use libp2p::{Multiaddr, PeerId, TransportError};
use tokio::sync::oneshot;
use tracing::debug;

use super::Service;
use crate::handle::{DialError, Direction, Remote};
use crate::identity::PeerName;
use crate::peers::Connection;

/// Who waits for a dial, and for what address.
pub(super) struct Waiter {
    address: String,
    outcome: oneshot::Sender<Result<Remote, DialError>>,
}

impl Service {
    /// Dials for a handle, unless the address is connected already.
    pub(super) fn dial(
        &mut self,
        address: &Multiaddr,
        outcome: oneshot::Sender<Result<Remote, DialError>>,
    ) {
        let known = self.arrivals.values().find_map(|arrival| {
            let connection = &arrival.connection;
            is_at(connection, address).then(|| remote(connection))?
        });
        if let Some(remote) = known {
            // Whoever asked may have given up.
            return drop(outcome.send(Ok(remote)));
        }
        let waiter = Waiter {
            address: address.to_string(),
            outcome,
        };
        let options = options(address);
        self.waiters.insert(options.connection_id(), waiter);
        self.start_dial(options);
    }

    /// Dials what the dialer wants.
    pub(super) fn dial_due(&mut self, now: Instant) {
        let connected = self.peers.connected();
        for address in self.dialer.due(&connected, now) {
            let options = options(&address);
            self.dialer.dialed(&address, options.connection_id());
            self.start_dial(options);
        }
    }

    /// Dials a peer that somebody named, at the addresses that the directory has for it just now,
    /// unless it is connected already. The result is what comes of it.
    pub(super) fn dial_peer(
        &mut self,
        peer: PeerId,
    ) -> oneshot::Receiver<Result<Remote, DialError>> {
        let (outcome, answer) = oneshot::channel();
        let address = Multiaddr::from(Part::P2p(peer));
        let known = self.arrivals.values().find_map(|arrival| {
            let connection = &arrival.connection;
            is_at(connection, &address).then(|| remote(connection))?
        });
        if let Some(remote) = known {
            drop(outcome.send(Ok(remote)));
            return answer;
        }
        let waiter = Waiter {
            address: address.to_string(),
            outcome,
        };
        // Somebody else here dialed it, and the peers are greeting each other: that connection will do.
        let mut arrivals = self.arrivals.values();
        let greeting = arrivals.find_map(|arrival| {
            let id = arrival.connection.id;
            (arrival.connection.peer == peer && !self.waiters.contains_key(&id)).then_some(id)
        });
        if let Some(id) = greeting {
            self.waiters.insert(id, waiter);
            return answer;
        }
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::Disconnected)
            .allocate_new_port()
            .build();
        self.waiters.insert(options.connection_id(), waiter);
        self.start_dial(options);
        answer
    }

    /// Whether dialing an address would lead to a peer that is connected.
    pub(super) fn is_connected(&self, address: &Multiaddr) -> bool {
        let arrivals = self.arrivals.values();
        arrivals.into_iter().any(|a| is_at(&a.connection, address))
    }

    pub(super) fn start_dial(&mut self, options: DialOpts) {
        let id = options.connection_id();
        if let Err(error) = self.swarm.dial(options) {
            self.on_dial_failed(id, &error);
        }
    }

    /// A dial has failed before there was a connection.
    pub(super) fn on_dial_failed(&mut self, id: ConnectionId, error: &SwarmError) {
        self.meter.dials_failed.increment();
        debug!(connection = %id, reason = root_cause(error), "dial failed");
        if let SwarmError::LocalPeerId { .. } | SwarmError::NoAddresses = error {
            self.dialer.own(id);
        }
        self.dialer.failed(id, root_cause(error));
        self.dialer.ended(id, Instant::now());
        if let Some(waiter) = self.waiters.get(&id) {
            let reason = translate(waiter.address.clone(), error);
            self.settle(id, Err(reason));
        }
    }

    /// The peer on a connection has proven who it is: whoever dialed it is told.
    pub(super) fn on_dial_proven(&mut self, connection: &Connection) {
        if let Some(remote) = remote(connection) {
            self.dialer
                .proven(connection.id, remote.node, Instant::now());
            self.settle(connection.id, Ok(remote));
        }
    }

    /// Tells whoever waits for a dial, if anybody does, what came of it.
    pub(super) fn settle(&mut self, id: ConnectionId, outcome: Result<Remote, DialError>) {
        if let Some(waiter) = self.waiters.remove(&id) {
            drop(waiter.outcome.send(outcome));
        }
    }
}

pub(super) fn options(address: &Multiaddr) -> DialOpts {
    // A port of its own for each dial: reusing the one we listen at fails for a while after a
    // connection with the same peer was closed.
    DialOpts::unknown_peer_id()
        .address(address.clone())
        .allocate_new_port()
        .build()
}

/// Whether dialing `address` would lead to where this connection goes.
fn is_at(connection: &Connection, address: &Multiaddr) -> bool {
    match address.iter().last() {
        Some(Part::P2p(peer)) => connection.peer == peer,
        _ => connection.direction == Direction::Outbound && connection.address == *address,
    }
}

fn remote(connection: &Connection) -> Option<Remote> {
    let proof = connection.proof()?;
    Some(Remote {
        peer: PeerName(connection.peer),
        node: proof.node,
        agent: proof.agent,
    })
}

fn translate(address: String, error: &SwarmError) -> DialError {
    match error {
        SwarmError::LocalPeerId { .. } | SwarmError::NoAddresses => DialError::Own { address },
        SwarmError::WrongPeerId { obtained, .. } => DialError::WrongPeer {
            address,
            found: PeerName(*obtained),
        },
        SwarmError::Denied { .. } | SwarmError::DialPeerConditionFalse(_) => DialError::Busy,
        SwarmError::Aborted | SwarmError::Transport(_) => DialError::Unreachable {
            address,
            reason: root_cause(error),
        },
    }
}

/// What is at the bottom of an error that libp2p has wrapped several times.
fn root_cause(error: &SwarmError) -> String {
    let mut cause: &dyn Error = match error {
        SwarmError::Transport(attempts) => match attempts.last() {
            Some((_, TransportError::Other(error))) => error,
            Some((_, error)) => error,
            None => error,
        },
        _ => error,
    };
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
