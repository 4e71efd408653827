//! Lures: a contract that trusts every shard, dishonest ones too, and whose objects users put beside
//! their money in one transaction.
//!
//! Whatever becomes of lures, the money is to be safe: sbac.md, section 1, DS-isolation.

use contracts::{Arguments, Calls, Content, Contract, Procedure, Returned, Secret};
use model::genesis::GenesisObject;
use model::{Call, ContractId, Object, ObjectType, Refusal, ShardId};
use serde::{Deserialize, Serialize};
use system_contracts::cscoin::CannotRun;

/// How many lures a dishonest shard has at the beginning.
const LURES: u64 = 12;

/// What nobody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lure(u64);

impl Content for Lure {
    const TYPE: &'static str = "Lure";
}

fn id() -> ContractId {
    ContractId::system("Lures")
}

/// Whether an object is a lure.
pub(super) fn is_lure(object: &Object) -> bool {
    object.object_type.contract == id()
}

/// The lures of a shard at the beginning.
pub(super) fn lures(home: ShardId) -> impl Iterator<Item = GenesisObject> {
    (0..LURES).map(move |number| GenesisObject {
        object_type: ObjectType {
            contract: id(),
            name: Lure::TYPE.to_owned(),
        },
        home,
        content: Lure(number).output(home).content,
    })
}

/// Moves a lure to a shard. Anybody may.
pub(super) struct Move {
    /// The shard.
    pub(super) home: ShardId,
}

impl Procedure for Move {
    const NAME: &'static str = "move";
    type LocalParameters = ();
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        id()
    }

    fn run(&self, arguments: &Arguments<Self>, _: &mut Calls) -> Result<Returned<Self>, CannotRun> {
        let read = |object| Lure::read(id(), object).ok();
        let lures = arguments.inputs.iter().filter_map(read);
        Ok(Returned {
            outputs: lures.map(|lure| lure.output(self.home)).collect(),
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}

/// The contract.
pub(super) struct Lures;

impl Contract for Lures {
    fn id(&self) -> ContractId {
        id()
    }

    fn name(&self) -> &str {
        "Lures"
    }

    fn types(&self) -> Vec<&str> {
        vec![Lure::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        let moves = call.inputs.len() == 1 && call.outputs.len() == 1;
        moves.then_some(()).ok_or(Refusal("a lure is moved"))
    }
}
