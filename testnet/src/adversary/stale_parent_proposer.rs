//! A leader that proposes blocks that are valid, except that they are not built on the highest
//! notarized block but on an older one: if it can, one from which all slots are known to be skipped, so
//! that nothing at all is wrong with them.
//!
//! It tries to have blocks forgotten that somebody holds for final. What stops it: a block that is
//! final is never skipped (rules 5 and 6), so that no valid block passes it by (rule 4); and a block
//! on a parent below the last final one is refused.

use consensus::Message;
use model::shard::Seat;
use model::statement::Scope;
use model::{Block, Hash};

use super::hearsay::{Base, Hearsay};
use super::rivals::Rivals;
use super::trickster::{Stage, Trick};

/// How many of a thousand blocks are built on any old block, though there is a better lie.
const ANY: u64 = 200;

/// See the module.
#[derive(Debug)]
pub(super) struct StaleParentProposer {
    hearsay: Hearsay,
    rivals: Rivals,
}

impl StaleParentProposer {
    /// A leader of this shard.
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            hearsay: Hearsay::new(scope),
            rivals: Rivals::default(),
        }
    }

    /// Makes up the block that takes the place of one of the puppet's.
    fn replace(&mut self, stage: &mut Stage<'_, '_>, block: &Block, hash: Hash) {
        let Some(base) = self.stale(stage, block) else {
            self.rivals.insert(block.clone(), Some(hash));
            return;
        };
        let scope = &stage.scope();
        let (slot, payload) = (block.header.slot, block.payload.clone());
        let stale = base.extend(scope, slot, stage.clock(), payload);
        self.rivals.insert(stale, Some(hash));
        stage.lied();
    }

    /// A block that the leader of a slot should not build on.
    fn stale(&self, stage: &mut Stage<'_, '_>, block: &Block) -> Option<Base> {
        let header = &block.header;
        let mut old = self.hearsay.bases(header.slot);
        old.retain(|base| base.name.slot < header.parent.slot);
        let skipped = |base: &&Base| self.hearsay.leads_to(base, header.slot);
        let valid: Vec<Base> = old.iter().filter(skipped).copied().collect();
        let random = &mut stage.voice.random;
        match (valid.is_empty(), old.is_empty()) {
            (_, true) => None,
            (false, false) if !random.chance(ANY) => Some(*random.pick(&valid)),
            (_, false) if random.chance(500) => old.first().copied(),
            (_, false) => Some(*random.pick(&old)),
        }
    }
}

impl Trick for StaleParentProposer {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, from: Seat, message: &Message) -> bool {
        self.hearsay.learn(message);
        self.rivals.show(stage, from, message);
        true
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        self.hearsay.learn(message);
        if let Some(block) = stage.own_proposal(message)
            && !self.rivals.has(block.header.slot)
        {
            self.replace(stage, block, block.hash());
        }
        self.rivals.say_instead(stage, to, message);
    }
}
