//! A view that changes: who is who from now on, for the connections that are there.
//!
//! A node whose place has changed loses what it had in the old one and gets what it has in the new one,
//! on the connections that it has. Of everybody else nothing is touched.

use std::sync::Arc;
use std::time::Instant;

use libp2p::swarm::ConnectionId;
use model::NodeId;
use tracing::info;

use super::Service;
use super::seats::{Change, Tie};
use crate::bounds::{FRAME_BYTES_MAX, FRAME_OVERHEAD};
use crate::gate::Full;
use crate::handle::DialError;
use crate::link::Intake;
use crate::peers::{Connection, Proof, Role, Standing};

impl Service {
    /// Takes the view that was set last.
    pub(super) fn take_view(&mut self) {
        let view = self.views.borrow_and_update().clone();
        let now = Instant::now();
        let changes = self.seats.change(&view);
        self.dialer.keep(self.seats.seated(), now);
        self.know_members(&view);
        for change in changes {
            self.on_change(change, now);
        }
    }

    fn on_change(&mut self, change: Change, now: Instant) {
        let Change {
            node,
            role,
            before,
            after,
        } = change;
        info!(%node, ?role, ?before, ?after, "a node has another place");
        if before != after {
            self.untie(node, before, now);
        }
        if role != Role::Guest {
            self.swarm.behaviour_mut().gate.conduct.pardon(&node);
        }
        self.regard(node, role);
        if before != after {
            self.tie(node, after, now);
        }
    }

    /// Takes away what held a node and this one together.
    fn untie(&mut self, node: NodeId, tie: Tie, now: Instant) {
        match tie {
            Tie::None => {}
            Tie::Followed => self.dialer.reached(node, false, now),
            Tie::Link => {
                self.intakes.remove(&node);
                let link = self.links.as_ref().and_then(|l| l.connection(&node));
                if let Some(connection) = link {
                    self.let_go(node, connection, now);
                }
            }
            Tie::Told => {
                self.peers.remove_neighbour(&node);
                self.door.shut_out(&node);
                self.dialer.reached(node, false, now);
            }
        }
    }

    /// Regards the connections of a node as its new role wants it. Where several peers have spoken for
    /// it, the one with the newest record does from now on.
    fn regard(&mut self, node: NodeId, role: Role) {
        let sequence = |c: &Arc<Connection>| c.proof().map(|proof| proof.sequence);
        let mut connections = self.peers.of(&node);
        connections.sort_by_key(sequence);
        for connection in connections {
            let Some(proof) = connection.proof() else {
                continue;
            };
            match self.seats.claim(node, connection.peer, proof.sequence) {
                Ok(true) => self.oust(&node, &connection),
                Ok(false) => {}
                Err(reason) => {
                    self.turn_out(connection.id, reason.to_string());
                    continue;
                }
            }
            if let Err(full) = self.seat(connection.id, role) {
                self.turn_out(connection.id, full.to_string());
                continue;
            }
            let proof = Proof { role, ..proof };
            connection.standing.send_replace(Standing::Proven(proof));
        }
    }

    /// Gives a connection the place that a role has.
    ///
    /// # Errors
    ///
    /// [`Full`] if there is none.
    pub(super) fn seat(&mut self, connection: ConnectionId, role: Role) -> Result<(), Full> {
        let gate = &mut self.swarm.behaviour_mut().gate;
        match role {
            Role::Member | Role::Neighbour => gate.seat_reserved(connection),
            Role::Guest => gate.seat_guest(connection)?,
        }
        Ok(())
    }

    fn turn_out(&mut self, id: ConnectionId, reason: String) {
        let address = self.address_of(id);
        self.fail(id, DialError::Refused { address, reason });
    }

    /// Ties a node and this one together, as far as there are connections for it.
    fn tie(&mut self, node: NodeId, tie: Tie, now: Instant) {
        for connection in self.peers.of(&node) {
            connection.opener.keep(false);
            if let Some(arrival) = self.arrivals.get(&connection.id) {
                let addresses = arrival.addresses.clone();
                self.dialer.learn(node, addresses, now);
            }
        }
        match tie {
            Tie::None => {}
            Tie::Link => {
                let (frames, bytes) = (self.frames.clone(), self.config.limits.inbound_link_bytes);
                let least = FRAME_BYTES_MAX + FRAME_OVERHEAD;
                let intake = Intake::new(node, frames, bytes, least);
                self.intakes.insert(node, intake);
                self.open_link_on_any(node, now);
            }
            Tie::Told => {
                self.door.admit(node);
                self.start_courier(node);
                self.reroute(node, now);
            }
            Tie::Followed => self.reroute(node, now),
        }
    }
}
