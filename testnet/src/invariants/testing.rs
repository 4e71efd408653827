//! What the tests of the judges share: blocks that nobody agreed on, and nodes that claim anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::Ledger;
use consensus::ledger::{Applied, Tip};
use consensus::replica::AppliedBlock;
use model::block::{Header, payload_hash};
use model::head::Head;
use model::shard::Seat;
use model::statement::{Height, Statement};
use model::transaction::Authorized;
use model::{
    Block, Bytes, Certificate, Hash, HeadCertificate, Object, ObjectId, Outcome, Signature, Time,
    TransactionResult,
};
use node::store::log::Position;

use super::{Judge, Sighting, What};
use crate::simulation::{DAWN, Journal, Setting};

pub(super) fn seat(index: usize) -> Seat {
    Seat::new(index).unwrap()
}

/// What the judge says when the node with this number does this.
pub(super) fn see(judge: &mut impl Judge, node: usize, what: &What<'_>) -> Result<(), String> {
    judge.see(&Sighting {
        at: Time::ZERO,
        seat: seat(node),
        what,
    })
}

/// The words with which the judge refuses what the node does.
#[track_caller]
pub(super) fn refusal(judge: &mut impl Judge, node: usize, what: &What<'_>) -> String {
    see(judge, node, what).expect_err("the judge accepts it")
}

/// A place in the first segment of a log.
pub(super) const fn place(offset: u64) -> Position {
    Position { segment: 1, offset }
}

/// What the liar or the honest node on a seat signs.
pub(super) fn sign(setting: &Setting, node: usize, statement: &Statement) -> Signature {
    let scribe = setting.scribe(seat(node), Journal::default());
    consensus::Signer::sign(&scribe, &statement.signing_bytes(setting.scope()))
}

/// The block that follows `parent`, another one for each `mark`, with what it is said to have done.
pub(super) fn follow(
    setting: &Setting,
    parent: &Tip,
    mark: u8,
    decided: Vec<(Authorized, Outcome)>,
) -> AppliedBlock {
    let payload = Bytes::from([mark]);
    let header = Header {
        scope: *setting.scope(),
        slot: parent.block.slot.next(),
        parent: parent.block,
        height: parent.height.next(),
        time: parent.time.plus_ms(1),
        payload: payload_hash(&payload),
    };
    let block = Block { header, payload };
    let results = decided
        .iter()
        .map(|(transaction, outcome)| TransactionResult {
            transaction: transaction.id(),
            outcome: *outcome,
        })
        .collect();
    let head = Head {
        scope: *setting.scope(),
        height: block.header.height,
        previous: parent.head,
        block: block.hash(),
        time: block.header.time,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
    };
    AppliedBlock {
        block: Arc::new(block),
        certificate: None,
        applied: Arc::new(Applied {
            head,
            results,
            transactions: decided
                .into_iter()
                .map(|(transaction, _)| transaction)
                .collect(),
            consumed: BTreeMap::new(),
            created: BTreeMap::new(),
            forgotten: Vec::new(),
        }),
    }
}

/// Where a node stands that applied the block.
pub(super) fn tip(applied: &AppliedBlock) -> Tip {
    Tip {
        block: applied.block.name(),
        height: applied.block.header.height,
        time: applied.block.header.time,
        head: applied.applied.head.hash(),
    }
}

/// Where everybody stands at the beginning.
pub(super) fn genesis(setting: &Setting) -> Tip {
    setting.ledger().tip
}

/// A state at a tip.
pub(super) fn state(
    setting: &Setting,
    tip: Tip,
    objects: BTreeMap<ObjectId, Arc<Object>>,
) -> Ledger {
    Ledger::restore(*setting.scope(), tip, objects, BTreeMap::new())
}

/// A certificate of a head, with nobody's signatures.
pub(super) fn certificate(head: &Head) -> HeadCertificate {
    HeadCertificate {
        head: head.clone(),
        certificate: Certificate {
            statement: head.statement(),
            signatures: Vec::new(),
        },
    }
}

/// The time at which a transaction made at the beginning ends.
pub(super) const fn in_time() -> Time {
    DAWN.plus_ms(30_000)
}

pub(super) const HEIGHT_1: Height = Height::new(1);
