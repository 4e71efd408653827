//! That the judge of objects counts objects by itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::transaction::Authorized;
use model::{Object, ObjectId, Outcome};

use super::Objects;
use crate::invariants::What;
use crate::invariants::testing::{self, Scripted, follow, genesis, refusal, see, state, tip};
use crate::simulation::{SHARD, Setting, Trust};

type State = BTreeMap<ObjectId, Arc<Object>>;

/// A transaction that turns one account into another one, and what is active after it.
fn turn(setting: &Setting, objects: &State, nonce: u8) -> (Authorized, State) {
    let transaction = testing::turn(setting, nonce, SHARD, 0);
    let mut after = objects.clone();
    for trace in &transaction.body().traces {
        after.retain(|id, _| !trace.inputs.contains(id));
        let created = trace.objects(trace.id(&setting.scope().network));
        after.extend(created.map(|object| (object.id(), Arc::new(object))));
    }
    (transaction, after)
}

fn begun() -> (Setting, Objects, State) {
    let setting = Setting::new(4);
    let judge = Objects::new(&setting.genesis, SHARD, Trust::default());
    let objects = setting.ledger().state.objects;
    (setting, judge, objects)
}

#[test]
fn a_payment_is_in_order() {
    let (setting, mut judge, objects) = begun();
    let (payment, after) = turn(&setting, &objects, 1);
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
fn an_object_that_is_consumed_twice_is_seen() {
    let (setting, mut judge, objects) = begun();
    let (one, _) = turn(&setting, &objects, 1);
    let (other, _) = turn(&setting, &objects, 2);
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
    let (payment, after) = turn(&setting, &objects, 1);
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

#[test]
fn an_output_that_lives_elsewhere_is_not_active_here() {
    let [first, second] = Scripted::two();
    let payment = testing::turn(&first.setting, 1, second.setting.shard(), 0);
    let decided = vec![(payment.clone(), Outcome::Committed)];
    let mut judge = Objects::new(&first.setting.genesis, SHARD, Trust::default());
    let block = follow(&first.setting, &genesis(&first.setting), 1, decided);
    see(&mut judge, 0, &What::Applied(&block)).unwrap();
    let mut after = first.setting.ledger().state.objects;
    after.retain(|id, _| !payment.body().traces[0].inputs.contains(id));
    let stands = state(&first.setting, tip(&block), after);
    see(&mut judge, 0, &What::Stands(&stands)).unwrap();
}
