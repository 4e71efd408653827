//! The shard: four members with known keys, a few accounts, and the transactions that people may send.

use std::sync::{Arc, LazyLock};

use consensus::bft::Pace;
use consensus::replica::Setup;
use consensus::{Ledger, Replica, Shards};
use contracts::{Arguments, Calls, Secret};
use model::genesis::GenesisShard;
use model::shard::Seat;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{
    Committee, Genesis, Mode, NodeDescriptor, NodeId, Object, PublicKey, SecretKey, ShardId,
    Signature, Statement, Time, Transaction,
};
use system_contracts::cscoin::{CSC, Payment, Transfer};

use super::notary::{Notary, Scribe};

/// Members: `3f + 1` for one liar.
pub const MEMBERS: usize = 4;

/// When the network was made; the clocks of all members begin here.
pub const CREATED: Time = Time::from_ms(1_000_000);

const SHARD: ShardId = ShardId::new(0);

/// Accounts of the payer.
const ACCOUNTS: usize = 4;

/// The key of a person. Person 1 pays.
fn person(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// The key of a member.
fn member_key(index: usize) -> SecretKey {
    let number = u8::try_from(index).expect("a member of four");
    SecretKey::from_seed([100 + number; 32])
}

/// The seat of a member.
#[must_use]
pub fn seat(index: usize) -> Seat {
    Seat::new(index).expect("a member of four")
}

/// The shard, as everybody in it knows it.
pub struct World {
    /// What it starts with.
    pub genesis: Genesis,
    /// Its members.
    pub committee: Committee,
    /// What people may send: payments, second payments out of the same accounts, a payment out of
    /// what the first one makes, and such that are never decided or never committed.
    pub transactions: Vec<Transaction>,
    keys: Vec<PublicKey>,
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    /// The world. There is only one: it never changes.
    #[must_use]
    pub fn get() -> &'static Self {
        &WORLD
    }

    fn new() -> Self {
        let member = |index: usize| NodeDescriptor {
            name: format!("node-{index}"),
            node: NodeId::new(member_key(index).public()),
            addresses: Vec::new(),
        };
        let shard = GenesisShard {
            shard: SHARD,
            members: (0..MEMBERS).map(member).collect(),
        };
        let account = (person(1).public(), SHARD, 10 * CSC);
        let accounts = [account; ACCOUNTS];
        let genesis = system_contracts::genesis::genesis("fuzz", CREATED, vec![shard], &accounts);
        let committee = genesis.committee(SHARD).expect("the shard is there");
        Self {
            committee: committee.expect("four members can form a shard"),
            transactions: transactions(&genesis),
            genesis,
            keys: (0..MEMBERS)
                .map(|index| member_key(index).public())
                .collect(),
        }
    }

    /// The transaction with this number, whose signatures are known to be good.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn authorized(&self, number: usize) -> Authorized {
        let checked = self.transactions[number]
            .clone()
            .check_form(&self.scope().network);
        let authorized = checked.and_then(|transaction| transaction.verify(&mut Notary));
        authorized.expect("people sign what they send")
    }

    /// What every signature of a member is bound to.
    #[must_use]
    pub fn scope(&self) -> Scope {
        *self.committee.scope()
    }

    /// Its shards, as a member knows them.
    #[must_use]
    pub fn shards(&self) -> Shards {
        Shards::alone(&self.committee)
    }

    /// The state before the first block.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::genesis(&self.genesis, SHARD)
    }

    /// The replica of a member above a ledger, before anything is restored.
    #[must_use]
    pub fn replica(&self, index: usize, ledger: Ledger) -> Replica {
        let setup = Setup {
            shards: self.shards(),
            seat: seat(index),
            signer: Box::new(Scribe(index)),
            check: Box::new(Notary),
            checkers: Arc::new(system_contracts::checkers()),
            pace: Pace::default(),
        };
        Replica::new(setup, ledger)
    }

    /// The public key of a member.
    pub(crate) fn member_key(&self, index: usize) -> PublicKey {
        self.keys[index]
    }

    /// Whether a key is that of a member.
    pub(crate) fn is_member(&self, key: &PublicKey) -> bool {
        self.keys.contains(key)
    }

    /// A member's signature over a statement.
    #[must_use]
    pub fn sign(&self, index: usize, statement: &Statement) -> Signature {
        Notary::sign(index, &statement.signing_bytes(&self.scope()))
    }
}

/// See [`World::transactions`].
fn transactions(genesis: &Genesis) -> Vec<Transaction> {
    let mut accounts: Vec<Object> = genesis
        .objects_of(SHARD)
        .into_values()
        .map(Arc::unwrap_or_clone)
        .collect();
    accounts.sort_by_key(|account| account.index);
    let (soon, usual, late) = (
        CREATED.plus_ms(700),
        CREATED.plus_ms(30_000),
        CREATED.plus_ms(90_000),
    );
    let pay = |account: &Object, to: u8, signer: u8, valid_until: Time| {
        payment(genesis, account, to, signer, valid_until, Mode::AllVotes)
    };
    let mut made: Vec<Transaction> = accounts
        .iter()
        .map(|account| pay(account, 2, 1, usual))
        .collect();
    made.extend(accounts.iter().map(|account| pay(account, 3, 1, usual)));
    let trace = &made[0].body.traces[0];
    let change = trace
        .objects(trace.id(&genesis.network()))
        .last()
        .expect("a payment has change");
    let elsewhere = Mode::Decider(ShardId::new(1));
    made.extend([
        pay(&change, 2, 1, usual),
        pay(&accounts[0], 4, 1, soon),
        pay(&accounts[1], 4, 1, CREATED),
        pay(&accounts[2], 4, 1, late),
        pay(&accounts[3], 4, 2, usual),
        payment(genesis, &accounts[3], 5, 1, usual, elsewhere),
    ]);
    made
}

/// Pays one CSC out of an account of person 1.
fn payment(
    genesis: &Genesis,
    account: &Object,
    to: u8,
    signer: u8,
    valid_until: Time,
    mode: Mode,
) -> Transaction {
    let mut calls = Calls::new(genesis.network());
    let arguments = Arguments {
        inputs: vec![account.clone()],
        references: Vec::new(),
        local_parameters: vec![Payment {
            payee: person(to).public(),
            amount: CSC,
        }],
        secret_parameters: Secret::NONE,
    };
    calls
        .call(&Transfer::NEAR, arguments)
        .expect("the account holds enough");
    let terms = contracts::Terms {
        nonce: [to; 16],
        valid_until,
        mode,
    };
    let draft = calls.draft(terms).sign(&person(signer));
    draft
        .finish()
        .expect("a payment is well-formed")
        .transaction()
        .clone()
}
