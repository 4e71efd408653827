//! A dishonest shard that plays the one that decides: it announces decisions that are not its to make,
//! denies them and acknowledges them, beside words that others listen to. What stops it: a transaction
//! names who decides it.

use std::collections::BTreeMap;

use model::{AbortReason, Leaf, Mode, Promise, ShardId, Time, TransactionId, Verdict};

use super::dishonest_shard::{Known, Scheme, Word};
use crate::simulation::Random;

/// How many of a thousand chances to lie it takes.
const LIES: u64 = 300;

/// How many of the transactions that came last it lies about: older ones have ended.
const LAST: usize = 12;

/// How often it lies to one shard about one transaction.
const TIMES: u32 = 3;

/// See the module.
#[derive(Default)]
pub(super) struct ShardImpostor {
    lies: BTreeMap<(TransactionId, ShardId), u32>,
}

impl Scheme for ShardImpostor {
    fn speak(&mut self, honest: Vec<Leaf>, known: &Known, random: &mut Random) -> Vec<Word> {
        let mut leaves = honest;
        let mut recent: Vec<_> = known.transactions.values().collect();
        recent.sort_by_key(|transaction| transaction.body().valid_until);
        for transaction in recent.into_iter().rev().take(LAST) {
            if transaction.body().mode == Mode::Decider(known.ours) {
                continue;
            }
            for to in known.others(transaction) {
                let times = self.lies.entry((transaction.id(), to)).or_default();
                if *times < TIMES && random.chance(LIES) {
                    *times += 1;
                    let promise = lie(random);
                    leaves.push(Known::leaf(to, transaction, promise));
                    leaves.push(bait(to, random));
                }
            }
        }
        Word::each(leaves)
    }
}

fn lie(random: &mut Random) -> Promise {
    *random.pick(&[
        Promise::Accept(Verdict::Commit),
        Promise::Accept(Verdict::Abort(AbortReason::Deadline)),
        Promise::NoDecision,
        Promise::Acknowledged,
    ])
}

/// A promise that anybody wants to hear: the vote on a transaction that nobody knows, too late.
fn bait(to: ShardId, random: &mut Random) -> Leaf {
    Leaf {
        to,
        transaction: TransactionId::from_bytes(random.bytes()),
        valid_until: Time::ZERO,
        promise: Promise::Prepared(Verdict::Commit),
    }
}
