//! Another shard that ends an epoch twice, and tells some members the one and some the other.

use std::sync::Arc;

use consensus::Input;
use model::certificate::Certificate;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{Epoch, EpochChange, Fact, HandOver, Hash, Head, HeadCertificate, Height};
use model::{NodeDescriptor, ShardId, ShardRecord, Time};

use super::BEFORE;
use super::town::Town;
use crate::world::member;

const LIARS: ShardId = ShardId::new(1);

/// The shard of the people 10 to 13, all of whom sign whatever is wanted.
fn liars() -> ShardRecord {
    let descriptor = |index| NodeDescriptor {
        name: format!("liar {index}"),
        node: Town::node(index),
        addresses: Vec::new(),
    };
    ShardRecord::founded(LIARS, (10..14).map(descriptor).collect(), 0)
}

/// Its first epoch ends at a height.
fn change(town: &Town, height: u64) -> EpochChange {
    let next = liars().renewed().expect("a number");
    let committee = liars().committee(town.world.genesis.network());
    let scope = *committee.expect("a shard").scope();
    let tree = outbox_tree(&[], Some(&next));
    let head = Head {
        scope,
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(9),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&scope);
    let sign = |seat: usize| {
        let place = Seat::new(seat).expect("few seats");
        (place, member(10 + seat).sign(&bytes))
    };
    let certificate = Certificate {
        statement,
        signatures: (0..3).map(sign).collect(),
    };
    EpochChange {
        next,
        hand_over: HandOver {
            head: HeadCertificate { head, certificate },
            proof: tree.prove(0).expect("the only leaf"),
        },
    }
}

#[test]
fn a_shard_that_ends_an_epoch_twice_stops_nobody() {
    let mut town = Town::new(2);
    for index in BEFORE {
        town.step(index, Input::Learned(Fact::Founded(liars())));
    }
    town.run_for(10_000);
    let told = [7, 9].map(|height| change(&town, height));
    for index in BEFORE {
        let change = told[index / 2].clone();
        town.step(index, Input::Learned(Fact::Changed(change)));
    }
    town.give(0);
    town.run_until("all is decided", 5_000, |town| {
        town.have_decided(&BEFORE, 1)
    });
    let ended = |index: usize| {
        let replica = &town.person(index).replica;
        assert_eq!(replica.ledger().epoch_of(LIARS), Epoch::new(1));
        let directory = replica.shards().directory();
        directory.changes(LIARS, Epoch::ZERO).next().map(Arc::clone)
    };
    let first = ended(0).expect("it has ended");
    assert!(told.contains(&first));
    for index in BEFORE {
        assert_eq!(ended(index), Some(Arc::clone(&first)), "person {index}");
    }
    town.give(1);
    town.run_until("all goes on", 5_000, |town| town.have_decided(&BEFORE, 2));
}
