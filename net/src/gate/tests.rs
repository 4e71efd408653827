//! The limits, each with one connection too many.

use std::time::Duration;

use libp2p::identity::Keypair;

use super::*;
use crate::bounds::HOST_OUTCASTS_MAX;

fn gate(change: impl FnOnce(&mut Limits)) -> Gate {
    let mut limits = Limits::on_one_machine();
    change(&mut limits);
    Gate::new(&limits)
}

fn id(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// The peer of the connection with this number.
fn peer(number: usize) -> PeerId {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let keypair = Keypair::ed25519_from_bytes(seed).expect("every seed is a key");
    keypair.public().to_peer_id()
}

fn host(address: &str) -> Host {
    Host::of(&address.parse().expect("an address"))
}

const FAR: &str = "/ip4/203.0.113.7/tcp/1";
const OTHER: &str = "/ip4/203.0.113.8/tcp/1";
const NEAR: &str = "/ip4/127.0.0.1/tcp/1";

/// A connection knocks, enters and says hello or not.
fn arrive(gate: &mut Gate, number: usize, address: &str, now: Instant) -> Result<(), Full> {
    gate.knock(id(number), host(address), now)?;
    if let Err(full) = gate.enter(&peer(number), now) {
        gate.failed(id(number));
        return Err(full);
    }
    gate.established(id(number), peer(number));
    Ok(())
}

#[test]
fn unproven_connections_have_a_pool_of_their_own() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.unproven = 2);
    assert_eq!(arrive(&mut gate, 1, NEAR, now), Ok(()));
    assert_eq!(arrive(&mut gate, 2, NEAR, now), Ok(()));
    assert_eq!(arrive(&mut gate, 3, NEAR, now), Err(Full::Unproven));
    gate.seat_reserved(id(1));
    assert_eq!(arrive(&mut gate, 4, NEAR, now), Ok(()));
    assert_eq!(gate.seat_guest(id(2)), Ok(()));
    assert_eq!(arrive(&mut gate, 5, NEAR, now), Ok(()));
    assert_eq!(arrive(&mut gate, 6, NEAR, now), Err(Full::Unproven));
    gate.closed(id(5), peer(5));
    assert_eq!(arrive(&mut gate, 7, NEAR, now), Ok(()));
}

#[test]
fn guests_are_counted_and_reserved_places_are_not() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.guests = 1);
    for number in 1..=4 {
        assert_eq!(arrive(&mut gate, number, NEAR, now), Ok(()));
    }
    gate.seat_reserved(id(1));
    assert_eq!(gate.seat_guest(id(2)), Ok(()));
    assert_eq!(gate.seat_guest(id(3)), Err(Full::Guests));
    gate.seat_reserved(id(4));
    gate.closed(id(2), peer(2));
    assert_eq!(gate.seat_guest(id(3)), Ok(()));
}

#[test]
fn connections_that_we_dialed_take_no_place() {
    let mut gate = gate(|limits| {
        limits.guests = 0;
        limits.unproven = 0;
    });
    gate.established(id(1), peer(1));
    assert_eq!(gate.seat_guest(id(1)), Ok(()));
    gate.closed(id(1), peer(1));
}

#[test]
fn one_address_has_so_many_connections() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.per_ip = 2);
    assert_eq!(arrive(&mut gate, 1, FAR, now), Ok(()));
    assert_eq!(arrive(&mut gate, 2, FAR, now), Ok(()));
    assert_eq!(
        arrive(&mut gate, 3, FAR, now),
        Err(Full::AddressEstablished)
    );
    assert_eq!(arrive(&mut gate, 4, OTHER, now), Ok(()));
    gate.closed(id(1), peer(1));
    assert_eq!(arrive(&mut gate, 5, FAR, now), Ok(()));
}

#[test]
fn members_behind_one_address_take_no_places_of_its_guests() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.per_ip = 1);
    for number in 1..=3 {
        assert_eq!(arrive(&mut gate, number, FAR, now), Ok(()));
        gate.seat_reserved(id(number));
    }
    assert_eq!(arrive(&mut gate, 4, FAR, now), Ok(()));
    let full = Err(Full::AddressEstablished);
    assert_eq!(arrive(&mut gate, 5, FAR, now), full);
    // Who loses its place counts as everybody else, and leaves as everybody else.
    gate.closed(id(4), peer(4));
    assert_eq!(gate.seat_guest(id(1)), Ok(()));
    assert_eq!(arrive(&mut gate, 6, FAR, now), full);
    gate.closed(id(2), peer(2));
    assert_eq!(arrive(&mut gate, 7, FAR, now), full);
    gate.closed(id(1), peer(1));
    assert_eq!(arrive(&mut gate, 8, FAR, now), Ok(()));
}

#[test]
fn one_address_has_so_many_handshakes() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.per_ip_pending = 1);
    assert_eq!(gate.knock(id(1), host(FAR), now), Ok(()));
    assert_eq!(gate.knock(id(2), host(FAR), now), Err(Full::AddressPending));
    assert_eq!(gate.knock(id(3), host(OTHER), now), Ok(()));
    gate.failed(id(1));
    assert_eq!(gate.knock(id(4), host(FAR), now), Ok(()));
}

#[test]
fn one_address_makes_so_many_connections_a_minute() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.per_ip_per_minute = 2);
    for number in 1..=2 {
        assert_eq!(arrive(&mut gate, number, FAR, now), Ok(()));
        gate.closed(id(number), peer(number));
    }
    assert_eq!(arrive(&mut gate, 3, FAR, now), Err(Full::AddressRate));
    assert_eq!(arrive(&mut gate, 4, OTHER, now), Ok(()));
    let later = now + Duration::from_secs(60);
    assert_eq!(arrive(&mut gate, 5, FAR, later), Ok(()));
}

#[test]
fn who_comes_from_the_address_that_it_calls_is_on_the_same_machine() {
    let same = |local: &str, remote: &str| {
        let parse = |text: &str| text.parse().expect("an address");
        is_same_machine(&parse(local), &parse(remote))
    };
    assert!(same("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/2"));
    assert!(same("/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"));
    assert!(!same("/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/2"));
    assert!(!same("/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/2"));
}

#[test]
fn loopback_has_no_limit_by_address() {
    let now = Instant::now();
    let mut gate = gate(|limits| {
        limits.unproven = usize::MAX;
        limits.per_ip = 0;
        limits.per_ip_pending = 0;
        limits.per_ip_per_minute = 0;
    });
    for (number, address) in [NEAR, "/ip6/::1/tcp/1", "/ip6/::ffff:127.0.0.1/tcp/1"]
        .iter()
        .cycle()
        .take(100)
        .enumerate()
    {
        assert_eq!(arrive(&mut gate, number, address, now), Ok(()), "{address}");
    }
}

#[test]
fn a_customer_is_one_address_or_one_network() {
    assert_eq!(
        host("/ip6/2001:db8::1/tcp/1"),
        host("/ip6/2001:db8::ffff:2/tcp/9")
    );
    assert_ne!(
        host("/ip6/2001:db8::1/tcp/1"),
        host("/ip6/2001:db8:0:1::1/tcp/1")
    );
    assert_eq!(host("/ip6/::ffff:203.0.113.7/tcp/1"), host(FAR));
    assert_ne!(host(FAR), host(OTHER));
    assert_eq!(host("/memory/1"), Host::Unknown);
}

#[test]
fn a_thousand_knocks_from_one_address_keep_no_member_out() {
    let now = Instant::now();
    let mut gate = gate(|_| ());
    let refused = (0..1000)
        .filter(|number| arrive(&mut gate, *number, FAR, now).is_err())
        .count();
    assert_eq!(refused, 1000 - Limits::default().per_ip);
    assert_eq!(arrive(&mut gate, 1001, OTHER, now), Ok(()));
    gate.seat_reserved(id(1001));
}

#[test]
fn loopback_has_the_limits_of_others_if_it_is_told_so() {
    let now = Instant::now();
    let mut gate = gate(|limits| {
        limits.exempt_loopback = false;
        limits.per_ip = 2;
    });
    assert_eq!(arrive(&mut gate, 1, NEAR, now), Ok(()));
    assert_eq!(arrive(&mut gate, 2, NEAR, now), Ok(()));
    let third = arrive(&mut gate, 3, NEAR, now);
    assert_eq!(third, Err(Full::AddressEstablished));
}

#[test]
fn without_memory_there_are_no_more_guests_and_everybody_else_is_welcome() {
    let now = Instant::now();
    let mut gate = gate(|_| ());
    for number in 1..=4 {
        assert_eq!(arrive(&mut gate, number, FAR, now), Ok(()));
    }
    assert_eq!(gate.seat_guest(id(1)), Ok(()));
    gate.seat_reserved(id(2));
    gate.pressure = Pressure::Tight;
    assert_eq!(gate.seat_guest(id(3)), Err(Full::Memory));
    gate.seat_reserved(id(4));
    assert_eq!(gate.guests(), [id(1)]);
    gate.pressure = Pressure::None;
    assert_eq!(gate.seat_guest(id(3)), Ok(()));
}

#[test]
fn an_address_of_which_many_are_thrown_out_is_banned_for_a_while() {
    let now = Instant::now();
    let mut gate = gate(|limits| limits.per_ip = 100);
    for number in 1..=HOST_OUTCASTS_MAX as usize {
        assert_eq!(arrive(&mut gate, number, FAR, now), Ok(()), "{number}");
        gate.cast_out(id(number), now);
        gate.closed(id(number), peer(number));
    }
    assert_eq!(arrive(&mut gate, 100, FAR, now), Err(Full::Banned));
    assert_eq!(arrive(&mut gate, 101, OTHER, now), Ok(()));
    let later = now + Limits::default().ban;
    assert_eq!(arrive(&mut gate, 102, FAR, later), Ok(()));
    // What was long ago does not count.
    for number in 200..220 {
        let then = later + Limits::default().forgiveness * number as u32;
        assert_eq!(arrive(&mut gate, number, FAR, then), Ok(()), "{number}");
        gate.cast_out(id(number), then);
        gate.closed(id(number), peer(number));
    }
}

#[test]
fn a_banned_peer_does_not_enter() {
    let now = Instant::now();
    let mut gate = gate(|_| ());
    let (banned, other) = (PeerId::random(), PeerId::random());
    gate.conduct
        .report(banned, None, crate::Offence::Forged, now);
    assert_eq!(gate.enter(&banned, now), Err(Full::Banned));
    assert_eq!(gate.enter(&other, now), Ok(()));
}

#[test]
fn a_peer_has_two_connections_and_leaves_no_trace() {
    let now = Instant::now();
    let mut gate = gate(|_| {});
    let one = peer(1);
    for number in [1, 2] {
        assert_eq!(gate.meet(&one, now), Ok(()));
        gate.established(id(number), one);
    }
    assert_eq!(gate.meet(&one, now), Err(Full::Peer));
    assert_eq!(gate.enter(&one, now), Err(Full::Peer));
    assert_eq!(gate.meet(&peer(2), now), Ok(()));
    gate.closed(id(1), one);
    assert_eq!(gate.meet(&one, now), Ok(()));
    gate.closed(id(2), one);
    assert!(gate.peers.is_empty());
}
