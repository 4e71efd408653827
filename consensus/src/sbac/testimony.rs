//! What other shards have promised, to notice when one of them says the opposite.
//!
//! A shard votes on a transaction at most once and decides it at most once, ever, and has one head at each
//! height. Whoever sees it do so both ways can convict each member that signed both. The ledger cannot: it
//! hears the first of the two, and the second one makes no sense to sequence. So each node looks at what
//! comes to it, and keeps the newest as long as there is room.
//!
//! What a node said on one seat and then on another, in a later epoch, is held together: the members of
//! all epochs are known.
//!
//! Deviation: D-9. Paper: Section VI-A.

mod forks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use model::{
    Delivery, Lie, LieKind, Malpractice, NodeId, Parcel, Promise, ShardId, SignedHead,
    TransactionId,
};

use self::forks::Forks;
use super::letter::estimate;
use crate::suspicion::Known;

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
}

/// All that is returned are records that nobody has checked.
impl Testimony {
    /// Takes in the promises of a delivery whose signatures have been checked. Those who contradict
    /// themselves in it or by it, but for those who were reported.
    pub(crate) fn hear(&mut self, delivery: &Arc<Delivery>, known: Known<'_>) -> Vec<Malpractice> {
        let mut suspects = Vec::new();
        let mut news = false;
        for (parcel, said) in delivery.parcels().enumerate() {
            for (leaf, about, commit) in matters(said) {
                match self.words.get(&about) {
                    Some(first) if first.commit != commit => {
                        suspects.extend(contradictions(first, said, leaf, known));
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
    /// and another one that a chain has no room for beside it.
    pub(crate) fn hear_heads(&mut self, delivery: &Delivery, known: Known<'_>) -> Vec<Malpractice> {
        let parcels = delivery.parcels();
        let suspects = parcels.flat_map(|said| self.forks.hear(said, known));
        suspects.collect()
    }

    /// Takes in a head that this node has signed, and too few others.
    pub(crate) fn hear_alone(
        &mut self,
        node: &NodeId,
        said: SignedHead,
        known: Known<'_>,
    ) -> Option<Malpractice> {
        let misplaced = known.misplaced(node, said);
        misplaced.or_else(|| self.forks.hear_alone(node, said, known))
    }

    /// A shard has begun an epoch. Those who signed a head above the end of the one before.
    pub(crate) fn change(&self, shard: ShardId, known: Known<'_>) -> Vec<Malpractice> {
        self.forks.ended(shard, known)
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

/// The members that signed what was said first and the leaf of a parcel that says the opposite.
fn contradictions(
    first: &Word,
    parcel: &Parcel,
    leaf: usize,
    known: Known<'_>,
) -> Vec<Malpractice> {
    let Some(earlier) = first.delivery.parcels().nth(first.parcel) else {
        return Vec::new();
    };
    let signers = parcel.head.certificate.signatures.iter();
    let suspects = signers.filter_map(|(seat, _)| {
        let scope = &parcel.head.head.scope;
        let node = known.node(scope, *seat)?;
        if known
            .reported
            .contains(scope.shard, &node, LieKind::Promises)
        {
            return None;
        }
        let then = known.seat(&earlier.head.head.scope, &node)?;
        let lie = Lie::Promises {
            first: Box::new(earlier.signed_leaf(first.leaf, then)?),
            second: Box::new(parcel.signed_leaf(leaf, *seat)?),
        };
        Some(Malpractice { node, lie })
    });
    suspects.collect()
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
