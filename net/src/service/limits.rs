//! Guests that misbehave, and guests that are too many.

use std::time::Instant;

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::Service;
use crate::conduct::{Offence, PeerConduct, Verdict};
use crate::memory::{self, Pressure};

impl Service {
    /// A peer has done something that no peer does.
    pub(super) fn on_offence(&mut self, peer: PeerId, offence: Offence) {
        self.meter.offences.increment();
        if let Some(node) = self.seats.seat_of(&peer) {
            warn!(%node, %peer, ?offence, "a node with a seat misbehaves");
            return;
        }
        let connections = self.connections_of(&peer);
        let node = self.peers.node_of(&peer);
        let now = Instant::now();
        let gate = &mut self.swarm.behaviour_mut().gate;
        match gate.conduct.report(peer, node, offence, now) {
            Verdict::Tolerated => return,
            Verdict::Disconnected => {
                info!(%peer, ?offence, "disconnected");
                self.meter.peers_disconnected.increment();
            }
            Verdict::Banned(time) => {
                info!(%peer, ?offence, seconds = time.as_secs(), "banned");
                self.meter.peers_banned.increment();
            }
        }
        // A peer counts once, however many connections it has.
        if let Some(connection) = connections.first() {
            self.swarm.behaviour_mut().gate.cast_out(*connection, now);
        }
        for connection in connections {
            self.close(connection);
        }
    }

    /// Tells how guests have behaved. Whoever asked may be gone.
    pub(super) fn tell_conduct(&mut self, outcome: oneshot::Sender<Vec<PeerConduct>>) {
        let conduct = &self.swarm.behaviour().gate.conduct;
        drop(outcome.send(conduct.list(Instant::now())));
    }

    fn connections_of(&self, peer: &PeerId) -> Vec<ConnectionId> {
        let connections = self.peers.all().into_iter();
        let connections = connections.filter(|connection| connection.peer == *peer);
        connections.map(|connection| connection.id).collect()
    }

    /// Looks at what this process uses, and lets guests go if it is too much.
    pub(super) fn look_at_memory(&mut self) {
        let (Some(share), Some(used)) = (self.memory, memory::used()) else {
            return;
        };
        let pressure = Pressure::of(used, share);
        let gate = &mut self.swarm.behaviour_mut().gate;
        if gate.pressure != pressure {
            warn!(used, share, ?pressure, "memory");
        }
        gate.pressure = pressure;
        if pressure == Pressure::Critical {
            for guest in gate.guests() {
                self.meter.guests_let_go.increment();
                self.close(guest);
            }
        }
    }
}
