//! What a node checks: that objects come of one object, and that owners have signed.

use model::{Call, ContractId, Object, Refusal};

use super::types::{Owned, Plain};
use crate::environment::composition;
use crate::environment::content::{self, Content};
use crate::environment::contract::Contract;

/// The contract as a node sees it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simulator;

/// Why the checker refuses.
pub mod refusal {
    use model::Refusal;

    /// The contract has no such procedure.
    pub const PROCEDURE: Refusal = Refusal("the simulator has no such procedure");
    /// The call reads objects.
    pub const REFERENCES: Refusal = Refusal("no procedure of the simulator reads objects");
    /// Objects are made of anything but one plain object.
    pub const NOT_OF_ONE: Refusal = Refusal("objects are made of one plain object");
    /// There are fewer or more outputs than the call says, or none.
    pub const COUNT: Refusal = Refusal("there are not as many objects as the call says");
    /// Nothing is consumed.
    pub const NOTHING: Refusal = Refusal("nothing is consumed");
    /// Something is created while objects are consumed.
    pub const OUTPUTS: Refusal = Refusal("whoever consumes objects creates none");
    /// The owner of an input has not signed.
    pub const NOT_SIGNED: Refusal = Refusal("the owner of an object has not signed");
}

impl Contract for Simulator {
    fn id(&self) -> ContractId {
        super::id()
    }

    fn name(&self) -> &str {
        super::NAME
    }

    fn types(&self) -> Vec<&str> {
        vec![Plain::TYPE, Owned::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        composition::no_dependencies(call)?;
        ensure(call.references.is_empty(), refusal::REFERENCES)?;
        let () = content::local_returns(call)?;
        match call.procedure {
            super::CREATE => check_create(call),
            super::CONSUME => check_consume(call),
            _ => Err(refusal::PROCEDURE),
        }
    }
}

fn check_create(call: &Call<'_>) -> Result<(), Refusal> {
    let [one] = &*call.inputs else {
        return Err(refusal::NOT_OF_ONE);
    };
    Plain::read(call.contract, one).map_err(|_| refusal::NOT_OF_ONE)?;
    let count: u32 = content::local_parameters(call)?;
    ensure(
        count > 0 && call.outputs.len() == count as usize,
        refusal::COUNT,
    )?;
    Plain::read_all(call.contract, &call.outputs).map(drop)
}

fn check_consume(call: &Call<'_>) -> Result<(), Refusal> {
    let () = content::local_parameters(call)?;
    ensure(!call.inputs.is_empty(), refusal::NOTHING)?;
    ensure(call.outputs.is_empty(), refusal::OUTPUTS)?;
    call.inputs
        .iter()
        .try_for_each(|object| check_consumed(call, object))
}

fn check_consumed(call: &Call<'_>, object: &Object) -> Result<(), Refusal> {
    if object.object_type.name == Plain::TYPE {
        return Plain::read(call.contract, object).map(drop);
    }
    let Owned { owner } = Owned::read(call.contract, object)?;
    ensure(call.signers.contains(&owner), refusal::NOT_SIGNED)
}

fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}
