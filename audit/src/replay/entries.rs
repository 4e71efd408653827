//! What a block says, each signature in it checked again.
//!
//! The members of the shard have checked all of it before they voted; that they did is what is audited.
//!
//! What they could check depended on what they knew of other shards at that moment, and a certificate of
//! an epoch that had ended without their knowledge was good to them. So it is good to the auditor: whether
//! it did anything is a question of what the chain had heard before.

use std::sync::Arc;

use model::block::{Entry, decode_entries};
use model::bounds;
use model::epoch::BadEnding;
use model::outbox::BadParcel;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{Delivery, Ending, Epoch, EpochChange, NotAFact, ShardId, ShardRecord};
use model::{SignatureCheck, Transaction};

use super::Replay;
use crate::finding::Problem;

/// An entry of a block that proves what it says.
pub(super) enum Checked {
    /// Its users have signed it.
    Prepare(Authorized),
    /// Another shard has promised it to this one.
    Deliver(Box<Delivery>),
    /// Another shard has begun an epoch.
    Change(Arc<EpochChange>),
    /// The epoch ends, and this record follows: a quorum of the members is for it.
    End(Arc<ShardRecord>),
    /// Another shard has been founded.
    Found(ShardId),
}

impl Replay {
    /// The entries of a payload. What one of them says of the epochs of another shard holds for those
    /// after it.
    pub(super) fn entries(
        &mut self,
        payload: &[u8],
        check: &mut impl SignatureCheck,
    ) -> Result<Vec<Checked>, Problem> {
        let entries =
            decode_entries(payload).map_err(|error| Problem::Malformed(error.to_string()))?;
        if entries.len() > bounds::ENTRIES_MAX {
            let found = entries.len();
            return Err(Problem::Malformed(format!("it has {found} entries")));
        }
        let mut before_last = entries.iter().rev().skip(1);
        if before_last.any(|entry| matches!(entry, Entry::End(_))) {
            return Err(Problem::AfterEnd);
        }
        let checked = entries.into_iter().map(|entry| match entry {
            Entry::Prepare(transaction) => {
                Ok(Checked::Prepare(self.authorized(transaction, check)?))
            }
            Entry::Deliver(delivery) => {
                self.promised(&delivery, check)?;
                Ok(Checked::Deliver(Box::new(delivery)))
            }
            Entry::Change(change) => Ok(Checked::Change(self.changed(change, check)?)),
            Entry::End(ending) => Ok(Checked::End(self.ended(ending, check)?)),
            Entry::Found(record) => Ok(Checked::Found(self.founded(&record)?)),
        });
        checked.collect()
    }

    /// Checks that another shard has begun an epoch, by the members that it had in the one before.
    fn changed(
        &mut self,
        change: EpochChange,
        check: &mut impl SignatureCheck,
    ) -> Result<Arc<EpochChange>, NotAFact> {
        let shard = change.next.shard;
        if shard == self.committee.scope().shard {
            return Err(NotAFact::UnknownShard(shard));
        }
        let change = Arc::new(change);
        // A dishonest shard may have told others something else: what this one was told counts here.
        self.directory.overrule_checked(&change, check)?;
        Ok(change)
    }

    /// Checks that the root shard has founded another shard with this record, as the auditor knows from
    /// the root shard.
    fn founded(&self, record: &ShardRecord) -> Result<ShardId, NotAFact> {
        let shard = record.shard;
        let known = self.directory.record(shard, Epoch::ZERO);
        let ours = shard == self.committee.scope().shard;
        if ours || known != Some(record) {
            return Err(NotAFact::UnknownShard(shard));
        }
        Ok(shard)
    }

    /// Checks that a quorum of the members is for a list of nodes that can follow.
    fn ended(
        &self,
        ending: Ending,
        check: &mut impl SignatureCheck,
    ) -> Result<Arc<ShardRecord>, BadEnding> {
        let scope = self.committee.scope();
        let before = self.directory.record(scope.shard, scope.epoch);
        let before = before.expect("the members are those of a record");
        ending.check(before, &self.committee, check)?;
        Ok(Arc::new(ending.plan.next))
    }

    /// Checks that the users of a transaction have signed it.
    fn authorized(
        &self,
        transaction: Transaction,
        check: &mut impl SignatureCheck,
    ) -> Result<Authorized, Problem> {
        let well_formed = transaction
            .check_form(&self.committee.scope().network)
            .map_err(|error| Problem::Malformed(error.to_string()))?;
        let id = well_formed.id();
        well_formed.verify(check).map_err(|_| Problem::Forged(id))
    }

    /// Checks that the shards that a delivery quotes have promised what it quotes: enough members of
    /// each, as it was in the epoch of the head, signed the head that the promises are under.
    ///
    /// Paper: Section V-A, `LocalPrepared`.
    fn promised(
        &self,
        delivery: &Delivery,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadParcel> {
        delivery.check_form(self.committee.scope().shard)?;
        for parcel in delivery.parcels() {
            let Scope { shard, epoch, .. } = parcel.head.head.scope;
            let known = self.directory.current(shard);
            let known = known.ok_or(BadParcel::OtherShard)?.scope().epoch;
            let committee = self.directory.committee(shard, epoch);
            let committee = committee.ok_or(BadParcel::Ahead { shard, known })?;
            parcel.check_head(committee, self.profile.threshold(committee), check)?;
        }
        Ok(())
    }
}
