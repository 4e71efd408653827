//! Random traffic between a few shards, from a seed.

use std::collections::{BTreeMap, BTreeSet};

use model::bounds::VALIDITY_MS_MAX;
use model::transaction::Transaction;
use model::{
    AbortReason, Entry, Leaf, Mode, Object, Outcome, Parcel, Profile, Promise, ShardId, Time,
    Verdict,
};

use crate::network::{Network, leaf, local, prepare, things, trace};

/// Numbers that look random (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("it is below a usize")
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Users, carriers and clocks.
pub(crate) struct Traffic {
    pub(crate) network: Network,
    dice: Dice,
    now: u64,
    /// What users may name: objects that are, were, or may come to be.
    objects: Vec<Object>,
    /// What waits to be sequenced where.
    waiting: BTreeMap<ShardId, Vec<Transaction>>,
    /// How many parcels of one shard to another one have been delivered.
    delivered: BTreeMap<(ShardId, ShardId), usize>,
    /// All transactions there have been.
    transactions: Vec<Transaction>,
    /// A shard that promises whatever it likes.
    liar: Option<ShardId>,
    /// The chance of a block to end its epoch, in percent.
    ends: usize,
    /// The kinds of things that have happened.
    pub(crate) seen: BTreeSet<&'static str>,
}

impl Traffic {
    /// What so many blocks of some shards come to, of which so many in a hundred end an epoch.
    pub(crate) fn run(
        seed: u64,
        (shards, liar): (u32, Option<ShardId>),
        profile: Profile,
        (blocks, ends): (usize, usize),
    ) -> Self {
        let network = Network::new(shards, profile);
        let ids = network.ids();
        let objects = ids.iter().flat_map(|shard| {
            let count = network.ledger(*shard).state.objects.len();
            (0..count).map(|number| network.thing(*shard, number))
        });
        let mut traffic = Self {
            objects: objects.collect(),
            network,
            dice: Dice::new(seed),
            now: 0,
            waiting: BTreeMap::new(),
            delivered: BTreeMap::new(),
            transactions: Vec::new(),
            liar,
            ends,
            seen: BTreeSet::new(),
        };
        for _ in 0..blocks {
            traffic.step();
        }
        traffic
    }

    fn step(&mut self) {
        self.now += match self.dice.below(20) {
            0 => 6_000,
            1..4 => 1_500,
            _ => 80,
        } + self.dice.below(100) as u64;
        for _ in 0..self.dice.below(4) {
            self.submit();
        }
        let shard = *self.dice.pick(&self.network.ids());
        let sequenced = self.sequenced(shard);
        let heard = self.heard(shard);
        let mut entries = self.epochs(shard, &heard);
        entries.extend(sequenced);
        entries.extend(heard);
        if self.dice.percent(self.ends) {
            entries.push(Entry::End(self.network.ending(shard)));
            self.seen.insert("ended");
        }
        let lies = self.lies(shard);
        let applied = self.network.lie(shard, self.now, entries, |claims| {
            claims.outbox.extend(lies);
        });
        for result in &applied.results {
            self.seen.insert(name_of(&result.outcome));
        }
        for leaf in &applied.outbox {
            self.seen.insert(match leaf.promise {
                Promise::Prepared(_) => "prepared",
                Promise::Accept(_) => "accept",
                Promise::NoDecision => "never will",
                Promise::Acknowledged => "acknowledged",
            });
        }
        let sessions = applied.sessions.values().flatten();
        if sessions.into_iter().any(|session| session.repeats > 0) {
            self.seen.insert("repeated");
        }
    }

    /// The transactions that a block takes up: some of those that wait, and now and then an old one.
    fn sequenced(&mut self, shard: ShardId) -> Vec<Entry> {
        let waiting = self.waiting.remove(&shard).unwrap_or_default();
        let mut entries = Vec::new();
        let mut left = Vec::new();
        for transaction in waiting {
            if self.dice.percent(70) {
                entries.push(prepare(&transaction));
            }
            if self.dice.percent(35) {
                left.push(transaction);
            }
        }
        self.waiting.insert(shard, left);
        entries
    }

    /// What a block hears: most of what is new, and now and then something old.
    fn heard(&mut self, shard: ShardId) -> Vec<Entry> {
        let mut entries = Vec::new();
        for from in self.network.ids() {
            let mut parcels: Vec<Parcel> = self.network.parcels(from, shard);
            parcels.reverse();
            let known = self.delivered.entry((from, shard)).or_default();
            let new = parcels.split_off(*known);
            let late = self.dice.percent(35);
            if !late {
                *known += new.len();
                entries.extend(new.into_iter().map(|parcel| self.network.delivery(parcel)));
            }
            if !parcels.is_empty() && self.dice.percent(20) {
                let old = self.dice.pick(&parcels).clone();
                entries.push(self.network.delivery(old));
            }
        }
        entries
    }

    /// The epochs of other shards that a block tells of: all those that are news, and at least where
    /// something is heard of a later epoch.
    fn epochs(&mut self, shard: ShardId, heard: &[Entry]) -> Vec<Entry> {
        let ledger = self.network.ledger(shard);
        let mut needed = false;
        for entry in heard {
            if let Entry::Deliver(delivery) = entry {
                for parcel in delivery.parcels() {
                    let epoch = parcel.head.head.scope.epoch;
                    let known = ledger.epoch_of(parcel.from());
                    needed |= epoch > known;
                    if epoch < known {
                        self.seen.insert("heard of an ended epoch");
                    }
                }
            }
        }
        if needed || self.dice.percent(30) {
            self.network.changes(shard)
        } else {
            Vec::new()
        }
    }

    /// Promises of the liar that are none of its business.
    fn lies(&mut self, shard: ShardId) -> Vec<Leaf> {
        if self.liar != Some(shard) || self.transactions.is_empty() {
            return Vec::new();
        }
        let ids = self.network.ids();
        let mut lies = Vec::new();
        for _ in 0..self.dice.below(12) {
            let recent = self.transactions.len().saturating_sub(12);
            let transaction = self.dice.pick(&self.transactions[recent..]).clone();
            let to = *self.dice.pick(&ids);
            let promise = *self.dice.pick(&[
                Promise::Prepared(Verdict::Commit),
                Promise::Prepared(Verdict::Abort(AbortReason::Deadline)),
                Promise::Accept(Verdict::Commit),
                Promise::Accept(Verdict::Abort(AbortReason::Deadline)),
                Promise::NoDecision,
                Promise::Acknowledged,
            ]);
            let mut lie = leaf(to, &transaction, promise);
            if self.dice.percent(30) {
                lie.valid_until = Time::from_ms(self.dice.below(2_000_000) as u64);
            }
            if to != shard {
                lies.push(lie);
            }
        }
        lies
    }

    fn submit(&mut self) {
        let ids = self.network.ids();
        let mut traces = Vec::new();
        let mut openings = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let contract = if self.dice.percent(10) {
                local()
            } else {
                things()
            };
            let inputs = self.some_objects(|dice| 1 + dice.below(2), &contract);
            let references = self.some_objects(|dice| dice.below(4) / 2, &contract);
            let homes: Vec<ShardId> = (0..self.dice.below(3))
                .map(|_| *self.dice.pick(&ids))
                .collect();
            let procedure = if self.dice.percent(4) {
                "forbidden"
            } else {
                "swap"
            };
            openings.extend(inputs.iter().chain(&references).cloned());
            traces.push(trace(contract, procedure, &inputs, &references, &homes));
        }
        let mode = if self.dice.percent(40) {
            Mode::AllVotes
        } else {
            Mode::Decider(*self.dice.pick(&ids))
        };
        let far = if self.dice.percent(4) {
            VALIDITY_MS_MAX
        } else {
            0
        };
        let until = self.now + 500 + far + 1_000 * self.dice.below(14) as u64;
        let transaction = self.network.transaction(mode, until, traces, openings);
        for trace in &transaction.body.traces {
            self.objects
                .extend(trace.objects(trace.id(&transaction.body.network)));
        }
        if self.dice.percent(5) {
            let anywhere = *self.dice.pick(&ids);
            let waiting = self.waiting.entry(anywhere).or_default();
            waiting.push(transaction.clone());
        }
        self.transactions.push(transaction.clone());
        for shard in &transaction.body.participants {
            if self.dice.percent(95) {
                self.waiting
                    .entry(*shard)
                    .or_default()
                    .push(transaction.clone());
            }
        }
    }

    /// Some objects of a contract, mostly such as exist.
    fn some_objects(
        &mut self,
        count: impl Fn(&mut Dice) -> usize,
        contract: &model::ContractId,
    ) -> Vec<Object> {
        let network = &self.network;
        let (active, all): (Vec<&Object>, Vec<&Object>) = {
            let of_contract = |object: &&Object| object.object_type.contract == *contract;
            let all: Vec<&Object> = self.objects.iter().filter(of_contract).collect();
            let is_active = |object: &&&Object| {
                network
                    .ledger(object.home)
                    .state
                    .objects
                    .contains_key(&object.id())
            };
            (all.iter().filter(is_active).copied().collect(), all)
        };
        let mut chosen: Vec<Object> = Vec::new();
        for _ in 0..count(&mut self.dice) {
            let from = if active.is_empty() || self.dice.percent(8) {
                &all
            } else {
                &active
            };
            let object = (*self.dice.pick(from)).clone();
            if !chosen.contains(&object) {
                chosen.push(object);
            }
        }
        chosen
    }
}

const fn name_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed => "committed",
        Outcome::Aborted(AbortReason::Invalid(_)) => "invalid",
        Outcome::Aborted(AbortReason::Locked { .. }) => "locked",
        Outcome::Aborted(AbortReason::Home { .. }) => "home",
        Outcome::Aborted(AbortReason::Decider { .. }) => "decider",
        Outcome::Aborted(AbortReason::Deadline) => "deadline",
        Outcome::Aborted(AbortReason::Refused { .. }) => "refused",
    }
}
