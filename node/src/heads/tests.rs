use model::key::Zip215;
use model::shard::Seat;
use model::{Certificate, Hash, Head, NodeId, Time};

use super::*;
use crate::testing::{SHARD, committee, member_key, node};

/// A head of the shard at a height, with this outbox, signed on these seats.
pub(crate) fn signed(height: u64, outbox: Hash, seats: &[usize]) -> HeadCertificate {
    let head = Head {
        scope: *committee().scope(),
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(height),
        results: Hash::ZERO,
        outbox,
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&head.scope);
    let sign = |seat: &usize| {
        let signature = member_key(*seat).sign(&bytes);
        (Seat::new(*seat).unwrap(), signature)
    };
    let certificate = Certificate {
        statement,
        signatures: seats.iter().map(sign).collect(),
    };
    HeadCertificate { head, certificate }
}

/// A head of the shard, which differs from others of its height by a byte, signed on these seats.
pub(crate) fn certified(height: u64, byte: u8, seats: &[usize]) -> HeadCertificate {
    signed(height, Hash::from_bytes([byte; 32]), seats)
}

fn hear(heads: &Heads, height: u64, byte: u8, seats: &[usize]) -> Hearing {
    heads.hear(certified(height, byte, seats), &committee(), Instant::now())
}

#[test]
fn the_highest_head_of_a_shard_is_kept() {
    let heads = Heads::default();
    assert_eq!(heads.latest(SHARD), None);
    assert_eq!(hear(&heads, 5, 1, &[0, 1, 2]), Hearing::New);
    assert_eq!(hear(&heads, 5, 1, &[1, 2, 3]), Hearing::Old);
    assert_eq!(hear(&heads, 4, 1, &[0, 1, 2]), Hearing::Old);
    assert_eq!(hear(&heads, 7, 1, &[0, 1, 2]), Hearing::New);
    assert_eq!(heads.heights(), [(SHARD, Height::new(7))]);
    assert_eq!(heads.latest(SHARD), Some(certified(7, 1, &[0, 1, 2])));
}

#[test]
fn two_heads_of_one_height_convict_those_who_signed_both_and_are_heard_once() {
    let heads = Heads::default();
    hear(&heads, 5, 1, &[0, 1, 2]);
    assert!(heads.is_of_use(&certified(5, 2, &[1, 2, 3])));
    let Hearing::Fork(lies) = hear(&heads, 5, 2, &[1, 2, 3]) else {
        panic!("there are two heads");
    };
    let liars: Vec<NodeId> = lies.iter().map(|record| record.node).collect();
    assert_eq!(liars, [node(1), node(2)]);
    for record in lies {
        assert_eq!(record.verify(&mut Zip215), Ok(()));
    }
    for byte in [2, 3] {
        assert!(!heads.is_of_use(&certified(5, byte, &[1, 2, 3])));
        assert_eq!(hear(&heads, 5, byte, &[1, 2, 3]), Hearing::Old);
    }
}

#[test]
fn few_heads_are_kept() {
    let heads = Heads::default();
    for height in 1..=3 * HEADS_MAX as u64 {
        hear(&heads, height, 1, &[0]);
        hear(&heads, height, 2, &[0]);
    }
    let shards = heads.lock();
    assert_eq!(shards[&SHARD].heads.len(), HEADS_MAX);
    assert!(shards[&SHARD].forks.len() <= HEADS_MAX);
}

#[test]
fn silence_begins_with_what_was_heard_last() {
    let (heads, now) = (Heads::default(), Instant::now());
    assert_eq!(heads.silence(SHARD, now), None);
    heads.hear(certified(1, 1, &[0]), &committee(), now);
    let second = Duration::from_secs(1);
    assert_eq!(heads.silence(SHARD, now + second), Some(second));
}
