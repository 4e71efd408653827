//! What the bench is set up with: shards and their keys, contracts and their first objects, and the
//! traces of transactions.

use consensus::ledger::Applied;
use model::genesis::{GenesisMapping, GenesisObject, GenesisShard};
use model::transaction::Authorized;
use model::{
    AbortReason, Call, Checker, Checkers, ContractId, Genesis, Mapping, Mode, NodeDescriptor,
    NodeId, Object, ObjectType, Outcome, Output, Profile, Refusal, SecretKey, ShardId, Time, Trace,
};

/// When the network was made; all clocks begin here.
pub(crate) const CREATED: Time = Time::from_ms(1_000_000);

/// How long transactions are good for, in milliseconds after the beginning.
pub(crate) const VALID_MS: u64 = 30_000;

/// The shards of the bench.
pub(crate) const SHARDS: u32 = 4;

/// The paper's mode, and each shard that may decide a transaction among the shards 0, 1 and 2: a shard
/// with an input, another one, one with an output only, and one with no object at all.
pub(crate) const MODES: [Mode; 5] = [
    Mode::AllVotes,
    Mode::Decider(ShardId::new(0)),
    Mode::Decider(ShardId::new(1)),
    Mode::Decider(ShardId::new(2)),
    Mode::Decider(ShardId::new(3)),
];

/// A type whose objects are consumed.
pub(crate) const THING: &str = "thing";

/// A type that no procedure consumes.
pub(crate) const STONE: &str = "stone";

/// All contracts let everything pass but the procedure `wrong`.
struct Permissive;

impl Checker for Permissive {
    fn defines(&self, name: &str) -> bool {
        name == THING || name == STONE
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        if call.procedure == "wrong" {
            return Err(Refusal("this is wrong"));
        }
        Ok(())
    }
}

/// The contracts.
pub(crate) struct Contracts;

impl Checkers for Contracts {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        let known = [wide(), narrow(), pure()];
        known
            .contains(contract)
            .then_some(&Permissive as &dyn Checker)
    }
}

/// A contract that trusts all shards.
pub(crate) fn wide() -> ContractId {
    ContractId::system("wide")
}

/// A contract that trusts the shards 0 and 1.
pub(crate) fn narrow() -> ContractId {
    ContractId::system("narrow")
}

/// A contract that nobody has objects of.
pub(crate) fn pure() -> ContractId {
    ContractId::system("pure")
}

/// The shard with this number.
pub(crate) fn shard(number: u32) -> ShardId {
    ShardId::new(number)
}

/// The key of a member.
pub(crate) fn member(shard: u32, seat: usize) -> SecretKey {
    let number = 1 + 4 * usize::try_from(shard).expect("few shards") + seat;
    SecretKey::from_seed([u8::try_from(number).expect("few members"); 32])
}

/// A network of [`SHARDS`] shards, each with three things and a stone of [`wide`]; the first two have a
/// thing of [`narrow`] as well.
pub(crate) fn genesis(profile: Profile, name: &str) -> Genesis {
    let numbers = 0..SHARDS;
    let all: Vec<ShardId> = numbers.clone().map(shard).collect();
    let mut mappings = vec![
        mapping(wide(), &all, &[STONE]),
        mapping(narrow(), &all[..2], &[]),
    ];
    mappings.sort_by_key(|mapping| mapping.contract);
    let mut objects = Vec::new();
    for home in &all {
        objects.extend((0..3).map(|_| object(wide(), THING, *home)));
        objects.push(object(wide(), STONE, *home));
        if home.number() < 2 {
            objects.push(object(narrow(), THING, *home));
        }
    }
    let genesis = Genesis {
        name: name.to_owned(),
        created: CREATED,
        profile,
        shards: numbers.map(founder).collect(),
        mappings,
        objects,
    };
    genesis.check().expect("a genesis document");
    genesis
}

/// The numbers of the shards that a transaction concerns.
pub(crate) fn participants(transaction: &Authorized) -> Vec<u32> {
    let shards = transaction.body().participants.iter();
    shards.map(|shard| shard.number()).collect()
}

/// The objects that the first trace of a transaction creates.
pub(crate) fn outputs(transaction: &Authorized) -> Vec<Object> {
    let body = transaction.body();
    let trace = &body.traces[0];
    trace.objects(trace.id(&body.network)).collect()
}

/// What became of a transaction in a block.
pub(crate) fn outcome(applied: &Applied, transaction: &Authorized) -> Option<Outcome> {
    let mut results = applied.results.iter();
    let result = results.find(|result| result.transaction == transaction.id())?;
    Some(result.outcome)
}

/// Why a transaction was aborted in a block.
#[track_caller]
pub(crate) fn reason(applied: &Applied, transaction: &Authorized) -> AbortReason {
    match outcome(applied, transaction) {
        Some(Outcome::Aborted(reason)) => reason,
        other => panic!("{other:?} is no abort"),
    }
}

/// A trace of the contract of its first object, or of [`wide`].
pub(crate) fn trace(inputs: &[&Object], references: &[&Object], outputs: &[u32]) -> Trace {
    let first = inputs.iter().chain(references).next();
    Trace {
        contract: first.map_or(wide(), |object| object.object_type.contract),
        procedure: "swap".to_owned(),
        inputs: inputs.iter().map(|object| object.id()).collect(),
        references: references.iter().map(|object| object.id()).collect(),
        outputs: outputs.iter().map(|home| output(*home)).collect(),
        local_parameters: [].into(),
        local_returns: [].into(),
        dependencies: Vec::new(),
    }
}

fn output(home: u32) -> Output {
    Output {
        type_name: THING.to_owned(),
        home: shard(home),
        content: [].into(),
    }
}

fn object(contract: ContractId, name: &str, home: ShardId) -> GenesisObject {
    GenesisObject {
        object_type: ObjectType {
            contract,
            name: name.to_owned(),
        },
        home,
        content: [].into(),
    }
}

fn mapping(contract: ContractId, shards: &[ShardId], frozen: &[&str]) -> GenesisMapping {
    GenesisMapping {
        contract,
        mapping: Mapping {
            homes: shards.to_vec(),
            deciders: shards.to_vec(),
            frozen: frozen.iter().map(|name| (*name).to_owned()).collect(),
        },
    }
}

/// A shard of the network, or one that could be.
pub(crate) fn founder(number: u32) -> GenesisShard {
    let descriptor = |seat: usize| NodeDescriptor {
        name: format!("node-{number}-{seat}"),
        node: NodeId::new(member(number, seat).public()),
        addresses: Vec::new(),
    };
    GenesisShard {
        shard: shard(number),
        members: (0..4).map(descriptor).collect(),
    }
}
