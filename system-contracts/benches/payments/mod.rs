//! A shard of four and as many payments as one likes: what the benchmarks of several crates measure.
//!
//! Every payment spends an account of its own, out of which it pays one CSC and takes the change.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::sync::Arc;

use contracts::{Arguments, Calls, Secret, Terms};
use model::block::{BlockRef, Entry, Header, encode_entries, payload_hash};
use model::genesis::GenesisShard;
use model::{
    Block, Committee, Genesis, Height, Mode, NodeDescriptor, NodeId, Object, SecretKey, ShardId,
    Slot, Time, Transaction,
};
use system_contracts::cscoin::{CSC, Payment, Transfer};

/// When the network was made.
pub(crate) const CREATED: Time = Time::from_ms(1_000_000);

/// The only shard.
pub(crate) const SHARD: ShardId = ShardId::new(0);

/// The payer.
fn alice() -> SecretKey {
    SecretKey::from_seed([1; 32])
}

/// A network with one shard of four, in which Alice has so many accounts.
pub(crate) fn genesis(accounts: usize) -> Genesis {
    let member = |index: u8| NodeDescriptor {
        name: format!("node-{index}"),
        node: NodeId::new(SecretKey::from_seed([100 + index; 32]).public()),
        addresses: Vec::new(),
    };
    let shard = GenesisShard {
        shard: SHARD,
        members: (0..4).map(member).collect(),
    };
    let accounts = vec![(alice().public(), SHARD, 10 * CSC); accounts];
    system_contracts::genesis::genesis("bench", CREATED, vec![shard], &accounts)
}

/// The members of the shard.
pub(crate) fn committee(genesis: &Genesis) -> Committee {
    let committee = genesis.committee(SHARD).expect("the shard is there");
    committee.expect("four members can form a shard")
}

/// One payment out of each account, to Bob.
pub(crate) fn payments(genesis: &Genesis) -> Vec<Transaction> {
    let accounts = genesis.objects_of(SHARD).into_values();
    accounts
        .map(|account| payment(genesis, Arc::unwrap_or_clone(account)))
        .collect()
}

/// The first block of the shard, with all of these payments.
pub(crate) fn block(genesis: &Genesis) -> Block {
    let entries: Vec<Entry> = payments(genesis).into_iter().map(Entry::Prepare).collect();
    let payload = encode_entries(&entries);
    Block {
        header: Header {
            scope: *committee(genesis).scope(),
            slot: Slot::new(1),
            parent: BlockRef::genesis(&genesis.network()),
            height: Height::new(1),
            time: CREATED.plus_ms(1),
            payload: payload_hash(&payload),
        },
        payload,
    }
}

fn payment(genesis: &Genesis, account: Object) -> Transaction {
    let mut calls = Calls::new(genesis.network());
    let arguments = Arguments {
        inputs: vec![account],
        references: Vec::new(),
        local_parameters: vec![Payment {
            payee: SecretKey::from_seed([2; 32]).public(),
            amount: CSC,
        }],
        secret_parameters: Secret::NONE,
    };
    let transfer = calls.call(&Transfer::NEAR, arguments);
    transfer.expect("the account holds enough");
    let draft = calls.draft(Terms {
        nonce: [0; 16],
        valid_until: CREATED.plus_ms(30_000),
        mode: Mode::AllVotes,
    });
    let payment = draft.sign(&alice()).finish();
    let payment = payment.expect("a payment is well-formed");
    payment.transaction().clone()
}
