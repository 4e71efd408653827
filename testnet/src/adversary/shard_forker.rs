//! A dishonest shard with two chains: under two heads of one height it says one thing to one shard and
//! the opposite to another one, and later shows one of them both. What stops it: whoever sees two heads
//! at one height does not listen any more, and the heads convict those who signed them.

use model::Leaf;

use super::dishonest_shard::{Known, Scheme, Word, opposite};
use crate::simulation::Random;

/// In how many of a thousand blocks it forks.
const FORKS: u64 = 600;

/// How many of a thousand times it shows the other fork to the same shard.
const SHOWS_BOTH: u64 = 150;

/// See the module.
pub(super) struct ShardForker;

impl Scheme for ShardForker {
    fn speak(&mut self, honest: Vec<Leaf>, _: &Known, random: &mut Random) -> Vec<Word> {
        let mut words = Word::each(honest);
        if !random.chance(FORKS) {
            return words;
        }
        let turned = words.iter().map(turned).collect::<Vec<_>>();
        for (word, turned) in words.iter_mut().zip(&turned) {
            if random.chance(500) {
                word.leaves.clone_from(&turned.leaves);
            }
            word.forks = true;
        }
        if random.chance(SHOWS_BOTH) {
            words.extend(turned);
        }
        words
    }
}

/// The other fork: the opposite of each vote and decision.
fn turned(word: &Word) -> Word {
    let turn = |leaf: &Leaf| Leaf {
        promise: opposite(&leaf.promise).unwrap_or(leaf.promise),
        ..*leaf
    };
    let mut leaves: Vec<Leaf> = word.leaves.iter().map(turn).collect();
    leaves.sort_unstable();
    Word {
        leaves,
        forks: true,
        ..word.clone()
    }
}
