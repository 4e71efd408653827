//! How an epoch ends: who is to follow, who is for it, and how others come to know.
//!
//! ```text
//!   Plan                    Ending                      EpochChange
//!   a record, and the  -->  the plan, and 2f + 1    -->  the record, and the last head of the epoch,
//!   newcomers' consents     members who are for it       which names it
//! ```
//!
//! A shard sequences an [`Ending`] as the last entry of its epoch; the head of that block names the next
//! record, and with `2f + 1` signatures is the [`HandOver`]. With it everybody who knows the members of
//! the epoch knows those of the next one. From the genesis document, or from the founding of a shard, a
//! chain of such changes leads to the present, and no node has to be believed.
//!
//! Paper: Section VI-A, `MS.update`. Deviation: D-10.

use serde::{Deserialize, Serialize};

use crate::certificate::{Certificate, CertificateError};
use crate::hand_over::{BadHandOver, HandOver};
use crate::id::NetworkId;
use crate::key::{Signature, SignatureCheck};
use crate::membership::{BadConsent, BadRecord, ShardRecord};
use crate::shard::{Committee, NotACommittee};
use crate::statement::Statement;

/// A list of nodes that is to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The record.
    pub next: ShardRecord,
    /// The consents of the newcomers, in the order of their seats.
    pub consents: Vec<Signature>,
}

/// The last word of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// Who follows.
    pub plan: Plan,
    /// The signatures of `2f + 1` members over [`Plan::statement`].
    pub approvals: Certificate,
}

/// The step from one epoch of a shard to the next one, as anybody can check it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochChange {
    /// The record of the epoch that begins.
    pub next: ShardRecord,
    /// That the epoch before has ended, and that `next` follows.
    pub hand_over: HandOver,
}

/// Why an epoch cannot end like that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnding {
    /// The record is of another shard, or not of the next epoch.
    #[error("the list of nodes is not that of the next epoch of this shard")]
    Follows,
    /// The record cannot be the first one of an epoch.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// Somebody would become a member without having agreed to it.
    #[error(transparent)]
    Consent(#[from] BadConsent),
    /// The approvals are about another record.
    #[error("the members have approved of another list of nodes")]
    OtherPlan,
    /// Too few members are for it.
    #[error("the members have not approved of the list: {0}")]
    Approvals(#[from] CertificateError),
}

/// Why a change proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChange {
    /// The record is of another shard, or not of the next epoch.
    #[error("the list of nodes is not that of the next epoch of the shard")]
    Follows,
    /// The nodes cannot form a shard.
    #[error(transparent)]
    Committee(#[from] NotACommittee),
    /// The record cannot be the first one of an epoch.
    #[error(transparent)]
    Record(#[from] BadRecord),
    /// The shard does not say so.
    #[error(transparent)]
    HandOver(#[from] BadHandOver),
}

impl Plan {
    /// What a member signs who is for it.
    #[must_use]
    pub fn statement(&self) -> Statement {
        Statement::Succession {
            next: self.next.hash(),
        }
    }

    /// Checks that the plan can follow `before`, whoever is for it.
    ///
    /// # Errors
    ///
    /// [`BadEnding`] says what is wrong with it.
    pub fn check(
        &self,
        network: NetworkId,
        before: &ShardRecord,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadEnding> {
        if !self.next.follows(before) {
            return Err(BadEnding::Follows);
        }
        self.next.check(network, Some(before))?;
        Ok(self
            .next
            .check_consents(network, Some(before), &self.consents, check)?)
    }
}

impl Ending {
    /// Checks that a quorum of `committee`, whose record is `before`, is for a plan that can follow.
    ///
    /// # Errors
    ///
    /// [`BadEnding`] says what is wrong with it.
    pub fn check(
        &self,
        before: &ShardRecord,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadEnding> {
        self.plan.check(committee.scope().network, before, check)?;
        if self.approvals.statement != self.plan.statement() {
            return Err(BadEnding::OtherPlan);
        }
        Ok(self.approvals.verify(committee, check)?)
    }
}

impl EpochChange {
    /// Whether it says the same as another one, whoever has signed it.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.next == other.next && self.hand_over.head.head == other.hand_over.head.head
    }

    /// Checks that `committee`, whose epoch ends, says that the record follows. The committee of the
    /// epoch that begins.
    ///
    /// # Errors
    ///
    /// [`BadChange`] says what is wrong with it.
    pub fn verify(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<Committee, BadChange> {
        let next = self.following(committee)?;
        // Which seats may be vacant is for the members to say who hand over.
        self.next
            .check(committee.scope().network, Some(&self.next))?;
        self.hand_over.verify(&self.next, committee, check)?;
        Ok(next)
    }

    /// The committee of the epoch that begins, if it is the one after that of `committee`. No signature
    /// is looked at: for what was checked before.
    ///
    /// # Errors
    ///
    /// [`BadChange::Follows`] and [`BadChange::Committee`].
    pub fn following(&self, committee: &Committee) -> Result<Committee, BadChange> {
        let scope = committee.scope();
        let follows = scope.epoch.number().checked_add(1) == Some(self.next.epoch.number());
        if self.next.shard != scope.shard || !follows {
            return Err(BadChange::Follows);
        }
        Ok(self.next.committee(scope.network)?)
    }
}
