//! Who may connect: the behaviour that refuses first.
//!
//! Anybody may knock, so every kind of guest has a number. A connection that has not said hello is
//! *unproven* and soon gone; then it is a member's or a neighbour's, whose place is *reserved*, or a
//! *guest*'s. Limits by address keep one host from taking all places, and loopback may be exempt from them: on one
//! machine everybody has the same address. Peers that are banned are not let in at all.
//!
//! What this node dials is bounded by the dialer; it counts only as a connection with its peer.

mod address;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, THandlerOutEvent,
    ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};
use thiserror::Error;

use crate::bounds::{CONNECTIONS_PER_PEER, Limits};
use crate::conduct::Conduct;
use crate::memory::Pressure;
use address::{Addresses, Host};

/// What an inbound connection counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Unproven,
    Reserved,
    Guest,
}

/// Why an inbound connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Full {
    /// Too many connections have not said hello yet.
    #[error("too many connections that have not said hello")]
    Unproven,
    /// Too many guests.
    #[error("too many guests")]
    Guests,
    /// Too many handshakes from this address.
    #[error("too many handshakes from this address")]
    AddressPending,
    /// Too many connections with this peer.
    #[error("too many connections with this peer")]
    Peer,
    /// Too many connections from this address.
    #[error("too many connections from this address")]
    AddressEstablished,
    /// Too many new connections from this address in the last minute.
    #[error("too many new connections from this address")]
    AddressRate,
    /// This node has no memory for more guests.
    #[error("no memory for more guests")]
    Memory,
    /// The peer has misbehaved, or too many peers of its address have.
    #[error("the peer or its address is banned")]
    Banned,
}

/// See [the module](self).
pub(crate) struct Gate {
    limits: Limits,
    addresses: Addresses,
    /// Inbound handshakes in progress, with the host they come from.
    pending: BTreeMap<ConnectionId, Host>,
    /// Inbound connections.
    inbound: BTreeMap<ConnectionId, (Host, Class)>,
    /// How many connections there are with each peer, whoever dialed.
    peers: BTreeMap<PeerId, usize>,
    /// How guests have behaved.
    pub(crate) conduct: Conduct,
    /// How near this process is to the memory that it may use.
    pub(crate) pressure: Pressure,
}

/// Whether an address is on this machine.
pub(crate) fn is_loopback(address: &Multiaddr) -> bool {
    matches!(Host::of(address), Host::Loopback(_))
}

/// Whether a connection that came in at `local` is from this machine: from loopback, or from the very
/// address that it came to.
pub(crate) fn is_same_machine(local: &Multiaddr, remote: &Multiaddr) -> bool {
    is_loopback(remote) || local.iter().next() == remote.iter().next()
}

impl Gate {
    /// A gate with these limits.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            addresses: Addresses::default(),
            pending: BTreeMap::new(),
            inbound: BTreeMap::new(),
            peers: BTreeMap::new(),
            conduct: Conduct::new(limits),
            pressure: Pressure::None,
        }
    }

    /// Counts a connection nowhere from now on: it is a member's or a neighbour's.
    pub(crate) fn seat_reserved(&mut self, connection: ConnectionId) {
        self.classify(connection, Class::Reserved);
    }

    /// Counts a connection as a guest's from now on, if there is room.
    ///
    /// # Errors
    ///
    /// [`Full::Guests`] if there is not, [`Full::Memory`] if there is no memory for one.
    pub(crate) fn seat_guest(&mut self, connection: ConnectionId) -> Result<(), Full> {
        if self.inbound.contains_key(&connection) && self.pressure != Pressure::None {
            return Err(Full::Memory);
        }
        if self.inbound.contains_key(&connection) && self.count(Class::Guest) >= self.limits.guests
        {
            return Err(Full::Guests);
        }
        self.classify(connection, Class::Guest);
        Ok(())
    }

    /// The inbound connections of guests.
    pub(crate) fn guests(&self) -> Vec<ConnectionId> {
        let guests = self.inbound.iter();
        let guests = guests.filter(|(_, (_, class))| *class == Class::Guest);
        guests.map(|(connection, _)| *connection).collect()
    }

    /// The peer of a connection was thrown out, which is held against its address if it came by itself.
    pub(crate) fn cast_out(&mut self, connection: ConnectionId, now: Instant) {
        if let Some((host, _)) = self.inbound.get(&connection) {
            self.addresses.cast_out(*host, &self.limits, now);
        }
    }

    /// Does nothing to connections that this node dialed.
    fn classify(&mut self, connection: ConnectionId, class: Class) {
        let Some((host, found)) = self.inbound.get_mut(&connection) else {
            return;
        };
        let before = std::mem::replace(found, class);
        // Members may all be behind one address; their places are not those of its guests.
        match (before == Class::Reserved, class == Class::Reserved) {
            (false, true) => self.addresses.left(*host),
            (true, false) => self.addresses.came(*host),
            _ => {}
        }
    }

    fn count(&self, class: Class) -> usize {
        let of_class = |entry: &&(Host, Class)| entry.1 == class;
        self.inbound.values().filter(of_class).count()
    }

    fn knock(&mut self, connection: ConnectionId, host: Host, now: Instant) -> Result<(), Full> {
        self.addresses.knock(host, &self.limits, now)?;
        self.pending.insert(connection, host);
        Ok(())
    }

    /// Whether there may be one more connection with a peer.
    fn meet(&self, peer: &PeerId, now: Instant) -> Result<(), Full> {
        if self.conduct.is_banned(peer, now) {
            return Err(Full::Banned);
        }
        if self
            .peers
            .get(peer)
            .is_some_and(|count| *count >= CONNECTIONS_PER_PEER)
        {
            return Err(Full::Peer);
        }
        Ok(())
    }

    fn enter(&self, peer: &PeerId, now: Instant) -> Result<(), Full> {
        self.meet(peer, now)?;
        if self.count(Class::Unproven) >= self.limits.unproven {
            return Err(Full::Unproven);
        }
        Ok(())
    }

    fn established(&mut self, connection: ConnectionId, peer: PeerId) {
        *self.peers.entry(peer).or_default() += 1;
        if let Some(host) = self.pending.remove(&connection) {
            self.addresses.established(host);
            self.inbound.insert(connection, (host, Class::Unproven));
        }
    }

    fn failed(&mut self, connection: ConnectionId) {
        if let Some(host) = self.pending.remove(&connection) {
            self.addresses.failed(host);
        }
    }

    fn closed(&mut self, connection: ConnectionId, peer: PeerId) {
        if let Entry::Occupied(mut count) = self.peers.entry(peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        match self.inbound.remove(&connection) {
            Some((host, Class::Unproven | Class::Guest)) => self.addresses.left(host),
            Some((_, Class::Reserved)) | None => {}
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.knock(connection, Host::of(remote), Instant::now())
            .map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.enter(&peer, Instant::now())
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<dummy::ConnectionHandler, ConnectionDenied> {
        self.meet(&peer, Instant::now())
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => {
                self.established(event.connection_id, event.peer_id);
            }
            FromSwarm::ListenFailure(event) => self.failed(event.connection_id),
            FromSwarm::ConnectionClosed(event) => self.closed(event.connection_id, event.peer_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
