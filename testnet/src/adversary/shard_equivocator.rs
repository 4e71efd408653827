//! A dishonest shard that contradicts itself: of a vote or a decision it makes the opposite to some, or
//! both to one. What stops it: the first word counts, one shard decides, and both words convict those who
//! signed them.

use model::{Leaf, Promise};

use super::dishonest_shard::{Known, Scheme, Word, opposite};
use crate::simulation::Random;

/// How many of a thousand promises it turns round.
const TURNED: u64 = 400;

/// How many of a thousand it makes both ways.
const BOTH: u64 = 200;

/// See the module.
pub(super) struct ShardEquivocator;

impl Scheme for ShardEquivocator {
    fn speak(&mut self, honest: Vec<Leaf>, known: &Known, random: &mut Random) -> Vec<Word> {
        let mut told = Vec::new();
        let mut contradicted = Vec::new();
        for leaf in honest {
            match opposite(&leaf.promise) {
                Some(promise) if random.chance(TURNED) => told.push(Leaf { promise, ..leaf }),
                Some(promise) => {
                    told.push(leaf);
                    if random.chance(BOTH) {
                        contradicted.push(Leaf { promise, ..leaf });
                    }
                }
                None => told.push(leaf),
            }
            contradicted.extend(gossip(&leaf, known, random));
        }
        let mut words = Word::each(told);
        words.extend(Word::each(contradicted));
        random.shuffle(&mut words);
        words
    }
}

/// What it says about a vote to those whose business that is not.
fn gossip(leaf: &Leaf, known: &Known, random: &mut Random) -> Option<Leaf> {
    let Promise::Prepared(_) = &leaf.promise else {
        return None;
    };
    let transaction = known.transactions.get(&leaf.transaction)?;
    let to = *random.pick(&known.others(transaction));
    let promise = opposite(&leaf.promise)?;
    (to != leaf.to).then_some(Leaf {
        to,
        promise,
        ..*leaf
    })
}
