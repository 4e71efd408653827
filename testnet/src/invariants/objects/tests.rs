//! That the judge of objects counts objects and money by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::Content;
use model::transaction::Authorized;
use model::{Bytes, Mode, Object, ObjectId, Outcome, Trace, Transaction, TransactionBody};
use system_contracts::cscoin::{self, Account};

use super::Objects;
use crate::invariants::What;
use crate::invariants::testing::{follow, genesis, in_time, refusal, see, state, tip};
use crate::simulation::{SHARD, Setting};

type State = BTreeMap<ObjectId, Arc<Object>>;

/// A transaction that turns one account into another one with `more` money, whatever checkers say.
fn turn(setting: &Setting, objects: &State, nonce: u8, more: u64) -> (Authorized, State) {
    let (input, object) = objects.first_key_value().unwrap();
    let mut account = Account::read(cscoin::id(), object).unwrap();
    account.balance += more;
    let network = setting.scope().network;
    let trace = Trace {
        contract: cscoin::id(),
        procedure: cscoin::TRANSFER.to_owned(),
        inputs: vec![*input],
        references: Vec::new(),
        outputs: vec![account.output(SHARD)],
        local_parameters: Bytes::from([nonce]),
        local_returns: Bytes::default(),
        dependencies: Vec::new(),
    };
    let mut after = objects.clone();
    after.remove(input);
    for output in trace.objects(trace.id(&network)) {
        after.insert(output.id(), Arc::new(output));
    }
    let body = TransactionBody {
        network,
        nonce: [nonce; 16],
        valid_until: in_time(),
        mode: Mode::AllVotes,
        participants: vec![SHARD],
        traces: vec![trace],
    };
    let transaction = Transaction {
        body,
        openings: vec![(**object).clone()],
        authorizations: Vec::new(),
    };
    (transaction.check_form(&network).unwrap().trust(), after)
}

fn begun() -> (Setting, Objects, State) {
    let setting = Setting::new(4);
    let judge = Objects::new(&setting.genesis);
    let objects = setting.ledger().objects;
    (setting, judge, objects)
}

#[test]
fn a_payment_is_in_order() {
    let (setting, mut judge, objects) = begun();
    let (payment, after) = turn(&setting, &objects, 1, 0);
    let block = follow(
        &setting,
        &genesis(&setting),
        1,
        vec![(payment, Outcome::Committed)],
    );
    see(&mut judge, 0, &What::Applied(&block)).unwrap();
    see(
        &mut judge,
        0,
        &What::Stands(&state(&setting, tip(&block), after)),
    )
    .unwrap();
    // A node that is behind is judged by where it is.
    see(
        &mut judge,
        1,
        &What::Stands(&state(&setting, genesis(&setting), objects)),
    )
    .unwrap();
}

#[test]
fn money_from_nowhere_is_seen() {
    let (setting, mut judge, objects) = begun();
    let (gift, after) = turn(&setting, &objects, 1, 5);
    let block = follow(
        &setting,
        &genesis(&setting),
        1,
        vec![(gift, Outcome::Committed)],
    );
    see(&mut judge, 0, &What::Applied(&block)).unwrap();
    let ledger = state(&setting, tip(&block), after);
    assert!(refusal(&mut judge, 0, &What::Stands(&ledger)).contains("hold"));
}

#[test]
fn an_object_that_is_consumed_twice_is_seen() {
    let (setting, mut judge, objects) = begun();
    let (one, _) = turn(&setting, &objects, 1, 0);
    let (other, _) = turn(&setting, &objects, 2, 0);
    let both = vec![(one, Outcome::Committed), (other, Outcome::Committed)];
    let block = follow(&setting, &genesis(&setting), 1, both);
    assert!(refusal(&mut judge, 0, &What::Applied(&block)).contains("consumed twice"));
}

#[test]
fn a_state_that_does_not_follow_is_seen() {
    let (setting, mut judge, mut objects) = begun();
    let tip = genesis(&setting);
    objects.pop_first();
    refusal(&mut judge, 0, &What::Stands(&state(&setting, tip, objects)));
}

#[test]
fn what_aborted_has_changed_nothing() {
    let (setting, mut judge, objects) = begun();
    let (payment, after) = turn(&setting, &objects, 1, 0);
    let reason = model::AbortReason::Invalid(model::Invalid::OutputsWithoutInputs {
        trace: model::TraceId::from_bytes([0; 32]),
    });
    let aborted = vec![(payment, Outcome::Aborted(reason))];
    let block = follow(&setting, &genesis(&setting), 1, aborted);
    see(&mut judge, 0, &What::Applied(&block)).unwrap();
    refusal(
        &mut judge,
        0,
        &What::Stands(&state(&setting, tip(&block), after)),
    );
    see(
        &mut judge,
        0,
        &What::Stands(&state(&setting, tip(&block), objects)),
    )
    .unwrap();
}
