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
use super::arrivals::Stage;
use crate::handle::{DialError, Direction, Remote};
use crate::identity::PeerName;
use crate::peers::Connection;

/// Who waits for a dial, and for what address.
pub(super) struct Waiter {
    address: Multiaddr,
    outcomes: Vec<Outcome>,
}

/// Where somebody is told what came of a dial. Whoever asked may have given up.
type Outcome = oneshot::Sender<Result<Remote, DialError>>;

impl Service {
    /// Dials for a handle, unless the address is connected already or somebody dials it.
    pub(super) fn dial(&mut self, address: &Multiaddr, outcome: Outcome) {
        if let Some(outcome) = self.join(address, outcome) {
            self.begin_dial(options(address), address.clone(), outcome);
        }
    }

    /// Lets somebody have the connection with an address that is there already, or in the making: asking
    /// again, and giving up in between, makes no more of them. Gives the outcome back if there is none.
    fn join(&mut self, address: &Multiaddr, outcome: Outcome) -> Option<Outcome> {
        let arrivals = self.arrivals.values();
        let mut here = arrivals.filter(|arrival| is_at(&arrival.connection, address));
        let known = here.clone().find_map(|arrival| remote(&arrival.connection));
        if let Some(remote) = known {
            drop(outcome.send(Ok(remote)));
            return None;
        }
        let mut waiters = self.waiters.values_mut();
        if let Some(waiter) = waiters.find(|waiter| waiter.address == *address) {
            waiter.outcomes.push(outcome);
            return None;
        }
        // What became of a peer of another network has been said.
        let Some(greeting) = here.find(|arrival| arrival.stage != Stage::OtherNetwork) else {
            return Some(outcome);
        };
        let id = greeting.connection.id;
        let waiter = self.waiters.entry(id).or_insert_with(|| Waiter {
            address: address.clone(),
            outcomes: Vec::new(),
        });
        waiter.outcomes.push(outcome);
        None
    }

    fn begin_dial(&mut self, options: DialOpts, address: Multiaddr, outcome: Outcome) {
        let outcomes = vec![outcome];
        let waiter = Waiter { address, outcomes };
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
        if let Some(outcome) = self.join(&address, outcome) {
            let options = DialOpts::peer_id(peer)
                .condition(PeerCondition::Disconnected)
                .allocate_new_port()
                .build();
            self.begin_dial(options, address, outcome);
        }
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
            let reason = translate(waiter.address.to_string(), error);
            self.settle(id, Err(reason));
        }
    }

    /// The peer on a connection has proven who it is. Whoever waits for it is told, whichever side dialed.
    pub(super) fn on_proven(&mut self, connection: &Connection) {
        if let Some(remote) = remote(connection) {
            self.dialer
                .proven(connection.id, remote.node, Instant::now());
            self.settle(connection.id, Ok(remote));
        }
    }

    /// Tells whoever waits for a dial, if anybody does, what came of it.
    pub(super) fn settle(&mut self, id: ConnectionId, outcome: Result<Remote, DialError>) {
        let waiter = self.waiters.remove(&id);
        for waiting in waiter.into_iter().flat_map(|waiter| waiter.outcomes) {
            drop(waiting.send(outcome.clone()));
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
