//! A dishonest shard that decides to commit before others have voted, and shows no votes beside the
//! decision, or votes on something else. What stops it: a decision to commit counts with the votes of all
//! participants.

use std::collections::BTreeSet;

use model::{Leaf, Promise, TransactionId, Verdict};

use super::dishonest_shard::{Beside, Known, Scheme, Word};
use crate::simulation::Random;

/// See the module.
#[derive(Default)]
pub(super) struct BundleForger {
    decided: BTreeSet<TransactionId>,
}

impl Scheme for BundleForger {
    fn speak(&mut self, honest: Vec<Leaf>, known: &Known, random: &mut Random) -> Vec<Word> {
        let is_decision = |leaf: &Leaf| matches!(leaf.promise, Promise::Accept(_));
        let mut words = Word::each(honest.into_iter().filter(|leaf| !is_decision(leaf)));
        for transaction in known.decided_here() {
            let id = transaction.id();
            // It waits until somebody can be taken in: whoever has not voted does not believe it yet.
            let voted = known.votes.keys().any(|(about, _)| *about == id);
            if !voted || !self.decided.insert(id) {
                continue;
            }
            let commit = Promise::Accept(Verdict::Commit);
            let others = known.others(transaction).into_iter();
            let leaves = others.map(|to| Known::leaf(to, transaction, commit));
            for word in Word::each(leaves) {
                let beside = *random.pick(&[Beside::Votes, Beside::Nothing, Beside::Others]);
                words.push(Word { beside, ..word });
            }
        }
        words
    }
}
