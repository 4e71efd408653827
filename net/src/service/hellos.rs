//! Greetings: what we say, and whether we believe what we hear.

use std::sync::Arc;
use std::time::Instant;

use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, Stream};
use model::bounds::ADDRESSES_MAX;
use model::{NetworkId, NodeId, encoding};
use thiserror::Error;
use tracing::{debug, error, info};

use super::arrivals::Stage;
use super::seats::Taken;
use super::{Note, Service};
use crate::bounds::RECORD_LIFETIME;
use crate::clock::unix_ms;
use crate::conduct::Offence;
use crate::gate::Full;
use crate::handle::{DialError, Direction};
use crate::identity::{Hello, is_agent};
use crate::peers::{Connection, Proof, Role, Standing};
use crate::record::{NodeRecord, RecordError, SignedRecord};
use crate::rpc::{Greeting, answer, hear};

/// What we say to peers, encoded once for all of them.
#[derive(Default)]
pub(super) struct OurHello {
    bytes: Arc<[u8]>,
    record: Option<SignedRecord>,
    sequence: u64,
}

impl OurHello {
    /// The encoding of the greeting.
    pub(super) fn bytes(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }

    /// The record in it that is of use to others, if there is one.
    pub(super) fn record(&self) -> Option<&SignedRecord> {
        let addresses = |signed: &&SignedRecord| !signed.record.addresses.is_empty();
        self.record.as_ref().filter(addresses)
    }

    /// Whether the record will expire before long. `now` is in milliseconds since 1970.
    pub(super) fn is_ageing(&self, now: u64) -> bool {
        let half = RECORD_LIFETIME.as_millis() as u64 / 2;
        let young = |signed: &SignedRecord| now + half < signed.record.expires;
        !self.record.as_ref().is_some_and(young)
    }

    /// There is a record of this node with this number. Says whether ours has a smaller one.
    pub(super) fn outdo(&mut self, sequence: u64) -> bool {
        let smaller = self.sequence < sequence;
        self.sequence = self.sequence.max(sequence);
        smaller
    }
}

/// Why a peer is turned away after its greeting.
#[derive(Debug, Error)]
enum Unwelcome {
    #[error("the peer is of network {0}")]
    OtherNetwork(NetworkId),
    #[error("the software version is too long or not printable")]
    Agent,
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Seat(#[from] Taken),
    #[error(transparent)]
    Full(#[from] Full),
}

impl Service {
    /// Signs a new greeting with the addresses we listen at now.
    pub(super) fn renew_hello(&mut self) {
        let peer = *self.swarm.local_peer_id();
        let addresses = self.own_addresses();
        let now_ms = unix_ms();
        self.hello.sequence = now_ms.max(self.hello.sequence + 1);
        let record = self.config.identity.as_ref().map(|identity| {
            let texts = addresses
                .iter()
                .take(ADDRESSES_MAX)
                .map(Multiaddr::to_string);
            let record = NodeRecord {
                network: self.config.network,
                node: identity.node,
                peer: peer.to_bytes().into(),
                addresses: texts.collect(),
                sequence: self.hello.sequence,
                expires: now_ms + RECORD_LIFETIME.as_millis() as u64,
            };
            record.sign(&identity.sign)
        });
        self.hello.record = record.clone();
        let hello = Hello {
            network: self.config.network,
            agent: self.config.agent.clone(),
            record,
        };
        self.hello.bytes = encoding::encode(&hello).into();
        self.set_own_addresses(&addresses);
        let listening = self.swarm.listeners().cloned();
        let full = |address: Multiaddr| address.with(Part::P2p(peer)).to_string();
        let announced = addresses.into_iter().take(ADDRESSES_MAX).map(full);
        self.peers
            .set_addresses(listening.map(full).collect(), announced.collect());
    }

    /// A peer that dialed us opens its greeting.
    pub(super) fn on_hello_stream(&mut self, id: ConnectionId, mut stream: Stream) {
        let Some(arrival) = self.arrivals.get_mut(&id) else {
            return;
        };
        // Whoever dials says hello, and says it once.
        if arrival.stage != Stage::Silent {
            return;
        }
        arrival.stage = Stage::Greeting;
        let patience = self.config.limits.hello_timeout;
        self.tasks.spawn(async move {
            let heard = hear(&mut stream, patience).await;
            Note::Heard {
                connection: id,
                outcome: heard.map(|hello| (hello, stream)),
            }
        });
    }

    /// The peer that dialed us has said hello. It is answered if it is welcome.
    pub(super) fn on_heard(
        &mut self,
        id: ConnectionId,
        outcome: Result<(Hello, Stream), Greeting>,
    ) {
        let (hello, mut stream) = match outcome {
            Ok(heard) => heard,
            Err(reason) => return self.on_bad_greeting(id, &reason),
        };
        if !self.admit(id, hello) {
            return;
        }
        let (ours, patience) = (self.hello.bytes(), self.config.limits.hello_timeout);
        self.tasks.spawn(async move {
            Note::Answered {
                connection: id,
                outcome: answer(&mut stream, &ours, patience).await,
            }
        });
    }

    /// Our answer is out, or the peer did not take it.
    pub(super) fn on_answered(&mut self, id: ConnectionId, outcome: Result<(), Greeting>) {
        if let Err(reason) = outcome {
            self.on_bad_greeting(id, &reason);
        }
    }

    /// The peer that we dialed has answered our hello, or has not.
    pub(super) fn on_greeted(&mut self, id: ConnectionId, outcome: Result<Hello, Greeting>) {
        match outcome {
            Ok(hello) => {
                self.admit(id, hello);
            }
            Err(Greeting::Unsupported) => self.on_unsupported(id),
            Err(reason) => self.on_bad_greeting(id, &reason),
        }
    }

    fn on_bad_greeting(&mut self, id: ConnectionId, reason: &Greeting) {
        // Of a peer of another network everything has been said.
        if matches!(self.stage(id), None | Some(Stage::OtherNetwork)) {
            return;
        }
        self.meter.hellos_refused.increment();
        if let Some(arrival) = self.arrivals.get(&id) {
            match reason {
                Greeting::Malformed(_) => arrival.connection.report(Offence::Malformed),
                Greeting::Timeout => arrival.connection.report(Offence::Slow),
                Greeting::Unsupported | Greeting::Refused => {}
            }
        }
        let address = self.address_of(id);
        let error = match reason {
            Greeting::Timeout => DialError::Timeout { address },
            Greeting::Unsupported | Greeting::Refused | Greeting::Malformed(_) => {
                let reason = reason.to_string();
                DialError::Refused { address, reason }
            }
        };
        self.fail(id, error);
    }

    /// Takes a peer in if its greeting is in order, or closes the connection. Says which.
    fn admit(&mut self, id: ConnectionId, hello: Hello) -> bool {
        let Some(arrival) = self.arrivals.get(&id) else {
            return false;
        };
        let connection = Arc::clone(&arrival.connection);
        let (agent, shown) = (hello.agent.clone(), hello.record.clone());
        match self.judge(&connection, hello) {
            Ok(record) => {
                self.welcome(&connection, agent, record);
                self.remember(&connection);
                self.meet(&connection, shown.as_ref());
                true
            }
            Err(reason) => {
                self.turn_away(id, &reason);
                false
            }
        }
    }

    /// Whether a greeting is in order, and the node record in it if there is one.
    fn judge(
        &mut self,
        connection: &Connection,
        hello: Hello,
    ) -> Result<Option<NodeRecord>, Unwelcome> {
        let Hello {
            network,
            agent,
            record,
        } = hello;
        if network != self.config.network {
            return Err(Unwelcome::OtherNetwork(network));
        }
        if !is_agent(&agent) {
            return Err(Unwelcome::Agent);
        }
        let record = record
            .map(|record| record.verify(&network, &connection.peer))
            .transpose()?;
        let node = record.as_ref().map(|record| record.node);
        let role = node.map_or(Role::Guest, |node| self.seats.role(&node));
        self.seat(connection.id, role)?;
        if let Some(record) = &record {
            let ousted = self
                .seats
                .claim(record.node, connection.peer, record.sequence)?;
            if ousted {
                self.oust(&record.node, connection);
            }
        }
        Ok(record)
    }

    /// Closes what an earlier peer held in the name of a node that now speaks through another.
    pub(super) fn oust(&mut self, node: &NodeId, by: &Connection) {
        for connection in self.peers.of(node).iter().filter(|c| c.peer != by.peer) {
            info!(%node, peer = %connection.peer, by = %by.peer, "a newer peer speaks for the node");
            self.close(connection.id);
        }
    }

    fn welcome(&mut self, connection: &Arc<Connection>, agent: String, record: Option<NodeRecord>) {
        let node = record.as_ref().map(|record| record.node);
        debug!(connection = %connection.id, peer = %connection.peer, ?node, agent, "hello");
        let reach = self.config.discovery.reach();
        let addresses = record.as_ref().map(|record| record.dialable(reach));
        let addresses = addresses.unwrap_or_default();
        if let Some(arrival) = self.arrivals.get_mut(&connection.id) {
            arrival.stage = Stage::Proven;
            arrival.addresses.clone_from(&addresses);
        }
        let proof = Proof {
            node,
            role: node.map_or(Role::Guest, |node| self.seats.role(&node)),
            sequence: record.as_ref().map_or(0, |record| record.sequence),
            addresses: addresses.clone(),
            agent,
        };
        connection.standing.send_replace(Standing::Proven(proof));
        let now = Instant::now();
        if let Some(node) = node {
            self.reroute(node, now);
        }
        self.on_proven(connection);
        if let Some(node) = node {
            self.dialer.learn(node, addresses, now);
            if connection.direction == Direction::Outbound {
                self.open_link(node, connection, now);
            }
        }
    }

    fn turn_away(&mut self, id: ConnectionId, reason: &Unwelcome) {
        if let Unwelcome::OtherNetwork(theirs) = reason {
            self.on_other_network(id, *theirs);
            // It has heard our greeting's name and said its own network: there is nothing to find out.
            return self.close(id);
        }
        self.meter.hellos_refused.increment();
        if let Unwelcome::Seat(Taken::Ours) = reason {
            error!("another process runs with the member key of this node");
        }
        let error = DialError::Refused {
            address: self.address_of(id),
            reason: reason.to_string(),
        };
        self.fail(id, error);
    }
}
