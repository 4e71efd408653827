//! Malpractice: two things that no honest node says together.
//!
//! A node lies if it signs two statements that conflict, or two heads under which a shard promises
//! opposite things about one transaction. A shard votes on a transaction at most once and decides it
//! at most once, ever (decision D3), so the second kind needs no common height and no common epoch.
//!
//! Paper: Section VI-A, "a non-repudiable record of malpractice from one of the nodes". It can be
//! checked by anyone with the node's key alone.

use serde::{Deserialize, Serialize};

use crate::head::Head;
use crate::id::{NetworkId, NodeId, ShardId};
use crate::key::{PublicKey, Signature, SignatureCheck};
use crate::merkle::InclusionProof;
use crate::outbox::{Leaf, Promise};
use crate::statement::{Epoch, Scope, Statement};

/// A proof that `node` lied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malpractice {
    /// Who lied.
    pub node: NodeId,
    /// What it said.
    pub lie: Lie,
}

/// What a node said, which cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    clippy::large_enum_variant,
    reason = "records are rare, and none are kept in numbers"
)]
pub enum Lie {
    /// Two statements that conflict.
    Statements {
        /// Where both were made.
        scope: Scope,
        /// The statement that was seen first.
        first: (Statement, Signature),
        /// The statement that conflicts with it.
        second: (Statement, Signature),
    },
    /// Two promises of one shard about one transaction that conflict.
    Promises {
        /// The promise that was seen first.
        first: Box<SignedLeaf>,
        /// The promise that conflicts with it.
        second: Box<SignedLeaf>,
    },
}

/// What a lie was about. An honest node keeps one record of each kind for each node: one is enough to
/// have it removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LieKind {
    /// Two blocks proposed in one slot.
    Proposals,
    /// Two votes of the agreement that nobody casts together.
    Votes,
    /// Two heads at one height.
    Heads,
    /// Two votes of S-BAC on one transaction, or two decisions.
    Promises,
    /// Two statements that do not conflict: no lie at all.
    Nothing,
}

impl std::fmt::Display for LieKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Proposals => "two proposals",
            Self::Votes => "two votes",
            Self::Heads => "two heads",
            Self::Promises => "two promises",
            Self::Nothing => "nothing",
        })
    }
}

/// A leaf that a node put its name to: it is under a head that the node signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLeaf {
    /// The head.
    pub head: Head,
    /// The node's signature over the head.
    pub signature: Signature,
    /// The leaf.
    pub leaf: Leaf,
    /// That the leaf is under the head.
    pub proof: InclusionProof,
}

/// Why a record proves no malpractice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMalpractice {
    /// An honest node may say both.
    #[error("what the node said does not conflict")]
    NoConflict,
    /// The path from a leaf to its head does not verify.
    #[error("a promise of the record is not under the head that is shown with it")]
    Path,
    /// One of the signatures is not the node's.
    #[error("a signature of the record does not verify")]
    BadSignature,
}

impl Malpractice {
    /// Checks that the node really said both things, and that they conflict.
    ///
    /// # Errors
    ///
    /// [`NoMalpractice`] if the record proves nothing.
    pub fn verify(&self, check: &mut impl SignatureCheck) -> Result<(), NoMalpractice> {
        let key = self.node.key();
        match &self.lie {
            Lie::Statements {
                scope,
                first,
                second,
            } => {
                holds(first.0.conflicts(&second.0), NoMalpractice::NoConflict)?;
                for (statement, signature) in [first, second] {
                    let signed = statement.verify(scope, key, signature, check);
                    holds(signed, NoMalpractice::BadSignature)?;
                }
                Ok(())
            }
            Lie::Promises { first, second } => {
                holds(first.conflicts(second), NoMalpractice::NoConflict)?;
                first.verify(key, check)?;
                second.verify(key, check)
            }
        }
    }
}

impl Lie {
    /// The network and the shard in whose name it was told. That both halves agree on it is for
    /// [`Malpractice::verify`] to say.
    #[must_use]
    pub const fn told_in(&self) -> (NetworkId, ShardId) {
        let scope = match self {
            Self::Statements { scope, .. } => scope,
            Self::Promises { first, .. } => &first.head.scope,
        };
        (scope.network, scope.shard)
    }

    /// The epoch in which the first half was said.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        match self {
            Self::Statements { scope, .. } => scope.epoch,
            Self::Promises { first, .. } => first.head.scope.epoch,
        }
    }

    /// What it was about.
    #[must_use]
    pub const fn kind(&self) -> LieKind {
        match self {
            Self::Promises { .. } => LieKind::Promises,
            Self::Statements { first, second, .. } => match (&first.0, &second.0) {
                (Statement::Proposal { .. }, Statement::Proposal { .. }) => LieKind::Proposals,
                (Statement::Vote { .. }, Statement::Vote { .. }) => LieKind::Votes,
                (Statement::Head { .. }, Statement::Head { .. }) => LieKind::Heads,
                _ => LieKind::Nothing,
            },
        }
    }
}

impl SignedLeaf {
    /// Whether no honest node of the shard puts its name to both: one of them promises to commit a
    /// transaction and the other one to abort it, and both are votes or both are decisions.
    ///
    /// To whom they are made is nothing to do with it. Two reasons to abort do not conflict, and
    /// [`Promise::NoDecision`] and [`Promise::Acknowledged`] conflict with nothing: the first is said
    /// of what a shard has forgotten, too.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.head.scope, &other.head.scope);
        ours.network == theirs.network
            && ours.shard == theirs.shard
            && self.leaf.transaction == other.leaf.transaction
            && opposite(&self.leaf.promise, &other.leaf.promise)
    }

    fn verify(
        &self,
        key: &PublicKey,
        check: &mut impl SignatureCheck,
    ) -> Result<(), NoMalpractice> {
        let under = self.proof.verify(&self.head.outbox, &self.leaf.hash());
        holds(under, NoMalpractice::Path)?;
        let statement = self.head.statement();
        let signed = statement.verify(&self.head.scope, key, &self.signature, check);
        holds(signed, NoMalpractice::BadSignature)
    }
}

fn opposite(first: &Promise, second: &Promise) -> bool {
    match (first, second) {
        (Promise::Prepared(a), Promise::Prepared(b)) | (Promise::Accept(a), Promise::Accept(b)) => {
            a.is_commit() != b.is_commit()
        }
        (
            Promise::Prepared(_) | Promise::Accept(_) | Promise::NoDecision | Promise::Acknowledged,
            _,
        ) => false,
    }
}

fn holds(rule: bool, otherwise: NoMalpractice) -> Result<(), NoMalpractice> {
    rule.then_some(()).ok_or(otherwise)
}
