//! What a line says of a shard, and of a node on its way to a seat.

use model::api::Progress;
use model::{Hash, Height, NetworkId, NodeDescriptor, PublicKey, ShardId, Time};

use super::*;

fn node(number: u8) -> NodeId {
    NodeId::new(PublicKey::from_bytes([number; 32]))
}

fn record(shard: u32, members: &[u8]) -> ShardRecord {
    let member = |number: &u8| NodeDescriptor {
        name: format!("n{number}"),
        node: node(*number),
        addresses: Vec::new(),
    };
    ShardRecord::founded(ShardId::new(shard), members.iter().map(member).collect(), 0)
}

fn status(shard: u32, committee: u32, height: u64, not_ready: &[NotReady]) -> Status {
    Status {
        name: "ada".to_owned(),
        node: node(9),
        network: NetworkId::from_bytes([7; 32]),
        shard: ShardId::new(shard),
        version: "1".to_owned(),
        tip: Progress {
            height: Height::new(height),
            time: Time::ZERO,
        },
        head: Hash::ZERO,
        certified: Height::ZERO,
        linked: 3,
        committee,
        waiting: 0,
        not_ready: not_ready.to_vec(),
    }
}

#[test]
fn a_line_says_of_a_shard_who_is_missing() {
    let mut record = record(1, &[1, 2, 3, 4]);
    let excluded = record.seats[3].descriptor().clone();
    record.seats[3] = Place::Vacated(excluded);
    let catching_up = status(1, 4, 7, &[NotReady::CatchingUp]);
    let shard = Shard {
        record,
        answers: vec![
            (node(1), Some(status(1, 4, 12, &[]))),
            (node(2), Some(catching_up)),
            (node(3), None),
        ],
    };
    assert_eq!(
        shard.line(),
        "shard 1  epoch 0  height 12  ready 1 of 4  links 3  n1 n2(catching up) n3(silent) n4(excluded)"
    );
}

#[test]
fn a_shard_of_which_nobody_can_be_asked_is_shown_with_what_is_known() {
    let shard = Shard {
        record: record(0, &[1, 2]),
        answers: Vec::new(),
    };
    let line = "shard 0  epoch 0  height -  ready 0 of 2  links -  n1(no address) n2(no address)";
    assert_eq!(shard.line(), line);
}

#[track_caller]
fn check(status: Option<Status>, listed_in: Option<u32>, expected: &str) {
    let members = |shard: u32| match listed_in == Some(shard) {
        true => record(shard, &[1, 2, 9]),
        false => record(shard, &[1, 2]),
    };
    let shards = [0, 1].map(|shard| Shard {
        record: members(shard),
        answers: Vec::new(),
    });
    let mine = Mine {
        name: "ada".to_owned(),
        node: node(9),
        status,
    };
    let line = mine.line(&shards);
    assert!(
        line.starts_with("ada  ") && line.contains(expected),
        "{line}"
    );
}

#[test]
fn a_node_says_what_it_does_or_waits_for() {
    let seatless = [NotReady::NoSeat];
    let waiting = Some(status(0, 0, 0, &seatless));
    let following = Some(status(0, 4, 5, &seatless));
    check(None, None, "does not answer");
    check(
        waiting.clone(),
        None,
        "waits for a shard whose record lists it",
    );
    check(waiting, Some(1), "is listed in shard 1, and begins there");
    check(
        following.clone(),
        Some(0),
        "is listed in shard 0, and fetches what it lacks: height 5",
    );
    check(
        following.clone(),
        None,
        "has no seat in shard 0 any more, and follows it: height 5",
    );
    check(
        following,
        Some(1),
        "what it has kept is of shard 0: stop it",
    );
    check(
        Some(status(1, 4, 5, &[])),
        Some(1),
        "takes part in shard 1, height 5",
    );
    let missing = [NotReady::CatchingUp];
    check(
        Some(status(1, 4, 5, &missing)),
        Some(1),
        "has a seat in shard 1, height 5: catching up",
    );
}
