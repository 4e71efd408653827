//! An example contract with a secret that calls another contract: a vault whose secret is changed,
//! and a counter of the changes.

use contracts::{
    Arguments, Calls, Content, Contract, Procedure, Returned, Secret, composition, content,
};
use model::hash::{Hash, Tag, hash};
use model::{Call, ContractId, Object, Refusal};
use serde::{Deserialize, Serialize};

use crate::counter::{self, Raise, TooHigh};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vault {
    pub(crate) seal: Hash,
}

impl Content for Vault {
    const TYPE: &'static str = "Vault";
}

impl Vault {
    pub(crate) fn sealed_with(secret: &[u8; 32]) -> Self {
        Self {
            seal: hash(Tag::Content, secret),
        }
    }
}

pub(crate) fn id() -> ContractId {
    ContractId::system("Vault")
}

/// Seals a vault with a new secret, and raises the counter by one. Returns in public how often that
/// has happened, and in secret what opens the vault now.
pub(crate) struct Reseal {
    pub(crate) counter: Object,
}

impl Procedure for Reseal {
    const NAME: &'static str = "reseal";
    type LocalParameters = ();
    type SecretParameters = [u8; 32];
    type LocalReturns = u64;
    type SecretReturns = [u8; 32];
    type Error = TooHigh;

    fn contract(&self) -> ContractId {
        id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, TooHigh> {
        let secret = arguments.secret_parameters.expose();
        let raised = calls.call(
            &Raise,
            Arguments {
                inputs: vec![self.counter.clone()],
                references: Vec::new(),
                local_parameters: 1,
                secret_parameters: Secret::NONE,
            },
        )?;
        Ok(Returned {
            outputs: vec![Vault::sealed_with(secret).output(arguments.inputs[0].home)],
            local_returns: raised.local_returns,
            secret_returns: Secret::new(*secret),
        })
    }
}

pub(crate) struct VaultContract;

impl Contract for VaultContract {
    fn id(&self) -> ContractId {
        id()
    }

    fn name(&self) -> &str {
        "Vault"
    }

    fn types(&self) -> Vec<&str> {
        vec![Vault::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let raised = composition::the_dependency(call, counter::id(), Raise::NAME)?;
        let before = Vault::read_all(call.contract, &call.inputs)?;
        let after = Vault::read_all(call.contract, &call.outputs)?;
        let () = content::local_parameters(call)?;
        let possible = call.procedure == Reseal::NAME
            && before.len() == 1
            && after.len() == 1
            && content::local_returns::<u64>(call)? == content::local_returns::<u64>(raised)?;
        possible.then_some(()).ok_or(Refusal("not resealed"))
    }
}
