//! What CSCoin costs whoever runs it, and whoever checks it.

mod payments;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use contracts::{Arguments, Calls, Content, Secret, Terms};
use criterion::{Criterion, criterion_group, criterion_main};
use model::transaction::{Authorized, WellFormed};
use model::{Mode, Object, ObjectId, ObjectType, SecretKey, TraceId, validity};
use system_contracts::cscoin::{self, Account, CSC, Merge};

use payments::{CREATED, SHARD};

/// Accounts that one merge joins.
const MERGED: u32 = 16;

/// The two rules of Figure 2 over a transaction that is valid, checker included.
fn check(criterion: &mut Criterion) {
    let genesis = payments::genesis(1);
    let payment = payments::payments(&genesis).remove(0);
    let payment = payment.check_form(&genesis.network());
    let payment = payment.expect("a payment is well-formed");
    valid(criterion, "cscoin/check/transfer", payment.trust());
    valid(criterion, "cscoin/check/merge-16", merge().trust());
}

fn valid(criterion: &mut Criterion, name: &str, transaction: Authorized) {
    let checkers = system_contracts::checkers();
    let openings = transaction.transaction().openings.iter();
    let alpha: BTreeMap<ObjectId, Arc<Object>> = openings
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| {
            let effects = validity::valid(&alpha, black_box(&transaction), &checkers);
            effects.expect("the transaction is valid")
        });
    });
}

/// Making what is checked above: the procedure, the trace, the draft and one signature.
fn make(criterion: &mut Criterion) {
    criterion.bench_function("cscoin/make/merge-16", |bencher| bencher.iter(merge));
}

/// Joins accounts of one owner.
fn merge() -> WellFormed {
    let owner = SecretKey::from_seed([1; 32]);
    let account = |index: u32| {
        let account = Account {
            owner: owner.public(),
            balance: CSC,
        };
        Object {
            trace: TraceId::from_bytes([0; 32]),
            index,
            object_type: ObjectType {
                contract: cscoin::id(),
                name: Account::TYPE.to_owned(),
            },
            home: SHARD,
            content: account.output(SHARD).content,
        }
    };
    let mut calls = Calls::new(payments::genesis(1).network());
    let arguments = Arguments {
        inputs: (0..MERGED).map(account).collect(),
        references: Vec::new(),
        local_parameters: (),
        secret_parameters: Secret::NONE,
    };
    calls
        .call(&Merge, arguments)
        .expect("the accounts have one owner");
    let draft = calls.draft(Terms {
        nonce: [0; 16],
        valid_until: CREATED,
        mode: Mode::AllVotes,
    });
    draft.sign(&owner).finish().expect("a merge is well-formed")
}

criterion_group!(benches, check, make);
criterion_main!(benches);
