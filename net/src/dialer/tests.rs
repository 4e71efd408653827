//! When each kind of address is dialed.

use model::PublicKey;

use super::*;

fn node(byte: u8) -> NodeId {
    NodeId::new(PublicKey::from_bytes([byte; 32]))
}

fn address(port: u16) -> Multiaddr {
    format!("/ip4/127.0.0.1/tcp/{port}")
        .parse()
        .expect("an address")
}

fn id(number: usize) -> ConnectionId {
    ConnectionId::new_unchecked(number)
}

/// Node 2, which keeps 1, 2, 3, with these bootnodes, and its clock.
fn dialer(bootnodes: &[u16]) -> (Dialer, Instant) {
    let now = Instant::now();
    let members = [node(1), node(3)];
    let addresses = bootnodes.iter().copied().map(address);
    let mut dialer = Dialer::new(Some(node(2)), addresses, &Limits::default(), now);
    dialer.keep(members.into(), now);
    (dialer, now)
}

/// No connections.
const NOBODY: BTreeSet<NodeId> = BTreeSet::new();

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn every_bootnode_is_dialed_at_once_and_only_once() {
    let (mut dialer, now) = dialer(&[1, 2, 2]);
    assert_eq!(dialer.due(&NOBODY, now), [address(1), address(2)]);
    dialer.dialed(&address(1), id(1));
    assert_eq!(dialer.due(&NOBODY, now), [address(2)]);
    dialer.dialed(&address(2), id(2));
    assert!(dialer.due(&NOBODY, now + ms(60_000)).is_empty());
}

#[test]
fn the_pause_doubles_from_100_ms_to_5_s() {
    let (mut dialer, mut now) = dialer(&[1]);
    for pause in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
        dialer.dialed(&address(1), id(1));
        dialer.ended(id(1), now);
        assert!(
            dialer.due(&NOBODY, now + ms(pause - 1)).is_empty(),
            "pause {pause}"
        );
        now += ms(pause);
        assert_eq!(dialer.due(&NOBODY, now), [address(1)], "pause {pause}");
    }
}

#[test]
fn a_connection_that_lasted_ends_the_doubling() {
    let (mut dialer, mut now) = dialer(&[1]);
    for lasted in [0, 0, 0, 5000] {
        dialer.dialed(&address(1), id(1));
        dialer.proven(id(1), Some(node(3)), now);
        now += ms(lasted);
        dialer.ended(id(1), now);
    }
    assert!(dialer.due(&NOBODY, now + ms(99)).is_empty());
    assert_eq!(dialer.due(&NOBODY, now + ms(100)), [address(1)]);
}

#[test]
fn a_node_with_a_larger_id_is_dialed_whenever_it_is_out_of_reach() {
    let (mut dialer, now) = dialer(&[]);
    dialer.learn(node(3), vec![address(3)], now);
    assert_eq!(dialer.due(&NOBODY, now), [address(3)]);
    dialer.reached(node(3), true, now);
    assert!(dialer.due(&NOBODY, now + ms(60_000)).is_empty());
    dialer.reached(node(3), false, now);
    assert_eq!(dialer.due(&NOBODY, now), [address(3)]);
}

#[test]
fn a_node_with_a_smaller_id_is_left_the_dialing_for_a_while() {
    let (mut dialer, now) = dialer(&[]);
    dialer.learn(node(1), vec![address(1)], now);
    dialer.reached(node(1), true, now);
    dialer.reached(node(1), false, now);
    assert!(dialer.due(&NOBODY, now + ms(4999)).is_empty());
    assert_eq!(dialer.due(&NOBODY, now + ms(5000)), [address(1)]);
}

#[test]
fn a_bootnode_that_is_not_kept_is_dialed_again_after_a_minute() {
    for node in [None, Some(node(9))] {
        let (mut dialer, now) = dialer(&[1]);
        dialer.dialed(&address(1), id(1));
        dialer.proven(id(1), node, now);
        dialer.ended(id(1), now);
        assert!(dialer.due(&NOBODY, now + ms(59_999)).is_empty());
        assert_eq!(dialer.due(&NOBODY, now + ms(60_000)), [address(1)]);
    }
}

#[test]
fn one_address_of_a_node_is_dialed_at_a_time() {
    let (mut dialer, now) = dialer(&[]);
    dialer.learn(node(3), vec![address(1), address(2)], now);
    assert_eq!(dialer.due(&NOBODY, now), [address(1)]);
    dialer.dialed(&address(1), id(1));
    assert!(dialer.due(&NOBODY, now).is_empty());
    dialer.ended(id(1), now);
    assert_eq!(
        dialer.due(&NOBODY, now),
        [address(2)],
        "the other one is next"
    );
}

#[test]
fn what_a_node_says_replaces_what_it_said_before() {
    let (mut dialer, now) = dialer(&[1]);
    dialer.dialed(&address(1), id(1));
    dialer.proven(id(1), Some(node(3)), now);
    dialer.learn(node(3), vec![address(2)], now);
    dialer.learn(node(3), vec![address(3)], now);
    dialer.ended(id(1), now);
    // The configured address stays.
    let late = now + ms(60_000);
    assert_eq!(dialer.due(&NOBODY, late), [address(1)]);
    dialer.dialed(&address(1), id(2));
    dialer.ended(id(2), late);
    assert_eq!(dialer.due(&NOBODY, late), [address(3)]);
}

#[test]
fn an_address_where_somebody_else_answers_is_forgotten() {
    let (mut dialer, now) = dialer(&[]);
    dialer.learn(node(3), vec![address(1)], now);
    dialer.dialed(&address(1), id(1));
    dialer.proven(id(1), Some(node(9)), now);
    dialer.ended(id(1), now);
    assert!(dialer.due(&NOBODY, now + ms(600_000)).is_empty());
}

#[test]
fn strangers_teach_no_addresses() {
    let (mut dialer, now) = dialer(&[]);
    dialer.learn(node(9), vec![address(1)], now);
    dialer.learn(node(2), vec![address(2)], now);
    assert!(dialer.due(&NOBODY, now + ms(600_000)).is_empty());
}

#[test]
fn our_own_address_is_never_dialed_again() {
    let (mut dialer, now) = dialer(&[1]);
    dialer.dialed(&address(1), id(1));
    dialer.own(id(1));
    dialer.ended(id(1), now);
    assert!(dialer.due(&NOBODY, now + ms(600_000)).is_empty());
}

#[test]
fn a_member_that_has_dialed_us_is_left_to_ask_for_its_link() {
    let (mut dialer, now) = dialer(&[]);
    let connected = BTreeSet::from([node(3)]);
    dialer.learn(node(3), vec![address(1)], now);
    assert_eq!(dialer.due(&NOBODY, now), [address(1)]);
    assert!(dialer.due(&connected, now).is_empty());
    let grace = Limits::default().dialer_grace;
    assert_eq!(dialer.due(&connected, now + grace), [address(1)]);
}

#[test]
fn what_is_known_of_a_node_that_is_kept_no_longer_is_forgotten() {
    let (mut dialer, now) = dialer(&[9]);
    dialer.learn(node(1), vec![address(1)], now);
    dialer.learn(node(3), vec![address(3)], now);
    dialer.dialed(&address(3), id(3));
    dialer.keep([node(4)].into(), now);
    assert_eq!(dialer.due(&NOBODY, now), [address(9)]);
    dialer.dialed(&address(9), id(9));
    // A connection that was there is not dialed again when it is gone.
    dialer.ended(id(3), now);
    let later = now + ms(60_000);
    assert!(dialer.due(&NOBODY, later).is_empty());
    dialer.learn(node(3), vec![address(3)], now);
    assert!(dialer.due(&NOBODY, later).is_empty());
    dialer.keep([node(3)].into(), later);
    dialer.learn(node(3), vec![address(3)], later);
    assert_eq!(dialer.due(&NOBODY, later), [address(3)]);
}

#[test]
fn a_bootnode_of_another_network_is_named_and_left_alone_for_an_hour() {
    let (mut dialer, now) = dialer(&[1]);
    let state = |dialer: &Dialer| dialer.bootnodes().remove(0).state;
    assert_eq!(state(&dialer), BootnodeState::Dialing);
    let theirs = NetworkId::from_bytes([8; 32]);
    dialer.dialed(&address(1), id(1));
    dialer.foreign(id(1), theirs);
    dialer.ended(id(1), now);
    assert_eq!(state(&dialer), BootnodeState::WrongNetwork { theirs });
    let hour = ms(3_600_000);
    assert!(dialer.due(&NOBODY, now + hour - ms(1)).is_empty());
    assert_eq!(dialer.due(&NOBODY, now + hour), [address(1)]);
    // Then it may be somebody else.
    dialer.dialed(&address(1), id(2));
    dialer.failed(id(2), "refused".into());
    dialer.ended(id(2), now);
    let reason = "refused".into();
    assert_eq!(state(&dialer), BootnodeState::Unreached { reason });
    dialer.dialed(&address(1), id(3));
    dialer.proven(id(3), Some(node(9)), now);
    let node = Some(node(9));
    assert_eq!(state(&dialer), BootnodeState::Connected { node });
    dialer.own(id(3));
    assert_eq!(state(&dialer), BootnodeState::Own);
}
