//! Malpractice: two things that no honest node says together.
//!
//! A node lies if it signs two statements that conflict, or two heads under which a shard promises
//! opposite things about one transaction. A shard votes on a transaction at most once and decides it
//! at most once, ever (decision D3), so the second kind needs no common height and no common epoch.
//!
//! Two more kinds are about epochs. The chain of a shard has one epoch after the other, and an honest
//! node signs the heads of blocks that it has applied. So it signs no head above the one that ended the
//! epoch, which it signed too, and no head of an epoch that is not above all heads of those before it.
//! Slots of the agreement are another matter: those after the last block of an epoch begin anew in the
//! next one, so votes and proposals of two epochs never conflict.
//!
//! Nothing here goes by what others say. That a quorum signed one head convicts nobody of having signed
//! another: a dishonest shard could then have its honest members removed.
//!
//! Paper: Section VI-A, "a non-repudiable record of malpractice from one of the nodes". It can be
//! checked by anyone with the node's key alone.

mod said;

use serde::{Deserialize, Serialize};

use crate::id::{NetworkId, NodeId, ShardId};
use crate::key::{Signature, SignatureCheck};
use crate::outbox::Promise;
use crate::statement::{Epoch, Scope, Statement};

pub use said::{SignedEnd, SignedHead, SignedLeaf};

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
    /// A head above the one that ended its epoch.
    PastEnd {
        /// The head that ended the epoch.
        end: Box<SignedEnd>,
        /// The head above it.
        head: SignedHead,
    },
    /// Two heads of one chain, of which the one of the later epoch is not above the other.
    Epochs {
        /// The head that was seen first.
        first: SignedHead,
        /// The head that conflicts with it.
        second: SignedHead,
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
    /// A head above the end of its epoch.
    PastEnd,
    /// Two heads whose epochs are in the other order than their heights.
    Epochs,
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
            Self::PastEnd => "a head past the end",
            Self::Epochs => "two epochs",
            Self::Nothing => "nothing",
        })
    }
}

/// Why a record proves no malpractice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMalpractice {
    /// An honest node may say both.
    #[error("what the node said does not conflict")]
    NoConflict,
    /// The path from a leaf to its head does not verify.
    #[error("what the record says of a head is not under it")]
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
            Lie::PastEnd { end, head } => {
                holds(end.conflicts(head), NoMalpractice::NoConflict)?;
                end.verify(key, check)?;
                holds(head.verify(key, check), NoMalpractice::BadSignature)
            }
            Lie::Epochs { first, second } => {
                holds(first.conflicts(second), NoMalpractice::NoConflict)?;
                let both = first.verify(key, check) && second.verify(key, check);
                holds(both, NoMalpractice::BadSignature)
            }
        }
    }
}

impl Lie {
    /// The network and the shard in whose name it was told. That both halves agree on it is for
    /// [`Malpractice::verify`] to say.
    #[must_use]
    pub const fn told_in(&self) -> (NetworkId, ShardId) {
        let scope = self.scope();
        (scope.network, scope.shard)
    }

    /// The epoch in which the first half was said.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.scope().epoch
    }

    /// Where the first half was said.
    const fn scope(&self) -> &Scope {
        match self {
            Self::Statements { scope, .. } => scope,
            Self::Promises { first, .. } => &first.head.scope,
            Self::PastEnd { end, .. } => &end.head.scope,
            Self::Epochs { first, .. } => &first.scope,
        }
    }

    /// What it was about.
    #[must_use]
    pub const fn kind(&self) -> LieKind {
        match self {
            Self::Promises { .. } => LieKind::Promises,
            Self::PastEnd { .. } => LieKind::PastEnd,
            Self::Epochs { .. } => LieKind::Epochs,
            Self::Statements { first, second, .. } => match (&first.0, &second.0) {
                (Statement::Proposal { .. }, Statement::Proposal { .. }) => LieKind::Proposals,
                (Statement::Vote { .. }, Statement::Vote { .. }) => LieKind::Votes,
                (Statement::Head { .. }, Statement::Head { .. }) => LieKind::Heads,
                _ => LieKind::Nothing,
            },
        }
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
