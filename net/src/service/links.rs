//! Links: opened by whoever dialed, accepted from members only, and closed with their connection.

use std::sync::Arc;
use std::time::Instant;

use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use model::NodeId;
use tracing::{debug, info};

use super::{Note, Service};
use crate::bounds::FRAME_BYTES_MAX;
use crate::handle::Direction;
use crate::link::{Down, Pump, accept, opened, queue};
use crate::peers::Connection;
use crate::protocol::Purpose;

impl Service {
    /// Opens the link with a member on a connection that we dialed, unless there is one already.
    pub(super) fn open_link(&mut self, node: NodeId, connection: &Arc<Connection>, now: Instant) {
        let Some(links) = self.links.as_mut() else {
            return;
        };
        if !self.seats.is_member(&node) || !links.open(node, connection.id, now) {
            return;
        }
        let id = connection.id;
        let opener = connection.opener.clone();
        let name = self.names.of(Purpose::Bft).clone();
        self.tasks.spawn(async move {
            let opening = async {
                let mut stream = opener.open(name).await.map_err(Down::Open)?;
                opened(&mut stream).await?;
                Ok(stream)
            };
            Note::LinkOpened {
                node,
                connection: id,
                outcome: opening.await,
            }
        });
    }

    /// The member has accepted the link that we opened, or has not.
    pub(super) fn on_link_opened(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        outcome: Result<Stream, Down>,
    ) {
        // In the meantime the member may have opened the link that both keep.
        let wanted = self
            .links
            .as_ref()
            .and_then(|links| links.connection(&node))
            == Some(id);
        match outcome {
            Ok(stream) if wanted => self.start_pump(node, id, stream, false),
            Ok(_) => {}
            Err(reason) => {
                debug!(%node, connection = %id, %reason, "link not accepted");
                self.close(id);
            }
        }
    }

    /// A peer opens a link. Only a member may, on a connection that it dialed, and once: anything
    /// else is refused before a byte of it is read.
    pub(super) fn on_link_stream(&mut self, id: ConnectionId, stream: Stream) {
        let Some(node) = self.link_from(id) else {
            self.meter.links_refused.increment();
            debug!(connection = %id, "link refused");
            return;
        };
        self.start_pump(node, id, stream, true);
    }

    /// The member whose link on this connection is to be accepted, if it is.
    fn link_from(&mut self, id: ConnectionId) -> Option<NodeId> {
        let arrival = self.arrivals.get(&id)?;
        if arrival.connection.direction != Direction::Inbound {
            return None;
        }
        let node = arrival.connection.proof()?.node?;
        if !self.seats.is_member(&node) {
            return None;
        }
        let links = self.links.as_mut()?;
        let before = links.connection(&node);
        let now = Instant::now();
        if !links.accept(node, id, now) {
            return None;
        }
        if let Some(before) = before {
            debug!(%node, connection = %before, "link replaced");
            self.set_link(node, false, now);
            self.close(before);
        }
        Some(node)
    }

    fn start_pump(&mut self, node: NodeId, id: ConnectionId, mut stream: Stream, accepting: bool) {
        let (Some(intake), Some(arrival)) = (self.intakes.get(&node), self.arrivals.get(&id))
        else {
            return;
        };
        let (intake, on) = (intake.clone(), Arc::clone(&arrival.connection));
        let limits = &self.config.limits;
        let (queue, outgoing) = queue(limits.link_frames, limits.link_bytes, FRAME_BYTES_MAX);
        self.peers.link(node, id, queue);
        self.set_link(node, true, Instant::now());
        self.writers += 1;
        let meter = Arc::clone(&self.meter);
        self.tasks.spawn(async move {
            let pumping = async {
                if accepting && let Err(reason) = accept(&mut stream).await {
                    return reason;
                }
                let pump = Pump {
                    stream,
                    outgoing,
                    intake,
                    meter,
                };
                pump.run().await
            };
            Note::LinkDown {
                node,
                connection: id,
                reason: on.unless_closed(pumping).await.unwrap_or(Down::Released),
            }
        });
    }

    /// A pump has ended. Its connection goes with it, so that what comes next begins afresh.
    pub(super) fn on_link_down(&mut self, node: NodeId, id: ConnectionId, reason: &Down) {
        self.writers -= 1;
        debug!(%node, connection = %id, %reason, "link ended");
        self.close(id);
    }

    /// The connection `id` with a member is gone, and its link if it was on it. If there is
    /// another connection that we dialed, the link moves there.
    pub(super) fn release_link(&mut self, node: NodeId, id: ConnectionId, now: Instant) {
        let held = self.links.as_mut().is_some_and(|l| l.release(&node, id));
        if !held {
            return;
        }
        self.set_link(node, false, now);
        let dialed = |connection: &&Arc<Connection>| {
            let proof = connection.proof();
            connection.direction == Direction::Outbound
                && proof.and_then(|proof| proof.node) == Some(node)
        };
        if let Some(other) = self.peers.all().iter().find(dialed) {
            self.open_link(node, other, now);
        }
    }

    /// Tells everybody who wants to know that a link is up or down.
    fn set_link(&mut self, node: NodeId, up: bool, now: Instant) {
        if !self.reports.set(node, up) {
            return;
        }
        info!(%node, up, "link");
        self.dialer.reached(node, up, now);
        if up {
            self.meter.links_up.increment();
        } else {
            self.meter.links_down.increment();
        }
    }
}
