//! What strangers say of who is in which shard: plans, ends of epochs, changes, facts, and messages with
//! the epoch in which they are said.
//!
//! The shard here has one genuine change. Whatever else is made of its bytes, a directory that has checked
//! it knows no other members than those that a quorum has handed over to.

use std::sync::{Arc, LazyLock};

use consensus::Message;
use consensus::message::MESSAGE_BYTES_MAX;
use model::key::Zip215;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{
    Certificate, Directory, Ending, Epoch, EpochChange, Fact, HandOver, Hash, Head,
    HeadCertificate, Height, NetworkId, NodeDescriptor, NodeId, Plan, SecretKey, ShardId,
    ShardRecord, Time,
};

use crate::{canonical, decoders};

const SHARD: ShardId = ShardId::new(0);

/// Members of the shard, and how many are a quorum.
const MEMBERS: u8 = 4;
const QUORUM: u8 = 3;

/// Longer than anything that is read here.
const BYTES_MAX: usize = 1 << 16;

/// The shard in its first epoch, and how it comes to the next one.
struct Known {
    directory: Directory,
    change: EpochChange,
}

static KNOWN: LazyLock<Known> = LazyLock::new(Known::new);

/// The genuine change: where fuzzing begins.
#[must_use]
pub fn genuine() -> EpochChange {
    KNOWN.change.clone()
}

/// What a member says, and in which epoch.
pub fn said(bytes: &[u8]) {
    if let Ok((epoch, message)) = Message::decode_in(bytes) {
        assert_eq!(message.encode_in(epoch), bytes, "other bytes come back");
        decoders::message(&message.encode());
    }
    canonical::read::<(Epoch, Message)>(bytes, MESSAGE_BYTES_MAX);
}

/// A plan, the end of an epoch, a hand-over, a change, a fact, or several facts.
pub fn changes(bytes: &[u8]) {
    let directory = &KNOWN.directory;
    let (record, committee) = directory
        .record(SHARD, Epoch::ZERO)
        .zip(directory.current(SHARD))
        .expect("the shard is known");
    canonical::read::<HandOver>(bytes, BYTES_MAX);
    if let Some(plan) = canonical::read::<Plan>(bytes, BYTES_MAX) {
        let _ = plan.check(committee.scope().network, record, &mut Zip215);
    }
    if let Some(ending) = canonical::read::<Ending>(bytes, BYTES_MAX) {
        let _ = ending.check(record, committee, &mut Zip215);
    }
    if let Some(change) = canonical::read::<EpochChange>(bytes, BYTES_MAX) {
        learn(change);
    }
    let fact = canonical::read::<Fact>(bytes, BYTES_MAX);
    let facts = canonical::read::<Vec<Fact>>(bytes, BYTES_MAX);
    for fact in fact.into_iter().chain(facts.unwrap_or_default()) {
        // Whoever calls this has checked it, so anything may come of it but a panic.
        let _ = directory.clone().trust(&fact);
        if let Fact::Changed(change) = fact {
            learn(change);
        }
    }
}

/// A directory learns the genuine change, and of no other one.
fn learn(change: EpochChange) {
    let Known {
        directory: before,
        change: genuine,
    } = &*KNOWN;
    let mut directory = before.clone();
    let change = Arc::new(change);
    if directory.learn(&change, &mut Zip215) == Ok(true) {
        assert_eq!(change.next, genuine.next, "other members are let in");
        let end = directory.end(SHARD, Epoch::ZERO);
        assert_eq!(end, Some(genuine.hand_over.head.head.height), "another end");
    } else {
        assert_eq!(directory, *before, "what is no fact has changed something");
    }
}

impl Known {
    fn new() -> Self {
        let network = NetworkId::from_bytes([7; 32]);
        let record = ShardRecord::founded(SHARD, (0..MEMBERS).map(describe).collect(), 5);
        let directory = Directory::alone(network, record.clone());
        let directory = directory.expect("four nodes form a shard");
        let next = record.followed_by((1..=MEMBERS).map(describe).collect(), 6);
        let next = next.expect("there is a number left");
        let tree = outbox_tree(&[], Some(&next));
        let committee = directory.current(SHARD).expect("the shard is known");
        let head = Head {
            scope: *committee.scope(),
            height: Height::new(9),
            previous: Hash::ZERO,
            block: Hash::ZERO,
            time: Time::from_ms(9),
            results: Hash::ZERO,
            outbox: tree.root(),
            state: None,
        };
        let bytes = head.statement().signing_bytes(committee.scope());
        let sign = |member: u8| {
            let seat = Seat::new(usize::from(member)).expect("there are few seats");
            (seat, key(member).sign(&bytes))
        };
        let certificate = Certificate {
            statement: head.statement(),
            signatures: (0..QUORUM).map(sign).collect(),
        };
        let change = EpochChange {
            next,
            hand_over: HandOver {
                head: HeadCertificate { head, certificate },
                proof: tree.prove(0).expect("it is the only leaf"),
            },
        };
        Self { directory, change }
    }
}

fn key(member: u8) -> SecretKey {
    SecretKey::from_seed([80 + member; 32])
}

fn describe(member: u8) -> NodeDescriptor {
    NodeDescriptor {
        name: format!("n{member}"),
        node: NodeId::new(key(member).public()),
        addresses: vec![format!("/ip4/192.0.2.{member}/tcp/4700")],
    }
}
