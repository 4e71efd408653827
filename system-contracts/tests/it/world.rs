//! What the tests of this crate share: a network, people with accounts, and the judgement of
//! Figure 2.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::{Arguments, Content, Procedure, Secret, Terms};
use model::{
    ContractId, Mode, NetworkId, Object, ObjectId, ObjectType, PublicKey, SecretKey, ShardId, Time,
    TraceId,
};
use proptest::test_runner::{Config, RngSeed};
use system_contracts::cscoin::{self, Account, Payment};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

pub(crate) const TERMS: Terms = Terms {
    nonce: [1; 16],
    valid_until: Time::from_ms(1_000),
    mode: Mode::AllVotes,
};

/// A key of order 1: everybody can sign for it.
pub(crate) const WEAK: PublicKey = PublicKey::from_bytes({
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
});

/// Bytes that are not a point: nobody can sign for it.
pub(crate) const NO_POINT: PublicKey = PublicKey::from_bytes({
    let mut bytes = [0; 32];
    bytes[0] = 2;
    bytes
});

pub(crate) fn secret(person: u8) -> SecretKey {
    SecretKey::from_seed([person; 32])
}

pub(crate) fn key(person: u8) -> PublicKey {
    secret(person).public()
}

pub(crate) const fn held_by(owner: PublicKey, balance: u64) -> Account {
    Account { owner, balance }
}

pub(crate) fn pay(person: u8, amount: u64) -> Payment {
    Payment {
        payee: key(person),
        amount,
    }
}

/// An object number `index` of nobody's making, in the shard `home`.
pub(crate) fn object<T: Content>(
    contract: ContractId,
    index: u32,
    home: u32,
    content: &T,
) -> Object {
    let home = ShardId::new(home);
    Object {
        trace: TraceId::from_bytes([0; 32]),
        index,
        object_type: ObjectType {
            contract,
            name: T::TYPE.to_owned(),
        },
        home,
        content: content.output(home).content,
    }
}

/// An account of `person`, in shard 0.
pub(crate) fn account(index: u32, person: u8, balance: u64) -> Object {
    object(cscoin::id(), index, 0, &held_by(key(person), balance))
}

/// What accounts hold.
pub(crate) fn read(accounts: &[Object]) -> Vec<Account> {
    accounts
        .iter()
        .map(|object| Account::read(cscoin::id(), object).expect("an account"))
        .collect()
}

/// Arguments without references and secrets.
pub(crate) fn arguments<P: Procedure<SecretParameters = ()>>(
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
) -> Arguments<P> {
    Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    }
}

/// alpha: the set in which just these objects are active.
pub(crate) fn active<'a>(
    objects: impl IntoIterator<Item = &'a Object>,
) -> BTreeMap<ObjectId, Arc<Object>> {
    objects
        .into_iter()
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect()
}

/// So many cases of a property, the same ones in every run.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..Config::default()
    }
}
