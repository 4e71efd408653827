//! Users of a simulated world: they pay, spend the same money twice, repeat themselves, and send
//! rubbish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::{Arguments, Calls, Content, Draft, Procedure, Secret, Terms};
use model::shard::Seat;
use model::transaction::authorization_bytes;
use model::{
    Mode, NetworkId, Object, ObjectId, Outcome, SecretKey, Time, Transaction, TransactionId,
    encoding,
};
use system_contracts::cscoin::{self, Account, CSC, Merge, Payment, Transfer};

use super::notary::Notary;
use super::random::Random;
use super::setting::{DAWN, SHARD, Setting, USERS, user_key};
use crate::invariants::liveness::Expected;

/// How long a transaction is valid, in milliseconds: less than the window of the ledger by more than
/// clocks differ.
const VALID_MS: u64 = 50_000;

/// How long a transaction must still be valid to be expected to be decided, in milliseconds.
const AMPLE_MS: u64 = 35_000;

/// A transaction that somebody made.
struct Made {
    bytes: Arc<[u8]>,
    inputs: Vec<ObjectId>,
    outputs: Vec<Object>,
    expected: Expected,
    /// The last moment of virtual time at which it is valid, if clocks are right.
    until: Time,
}

/// All users.
pub(super) struct Clients {
    network: NetworkId,
    notary: Notary,
    seats: Vec<Seat>,
    random: Random,
    keys: Vec<SecretKey>,
    /// Accounts that may be spent, as far as the users know.
    free: BTreeMap<ObjectId, Object>,
    /// Accounts that were spent.
    spent: Vec<Object>,
    /// Transactions that are not decided.
    open: BTreeMap<TransactionId, Made>,
    /// Every transaction, in the order in which they were made.
    all: Vec<Arc<[u8]>>,
    /// Transactions of which one of two commits.
    contending: Vec<(TransactionId, Expected)>,
    groups: u64,
}

/// Something that a user submits, and to whom.
pub(super) type Submission = (Seat, Arc<[u8]>);

impl Clients {
    pub(super) fn new(setting: &Setting, random: Random) -> Self {
        let accounts = setting.genesis.objects_of(SHARD);
        Self {
            network: setting.scope().network,
            notary: setting.notary.clone(),
            seats: setting.seats().collect(),
            random,
            keys: (0..USERS).map(user_key).collect(),
            free: accounts
                .into_iter()
                .map(|(id, object)| (id, Arc::unwrap_or_clone(object)))
                .collect(),
            spent: Vec::new(),
            open: BTreeMap::new(),
            all: Vec::new(),
            contending: Vec::new(),
            groups: 0,
        }
    }

    /// Users do something.
    pub(super) fn act(&mut self, now: Time) -> Vec<Submission> {
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
        let hopeless: BTreeSet<Expected> = self
            .open
            .values()
            .filter(|made| late(made))
            .map(|made| made.expected)
            .collect();
        let groups = self.contending.iter().copied();
        let mut expected: Vec<_> = groups.filter(|(_, one)| !hopeless.contains(one)).collect();
        let mut all = Vec::new();
        for (id, made) in &self.open {
            if !late(made) {
                expected.push((*id, made.expected));
            }
            all.push(Arc::clone(&made.bytes));
        }
        // To f + 1 nodes at least, of which one is honest. Paper: Section IV-C.
        let copies = self.seats.len().div_ceil(3);
        let submissions = all.into_iter().flat_map(|bytes| self.to(bytes, copies));
        (submissions.collect(), expected)
    }

    /// A transaction was decided.
    pub(super) fn learn(&mut self, id: &TransactionId, outcome: Outcome) {
        let Some(made) = self.open.remove(id) else {
            return;
        };
        if outcome != Outcome::Committed {
            return;
        }
        for input in &made.inputs {
            self.spent.extend(self.free.remove(input));
        }
        for output in made.outputs {
            self.free.insert(output.id(), output);
        }
    }

    /// Pays somebody out of some accounts that nobody is spending.
    fn pay(&mut self, now: Time, accounts: usize, valid_ms: u64) -> Vec<Submission> {
        let Some(inputs) = self.idle(accounts) else {
            return Vec::new();
        };
        let payment = self.payment();
        let terms = self.terms(now, valid_ms);
        let bytes = self.make(&Transfer, inputs, vec![payment], terms, Expected::Committed);
        let copies = 1 + self.random.index(2);
        bytes.map_or_else(Vec::new, |bytes| self.to(bytes, copies))
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
        let terms = self.terms(now, VALID_MS);
        let bytes = self.make(&Merge, inputs, (), terms, Expected::Committed);
        bytes.map_or_else(Vec::new, |bytes| self.to(bytes, 1))
    }

    /// Spends one account twice, at different nodes.
    fn spend_twice(&mut self, now: Time) -> Vec<Submission> {
        let Some(inputs) = self.idle(1) else {
            return Vec::new();
        };
        self.groups += 1;
        let expected = Expected::OneOf(self.groups);
        let mut submissions = Vec::new();
        for _ in 0..2 {
            let payment = self.payment();
            let terms = self.terms(now, VALID_MS);
            let bytes = self.make(&Transfer, inputs.clone(), vec![payment], terms, expected);
            submissions.extend(bytes.map_or_else(Vec::new, |bytes| self.to(bytes, 1)));
        }
        submissions
    }

    /// Spends what is spent already: that is decided, and aborts.
    fn spend_the_spent(&mut self, now: Time) -> Vec<Submission> {
        if self.spent.is_empty() {
            return Vec::new();
        }
        let inputs = vec![self.random.pick(&self.spent).clone()];
        let payment = self.payment();
        let terms = self.terms(now, VALID_MS);
        let bytes = self.make(&Transfer, inputs, vec![payment], terms, Expected::Decided);
        bytes.map_or_else(Vec::new, |bytes| self.to(bytes, 1))
    }

    /// Submits again what was submitted before, decided or not.
    fn repeat(&mut self) -> Vec<Submission> {
        if self.all.is_empty() {
            return Vec::new();
        }
        let bytes = Arc::clone(self.random.pick(&self.all));
        self.to(bytes, 2)
    }

    /// Spends somebody else's money: signed by the wrong user, or with the wrong signature.
    fn forge(&mut self, now: Time) -> Vec<Submission> {
        let Some(inputs) = self.idle(1) else {
            return Vec::new();
        };
        let thief = self.random.index(self.keys.len());
        let thief = &self.keys[thief];
        if owner(&inputs[0]) == thief.public() {
            return Vec::new();
        }
        let payment = Payment {
            payee: thief.public(),
            amount: CSC,
        };
        let draft = {
            let nonce = self.random.bytes();
            let terms = terms(nonce, now, VALID_MS);
            draft(self.network, &Transfer, inputs, vec![payment], terms)
                .map(|draft| draft.sign(thief))
        };
        let Some(formed) = draft.and_then(|draft| draft.finish().ok()) else {
            return Vec::new();
        };
        let mut transaction = formed.transaction().clone();
        if self.random.chance(500) {
            for authorization in &mut transaction.authorizations {
                authorization.key = owner(&transaction.openings[0]);
            }
        }
        let bytes = encode(&transaction);
        self.to(bytes, 1)
    }

    /// Submits what is no transaction, or one with a byte changed.
    fn send_rubbish(&mut self) -> Vec<Submission> {
        let mut bytes = match self.all.last() {
            Some(bytes) if self.random.chance(700) => bytes.to_vec(),
            Some(_) | None => self.random.bytes::<64>().to_vec(),
        };
        let at = self.random.index(bytes.len());
        bytes[at] ^= 1 << self.random.below(8);
        self.to(bytes.into(), 1)
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

    fn terms(&mut self, now: Time, valid_ms: u64) -> Terms {
        terms(self.random.bytes(), now, valid_ms)
    }

    /// Makes a transaction of one call, signed by all owners of its inputs. `None` if the procedure
    /// refuses, such as for too little money.
    fn make<P: Procedure<SecretParameters = ()>>(
        &mut self,
        procedure: &P,
        inputs: Vec<Object>,
        parameters: P::LocalParameters,
        terms: Terms,
        expected: Expected,
    ) -> Option<Arc<[u8]>> {
        let owners: BTreeSet<_> = inputs.iter().map(owner).collect();
        let ids = inputs.iter().map(Object::id).collect();
        let mut draft = draft(self.network, procedure, inputs, parameters, terms)?;
        for key in self
            .keys
            .iter()
            .filter(|key| owners.contains(&key.public()))
        {
            draft = draft.sign(key);
        }
        let formed = draft.finish().ok()?;
        let transaction = formed.transaction();
        let signed = authorization_bytes(&formed.id());
        for authorization in &transaction.authorizations {
            self.notary
                .vouch(authorization.key, &signed, authorization.signature);
        }
        let traces = &transaction.body.traces;
        let outputs = traces
            .iter()
            .flat_map(|trace| trace.objects(trace.id(&self.network)))
            .collect();
        let bytes = encode(transaction);
        self.all.push(Arc::clone(&bytes));
        let made = Made {
            bytes: Arc::clone(&bytes),
            inputs: ids,
            outputs,
            expected,
            until: Time::from_ms(terms.valid_until.since_ms(DAWN)),
        };
        self.open.insert(formed.id(), made);
        if matches!(expected, Expected::OneOf(_)) {
            self.contending.push((formed.id(), expected));
        }
        Some(bytes)
    }

    /// Submits bytes to so many nodes, or all.
    fn to(&mut self, bytes: Arc<[u8]>, copies: usize) -> Vec<Submission> {
        let mut seats = self.seats.clone();
        self.random.shuffle(&mut seats);
        seats
            .into_iter()
            .take(copies)
            .map(|seat| (seat, Arc::clone(&bytes)))
            .collect()
    }
}

const fn terms(nonce: [u8; 16], now: Time, valid_ms: u64) -> Terms {
    Terms {
        nonce,
        valid_until: DAWN.plus_ms(now.as_ms()).plus_ms(valid_ms),
        mode: Mode::AllVotes,
    }
}

fn draft<P: Procedure<SecretParameters = ()>>(
    network: NetworkId,
    procedure: &P,
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
    terms: Terms,
) -> Option<Draft> {
    let arguments = Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(network);
    calls.call(procedure, arguments).ok()?;
    Some(calls.draft(terms))
}

fn encode(transaction: &Transaction) -> Arc<[u8]> {
    encoding::encode(transaction).into()
}

fn owner(account: &Object) -> model::PublicKey {
    Account::read(cscoin::id(), account)
        .expect("all objects of a simulated world are accounts")
        .owner
}
