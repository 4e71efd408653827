//! Committing: a finalization makes a block and all blocks before it final.

use model::block::BlockRef;
use model::shard::Seat;
use model::{Hash, Height};

use super::cast::log;
use super::slot::SlotState;
use super::{Bft, FinalBlock, Turn};
use crate::injected::{self, Mistake};
use crate::ledger::Tip;
use crate::replica::Contradiction;

impl Bft {
    /// The blocks that are final now, oldest first; the caller applies them, then tells the new tip
    /// with [`Bft::applied`].
    pub(super) fn commit(&mut self, turn: &mut Turn<'_>) -> Result<Vec<FinalBlock>, Contradiction> {
        for last in self.finalized() {
            if let Some(chain) = self.chain_to(&last) {
                let mut names: Vec<BlockRef> =
                    chain.iter().map(|block| block.block.name()).collect();
                if injected::makes(Mistake::SkipsAncestors) {
                    names.drain(..names.len().saturating_sub(1));
                }
                let blocks: Vec<FinalBlock> = names
                    .iter()
                    .filter_map(|name| self.take_final(turn, name))
                    .collect();
                self.finalization = blocks.last().and_then(|block| block.certificate.clone());
                return Ok(blocks);
            }
            if self.leaves_tip(&last) {
                return Err(Contradiction::TwoFinalBlocks { slot: last.slot });
            }
            // Something before it is missing, which does not keep back what is before the gap.
            self.catch_up.behind(last);
        }
        Ok(Vec::new())
    }

    /// A quorum signed the head after this block, which is the last one of the epoch. If the block is not
    /// at hand it is fetched, first from whoever told.
    pub(crate) fn ends_with(&mut self, from: Option<Seat>, height: Height, block: Hash) {
        if !self.is_final_by_head(block) {
            self.catch_up.ends_at(from, height);
        }
    }

    /// Takes note that a quorum signed the head after this block. Whether the block is at hand.
    pub(crate) fn is_final_by_head(&mut self, block: Hash) -> bool {
        let mut slots = self.slots.values_mut();
        let holds = |state: &&mut SlotState| state.candidates.contains_key(&block);
        let found = slots.find(holds);
        let at_hand = found.map(|state| state.certificates.head = Some(block));
        at_hand.is_some()
    }

    /// The blocks above the tip that quorums finalized, the highest first.
    pub(super) fn finalized(&self) -> Vec<BlockRef> {
        self.slots
            .iter()
            .rev()
            .filter_map(|(slot, state)| {
                let certificates = &state.certificates;
                let early = certificates
                    .notarization
                    .as_ref()
                    .filter(|_| injected::makes(Mistake::AppliesEarly));
                let early = early.map(|(hash, _)| *hash);
                let hash = certificates.final_block().or(early)?;
                Some(BlockRef { slot: *slot, hash })
            })
            .collect()
    }

    fn take_final(&mut self, turn: &mut Turn<'_>, name: &BlockRef) -> Option<FinalBlock> {
        let state = self.slots.get_mut(&name.slot)?;
        let candidate = state.candidates.get_mut(&name.hash)?;
        log(turn, candidate);
        let candidate = candidate.clone();
        let certificate = state
            .certificates
            .finalization
            .as_ref()
            .filter(|(hash, _)| *hash == name.hash)
            .map(|(_, certificate)| certificate.clone());
        Some(FinalBlock {
            candidate,
            certificate,
        })
    }

    /// The caller has applied the blocks up to this one.
    pub(crate) fn applied(&mut self, tip: Tip) {
        self.tip = tip;
        self.slots = self.slots.split_off(&tip.block.slot.next());
        self.frontier = self.frontier.max(tip.block.slot.next());
        self.waiting_since = None;
        self.catch_up.reached(tip.block.slot);
        self.answers.reached(tip.block.slot);
    }

    /// Whether a final block descends from another block than the last final one: then both chains
    /// are final, which `f` liars cannot bring about.
    fn leaves_tip(&self, last: &BlockRef) -> bool {
        let mut next = *last;
        while next.slot > self.tip.block.slot {
            let Some(candidate) = self.candidate(&next) else {
                return false;
            };
            next = candidate.block.header.parent;
        }
        next != self.tip.block
    }
}
