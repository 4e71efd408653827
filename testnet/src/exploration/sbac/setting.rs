//! What a model is made of: a network, a contract, transactions, and promises that look certified.

use model::genesis::{GenesisObject, GenesisShard};
use model::merkle::RangeProof;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{
    Call, Certificate, Checker, Checkers, ContractId, Genesis, Hash, Head, HeadCertificate, Height,
    Leaf, Mode, NodeDescriptor, NodeId, Object, ObjectType, Output, Parcel, Profile, Refusal,
    SecretKey, ShardId, Time, Trace, Transaction, TransactionBody, placement,
};

/// When the network was made.
const CREATED: Time = Time::from_ms(1_000);

/// The deadline of all transactions.
pub(super) const DEADLINE: Time = Time::from_ms(10_000);

const THING: &str = "thing";

/// A contract that lets everything pass.
pub(super) struct Permissive;

impl Checker for Permissive {
    fn defines(&self, name: &str) -> bool {
        name == THING
    }

    fn check(&self, _call: &Call<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Checkers for Permissive {
    fn checker(&self, _contract: &ContractId) -> Option<&dyn Checker> {
        Some(self)
    }
}

fn contract() -> ContractId {
    ContractId::system("explored")
}

/// A promise under a head of its own. The ledger looks at no signature and no path: whoever admits a
/// delivery does.
pub(super) fn parcel(scope: Scope, number: usize, leaf: Leaf) -> Parcel {
    let head = Head {
        scope,
        height: Height::new(1 + number as u64),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: CREATED,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
        state: None,
    };
    Parcel {
        head: HeadCertificate {
            certificate: Certificate {
                statement: head.statement(),
                signatures: Vec::new(),
            },
            head,
        },
        leaves: vec![leaf],
        proof: RangeProof {
            first: 0,
            size: 1,
            path: Vec::new(),
        },
    }
}

/// A network of the shards up to `last`, with an object in each of `homes`.
pub(super) fn genesis(homes: &[u32], last: u32) -> Genesis {
    let founder = |number: u32| GenesisShard {
        shard: ShardId::new(number),
        members: (0..4).map(|seat| member(number, seat)).collect(),
    };
    let object = |home: &u32| GenesisObject {
        object_type: ObjectType {
            contract: contract(),
            name: THING.to_owned(),
        },
        home: ShardId::new(*home),
        content: [].into(),
    };
    Genesis {
        name: "explored".to_owned(),
        created: CREATED,
        profile: Profile::Open,
        shards: (0..=last).map(founder).collect(),
        mappings: Vec::new(),
        objects: homes.iter().map(object).collect(),
    }
}

fn member(shard: u32, seat: u32) -> NodeDescriptor {
    let [_, _, _, number] = (1 + 4 * shard + seat).to_be_bytes();
    NodeDescriptor {
        name: format!("node-{shard}-{seat}"),
        node: NodeId::new(SecretKey::from_seed([number; 32]).public()),
        addresses: Vec::new(),
    }
}

/// A transaction that nobody has to sign.
pub(super) fn transaction(
    genesis: &Genesis,
    nonce: u8,
    mode: Mode,
    [inputs, references]: [&[Object]; 2],
    outputs: &[u32],
) -> Authorized {
    let output = |home: &u32| Output {
        type_name: THING.to_owned(),
        home: ShardId::new(*home),
        content: [].into(),
    };
    let trace = Trace {
        contract: contract(),
        procedure: "swap".to_owned(),
        inputs: inputs.iter().map(Object::id).collect(),
        references: references.iter().map(Object::id).collect(),
        outputs: outputs.iter().map(output).collect(),
        local_parameters: [].into(),
        local_returns: [].into(),
        dependencies: Vec::new(),
    };
    let mut body = TransactionBody {
        network: genesis.network(),
        nonce: [nonce; 16],
        valid_until: DEADLINE,
        mode,
        participants: Vec::new(),
        traces: vec![trace],
    };
    let mut openings = [inputs, references].concat();
    let homes = openings.iter().map(|object| object.home);
    body.participants = placement::participants(&body, homes).into_iter().collect();
    openings.sort_by_key(Object::id);
    let transaction = Transaction {
        body,
        openings,
        authorizations: Vec::new(),
    };
    let checked = transaction.check_form(&genesis.network());
    checked.expect("a transaction of this network").trust()
}

/// What a transaction creates.
pub(super) fn outputs(transaction: &Authorized) -> Vec<Object> {
    let body = transaction.body();
    let objects = |trace: &Trace| trace.objects(trace.id(&body.network)).collect::<Vec<_>>();
    body.traces.iter().flat_map(objects).collect()
}
