//! How many are taken, under a clock that is set by hand.

use std::time::Duration;

use super::*;
use crate::testing::{CREATED, SHARD, Shard, account_of, payment};

fn client(number: u8) -> PeerName {
    PeerName::of_transport_seed(&[number; 32].into())
}

/// What becomes of so many of a client, in numbers: taken, refused, reported.
fn consider(doubt: &mut Doubt, from: u8, count: u32, now: Instant) -> [u32; 3] {
    let mut found = [0; 3];
    for _ in 0..count {
        found[match doubt.consider(client(from), false, now) {
            Doubtful::Taken => 0,
            Doubtful::Refused => 1,
            Doubtful::Reported => 2,
        }] += 1;
    }
    found
}

#[test]
fn a_client_has_an_allowance_and_is_reported_if_it_goes_on() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    assert_eq!(consider(&mut doubt, 1, 32, now), [32, 0, 0]);
    // There is no room for them, and nothing is wrong with asking.
    assert_eq!(consider(&mut doubt, 1, 68, now), [0, 68, 0]);
    assert_eq!(consider(&mut doubt, 1, 64, now), [0, 62, 2]);
    let later = now + Duration::from_secs(1);
    assert_eq!(consider(&mut doubt, 1, 21, later), [8, 13, 0]);
}

#[test]
fn all_clients_together_have_an_allowance_and_none_is_reported_for_the_others() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    assert_eq!(consider(&mut doubt, 1, 20, now), [20, 0, 0]);
    assert_eq!(consider(&mut doubt, 2, 100, now), [12, 88, 0]);
    let later = now + Duration::from_secs(2);
    assert_eq!(consider(&mut doubt, 3, 100, later), [16, 84, 0]);
}

#[test]
fn a_client_that_pays_has_room_beside_the_others() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    consider(&mut doubt, 1, 500, now);
    let taken = |doubt: &mut Doubt| doubt.consider(client(2), true, now) == Doubtful::Taken;
    assert_eq!((0..3_000).filter(|_| taken(&mut doubt)).count(), 2_000);
}

#[test]
fn whoever_comes_under_many_names_gets_no_more_than_all_do() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    for round in 0..3_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&round.to_be_bytes());
        let taken = doubt.consider(PeerName::of_transport_seed(&seed.into()), false, now);
        assert_eq!(taken == Doubtful::Taken, round < 32, "{round}");
        assert!(doubt.each.len() <= CLIENTS_MAX);
    }
}

#[test]
fn only_what_lives_in_the_shard_is_asked_about() {
    let account = account_of(Shard::new().ledger(), 0);
    let paid = payment(&account, 0, 1, 1, 0, CREATED.plus_ms(10_000));
    let used = paid.openings[0].id();
    assert_eq!(cover(&paid, SHARD, |id| *id == used), Cover::Full);
    assert_eq!(cover(&paid, SHARD, |_| false), Cover::Lacking);
    assert_eq!(cover(&paid, ShardId::new(9), |_| false), Cover::Elsewhere);
}
