//! Neighbours: who tells them what there is to tell, by which connection, and what they tell us.

use std::sync::Arc;
use std::time::Instant;

use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use model::NodeId;
use tracing::debug;

use super::seats::Tie;
use super::{Note, Service};
use crate::bounds::SBAC_FRAME_BYTES_MAX;
use crate::handle::Direction;
use crate::link::queue;
use crate::neighbour::{Candidate, Courier, choose};
use crate::peers::Connection;
use crate::protocol::{Protocol, Purpose};

impl Service {
    /// Starts the courier to a neighbour.
    pub(super) fn start_courier(&mut self, neighbour: NodeId) {
        let limits = &self.config.limits;
        let name = self.names.of(Purpose::Exchange(Protocol::Sbac)).clone();
        let (queue, outgoing) = queue(limits.tell_frames, limits.tell_bytes, SBAC_FRAME_BYTES_MAX);
        let way = self.peers.add_neighbour(neighbour, queue);
        let (patience, meter) = (limits.tell_timeout, Arc::clone(&self.meter));
        let courier = Courier::new(neighbour, name, outgoing, way, patience, meter);
        self.writers += 1;
        self.tasks.spawn(async move {
            courier.run().await;
            Note::CourierDone
        });
    }

    /// A connection with a node is proven, or is gone. If there should be one and no link keeps it,
    /// the connection that both sides mean is used and kept; another one is left to become idle.
    pub(super) fn reroute(&mut self, node: NodeId, now: Instant) {
        let Some(identity) = &self.config.identity else {
            return;
        };
        match self.seats.tie(&node) {
            Tie::None | Tie::Link => return,
            Tie::Told | Tie::Followed => {}
        }
        let connections = self.peers.of(&node);
        let candidate = |connection: &Arc<Connection>| Candidate {
            id: connection.id,
            dialed_by_us: connection.direction == Direction::Outbound,
            since: connection.since,
        };
        let candidates: Vec<Candidate> = connections.iter().map(candidate).collect();
        let chosen = choose(&identity.node, &node, &candidates);
        for connection in &connections {
            connection.opener.keep(Some(connection.id) == chosen);
        }
        let used = connections.into_iter().find(|c| Some(c.id) == chosen);
        debug!(%node, connection = ?chosen, "way to a neighbour");
        self.dialer.reached(node, used.is_some(), now);
        self.peers.reroute(&node, used);
    }

    /// A peer has something to tell.
    pub(super) fn on_told_stream(&mut self, id: ConnectionId, stream: Stream) {
        let Some(arrival) = self.arrivals.get(&id) else {
            return;
        };
        let on = Arc::clone(&arrival.connection);
        let door = Arc::clone(&self.door);
        tokio::spawn(async move {
            let taking = door.take(&on, stream);
            if let Some(Err(reason)) = on.unless_closed(taking).await {
                debug!(connection = %id, %reason, "not taken from a neighbour");
            }
        });
    }
}
