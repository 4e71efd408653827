//! Committing: a finalization makes a block and all blocks before it final.

use model::block::BlockRef;

use super::{Bft, FinalBlock, Turn, log};
use crate::ledger::Tip;
use crate::replica::Contradiction;

impl Bft {
    /// The blocks that are final now, oldest first; the caller applies them, then tells the new tip
    /// with [`Bft::applied`].
    pub(super) fn commit(&mut self, turn: &mut Turn<'_>) -> Result<Vec<FinalBlock>, Contradiction> {
        let finalized = self.slots.iter().rev().find_map(|(slot, state)| {
            let (hash, certificate) = state.certificates.finalization.as_ref()?;
            Some((BlockRef { slot: *slot, hash: *hash }, certificate.clone()))
        });
        let Some((last, certificate)) = finalized else {
            return Ok(Vec::new());
        };
        let Some(chain) = self.chain_to(&last) else {
            self.catch_up.behind(last);
            return if self.leaves_tip(&last) {
                Err(Contradiction::TwoFinalBlocks { slot: last.slot })
            } else {
                Ok(Vec::new())
            };
        };
        let names: Vec<BlockRef> = chain.iter().map(|candidate| candidate.block.name()).collect();
        let mut blocks = Vec::with_capacity(names.len());
        for name in names {
            if let Some(block) = self.take_final(turn, &name) {
                blocks.push(block);
            }
        }
        self.finalization = Some(certificate);
        Ok(blocks)
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
