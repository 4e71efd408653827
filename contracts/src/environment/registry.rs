//! The contracts that a node, a user or an auditor knows.

use std::collections::{BTreeMap, BTreeSet};

use model::{Call, Checker, Checkers, ContractId, Refusal};

use super::contract::Contract;

/// A [`Checkers`] made of contracts.
#[derive(Default)]
pub struct Registry {
    contracts: BTreeMap<ContractId, Registered>,
}

/// A contract and its types, asked for once.
struct Registered {
    types: BTreeSet<String>,
    contract: Box<dyn Contract>,
}

impl Registry {
    /// A registry that knows no contract.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same registry with one more contract.
    ///
    /// # Panics
    ///
    /// If it has a contract with this identifier: identifiers are hashes, so somebody registered
    /// one contract twice.
    #[must_use]
    pub fn with(mut self, contract: impl Contract + 'static) -> Self {
        let id = contract.id();
        let registered = Registered {
            types: contract.types().into_iter().map(str::to_owned).collect(),
            contract: Box::new(contract),
        };
        let before = self.contracts.insert(id, registered);
        assert!(before.is_none(), "{id:?} is registered twice");
        self
    }

    /// The contract with this identifier.
    #[must_use]
    pub fn contract(&self, id: &ContractId) -> Option<&dyn Contract> {
        self.contracts
            .get(id)
            .map(|registered| registered.contract.as_ref())
    }
}

impl Checkers for Registry {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        self.contracts
            .get(contract)
            .map(|registered| registered as &dyn Checker)
    }
}

impl Checker for Registered {
    fn defines(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        self.contract.check(call)
    }
}
