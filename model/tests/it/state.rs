//! How a state is cut into pieces, and what its root binds.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::bounds::{PIECE_BYTES_AIM, PIECE_BYTES_MAX, PIECE_ITEMS_MAX, STATE_BLOCKS};
use model::state::{DecidedRecord, Piece, Role, ShardState, is_due};
use model::{
    Bytes, ContractId, Height, Object, ObjectId, ObjectType, ShardId, Time, TraceId, TransactionId,
    encoding, merkle,
};

/// So many objects, each with so much in it.
fn objects(count: u32, bytes: usize) -> BTreeMap<ObjectId, Arc<Object>> {
    let object = |index| Object {
        trace: TraceId::from_bytes([1; 32]),
        index,
        object_type: ObjectType {
            contract: ContractId::system("Thing"),
            name: "thing".to_owned(),
        },
        home: ShardId::new(0),
        content: Bytes::from(vec![7; bytes]),
    };
    let objects = (0..count).map(object);
    objects
        .map(|object| (object.id(), Arc::new(object)))
        .collect()
}

fn decided(count: usize) -> Vec<DecidedRecord> {
    let record = |number: usize| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&(number as u64).to_be_bytes());
        DecidedRecord {
            transaction: TransactionId::from_bytes(id),
            valid_until: Time::from_ms(5),
            height: Height::new(1),
            committed: true,
            role: Role::Alone,
            answered: Time::from_ms(4),
        }
    };
    (0..count).map(record).collect()
}

fn state(objects: &BTreeMap<ObjectId, Arc<Object>>, ended: usize) -> ShardState<'_> {
    ShardState {
        objects,
        decided: decided(ended),
        sessions: Vec::new(),
        foreign: Vec::new(),
        next: None,
    }
}

/// The items of each piece.
fn sizes(state: &ShardState<'_>) -> Vec<usize> {
    let size = |piece| match piece {
        Piece::Objects(objects) => objects.len(),
        Piece::Decided(decided) => decided.len(),
        Piece::Sessions(sessions) => sessions.len(),
        Piece::Foreign(foreign) => foreign.len(),
        Piece::Next(_) => 1,
    };
    state.pieces().map(size).collect()
}

#[test]
fn pieces_are_full_and_no_longer_than_they_may_be() {
    let small = objects(2 * PIECE_ITEMS_MAX as u32 + 1, 0);
    let per_piece = PIECE_BYTES_AIM / 192;
    let whole = state(&small, PIECE_ITEMS_MAX + 2);
    let found = sizes(&whole);
    assert_eq!(found[..3], [per_piece, per_piece, per_piece]);
    assert_eq!(found[found.len() - 3..], [PIECE_ITEMS_MAX, 2, 1]);

    let large = objects(5, 200_000);
    assert_eq!(sizes(&state(&large, 0)), [2, 2, 1, 1]);
    let huge = objects(2, PIECE_BYTES_AIM + 1);
    assert_eq!(sizes(&state(&huge, 0)), [1, 1, 1]);
    for piece in whole.pieces() {
        assert!(encoding::encode(&piece).len() <= PIECE_BYTES_MAX);
    }
}

#[test]
fn the_root_is_that_of_the_pieces_and_binds_all_of_them() {
    let some = objects(3, 10);
    let whole = state(&some, 2);
    let hashes: Vec<_> = whole.pieces().map(|piece| piece.hash()).collect();
    assert_eq!(whole.root(), merkle::root(&hashes));

    let mut other = whole.clone();
    other.decided[1].answered = Time::from_ms(6);
    assert_ne!(other.root(), whole.root());
    let fewer = objects(2, 10);
    assert_ne!(state(&fewer, 2).root(), whole.root());
    let nothing = objects(0, 0);
    assert_eq!(sizes(&state(&nothing, 0)), [1]);
}

#[test]
fn an_object_in_a_piece_is_bound_with_its_content() {
    let some = objects(2, 10);
    let whole = state(&some, 0);
    let Some(Piece::Objects(mut objects)) = whole.pieces().next() else {
        panic!("the first piece is of objects");
    };
    let hash = Piece::Objects(objects.clone()).hash();
    objects[0].content = Bytes::from(vec![8; 10]);
    assert_ne!(Piece::Objects(objects).hash(), hash);
}

#[test]
fn heads_commit_to_the_state_every_so_many_blocks() {
    let due = (1..=3 * STATE_BLOCKS).filter(|height| is_due(Height::new(*height)));
    let due: Vec<u64> = due.collect();
    assert_eq!(due, [STATE_BLOCKS, 2 * STATE_BLOCKS, 3 * STATE_BLOCKS]);
}
