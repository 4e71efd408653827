//! What proves that a node lied, and what does not.

use model::key::Zip215;
use model::malpractice::NoMalpractice;
use model::statement::Scope;
use model::{Epoch, Malpractice, Signature, Statement};

use crate::conflicts::all_statements;
use crate::world::{NETWORK, node, secret, shard};

const LIAR: u8 = 1;

const SCOPE: Scope = Scope {
    network: NETWORK,
    shard: shard(1),
    epoch: Epoch::new(1),
};

/// A statement as `person` signs it in `scope`.
fn signed(person: u8, scope: &Scope, statement: Statement) -> (Statement, Signature) {
    let signature = secret(person).sign(&statement.signing_bytes(scope));
    (statement, signature)
}

fn record(first: (Statement, Signature), second: (Statement, Signature)) -> Malpractice {
    Malpractice {
        scope: SCOPE,
        node: node(LIAR),
        first,
        second,
    }
}

fn verify(record: &Malpractice) -> Result<(), NoMalpractice> {
    record.verify(&mut Zip215)
}

#[test]
fn two_signed_statements_prove_malpractice_exactly_if_they_conflict() {
    for first in all_statements() {
        for second in all_statements() {
            let record = record(signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
            let expected = if first.conflicts(&second) {
                Ok(())
            } else {
                Err(NoMalpractice::NoConflict)
            };
            assert_eq!(verify(&record), expected, "{first:?} and {second:?}");
        }
    }
}

/// Two statements that conflict.
fn conflict() -> (Statement, Statement) {
    let all = all_statements();
    let first = all[0];
    let second = all.into_iter().find(|second| first.conflicts(second));
    (first, second.expect("two proposals in one slot"))
}

#[test]
fn both_signatures_must_be_the_nodes() {
    let (first, second) = conflict();
    let good = (signed(LIAR, &SCOPE, first), signed(LIAR, &SCOPE, second));
    let framed = [
        record(signed(2, &SCOPE, first), good.1),
        record(good.0, signed(2, &SCOPE, second)),
        record((first, good.1.1), good.1),
        record(good.0, (second, good.0.1)),
        Malpractice {
            node: node(2),
            ..record(good.0, good.1)
        },
    ];
    assert_eq!(verify(&record(good.0, good.1)), Ok(()));
    for record in framed {
        assert_eq!(verify(&record), Err(NoMalpractice::BadSignature));
    }
}

#[test]
fn statements_of_two_scopes_prove_nothing_together() {
    let (first, second) = conflict();
    let later = Scope {
        epoch: Epoch::new(2),
        ..SCOPE
    };
    let record = record(signed(LIAR, &SCOPE, first), signed(LIAR, &later, second));
    assert_eq!(verify(&record), Err(NoMalpractice::BadSignature));
}
