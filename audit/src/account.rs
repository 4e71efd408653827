//! What a chain says of itself and of others: one side of a double entry.
//!
//! Whatever a shard promises another one stands in two chains: under a head of the shard that promised,
//! and in a block of the shard that heard. An account keeps what one chain has of both, for comparison.
//!
//! Paper: Section V-B, "an instance of the age-old double-entry book keeping".

use std::collections::BTreeMap;
use std::sync::Arc;

use model::shard::Seat;
use model::statement::{Epoch, Height};
use model::{
    Certificate, Delivery, Hash, Outcome, Parcel, Promise, ShardId, SignedLeaf, TransactionId,
};

/// Of one shard at one height: the heads that are known.
pub(crate) type Heads = BTreeMap<Hash, Known>;

/// A head that is known.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The epoch that it is of.
    pub(crate) epoch: Epoch,
    /// Who signed it, if that is known.
    pub(crate) signed: Option<Certificate>,
}

/// What a promise to commit or to abort is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// How the shard votes.
    Vote,
    /// What it decides.
    Decision,
}

/// A transaction, and a shard that votes on it or decides it.
pub(crate) type About = (TransactionId, ShardId, Kind);

/// What was heard of a shard about a transaction: the first promise of each sort.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// To commit.
    pub(crate) commit: Option<Word>,
    /// To abort.
    pub(crate) abort: Option<Word>,
}

/// A promise that was heard.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    parcel: Arc<Parcel>,
    at: usize,
}

/// What one audited chain says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    /// Its own heads, and those of others that it heard of.
    pub(crate) heads: BTreeMap<(ShardId, Height), Heads>,
    /// The votes and the decisions of others that it heard of.
    pub(crate) words: BTreeMap<About, Words>,
    /// What became of the transactions that ended in it, and at which height.
    pub(crate) outcomes: BTreeMap<TransactionId, (Height, Outcome)>,
}

impl Account {
    /// Notes a head of a shard, with the signatures if they are at hand.
    pub(crate) fn head(
        &mut self,
        of: (ShardId, Height),
        head: Hash,
        epoch: Epoch,
        signed: Option<&Certificate>,
    ) {
        let heads = self.heads.entry(of).or_default();
        let nobody = Known {
            epoch,
            signed: None,
        };
        let known = heads.entry(head).or_insert(nobody);
        if known.signed.is_none() {
            known.signed = signed.cloned();
        }
    }

    /// Notes what another shard says.
    pub(crate) fn heard(&mut self, delivery: &Delivery) {
        for parcel in delivery.parcels() {
            let head = &parcel.head.head;
            let of = (parcel.from(), head.height);
            let signed = &parcel.head.certificate;
            self.head(of, head.hash(), head.scope.epoch, Some(signed));
            self.promises(parcel);
        }
    }

    fn promises(&mut self, parcel: &Parcel) {
        let parcel = Arc::new(parcel.clone());
        for (at, leaf) in parcel.leaves.iter().enumerate() {
            let (kind, verdict) = match &leaf.promise {
                Promise::Prepared(verdict) => (Kind::Vote, verdict),
                Promise::Accept(verdict) => (Kind::Decision, verdict),
                Promise::NoDecision | Promise::Acknowledged => continue,
            };
            let about = (leaf.transaction, parcel.from(), kind);
            let words = self.words.entry(about).or_default();
            let word = if verdict.is_commit() {
                &mut words.commit
            } else {
                &mut words.abort
            };
            word.get_or_insert_with(|| Word {
                parcel: Arc::clone(&parcel),
                at,
            });
        }
    }
}

impl Word {
    /// The height of the head that the promise is under.
    pub(crate) fn height(&self) -> Height {
        self.parcel.head.head.height
    }

    /// The epoch in which it was made.
    pub(crate) fn epoch(&self) -> Epoch {
        self.parcel.head.head.scope.epoch
    }

    /// Who signed that head.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> {
        let signatures = self.parcel.head.certificate.signatures.iter();
        signatures.map(|(seat, _)| *seat)
    }

    /// The promise with the signature of one of them.
    pub(crate) fn signed_by(&self, seat: Seat) -> Option<SignedLeaf> {
        self.parcel.signed_leaf(self.at, seat)
    }
}
