//! From one epoch of the audited shard to the next one.
//!
//! ```text
//!   under way --a block ends it--> over --a quorum has signed its head--> beginning --a block--> under way
//! ```
//!
//! The block that ends an epoch names the list of nodes that follows, and so does its head. What the next
//! blocks are worth rests on the signatures under that head alone: without them nobody knows whether the
//! nodes that go on are those to whom the shard was handed over.
//!
//! Paper: Section VI-A, `MS.update`.

use std::sync::Arc;

use model::head::HeadCertificate;
use model::merkle::Tree;
use model::{Epoch, EpochChange, HandOver, Hash, NotAFact, ShardRecord};

use super::Replay;
use super::entries::Checked;

/// Where in an epoch the audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The next block is the first one of the epoch, and there was one before.
    Beginning,
    /// The next block is of the same epoch as the last one.
    UnderWay,
    /// The last block has ended the epoch, and it is not known that a quorum signed its head.
    Over,
}

/// The record that follows if a block with these entries ends the epoch.
pub(super) fn next_record(entries: &[Checked]) -> Option<&Arc<ShardRecord>> {
    match entries.last()? {
        Checked::End(next) => Some(next),
        Checked::Prepare(_) | Checked::Deliver(_) | Checked::Change(_) | Checked::Found(_) => None,
    }
}

impl Replay {
    /// Goes on after a block that is in order: into the next epoch, if the block ended this one and a
    /// quorum has signed its head. `signed` is that head, if it came with the block, and checked.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if the history that is known goes on with other nodes.
    pub(super) fn go_on(
        &mut self,
        ended_by: Option<&Arc<ShardRecord>>,
        leaves: Vec<Hash>,
        signed: Option<&HeadCertificate>,
    ) -> Result<(), NotAFact> {
        let Some(next) = ended_by else {
            self.phase = Phase::UnderWay;
            return Ok(());
        };
        self.phase = Phase::Over;
        if let Some(change) = signed.and_then(|head| change(next, leaves, head)) {
            self.directory.follow(&Arc::new(change))?;
            self.begin(next.epoch);
        } else if self.is_handed_over(next) {
            self.begin(next.epoch);
        }
        Ok(())
    }

    /// Whether it is known from elsewhere that a quorum has signed the head of the last block, and with
    /// it the record.
    fn is_handed_over(&self, next: &ShardRecord) -> bool {
        let scope = self.committee.scope();
        let mut known = self.directory.changes(scope.shard, scope.epoch);
        known.next().is_some_and(|change| {
            change.next == *next && change.hand_over.head.head.hash() == self.head
        })
    }

    fn begin(&mut self, epoch: Epoch) {
        let shard = self.committee.scope().shard;
        let members = self.directory.committee(shard, epoch);
        self.committee = members.expect("the change has been taken in").clone();
        self.final_height = self.height;
        self.phase = Phase::Beginning;
    }
}

/// The change that a signed head proves; `leaves` are those under it.
fn change(next: &ShardRecord, leaves: Vec<Hash>, head: &HeadCertificate) -> Option<EpochChange> {
    let last = leaves.len().checked_sub(1)?;
    let proof = Tree::new(leaves).prove(last)?;
    Some(EpochChange {
        next: next.clone(),
        hand_over: HandOver {
            head: head.clone(),
            proof,
        },
    })
}
