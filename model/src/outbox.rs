//! What one shard promises another: leaves under the head of the block in which it made the promise.
//!
//! A node signs heads and nothing else about transactions (decision D8), so a promise of a shard is a
//! leaf, the way from it to a head, and the signatures of enough members over the head. What a block
//! has to say to one shard is a run of neighbours in one tree, and travels as one [`Parcel`].
//!
//! Every leaf names the shard it is for and the transaction; the transaction's identifier binds the
//! network, the nonce, the deadline, the mode and the participants. So a promise says nothing in any
//! other network, shard, epoch, transaction or attempt.
//!
//! Paper: Section IV-C, `prepared(T, commit)`, `prepared(T, abort)`, `accept(T, ...)`. Deviation: D-6.

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::encoding;
use crate::hand_over::HandOver;
use crate::hash::Hash;
use crate::head::{HeadCertificate, HeadError};
use crate::id::{ShardId, TransactionId};
use crate::key::SignatureCheck;
use crate::malpractice::SignedLeaf;
use crate::membership::ShardRecord;
use crate::merkle::{InclusionProof, RangeProof, Tree, leaf_hash};
use crate::result::{AbortReason, Outcome};
use crate::shard::{Committee, Seat};
use crate::statement::Epoch;
use crate::time::Time;

/// Commit or abort, as a shard votes and as a decider decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// As far as the shard is concerned, the transaction can be committed.
    Commit,
    /// It must not be.
    Abort(AbortReason),
}

impl Verdict {
    /// Whether it is for the transaction.
    #[must_use]
    pub const fn is_commit(&self) -> bool {
        matches!(self, Self::Commit)
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Commit => Self::Committed,
            Verdict::Abort(reason) => Self::Aborted(reason),
        }
    }
}

/// What a shard promises about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Promise {
    /// `prepared(T, ...)`: the vote of the shard. With a vote to commit it has locked the objects that
    /// it manages, and keeps them locked until it hears the decision.
    ///
    /// Paper: Section IV-C, Process Prepare.
    Prepared(Verdict),
    /// `accept(T, ...)`: the decision of the shard that decides. Deviation: D-2.
    Accept(Verdict),
    /// The shard has not voted on the transaction, or not decided it, as the case may be, and never
    /// will: its deadline was over before the shard heard of it. Deviation: D-9.
    NoDecision,
    /// The shard has done what was decided.
    Acknowledged,
}

/// A promise, to whom it is made, and about what: a leaf under a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leaf {
    /// The shard that it is made to.
    pub to: ShardId,
    /// The transaction.
    pub transaction: TransactionId,
    /// The deadline of the transaction, for those who do not have it.
    pub valid_until: Time,
    /// The promise.
    pub promise: Promise,
}

impl Leaf {
    /// What the tree holds.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(&encoding::encode(self))
    }
}

/// The tree over the leaves of a block, which are ascending: what is for one shard is a run. Under the
/// last block of an epoch there is one more at the end, which names the record that follows.
#[must_use]
pub fn outbox_tree(leaves: &[Leaf], next: Option<&ShardRecord>) -> Tree {
    let hand_over = next.map(HandOver::leaf);
    Tree::new(leaves.iter().map(Leaf::hash).chain(hand_over).collect())
}

/// Some of what a block of one shard says to another one, with the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The head of the block, with the signatures of enough members.
    pub head: HeadCertificate,
    /// Neighbouring leaves under that head, all to one shard.
    pub leaves: Vec<Leaf>,
    /// That they are under the head.
    pub proof: RangeProof,
}

/// Why a parcel proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadParcel {
    /// It is empty, or larger than a limit of [`crate::bounds`].
    #[error("a parcel has {found} leaves, 1 to {limit} are allowed")]
    Leaves {
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// More votes than a limit of [`crate::bounds`].
    #[error("a delivery has {found} votes beside it, at most {limit} are allowed")]
    Votes {
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// A leaf is for another shard than it is shown to, or by the shard that it is for.
    #[error("a promise of the parcel is not made to this shard by another one")]
    OtherShard,
    /// The shard that speaks is in an epoch of which nothing is known here yet.
    #[error("shard {shard} is known up to epoch {known}, and this is of a later one")]
    Ahead {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that is known.
        known: Epoch,
    },
    /// The head is of an epoch that had ended at its height.
    #[error("the head is above the last one of its epoch")]
    AfterEnd,
    /// The leaves are not under the head.
    #[error("the path from the leaves to the head does not verify")]
    Path,
    /// The head is not certified.
    #[error(transparent)]
    Head(#[from] HeadError),
}

impl Parcel {
    /// The shard that speaks.
    #[must_use]
    pub const fn from(&self) -> ShardId {
        self.head.head.scope.shard
    }

    /// Checks all that needs no signature: that these are leaves under the head, made to `to`.
    ///
    /// # Errors
    ///
    /// [`BadParcel`] says what is wrong.
    pub fn check_form(&self, to: ShardId) -> Result<(), BadParcel> {
        let found = self.leaves.len();
        let limit = bounds::PARCEL_LEAVES_MAX;
        if found == 0 || found > limit {
            return Err(BadParcel::Leaves { limit, found });
        }
        if self.from() == to || self.leaves.iter().any(|leaf| leaf.to != to) {
            return Err(BadParcel::OtherShard);
        }
        if self.proof.verify(&self.head.head.outbox, &self.hashes()) {
            Ok(())
        } else {
            Err(BadParcel::Path)
        }
    }

    /// The leaf `at`, counted from the first, as evidence against the member on `seat` of the shard
    /// that speaks, if it signed the head.
    #[must_use]
    pub fn signed_leaf(&self, at: usize, seat: Seat) -> Option<SignedLeaf> {
        let mut signatures = self.head.certificate.signatures.iter();
        let (_, signature) = signatures.find(|(signer, _)| *signer == seat)?;
        Some(SignedLeaf {
            head: self.head.head.clone(),
            signature: *signature,
            leaf: *self.leaves.get(at)?,
            proof: self.proof.narrow(&self.hashes(), at)?,
        })
    }

    /// The proofs for the leaves one by one, if all of them are under the head. They cost little more
    /// than checking the parcel does, however many leaves it has.
    #[must_use]
    pub fn proofs(&self) -> Option<Vec<InclusionProof>> {
        self.proof.narrow_each(&self.hashes())
    }

    /// The leaf `at`, counted from the first, in a parcel by itself: shorter, where the others are of
    /// no use. `proofs` are those of this parcel.
    #[must_use]
    pub fn only(&self, at: usize, proofs: &[InclusionProof]) -> Option<Self> {
        let InclusionProof { index, size, path } = proofs.get(at)?.clone();
        Some(Self {
            head: self.head.clone(),
            leaves: vec![*self.leaves.get(at)?],
            proof: RangeProof {
                first: index,
                size,
                path,
            },
        })
    }

    fn hashes(&self) -> Vec<Hash> {
        self.leaves.iter().map(Leaf::hash).collect()
    }

    /// Checks that `needed` members of `committee`, the shard that speaks, signed the head.
    ///
    /// # Errors
    ///
    /// [`BadParcel::Head`].
    pub fn check_head(
        &self,
        committee: &Committee,
        needed: usize,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadParcel> {
        Ok(self.head.verify_threshold(committee, needed, check)?)
    }
}

/// A parcel as a shard sequences it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What another shard says to this one.
    pub parcel: Parcel,
    /// If there are decisions to commit in it: the votes of the participants beside the decider and
    /// this shard, as they reached the decider, and what came with them. A decider can commit nothing
    /// without them, and whoever audits this shard sees why it did what it did.
    pub votes: Vec<Parcel>,
}

impl Delivery {
    /// The parcels of it, the votes last.
    pub fn parcels(&self) -> impl Iterator<Item = &Parcel> {
        std::iter::once(&self.parcel).chain(&self.votes)
    }

    /// As [`Parcel::check_form`], for each parcel of it.
    ///
    /// # Errors
    ///
    /// [`BadParcel`] says what is wrong.
    pub fn check_form(&self, to: ShardId) -> Result<(), BadParcel> {
        let found = self.votes.len();
        let limit = bounds::DELIVERY_VOTES_MAX;
        if found > limit {
            return Err(BadParcel::Votes { limit, found });
        }
        self.parcel.check_form(to)?;
        let decider = self.parcel.from();
        self.votes
            .iter()
            .try_for_each(|votes| votes.check_form(decider))
    }
}
