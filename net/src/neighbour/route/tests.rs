//! That both sides choose the same connection.

use std::time::Duration;

use model::PublicKey;

use super::*;

fn node(byte: u8) -> NodeId {
    NodeId::new(PublicKey::from_bytes([byte; 32]))
}

/// Connections as who dialed them and when, in milliseconds; the node 1 and the node 2 see each
/// from its side.
#[track_caller]
fn check(connections: &[(u8, u64)], chosen: Option<usize>) {
    let start = Instant::now();
    let seen_by = |ours: u8| -> Vec<Candidate> {
        let candidate = |(number, (dialer, ms)): (usize, &(u8, u64))| Candidate {
            id: ConnectionId::new_unchecked(number),
            dialed_by_us: *dialer == ours,
            since: start + Duration::from_millis(*ms),
        };
        connections.iter().enumerate().map(candidate).collect()
    };
    let chosen = chosen.map(ConnectionId::new_unchecked);
    assert_eq!(choose(&node(1), &node(2), &seen_by(1)), chosen, "node 1");
    assert_eq!(choose(&node(2), &node(1), &seen_by(2)), chosen, "node 2");
}

#[test]
fn the_only_connection_is_used_whoever_dialed_it() {
    check(&[], None);
    check(&[(1, 0)], Some(0));
    check(&[(2, 0)], Some(0));
}

#[test]
fn of_a_race_the_smaller_id_wins() {
    check(&[(1, 0), (2, 1)], Some(0));
    check(&[(2, 0), (1, 1)], Some(1));
    check(&[(1, 0), (2, 4999)], Some(0));
}

#[test]
fn a_newcomer_wins_after_the_race() {
    check(&[(1, 0), (2, 5000)], Some(1));
    check(&[(2, 0), (1, 5000)], Some(1));
}

#[test]
fn of_two_that_one_node_dialed_the_newer_is_used() {
    check(&[(1, 0), (1, 10)], Some(1));
    check(&[(2, 0), (2, 10)], Some(1));
}
