use std::fs;
use std::sync::Arc;

use consensus::Ledger;
use model::key::Zip215;
use model::state::Inventory;
use model::statement::Slot;
use model::{Certificate, Hash, Head, HeadCertificate, Height};

use super::{Kept, States};
use crate::testing::{SHARD, committee, genesis, member_key, seat};

/// The first objects of the shard as the state after a block at this height, and the signed head.
fn kept(height: u64) -> (Kept, HeadCertificate) {
    let ledger = Ledger::genesis(&genesis(), SHARD);
    let committee = committee();
    let header = model::block::Header {
        scope: *committee.scope(),
        slot: Slot::new(height),
        parent: ledger.tip.block,
        height: Height::new(height),
        time: ledger.tip.time.plus_ms(height),
        payload: Hash::ZERO,
    };
    let head = Head {
        scope: *committee.scope(),
        height: header.height,
        previous: Hash::ZERO,
        block: model::hash::hash_value(model::Tag::Block, &header),
        time: header.time,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
        state: Some(ledger.state.as_committed(None).root()),
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(committee.scope());
    let signatures = (0..3).map(|number| (seat(number), member_key(number).sign(&bytes)));
    let certificate = Certificate {
        statement,
        signatures: signatures.collect(),
    };
    let kept = Kept {
        header,
        state: Arc::new(ledger.state),
        next: None,
    };
    (kept, HeadCertificate { head, certificate })
}

fn inventory(states: &States, head: &HeadCertificate) -> Inventory {
    let inventory = states.inventory(head.clone()).expect("the disk works");
    inventory.expect("the state is kept")
}

#[test]
fn a_state_comes_back_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let states = States::within(folder.path().join("states"));
    let (kept, head) = kept(5);
    assert!(states.heights().is_empty());
    assert_eq!(states.inventory(head.clone()).unwrap(), None);
    states.keep(&kept).unwrap();
    assert_eq!(states.heights(), [Height::new(5)]);
    let inventory = inventory(&states, &head);
    inventory.check(&committee(), &mut Zip215).unwrap();
    let pieces: Vec<model::state::Piece> = (0..inventory.pieces.len() as u32)
        .map(|number| {
            let bytes = states.piece(Height::new(5), number).unwrap().unwrap();
            model::encoding::decode(&bytes, bytes.len()).unwrap()
        })
        .collect();
    for (piece, hash) in pieces.iter().zip(&inventory.pieces) {
        assert_eq!(piece.hash(), *hash);
    }
    let past = inventory.pieces.len() as u32;
    assert_eq!(states.piece(Height::new(5), past).unwrap(), None);
    let policy = Arc::new(genesis().policy());
    let ledger = Ledger::inherit(&inventory, pieces, policy).unwrap();
    assert_eq!(ledger.state, *kept.state);
    assert_eq!(ledger.tip.head, head.head.hash());
}

#[test]
fn the_last_two_are_kept_and_what_was_not_finished_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let states = States::within(folder.path().to_owned());
    fs::write(folder.path().join("9.unfinished"), b"half").unwrap();
    fs::write(folder.path().join("notes"), b"of somebody").unwrap();
    for height in [1, 3, 10] {
        states.keep(&kept(height).0).unwrap();
    }
    assert_eq!(states.heights(), [Height::new(10), Height::new(3)]);
    assert_eq!(states.piece(Height::new(1), 0).unwrap(), None);
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 3, "two states, and what was not ours");
}

#[test]
fn a_damaged_file_is_an_error_and_nothing_worse() {
    let folder = tempfile::tempdir().unwrap();
    let states = States::within(folder.path().to_owned());
    let (kept, head) = kept(4);
    states.keep(&kept).unwrap();
    let path = folder.path().join("4.state");
    let whole = fs::read(&path).unwrap();
    let end = whole.len();
    let mut long = whole.clone();
    long[end - 8..].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut other = whole.clone();
    other[end - 12] ^= 0xff;
    for bad in [Vec::new(), whole[..end / 2].to_vec(), long, other] {
        fs::write(&path, bad).unwrap();
        if let Ok(Some(found)) = states.inventory(head.clone()) {
            found.check(&committee(), &mut Zip215).unwrap_err();
        }
    }
    fs::write(&path, &whole).unwrap();
    inventory(&states, &head);
}
