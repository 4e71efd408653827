//! S10: honest nodes have the same blocks and the same heads at the same heights, in the same order.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::Hash;
use model::block::BlockRef;
use model::shard::Seat;
use model::statement::Height;

use super::{Judge, Sighting, What};

/// What the first honest node to get there had at a height.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link {
    block: BlockRef,
    head: Hash,
}

/// See the module.
#[derive(Default)]
pub struct Agreement {
    chain: BTreeMap<Height, Link>,
    /// The heads that a quorum signed, as honest nodes hold them.
    certified: BTreeMap<Height, Hash>,
    /// Where each node stands.
    tips: BTreeMap<Seat, (Height, BlockRef)>,
}

impl Judge for Agreement {
    fn rule(&self) -> &'static str {
        "agreement"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        let seat = sighting.seat;
        match sighting.what {
            What::Began { ledger, .. } => {
                self.tips
                    .insert(seat, (ledger.tip.height, ledger.tip.block));
                Ok(())
            }
            What::Applied(applied) => {
                let header = &applied.block.header;
                self.extends(seat, header.height, header.parent, applied.block.name())?;
                let head = applied.applied.head.hash();
                let block = applied.block.name();
                self.same(header.height, Link { block, head })
            }
            What::Stands(ledger) => self.stands(seat, ledger.tip.height, ledger.tip.block),
            What::Certified(certificate) => {
                self.certified(certificate.head.height, certificate.head.hash())
            }
            _ => Ok(()),
        }
    }
}

impl Agreement {
    /// A block is the child of the one before it.
    fn extends(
        &mut self,
        seat: Seat,
        height: Height,
        parent: BlockRef,
        block: BlockRef,
    ) -> Result<(), String> {
        let before = self.tips.insert(seat, (height, block));
        match before {
            Some((at, tip)) if at.next() == height && tip == parent && tip.slot < block.slot => {
                Ok(())
            }
            Some((at, tip)) => Err(format!(
                "applied height {height} on {parent:?} after height {at}, {tip:?}"
            )),
            None => Err(format!("applied height {height} before it began")),
        }
    }

    /// All honest nodes have the same at a height.
    fn same(&mut self, height: Height, link: Link) -> Result<(), String> {
        let first = *self.chain.entry(height).or_insert(link);
        if first.block != link.block {
            return Err(format!(
                "applied {:?} at height {height}, another node applied {:?}",
                link.block, first.block
            ));
        }
        if first.head != link.head {
            return Err(format!(
                "computed head {} at height {height}, another node computed {}",
                link.head, first.head
            ));
        }
        match self.certified.get(&height) {
            Some(head) if *head != link.head => Err(format!(
                "computed head {} at height {height}, a quorum signed {head}",
                link.head
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn stands(&self, seat: Seat, height: Height, block: BlockRef) -> Result<(), String> {
        if self.tips.get(&seat) == Some(&(height, block)) {
            return Ok(());
        }
        Err(format!(
            "stands at height {height} and has not applied what leads there"
        ))
    }

    /// A quorum signed one head at a height, and it is the one that honest nodes computed.
    fn certified(&mut self, height: Height, head: Hash) -> Result<(), String> {
        let first = *self.certified.entry(height).or_insert(head);
        if first != head {
            return Err(format!(
                "holds a certificate of head {head} at height {height}, another node one of {first}"
            ));
        }
        match self.chain.get(&height) {
            Some(link) if link.head != head => Err(format!(
                "holds a certificate of head {head} at height {height}, computed was {}",
                link.head
            )),
            Some(_) | None => Ok(()),
        }
    }
}
