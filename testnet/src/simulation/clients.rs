//! Users of a simulated world: they pay, spend the same money twice, repeat themselves, and send
//! rubbish.

mod making;
mod mischief;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::Content;
use model::{NetworkId, Object, ObjectId, Outcome, SecretKey, ShardId, Time, TransactionId};
use system_contracts::cscoin::{self, Account, CSC, Merge, Payment};

use super::lure::is_lure;
use super::notary::Notary;
use super::options::Modes;
use super::random::Random;
use super::setting::{Place, Setting, USERS, user_key};
use super::trust::Trust;
use crate::invariants::liveness::Expected;

/// How long a transaction is valid, in milliseconds: less than the window of the ledger by more than
/// clocks differ.
const VALID_MS: u64 = 50_000;

/// How long a transaction must still be valid to be expected to be decided, in milliseconds.
const AMPLE_MS: u64 = 35_000;

/// By how much a clock may show less than another one, in milliseconds: so much longer after its
/// deadline a transaction may still be begun.
const CLOCKS_MS: u64 = 10_000;

/// The encoding of a transaction, and the shards whose members it is submitted to.
#[derive(Clone)]
struct Letter {
    bytes: Arc<[u8]>,
    shards: Vec<ShardId>,
}

/// A transaction that somebody made.
struct Made {
    letter: Letter,
    /// Whether it concerns one shard alone.
    alone: bool,
    inputs: Vec<ObjectId>,
    outputs: Vec<Object>,
    expected: Expected,
    /// Whether honest shards may come to different ends of it.
    bribed: bool,
    /// The last moment of virtual time at which it is valid, if clocks are right.
    until: Time,
}

/// All users.
pub(super) struct Clients {
    network: NetworkId,
    notary: Notary,
    /// The members of all shards, ascending.
    places: Vec<Place>,
    shards: Vec<ShardId>,
    modes: Modes,
    trust: Trust,
    random: Random,
    keys: Vec<SecretKey>,
    /// Accounts that may be spent, as far as the users know.
    free: BTreeMap<ObjectId, Object>,
    /// Accounts that were spent.
    spent: Vec<Object>,
    /// Accounts that a transaction of several shards would have spent, and the last moment at which some
    /// shard may begin that transaction anew and lock them.
    contested: BTreeMap<ObjectId, Time>,
    /// Transactions that are not decided.
    open: BTreeMap<TransactionId, Made>,
    /// Every transaction, in the order in which they were made.
    all: Vec<Letter>,
    /// Transactions of which one of two commits.
    contending: Vec<(TransactionId, Expected)>,
    /// Of which nobody knows whether one commits, because a dishonest shard takes part.
    unsure: BTreeSet<Expected>,
    /// Objects that anybody may use, and that dishonest shards have.
    lures: Vec<Object>,
    groups: u64,
}

/// Something that a user submits, and to whom.
pub(super) type Submission = (Place, Arc<[u8]>);

impl Clients {
    pub(super) fn new<'a>(
        settings: impl Iterator<Item = &'a Setting> + Clone,
        modes: Modes,
        trust: Trust,
        random: Random,
    ) -> Self {
        let first = settings.clone().next().expect("there is a shard");
        let in_shard = |setting: &Setting| {
            let shard = setting.shard();
            setting.seats().map(move |seat| Place { shard, seat })
        };
        let accounts = |setting: &Setting| setting.genesis.objects_of(setting.shard());
        let objects = settings.clone().flat_map(accounts);
        let objects = objects.map(|(id, object)| (id, Arc::unwrap_or_clone(object)));
        let (lures, free): (Vec<_>, Vec<_>) = objects.partition(|(_, object)| is_lure(object));
        Self {
            network: first.scope().network,
            notary: first.notary.clone(),
            places: settings.clone().flat_map(in_shard).collect(),
            shards: settings.clone().map(Setting::shard).collect(),
            modes,
            trust,
            random,
            keys: (0..USERS).map(user_key).collect(),
            free: free.into_iter().collect(),
            spent: Vec::new(),
            contested: BTreeMap::new(),
            open: BTreeMap::new(),
            all: Vec::new(),
            contending: Vec::new(),
            unsure: BTreeSet::new(),
            lures: lures.into_iter().map(|(_, lure)| lure).collect(),
            groups: 0,
        }
    }

    /// Users do something.
    pub(super) fn act(&mut self, now: Time) -> Vec<Submission> {
        if self.shards.len() > 1 && self.random.chance(100) {
            return self.cross(now);
        }
        match self.random.below(20) {
            0..=9 => self.pay(now, 1, VALID_MS),
            10 => self.pay(now, 2, VALID_MS),
            11 => self.merge(now),
            12 | 13 => self.spend_twice(now),
            14 => self.spend_the_spent(now),
            15 => {
                let valid_ms = self.random.within(&(200..=3_000));
                self.pay(now, 1, valid_ms)
            }
            16 | 17 => self.repeat(),
            18 => self.forge(now),
            _ => self.send_rubbish(),
        }
    }

    /// Says again everything that is not decided, so that honest nodes hear of it, and what is
    /// expected of it if there is ample time.
    pub(super) fn insist(
        &mut self,
        now: Time,
    ) -> (Vec<Submission>, Vec<(TransactionId, Expected)>) {
        let late = |made: &Made| made.until < now.plus_ms(AMPLE_MS);
        let late_ones = self.open.values().filter(|made| late(made));
        let mut hopeless = self.unsure.clone();
        hopeless.extend(late_ones.map(|made| made.expected));
        let groups = self.contending.iter().copied();
        let mut expected: Vec<_> = groups.filter(|(_, one)| !hopeless.contains(one)).collect();
        let mut all = Vec::new();
        for (id, made) in &self.open {
            if !late(made) && made.expected != Expected::Anything {
                let unsure = self.unsure.contains(&made.expected);
                let expects = if unsure {
                    Expected::Decided
                } else {
                    made.expected
                };
                expected.push((*id, expects));
            }
            all.push(made.letter.clone());
        }
        // To f + 1 nodes of each shard at least, of which one is honest. Paper: Section IV-C.
        let copies = (self.places.len() / self.shards.len()).div_ceil(3);
        let submissions = all.iter().flat_map(|letter| self.to(letter, copies));
        (submissions.collect(), expected)
    }

    /// A transaction has aborted somewhere, or has committed in all shards that it concerns.
    pub(super) fn learn(&mut self, id: &TransactionId, outcome: Outcome, now: Time) {
        let Some(made) = self.open.remove(id) else {
            return;
        };
        self.contested.retain(|_, until| *until >= now);
        if made.bribed {
            // What one shard says of these, another one may deny.
            self.free.retain(|id, _| !made.inputs.contains(id));
            return;
        }
        if outcome != Outcome::Committed {
            if !made.alone {
                let until = made.until.plus_ms(CLOCKS_MS);
                let inputs = made.inputs.iter().map(|input| (*input, until));
                self.contested.extend(inputs);
            }
            return;
        }
        for input in &made.inputs {
            self.spent.extend(self.free.remove(input));
        }
        self.lures.retain(|lure| !made.inputs.contains(&lure.id()));
        for output in made.outputs {
            if is_lure(&output) {
                self.lures.push(output);
            } else {
                self.free.insert(output.id(), output);
            }
        }
    }

    /// Pays somebody out of some accounts that nobody is spending.
    fn pay(&mut self, now: Time, accounts: usize, valid_ms: u64) -> Vec<Submission> {
        let Some(inputs) = self.idle(accounts) else {
            return Vec::new();
        };
        let expected = self.unless_contested(&inputs, Expected::Committed, now);
        let letter = self.transfer(inputs, now, valid_ms, expected);
        let copies = 1 + self.random.index(2);
        letter.map_or_else(Vec::new, |letter| self.to(&letter, copies))
    }

    /// What is expected of a transaction that spends these, unless another one may lock them.
    fn unless_contested(&self, inputs: &[Object], expected: Expected, now: Time) -> Expected {
        let contested = inputs.iter().any(|input| {
            let until = self.contested.get(&input.id());
            until.is_some_and(|until| *until >= now)
        });
        if contested {
            Expected::Decided
        } else {
            expected
        }
    }

    /// Makes one account of two.
    fn merge(&mut self, now: Time) -> Vec<Submission> {
        let busy = self.busy();
        let mut of_owner: BTreeMap<_, Vec<Object>> = BTreeMap::new();
        for (id, object) in &self.free {
            if !busy.contains(id) {
                of_owner
                    .entry(owner(object))
                    .or_default()
                    .push(object.clone());
            }
        }
        let Some(mut inputs) = of_owner.into_values().find(|objects| objects.len() > 1) else {
            return Vec::new();
        };
        inputs.truncate(2);
        let expected = self.unless_contested(&inputs, Expected::Committed, now);
        let mode = self.mode(&inputs, None);
        let terms = self.terms(now, VALID_MS, mode);
        let letter = self.make(&Merge, inputs, (), terms, expected);
        letter.map_or_else(Vec::new, |letter| self.to(&letter, 1))
    }

    /// So many accounts that nobody is spending.
    fn idle(&mut self, count: usize) -> Option<Vec<Object>> {
        let busy = self.busy();
        let mut idle: Vec<&Object> = self
            .free
            .iter()
            .filter(|(id, _)| !busy.contains(id))
            .map(|(_, object)| object)
            .collect();
        if idle.len() < count {
            return None;
        }
        self.random.shuffle(&mut idle);
        Some(idle.into_iter().take(count).cloned().collect())
    }

    fn busy(&self) -> BTreeSet<ObjectId> {
        let inputs = self.open.values().flat_map(|made| &made.inputs);
        inputs.copied().collect()
    }

    fn payment(&mut self) -> Payment {
        let payee = self.random.index(self.keys.len());
        Payment {
            payee: self.keys[payee].public(),
            amount: self.random.within(&(1..=CSC)),
        }
    }
}

fn owner(account: &Object) -> model::PublicKey {
    Account::read(cscoin::id(), account)
        .expect("all objects of a simulated world are accounts")
        .owner
}
