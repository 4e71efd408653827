//! How many different states nodes have been in: a measure of what a world, or many, have tried.
//!
//! A state here is what the log of a node says about the slots above its last final block: of which
//! it has blocks, its own votes and certificates, and of what kind. Slots are counted from the last
//! final one and hashes are left out, so that two worlds that try the same come to the same states.

use std::collections::{BTreeMap, BTreeSet};

use consensus::Record;
use model::statement::{Slot, Statement, Vote};

use super::random::scramble;
use super::setting::Place;
use crate::invariants::{Sighting, What};

/// What a log says about an open slot, without the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Block,
    Voted(Kind),
    Certified(Kind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Notarize,
    Skip,
    Finalize,
}

/// The states that nodes have been in.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    open: BTreeMap<Place, (Slot, BTreeSet<(Slot, Word)>)>,
    states: BTreeSet<u64>,
}

impl Coverage {
    /// A node does something.
    pub(crate) fn see(&mut self, sighting: &Sighting<'_>) {
        let place = Place {
            shard: sighting.shard,
            seat: sighting.seat,
        };
        let (tip, open) = self.open.entry(place).or_default();
        match sighting.what {
            What::Began { ledger, .. } => {
                *tip = ledger.tip.block.slot;
                open.clear();
            }
            What::Entered(_) => open.clear(),
            What::Stands(ledger) => {
                *tip = ledger.tip.block.slot;
                open.retain(|(slot, _)| slot > tip);
            }
            What::Written { record, .. } => {
                open.extend(word(record).filter(|(slot, _)| slot > tip))
            }
            What::Stepped => {
                let words = open.iter();
                let numbers =
                    words.map(|(slot, word)| (slot.number() - tip.number(), word.number()));
                let state = numbers.fold(0, |state, (ahead, word)| {
                    scramble(scramble(state ^ ahead) ^ word)
                });
                self.states.insert(state);
            }
            _ => {}
        }
    }

    /// All states, as numbers that differ where the states do.
    pub(crate) fn take(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.states)
    }
}

impl Word {
    const fn number(self) -> u64 {
        match self {
            Self::Block => 1,
            Self::Voted(kind) => 2 + kind as u64,
            Self::Certified(kind) => 5 + kind as u64,
        }
    }
}

const fn kind(vote: Vote) -> Kind {
    match vote {
        Vote::Notarize(_) => Kind::Notarize,
        Vote::Skip => Kind::Skip,
        Vote::Finalize(_) => Kind::Finalize,
    }
}

/// What a record says about a slot.
const fn word(record: &Record) -> Option<(Slot, Word)> {
    match record {
        Record::Proposal(proposal) => Some((proposal.block.header.slot, Word::Block)),
        Record::Block(block) => Some((block.header.slot, Word::Block)),
        Record::Vote { slot, vote } => Some((*slot, Word::Voted(kind(*vote)))),
        Record::Certificate(certificate) => match certificate.statement {
            Statement::Vote { slot, vote } => Some((slot, Word::Certified(kind(vote)))),
            Statement::Proposal { .. } | Statement::Head { .. } | Statement::Succession { .. } => {
                None
            }
        },
        Record::Reserved(_)
        | Record::Head(_)
        | Record::HeadCertificate(_)
        | Record::Malpractice(_)
        | Record::Change(_)
        | Record::Abstain(_) => None,
    }
}
