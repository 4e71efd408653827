//! What the tests of this crate share: a network, its first objects, and the judgement of Figure 2.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::{Arguments, Content, Procedure, Registry, Secret, Terms};
use model::active_set::Effects;
use model::key::Zip215;
use model::transaction::WellFormed;
use model::{
    ContractId, Invalid, Mode, NetworkId, Object, ObjectId, ObjectType, SecretKey, ShardId, Time,
    TraceId, validity,
};

use crate::counter::CounterContract;
use crate::vault::VaultContract;

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

pub(crate) const TERMS: Terms = Terms {
    nonce: [1; 16],
    valid_until: Time::from_ms(1_000),
    mode: Mode::AllVotes,
};

pub(crate) fn registry() -> Registry {
    Registry::new().with(CounterContract).with(VaultContract)
}

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed([seed; 32])
}

/// The first object number `index`, in the shard `home`.
pub(crate) fn first_object<T: Content>(
    contract: ContractId,
    index: u32,
    home: u32,
    content: &T,
) -> Object {
    let home = ShardId::new(home);
    Object {
        trace: TraceId::from_bytes([0; 32]),
        index,
        object_type: ObjectType {
            contract,
            name: T::TYPE.to_owned(),
        },
        home,
        content: content.output(home).content,
    }
}

/// Arguments without references and secrets.
pub(crate) fn arguments<P: Procedure<SecretParameters = ()>>(
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
) -> Arguments<P> {
    Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    }
}

/// Figure 2, in a context where the openings and nothing else are active.
pub(crate) fn judge(transaction: WellFormed) -> Result<Effects, Invalid> {
    let alpha: BTreeMap<ObjectId, Arc<Object>> = transaction
        .transaction()
        .openings
        .iter()
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect();
    let authorized = transaction
        .verify(&mut Zip215)
        .expect("the builder makes signatures that verify");
    validity::valid(&alpha, &authorized, &registry())
}
