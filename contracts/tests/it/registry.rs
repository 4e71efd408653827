//! A registry answers for the contracts that it was made of, and for no others.

use contracts::Registry;
use model::{Checkers, ContractId};

use crate::counter::{self, CounterContract};
use crate::vault;
use crate::world::registry;

#[test]
fn a_contract_is_found_by_its_identifier() {
    let registry = registry();
    let name = |id: ContractId| registry.contract(&id).map(|contract| contract.name());
    assert_eq!(name(counter::id()), Some("Counter"));
    assert_eq!(name(vault::id()), Some("Vault"));
    assert_eq!(name(ContractId::system("Nobody")), None);
    assert!(registry.checker(&counter::id()).is_some());
    assert!(registry.checker(&ContractId::system("Nobody")).is_none());
}

#[test]
fn a_checker_defines_the_types_of_its_contract() {
    let registry = registry();
    let checker = registry.checker(&counter::id()).expect("registered");
    assert!(checker.defines("Counter"));
    assert!(!checker.defines("Vault"));
    assert!(!checker.defines(""));
}

#[test]
#[should_panic(expected = "is registered twice")]
fn one_contract_cannot_be_registered_twice() {
    let _ = Registry::new().with(CounterContract).with(CounterContract);
}
