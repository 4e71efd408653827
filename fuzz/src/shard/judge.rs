//! What one member has ever signed, and whether an honest member could have signed all of it.
//!
//! The rules are those of the agreement, in plain words of their own: the judge does not
//! ask the code that it judges. It outlives crashes, for a member must not contradict what it said
//! before one.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{Hash, Height, Statement, Vote};

/// The statements of one member, by slot or height.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    proposed: BTreeMap<u64, Hash>,
    notarized: BTreeMap<u64, Hash>,
    finalized: BTreeMap<u64, Hash>,
    skipped: BTreeSet<u64>,
    heads: BTreeMap<u64, Hash>,
}

/// What an honest member never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// It leads a slot and proposes two blocks in it.
    TwoProposals,
    /// It votes to notarize two blocks of a slot.
    TwoNotarizations,
    /// It votes to finalize two blocks of a slot.
    TwoFinalizations,
    /// It votes to finalize a block that it did not vote to notarize.
    FinalizedAnother,
    /// It votes both to skip a slot and to finalize a block in it.
    SkippedAndFinalized,
    /// It signs two heads at one height.
    TwoHeads,
}

impl Judge {
    /// The member lets others see its signature over this.
    ///
    /// # Errors
    ///
    /// The [`Offence`] that it is together with what the member said before.
    pub fn hears(&mut self, statement: &Statement) -> Result<(), Offence> {
        match *statement {
            Statement::Proposal { slot, block } => once(
                &mut self.proposed,
                slot.number(),
                block,
                Offence::TwoProposals,
            ),
            Statement::Head { height, head } => {
                once(&mut self.heads, height.number(), head, Offence::TwoHeads)
            }
            Statement::Vote { slot, vote } => self.hears_vote(slot.number(), vote),
            Statement::Succession { .. } => Ok(()), // one may be for several
        }
    }

    /// Whether the member has let others see its signature over this head.
    #[must_use]
    pub fn has_heard(&self, height: Height, head: Hash) -> bool {
        self.heads.get(&height.number()) == Some(&head)
    }

    fn hears_vote(&mut self, slot: u64, vote: Vote) -> Result<(), Offence> {
        match vote {
            Vote::Notarize(block) => {
                once(&mut self.notarized, slot, block, Offence::TwoNotarizations)?;
            }
            Vote::Skip => {
                self.skipped.insert(slot);
            }
            Vote::Finalize(block) => {
                once(&mut self.finalized, slot, block, Offence::TwoFinalizations)?;
                if self.notarized.get(&slot) != Some(&block) {
                    return Err(Offence::FinalizedAnother);
                }
            }
        }
        if self.skipped.contains(&slot) && self.finalized.contains_key(&slot) {
            return Err(Offence::SkippedAndFinalized);
        }
        Ok(())
    }
}

/// Notes what was signed at a place; only one thing may be.
fn once(
    said: &mut BTreeMap<u64, Hash>,
    place: u64,
    what: Hash,
    offence: Offence,
) -> Result<(), Offence> {
    if *said.entry(place).or_insert(what) == what {
        Ok(())
    } else {
        Err(offence)
    }
}
