//! A dishonest shard that commits with one and denies it to another one: it says that it never decided,
//! or never voted. Nothing stops it where it has the last word, and the two promises convict nobody: an
//! honest shard that has forgotten a transaction denies it too.

use std::collections::BTreeMap;

use model::{Leaf, Promise, ShardId, TransactionId, Verdict};

use super::dishonest_shard::{Known, Scheme, Word};
use crate::simulation::Random;

/// See the module.
#[derive(Default)]
pub(super) struct ShardDenier {
    /// Who is told that a transaction commits.
    favourites: BTreeMap<TransactionId, ShardId>,
}

impl Scheme for ShardDenier {
    fn speak(&mut self, honest: Vec<Leaf>, _: &Known, _: &mut Random) -> Vec<Word> {
        let deny = |leaf: Leaf| {
            let (Promise::Prepared(Verdict::Commit) | Promise::Accept(Verdict::Commit)) =
                leaf.promise
            else {
                return leaf;
            };
            let favourite = self.favourites.entry(leaf.transaction).or_insert(leaf.to);
            if *favourite == leaf.to {
                leaf
            } else {
                let promise = Promise::NoDecision;
                Leaf { promise, ..leaf }
            }
        };
        Word::each(honest.into_iter().map(deny).collect::<Vec<_>>())
    }
}
