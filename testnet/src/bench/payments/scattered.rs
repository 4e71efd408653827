//! Objects in shards that are drawn at random, as the paper's are.

use contracts::{Arguments, Calls, Procedure, Returned, Secret};
use model::hash::{Tag, hash};
use model::{ContractId, ShardId};
use system_contracts::cscoin::{self, CannotRun, Flows, Payment as Paid, Transfer};

/// A transfer whose payees have their accounts in different shards: the wallet asks for one home at most,
/// the contract does not mind.
pub(super) struct Scattered {
    /// The homes of the first payments. The others stay near the first input.
    pub(super) homes: Vec<ShardId>,
}

impl Procedure for Scattered {
    const NAME: &'static str = Transfer::NAME;

    type LocalParameters = Vec<Paid>;
    type SecretParameters = ();
    type LocalReturns = Flows;
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        cscoin::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let near = Arguments {
            inputs: arguments.inputs.clone(),
            references: Vec::new(),
            local_parameters: arguments.local_parameters.clone(),
            secret_parameters: Secret::NONE,
        };
        let Returned {
            mut outputs,
            local_returns,
            secret_returns,
        } = Transfer::NEAR.run(&near, calls)?;
        for (output, home) in outputs.iter_mut().zip(&self.homes) {
            output.home = *home;
        }
        Ok(Returned {
            outputs,
            local_returns,
            secret_returns,
        })
    }
}

/// A shard drawn by these numbers, each as often as any other.
///
/// Paper: Section VII, "we map objects to shards randomly using the mapping function" id mod K.
pub(crate) fn scattered(numbers: &[u64], shards: u32) -> ShardId {
    let bytes: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let digest = hash(Tag::Payload, &bytes);
    let drawn = digest.as_bytes().iter().take(4);
    let drawn = drawn.fold(0, |drawn, byte| drawn << 8 | u32::from(*byte));
    ShardId::new(drawn % shards)
}
