//! The largest shard can be founded, changed and objected to: each fits a transaction.

use contracts::Calls;
use model::bounds::SHARD_RECORD_BYTES_MAX;
use model::{NodeDescriptor, ShardRecord, encoding};
use system_contracts::manage_shards::{Create, Exclude, Succession, Update};

use super::evidence::every_kind;
use super::world::{PRICE, SHARD, consents, describe, follow, hand_over, shard, token};
use crate::world::{NETWORK, TERMS, arguments, secret};

/// A hundred people from `first` on, whose addresses leave no room for anything else.
fn hundred(first: u8) -> Vec<NodeDescriptor> {
    let mut members: Vec<NodeDescriptor> = (first..first + 100).map(describe).collect();
    let bare = encoding::encode(&ShardRecord::founded(SHARD, members.clone(), PRICE)).len();
    // One byte of difference for the epoch.
    let room = (SHARD_RECORD_BYTES_MAX - bare) / 100 - 3;
    for member in &mut members {
        let label = "a".repeat(60);
        let address = format!("/dns/{label}.{}/tcp/9", "b".repeat(room - 80));
        member.addresses.push(address);
    }
    members
}

#[test]
fn the_largest_record_is_founded_changed_and_objected_to() {
    let founded = ShardRecord::founded(SHARD, hundred(1), PRICE);
    let bytes = encoding::encode(&founded).len();
    assert_eq!(founded.check(NETWORK, None), Ok(()));
    assert!(bytes + 1_000 > SHARD_RECORD_BYTES_MAX, "{bytes} bytes");

    let create = Create {
        members: hundred(1),
        price: PRICE,
    };
    let mut calls = Calls::new(NETWORK);
    let given = arguments(vec![token(7)], consents(&founded, None));
    calls.call(&create, given).expect("all agree");
    assert!(calls.draft(TERMS).sign(&secret(1)).finish().is_ok());

    // All hundred are replaced, all hundred sign, and all hundred agree.
    let next = follow(&founded, hundred(101));
    let update = Update { next: next.clone() };
    let seats: Vec<usize> = (0..100).collect();
    let succession = Succession {
        hand_over: hand_over(&founded, &next, &seats),
        consents: consents(&next, Some(&founded)),
    };
    let mut calls = Calls::new(NETWORK);
    let given = arguments(vec![shard(&founded)], succession);
    calls.call(&update, given).expect("all agree");
    assert!(calls.draft(TERMS).sign(&secret(1)).finish().is_ok());

    for (kind, record) in every_kind(0) {
        let mut calls = Calls::new(NETWORK);
        let given = arguments(vec![shard(&founded)], record);
        calls.call(&Exclude, given).expect("it lied");
        let finished = calls.draft(TERMS).sign(&secret(1)).finish();
        assert!(finished.is_ok(), "{kind}");
    }
}
