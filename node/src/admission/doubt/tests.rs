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
        found[match doubt.consider(client(from), now) {
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
    assert_eq!(consider(&mut doubt, 1, 200, now), [200, 0, 0]);
    assert_eq!(consider(&mut doubt, 1, 64, now), [0, 62, 2]);
    let later = now + Duration::from_secs(1);
    assert_eq!(consider(&mut doubt, 1, 21, later), [20, 1, 0]);
}

#[test]
fn all_clients_together_have_an_allowance_and_none_is_reported_for_the_others() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    assert_eq!(consider(&mut doubt, 1, 120, now), [120, 0, 0]);
    assert_eq!(consider(&mut doubt, 2, 200, now), [80, 120, 0]);
    let later = now + Duration::from_secs(2);
    assert_eq!(consider(&mut doubt, 3, 200, later), [100, 100, 0]);
}

#[test]
fn whoever_comes_under_many_names_gets_no_more_than_all_do() {
    let now = Instant::now();
    let mut doubt = Doubt::new(now);
    for round in 0..3_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&round.to_be_bytes());
        let taken = doubt.consider(PeerName::of_transport_seed(&seed.into()), now);
        assert_eq!(taken == Doubtful::Taken, round < 200, "{round}");
        assert!(doubt.each.len() <= CLIENTS_MAX);
    }
}

#[test]
fn only_what_lives_in_the_shard_is_asked_about() {
    let account = account_of(Shard::new().ledger(), 0);
    let paid = payment(&account, 0, 1, 1, 0, CREATED.plus_ms(10_000));
    let used = paid.openings[0].id();
    assert!(is_covered(&paid, SHARD, |id| *id == used));
    assert!(!is_covered(&paid, SHARD, |_| false));
    assert!(is_covered(&paid, ShardId::new(9), |_| false));
}
