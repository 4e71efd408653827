//! Accounts that go to another shard: what the procedure makes, and each rule of the checker.

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::composition::UNEXPECTED;
use contracts::content::UNREADABLE;
use contracts::{Called, Calls, Content, Contract};
use model::{Bytes, Call, Object, PublicKey, Refusal, ShardId, encoding};
use system_contracts::cscoin::{self, CannotRun, Move, refusal};

use crate::ticket::Booth;
use crate::world::{NETWORK, arguments, held_by, key, object, read};

const ALICE: u8 = 1;
const BOB: u8 = 2;
const THERE: ShardId = ShardId::new(2);

fn account(index: u32, home: u32, person: u8, balance: u64) -> Object {
    object(cscoin::id(), index, home, &held_by(key(person), balance))
}

fn run(inputs: &[Object]) -> Result<Called<Move>, CannotRun> {
    Calls::new(NETWORK).call(&Move, arguments(inputs.to_vec(), THERE))
}

/// A call to judge.
#[derive(Clone)]
struct Case {
    inputs: Vec<Object>,
    references: Vec<Object>,
    outputs: Vec<Object>,
    local_parameters: Bytes,
    local_returns: Bytes,
    dependencies: usize,
    signers: BTreeSet<PublicKey>,
}

impl Case {
    /// Accounts of two owners go from two shards to a third one.
    fn good() -> Self {
        Self {
            inputs: vec![account(0, 0, ALICE, 8), account(1, 1, BOB, 5)],
            references: Vec::new(),
            outputs: vec![account(2, 2, ALICE, 8), account(3, 2, BOB, 5)],
            local_parameters: encoding::encode(&THERE).into(),
            local_returns: encoding::encode(&()).into(),
            dependencies: 0,
            signers: [ALICE, BOB].map(key).into(),
        }
    }

    fn judge(&self) -> Result<(), Refusal> {
        let arcs = |objects: &[Object]| objects.iter().cloned().map(Arc::new).collect();
        let call = |dependencies| Call {
            network: NETWORK,
            contract: cscoin::id(),
            procedure: cscoin::MOVE,
            inputs: arcs(&self.inputs),
            references: arcs(&self.references),
            local_parameters: &self.local_parameters,
            outputs: arcs(&self.outputs),
            local_returns: &self.local_returns,
            dependencies,
            signers: &self.signers,
        };
        let dependencies = (0..self.dependencies).map(|_| call(Vec::new())).collect();
        cscoin::contract().check(&call(dependencies))
    }
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Case), expected: Refusal) {
    let mut case = Case::good();
    change(&mut case);
    assert_eq!(case.judge(), Err(expected));
}

#[test]
fn a_move_takes_accounts_to_one_shard_and_changes_nothing_else() {
    let inputs = Case::good().inputs;
    let called = run(&inputs).expect("they are elsewhere");
    assert_eq!(read(&called.outputs), read(&inputs));
    let mut outputs = called.outputs.iter();
    assert!(outputs.all(|output| output.home == THERE));
    assert_eq!(Case::good().judge(), Ok(()));
}

#[test]
fn the_procedure_says_what_cannot_be_moved() {
    let refuses = |inputs: &[Object], expected| match run(inputs) {
        Ok(_) => panic!("it should be refused: {expected:?}"),
        Err(refused) => assert_eq!(refused, expected),
    };
    refuses(&[], CannotRun::NothingToMove(THERE));
    let there = account(0, 2, ALICE, 8);
    let already = CannotRun::AlreadyThere {
        account: there.id(),
        home: THERE,
    };
    refuses(&[account(1, 0, ALICE, 8), there], already);
    let twice = account(0, 0, ALICE, 8);
    let repeated = CannotRun::Repeated(twice.id());
    refuses(&[twice.clone(), twice], repeated);
    let booth = object(cscoin::id(), 0, 0, &Booth::example(key(ALICE)));
    let none = CannotRun::NotAnAccount(booth.id());
    refuses(&[booth], none);
}

#[test]
fn every_owner_signs_a_move() {
    refused(|case| case.signers.clear(), refusal::NOT_SIGNED);
    refused(
        |case| case.signers = [key(ALICE)].into(),
        refusal::NOT_SIGNED,
    );
}

#[test]
fn a_move_ends_in_one_shard_and_begins_in_others() {
    refused(|case| case.inputs[1].home = THERE, refusal::HOME);
    refused(|case| case.outputs[1].home = ShardId::new(0), refusal::HOME);
    refused(
        |case| {
            let elsewhere = ShardId::new(3);
            case.local_parameters = encoding::encode(&elsewhere).into();
        },
        refusal::HOME,
    );
    refused(
        |case| {
            case.inputs.clear();
            case.outputs.clear();
        },
        refusal::HOME,
    );
}

#[test]
fn a_move_leaves_the_accounts_as_they_are() {
    refused(|case| case.outputs.swap(0, 1), refusal::MOVED);
    refused(
        |case| case.outputs = vec![account(2, 2, ALICE, 13)],
        refusal::MOVED,
    );
    let stolen = |case: &mut Case| case.outputs[1] = account(3, 2, ALICE, 5);
    refused(stolen, refusal::MOVED);
    refused(
        |case| case.outputs[0].content = held_by(key(ALICE), 9).output(THERE).content,
        refusal::SUM,
    );
    refused(|case| drop(case.outputs.pop()), refusal::SUM);
    let empty = |case: &mut Case| case.outputs.push(account(4, 2, ALICE, 0));
    refused(empty, refusal::ZERO);
}

#[test]
fn nothing_is_read_returned_or_called_by_a_move() {
    refused(
        |case| case.references.push(account(9, 0, BOB, 1)),
        refusal::REFERENCES,
    );
    refused(|case| case.dependencies = 1, UNEXPECTED);
    refused(|case| case.local_parameters = [].into(), UNREADABLE);
    refused(|case| case.local_returns = [0].into(), UNREADABLE);
}
