//! What other shards have promised, to notice when one of them says the opposite.
//!
//! A shard votes on a transaction at most once and decides it at most once, ever, and has one head at each
//! height. Whoever sees it do so both ways can convict each member that signed both. The ledger cannot: it
//! hears the first of the two, and the second one makes no sense to sequence. So each node looks at what
//! comes to it, and keeps the newest as long as there is room.
//!
//! What a node said on one seat and then on another, in a later epoch, is not held together.
//!
//! Deviation: D-9. Paper: Section VI-A.

mod forks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::shard::Seat;
use model::{Delivery, Lie, Parcel, Promise, ShardId, TransactionId};

use self::forks::Forks;
use super::letter::estimate;

/// Bytes of deliveries of one shard that are kept. One that tells much drives out only what it told
/// itself.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a shard can say in one way only: about which transaction, and whether as a vote or a decision.
type About = (ShardId, TransactionId, Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Vote,
    Decision,
}

/// Where something was said.
#[derive(Clone, Debug)]
struct Word {
    commit: bool,
    delivery: Arc<Delivery>,
    parcel: usize,
    leaf: usize,
}

/// The deliveries of one shard, oldest first.
#[derive(Clone, Debug, Default)]
struct Source {
    deliveries: VecDeque<Arc<Delivery>>,
    bytes: usize,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Testimony {
    /// The first word of each shard on each matter.
    words: BTreeMap<About, Word>,
    sources: BTreeMap<ShardId, Source>,
    /// The last heads of each shard.
    forks: Forks,
    /// The members that are convicted: once is enough.
    liars: BTreeSet<(ShardId, Seat)>,
}

/// A member of another shard that signed opposite promises, or two heads at one height.
pub(crate) type Suspect = (ShardId, Seat, Lie);

impl Testimony {
    /// Takes in the promises of a delivery whose signatures have been checked. Those who contradict
    /// themselves in it or by it, but for those who are convicted.
    pub(crate) fn hear(&mut self, delivery: &Arc<Delivery>) -> Vec<Suspect> {
        let mut suspects = Vec::new();
        let mut news = false;
        for (parcel, said) in delivery.parcels().enumerate() {
            for (leaf, about, commit) in matters(said) {
                match self.words.get(&about) {
                    Some(first) if first.commit != commit => {
                        suspects.extend(self.contradictions(first, said, leaf));
                    }
                    Some(_) => {}
                    None => {
                        let word = Word {
                            commit,
                            delivery: Arc::clone(delivery),
                            parcel,
                            leaf,
                        };
                        self.words.insert(about, word);
                        news = true;
                    }
                }
            }
        }
        if news {
            self.keep(Arc::clone(delivery));
        }
        suspects
    }

    /// Takes in the heads of a delivery whose signatures have been checked. Those who signed one of them
    /// and another one of its height, but for those who are convicted.
    pub(crate) fn hear_heads(&mut self, delivery: &Delivery) -> Vec<Suspect> {
        let mut suspects = Vec::new();
        for said in delivery.parcels() {
            let shard = said.from();
            let forkers = self.forks.hear(said).into_iter();
            let free = forkers.filter(|(seat, _)| !self.liars.contains(&(shard, *seat)));
            suspects.extend(free.map(|(seat, lie)| (shard, seat, lie)));
        }
        suspects
    }

    /// Whether a member was shown to lie.
    pub(crate) fn is_convicted(&self, shard: ShardId, seat: Seat) -> bool {
        self.liars.contains(&(shard, seat))
    }

    /// A member was shown to lie.
    pub(crate) fn convict(&mut self, shard: ShardId, seat: Seat) {
        self.liars.insert((shard, seat));
    }

    /// A shard has begun an epoch: others are on its seats.
    pub(crate) fn change(&mut self, shard: ShardId) {
        self.liars.retain(|(of, _)| *of != shard);
    }

    /// The members that signed what was said first and the leaf of a parcel that says the opposite.
    fn contradictions(&self, first: &Word, parcel: &Parcel, leaf: usize) -> Vec<Suspect> {
        let Some(earlier) = first.delivery.parcels().nth(first.parcel) else {
            return Vec::new();
        };
        let shard = parcel.from();
        let signers = parcel.head.certificate.signatures.iter();
        let free = signers.filter(|(seat, _)| !self.is_convicted(shard, *seat));
        let suspect = |(seat, _): &(Seat, _)| {
            let lie = Lie::Promises {
                first: Box::new(earlier.signed_leaf(first.leaf, *seat)?),
                second: Box::new(parcel.signed_leaf(leaf, *seat)?),
            };
            Some((shard, *seat, lie))
        };
        free.filter_map(suspect).collect()
    }

    /// Keeps a delivery, and lets go of older ones of its shard for which there is no room any more.
    fn keep(&mut self, delivery: Arc<Delivery>) {
        let source = self.sources.entry(delivery.parcel.from()).or_default();
        source.bytes += bytes(&delivery);
        source.deliveries.push_back(delivery);
        while source.bytes > BYTES_MAX
            && let Some(oldest) = source.deliveries.pop_front()
        {
            source.bytes -= bytes(&oldest);
            for (_, about, _) in oldest.parcels().flat_map(matters) {
                let word = self.words.get(&about);
                if word.is_some_and(|word| Arc::ptr_eq(&word.delivery, &oldest)) {
                    self.words.remove(&about);
                }
            }
        }
    }
}

/// What a parcel says in one way only: in which leaf, about what, and whether to commit.
fn matters(parcel: &Parcel) -> impl Iterator<Item = (usize, About, bool)> {
    let leaves = parcel.leaves.iter().enumerate();
    leaves.filter_map(|(at, leaf)| {
        let (kind, commit) = kind(&leaf.promise)?;
        Some((at, (parcel.from(), leaf.transaction, kind), commit))
    })
}

const fn kind(promise: &Promise) -> Option<(Kind, bool)> {
    match promise {
        Promise::Prepared(vote) => Some((Kind::Vote, vote.is_commit())),
        Promise::Accept(verdict) => Some((Kind::Decision, verdict.is_commit())),
        Promise::NoDecision | Promise::Acknowledged => None,
    }
}

fn bytes(delivery: &Delivery) -> usize {
    delivery.parcels().map(estimate).sum()
}
