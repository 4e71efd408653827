//! Calls become traces, traces a transaction, and no secret is in it.

use contracts::{Arguments, Calls, Content, Procedure, Secret, Terms};
use model::transaction::Malformed;
use model::{Mode, Object, ObjectId, PublicKey, ShardId, Time, bounds, encoding};

use crate::counter::{self, Counter, Raise, TooHigh};
use crate::vault::{self, Reseal, Vault};
use crate::world::{NETWORK, TERMS, arguments, first_object, judge, key};

const SECRET: [u8; 32] = *b"a secret that opens one vault...";

fn counter(index: u32, home: u32) -> Object {
    first_object(counter::id(), index, home, &Counter(0))
}

fn sealed(index: u32, home: u32) -> Object {
    first_object(vault::id(), index, home, &Vault::sealed_with(&[0; 32]))
}

fn reseal(vault: Object) -> Arguments<Reseal> {
    Arguments {
        inputs: vec![vault],
        references: Vec::new(),
        local_parameters: (),
        secret_parameters: Secret::new(SECRET),
    }
}

fn ids(objects: &[Object]) -> Vec<ObjectId> {
    objects.iter().map(Object::id).collect()
}

#[test]
fn what_a_procedure_calls_becomes_its_dependencies() {
    let (counter, vault) = (counter(0, 0), sealed(1, 0));
    let mut calls = Calls::new(NETWORK);
    let counter_id = counter.id();
    let called = calls
        .call(&Reseal { counter }, reseal(vault.clone()))
        .expect("the counter is not too high");
    assert_eq!(called.local_returns, 1);

    let draft = calls.draft(TERMS);
    let [trace] = &*draft.body().traces else {
        panic!("one call is one trace");
    };
    assert_eq!(trace.procedure, Reseal::NAME);
    assert_eq!(trace.inputs, [vault.id()]);
    let [dependency] = &*trace.dependencies else {
        panic!("the procedure made one call");
    };
    assert_eq!(dependency.procedure, Raise::NAME);
    assert_eq!(dependency.inputs, [counter_id]);

    let effects = judge(draft.finish().expect("well-formed")).expect("valid");
    assert!(effects.created.contains_key(&called.outputs[0].id()));
    assert_eq!(effects.consumed.len(), 2);
}

#[test]
fn a_later_call_may_use_what_an_earlier_one_created() {
    let mut calls = Calls::new(NETWORK);
    let first = calls
        .call(&Raise, arguments(vec![counter(0, 0)], 2))
        .expect("low");
    let second = calls
        .call(&Raise, arguments(first.outputs, 3))
        .expect("low");
    assert_eq!(second.local_returns, 5);

    let well_formed = calls.draft(TERMS).finish().expect("well-formed");
    let openings = &well_formed.transaction().openings;
    assert_eq!(ids(openings), [counter(0, 0).id()], "only what is free");
    let effects = judge(well_formed).expect("valid");
    let created: Vec<_> = effects.created.keys().copied().collect();
    assert_eq!(created, ids(&second.outputs));
}

#[test]
fn openings_ascend_and_participants_are_the_shards_concerned() {
    let mut calls = Calls::new(NETWORK);
    for index in 0..8 {
        let counter = counter(index, 8 - index);
        calls
            .call(&Raise, arguments(vec![counter], 1))
            .expect("low");
    }
    let mode = Mode::Decider(ShardId::new(20));
    let well_formed = calls
        .draft(Terms { mode, ..TERMS })
        .finish()
        .expect("well-formed");
    let transaction = well_formed.transaction();
    assert!(ids(&transaction.openings).is_sorted());
    assert_eq!(transaction.openings.len(), 8);
    let expected: Vec<ShardId> = (1..=8).chain([20]).map(ShardId::new).collect();
    assert_eq!(transaction.body.participants, expected);
}

#[test]
fn a_reference_is_opened_and_not_consumed() {
    let mut calls = Calls::new(NETWORK);
    let read = counter(1, 3);
    calls
        .call(
            &Raise,
            Arguments {
                references: vec![read.clone()],
                ..arguments(vec![counter(0, 0)], 1)
            },
        )
        .expect("low");
    let well_formed = calls.draft(TERMS).finish().expect("well-formed");
    assert!(well_formed.transaction().openings.contains(&read));
    let effects = judge(well_formed).expect("valid");
    assert!(!effects.consumed.contains(&read.id()));
}

#[test]
fn a_call_that_fails_leaves_nothing_behind() {
    let highest = first_object(counter::id(), 0, 0, &Counter(u64::MAX));
    let mut calls = Calls::new(NETWORK);
    let failed = calls.call(&Raise, arguments(vec![highest.clone()], 1));
    assert_eq!(failed.err(), Some(TooHigh));
    let failed = calls.call(&Reseal { counter: highest }, reseal(sealed(1, 0)));
    assert_eq!(failed.err(), Some(TooHigh));

    let draft = calls.draft(TERMS);
    assert!(draft.body().traces.is_empty());
    assert_eq!(draft.finish().err(), Some(Malformed::Empty));
}

#[test]
fn authorizations_ascend_in_whatever_order_keys_sign() {
    let draft = || {
        let mut calls = Calls::new(NETWORK);
        calls
            .call(&Raise, arguments(vec![counter(0, 0)], 1))
            .expect("low");
        calls.draft(TERMS)
    };
    let sign = |order: &[u8]| {
        order
            .iter()
            .fold(draft(), |draft, seed| draft.sign(&key(*seed)))
            .finish()
            .expect("well-formed")
    };
    let signed = sign(&[1, 2, 3, 4, 5]);
    assert_eq!(signed, sign(&[5, 3, 1, 2, 4]));
    assert_eq!(signed, sign(&[1, 2, 3, 4, 5, 1, 5]), "once for each key");

    let authorizations = &signed.transaction().authorizations;
    let keys: Vec<PublicKey> = authorizations.iter().map(|a| a.key).collect();
    assert!(keys.is_sorted());
    assert_eq!(keys.len(), 5);
    assert_eq!(signed.id(), draft().id(), "signatures are beside the body");
    judge(signed).expect("valid");
}

#[test]
fn one_signature_too_many_is_malformed() {
    let mut calls = Calls::new(NETWORK);
    calls
        .call(&Raise, arguments(vec![counter(0, 0)], 1))
        .expect("low");
    let draft = (0..=bounds::AUTHORIZATIONS_MAX).fold(calls.draft(TERMS), |draft, seed| {
        let seed = u8::try_from(seed).expect("few");
        draft.sign(&key(seed))
    });
    assert_eq!(
        draft.finish().err(),
        Some(Malformed::TooMuch {
            what: "authorizations",
            limit: bounds::AUTHORIZATIONS_MAX,
            found: bounds::AUTHORIZATIONS_MAX + 1,
        })
    );
}

#[test]
fn each_term_makes_another_transaction() {
    let id = |terms: Terms| {
        let mut calls = Calls::new(NETWORK);
        calls
            .call(&Raise, arguments(vec![counter(0, 0)], 1))
            .expect("low");
        calls.draft(terms).id()
    };
    let nonce = [2; 16];
    let valid_until = Time::from_ms(1_001);
    let mode = Mode::Decider(ShardId::new(0));
    assert_eq!(id(TERMS), id(TERMS));
    assert_ne!(id(TERMS), id(Terms { nonce, ..TERMS }));
    assert_ne!(
        id(TERMS),
        id(Terms {
            valid_until,
            ..TERMS
        })
    );
    assert_ne!(id(TERMS), id(Terms { mode, ..TERMS }));
}

#[test]
fn secrets_come_back_to_the_user_and_are_not_in_the_transaction() {
    let mut calls = Calls::new(NETWORK);
    let counter = counter(0, 0);
    let called = calls
        .call(&Reseal { counter }, reseal(sealed(1, 0)))
        .expect("low");
    let opened = called.secret_returns.into_exposed();
    assert_eq!(
        Vault::sealed_with(&opened),
        Vault::read(vault::id(), &called.outputs[0]).expect("a vault"),
        "the user can open the new seal"
    );
    let well_formed = calls.draft(TERMS).finish().expect("well-formed");
    let bytes = encoding::encode(well_formed.transaction());
    assert!(!bytes.windows(8).any(|bytes| bytes == &SECRET[..8]));
}
