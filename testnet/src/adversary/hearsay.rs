//! What a liar has heard of the chain, as far as it takes that to propose blocks of its own.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Message;
use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::statement::{Height, Scope, Slot, Statement, Vote};
use model::{Block, Bytes, Certificate, Time};

use crate::simulation::DAWN;

/// Blocks that are remembered: enough for old ones to be among them.
const REMEMBERED: usize = 64;

/// How far ahead of what is known somebody may speak of a slot and be believed.
const AHEAD: u64 = 128;

/// A block that others may be built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) name: BlockRef,
    height: Height,
    time: Time,
}

impl Base {
    /// A valid block in `slot` on this one, unless a slot between is not skipped.
    pub(super) fn extend(&self, scope: &Scope, slot: Slot, clock: Time, payload: Bytes) -> Block {
        let header = Header {
            scope: *scope,
            slot,
            parent: self.name,
            height: self.height.next(),
            time: clock.max(self.time.plus_ms(1)),
            payload: payload_hash(&payload),
        };
        Block { header, payload }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Hearsay {
    blocks: BTreeMap<BlockRef, Base>,
    notarized: BTreeSet<BlockRef>,
    skipped: BTreeSet<Slot>,
    payload: Bytes,
    /// The highest slot that anybody spoke of.
    highest: Slot,
}

impl Hearsay {
    /// Nothing but the block before the first.
    pub(super) fn new(scope: &Scope) -> Self {
        let name = BlockRef::genesis(&scope.network);
        let genesis = Base {
            name,
            height: Height::ZERO,
            time: DAWN,
        };
        Self {
            blocks: BTreeMap::from([(name, genesis)]),
            notarized: BTreeSet::from([name]),
            skipped: BTreeSet::new(),
            payload: encode_entries(&[]),
            highest: Slot::ZERO,
        }
    }

    /// Somebody says something.
    pub(super) fn learn(&mut self, message: &Message) {
        match message {
            Message::Proposal(proposal) => self.learn_block(&proposal.block),
            Message::Certificate(certificate) => self.learn_certificate(certificate),
            Message::Status(status) => {
                if let Some(certificate) = &status.finalization {
                    self.learn_certificate(certificate);
                }
            }
            _ => {}
        }
    }

    /// Whether somebody may mean it who speaks of this slot. Other liars may speak of any.
    fn believe(&mut self, slot: Slot) -> bool {
        let near = slot.number() <= self.highest.number() + AHEAD;
        if near {
            self.highest = self.highest.max(slot);
        }
        near
    }

    fn learn_block(&mut self, block: &Block) {
        let name = block.name();
        let Header { height, time, .. } = block.header;
        if !self.believe(name.slot) || height.number() > name.slot.number() {
            return;
        }
        self.blocks.insert(name, Base { name, height, time });
        self.payload = block.payload.clone();
        if self.blocks.len() > REMEMBERED {
            self.blocks.pop_first();
        }
    }

    fn learn_certificate(&mut self, certificate: &Certificate) {
        let Statement::Vote { slot, vote } = certificate.statement else {
            return;
        };
        if !self.believe(slot) {
            return;
        }
        match vote {
            Vote::Notarize(hash) | Vote::Finalize(hash) => {
                self.notarized.insert(BlockRef { slot, hash });
            }
            Vote::Skip => {
                self.skipped.insert(slot);
            }
        }
        if self.notarized.len() > REMEMBERED {
            self.notarized.pop_first();
        }
        if self.skipped.len() > REMEMBERED {
            self.skipped.pop_first();
        }
    }

    /// The notarized blocks below a slot, the highest first.
    pub(super) fn bases(&self, below: Slot) -> Vec<Base> {
        let known = self.notarized.iter().rev();
        known
            .filter(|name| name.slot < below)
            .filter_map(|name| self.blocks.get(name).copied())
            .collect()
    }

    /// Whether all slots between a block and a slot are skipped.
    pub(super) fn leads_to(&self, base: &Base, slot: Slot) -> bool {
        let between = base.name.slot.number() + 1..slot.number();
        between
            .map(Slot::new)
            .all(|slot| self.skipped.contains(&slot))
    }

    /// The payload that was heard of last.
    pub(super) fn payload(&self) -> Bytes {
        self.payload.clone()
    }
}
