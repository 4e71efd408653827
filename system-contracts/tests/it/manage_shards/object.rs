//! `MS.object`: whom it excludes, and each of its refusals.

use contracts::content::OTHER_TYPE;
use model::{Epoch, Hash, Height, Malpractice, NetworkId, Place, ShardId, ShardRecord, Statement};
use system_contracts::manage_shards::refusal;

use super::evidence::{LIAR, every_kind, scope, two_statements};
use super::world::{Case, describe, founded, node, shard, token};

/// Somebody objects to a node of a shard of seven, which is in epoch 2.
#[derive(Clone)]
pub(super) struct Objection {
    before: ShardRecord,
    after: ShardRecord,
    record: Malpractice,
}

impl Objection {
    /// The objection that this record is evidence for, if it is for any.
    pub(super) fn with(record: Malpractice) -> Self {
        let before = ShardRecord {
            epoch: Epoch::new(2),
            ..founded(1..=7)
        };
        let after = before.without(&record.node);
        Self {
            after: after.unwrap_or_else(|_| before.clone()),
            before,
            record,
        }
    }

    fn good() -> Self {
        let (_, record) = every_kind(2).swap_remove(0);
        Self::with(record)
    }

    pub(super) fn case(&self) -> Case {
        let outputs = vec![shard(&self.after)];
        Case::new("object", shard(&self.before), &self.record, outputs, &())
    }
}

#[test]
fn an_objection_consumes_a_shard_and_makes_it_again() {
    Objection::good().case().keeps_to_its_objects();
    let mut case = Objection::good().case();
    case.inputs = vec![token(7)];
    case.is_refused(OTHER_TYPE);
}

#[test]
fn an_objection_vacates_one_seat_and_changes_nothing_else() {
    let good = Objection::good();
    assert_eq!(good.after.seats[2], Place::Vacated(describe(LIAR)));
    let changes: [fn(&mut ShardRecord); 7] = [
        |after| after.seats[2] = Place::Taken(describe(LIAR)),
        |after| after.seats[2] = Place::Taken(describe(9)),
        |after| after.seats[3] = Place::Vacated(describe(4)),
        |after| drop(after.seats.remove(2)),
        |after| after.price += 1,
        |after| after.epoch = after.epoch.next(),
        |after| after.shard = ShardId::new(8),
    ];
    for change in changes {
        let mut bad = good.clone();
        change(&mut bad.after);
        bad.case().is_refused(refusal::LEFT);
    }
}

#[test]
fn nobody_is_excluded_twice_or_without_having_a_seat() {
    let mut again = Objection::good();
    again.before = again.after.clone();
    again.case().is_refused(refusal::VACATED);

    let mut stranger = Objection::good();
    stranger.record.node = node(9);
    stranger.case().is_refused(refusal::NOT_A_MEMBER);
}

#[test]
fn nobody_is_excluded_for_what_another_one_said() {
    let mut framed = Objection::good();
    framed.record.node = node(LIAR + 1);
    framed.after = framed
        .before
        .without(&framed.record.node)
        .expect("a member");
    framed.case().is_refused(refusal::NOT_SAID);
}

fn heads() -> [Statement; 2] {
    [1, 2].map(|head| Statement::Head {
        height: Height::new(4),
        head: Hash::from_bytes([head; 32]),
    })
}

#[test]
fn what_was_said_for_another_shard_or_network_is_for_others_to_judge() {
    let [first, second] = heads();
    let mut elsewhere = scope(2);
    elsewhere.shard = ShardId::new(8);
    let mut far = scope(2);
    far.network = NetworkId::from_bytes([8; 32]);
    for other in [elsewhere, far] {
        let record = two_statements(other, first, second);
        Objection::with(record)
            .case()
            .is_refused(refusal::OTHER_SHARD);
    }
}

#[test]
fn what_does_not_conflict_excludes_nobody() {
    let [first, _] = heads();
    let record = two_statements(scope(2), first, first);
    Objection::with(record)
        .case()
        .is_refused(refusal::NO_CONFLICT);
}

#[test]
fn as_many_are_excluded_as_have_lied() {
    let mut objection = Objection::good();
    for person in (1..=7).filter(|person| *person != LIAR) {
        let excluded = objection.before.without(&node(person));
        objection.before = excluded.expect("a member");
    }
    objection.after = objection.before.without(&node(LIAR)).expect("the last one");
    objection.case().is_accepted();
}

#[test]
fn who_comes_back_is_excluded_again_for_the_same_reason() {
    let objection = Objection::good();
    let back = objection.after.followed_by(super::world::people(1..=7), 1);
    let before = back.expect("a number");
    let again = Objection {
        after: before.without(&node(LIAR)).expect("a member"),
        before,
        ..objection
    };
    again.case().is_accepted();
}
