//! Admission: the one door for bytes of others, with one case for each reason to refuse.

use consensus::message::{
    AdmittedBlock, HeadSignature, MESSAGE_BYTES_MAX, Proposal, Refused, TRANSACTIONS_MAX,
};
use consensus::{Admitted, Message};
use model::bounds::{BLOCK_BYTES_MAX, ENTRIES_MAX, PAYLOAD_BYTES_MAX};
use model::encoding::DecodeError;
use model::key::Zip215;
use model::statement::Scope;
use model::transaction::Malformed;
use model::{Block, Bytes, Epoch, Hash, Height, NetworkId, ShardId, Signature, Transaction, block};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::world::{World, person};

fn world() -> World {
    World::new(4, 4)
}

fn admit(world: &World, block: Block) -> Result<AdmittedBlock, Refused> {
    let proposal = world.proposed(&block);
    match Message::Proposal(proposal).admit(&world.shards, &mut Zip215)? {
        Admitted::Proposal(admitted) => Ok(admitted),
        other => panic!("a proposal becomes a proposal: {other:?}"),
    }
}

#[track_caller]
fn refuses(world: &World, block: Block, expected: &Refused) {
    assert_eq!(admit(world, block).err().as_ref(), Some(expected));
}

/// A block whose header names this payload.
fn with_payload(world: &World, payload: Bytes) -> Block {
    let mut block = world.block(1, world.root(), &[]);
    block.header.payload = block::payload_hash(&payload);
    block.payload = payload;
    block
}

#[test]
fn a_proposal_is_admitted_with_its_entries() {
    let world = world();
    let gifts = [world.gift_of(0), world.gift_of(1)];
    let block = world.block(1, world.root(), &gifts);
    let admitted = admit(&world, block.clone()).expect("nothing is wrong with it");
    assert_eq!(admitted.proposal.block, block);
    let prepared = admitted
        .entries
        .iter()
        .filter_map(consensus::Action::prepares);
    let entries: Vec<&Transaction> = prepared
        .map(model::transaction::Authorized::transaction)
        .collect();
    assert_eq!(entries, gifts.iter().collect::<Vec<_>>());
}

#[test]
fn a_block_of_another_network_shard_or_epoch_is_refused() {
    let world = world();
    let scope = world.scope();
    let others = [
        Scope {
            network: NetworkId::from_bytes([1; 32]),
            ..scope
        },
        Scope {
            shard: ShardId::new(1),
            ..scope
        },
        Scope {
            epoch: Epoch::new(1),
            ..scope
        },
    ];
    for other in others {
        let mut block = world.block(1, world.root(), &[]);
        block.header.scope = other;
        refuses(&world, block, &Refused::OtherScope);
    }
}

#[test]
fn a_payload_that_the_header_does_not_name_is_refused() {
    let world = world();
    let mut block = world.block(1, world.root(), &[]);
    block.payload = world.block(1, world.root(), &[world.gift_of(0)]).payload;
    refuses(&world, block, &Refused::OtherPayload);
    let long = with_payload(&world, vec![0; PAYLOAD_BYTES_MAX + 1].into());
    refuses(&world, long, &Refused::OtherPayload);
}

#[test]
fn a_payload_that_is_no_list_of_entries_is_refused() {
    let world = world();
    for payload in [vec![], vec![0xff], vec![0x9f, 0xff], vec![0x80, 0x80]] {
        let refused = admit(&world, with_payload(&world, payload.clone().into())).err();
        assert!(
            matches!(refused, Some(Refused::Encoding(_))),
            "{payload:?}: {refused:?}"
        );
    }
}

#[test]
fn too_many_entries_are_refused() {
    let world = world();
    let mut small = world.gift_of(0);
    small.authorizations.clear();
    small.body.traces[0].outputs.clear();
    let block = world.block(1, world.root(), &vec![small.clone(); ENTRIES_MAX + 1]);
    let (limit, found) = (ENTRIES_MAX, ENTRIES_MAX + 1);
    refuses(&world, block, &Refused::TooMany { limit, found });
    let transactions = Message::Transactions(vec![small; TRANSACTIONS_MAX + 1]);
    let refused = transactions.admit(&world.shards, &mut Zip215).err();
    let (limit, found) = (TRANSACTIONS_MAX, TRANSACTIONS_MAX + 1);
    assert_eq!(refused, Some(Refused::TooMany { limit, found }));
}

/// A transaction that is malformed, and one whose signature is somebody else's.
fn bad(world: &World) -> [(Transaction, Malformed); 2] {
    let mut empty = world.gift_of(0);
    empty.body.traces.clear();
    let mut forged = world.gift_of(1);
    forged.authorizations[0].signature = Signature::from_bytes([1; 64]);
    let key = person(1).public();
    [
        (empty, Malformed::Empty),
        (forged, Malformed::BadSignature { key }),
    ]
}

#[test]
fn one_bad_transaction_spoils_a_proposal() {
    let world = world();
    for (bad, reason) in bad(&world) {
        let block = world.block(1, world.root(), &[world.gift_of(2), bad]);
        refuses(&world, block, &Refused::Transaction(reason));
    }
}

#[test]
fn transactions_that_are_passed_on_are_admitted_one_by_one() {
    let world = world();
    let mut transactions = bad(&world).map(|(transaction, _)| transaction).to_vec();
    transactions.insert(1, world.gift_of(2));
    let message = Message::Transactions(transactions);
    match message.admit(&world.shards, &mut Zip215) {
        Ok(Admitted::Transactions(admitted)) => {
            let good: Vec<_> = admitted
                .iter()
                .map(|one| one.transaction().clone())
                .collect();
            assert_eq!(good, [world.gift_of(2)]);
        }
        other => panic!("transactions become transactions: {other:?}"),
    }
}

#[test]
fn bytes_that_are_no_message_are_refused() {
    let garbage: [&[u8]; 4] = [&[], &[0x00], &[0x82, 0x18, 0x63, 0x00], &[0xff; 40]];
    for bytes in garbage {
        assert!(Message::decode(bytes).is_err(), "{bytes:?}");
    }
    let long = vec![0; MESSAGE_BYTES_MAX + 1];
    assert!(matches!(
        Message::decode(&long),
        Err(DecodeError::TooLong { .. })
    ));
    let mut trailing = Message::HeadSignature(HeadSignature {
        height: Height::ZERO,
        head: Hash::ZERO,
        signature: Signature::from_bytes([0; 64]),
    })
    .encode();
    trailing.push(0);
    assert!(Message::decode(&trailing).is_err());
}

#[test]
fn the_longest_proposal_fits_into_a_message() {
    let world = world();
    let mut block = with_payload(&world, vec![0; PAYLOAD_BYTES_MAX].into());
    block.header.slot = model::Slot::new(u64::MAX);
    block.header.height = Height::new(u64::MAX);
    block.header.time = model::Time::from_ms(u64::MAX);
    assert!(model::encoding::encode(&block).len() <= BLOCK_BYTES_MAX);
    let signature = Signature::from_bytes([0xff; 64]);
    let message = Message::Proposal(Proposal { block, signature });
    let bytes = message.encode();
    assert!(bytes.len() <= MESSAGE_BYTES_MAX);
    assert_eq!(Message::decode(&bytes), Ok(message));
}

proptest! {
    #![proptest_config(Config {
        cases: 200,
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn a_changed_byte_is_refused_or_makes_another_message(at in 0_usize..100_000, with in 1_u8..) {
        let world = world();
        let block = world.block(1, world.root(), &[world.gift_of(0)]);
        let mut bytes = world.proposal(&block).encode();
        let at = at % bytes.len();
        bytes[at] ^= with;
        if let Ok(message) = Message::decode(&bytes) {
            prop_assert_eq!(message.encode(), bytes);
            // Whatever it is, admitting it does not panic.
            drop(message.admit(&world.shards, &mut Zip215));
        }
    }
}
