//! Keeps clients from spending what is not there, and sees who pays.
//!
//! It looks before signatures are checked, which is most of the work, and says to the network what
//! comes of it: who pays, who costs more than its bytes, and who is to go.
//!
//! Signatures that are none are seen only when they have been checked, and nobody pays for that. No client
//! makes them by mistake, so whoever hands one in is reported at once, and nothing else of it is looked at
//! for a while: what it has handed in already may be as false.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::transaction::Malformed;
use model::{ShardId, Transaction};
use net::PeerName;

use super::doubt::{Cover, Doubt, Doubtful, cover};
use super::payers::{Paid, Payers};
use crate::reads::Reads;

/// What a doubtful transaction that is refused costs its client beside its bytes, in bytes: a list of as many
/// as one request may have is paid for within a second.
const REFUSED_BYTES: usize = 8 * 1024;

/// What a transaction that no client makes costs its client beside its bytes, in bytes. Finding out takes up
/// to 64 checks of signatures, a few milliseconds: of what one guest may ask for, 64 of them are paid for
/// within a second.
const FALSE_BYTES: usize = 32 * 1024;

/// For how long nothing is looked at of a client that has handed in a false transaction. By then the network
/// has let go of it, and what it had handed in before is through.
const CAUGHT_FOR: Duration = Duration::from_secs(10);

/// Clients of whom it is remembered that they were caught.
const CAUGHT_MAX: usize = 1_024;

/// Whether no client makes a transaction that is malformed like this. Whoever makes one signs what it has
/// checked, by the same rules; only limits may be others elsewhere, and a person may take the wrong network.
pub(super) const fn is_false(malformed: &Malformed) -> bool {
    match malformed {
        Malformed::OtherNetwork { .. } | Malformed::TooMuch { .. } => false,
        Malformed::Empty
        | Malformed::Openings { .. }
        | Malformed::Participants { .. }
        | Malformed::Authorizations
        | Malformed::BadSignature { .. } => true,
    }
}

/// Clients that have handed in false transactions, each with when it was caught last.
#[derive(Default)]
struct Caught(HashMap<PeerName, Instant>);

impl Caught {
    fn note(&mut self, client: PeerName, now: Instant) {
        if self.0.len() >= CAUGHT_MAX && !self.0.contains_key(&client) {
            // They begin anew, and are caught again.
            self.0.clear();
        }
        self.0.insert(client, now);
    }

    fn holds(&self, client: &PeerName, now: Instant) -> bool {
        let caught = self.0.get(client);
        caught.is_some_and(|at| now.duration_since(*at) < CAUGHT_FOR)
    }
}

/// See [the module](self).
pub(super) struct Guard {
    doubt: Doubt,
    caught: Caught,
    payers: Payers,
    reads: Arc<Reads>,
    network: net::Handle,
}

impl Guard {
    /// Nobody has handed in anything.
    pub(super) fn new(reads: Arc<Reads>, network: net::Handle) -> Self {
        Self {
            doubt: Doubt::new(Instant::now()),
            caught: Caught::default(),
            payers: Payers::default(),
            reads,
            network,
        }
    }

    /// A client has handed in a transaction that no client makes.
    pub(super) fn catches(&mut self, client: PeerName, now: Instant) {
        self.caught.note(client, now);
        self.network.charge(client, FALSE_BYTES);
        self.network.report(client, net::Offence::Malformed);
    }

    /// Whether nothing of a client is looked at for now, because of what it has handed in before.
    pub(super) fn turns_away(&self, client: PeerName, now: Instant) -> bool {
        let is_caught = self.caught.holds(&client, now);
        if is_caught {
            self.network.charge(client, REFUSED_BYTES);
        }
        is_caught
    }

    /// Whether a transaction of a client is to be looked at any further in this shard.
    pub(super) fn lets_in(
        &mut self,
        client: PeerName,
        transaction: &Transaction,
        shard: ShardId,
        now: Instant,
    ) -> bool {
        let id = || transaction.body.id();
        let outcome = |id: &_| self.reads.decision(id).ok().flatten();
        let paid = self.payers.hands_in(client, id, now, outcome);
        if paid == Paid::Now {
            self.network.has_paid(client);
        }
        let state = self.reads.state();
        // If the tables cannot be read, others see to it that the node ends.
        let is_active = |id: &_| !matches!(state.object(id), Ok(None));
        let cover = cover(transaction, shard, is_active);
        if cover == Cover::Full {
            return true;
        }
        let doubtful = self.doubt.consider(client, paid != Paid::Nothing, now);
        if doubtful == Doubtful::Taken {
            return true;
        }
        self.network.charge(client, REFUSED_BYTES);
        // What is elsewhere may well be there, so that nothing is wrong with asking again.
        if doubtful == Doubtful::Reported && cover == Cover::Lacking {
            self.network.report(client, net::Offence::Deaf);
        }
        false
    }
}
