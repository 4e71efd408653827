use consensus::message::{BLOCKS_BYTES_MAX, MESSAGE_BYTES_MAX};
use model::api::{REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX, Request, Response};
use model::bounds::{
    GENESIS_BYTES_MAX, PAYLOAD_BYTES_MAX, RECEIPT_BYTES_MAX, TRANSACTION_BYTES_MAX,
};
use model::{Delivery, Genesis, Leaf, Parcel, Receipt};

use super::*;
use crate::canonical;

/// Every seed of a target is let in: one that is refused is where no fuzzing should begin.
#[track_caller]
fn check(target: &str, is_let_in: impl Fn(&[u8]) -> bool) {
    let seeds = seeds();
    let of_target = seeds.get(target).expect("seeds of this target");
    for (name, bytes) in of_target {
        assert!(is_let_in(bytes), "{target}: the seed {name} is refused");
    }
}

#[test]
fn seeds_of_decoders_are_let_in() {
    check("message", |b| {
        canonical::read::<Message>(b, MESSAGE_BYTES_MAX).is_some()
    });
    check("record", |b| {
        canonical::read::<Record>(b, MESSAGE_BYTES_MAX).is_some()
    });
    check("said", |b| {
        Message::decode_in(b).is_ok_and(|(epoch, _)| epoch > Epoch::ZERO)
    });
    check("blocks", |b| {
        canonical::read::<Blocks>(b, BLOCKS_BYTES_MAX).is_some()
    });
    check("entries", |b| {
        canonical::read::<Vec<Entry>>(b, PAYLOAD_BYTES_MAX).is_some()
    });
    check("transaction", |b| {
        canonical::read::<Transaction>(b, TRANSACTION_BYTES_MAX).is_some()
    });
    check("genesis", |b| {
        canonical::read::<Genesis>(b, GENESIS_BYTES_MAX).is_some()
    });
    check("promises", |b| {
        let limit = PAYLOAD_BYTES_MAX;
        canonical::read::<Leaf>(b, limit).is_some()
            || canonical::read::<Parcel>(b, limit).is_some()
            || canonical::read::<Delivery>(b, limit).is_some()
    });
    check("receipt", |b| {
        canonical::read::<Receipt>(b, RECEIPT_BYTES_MAX).is_some()
    });
    check("request", |b| {
        canonical::read::<Request>(b, REQUEST_BYTES_MAX).is_some()
    });
    check("response", |b| {
        canonical::read::<Response>(b, RESPONSE_BYTES_MAX).is_some()
    });
}

#[test]
fn seeds_that_change_shards_are_valid() {
    let network = World::get().scope().network;
    for transaction in shards::transactions(network) {
        let authorized = transaction
            .check_form(&network)
            .expect("it is well-formed")
            .trust();
        let openings = authorized.transaction().openings.iter();
        let active: BTreeMap<_, _> = openings
            .map(|object| (object.id(), Arc::new(object.clone())))
            .collect();
        let judged = model::validity::valid(&active, &authorized, &system_contracts::checkers());
        assert!(judged.is_ok(), "{judged:?}");
    }
}

#[test]
fn seeds_of_other_doors_are_let_in() {
    check("hello", |b| {
        net::fuzzing::hello(b)
            .is_some_and(|greeted| greeted.agent_shown && greeted.proven.is_some())
    });
    check("node_record", |b| {
        net::fuzzing::node_record(b).is_some_and(|known| known.proven.is_some())
    });
    check("frames", |b| net::fuzzing::frames(b, 300).1);
    check("batch", |b| net::fuzzing::batch(b).is_some());
    check("journal", |b| {
        let folder = tempfile::tempdir().expect("a folder to write to");
        fs::write(folder.path().join("journal.jsonl"), b).expect("as before");
        let network = World::get().scope().network;
        client::fuzzing::journal(folder.path(), network).is_ok_and(|known| known.len() == 2)
    });
}
