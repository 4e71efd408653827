use super::*;
use crate::testing::registry;

/// How many links a quorum of four needs.
const NEEDED: u32 = 2;

#[test]
fn each_condition_is_missing_for_its_own_reason() {
    let (gauges, stopper, known) = (Gauges::default(), Stopper::new(), registry().known());
    let check = |reason: Option<(&str, NotReady)>| {
        let conditions = conditions(&gauges, &stopper, &known).into_iter();
        let missing = conditions.filter_map(|condition| Some((condition.name, condition.missing?)));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::from_iter(reason));
        let reason = reason.map(|(_, reason)| reason);
        let told = super::missing(&gauges, &stopper, &known);
        assert_eq!(told, Vec::from_iter(reason));
    };
    let too_few = NotReady::TooFewLinks {
        linked: 0,
        needed: NEEDED,
    };
    check(Some(("linked", too_few)));
    gauges.set_linked(NEEDED);
    check(None);
    gauges.set_behind(true);
    check(Some(("synced", NotReady::CatchingUp)));
    gauges.set_behind(false);
    gauges.set_seatless(true);
    check(Some(("seat", NotReady::NoSeat)));
    gauges.set_seatless(false);
    stopper.stop();
    check(Some(("running", NotReady::Stopping)));
}

#[test]
fn a_node_without_a_shard_needs_no_links() {
    let (gauges, stopper) = (Gauges::default(), Stopper::new());
    let mut nowhere = registry().known();
    nowhere.place = None;
    gauges.set_seatless(true);
    assert_eq!(missing(&gauges, &stopper, &nowhere), [NotReady::NoSeat]);
}

#[test]
fn a_condition_that_is_confirmed_is_as_old_as_before() {
    let (gauges, stopper, known) = (Gauges::default(), Stopper::new(), registry().known());
    gauges.set_behind(true);
    gauges.set_seatless(true);
    stopper.stop();
    let since = || conditions(&gauges, &stopper, &known).map(|condition| condition.since);
    let first = since();
    gauges.set_behind(true);
    gauges.set_seatless(true);
    gauges.set_quorum_linked(false);
    stopper.stop();
    assert_eq!(since(), first);
}
