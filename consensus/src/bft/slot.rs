//! What a member knows of one slot.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::statement::Vote;
use model::{Certificate, Hash};

use super::Candidate;
use super::votes::Ballots;
use crate::injected::{self, Mistake};

/// One slot.
#[derive(Clone, Debug, Default)]
pub(super) struct SlotState {
    /// The blocks proposed in it, by hash: one, and a second one only if it is notarized.
    pub(super) candidates: BTreeMap<Hash, Candidate>,
    /// The votes of all members.
    pub(super) votes: Ballots,
    /// The certificates.
    pub(super) certificates: Certificates,
    /// What this member voted.
    pub(super) own: OwnVotes,
    /// Whether this member has proposed in it.
    pub(super) proposed: bool,
    /// Whether the leader was reported for two proposals: once is enough.
    pub(super) leader_lied: bool,
}

/// The certificates of a slot.
#[derive(Clone, Debug, Default)]
pub(super) struct Certificates {
    pub(super) notarization: Option<(Hash, Certificate)>,
    pub(super) skip: Option<Certificate>,
    pub(super) finalization: Option<(Hash, Certificate)>,
    /// The block after which a quorum signed a head, which honest members do when it is final.
    pub(super) head: Option<Hash>,
}

/// The votes of this member in a slot: the one table that decides what it may still sign.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OwnVotes {
    pub(super) notarize: Option<Hash>,
    pub(super) skip: bool,
    pub(super) finalize: Option<Hash>,
}

impl OwnVotes {
    /// Whether the member may cast this vote, which it has not cast yet, beside those it has cast.
    pub(super) fn permits(&self, vote: Vote) -> bool {
        match vote {
            Vote::Notarize(hash) => {
                self.notarize.is_none()
                    || injected::makes(Mistake::NotarizesTwice) && self.notarize != Some(hash)
            }
            Vote::Skip => !self.skip && self.finalize.is_none(),
            Vote::Finalize(hash) => {
                let skipped = self.skip && !injected::makes(Mistake::FinalizesAfterSkip);
                self.finalize.is_none() && !skipped && self.notarize == Some(hash)
            }
        }
    }

    /// Notes a vote that was cast.
    pub(super) fn record(&mut self, vote: Vote) {
        match vote {
            Vote::Notarize(hash) => self.notarize = Some(hash),
            Vote::Skip => self.skip = true,
            Vote::Finalize(hash) => self.finalize = Some(hash),
        }
    }

    /// The votes that were cast.
    pub(super) fn cast(&self) -> impl Iterator<Item = Vote> + use<> {
        let notarize = self.notarize.map(Vote::Notarize);
        let skip = self.skip.then_some(Vote::Skip);
        let finalize = self.finalize.map(Vote::Finalize);
        [notarize, skip, finalize].into_iter().flatten()
    }
}

impl Certificates {
    /// Whether there is one about this vote's kind already.
    pub(super) const fn has(&self, vote: Vote) -> bool {
        match vote {
            Vote::Notarize(_) => self.notarization.is_some(),
            Vote::Skip => self.skip.is_some(),
            Vote::Finalize(_) => self.finalization.is_some(),
        }
    }

    /// The block that is final, if one is known to be.
    pub(super) fn final_block(&self) -> Option<Hash> {
        let finalization = self.finalization.as_ref();
        finalization.map(|(hash, _)| *hash).or(self.head)
    }

    /// Whether a block of the slot is known to be final.
    pub(super) fn is_final(&self) -> bool {
        self.final_block().is_some()
    }

    /// Keeps a certificate about `vote`.
    pub(super) fn keep(&mut self, vote: Vote, certificate: Certificate) {
        match vote {
            Vote::Notarize(hash) => self.notarization = Some((hash, certificate)),
            Vote::Skip => self.skip = Some(certificate),
            Vote::Finalize(hash) => self.finalization = Some((hash, certificate)),
        }
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Certificate> {
        let notarization = self
            .notarization
            .as_ref()
            .map(|(_, certificate)| certificate);
        let finalization = self
            .finalization
            .as_ref()
            .map(|(_, certificate)| certificate);
        [notarization, self.skip.as_ref(), finalization]
            .into_iter()
            .flatten()
    }
}

impl SlotState {
    /// Whether the slot is cleared by what is known of it alone (rule 1).
    pub(super) fn is_cleared(&self) -> bool {
        self.certificates.notarization.is_some()
            || self.certificates.skip.is_some() && !injected::makes(Mistake::IgnoresSkips)
            || self.certificates.is_final()
    }

    /// The block that a quorum voted to notarize (or to finalize, which takes a notarization).
    pub(super) fn notarized(&self) -> Option<Hash> {
        let Certificates {
            notarization,
            skip: _, // a slot may be both notarized and skipped
            finalization,
            head,
        } = &self.certificates;
        let voted = notarization.as_ref().or(finalization.as_ref());
        voted.map(|(hash, _)| *hash).or(*head)
    }

    /// Whether the block with this hash is notarized.
    pub(super) fn is_notarized(&self, hash: &Hash) -> bool {
        self.notarized() == Some(*hash)
    }
}
