//! What the procedures of CSCoin make, and why they refuse.

use contracts::{Called, Calls};
use model::key::WeakKey;
use model::{Object, ShardId};
use system_contracts::cscoin::{
    self, CSC, CannotRun, Flows, Merge, Payment, SupplyOverflow, Transfer,
};

use crate::ticket::{self, Booth};
use crate::world::{NETWORK, NO_POINT, WEAK, account, arguments, held_by, key, object, pay, read};

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;

fn transfer(inputs: &[Object], payments: &[Payment]) -> Result<Called<Transfer>, CannotRun> {
    Calls::new(NETWORK).call(
        &Transfer::NEAR,
        arguments(inputs.to_vec(), payments.to_vec()),
    )
}

fn merge(inputs: &[Object]) -> Result<Called<Merge>, CannotRun> {
    Calls::new(NETWORK).call(&Merge, arguments(inputs.to_vec(), ()))
}

#[test]
fn a_transfer_pays_in_order_and_returns_the_change_to_the_first_payer() {
    let inputs = [account(0, ALICE, 8 * CSC), account(1, BOB, CSC)];
    let called = transfer(&inputs, &[pay(CAROL, 5 * CSC), pay(BOB, 2 * CSC)]).expect("enough");
    assert_eq!(
        read(&called.outputs),
        [
            held_by(key(CAROL), 5 * CSC),
            held_by(key(BOB), 2 * CSC),
            held_by(key(ALICE), 2 * CSC),
        ]
    );
    let flows = called.local_returns;
    assert_eq!(flows.debit(&key(ALICE)), 6 * CSC);
    assert_eq!(flows.credit(&key(ALICE)), 0);
    assert_eq!(flows.credit(&key(BOB)), CSC);
    assert_eq!(flows.credit(&key(CAROL)), 5 * CSC);
    assert_eq!((flows.debits.len(), flows.credits.len()), (1, 2));
}

#[test]
fn a_transfer_of_everything_leaves_no_change() {
    let called = transfer(&[account(0, ALICE, 8)], &[pay(BOB, 8)]).expect("enough");
    assert_eq!(read(&called.outputs), [held_by(key(BOB), 8)]);
}

#[test]
fn a_payer_who_is_the_payee_splits_an_account() {
    let called = transfer(&[account(0, ALICE, 8)], &[pay(ALICE, 3)]).expect("enough");
    assert_eq!(
        read(&called.outputs),
        [held_by(key(ALICE), 3), held_by(key(ALICE), 5)]
    );
    assert_eq!(called.local_returns, Flows::default());
}

#[test]
fn outputs_live_where_the_first_input_lives() {
    let alice = held_by(key(ALICE), 5);
    let inputs = [
        object(cscoin::id(), 0, 4, &alice),
        object(cscoin::id(), 1, 2, &alice),
    ];
    let homes =
        |outputs: &[Object]| -> Vec<ShardId> { outputs.iter().map(|object| object.home).collect() };
    let transferred = transfer(&inputs, &[pay(BOB, 1)]).expect("enough");
    assert_eq!(homes(&transferred.outputs), [ShardId::new(4); 2]);
    let merged = merge(&inputs).expect("of one owner");
    assert_eq!(homes(&merged.outputs), [ShardId::new(4)]);
}

#[test]
fn a_merge_joins_all_that_it_is_given() {
    let inputs = [
        account(0, ALICE, 1),
        account(1, ALICE, 2),
        account(2, ALICE, 4),
    ];
    let called = merge(&inputs).expect("of one owner");
    assert_eq!(read(&called.outputs), [held_by(key(ALICE), 7)]);
}

#[test]
fn a_transfer_refuses_what_the_checker_would_refuse() {
    #[track_caller]
    fn check(inputs: &[Object], payments: &[Payment], expected: CannotRun) {
        assert_eq!(transfer(inputs, payments).err(), Some(expected));
    }
    let eight = account(0, ALICE, 8);
    let alone = [eight.clone()];
    check(&alone, &[], CannotRun::NothingToSend);
    check(
        &alone,
        &[pay(BOB, 5), pay(BOB, 0)],
        CannotRun::NothingToSend,
    );
    check(
        &alone,
        &[pay(BOB, 5), pay(CAROL, 4)],
        CannotRun::InsufficientFunds {
            available: 8,
            needed: 9,
        },
    );
    check(
        &[],
        &[pay(BOB, 5)],
        CannotRun::InsufficientFunds {
            available: 0,
            needed: 5,
        },
    );
    check(
        &[eight.clone(), account(1, ALICE, 1), eight.clone()],
        &[pay(BOB, 9)],
        CannotRun::Repeated(eight.id()),
    );
    check(
        &[eight.clone(), account(1, ALICE, u64::MAX)],
        &[pay(BOB, 5)],
        CannotRun::Overflow(SupplyOverflow),
    );
    check(
        &alone,
        &[pay(BOB, u64::MAX), pay(BOB, 2)],
        CannotRun::Overflow(SupplyOverflow),
    );
    for (owner, reason) in [(WEAK, WeakKey::SmallOrder), (NO_POINT, WeakKey::NotAPoint)] {
        let payment = Payment {
            payee: owner,
            amount: 5,
        };
        check(&alone, &[payment], CannotRun::WeakOwner { owner, reason });
    }
    let booth = object(ticket::id(), 0, 0, &Booth::example(key(BOB)));
    let id = booth.id();
    check(&[eight, booth], &[pay(BOB, 5)], CannotRun::NotAnAccount(id));
}

#[test]
fn a_merge_refuses_what_the_checker_would_refuse() {
    #[track_caller]
    fn check(inputs: &[Object], expected: CannotRun) {
        assert_eq!(merge(inputs).err(), Some(expected));
    }
    let eight = account(0, ALICE, 8);
    let alone = [eight.clone()];
    let of_bob = account(1, BOB, 1);
    check(&[], CannotRun::NothingToMerge);
    check(&alone, CannotRun::NothingToMerge);
    check(
        &[eight.clone(), eight.clone()],
        CannotRun::Repeated(eight.id()),
    );
    check(
        &[eight.clone(), of_bob.clone()],
        CannotRun::OtherOwner {
            account: of_bob.id(),
            owner: key(BOB),
        },
    );
    check(
        &[eight.clone(), account(1, ALICE, u64::MAX - 7)],
        CannotRun::Overflow(SupplyOverflow),
    );
    let mut unreadable = account(1, ALICE, 1);
    unreadable.content = [0xff].into();
    check(
        &[eight, unreadable.clone()],
        CannotRun::NotAnAccount(unreadable.id()),
    );
}
