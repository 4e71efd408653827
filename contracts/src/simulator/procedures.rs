//! What a user runs: making objects of another one, and consuming some.

use model::{ContractId, ShardId};

use super::types::Plain;
use crate::environment::builder::Calls;
use crate::environment::content::Content;
use crate::environment::procedure::{Arguments, Procedure, Returned, Secret};

/// Why a procedure cannot be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CannotRun {
    /// Objects are made of one plain object.
    NotOnePlainObject,
    /// There is nothing to make, or nothing to consume.
    Nothing,
}

/// Makes plain objects of one: one in each of these shards, which may be repeated. The number of them is
/// the local parameter.
#[derive(Clone, Debug)]
pub struct Create {
    /// Where the objects are to live.
    pub homes: Vec<ShardId>,
}

/// Consumes all inputs and creates nothing. The owners of those that are owned have to sign.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consume;

impl Procedure for Create {
    const NAME: &'static str = super::CREATE;

    type LocalParameters = u32;
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let [one] = &*arguments.inputs else {
            return Err(CannotRun::NotOnePlainObject);
        };
        Plain::read(super::id(), one).map_err(|_| CannotRun::NotOnePlainObject)?;
        let outputs: Vec<_> = self.homes.iter().map(|home| Plain.output(*home)).collect();
        if outputs.is_empty() || outputs.len() != arguments.local_parameters as usize {
            return Err(CannotRun::Nothing);
        }
        Ok(Returned {
            outputs,
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}

impl Procedure for Consume {
    const NAME: &'static str = super::CONSUME;

    type LocalParameters = ();
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        if arguments.inputs.is_empty() {
            return Err(CannotRun::Nothing);
        }
        Ok(Returned {
            outputs: Vec::new(),
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}
