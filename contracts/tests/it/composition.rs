//! What a checker finds among the calls that its own call made.

use std::collections::BTreeSet;

use contracts::composition::{self, MISSING, REPEATED, UNEXPECTED};
use model::{Call, ContractId, PublicKey, Refusal};

use crate::world::NETWORK;

fn call<'a>(
    contract: &str,
    procedure: &'a str,
    dependencies: Vec<Call<'a>>,
    signers: &'a BTreeSet<PublicKey>,
) -> Call<'a> {
    Call {
        network: NETWORK,
        contract: ContractId::system(contract),
        procedure,
        inputs: Vec::new(),
        references: Vec::new(),
        local_parameters: &[],
        outputs: Vec::new(),
        local_returns: &[],
        dependencies,
        signers,
    }
}

/// What a call of the shop says when it looks for `coin.pay` among these dependencies.
#[track_caller]
fn check(dependencies: Vec<(&str, &str)>, expected: Result<(), Refusal>) {
    let nobody = BTreeSet::new();
    let dependencies = dependencies
        .into_iter()
        .map(|(contract, procedure)| call(contract, procedure, Vec::new(), &nobody))
        .collect();
    let call = call("shop", "sell", dependencies, &nobody);
    let coin = ContractId::system("coin");
    let found = composition::the_dependency(&call, coin, "pay");
    if let Ok(found) = found {
        assert_eq!((found.contract, found.procedure), (coin, "pay"));
    }
    assert_eq!(found.map(|_| ()), expected);
}

#[test]
fn the_dependency_is_of_the_contract_and_the_procedure_and_the_only_one() {
    check(vec![("coin", "pay")], Ok(()));
    check(vec![("coin", "mint"), ("coin", "pay")], Ok(()));
    check(vec![("gold", "pay"), ("coin", "pay")], Ok(()));
    check(vec![], Err(MISSING));
    check(vec![("coin", "mint")], Err(MISSING));
    check(vec![("gold", "pay")], Err(MISSING));
    check(vec![("coin", "pay"), ("coin", "pay")], Err(REPEATED));
}

#[test]
fn what_a_dependency_called_was_not_called_for_its_caller() {
    let nobody = BTreeSet::new();
    let payment = call("coin", "pay", Vec::new(), &nobody);
    let other_sale = call("shop", "sell", vec![payment], &nobody);
    let sale = call("shop", "sell", vec![other_sale], &nobody);
    let found = composition::the_dependency(&sale, ContractId::system("coin"), "pay");
    assert_eq!(found.err(), Some(MISSING));
}

#[test]
fn all_dependencies_are_found_in_order() {
    let nobody = BTreeSet::new();
    let dependencies = vec![
        call("coin", "pay", Vec::new(), &nobody),
        call("gold", "pay", Vec::new(), &nobody),
        call(
            "coin",
            "pay",
            vec![call("a", "b", Vec::new(), &nobody)],
            &nobody,
        ),
    ];
    let call = call("shop", "sell", dependencies, &nobody);
    let found: Vec<usize> = composition::dependencies(&call, ContractId::system("coin"), "pay")
        .map(|dependency| dependency.dependencies.len())
        .collect();
    assert_eq!(found, [0, 1]);
}

#[test]
fn a_call_without_dependencies_is_told_from_one_with() {
    let nobody = BTreeSet::new();
    let alone = call("coin", "pay", Vec::new(), &nobody);
    assert_eq!(composition::no_dependencies(&alone), Ok(()));
    let caller = call("coin", "pay", vec![alone], &nobody);
    assert_eq!(composition::no_dependencies(&caller), Err(UNEXPECTED));
}
