//! Links: opened by whoever dialed, accepted from members only, and closed with their connection.

use std::sync::Arc;
use std::time::Instant;

use libp2p::Stream;
use libp2p::swarm::ConnectionId;
use model::NodeId;
use tracing::{debug, info};

use super::seats::Tie;
use super::{Note, Service};
use crate::bounds::FRAME_BYTES_MAX;
use crate::handle::Direction;
use crate::link::{Claim, Down, Pump, accept, opened, queue};
use crate::peers::Connection;
use crate::protocol::Purpose;

impl Service {
    /// Opens the link with a member on a connection that we dialed, unless there is one already.
    pub(super) fn open_link(&mut self, node: NodeId, connection: &Arc<Connection>, now: Instant) {
        let Some(links) = self.links.as_mut() else {
            return;
        };
        if self.seats.tie(&node) != Tie::Link {
            return;
        }
        let Some(mut claim) = links.open(node, connection.id, now) else {
            return;
        };
        let id = connection.id;
        let opener = connection.opener.clone();
        let name = self.names.of(Purpose::Bft).clone();
        self.tasks.spawn(async move {
            let opening = async {
                let mut stream = opener.open(name).await.map_err(Down::Open)?;
                opened(&mut stream).await?;
                Ok(stream)
            };
            let outcome = claim.unless_over(opening).await;
            Note::LinkOpened {
                node,
                connection: id,
                claim,
                outcome: outcome.unwrap_or(Err(Down::Released)),
            }
        });
    }

    /// The member has accepted the link that we opened, or has not.
    pub(super) fn on_link_opened(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        claim: Claim,
        outcome: Result<Stream, Down>,
    ) {
        // In the meantime the member may have opened the link that both keep.
        if !self.stands(&node, &claim) {
            return;
        }
        match outcome {
            Ok(stream) => self.start_pump(node, id, stream, claim, false),
            Err(reason) => self.end_link(node, id, &reason),
        }
    }

    fn stands(&self, node: &NodeId, claim: &Claim) -> bool {
        let links = self.links.as_ref();
        links.is_some_and(|links| links.stands(node, claim))
    }

    /// A peer opens a link. Only a member may, on a connection that it dialed, and once: anything
    /// else is refused before a byte of it is read.
    pub(super) fn on_link_stream(&mut self, id: ConnectionId, stream: Stream) {
        let Some((node, claim)) = self.link_from(id) else {
            self.meter.links_refused.increment();
            debug!(connection = %id, "link refused");
            return;
        };
        self.start_pump(node, id, stream, claim, true);
    }

    /// The member whose link on this connection is to be accepted, if it is.
    fn link_from(&mut self, id: ConnectionId) -> Option<(NodeId, Claim)> {
        let arrival = self.arrivals.get(&id)?;
        if arrival.connection.direction != Direction::Inbound {
            return None;
        }
        let node = arrival.connection.node()?;
        if self.seats.tie(&node) != Tie::Link {
            return None;
        }
        let links = self.links.as_mut()?;
        let before = links.connection(&node);
        let now = Instant::now();
        let claim = links.accept(node, id, now)?;
        if let Some(before) = before {
            debug!(%node, connection = %before, "link replaced");
            self.set_link(node, false, now);
            self.close(before);
        }
        Some((node, claim))
    }

    fn start_pump(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        mut stream: Stream,
        mut claim: Claim,
        accepting: bool,
    ) {
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
            let down = claim.unless_over(on.unless_closed(pumping)).await;
            Note::LinkDown {
                node,
                connection: id,
                claim,
                reason: down.flatten().unwrap_or(Down::Released),
            }
        });
    }

    /// A pump has ended.
    pub(super) fn on_link_down(
        &mut self,
        node: NodeId,
        id: ConnectionId,
        claim: &Claim,
        reason: &Down,
    ) {
        self.writers -= 1;
        if self.stands(&node, claim) {
            self.end_link(node, id, reason);
        }
    }

    /// The link with a member has ended, or was not accepted. Unless the member has broken a rule,
    /// the connection stays, and on one that we dialed the member is asked again in a while.
    fn end_link(&mut self, node: NodeId, id: ConnectionId, reason: &Down) {
        debug!(%node, connection = %id, %reason, "no link");
        if reason.condemns() {
            return self.close(id);
        }
        let now = Instant::now();
        self.let_go(node, id, now);
        let patient = self.config.limits.redial_max;
        let others = self.peers.of(&node);
        let others = others.iter().map(|connection| connection.id);
        let mut dialed = std::iter::once(id).chain(others).filter(|id| {
            let arrival = self.arrivals.get(id);
            arrival.is_some_and(|a| a.connection.direction == Direction::Outbound)
        });
        if let Some(dialed) = dialed.next()
            && let Some(arrival) = self.arrivals.get_mut(&dialed)
        {
            arrival.link_again = Some(now + arrival.link_pause);
            arrival.link_pause = (2 * arrival.link_pause).min(patient);
        }
    }

    /// Asks again for the links that were refused or ended, where it is time to.
    pub(super) fn reopen_links(&mut self, now: Instant) {
        let arrivals = self.arrivals.values_mut();
        let due = arrivals.filter(|a| a.link_again.is_some_and(|again| again <= now));
        let due: Vec<Arc<Connection>> = due
            .map(|arrival| {
                arrival.link_again = None;
                Arc::clone(&arrival.connection)
            })
            .collect();
        for connection in due {
            if let Some(node) = connection.node() {
                self.open_link(node, &connection, now);
            }
        }
    }

    /// Lets go of the link with a node if it is on this connection. Says whether it was.
    pub(super) fn let_go(&mut self, node: NodeId, id: ConnectionId, now: Instant) -> bool {
        let held = self.links.as_mut().is_some_and(|l| l.release(&node, id));
        if held {
            self.peers.unlink(&node);
            self.set_link(node, false, now);
        }
        held
    }

    /// The connection `id` with a member is gone, and its link if it was on it. If there is
    /// another connection that we dialed, the link moves there.
    pub(super) fn release_link(&mut self, node: NodeId, id: ConnectionId, now: Instant) {
        if self.let_go(node, id, now) {
            self.open_link_on_any(node, now);
        }
    }

    /// Opens the link with a member on a connection that we dialed, if there is one.
    pub(super) fn open_link_on_any(&mut self, node: NodeId, now: Instant) {
        let dialed = |c: &&Arc<Connection>| c.direction == Direction::Outbound;
        if let Some(connection) = self.peers.of(&node).iter().find(dialed) {
            self.open_link(node, connection, now);
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
