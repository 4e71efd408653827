//! Tests of the account of actions.

use consensus::Payloads;
use model::block::{BlockRef, Header, payload_hash};
use model::encoding::Bytes;
use model::statement::{Epoch, Height, Scope, Slot};
use model::{Block, NetworkId, ShardId, Time};

use super::Actions;

fn block(payload: &Bytes) -> Block {
    let network = NetworkId::from_hash(model::Hash::from_bytes([1; 32]));
    let header = Header {
        scope: Scope {
            network,
            shard: ShardId::new(0),
            epoch: Epoch::ZERO,
        },
        slot: Slot::new(1),
        parent: BlockRef::genesis(&network),
        height: Height::new(1),
        time: Time::from_ms(1),
        payload: payload_hash(payload),
    };
    Block {
        header,
        payload: payload.clone(),
    }
}

fn numbers(payload: &[u8]) -> Vec<u8> {
    payload.chunks_exact(16).map(|action| action[8]).collect()
}

#[test]
fn what_is_ordered_is_replaced_by_as_much() {
    let mut actions = Actions::new(7, 16, 3);
    let payload = actions.next();
    assert_eq!(numbers(&payload), [1, 2, 3]);
    assert!(payload.chunks_exact(16).all(|action| action[0] == 7));
    assert!(!actions.waits());
    let mut latencies = Vec::new();
    actions.ordered(&block(&payload), &mut latencies);
    actions.ordered(&block(&payload), &mut latencies);
    assert_eq!(latencies.len(), 3);
    assert_eq!(numbers(&actions.next()), [4, 5, 6]);
}

#[test]
fn what_was_passed_over_is_proposed_again_before_all_else() {
    let mut actions = Actions::new(0, 16, 2);
    let lost = actions.next();
    actions.give(1);
    let found = actions.next();
    let mut latencies = Vec::new();
    actions.ordered(&block(&found), &mut latencies);
    assert_eq!(latencies.len(), 1);
    assert_eq!(numbers(&actions.next()), [1, 2, 4]);
    assert_eq!(numbers(&lost), [1, 2]);
}

#[test]
fn a_payload_has_no_more_actions_than_fit() {
    let mut long = Actions::new(0, 200 * 1024, 5);
    assert_eq!(long.next().len(), 2 * 200 * 1024);
    let mut many = Actions::new(0, 16, 1_500);
    assert_eq!(many.next().len(), 16 * 1_000);
}
