//! An example contract: a number that can only be raised.

use contracts::{
    Arguments, Calls, Content, Contract, Procedure, Returned, Secret, composition, content,
};
use model::{Call, ContractId, Refusal};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counter(pub(crate) u64);

impl Content for Counter {
    const TYPE: &'static str = "Counter";
}

pub(crate) fn id() -> ContractId {
    ContractId::system("Counter")
}

/// Raises a counter by the local parameter; returns its new value.
pub(crate) struct Raise;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooHigh;

impl Procedure for Raise {
    const NAME: &'static str = "raise";
    type LocalParameters = u64;
    type SecretParameters = ();
    type LocalReturns = u64;
    type SecretReturns = ();
    type Error = TooHigh;

    fn contract(&self) -> ContractId {
        id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, TooHigh> {
        let input = &arguments.inputs[0];
        let Counter(value) = Counter::read(id(), input).expect("the test hands in a counter");
        let value = value
            .checked_add(arguments.local_parameters)
            .ok_or(TooHigh)?;
        Ok(Returned {
            outputs: vec![Counter(value).output(input.home)],
            local_returns: value,
            secret_returns: Secret::NONE,
        })
    }
}

pub(crate) struct CounterContract;

impl Contract for CounterContract {
    fn id(&self) -> ContractId {
        id()
    }

    fn name(&self) -> &str {
        "Counter"
    }

    fn types(&self) -> Vec<&str> {
        vec![Counter::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        composition::no_dependencies(call)?;
        let before = Counter::read_all(call.contract, &call.inputs)?;
        let after = Counter::read_all(call.contract, &call.outputs)?;
        let by: u64 = content::local_parameters(call)?;
        let value: u64 = content::local_returns(call)?;
        let possible = call.procedure == Raise::NAME
            && after == [Counter(value)]
            && before.len() == 1
            && before[0].0.checked_add(by) == Some(value);
        possible.then_some(()).ok_or(Refusal("not raised"))
    }
}
