//! What the tests of ManageShards share: shards of people, what they sign, and calls to judge.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use contracts::{Content, Contract};
use model::merkle::Tree;
use model::shard::Seat;
use model::statement::Scope;
use model::{
    Bytes, Call, Certificate, HandOver, Hash, Head, HeadCertificate, Height, NodeDescriptor,
    NodeId, Object, Refusal, ShardId, ShardRecord, Signature, Time,
};
use serde::Serialize;
use system_contracts::manage_shards::{self, Shard, Token};

use crate::world::{self, NETWORK, key, secret};

/// Where the objects of ManageShards live in these tests.
pub(super) const ROOT: u32 = 2;

/// The number of the shard that most tests are about.
pub(super) const SHARD: ShardId = ShardId::new(7);

pub(super) const PRICE: u64 = 5_000;

pub(super) fn node(person: u8) -> NodeId {
    NodeId::new(key(person))
}

pub(super) fn describe(person: u8) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("node {person}"),
        node: node(person),
        addresses: vec![format!("/ip4/192.0.2.{person}/tcp/9000")],
    }
}

pub(super) fn people(people: RangeInclusive<u8>) -> Vec<NodeDescriptor> {
    people.map(describe).collect()
}

/// A shard of these people, as it was founded.
pub(super) fn founded(by: RangeInclusive<u8>) -> ShardRecord {
    ShardRecord::founded(SHARD, people(by), PRICE)
}

/// The record after that of the people 1 to 7, with one of them gone and one new.
pub(super) fn next() -> ShardRecord {
    follow(&founded(1..=7), people(2..=8))
}

pub(super) fn follow(record: &ShardRecord, members: Vec<NodeDescriptor>) -> ShardRecord {
    record.followed_by(members, PRICE).expect("a number")
}

/// The person who has the key of a node.
fn person(node: &NodeId) -> u8 {
    (0..=u8::MAX)
        .find(|person| key(*person) == *node.key())
        .expect("a key of one of the people")
}

/// The consents of those who are new in `record` after `before`.
pub(super) fn consents(record: &ShardRecord, before: Option<&ShardRecord>) -> Vec<Signature> {
    let bytes = record.consent_bytes(NETWORK);
    let sign = |new: &NodeDescriptor| secret(person(&new.node)).sign(&bytes);
    record.newcomers(before).map(sign).collect()
}

/// The hand-over of the shard `before` to `next`, signed by those on these seats.
pub(super) fn hand_over(before: &ShardRecord, next: &ShardRecord, seats: &[usize]) -> HandOver {
    let scope = Scope {
        network: NETWORK,
        shard: before.shard,
        epoch: before.epoch,
    };
    let tree = Tree::new(vec![HandOver::leaf(next)]);
    let head = Head {
        scope,
        height: Height::new(9),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(9),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(&scope);
    let sign = |seat: &usize| {
        let signer = secret(person(&before.seats[*seat].descriptor().node));
        (Seat::new(*seat).expect("a seat"), signer.sign(&bytes))
    };
    HandOver {
        head: HeadCertificate {
            certificate: Certificate {
                statement,
                signatures: seats.iter().map(sign).collect(),
            },
            head,
        },
        proof: tree.prove(0).expect("the only leaf"),
    }
}

/// An object of ManageShards in the root shard.
pub(super) fn object<T: Content>(index: u32, content: &T) -> Object {
    world::object(manage_shards::id(), index, ROOT, content)
}

pub(super) fn token(next: u32) -> Object {
    let next = ShardId::new(next);
    object(0, &Token { next })
}

pub(super) fn shard(record: &ShardRecord) -> Object {
    object(1, &Shard(record.clone()))
}

/// The record that an object holds.
pub(super) fn read(object: &Object) -> ShardRecord {
    let Shard(record) = Shard::read(manage_shards::id(), object).expect("the object of a shard");
    record
}

/// A call to judge.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) procedure: &'static str,
    pub(super) inputs: Vec<Object>,
    pub(super) references: Vec<Object>,
    pub(super) local_parameters: Bytes,
    pub(super) outputs: Vec<Object>,
    pub(super) local_returns: Bytes,
    pub(super) dependencies: usize,
}

impl Case {
    pub(super) fn new(
        procedure: &'static str,
        input: Object,
        local_parameters: &impl Serialize,
        outputs: Vec<Object>,
        local_returns: &impl Serialize,
    ) -> Self {
        Self {
            procedure,
            inputs: vec![input],
            references: Vec::new(),
            local_parameters: model::encoding::encode(local_parameters).into(),
            outputs,
            local_returns: model::encoding::encode(local_returns).into(),
            dependencies: 0,
        }
    }

    pub(super) fn judge(&self) -> Result<(), Refusal> {
        let arcs = |objects: &[Object]| objects.iter().cloned().map(Arc::new).collect();
        let signers = BTreeSet::new();
        let call = |dependencies| Call {
            network: NETWORK,
            contract: manage_shards::id(),
            procedure: self.procedure,
            inputs: arcs(&self.inputs),
            references: arcs(&self.references),
            local_parameters: &self.local_parameters,
            outputs: arcs(&self.outputs),
            local_returns: &self.local_returns,
            dependencies,
            signers: &signers,
        };
        let dependencies = (0..self.dependencies).map(|_| call(Vec::new())).collect();
        manage_shards::contract().check(&call(dependencies))
    }

    #[track_caller]
    pub(super) fn is_accepted(&self) {
        assert_eq!(self.judge(), Ok(()));
    }

    #[track_caller]
    pub(super) fn is_refused(&self, refusal: Refusal) {
        assert_eq!(self.judge(), Err(refusal));
    }

    /// What every procedure refuses, whatever it is about: `self` is a good call of it.
    #[track_caller]
    pub(super) fn keeps_to_its_objects(&self) {
        use contracts::composition::UNEXPECTED;
        use contracts::content::{OTHER_TYPE, UNREADABLE};
        use system_contracts::manage_shards::refusal;

        let broken = |change: &dyn Fn(&mut Self), refusal| {
            let mut case = self.clone();
            change(&mut case);
            case.is_refused(refusal);
        };
        self.is_accepted();
        let elsewhere = ShardId::new(ROOT + 1);
        let garbage = || Bytes::from([0xff, 0x00]);
        broken(&|case| case.procedure = "found", refusal::PROCEDURE);
        broken(&|case| case.dependencies = 1, UNEXPECTED);
        broken(
            &|case| case.references = vec![token(1)],
            refusal::REFERENCES,
        );
        broken(&|case| case.inputs.clear(), refusal::OBJECTS);
        broken(&|case| case.inputs.push(token(1)), refusal::OBJECTS);
        broken(&|case| case.outputs.clear(), refusal::OBJECTS);
        broken(&|case| case.outputs.push(token(1)), refusal::OBJECTS);
        for at in 0..self.outputs.len() {
            broken(&|case| case.outputs[at].home = elsewhere, refusal::HOME);
            broken(&|case| case.outputs[at].content = garbage(), UNREADABLE);
            let rename =
                |case: &mut Self| "Shards".clone_into(&mut case.outputs[at].object_type.name);
            broken(&rename, OTHER_TYPE);
        }
        broken(&|case| case.inputs[0].home = elsewhere, refusal::HOME);
        broken(&|case| case.inputs[0].content = garbage(), UNREADABLE);
        broken(
            &|case| case.inputs[0].object_type.contract = system_contracts::cscoin::id(),
            OTHER_TYPE,
        );
        broken(&|case| case.local_parameters = garbage(), UNREADABLE);
        broken(&|case| case.local_returns = garbage(), UNREADABLE);
    }
}
