//! One function for each door through which bytes of strangers become values.
//!
//! What comes in is what goes out again, and whatever is done next to a value that was let in, with
//! checks that may fail, does not panic.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::shard::world::World;
use consensus::message::{
    Admitted, BLOCKS_BYTES_MAX, Blocks, MESSAGE_BYTES_MAX, SyncRequest, entries_of_final,
};
use consensus::{Action, Message, Record, Shards};
use model::api::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response};
use model::block::{Entry, decode_entries, encode_entries};
use model::bounds::{
    GENESIS_BYTES_MAX, PAYLOAD_BYTES_MAX, RECEIPT_BYTES_MAX, TRANSACTION_BYTES_MAX,
};
use model::key::Zip215;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{
    Committee, Delivery, Genesis, Hash, Leaf, ObjectId, Parcel, Receipt, Transaction, validity,
};
use system_contracts::cscoin::{self, Account};
use system_contracts::manage_shards::{self, Shard, Token};

use crate::canonical;
use contracts::Content;

/// A message of a member: decoded, and let in by [`Message::admit`].
pub fn message(bytes: &[u8]) {
    let Some(message) = canonical::read::<Message>(bytes, MESSAGE_BYTES_MAX) else {
        return;
    };
    let scope = match &message {
        Message::Proposal(proposal) => proposal.block.header.scope,
        _ => World::get().scope(),
    };
    let Ok(admitted) = message.clone().admit(&shards(&scope), &mut Zip215) else {
        return;
    };
    if let (Admitted::Proposal(admitted), Message::Proposal(proposal)) = (admitted, message) {
        let entries = admitted.entries.iter();
        let entries: Vec<Entry> = entries.map(Action::to_entry).collect();
        assert_eq!(
            encode_entries(&entries),
            proposal.block.payload,
            "other entries were let in"
        );
        assert_eq!(admitted.proposal, proposal, "another proposal was let in");
    }
}

/// A request for what a node lacks.
pub fn sync_request(bytes: &[u8]) {
    canonical::read::<SyncRequest>(bytes, 8 * 1024);
}

/// A shard of the members of [`World`] that has this scope.
fn shards(scope: &Scope) -> Shards {
    let members = World::get().committee.members().to_vec();
    let committee = Committee::new(scope.network, scope.shard, scope.epoch, members);
    Shards::alone(&committee.expect("members that form a shard"))
}

/// An answer to a request for blocks.
pub fn blocks(bytes: &[u8]) {
    let Some(Blocks { blocks }) = canonical::read(bytes, BLOCKS_BYTES_MAX) else {
        return;
    };
    for block in blocks {
        let shards = shards(&block.block.header.scope);
        if block.block.is_whole() && entries_of_final(&block.block, &shards).is_ok() {
            entries(&block.block.payload);
        }
    }
}

/// A record of the log.
pub fn record(bytes: &[u8]) {
    if let Some(Record::Malpractice(record)) = canonical::read(bytes, MESSAGE_BYTES_MAX) {
        let _ = record.verify(&mut Zip215);
    }
}

/// The payload of a block.
pub fn entries(bytes: &[u8]) {
    if let Ok(entries) = decode_entries(bytes) {
        canonical::check(bytes, &entries);
        assert_eq!(
            encode_entries(&entries)[..],
            *bytes,
            "another payload comes back"
        );
    }
    canonical::read::<Vec<Entry>>(bytes, PAYLOAD_BYTES_MAX);
}

/// Promises of another shard: a leaf, a parcel or a delivery, and whether they prove anything.
pub fn promises(bytes: &[u8]) {
    canonical::read::<Leaf>(bytes, PAYLOAD_BYTES_MAX);
    if let Some(parcel) = canonical::read::<Parcel>(bytes, PAYLOAD_BYTES_MAX) {
        prove(&parcel);
    }
    let Some(delivery) = canonical::read::<Delivery>(bytes, PAYLOAD_BYTES_MAX) else {
        return;
    };
    if let Some(leaf) = delivery.parcel.leaves.first() {
        let _ = delivery.check_form(leaf.to);
    }
    delivery.parcels().for_each(prove);
}

/// What shows that the leaves are where they are said to be shows it of no others.
fn prove(parcel: &Parcel) {
    let root = &parcel.head.head.outbox;
    let mut leaves: Vec<Hash> = parcel.leaves.iter().map(Leaf::hash).collect();
    if parcel.proof.verify(root, &leaves) {
        leaves.pop();
        assert!(
            !parcel.proof.verify(root, &leaves),
            "fewer leaves are let in"
        );
    }
    let committee = &World::get().committee;
    let _ = parcel.check_head(committee, committee.quorum(), &mut Zip215);
}

/// A transaction, up to what it does where all that it uses is active.
pub fn transaction(bytes: &[u8]) {
    let Some(transaction) = canonical::read::<Transaction>(bytes, TRANSACTION_BYTES_MAX) else {
        return;
    };
    let network = transaction.body.network;
    let Ok(well_formed) = transaction.check_form(&network) else {
        return;
    };
    let _ = well_formed.clone().verify(&mut Zip215);
    apply(&well_formed.trust());
}

/// Applies a transaction to what it opens: whatever it does, no money is made or lost, and no number
/// is given to two shards.
fn apply(transaction: &Authorized) {
    let openings = transaction.transaction().openings.iter();
    let mut objects: BTreeMap<ObjectId, Arc<model::Object>> = openings
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect();
    let checkers = system_contracts::checkers();
    let Ok(effects) = validity::valid(&objects, transaction, &checkers) else {
        return;
    };
    let before = (money(&objects), numbers(&objects));
    for consumed in &effects.consumed {
        assert!(
            objects.remove(consumed).is_some(),
            "{consumed} was not active"
        );
    }
    for (id, created) in effects.created {
        assert!(
            objects.insert(id, created).is_none(),
            "{id} was active already"
        );
    }
    let after = (money(&objects), numbers(&objects));
    assert_eq!(before, after, "money or shards were made or lost");
}

/// What all accounts hold, in ncsc.
fn money(objects: &BTreeMap<ObjectId, Arc<model::Object>>) -> u128 {
    let accounts = objects
        .values()
        .filter_map(|object| Account::read(cscoin::id(), object).ok());
    accounts.map(|account| u128::from(account.balance)).sum()
}

/// How many tokens there are, and how many numbers of them were given to no shard that is there.
fn numbers(objects: &BTreeMap<ObjectId, Arc<model::Object>>) -> (usize, i64) {
    let contract = manage_shards::id();
    let tokens = objects
        .values()
        .filter_map(|object| Token::read(contract, object).ok());
    let given: Vec<i64> = tokens.map(|token| token.next.number().into()).collect();
    let shards = objects
        .values()
        .filter(|object| Shard::read(contract, object).is_ok());
    let shards = i64::try_from(shards.count()).expect("few objects");
    (given.len(), given.iter().sum::<i64>() - shards)
}

/// A genesis document, and what a node makes of it.
pub fn genesis(bytes: &[u8]) {
    let read = canonical::read::<Genesis>(bytes, GENESIS_BYTES_MAX);
    let Ok(genesis) = Genesis::from_bytes(bytes) else {
        return;
    };
    assert_eq!(
        read.as_ref(),
        Some(&genesis),
        "two ways to read, two documents"
    );
    let _ = system_contracts::genesis::supply(&genesis);
    let _ = system_contracts::genesis::manages_its_shards(&genesis);
    let mut objects = 0;
    for shard in &genesis.shards {
        let committee = genesis
            .committee(shard.shard)
            .expect("the document has the shard");
        assert!(committee.is_ok(), "a checked document has committees");
        objects += genesis.objects_of(shard.shard).len();
    }
    assert_eq!(
        objects,
        genesis.objects.len(),
        "two first objects with one identifier"
    );
}

/// A receipt, and what is said about it.
pub fn receipt(bytes: &[u8]) {
    let Some(receipt) = canonical::read::<Receipt>(bytes, RECEIPT_BYTES_MAX) else {
        return;
    };
    match client::receipt::check(&receipt, None) {
        Ok(summary) => {
            assert_eq!(
                summary.transaction,
                receipt.transaction.body.id(),
                "about another one"
            );
            assert!(!summary.to_string().is_empty());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A question of a client.
pub fn request(bytes: &[u8]) {
    canonical::read::<Request>(bytes, REQUEST_BYTES_MAX);
}

/// An answer to a client.
pub fn response(bytes: &[u8]) {
    if let Some(Response::Refused(refused)) = canonical::read(bytes, RESPONSE_BYTES_MAX) {
        assert!(!refused.to_string().is_empty());
    }
}
