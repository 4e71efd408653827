//! Keeps clients from spending what is not there, and sees who pays.
//!
//! It looks before signatures are checked, which is most of the work, and says to the network what
//! comes of it: who pays, who costs more than its bytes, and who is to go.

use std::sync::Arc;
use std::time::Instant;

use model::{ShardId, Transaction};
use net::PeerName;

use super::doubt::{Cover, Doubt, Doubtful, cover};
use super::payers::{Paid, Payers};
use crate::reads::Reads;

/// What a doubtful transaction that is refused costs its client beside its bytes, in bytes: a list of as many
/// as one request may have is paid for within a second.
const REFUSED_BYTES: usize = 8 * 1024;

/// See [the module](self).
pub(super) struct Guard {
    doubt: Doubt,
    payers: Payers,
    reads: Arc<Reads>,
    network: net::Handle,
}

impl Guard {
    /// Nobody has handed in anything.
    pub(super) fn new(reads: Arc<Reads>, network: net::Handle) -> Self {
        Self {
            doubt: Doubt::new(Instant::now()),
            payers: Payers::default(),
            reads,
            network,
        }
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
