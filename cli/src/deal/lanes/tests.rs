//! Lanes, event by event.

use model::{AbortReason, Height, PublicKey, Time};

use super::*;

const ZERO: ShardId = ShardId::new(0);
const ONE: ShardId = ShardId::new(1);

fn transaction(number: u8) -> TransactionId {
    TransactionId::from_bytes([number; 32])
}

/// When the transaction was recorded, in milliseconds since the command began.
const RECORDED: u64 = 40;

/// The lanes of a transaction of two shards, and what happens at millisecond after millisecond.
fn written(events: Vec<Event>) -> Vec<Vec<String>> {
    let recorded = Event::Recorded {
        transaction: transaction(1),
        inputs: 1,
        outputs: 2,
        shards: vec![ZERO, ONE],
        replaces: None,
    };
    let mut lanes = Lanes::default();
    let events = (RECORDED..).zip([recorded].into_iter().chain(events));
    let mut written: Vec<Vec<String>> = events
        .map(|(milliseconds, event)| {
            let progress = Progress {
                milliseconds,
                event,
            };
            lanes.add(&progress, |_| "n2".to_owned())
        })
        .collect();
    written.push(lanes.rest());
    written
}

fn submitted(shard: ShardId) -> Event {
    let node = NodeId::new(PublicKey::from_bytes([1; 32]));
    Event::Submitted { node, shard }
}

fn under_way(number: u8) -> Event {
    Event::UnderWay {
        transaction: transaction(number),
        shard: ZERO,
    }
}

fn decided(number: u8, shard: ShardId, outcome: Outcome) -> Event {
    Event::Verified {
        transaction: transaction(number),
        shard,
        height: Height::new(12),
        outcome,
        signatures: 3,
        members: 4,
    }
}

#[test]
fn a_lane_is_written_when_its_shard_has_decided() {
    let aborted = Outcome::Aborted(AbortReason::Deadline);
    let written = written(vec![
        submitted(ZERO),
        submitted(ONE),
        submitted(ZERO),
        decided(1, ONE, Outcome::Committed),
        decided(1, ZERO, aborted),
    ]);
    let lines: Vec<String> = written.concat();
    let then = THEN;
    assert_eq!(
        lines,
        [
            format!("shard 1  n2 has it 2 ms{then}commit 4 ms, height 12, signed by 3 of 4"),
            format!(
                "shard 0  n2 has it 1 ms{then}n2 has it 3 ms{then}abort 5 ms, height 12, signed by 3 of 4"
            ),
        ]
    );
    assert_eq!(written[4].len(), 1);
}

#[test]
fn a_long_wait_is_shown_while_it_lasts_and_in_the_end() {
    let written = written(vec![submitted(ZERO), under_way(1)]);
    let then = THEN;
    assert_eq!(
        written[2],
        [format!(
            "shard 0  n2 has it 1 ms{then}begun, not decided after 2 ms"
        )]
    );
    assert_eq!(written[3], ["shard 0  no decision", "shard 1  no decision"]);
}

#[test]
fn what_is_decided_about_another_transaction_is_in_no_lane() {
    let written = written(vec![under_way(2), decided(2, ZERO, Outcome::Committed)]);
    assert!(written[1].is_empty() && written[2].is_empty());
}

#[test]
fn an_attempt_that_is_taken_up_has_lanes_too() {
    let resumed = Event::Resumed {
        transaction: transaction(2),
        created: Time::ZERO,
    };
    let events = vec![resumed, decided(2, ZERO, Outcome::Committed)];
    let lines = written(events)[2].concat();
    assert_eq!(lines, "shard 0  commit 1 ms, height 12, signed by 3 of 4");
}
