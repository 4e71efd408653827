//! Transactions of ManageShards: a shard is founded, and one of its nodes is excluded for two heads at
//! one height.

use contracts::{Arguments, Calls, Content, Procedure, Secret, Terms};
use model::statement::Scope;
use model::{
    Epoch, Hash, Height, Lie, Malpractice, Mode, NetworkId, NodeDescriptor, NodeId, Object,
    ObjectType, SecretKey, ShardId, ShardRecord, Statement, Time, TraceId, Transaction,
};
use system_contracts::manage_shards::{self, CannotRun, Create, Exclude, Shard, Token};

/// Where the objects live, and the shard that is founded.
const ROOT: ShardId = ShardId::new(0);
const NUMBER: ShardId = ShardId::new(1);

const PRICE: u64 = 5;

fn key(seat: u8) -> SecretKey {
    SecretKey::from_seed([60 + seat; 32])
}

fn members() -> Vec<NodeDescriptor> {
    let describe = |seat| NodeDescriptor {
        name: format!("n{seat}"),
        node: NodeId::new(key(seat).public()),
        addresses: vec![format!("/ip4/192.0.2.{seat}/tcp/4700")],
    };
    (0..4).map(describe).collect()
}

/// The transactions on `network`.
pub(super) fn transactions(network: NetworkId) -> [Transaction; 2] {
    let record = ShardRecord::founded(NUMBER, members(), PRICE);
    let bytes = record.consent_bytes(network);
    let consents = (0..4).map(|seat| key(seat).sign(&bytes)).collect();
    let create = Create {
        members: members(),
        price: PRICE,
    };
    let token = Token { next: NUMBER };
    [
        transaction(network, &create, &token, consents),
        transaction(network, &Exclude, &Shard(record), two_heads(network)),
    ]
}

fn two_heads(network: NetworkId) -> Malpractice {
    let scope = Scope {
        network,
        shard: NUMBER,
        epoch: Epoch::ZERO,
    };
    let said = |head| {
        let head = Hash::from_bytes([head; 32]);
        let height = Height::new(7);
        let statement = Statement::Head { height, head };
        (statement, key(2).sign(&statement.signing_bytes(&scope)))
    };
    Malpractice {
        node: NodeId::new(key(2).public()),
        lie: Lie::Statements {
            scope,
            first: said(1),
            second: said(2),
        },
    }
}

fn transaction<P, T>(
    network: NetworkId,
    procedure: &P,
    input: &T,
    local_parameters: P::LocalParameters,
) -> Transaction
where
    P: Procedure<SecretParameters = (), Error = CannotRun>,
    T: Content,
{
    let object = Object {
        trace: TraceId::from_bytes([0; 32]),
        index: 0,
        object_type: ObjectType {
            contract: manage_shards::id(),
            name: T::TYPE.to_owned(),
        },
        home: ROOT,
        content: input.output(ROOT).content,
    };
    let arguments = Arguments {
        inputs: vec![object],
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(network);
    calls
        .call(procedure, arguments)
        .expect("the procedure takes what is made for it");
    let terms = Terms {
        nonce: [1; 16],
        valid_until: Time::from_ms(1_700_000_000_500),
        mode: Mode::Decider(ROOT),
    };
    let finished = calls.draft(terms).finish().expect("it is well-formed");
    finished.transaction().clone()
}
