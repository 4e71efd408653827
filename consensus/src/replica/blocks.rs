//! Final blocks: how they come to this member, and how it applies them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::shard::Seat;
use model::{Epoch, Fact, Head, ShardId};

use super::epoch::Closing;
use super::pool::Pool;
use super::{AppliedBlock, Contradiction, Output, Replica};
use crate::action::{Action, ActionKey};
use crate::bft::{FinalBlock, Turn};
use crate::injected::{self, Mistake};
use crate::message::Blocks;
use crate::time::Now;

impl Replica {
    /// A member answered with final blocks.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if a quorum has signed another head than the one this member computed.
    pub(super) fn on_blocks(
        &mut self,
        now: Now,
        from: Seat,
        blocks: Blocks,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let (turn, bft, heads) = &mut self.parts(now, out);
        let certificates: Vec<_> = blocks
            .blocks
            .iter()
            .filter_map(|block| block.head.clone())
            .collect();
        // What is refused is the answerer's fault, and another member is asked.
        let useful = bft.on_blocks(turn, from, blocks) == Ok(true);
        for certificate in certificates {
            if useful {
                heads.expect(turn, certificate)?;
            } else {
                heads.on_certificate(turn, certificate)?;
            }
        }
        Ok(())
    }

    /// Goes on as far as what is known leads: through blocks that are final, and from epoch to epoch.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if what a quorum has agreed on is not what this member holds.
    pub(super) fn advance(&mut self, now: Now, out: &mut Vec<Output>) -> Result<(), Contradiction> {
        self.mempool.rouse_rested(now.timer);
        loop {
            let believed = self.heads.take_believed();
            self.carry(&believed, out);
            if self.closing.is_some() {
                if !self.hand_over(now, out) || self.retired {
                    return Ok(());
                }
                self.follow_on(now, out)?;
            }
            let final_blocks = {
                let shards = self.member.shards().clone();
                let turn = &mut Turn {
                    now,
                    member: &mut self.member,
                    out,
                };
                let work = &mut Pool {
                    mempool: &mut self.mempool,
                    inbox: &mut self.inbox,
                    ledger: &self.ledger,
                    succession: &mut self.succession,
                    changes_aside: &mut self.changes_aside,
                    shards: &shards,
                    founded: &self.founded,
                    timer: now.timer,
                };
                self.bft.advance(turn, work)?
            };
            if final_blocks.is_empty() {
                return Ok(());
            }
            self.apply(now, final_blocks, out)?;
        }
    }

    /// Applies blocks that have become final, in order, up to the end of the epoch: what comes after it
    /// is there to make it final. The agreement stays below the blocks that are final by that alone, so
    /// that others can still get there: whoever asks for final blocks is shown none that proves them.
    fn apply(
        &mut self,
        now: Now,
        blocks: Vec<FinalBlock>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let mut shown = self.ledger.tip;
        for block in blocks {
            let proven = block.certificate.is_some();
            let entries = Arc::clone(&block.candidate.entries);
            let head = self.apply_block(now, block, out);
            for action in entries.iter() {
                match action {
                    Action::Deliver(delivery) => self.compare_sequenced(delivery, out),
                    Action::Change(change) => self.compare_ended(change.next.shard, out),
                    Action::Prepare(_) | Action::Found(_) | Action::End(_) => {}
                }
            }
            let (turn, _, heads) = &mut self.parts(now, out);
            heads.applied(turn, head)?;
            if self.closing.is_some() && !injected::makes(Mistake::AppliesAfterEnd) {
                self.bft.applied(shown);
                return Ok(());
            }
            if proven {
                shown = self.ledger.tip;
            }
        }
        self.bft.applied(self.ledger.tip);
        Ok(())
    }

    /// Applies one block to the ledger and the pool. The head after it.
    pub(super) fn apply_block(
        &mut self,
        now: Now,
        block: FinalBlock,
        out: &mut Vec<Output>,
    ) -> Head {
        let FinalBlock {
            candidate,
            certificate,
        } = block;
        let overruled = self.hear_changes(&candidate.entries);
        let applied = self
            .ledger
            .apply(&candidate.block, &candidate.entries, &*self.checkers);
        let mut delivered = Vec::new();
        for action in candidate.entries.iter() {
            match action.key() {
                ActionKey::Transaction(id) => self.mempool.remove(&id),
                ActionKey::Parcel(key) => delivered.push(key),
                ActionKey::Epoch(..) => {}
            }
            if let Action::Found(record) = action {
                let fact = Fact::Founded((**record).clone());
                let _ = self.member.shards_mut().directory_mut().trust(&fact);
                self.founded.remove(&record.shard);
            }
        }
        for (shard, epoch) in overruled {
            self.inbox.drop_since(shard, epoch);
        }
        self.closing = Closing::after(&applied);
        self.courier.applied(&applied, now.timer);
        if self.inbox.len() > 0 || !delivered.is_empty() {
            self.review_inbox(now, &delivered);
        }
        let head = applied.head.clone();
        out.push(Output::Applied(AppliedBlock {
            block: candidate.block,
            certificate,
            applied: Arc::new(applied),
        }));
        head
    }

    /// Takes in the epochs of other shards that are news to the ledger, before it hears of them. A quorum has
    /// checked them, and this member may not know them yet, or may have been told something else of the same
    /// epochs by a dishonest shard: those are returned.
    fn hear_changes(&mut self, entries: &[Action]) -> Vec<(ShardId, Epoch)> {
        let mut heard: BTreeMap<ShardId, Epoch> = BTreeMap::new();
        let mut overruled = Vec::new();
        for action in entries {
            let Action::Change(change) = action else {
                continue;
            };
            let (shard, next) = (change.next.shard, change.next.epoch);
            let last = heard
                .entry(shard)
                .or_insert_with(|| self.ledger.epoch_of(shard));
            if next != last.next() {
                continue;
            }
            *last = next;
            let directory = self.member.shards_mut().directory_mut();
            if directory.overrule(change) == Ok(true) {
                overruled.push((shard, next));
            }
        }
        overruled
    }
}
