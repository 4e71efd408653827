//! S12, S13: nothing that is in the logs of honest shards convicts an honest member; and if honest shards
//! come to different ends of a transaction, then what is in their logs together convicts at least `f + 1`
//! members of some shard.
//!
//! One lie convicts nobody: to deny what one has promised. An honest shard that forgot a transaction,
//! because all had ended it, denies it as well, and a dishonest one that asks again can make it do so
//! (`deviations.md`, D-9). And where `f + 1` members speak for a shard, as in the paper, different members
//! may say opposite things, and none of them contradicts itself.
//!
//! Paper: Section V-B, Security Theorem 3.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::AppliedBlock;
use model::block::{Entry, decode_entries};
use model::shard::Seat;
use model::statement::{Height, Statement};
use model::{Epoch, Hash, HeadCertificate, Lie, Malpractice, Outcome, Parcel, Profile, Promise};
use model::{ShardId, TransactionId, Verdict};

use super::firsts::Firsts;
use super::roll::Roll;
use super::{Sighting, What};
use crate::simulation::{Notary, Place, Setting, Trust};

/// The name of the rule.
pub const RULE: &str = "accountability";

/// What a shard has promised about a transaction: votes apart from decisions.
type About = (ShardId, TransactionId, bool);

/// The promises of one kind to commit and to abort, each as a parcel of its own.
#[derive(Default)]
struct Both {
    commit: Vec<Parcel>,
    abort: Vec<Parcel>,
}

/// See the module.
pub struct Accountability {
    firsts: Firsts,
    trust: Trust,
    rolls: BTreeMap<ShardId, Roll>,
    profile: Profile,
    notary: Notary,
    liars: BTreeSet<Place>,
    words: BTreeMap<About, Both>,
    /// What shards have denied.
    denied: BTreeSet<(ShardId, TransactionId)>,
    heads: BTreeMap<(ShardId, Height), BTreeMap<Hash, HeadCertificate>>,
    prepared: BTreeSet<(TransactionId, ShardId)>,
    /// What honest shards did with transactions that they had voted to commit, or did commit.
    ends: BTreeMap<TransactionId, BTreeSet<bool>>,
}

impl Accountability {
    /// Nobody has said anything. The members on the places of `liars` lie.
    #[must_use]
    pub fn new<'a>(
        settings: impl Iterator<Item = &'a Setting> + Clone,
        liars: &BTreeSet<Place>,
        trust: Trust,
    ) -> Self {
        let first = settings.clone().next().expect("there is a shard");
        let roll = |setting: &Setting| (setting.shard(), Roll::new(setting));
        Self {
            firsts: Firsts::default(),
            trust,
            profile: first.shards.policy().profile(),
            notary: first.notary.clone(),
            rolls: settings.map(roll).collect(),
            liars: liars.clone(),
            words: BTreeMap::new(),
            denied: BTreeSet::new(),
            heads: BTreeMap::new(),
            prepared: BTreeSet::new(),
            ends: BTreeMap::new(),
        }
    }

    /// An honest node does something.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        if let What::Entered(_) = sighting.what {
            self.rolls.insert(sighting.shard, sighting.roll.clone());
        }
        if let What::Applied(applied) = sighting.what
            && self.rolls.len() > 1
            && self.firsts.is_first(sighting.shard, applied)
        {
            self.applied(sighting.shard, applied);
        }
    }

    fn applied(&mut self, shard: ShardId, applied: &AppliedBlock) {
        for entry in decode_entries(&applied.block.payload).unwrap_or_default() {
            if let Entry::Deliver(delivery) = entry {
                delivery.parcels().for_each(|parcel| self.hear(parcel));
            }
        }
        let done = &applied.applied;
        let votes = done.outbox.iter();
        let commits = votes.filter(|leaf| leaf.promise == Promise::Prepared(Verdict::Commit));
        self.prepared
            .extend(commits.map(|leaf| (leaf.transaction, shard)));
        for result in &done.results {
            let committed = result.outcome == Outcome::Committed;
            if committed || self.prepared.contains(&(result.transaction, shard)) {
                self.ends
                    .entry(result.transaction)
                    .or_default()
                    .insert(committed);
            }
        }
    }

    /// Something that one shard said is in the log of another one.
    fn hear(&mut self, parcel: &Parcel) {
        let (from, head) = (parcel.from(), &parcel.head.head);
        self.heads
            .entry((from, head.height))
            .or_default()
            .insert(head.hash(), parcel.head.clone());
        let proofs = parcel.proofs().unwrap_or_default();
        for (at, leaf) in parcel.leaves.iter().enumerate() {
            let (vote, commits) = match leaf.promise {
                Promise::Prepared(verdict) => (true, verdict.is_commit()),
                Promise::Accept(verdict) => (false, verdict.is_commit()),
                Promise::NoDecision => {
                    self.denied.insert((from, leaf.transaction));
                    continue;
                }
                Promise::Acknowledged => continue,
            };
            let both = self
                .words
                .entry((from, leaf.transaction, vote))
                .or_default();
            let side = if commits {
                &mut both.commit
            } else {
                &mut both.abort
            };
            side.extend(parcel.only(at, &proofs));
        }
    }

    /// Whether honest members are safe from what is in the logs, and those who split honest shards are
    /// not.
    ///
    /// # Errors
    ///
    /// Who is convicted and honest, or which split nobody is convicted of.
    pub fn answered(&self) -> Result<(), String> {
        let mut convicted = BTreeSet::new();
        for ((shard, _, _), both) in &self.words {
            convicted.extend(self.of_promises(*shard, both));
        }
        for ((shard, height), heads) in &self.heads {
            convicted.extend(self.of_heads(*shard, *height, heads));
        }
        let honest = convicted.iter().find(|place| !self.liars.contains(place));
        if let Some(Place { shard, seat }) = honest {
            let seat = seat.index();
            return Err(format!(
                "node {seat} of shard {shard} is honest and convicted"
            ));
        }
        if self.profile == Profile::Paper {
            return Ok(());
        }
        let split = self.ends.iter().filter(|(_, ends)| ends.len() > 1);
        for (id, _) in split {
            let denied = |shard: &ShardId| self.denied.contains(&(*shard, *id));
            if !self.trust.dishonest().iter().any(denied) && !self.is_convicted(id) {
                return Err(format!("nobody is convicted of splitting {id}"));
            }
        }
        Ok(())
    }

    /// Whether what was said about a transaction convicts `f + 1` members of some shard.
    fn is_convicted(&self, transaction: &TransactionId) -> bool {
        self.rolls.iter().any(|(shard, roll)| {
            let kinds = [true, false].into_iter();
            let words = kinds.filter_map(|vote| self.words.get(&(*shard, *transaction, vote)));
            let convicted: BTreeSet<Place> = words
                .flat_map(|both| self.of_promises(*shard, both))
                .collect();
            convicted.len() >= roll.current().honest_threshold()
        })
    }

    /// The members that these promises convict.
    fn of_promises(&self, shard: ShardId, both: &Both) -> BTreeSet<Place> {
        let mut convicted = BTreeSet::new();
        for one in &both.commit {
            let epoch = one.head.head.scope.epoch;
            let same = |other: &&Parcel| other.head.head.scope.epoch == epoch;
            for other in both.abort.iter().filter(same) {
                let lie = |seat| {
                    Some(Lie::Promises {
                        first: Box::new(one.signed_leaf(0, seat)?),
                        second: Box::new(other.signed_leaf(0, seat)?),
                    })
                };
                convicted.extend(self.convicted(shard, epoch, lie));
            }
        }
        convicted
    }

    /// The members that two heads at one height convict.
    fn of_heads(
        &self,
        shard: ShardId,
        height: Height,
        heads: &BTreeMap<Hash, HeadCertificate>,
    ) -> BTreeSet<Place> {
        let mut convicted = BTreeSet::new();
        let Some((first, one)) = heads.first_key_value() else {
            return convicted;
        };
        for (second, other) in heads.iter().skip(1) {
            let said = |head: &Hash, by: &HeadCertificate, seat: Seat| {
                let mut signatures = by.certificate.signatures.iter();
                let (_, signature) = signatures.find(|(signer, _)| *signer == seat)?;
                let head = *head;
                Some((Statement::Head { height, head }, *signature))
            };
            let lie = |seat| {
                Some(Lie::Statements {
                    scope: one.head.scope,
                    first: said(first, one, seat)?,
                    second: said(second, other, seat)?,
                })
            };
            convicted.extend(self.convicted(shard, one.head.scope.epoch, lie));
        }
        convicted
    }

    /// The members of a shard against which there is a record that anybody can verify.
    fn convicted(
        &self,
        shard: ShardId,
        epoch: Epoch,
        lie: impl Fn(Seat) -> Option<Lie>,
    ) -> Vec<Place> {
        let Some((roll, committee)) = self
            .rolls
            .get(&shard)
            .and_then(|roll| Some((roll, roll.committee(epoch)?)))
        else {
            return Vec::new();
        };
        let seats = (0..committee.size()).filter_map(Seat::new);
        let convicted = seats.filter_map(|seat| {
            let (lie, node) = (lie(seat)?, committee.member(seat)?);
            let record = Malpractice { node, lie };
            let proven = record.verify(&mut self.notary.clone()).is_ok();
            proven.then(|| roll.node(&node)).flatten()
        });
        convicted.map(|seat| Place { shard, seat }).collect()
    }
}
