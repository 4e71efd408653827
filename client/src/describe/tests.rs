//! Refusals in words.

use contracts::{Arguments, Calls, Draft, Secret, Terms};
use model::{Mode, ShardId, Time, TraceId};
use system_contracts::cscoin::{CSC, Payment, Transfer, refusal};

use super::*;
use crate::address::NetworkKind;
use crate::keys::local_secret;
use crate::testing::{World, key};

const LOCAL: Addresses = Addresses(NetworkKind::Local);

/// Five CSC from alice to bob, not signed.
fn draft() -> Draft {
    let world = World::new(&[10]);
    let arguments = Arguments {
        inputs: world.inner().ledger.accounts_of(&key("alice")),
        references: Vec::new(),
        local_parameters: vec![Payment {
            payee: key("bob"),
            amount: 5 * CSC,
        }],
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(world.genesis.network());
    calls
        .call(&Transfer::NEAR, arguments)
        .expect("alice has an account");
    calls.draft(Terms {
        nonce: [0; 16],
        valid_until: Time::ZERO,
        mode: Mode::Decider(ShardId::new(0)),
    })
}

#[tokio::test]
async fn the_words_of_the_checker_are_heard() {
    let signed_by = |name| {
        let formed = draft()
            .sign(&local_secret(name))
            .finish()
            .expect("one call");
        check(&formed.trust())
    };
    assert_eq!(signed_by("alice"), Ok(()));
    assert_eq!(signed_by("bob"), Err(refusal::NOT_SIGNED));
}

#[tokio::test]
async fn each_reason_is_told() {
    let unsigned = draft().finish().expect("one call").transaction().clone();
    let object = unsigned.openings[0].id();
    let trace = TraceId::from_bytes([0; 32]);
    let contract = cscoin::id();
    let other = ContractId(object);
    let address = LOCAL.object(&object);
    for (invalid, words) in [
        (
            Invalid::NotActive { trace, object },
            format!("input {address} is already spent, or was never there"),
        ),
        (
            Invalid::Repeated { trace, object },
            format!("object {address} is used twice by one call"),
        ),
        (
            Invalid::OutputsWithoutInputs { trace },
            "a call creates objects and consumes none".to_owned(),
        ),
        (
            Invalid::ForeignType {
                trace,
                contract,
                object,
            },
            format!("object {address} is of a type that contract CSCoin does not define"),
        ),
        (
            Invalid::UnknownContract {
                trace,
                contract: other,
            },
            format!("contract {object} is not known there"),
        ),
        (
            Invalid::CheckerRefused { trace, contract },
            format!(
                "the checker of contract CSCoin refused it: {}",
                refusal::NOT_SIGNED
            ),
        ),
    ] {
        assert_eq!(
            abort(&AbortReason::Invalid(invalid), &unsigned, LOCAL),
            words
        );
    }
}
