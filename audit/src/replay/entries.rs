//! What a block says, each signature in it checked again.
//!
//! The members of the shard have checked all of it before they voted; that they did is what is audited.

use model::block::{Entry, decode_entries};
use model::bounds;
use model::outbox::BadParcel;
use model::transaction::Authorized;
use model::{Delivery, SignatureCheck, Transaction};

use super::Replay;
use crate::finding::Problem;

/// An entry of a block that proves what it says.
pub(super) enum Checked {
    /// Its users have signed it.
    Prepare(Authorized),
    /// Another shard has promised it to this one.
    Deliver(Box<Delivery>),
}

impl Replay {
    /// The entries of a payload.
    pub(super) fn entries(
        &self,
        payload: &[u8],
        check: &mut impl SignatureCheck,
    ) -> Result<Vec<Checked>, Problem> {
        let entries =
            decode_entries(payload).map_err(|error| Problem::Malformed(error.to_string()))?;
        if entries.len() > bounds::ENTRIES_MAX {
            let found = entries.len();
            return Err(Problem::Malformed(format!("it has {found} entries")));
        }
        let checked = entries.into_iter().map(|entry| match entry {
            Entry::Prepare(transaction) => {
                Ok(Checked::Prepare(self.authorized(transaction, check)?))
            }
            Entry::Deliver(delivery) => {
                self.promised(&delivery, check)?;
                Ok(Checked::Deliver(Box::new(delivery)))
            }
            Entry::Change(_) | Entry::End(_) => {
                Err(Problem::Malformed("it changes an epoch".to_owned()))
            }
        });
        checked.collect()
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
    /// each, as the network began with it, signed the head that the promises are under.
    ///
    /// Paper: Section V-A, `LocalPrepared`.
    fn promised(
        &self,
        delivery: &Delivery,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadParcel> {
        delivery.check_form(self.committee.scope().shard)?;
        for parcel in delivery.parcels() {
            let committee = self.others.get(&parcel.from());
            let committee = committee.ok_or(BadParcel::OtherShard)?;
            parcel.check_head(committee, self.profile.threshold(committee), check)?;
        }
        Ok(())
    }
}
