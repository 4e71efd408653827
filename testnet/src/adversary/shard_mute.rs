//! A dishonest shard that keeps silent: it does not vote, or does not say what it has decided, or does
//! not acknowledge what others have, or says nothing to one shard. What stops it: the deadline, wherever
//! an honest shard decides.

use model::{Leaf, Promise, ShardId};

use super::dishonest_shard::{Known, Scheme, Word};
use crate::simulation::Random;

/// How many of a thousand of the promises that it keeps to itself it makes nevertheless.
const SLIPS: u64 = 50;

/// See the module.
pub(super) struct ShardMute {
    votes: bool,
    decides: bool,
    acknowledges: bool,
    /// To whom it never says a word.
    shuns: Option<ShardId>,
}

impl ShardMute {
    pub(super) fn new(shards: &[ShardId], random: &mut Random) -> Self {
        let silent = random.index(4);
        Self {
            votes: silent != 0,
            decides: silent != 1,
            acknowledges: silent != 2,
            shuns: (silent == 3).then(|| *random.pick(shards)),
        }
    }

    fn says(&self, leaf: &Leaf) -> bool {
        let says = match leaf.promise {
            Promise::Prepared(_) => self.votes,
            Promise::Accept(_) | Promise::NoDecision => self.decides,
            Promise::Acknowledged => self.acknowledges,
        };
        says && self.shuns != Some(leaf.to)
    }
}

impl Scheme for ShardMute {
    fn speak(&mut self, mut honest: Vec<Leaf>, _: &Known, random: &mut Random) -> Vec<Word> {
        honest.retain(|leaf| self.says(leaf) || random.chance(SLIPS));
        Word::each(honest)
    }
}
