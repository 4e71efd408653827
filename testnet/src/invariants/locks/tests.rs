//! That the judge of locks knows by itself what is to be locked.

use std::collections::BTreeSet;
use std::sync::Arc;

use consensus::Ledger;
use consensus::ledger::{Decided, Role, State};
use consensus::sbac::session::Held;
use model::statement::Height;
use model::{ObjectId, Time};

use super::Locks;
use crate::invariants::What;
use crate::invariants::testing::{Scripted, genesis, in_time, prepared, see, turn};
use crate::simulation::{DAWN, Setting};

/// The ledger of the first shard in a state.
fn ledger(setting: &Setting, height: u64, time: Time, state: State) -> Ledger {
    let mut tip = genesis(setting);
    (tip.height, tip.time) = (Height::new(height), time);
    Ledger::restore(
        *setting.scope(),
        tip,
        Arc::new(setting.genesis.policy()),
        state,
    )
}

/// What the judge says when the first shard has voted for a payment and has locked these.
fn locked(objects: impl Fn(&Setting) -> BTreeSet<ObjectId>) -> Result<(), String> {
    let [first, second] = Scripted::two();
    let payment = turn(&first.setting, 1, second.setting.shard(), 0);
    let mut state = first.setting.ledger().state;
    let held = Held {
        consumed: objects(&first.setting),
        ..Held::default()
    };
    let session = Arc::new(prepared(&payment, held));
    state.sessions.insert(payment.id(), session);
    let ledger = ledger(&first.setting, 1, DAWN, state);
    see(&mut Locks, 0, &What::Stands(&ledger))
}

fn account(setting: &Setting, at: usize) -> ObjectId {
    *setting.ledger().state.objects.keys().nth(at).unwrap()
}

#[test]
fn what_is_used_is_locked_and_nothing_else() {
    locked(|setting| BTreeSet::from([account(setting, 0)])).unwrap();
    let none = locked(|_| BTreeSet::new());
    assert!(none.unwrap_err().contains("is not held"));
    let more = locked(|setting| BTreeSet::from([account(setting, 0), account(setting, 1)]));
    assert!(more.unwrap_err().contains("nobody prepared"));
}

#[test]
fn two_that_are_to_consume_one_object_are_seen() {
    let [first, second] = Scripted::two();
    let mut state = first.setting.ledger().state;
    for nonce in [1, 2] {
        let payment = turn(&first.setting, nonce, second.setting.shard(), 0);
        let session = Arc::new(prepared(&payment, Held::default()));
        state.sessions.insert(payment.id(), session);
    }
    let ledger = ledger(&first.setting, 1, DAWN, state);
    let said = see(&mut Locks, 0, &What::Stands(&ledger));
    assert!(said.unwrap_err().contains("one of"));
}

#[test]
fn l5_a_record_that_is_older_than_it_must_be_is_seen() {
    let [first, second] = Scripted::two();
    let payment = turn(&first.setting, 1, second.setting.shard(), 0);
    let late = in_time().plus_ms(1);
    let peer = Role::Peer { commit: true };
    for (role, height, time, holds) in [
        (Role::Voter, 9, in_time(), true),
        (Role::Voter, 9, late, false),
        (Role::Decider, 9, late, false),
        (Role::Voter, 8, late, true),
        (peer, 9, late, true),
    ] {
        let mut state = first.setting.ledger().state;
        let record = Decided {
            valid_until: in_time(),
            height: Height::new(8),
            committed: true,
            role,
            answered: DAWN,
        };
        state.decided.insert(payment.id(), record);
        let ledger = ledger(&first.setting, height, time, state);
        let said = see(&mut Locks, 0, &What::Stands(&ledger));
        assert_eq!(said.is_ok(), holds, "{role:?} at height {height}: {said:?}");
    }
}
