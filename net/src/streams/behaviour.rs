//! The part of the stream behaviour that lives in the swarm.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandlerInEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream};

use super::handler::{Handler, Negotiated, Opener};
use crate::protocol::{Name, Purpose};

/// A stream that a peer opened.
#[derive(Debug)]
pub(crate) struct Inbound {
    /// The connection it came on.
    pub(crate) connection: ConnectionId,
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// The stream itself; dropping it resets it.
    pub(crate) stream: Stream,
}

/// See [the module](super).
pub(crate) struct Behaviour {
    offered: Arc<[Name]>,
    openers: BTreeMap<ConnectionId, Opener>,
    inbound: VecDeque<Inbound>,
}

impl Behaviour {
    /// A behaviour that offers some protocols to all peers.
    pub(crate) fn new(offered: Arc<[Name]>) -> Self {
        Self {
            offered,
            openers: BTreeMap::new(),
            inbound: VecDeque::new(),
        }
    }

    /// What opens streams on a connection that has just been established. It is given out once.
    pub(crate) fn take_opener(&mut self, connection: ConnectionId) -> Option<Opener> {
        self.openers.remove(&connection)
    }

    fn handler(&mut self, connection: ConnectionId) -> Handler {
        let (handler, opener) = Handler::new(Arc::clone(&self.offered));
        self.openers.insert(connection, opener);
        handler
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Inbound;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(self.handler(connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        // A connection can be refused by another behaviour after this one has seen it, and then
        // nobody takes its opener.
        let gone = match event {
            FromSwarm::ListenFailure(failure) => failure.connection_id,
            FromSwarm::DialFailure(failure) => failure.connection_id,
            FromSwarm::ConnectionClosed(closed) => closed.connection_id,
            _ => return,
        };
        self.openers.remove(&gone);
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        connection: ConnectionId,
        Negotiated { purpose, stream }: Negotiated,
    ) {
        self.inbound.push_back(Inbound {
            connection,
            purpose,
            stream,
        });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Inbound, THandlerInEvent<Self>>> {
        // The swarm polls again after each event of a handler, so no waker is kept.
        match self.inbound.pop_front() {
            Some(inbound) => Poll::Ready(ToSwarm::GenerateEvent(inbound)),
            None => Poll::Pending,
        }
    }
}
