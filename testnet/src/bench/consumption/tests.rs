//! Tests of the workload: what is consumed is there, and a network knows the contract.

use contracts::simulator;
use model::block::{BlockRef, Header};
use model::genesis::GenesisShard;
use model::key::Zip215;
use model::{
    Block, Genesis, Hash, NodeDescriptor, NodeId, Outcome, SecretKey, ShardId, Slot, Time,
};

use super::{Meal, Stock, objects};
use crate::bench::load::Load as _;

const CREATED: Time = Time::from_ms(1_000);

/// A network of so many shards with 60 objects of each sort.
fn document(shards: u32) -> Genesis {
    let member = |index: u32| NodeDescriptor {
        name: format!("n{index}"),
        node: NodeId::new(SecretKey::from_seed([index as u8 + 1; 32]).public()),
        addresses: Vec::new(),
    };
    let shard = |shard: u32| GenesisShard {
        shard: ShardId::new(shard),
        members: (0..4).map(|seat| member(4 * shard + seat)).collect(),
    };
    let shards_of = (0..shards).map(shard).collect();
    let mut genesis = system_contracts::genesis::genesis("local-test", CREATED, shards_of, &[]);
    for signed in [false, true] {
        simulator::install(&mut genesis, objects(60, shards, signed));
    }
    assert_eq!(genesis.check(), Ok(()));
    genesis
}

const fn meal(shards: u32, inputs: usize, signed: bool) -> Meal {
    Meal {
        shards,
        inputs,
        signed,
        all_votes: false,
    }
}

#[test]
fn what_is_served_commits_signed_or_not_and_leaves_nothing() {
    let genesis = document(1);
    let contracts = node::Contracts::of(&genesis);
    let mut ledger = consensus::Ledger::genesis(&genesis, ShardId::new(0));
    for signed in [false, true] {
        let mut stock = Stock::open(&genesis, signed);
        let until = CREATED.plus_ms(30_000);
        let table = stock.serve(meal(1, 3, signed), 1_000, 7, until);
        let mut table = table.expect("there are objects");
        assert_eq!((table.lanes(), stock.objects.len()), (7, 0));
        let mut actions = Vec::new();
        while let Some(ready) = table.next(actions.len() % 7) {
            assert_eq!(ready.transaction.authorizations.len(), usize::from(signed));
            let formed = ready.transaction.check_form(ledger.network());
            let formed = formed.expect("it is well-formed");
            assert_eq!(formed.id(), ready.id);
            let verified = formed.verify(&mut Zip215).expect("it is signed");
            actions.push(consensus::Action::Prepare(verified));
        }
        assert_eq!(actions.len(), 20);
        let parent: BlockRef = ledger.tip.block;
        let header = Header {
            scope: ledger.scope,
            slot: Slot::new(parent.slot.number() + 1),
            parent,
            height: ledger.tip.height.next(),
            time: ledger.tip.time.plus_ms(1),
            payload: Hash::ZERO,
        };
        let payload = [].into();
        let block = Block { header, payload };
        let applied = ledger.apply(&block, &actions, &*contracts.checkers);
        let committed = applied.results.iter();
        let committed = committed.filter(|result| result.outcome == Outcome::Committed);
        assert_eq!(committed.count(), 20, "signed: {signed}");
    }
    assert!(ledger.state.objects.is_empty());
}

#[test]
fn a_network_that_is_not_made_for_it_does_not_know_the_contract() {
    let genesis = document(1);
    let plain = Genesis {
        mappings: Vec::new(),
        objects: Vec::new(),
        ..genesis.clone()
    };
    let knows = |genesis: &Genesis| {
        let contracts = node::Contracts::of(genesis);
        contracts.checkers.checker(&simulator::id()).is_some()
    };
    assert!(knows(&genesis) && !knows(&plain));
}

#[test]
fn inputs_are_in_random_shards() {
    let genesis = document(5);
    let mut stock = Stock::open(&genesis, false);
    let until = CREATED.plus_ms(30_000);
    let mut concerned = |inputs| {
        let table = stock.serve(meal(5, inputs, false), 5, 1, until);
        table.expect("there are objects").concerned()
    };
    assert!((concerned(1) - 1.0).abs() < 1e-9);
    let ten = concerned(10);
    assert!((3.5..=5.0).contains(&ten), "{ten}");
}
