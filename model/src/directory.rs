//! Who is in which shard, and was: what anybody knows who has checked every step since genesis.
//!
//! A directory grows by facts, each of which proves itself to whoever knows those before it: a shard was
//! founded, or has changed its members. It never forgets an epoch, because what a shard signed in one may
//! be shown much later. A clone shares what it holds.
//!
//! Paper: Section VI-A. Deviation: D-10.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::epoch::{BadChange, EpochChange};
use crate::genesis::{BadGenesis, Genesis};
use crate::id::{NetworkId, NodeId, ShardId};
use crate::key::SignatureCheck;
use crate::membership::ShardRecord;
use crate::shard::{Committee, NotACommittee};
use crate::statement::{Epoch, Height};

/// The shards of a network, epoch by epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    network: NetworkId,
    shards: Arc<BTreeMap<ShardId, Arc<History>>>,
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Eq)]
struct History {
    founded: ShardRecord,
    /// By epoch.
    committees: Vec<Committee>,
    /// The change that ended each epoch but the last.
    changes: Vec<Arc<EpochChange>>,
}

/// Something that is true of a network beyond what its genesis document says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "facts are rare, and most of them are of the larger kind"
)]
pub enum Fact {
    /// A shard was founded, and this is its first record. The root shard has committed it.
    Founded(ShardRecord),
    /// A shard has begun an epoch.
    Changed(EpochChange),
}

/// Why a fact is not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFact {
    /// The shard is not known.
    #[error("shard {0} is not known")]
    UnknownShard(ShardId),
    /// Changes before this one are not known.
    #[error("shard {shard} is known up to epoch {known}, and not what came before this change")]
    Gap {
        /// The shard.
        shard: ShardId,
        /// The last epoch of it that is known.
        known: Epoch,
    },
    /// Something else is known of the same epoch: the shard is dishonest, or whoever says so.
    #[error("shard {shard} has other members in epoch {epoch}")]
    Contradicts {
        /// The shard.
        shard: ShardId,
        /// The epoch.
        epoch: Epoch,
    },
    /// It proves nothing.
    #[error(transparent)]
    Change(#[from] BadChange),
    /// The nodes cannot form a shard.
    #[error(transparent)]
    Committee(#[from] NotACommittee),
}

impl History {
    fn new(network: NetworkId, founded: ShardRecord) -> Result<Self, NotACommittee> {
        Ok(Self {
            committees: vec![founded.committee(network)?],
            founded,
            changes: Vec::new(),
        })
    }

    fn at(&self, epoch: Epoch) -> Option<&Committee> {
        self.committees.get(index(epoch)?)
    }

    fn current(&self) -> &Committee {
        self.committees.last().expect("there is the first epoch")
    }

    /// Checks a change of which the record or another one is known already. It is never news.
    fn hears_again(
        &self,
        change: &EpochChange,
        check: impl FnOnce(&Committee) -> Result<Committee, BadChange>,
    ) -> Result<bool, NotAFact> {
        let at = index(change.next.epoch).and_then(|epoch| epoch.checked_sub(1));
        let before = at.and_then(|at| Some((self.changes.get(at)?, self.committees.get(at)?)));
        let (known, committee) = before.ok_or(BadChange::Follows)?;
        if **known == *change {
            return Ok(false);
        }
        if !known.is_same(change) {
            let (shard, epoch) = (change.next.shard, change.next.epoch);
            return Err(NotAFact::Contradicts { shard, epoch });
        }
        check(committee)?;
        Ok(false)
    }

    fn record(&self, epoch: Epoch) -> Option<&ShardRecord> {
        match index(epoch)?.checked_sub(1) {
            None => Some(&self.founded),
            Some(before) => self.changes.get(before).map(|change| &change.next),
        }
    }
}

fn index(epoch: Epoch) -> Option<usize> {
    usize::try_from(epoch.number()).ok()
}

impl Directory {
    /// What the genesis document says.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] if the members of a shard cannot form one.
    pub fn of_genesis(genesis: &Genesis) -> Result<Self, BadGenesis> {
        let network = genesis.network();
        let history = |of: &crate::genesis::GenesisShard| {
            let shard = of.shard;
            let record = genesis.record(shard).expect("a shard of the document");
            let history = History::new(network, record)
                .map_err(|reason| BadGenesis::Members { shard, reason })?;
            Ok((shard, Arc::new(history)))
        };
        let shards: Result<BTreeMap<_, _>, BadGenesis> =
            genesis.shards.iter().map(history).collect();
        Ok(Self {
            network,
            shards: Arc::new(shards?),
        })
    }

    /// One shard in its first epoch, and no other.
    ///
    /// # Errors
    ///
    /// [`NotACommittee`] if the nodes cannot form a shard.
    pub fn alone(network: NetworkId, record: ShardRecord) -> Result<Self, NotACommittee> {
        let shard = record.shard;
        let history = Arc::new(History::new(network, record)?);
        Ok(Self {
            network,
            shards: Arc::new([(shard, history)].into()),
        })
    }

    /// Whether nothing has become known to one of them and not to the other, as far as that can be seen
    /// without looking: one was cloned from the other.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shards, &other.shards)
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// The members of a shard in an epoch.
    #[must_use]
    pub fn committee(&self, shard: ShardId, epoch: Epoch) -> Option<&Committee> {
        self.shards.get(&shard)?.at(epoch)
    }

    /// The members of a shard in the last epoch of it that is known.
    #[must_use]
    pub fn current(&self, shard: ShardId) -> Option<&Committee> {
        Some(self.shards.get(&shard)?.current())
    }

    /// The record of a shard at the beginning of an epoch.
    #[must_use]
    pub fn record(&self, shard: ShardId, epoch: Epoch) -> Option<&ShardRecord> {
        self.shards.get(&shard)?.record(epoch)
    }

    /// The last record of a shard that is known.
    #[must_use]
    pub fn last_record(&self, shard: ShardId) -> Option<&ShardRecord> {
        self.record(shard, self.current(shard)?.scope().epoch)
    }

    /// The members of all shards in the last epochs that are known, ascending by shard.
    pub fn all(&self) -> impl Iterator<Item = &Committee> {
        self.shards.values().map(|history| history.current())
    }

    /// How far some shards are known, `count` at most: those that come first, and others. Which others they
    /// are changes from turn to turn, until all of them have had theirs.
    #[must_use]
    pub fn in_turn(
        &self,
        first: &BTreeSet<ShardId>,
        turn: usize,
        count: usize,
    ) -> Vec<(ShardId, Epoch)> {
        let scopes = self.all().map(Committee::scope);
        let scopes = scopes.map(|scope| (scope.shard, scope.epoch));
        let (mut chosen, others): (Vec<_>, Vec<_>) =
            scopes.partition(|(shard, _)| first.contains(shard));
        let room = count.saturating_sub(chosen.len());
        let begin = turn.wrapping_mul(room).checked_rem(others.len());
        let turned = others.iter().cycle().skip(begin.unwrap_or(0));
        chosen.extend(turned.take(room.min(others.len())));
        chosen
    }

    /// The shard that a node is a member of in the last epochs that are known. A shard says itself who is in
    /// it, so it may be one that the node knows nothing of.
    #[must_use]
    pub fn shard_of(&self, node: &NodeId) -> Option<ShardId> {
        let mut all = self.all();
        let found = all.find(|committee| committee.seat(node).is_some())?;
        Some(found.scope().shard)
    }

    /// The height of the last block of an epoch, if it is known that it has ended.
    #[must_use]
    pub fn end(&self, shard: ShardId, epoch: Epoch) -> Option<Height> {
        let change = self.shards.get(&shard)?.changes.get(index(epoch)?)?;
        Some(change.hand_over.head.head.height)
    }

    /// The changes of a shard after an epoch, ascending.
    pub fn changes(&self, shard: ShardId, after: Epoch) -> impl Iterator<Item = &Arc<EpochChange>> {
        let known = self.shards.get(&shard).into_iter();
        known.flat_map(move |history| {
            history
                .changes
                .iter()
                .skip(index(after).unwrap_or(usize::MAX))
        })
    }

    /// All that is known, in an order in which it can be taken in again.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let founded = self.shards.values();
        let founded = founded.map(|history| Fact::Founded(history.founded.clone()));
        let changes = self.shards.values().flat_map(|history| &history.changes);
        founded
            .chain(changes.map(|change| Fact::Changed((**change).clone())))
            .collect()
    }

    /// What is known here beyond what `other` knows of the same network, in an order in which it can
    /// take it in.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Vec<Fact> {
        let mut facts = Vec::new();
        for (shard, history) in &*self.shards {
            let known = other.shards.get(shard);
            if known.is_some_and(|known| Arc::ptr_eq(known, history)) {
                continue;
            }
            if known.is_none() {
                facts.push(Fact::Founded(history.founded.clone()));
            }
            let known = known.map_or(&[][..], |known| &known.changes);
            let pairs = history.changes.iter().zip(known);
            let same = pairs.take_while(|(ours, theirs)| ours.is_same(theirs));
            let news = history.changes.iter().skip(same.count());
            facts.extend(news.map(|change| Fact::Changed((**change).clone())));
        }
        facts
    }

    /// Takes in a fact of which the caller knows that it is one. Whether it is news.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if it does not go with what is known.
    pub fn trust(&mut self, fact: &Fact) -> Result<bool, NotAFact> {
        match fact {
            Fact::Founded(record) => self.found(record),
            Fact::Changed(change) => self.follow(&Arc::new(change.clone())),
        }
    }

    /// Takes in a change that was checked before. Whether it is news.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if it does not go with what is known.
    pub fn follow(&mut self, change: &Arc<EpochChange>) -> Result<bool, NotAFact> {
        self.changed(change, |current| change.following(current))
    }

    /// Takes in a change that was checked before, in the place of another one of the same epoch and all that
    /// came after that, if another one is known. Whether one was.
    ///
    /// A dishonest shard can end an epoch twice and tell some the one and some the other. What those whom it
    /// tells agree on is what counts among them.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if it does not go with what is known of the epochs before.
    pub fn overrule(&mut self, change: &Arc<EpochChange>) -> Result<bool, NotAFact> {
        self.overruled(change, |current| change.following(current))
    }

    /// As [`Directory::overrule`], for a change that was not checked.
    ///
    /// # Errors
    ///
    /// As above, and if it proves nothing.
    pub fn overrule_checked(
        &mut self,
        change: &Arc<EpochChange>,
        check: &mut impl SignatureCheck,
    ) -> Result<bool, NotAFact> {
        self.overruled(change, |current| change.verify(current, check))
    }

    /// Checks a change and takes it in. Whether it is news. One that differs from the one that is known
    /// by nothing but its signatures is no news, and is checked all the same: it may be on its way to
    /// somebody to whom it would be.
    ///
    /// # Errors
    ///
    /// [`NotAFact`] if it does not go with what is known, or proves nothing.
    pub fn learn(
        &mut self,
        change: &Arc<EpochChange>,
        check: &mut impl SignatureCheck,
    ) -> Result<bool, NotAFact> {
        self.changed(change, |current| change.verify(current, check))
    }

    fn found(&mut self, record: &ShardRecord) -> Result<bool, NotAFact> {
        let (shard, epoch) = (record.shard, record.epoch);
        if epoch > Epoch::ZERO {
            // What a shard begins with is its first record.
            let known = Epoch::ZERO;
            return Err(NotAFact::Gap { shard, known });
        }
        if let Some(known) = self.shards.get(&shard) {
            if known.founded == *record {
                return Ok(false);
            }
            return Err(NotAFact::Contradicts { shard, epoch });
        }
        let history = History::new(self.network, record.clone())?;
        Arc::make_mut(&mut self.shards).insert(shard, Arc::new(history));
        Ok(true)
    }

    fn overruled(
        &mut self,
        change: &Arc<EpochChange>,
        check: impl FnOnce(&Committee) -> Result<Committee, BadChange>,
    ) -> Result<bool, NotAFact> {
        let shard = change.next.shard;
        let known = self.shards.get(&shard);
        let known = known.ok_or(NotAFact::UnknownShard(shard))?;
        let place = index(change.next.epoch).and_then(|epoch| epoch.checked_sub(1));
        let Some((at, other)) = place.and_then(|at| Some((at, known.changes.get(at)?))) else {
            return self.changed(change, check).map(|_| false);
        };
        if other.is_same(change) {
            return self.changed(change, check).map(|_| false);
        }
        let committee = check(&known.committees[at])?;
        let history = Arc::make_mut(&mut self.shards).get_mut(&shard);
        let history = Arc::make_mut(history.expect("looked up above"));
        history.committees.truncate(at + 1);
        history.changes.truncate(at);
        history.committees.push(committee);
        history.changes.push(Arc::clone(change));
        Ok(true)
    }

    fn changed(
        &mut self,
        change: &Arc<EpochChange>,
        check: impl FnOnce(&Committee) -> Result<Committee, BadChange>,
    ) -> Result<bool, NotAFact> {
        let (shard, epoch) = (change.next.shard, change.next.epoch);
        let known = self
            .shards
            .get(&shard)
            .ok_or(NotAFact::UnknownShard(shard))?;
        if known.at(epoch).is_some() {
            return known.hears_again(change, check);
        }
        let current = known.current();
        let last = current.scope().epoch;
        if last.number().checked_add(1) != Some(epoch.number()) {
            return Err(NotAFact::Gap { shard, known: last });
        }
        let committee = check(current)?;
        let shards = Arc::make_mut(&mut self.shards);
        let history = shards.get_mut(&shard).expect("looked up above");
        let history = Arc::make_mut(history);
        history.committees.push(committee);
        history.changes.push(Arc::clone(change));
        Ok(true)
    }
}
