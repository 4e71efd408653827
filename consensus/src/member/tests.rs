//! Members of a shard of four, for the tests of this crate, and the order of leaders and seats.

use model::key::Zip215;
use model::shard::{Committee, Seat};
use model::statement::{Slot, Statement};
use model::{Epoch, NetworkId, NodeId, SecretKey, ShardId, Signature};

use super::Member;
use crate::shards::Shards;

fn key(seat: usize) -> SecretKey {
    SecretKey::from_seed([u8::try_from(seat + 1).expect("a small shard"); 32])
}

pub(crate) fn seat(index: usize) -> Seat {
    Seat::new(index).expect("a small shard")
}

fn committee() -> Committee {
    let nodes = (0..4)
        .map(|index| NodeId::new(key(index).public()))
        .collect();
    let network = NetworkId::from_bytes([5; 32]);
    Committee::new(network, ShardId::new(0), Epoch::ZERO, nodes).expect("four nodes")
}

/// The member on this seat.
pub(crate) fn member(index: usize) -> Member {
    let signer = Box::new(key(index));
    Member::new(
        Shards::alone(&committee()),
        seat(index),
        signer,
        Box::new(Zip215),
    )
}

/// The signature of the member on this seat.
pub(crate) fn sign(index: usize, statement: &Statement) -> Signature {
    key(index).sign(&statement.signing_bytes(committee().scope()))
}

#[test]
fn seats_lead_in_turn() {
    let member = member(0);
    let leaders: Vec<usize> = (0..6)
        .map(|slot| member.leader(Slot::new(slot)).index())
        .collect();
    assert_eq!(leaders, [0, 1, 2, 3, 0, 1]);
    assert_eq!(member.leader(Slot::new(u64::MAX)).index(), 3);
}

#[test]
fn the_others_begin_with_the_next_seat() {
    assert_eq!(member(2).others(), [3, 0, 1].map(seat));
}
