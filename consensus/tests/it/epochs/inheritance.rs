//! Somebody begins with the state at the end of an epoch, and has seen no block before it.

use std::sync::Arc;

use consensus::ledger::BadState;
use consensus::{Ledger, Shards};
use model::head::HeadError;
use model::key::Zip215;
use model::state::{BadInventory, Inventory, Piece};
use model::{CertificateError, Epoch, Hash, Policy};

use super::guest::{lead, tell, town};
use super::town::Town;
use crate::world::SHARD;

/// The state in which the first epoch ended.
fn first_end(town: &Town) -> (Inventory, Vec<Piece>) {
    let directory = town.person(0).replica.shards().directory();
    let end = directory.end(SHARD, Epoch::ZERO).expect("it has ended");
    town.person(0).state(end).expect("its head commits to it")
}

fn policy(town: &Town) -> Arc<Policy> {
    Arc::clone(town.world.shards.policy())
}

/// What a member knows of shards, with ours in an epoch.
fn shards(town: &Town, epoch: Epoch) -> Shards {
    let known = town.person(0).replica.shards();
    known.at(epoch).expect("the epoch is known")
}

#[test]
fn whoever_begins_with_a_state_comes_to_the_same_ledger_as_those_who_saw_everything() {
    let town = town();
    let (inventory, pieces) = first_end(&town);
    let committee = town.world.shards.ours();
    inventory.check(committee, &mut Zip215).unwrap();
    let ledger = Ledger::inherit(&inventory, pieces, policy(&town)).unwrap();
    assert_eq!(ledger.scope.epoch, Epoch::new(1));
    assert_eq!(ledger.tip.epoch, Epoch::ZERO);

    // Person 3 has no seat in any epoch from here on.
    let known = shards(&town, Epoch::new(1));
    let mut guest = town.guest_within(3, known, ledger);
    tell(&town, &mut guest);
    lead(&town, &mut guest);
    let ours = town.person(0).replica.ledger();
    assert!(guest.ledger().tip.height > inventory.head.head.height);
    assert_eq!(guest.ledger(), ours);
}

#[test]
fn a_state_that_nobody_signed_is_refused() {
    let town = town();
    let (inventory, _) = first_end(&town);
    let committee = town.world.shards.ours();
    let refused = |change: &dyn Fn(&mut Inventory)| {
        let mut changed = inventory.clone();
        change(&mut changed);
        changed.check(committee, &mut Zip215).unwrap_err()
    };
    assert_eq!(
        refused(&|changed| changed.pieces[0] = Hash::ZERO),
        BadInventory::OtherState
    );
    assert_eq!(
        refused(&|changed| changed.pieces.truncate(1)),
        BadInventory::OtherState
    );
    assert_eq!(
        refused(&|changed| changed.header.slot = changed.header.slot.next()),
        BadInventory::OtherHeader
    );
    assert_eq!(
        refused(&|changed| changed.head.head.state = None),
        BadInventory::NoState
    );
    let few = refused(&|changed| changed.head.certificate.signatures.truncate(2));
    assert!(
        matches!(
            few,
            BadInventory::Head(HeadError::Certificate(CertificateError::TooFew { .. }))
        ),
        "{few:?}"
    );
    let other = shards(&town, Epoch::new(1));
    assert_eq!(
        inventory.check(other.ours(), &mut Zip215),
        Err(BadInventory::Head(HeadError::OtherScope))
    );
}

#[test]
fn f6_a_piece_of_another_state_is_known_by_its_hash() {
    let town = town();
    let (inventory, pieces) = first_end(&town);
    assert!(pieces.len() > 2);
    for (piece, hash) in pieces.iter().zip(&inventory.pieces) {
        assert_eq!(piece.hash(), *hash);
        let mut changed = piece.clone();
        match &mut changed {
            Piece::Objects(objects) => drop(objects.pop()),
            Piece::Decided(decided) => decided[0].committed = !decided[0].committed,
            Piece::Sessions(sessions) => sessions[0].repeats += 1,
            Piece::Foreign(foreign) => foreign[0].forked = true,
            Piece::Next(next) => *next = None,
        }
        assert_ne!(changed.hash(), *hash, "{piece:?}");
    }
    let unfinished = pieces[..pieces.len() - 1].to_vec();
    assert_eq!(
        Ledger::inherit(&inventory, unfinished, policy(&town)).unwrap_err(),
        BadState::Unfinished
    );
}
