//! What a bucket gives, under a clock that is set by hand.

use governor::clock::FakeRelativeClock;

use super::*;

const fn rate(per_second: u32, burst: u32) -> Rate {
    Rate::new(per_second, burst)
}

/// Quotas of one request a second after three, and of two refusals after that.
fn quotas(change: impl FnOnce(&mut Limits)) -> (Quotas<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let mut limits = Limits {
        api_rate: rate(1, 3),
        sync_rate: rate(1, 1),
        refusals_rate: rate(1, 2),
        guests_rate: rate(100, 100),
        tell_rate: rate(10, 20),
        tell_kib_rate: rate(100, 200),
        ..Limits::default()
    };
    change(&mut limits);
    (Quotas::with_clock(&limits, clock.clone()), clock)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_guest_that_asks_too_often_is_told_to_wait_and_in_the_end_is_not_told() {
    let (quotas, clock) = quotas(|_| ());
    let (hasty, other) = (PeerId::random(), PeerId::random());
    let ask = |peer| quotas.guest_asks(peer, Protocol::Api);
    for _ in 0..3 {
        assert_eq!(ask(hasty), Ok(()));
    }
    for _ in 0..2 {
        assert_eq!(ask(hasty), Err(Over::Wait(SECOND)));
    }
    assert_eq!(ask(hasty), Err(Over::Deaf));
    // Neither the others nor its other questions are concerned.
    assert_eq!(ask(other), Ok(()));
    assert_eq!(quotas.guest_asks(hasty, Protocol::Sync), Ok(()));
    clock.advance(SECOND);
    assert_eq!(ask(hasty), Ok(()));
}

#[test]
fn all_guests_together_have_a_bucket_and_members_are_not_counted_in_it() {
    let (quotas, _) = quotas(|limits| {
        limits.guests_rate = rate(1, 2);
        limits.fair_rate = rate(1, 1);
    });
    let (greedy, modest) = (PeerId::random(), PeerId::random());
    let ask = |peer| quotas.guest_asks(peer, Protocol::Api);
    assert_eq!(ask(greedy), Ok(()));
    assert_eq!(quotas.asks(PeerId::random(), Protocol::Api), Ok(()));
    assert_eq!(ask(greedy), Ok(()));
    // It is empty now. What everybody can have is left.
    assert_eq!(ask(modest), Ok(()));
    assert_eq!(ask(modest), Err(Over::Wait(SECOND)));
    assert_eq!(quotas.asks(PeerId::random(), Protocol::Api), Ok(()));
}

#[test]
fn what_a_neighbour_tells_is_counted_in_frames_and_in_bytes() {
    let (quotas, clock) = quotas(|_| ());
    let neighbour = PeerId::random();
    assert_eq!(quotas.tells(neighbour, 0), Ok(()));
    assert_eq!(quotas.tells(neighbour, 20), Ok(()));
    assert_eq!(quotas.tells(neighbour, 10), Err(SECOND));
    clock.advance(SECOND);
    assert_eq!(quotas.tells(neighbour, 10), Ok(()));
    assert_eq!(quotas.tells_bytes(neighbour, 200 * 1024), Ok(()));
    assert_eq!(quotas.tells_bytes(neighbour, 99 * 1024 + 1), Err(SECOND));
    // More than a bucket holds is told when the bucket is full.
    assert_eq!(quotas.tells_bytes(PeerId::random(), 1 << 30), Ok(()));
    assert_eq!(quotas.tells_bytes(neighbour, 1 << 30), Err(2 * SECOND));
}

#[test]
fn those_whose_buckets_are_full_again_are_forgotten() {
    let (quotas, clock) = quotas(|_| ());
    for _ in 0..BUCKETS_MAX {
        assert_eq!(quotas.asks(PeerId::random(), Protocol::Sync), Ok(()));
    }
    assert_eq!(quotas.sync.0.len(), BUCKETS_MAX);
    clock.advance(2 * SECOND);
    assert_eq!(quotas.asks(PeerId::random(), Protocol::Sync), Ok(()));
    assert_eq!(quotas.sync.0.len(), 1);
}

#[test]
fn who_asks_for_blocks_keeps_nobody_from_paying() {
    let limits = Limits {
        guests_kib_rate: Rate::new(1, 1),
        fair_kib_rate: Rate::new(1, 1),
        guests_rate: Rate::new(1, 1),
        fair_rate: Rate::new(1, 1),
        ..Limits::default()
    };
    let quotas = Quotas::new(&limits);
    let (reader, payer) = (PeerId::random(), PeerId::random());
    quotas.guest_costs(reader, Protocol::Sync, 1 << 20);
    let over = quotas.guest_brings(reader, Protocol::Sync, 1);
    assert!(matches!(over, Err(Over::Wait(_))), "{over:?}");
    assert_eq!(quotas.guest_brings(payer, Protocol::Api, 1), Ok(()));
}

#[test]
fn who_has_paid_for_nothing_is_not_in_the_way_of_those_who_pay() {
    let limits = Limits {
        guests_kib_rate: Rate::new(1, 1),
        guests_rate: Rate::new(1, 1),
        fair_rate: Rate::new(1, 1),
        ..Limits::default()
    };
    let quotas = Quotas::new(&limits);
    let (payer, other, newcomer) = (PeerId::random(), PeerId::random(), PeerId::random());
    quotas.guest_pays(payer);
    assert_eq!(quotas.guest_asks(other, Protocol::Api), Ok(()));
    quotas.guest_costs(other, Protocol::Api, 1 << 20);
    let over = quotas.guest_brings(newcomer, Protocol::Api, 1);
    assert!(matches!(over, Err(Over::Wait(_))), "{over:?}");
    assert_eq!(quotas.guest_asks(payer, Protocol::Api), Ok(()));
    assert_eq!(quotas.guest_brings(payer, Protocol::Api, 1), Ok(()));
    // Asking for blocks is paid for by nobody.
    quotas.guest_costs(other, Protocol::Sync, 1 << 20);
    let over = quotas.guest_brings(payer, Protocol::Sync, 1);
    assert!(matches!(over, Err(Over::Wait(_))), "{over:?}");
}
