//! What the tests of this crate share: a network, people, objects, contracts that accept anything,
//! and the assembly of transactions from traces.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::transaction::Authorized;
use model::{
    Authorization, Call, Checker, Checkers, Committee, ContractId, Epoch, Mode, NetworkId, NodeId,
    Object, ObjectId, ObjectType, Output, PublicKey, Refusal, SecretKey, ShardId, Time, Trace,
    TraceId, Transaction, TransactionBody, placement,
};
use proptest::test_runner::{Config, RngSeed};

pub(crate) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// Two contracts that define the type "thing" and accept every call.
pub(crate) const OPEN: ContractId = ContractId(ObjectId::from_bytes([0xa0; 32]));
pub(crate) const OTHER: ContractId = ContractId(ObjectId::from_bytes([0xb0; 32]));
/// A contract that defines the same type and refuses every call.
pub(crate) const CLOSED: ContractId = ContractId(ObjectId::from_bytes([0xc0; 32]));
/// A contract that nobody knows.
pub(crate) const UNKNOWN: ContractId = ContractId(ObjectId::from_bytes([0xd0; 32]));

/// The only type that the contracts define.
pub(crate) const THING: &str = "thing";

struct Always(bool);

impl Checker for Always {
    fn defines(&self, name: &str) -> bool {
        name == THING
    }

    fn check(&self, _call: &Call<'_>) -> Result<(), Refusal> {
        self.0.then_some(()).ok_or(Refusal("closed"))
    }
}

/// The checkers of [`OPEN`], [`OTHER`] and [`CLOSED`].
pub(crate) struct Contracts;

impl Checkers for Contracts {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        match *contract {
            OPEN | OTHER => Some(&Always(true)),
            CLOSED => Some(&Always(false)),
            _ => None,
        }
    }
}

pub(crate) fn secret(person: u8) -> SecretKey {
    SecretKey::from_seed([person; 32])
}

pub(crate) fn key(person: u8) -> PublicKey {
    secret(person).public()
}

/// The node that holds the same key as a person.
pub(crate) fn node(person: u8) -> NodeId {
    NodeId::new(key(person))
}

pub(crate) const fn shard(number: u32) -> ShardId {
    ShardId::new(number)
}

/// The nodes 1 to `size` as a shard.
pub(crate) fn committee(size: u8) -> Committee {
    let nodes = (1..=size).map(node).collect();
    Committee::new(NETWORK, shard(3), Epoch::new(2), nodes).expect("nodes that may form a shard")
}

/// A first object of a contract, in the shard `home`.
pub(crate) fn thing(contract: ContractId, index: u32, home: u32) -> Object {
    Object {
        trace: TraceId::from_bytes([0; 32]),
        index,
        object_type: ObjectType {
            contract,
            name: THING.to_owned(),
        },
        home: shard(home),
        content: [0].into(),
    }
}

pub(crate) fn output(home: u32, content: u8) -> Output {
    Output {
        type_name: THING.to_owned(),
        home: shard(home),
        content: [content].into(),
    }
}

/// A call of [`OPEN`] that consumes `inputs` and creates as many objects as `outputs` says, in
/// shard 0.
pub(crate) fn trace(inputs: &[&Object], outputs: u8) -> Trace {
    Trace {
        contract: OPEN,
        procedure: "do".to_owned(),
        inputs: inputs.iter().map(|object| object.id()).collect(),
        references: Vec::new(),
        outputs: (0..outputs).map(|content| output(0, content)).collect(),
        local_parameters: [].into(),
        local_returns: [].into(),
        dependencies: Vec::new(),
    }
}

/// The objects that a trace creates.
pub(crate) fn created(trace: &Trace) -> Vec<Object> {
    trace.objects(trace.id(&NETWORK)).collect()
}

/// The transaction that these traces make when `known` are the objects that anybody knows: in
/// form, as far as the traces allow, and signed by these people.
pub(crate) fn transaction(traces: &[Trace], known: &[Object], signers: &[u8]) -> Transaction {
    let mut body = TransactionBody {
        network: NETWORK,
        nonce: [9; 16],
        valid_until: Time::from_ms(1_000),
        mode: Mode::AllVotes,
        participants: Vec::new(),
        traces: traces.to_vec(),
    };
    let free = placement::free_objects(&body);
    let by_id: BTreeMap<ObjectId, &Object> = known.iter().map(|o| (o.id(), o)).collect();
    let openings: Vec<Object> = free
        .iter()
        .filter_map(|id| by_id.get(id).map(|object| Object::clone(object)))
        .collect();
    let homes = openings.iter().map(|object| object.home);
    body.participants = placement::participants(&body, homes).into_iter().collect();
    sign(body, openings, signers)
}

/// The transaction with this body, signed by these people.
pub(crate) fn sign(body: TransactionBody, openings: Vec<Object>, signers: &[u8]) -> Transaction {
    let id = body.id();
    let authorizations: BTreeMap<PublicKey, Authorization> = signers
        .iter()
        .map(|person| (key(*person), Authorization::new(&secret(*person), &id)))
        .collect();
    Transaction {
        body,
        openings,
        authorizations: authorizations.into_values().collect(),
    }
}

/// [`transaction`] as a node takes it in, nobody having signed it.
pub(crate) fn authorized(traces: &[Trace], known: &[Object]) -> Authorized {
    transaction(traces, known, &[])
        .check_form(&NETWORK)
        .expect("the objects that the traces use are known")
        .trust()
}

/// alpha: the set in which just these objects are active.
pub(crate) fn active(objects: &[Object]) -> BTreeMap<ObjectId, Arc<Object>> {
    objects
        .iter()
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect()
}

/// So many cases of a property, the same ones in every run.
pub(crate) fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(17),
        failure_persistence: None,
        ..Config::default()
    }
}
