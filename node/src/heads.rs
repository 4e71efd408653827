//! How far each shard is, by the certified heads that this node has heard of.
//!
//! A head counts once its quorum has been checked, and of a shard the highest one is kept, and some before
//! it. Two heads of one height are a lie of everybody who signed both, and a quorum has: whoever holds both
//! holds the proof.
//!
//! Paper: Section IV-A, Node Hash-Chains.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::{Committee, HeadCertificate, Height, Lie, Malpractice, ShardId};

/// Heads of one shard that are kept: those of the last seconds, in which a fork would show.
const HEADS_MAX: usize = 16;

/// What a head that has been checked tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// The shard is further than was known.
    New,
    /// Nothing that was not known.
    Old,
    /// There was another head at its height: these have signed both.
    Fork(Vec<Malpractice>),
}

/// The heads of all shards. There are no more shards here than the root shard has founded, because no head
/// of another one can be checked.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<BTreeMap<ShardId, Shard>>);

#[derive(Debug, Default)]
struct Shard {
    heads: BTreeMap<Height, HeadCertificate>,
    /// The heights of which it is known that there are two heads.
    forks: BTreeSet<Height>,
    heard: Option<Instant>,
}

impl Heads {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<ShardId, Shard>> {
        // A poisoned lock means that another thread panicked; what the maps hold is still true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a head could tell something new, so that it is worth checking.
    pub(crate) fn is_of_use(&self, certificate: &HeadCertificate) -> bool {
        let head = &certificate.head;
        let shards = self.lock();
        let Some(shard) = shards.get(&head.scope.shard) else {
            return true;
        };
        match shard.heads.get(&head.height) {
            Some(known) => known.head != *head && !shard.forks.contains(&head.height),
            None => shard.highest().is_none_or(|highest| highest < head.height),
        }
    }

    /// Takes in a head of the epoch of `committee`, of which the signatures have been checked.
    pub(crate) fn hear(
        &self,
        certificate: HeadCertificate,
        committee: &Committee,
        now: Instant,
    ) -> Hearing {
        let (height, id) = (certificate.head.height, certificate.head.scope.shard);
        let mut shards = self.lock();
        let shard = shards.entry(id).or_default();
        if let Some(known) = shard.heads.get(&height) {
            if known.head == certificate.head || !shard.forks.insert(height) {
                return Hearing::Old;
            }
            return Hearing::Fork(forked(known, &certificate, committee));
        }
        if shard.highest().is_some_and(|highest| height < highest) {
            return Hearing::Old;
        }
        shard.heard = Some(now);
        shard.heads.insert(height, certificate);
        if shard.heads.len() > HEADS_MAX {
            shard.heads.pop_first();
        }
        let lowest = shard.heads.keys().next().copied();
        shard.forks.retain(|fork| Some(*fork) >= lowest);
        Hearing::New
    }

    /// The highest head of a shard.
    pub(crate) fn latest(&self, shard: ShardId) -> Option<HeadCertificate> {
        let shards = self.lock();
        let (_, latest) = shards.get(&shard)?.heads.last_key_value()?;
        Some(latest.clone())
    }

    /// How far the shards are, ascending.
    pub(crate) fn heights(&self) -> Vec<(ShardId, Height)> {
        let shards = self.lock();
        let heights = shards.iter();
        heights
            .filter_map(|(id, shard)| Some((*id, shard.highest()?)))
            .collect()
    }

    /// How long ago something new was heard of a shard, if anything ever was.
    pub(crate) fn silence(&self, shard: ShardId, now: Instant) -> Option<Duration> {
        let heard = self.lock().get(&shard)?.heard?;
        Some(now.saturating_duration_since(heard))
    }
}

impl Shard {
    fn highest(&self) -> Option<Height> {
        self.heads.keys().next_back().copied()
    }
}

/// Those who have signed two heads of one height and epoch.
fn forked(
    first: &HeadCertificate,
    second: &HeadCertificate,
    committee: &Committee,
) -> Vec<Malpractice> {
    let scope = first.head.scope;
    if scope != second.head.scope {
        return Vec::new();
    }
    let said = |certificate: &HeadCertificate, signature| (certificate.head.statement(), signature);
    let signatures = first.certificate.signatures.iter();
    let both = signatures.filter_map(|(seat, signature)| {
        let mut others = second.certificate.signatures.iter();
        let (_, other) = others.find(|(signer, _)| signer == seat)?;
        Some(Malpractice {
            node: committee.member(*seat)?,
            lie: Lie::Statements {
                scope,
                first: said(first, *signature),
                second: said(second, *other),
            },
        })
    });
    both.collect()
}
