//! What a receipt proves, and each reason why it proves nothing.

use model::encoding::DecodeError;
use model::genesis::BadGenesis;
use model::head::HeadError;
use model::key::Zip215;
use model::merkle::Lookup;
use model::receipt::{BadReceipt, CertifiedResults, Unproven};
use model::result::results_tree;
use model::transaction::Malformed;
use model::{
    AbortReason, CertificateError, Hash, Invalid, Outcome, Receipt, TraceId, TransactionId,
    TransactionResult, bounds,
};

use crate::samples::{certified_result, certified_results, committee, decisions, receipt};
use crate::world::{OPEN, shard, thing};

#[track_caller]
fn check(change: impl FnOnce(&mut Receipt), expected: BadReceipt) {
    let mut receipt = receipt();
    change(&mut receipt);
    assert_eq!(receipt.verify(&mut Zip215), Err(expected));
}

#[test]
fn a_receipt_proves_the_decisions_of_all_participants() {
    let receipt = receipt();
    let proven = receipt.verify(&mut Zip215).expect("good");
    assert_eq!(proven.network, receipt.genesis.network());
    assert_eq!(proven.transaction, receipt.transaction.body.id());
    let outcomes: Vec<Outcome> = proven.results.iter().map(|r| r.outcome).collect();
    assert_eq!(outcomes, [Outcome::Committed; 2]);
    assert_eq!(proven.signatures, 6);
    assert_eq!(Receipt::from_bytes(&receipt.to_bytes()), Ok(receipt));
}

#[test]
fn bytes_that_are_not_a_receipt_are_refused() {
    let limit = bounds::RECEIPT_BYTES_MAX;
    let found = limit + 1;
    assert_eq!(
        Receipt::from_bytes(&vec![0; found]),
        Err(BadReceipt::Encoding(DecodeError::TooLong { limit, found }))
    );
}

#[test]
fn its_genesis_document_starts_a_network() {
    check(
        |receipt| receipt.genesis.shards.clear(),
        BadReceipt::Genesis(BadGenesis::Shards),
    );
}

#[test]
fn its_transaction_is_of_that_network_and_signed() {
    let original = receipt().genesis.network();
    let mut renamed = receipt().genesis;
    renamed.name.push('2');
    let other_network = Malformed::OtherNetwork {
        expected: renamed.network(),
        found: original,
    };
    check(
        |receipt| receipt.genesis = renamed,
        BadReceipt::Transaction(other_network),
    );
    let key = receipt().transaction.authorizations[1].key;
    check(
        |receipt| {
            let first = receipt.transaction.authorizations[0].signature;
            receipt.transaction.authorizations[1].signature = first;
        },
        BadReceipt::Transaction(Malformed::BadSignature { key }),
    );
}

#[test]
fn it_has_one_decision_of_each_participant_in_order() {
    let missing = |receipt: &mut Receipt| drop(receipt.results.pop());
    check(missing, BadReceipt::Participants);
    check(
        |receipt| receipt.results.reverse(),
        BadReceipt::Participants,
    );
    check(
        |receipt| receipt.results[1] = receipt.results[0].clone(),
        BadReceipt::Participants,
    );
}

#[test]
fn its_decisions_are_on_its_transaction() {
    let other = TransactionId::from_bytes([8; 32]);
    check(
        |receipt| receipt.results[1] = certified_result(4, other),
        BadReceipt::OtherTransaction(other),
    );
}

#[test]
fn its_decisions_are_under_certified_heads() {
    let unproven = |reason| BadReceipt::Unproven {
        shard: shard(4),
        reason,
    };
    // Another outcome than the one in the tree.
    let invalid = model::Invalid::NotActive {
        trace: receipt().transaction.body.traces[0].id(&receipt().genesis.network()),
        object: thing(OPEN, 0, 1).id(),
    };
    check(
        |receipt| receipt.results[1].result.outcome = Outcome::Aborted(invalid.into()),
        unproven(Unproven::Path),
    );
    // A proof of something else in the tree, with the same outcome.
    check(
        |receipt| {
            let decisions = decisions(receipt.results[1].result.transaction);
            let Lookup::Present(proof) = results_tree(&decisions).prove(&decisions[1].key()) else {
                panic!("the other decision is in the tree");
            };
            receipt.results[1].proof = proof;
        },
        unproven(Unproven::Path),
    );
    // A head that nobody signed.
    check(
        |receipt| receipt.results[1].head.head.block = Hash::ZERO,
        unproven(Unproven::Head(HeadError::OtherStatement)),
    );
    // The signatures of another shard.
    check(
        |receipt| {
            let other = receipt.results[0].head.certificate.signatures.clone();
            receipt.results[1].head.certificate.signatures = other;
        },
        unproven(Unproven::Head(HeadError::Certificate(
            CertificateError::BadSignature,
        ))),
    );
}

#[test]
fn the_decisions_of_a_block_are_all_under_its_head() {
    let good = certified_results(1, TransactionId::from_bytes([8; 32]));
    let verdict = |results: &CertifiedResults| results.verify(&committee(1), &mut Zip215);
    assert_eq!(verdict(&good), Ok(()));

    let mut missing = good.clone();
    missing.results.pop();
    assert_eq!(verdict(&missing), Err(Unproven::Results));

    let mut other = good.clone();
    other.results[0].transaction = TransactionId::from_bytes([9; 32]);
    assert_eq!(verdict(&other), Err(Unproven::Results));

    // The tree would not show a second decision on the same transaction.
    let invalid = Invalid::OutputsWithoutInputs {
        trace: TraceId::from_bytes([7; 32]),
    };
    let mut twice = good.clone();
    let false_result = TransactionResult {
        outcome: Outcome::Aborted(AbortReason::Invalid(invalid)),
        ..good.results[0]
    };
    twice.results.insert(0, false_result);
    assert_eq!(verdict(&twice), Err(Unproven::Results));

    let mut unsigned = good;
    unsigned.head.certificate.signatures.pop();
    assert!(matches!(verdict(&unsigned), Err(Unproven::Head(_))));
}
