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
    /// Whether they dialed. Those who did not wait for what others have begun, and dial if nothing comes of it.
    dialed: bool,
}

/// Where somebody is told what came of a dial. Whoever asked may have given up.
type Outcome = oneshot::Sender<Result<Remote, DialError>>;

impl Service {
    /// Dials for a handle, unless the address is connected already or somebody dials it.
    pub(super) fn dial(&mut self, address: &Multiaddr, outcome: Outcome) {
        if let Some(outcome) = self.join(address, outcome) {
            self.begin_dial(address.clone(), vec![outcome]);
        }
    }

    /// Lets somebody have the connection with an address that is there already, or in the making: asking
    /// again, and giving up in between, makes no more of them. Gives the outcome back if there is none.
    fn join(&mut self, address: &Multiaddr, outcome: Outcome) -> Option<Outcome> {
        if let Some(remote) = self.known_at(address) {
            drop(outcome.send(Ok(remote)));
            return None;
        }
        let mut waiters = self.waiters.values_mut();
        if let Some(waiter) = waiters.find(|waiter| waiter.address == *address) {
            waiter.outcomes.push(outcome);
            return None;
        }
        let mut here = self.arrivals.values();
        let greeting = here.find(|arrival| {
            // What became of a peer of another network has been said.
            arrival.stage != Stage::OtherNetwork && is_at(&arrival.connection, address)
        });
        let Some(greeting) = greeting else {
            return Some(outcome);
        };
        let id = greeting.connection.id;
        let waiter = self.waiters.entry(id).or_insert_with(|| Waiter {
            address: address.clone(),
            outcomes: Vec::new(),
            dialed: false,
        });
        waiter.outcomes.push(outcome);
        None
    }

    /// Who is at an address, if there is a connection whose peer has said so.
    fn known_at(&self, address: &Multiaddr) -> Option<Remote> {
        let arrivals = self.arrivals.values();
        let mut here = arrivals.filter(|arrival| is_at(&arrival.connection, address));
        here.find_map(|arrival| remote(&arrival.connection))
    }

    fn begin_dial(&mut self, address: Multiaddr, outcomes: Vec<Outcome>) {
        let options = options(&address);
        let waiter = Waiter {
            address,
            outcomes,
            dialed: true,
        };
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
        self.dial(&Multiaddr::from(Part::P2p(peer)), outcome);
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
            self.settle(id, &Err(reason));
        }
    }

    /// The peer on a connection has proven who it is. Whoever waits for it is told, whichever side dialed and
    /// whichever connection they wait for.
    pub(super) fn on_proven(&mut self, connection: &Connection) {
        let Some(remote) = remote(connection) else {
            return;
        };
        self.dialer
            .proven(connection.id, remote.node, Instant::now());
        let has_come = |id: &ConnectionId, waiter: &mut Waiter| {
            *id == connection.id || is_at(connection, &waiter.address)
        };
        let outcome = Ok(remote);
        for (_, waiter) in self.waiters.extract_if(.., has_come) {
            waiter.tell(&outcome);
        }
    }

    /// Tells whoever waits for a connection, if anybody does, what came of it.
    pub(super) fn settle(&mut self, id: ConnectionId, outcome: &Result<Remote, DialError>) {
        let Some(waiter) = self.waiters.remove(&id) else {
            return;
        };
        let says_all = matches!(outcome, Ok(_) | Err(DialError::WrongNetwork { .. }));
        if waiter.dialed || says_all || self.commands.is_closed() {
            return waiter.tell(outcome);
        }
        // It was not their dial that failed. They have one, and no more.
        match self.known_at(&waiter.address) {
            Some(remote) => waiter.tell(&Ok(remote)),
            None => self.begin_dial(waiter.address, waiter.outcomes),
        }
    }
}

impl Waiter {
    fn tell(self, outcome: &Result<Remote, DialError>) {
        for waiting in self.outcomes {
            drop(waiting.send(outcome.clone()));
        }
    }
}

/// A dial of an address, or of a peer at the addresses that the directory has for it just now.
pub(super) fn options(address: &Multiaddr) -> DialOpts {
    // A port of its own for each dial: reusing the one we listen at fails for a while after a
    // connection with the same peer was closed.
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Part::P2p(peer)), None) => DialOpts::peer_id(peer)
            .condition(PeerCondition::Disconnected)
            .allocate_new_port()
            .build(),
        _ => DialOpts::unknown_peer_id()
            .address(address.clone())
            .allocate_new_port()
            .build(),
    }
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
