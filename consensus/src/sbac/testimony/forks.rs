//! Heads of other shards, to notice when one of them shows two at one height, or when one of its members
//! signs another one by itself.
//!
//! The ledger stops listening to a shard with two heads at one height, and remembers no more than hashes.
//! To convict those who signed both heads takes their signatures, and they are kept here, as long as the
//! ledger remembers.
//!
//! A head that too few have signed convinces nobody, and convicts them all the same as soon as their
//! shard shows the head that it has at that height, with their signatures. Until then it is kept, if it
//! is among the last of its signer: a liar drives out nothing but its own lies.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use model::bounds::FOREIGN_HEADS_MAX;
use model::shard::Seat;
use model::statement::Scope;
use model::{Hash, Height, Malpractice, NodeId, Parcel, ShardId, Signature, SignedHead};

use crate::suspicion::{Known, contradiction};

/// Heads without enough signatures that are kept of each seat of a shard.
const ALONE_MAX: usize = 16;

/// A head as its shard has shown it, with all signatures that came with it.
#[derive(Clone, Debug)]
struct Shown {
    scope: Scope,
    height: Height,
    head: Hash,
    signatures: BTreeMap<Seat, Signature>,
}

/// The heads of one shard.
#[derive(Clone, Debug, Default)]
struct Chain {
    shown: BTreeMap<Height, Shown>,
    alone: BTreeMap<Seat, VecDeque<SignedHead>>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Forks {
    chains: BTreeMap<ShardId, Chain>,
}

impl Forks {
    /// Takes in the head of a parcel whose signatures have been checked. Those who contradict themselves
    /// by it.
    pub(super) fn hear(&mut self, parcel: &Parcel, known: Known<'_>) -> Vec<Malpractice> {
        let chain = self.chains.entry(parcel.from()).or_default();
        let said = Shown::of(parcel);
        let mut suspects = Vec::new();
        let mut fits = true;
        for other in chain.near(&said.scope, said.height) {
            if other.clashes(&said) {
                fits = false;
                suspects.extend(said.against(other, known));
            }
        }
        if fits {
            suspects.extend(chain.keep(said, known));
        }
        suspects
    }

    /// Takes in a head that this node has signed, and too few others. The record of it, if it
    /// contradicts what the node has signed before.
    pub(super) fn hear_alone(
        &mut self,
        node: &NodeId,
        said: SignedHead,
        known: Known<'_>,
    ) -> Option<Malpractice> {
        let seat = known.seat(&said.scope, node)?;
        let chain = self.chains.entry(said.scope.shard).or_default();
        let found = chain.near(&said.scope, said.height).find_map(|other| {
            let first = other.signed_by(known.seat(&other.scope, node)?)?;
            contradiction(first, said)
        });
        if let Some(lie) = found {
            return Some(Malpractice { node: *node, lie });
        }
        let held = chain.alone.entry(seat).or_default();
        if !held.contains(&said) {
            held.push_back(said);
            if held.len() > ALONE_MAX {
                held.pop_front();
            }
        }
        None
    }

    /// An epoch of a shard has ended: those who signed a head above its end by themselves.
    pub(super) fn ended(&self, shard: ShardId, known: Known<'_>) -> Vec<Malpractice> {
        let alone = self.chains.get(&shard).into_iter();
        let alone = alone.flat_map(|chain| &chain.alone);
        let misplaced = alone.flat_map(|(seat, held)| {
            held.iter().filter_map(|said| {
                let node = known.node(&said.scope, *seat)?;
                known.misplaced(&node, *said)
            })
        });
        misplaced.collect()
    }

    /// How many heads of a shard are kept, and how many without enough signatures.
    #[cfg(test)]
    pub(super) fn kept(&self, shard: ShardId) -> (usize, usize) {
        self.chains.get(&shard).map_or((0, 0), |chain| {
            let alone = chain.alone.values().map(VecDeque::len).sum();
            (chain.shown.len(), alone)
        })
    }
}

impl Chain {
    /// The heads that one of this epoch and height could contradict, if what is kept does not contradict
    /// itself: the one at that height, and those beside it.
    fn near(&self, scope: &Scope, height: Height) -> impl Iterator<Item = &Shown> {
        let epoch = scope.epoch;
        let same = self.shown.get(&height);
        let below = self.shown.range(..height).next_back();
        let above = (Bound::Excluded(height), Bound::Unbounded);
        let above = self.shown.range(above).next();
        let below = below.filter(|(_, shown)| shown.scope.epoch > epoch);
        let above = above.filter(|(_, shown)| shown.scope.epoch < epoch);
        let beside = below.into_iter().chain(above).map(|(_, shown)| shown);
        same.into_iter().chain(beside)
    }

    /// Keeps a head, or the signatures that are new. Those who signed another one by themselves.
    fn keep(&mut self, said: Shown, known: Known<'_>) -> Vec<Malpractice> {
        let shown = match self.shown.entry(said.height) {
            Entry::Vacant(free) => &*free.insert(said),
            Entry::Occupied(taken) => {
                let shown = taken.into_mut();
                shown.signatures.extend(said.signatures);
                shown
            }
        };
        let alone = self.alone.iter();
        let alone = alone.flat_map(|(seat, held)| held.iter().map(move |said| (*seat, *said)));
        let suspects = alone.filter_map(|(seat, said)| {
            let node = known.node(&said.scope, seat)?;
            let first = shown.signed_by(known.seat(&shown.scope, &node)?)?;
            let lie = contradiction(first, said)?;
            Some(Malpractice { node, lie })
        });
        let suspects = suspects.collect();
        if self.shown.len() > FOREIGN_HEADS_MAX {
            self.shown.pop_first();
        }
        suspects
    }
}

impl Shown {
    fn of(parcel: &Parcel) -> Self {
        let head = &parcel.head.head;
        let signatures = parcel.head.certificate.signatures.iter();
        Self {
            scope: head.scope,
            height: head.height,
            head: head.hash(),
            signatures: signatures.copied().collect(),
        }
    }

    fn signed_by(&self, seat: Seat) -> Option<SignedHead> {
        Some(SignedHead {
            scope: self.scope,
            height: self.height,
            head: self.head,
            signature: *self.signatures.get(&seat)?,
        })
    }

    /// Whether a chain has no room for both.
    fn clashes(&self, other: &Self) -> bool {
        (self.scope.epoch, self.height, self.head) != (other.scope.epoch, other.height, other.head)
    }

    /// Those who signed this head and another one that it clashes with.
    fn against(&self, other: &Self, known: Known<'_>) -> Vec<Malpractice> {
        let signers = self.signatures.keys();
        let suspects = signers.filter_map(|seat| {
            let node = known.node(&self.scope, *seat)?;
            let first = other.signed_by(known.seat(&other.scope, &node)?)?;
            let lie = contradiction(first, self.signed_by(*seat)?)?;
            let shard = self.scope.shard;
            let free = !known.reported.contains(shard, &node, lie.kind());
            free.then_some(Malpractice { node, lie })
        });
        suspects.collect()
    }
}
