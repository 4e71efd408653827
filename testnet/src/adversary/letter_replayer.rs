//! A member that sends old letters again, to any member of other shards, at any time, and asks for
//! transactions that it does not need. In all else it follows the protocol.
//!
//! It tries to have old votes and decisions count again. What stops it: a promise names its transaction,
//! which is voted on and decided once, whatever is said of it later.

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::sbac::letter::Letter;
use model::{ShardId, TransactionId};

use super::puppet::Telling;
use super::trickster::{Stage, Trick};
use crate::simulation::Place;

/// How often it speaks, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 20..=400;

/// Letters that it remembers. Which ones it forgets is chance, so that some are very old.
const REMEMBERED: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LetterReplayer {
    told: Vec<(ShardId, Arc<[u8]>)>,
    transactions: BTreeSet<TransactionId>,
}

impl LetterReplayer {
    fn remember(&mut self, stage: &mut Stage<'_, '_>, shard: ShardId, bytes: Arc<[u8]>) {
        if self.told.len() < REMEMBERED {
            self.told.push((shard, bytes));
        } else {
            let at = stage.voice.random.index(REMEMBERED);
            self.told[at] = (shard, bytes);
        }
    }

    /// A question for what it has heard of.
    fn question(&self, stage: &mut Stage<'_, '_>) -> Arc<[u8]> {
        let asked = self.transactions.iter().copied();
        let asked = asked.filter(|_| stage.voice.random.chance(200));
        Letter::Ask(asked.take(8).collect()).encode().into()
    }
}

impl Trick for LetterReplayer {
    fn letter(&mut self, _stage: &mut Stage<'_, '_>, _from: Place, bytes: &Arc<[u8]>) -> bool {
        if let Ok(Letter::Deliver(deliveries)) = Letter::decode(bytes) {
            let leaves = deliveries
                .iter()
                .flat_map(|delivery| &delivery.parcel.leaves);
            self.transactions
                .extend(leaves.map(|leaf| leaf.transaction));
        }
        true
    }

    fn tell(&mut self, stage: &mut Stage<'_, '_>, telling: Telling) {
        let bytes = Arc::from(telling.letter.encode());
        self.remember(stage, telling.shard, bytes);
        stage.tell(&telling);
    }

    fn scheme(&mut self, stage: &mut Stage<'_, '_>) -> Option<u64> {
        if !self.told.is_empty() {
            let (shard, bytes) = stage.voice.random.pick(&self.told).clone();
            let question = self.question(stage);
            stage.around.tell(shard, None, bytes);
            stage.around.tell(shard, None, question);
            stage.lied();
        }
        Some(stage.voice.random.within(&PAUSE_MS))
    }
}
