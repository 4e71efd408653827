//! A dishonest shard that is for everything: it votes to commit what it does not hold, what others have
//! spent there and what no checker would take, and decides so if all others have voted for it. What stops
//! it: every shard with an object of a contract checks it, and a contract names those that may hold its
//! objects.

use std::collections::BTreeSet;

use model::{Leaf, Mode, Promise, ShardId, TransactionId, Verdict};

use super::dishonest_shard::{Known, Scheme, Word};
use crate::simulation::Random;

/// See the module.
#[derive(Default)]
pub(super) struct ShardFalseVoter {
    /// What it has voted on, and whom it told.
    told: BTreeSet<(TransactionId, ShardId)>,
}

impl Scheme for ShardFalseVoter {
    fn speak(&mut self, honest: Vec<Leaf>, known: &Known, _: &mut Random) -> Vec<Word> {
        let mut leaves: Vec<Leaf> = honest.iter().map(|leaf| approve(leaf, known)).collect();
        for transaction in known.transactions.values() {
            let to = match transaction.body().mode {
                Mode::Decider(decider) if decider == known.ours => continue,
                Mode::Decider(decider) => vec![decider],
                Mode::AllVotes => known.others(transaction),
            };
            for to in to {
                if self.told.insert((transaction.id(), to)) {
                    let vote = Promise::Prepared(Verdict::Commit);
                    leaves.push(Known::leaf(to, transaction, vote));
                }
            }
        }
        Word::each(leaves)
    }
}

/// The promise to commit, where an honest shard would have promised to abort.
fn approve(leaf: &Leaf, known: &Known) -> Leaf {
    let voted = || {
        let transaction = known.transactions.get(&leaf.transaction);
        transaction.is_some_and(|transaction| known.all_voted(transaction))
    };
    let promise = match leaf.promise {
        Promise::Prepared(_) => Promise::Prepared(Verdict::Commit),
        Promise::Accept(_) if voted() => Promise::Accept(Verdict::Commit),
        promise => promise,
    };
    Leaf { promise, ..*leaf }
}
