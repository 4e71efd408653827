//! Peers of other networks, of other versions and of none.
//!
//! They share no protocol with us but libp2p's own identify, by which each side tells the other its
//! version and its network. So both can say whom they have met, and neither comes back soon.

use std::time::Instant;

use libp2p::swarm::ConnectionId;
use model::NetworkId;
use tracing::warn;

use super::Service;
use super::arrivals::Stage;
use crate::conduct::Offence;
use crate::handle::{DialError, Direction};
use crate::identity::Identified;
use crate::swarm::IDENTIFY_VERSION;

impl Service {
    /// The peer does not speak our greeting: identify knows, or will know, what it is.
    pub(super) fn on_unsupported(&mut self, id: ConnectionId) {
        if let Some(arrival) = self.arrivals.get_mut(&id)
            && arrival.stage == Stage::Greeting
        {
            arrival.stage = Stage::Foreign;
            if let Some(identified) = arrival.identified.take() {
                self.give_up_foreign(id, &identified);
            }
        }
    }

    /// Identify says what the peer calls itself.
    pub(super) fn on_identified(&mut self, id: ConnectionId, identified: Identified) {
        let ours = self.config.network;
        let Some(arrival) = self.arrivals.get_mut(&id) else {
            return;
        };
        match (arrival.stage, identified.network) {
            // We have no greeting in common, so there is none to wait for.
            (Stage::Silent | Stage::Greeting | Stage::Foreign, Some(theirs)) if theirs != ours => {
                self.on_other_network(id, theirs);
            }
            (Stage::Foreign, _) => self.give_up_foreign(id, &identified),
            (Stage::Greeting, _) => arrival.identified = Some(identified),
            // Only a peer that does not answer our greeting needs to be named otherwise.
            (Stage::Silent | Stage::OtherNetwork | Stage::Proven, _) => {}
        }
    }

    fn give_up_foreign(&mut self, id: ConnectionId, identified: &Identified) {
        let ours = self.config.network;
        if let Some(theirs) = identified.network.filter(|theirs| *theirs != ours) {
            return self.on_other_network(id, theirs);
        }
        self.meter.hellos_refused.increment();
        let address = self.address_of(id);
        let of_ours = identified.network.is_some();
        let error = if of_ours && identified.version != IDENTIFY_VERSION {
            let theirs = &identified.version;
            let reason = format!("it speaks {theirs:?}, and this node {IDENTIFY_VERSION:?}");
            DialError::Refused { address, reason }
        } else {
            DialError::NotChainspace { address }
        };
        self.fail(id, error);
    }

    /// The peer is of another network. Whoever dialed it is told at once.
    ///
    /// The connection stays for a moment, so that the peer can find out the same: whoever dialed ends it,
    /// and the other side if that does not happen.
    pub(super) fn on_other_network(&mut self, id: ConnectionId, theirs: NetworkId) {
        let ours = self.config.network;
        let address = self.address_of(id);
        warn!(address, %ours, %theirs, "a peer of another network");
        self.meter.wrong_network.increment();
        self.meter.hellos_refused.increment();
        self.meter.offences.increment();
        self.dialer.foreign(id, theirs);
        self.settle(id, &Err(DialError::WrongNetwork { ours, theirs }));
        let Some(arrival) = self.arrivals.get_mut(&id) else {
            return;
        };
        let (now, patience) = (Instant::now(), self.config.limits.hello_timeout);
        arrival.stage = Stage::OtherNetwork;
        arrival.deadline = match arrival.connection.direction {
            Direction::Outbound => now + patience / 2,
            Direction::Inbound => now + patience,
        };
        let peer = arrival.connection.peer;
        let conduct = &mut self.swarm.behaviour_mut().gate.conduct;
        // Whatever comes of it: this connection ends anyway.
        conduct.report(peer, None, Offence::WrongNetwork, now);
    }
}
