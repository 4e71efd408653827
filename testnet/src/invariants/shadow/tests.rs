//! That the shadow notices what a shard that forgets does differently.

use std::sync::Arc;

use consensus::Applied;
use consensus::replica::AppliedBlock;
use consensus::sbac::session::Held;
use model::block::{Header, encode_entries, payload_hash};
use model::{Block, Leaf, Promise, ShardId, Slot, Verdict};

use super::Shadow;
use crate::invariants::What;
use crate::invariants::testing::{in_time, prepared, see, turn};
use crate::simulation::Setting;

fn setting() -> Setting {
    Setting::of_shards(2, 4, model::Profile::Open).remove(0)
}

/// What the shadow says to a block without entries of which a node says that it did more.
fn said(setting: &Setting, more: impl FnOnce(&mut Applied)) -> Result<(), String> {
    let mut ledger = setting.ledger();
    let payload = encode_entries(&[]);
    let header = Header {
        scope: *setting.scope(),
        slot: Slot::new(1),
        parent: ledger.tip.block,
        height: ledger.tip.height.next(),
        time: ledger.tip.time.plus_ms(1),
        payload: payload_hash(&payload),
    };
    let block = Block { header, payload };
    let mut applied = ledger.apply(&block, &[], &*setting.checkers);
    more(&mut applied);
    let applied = AppliedBlock {
        block: Arc::new(block),
        certificate: None,
        applied: Arc::new(applied),
    };
    see(&mut Shadow::new(setting), 0, &What::Applied(&applied))
}

/// What it says to this promise.
fn said_to(promise: Promise) -> Result<(), String> {
    let setting = setting();
    let to = ShardId::new(1);
    let leaf = Leaf {
        to,
        transaction: turn(&setting, 1, to, 0).id(),
        valid_until: in_time(),
        promise,
    };
    said(&setting, |applied| applied.outbox.push(leaf))
}

#[test]
fn s17_to_acknowledge_again_is_allowed() {
    said_to(Promise::Acknowledged).unwrap();
}

#[test]
fn s17_a_promise_that_nothing_led_to_is_seen() {
    for promise in [
        Promise::Prepared(Verdict::Commit),
        Promise::Accept(Verdict::Commit),
        Promise::NoDecision,
    ] {
        assert!(said_to(promise).unwrap_err().contains("forgets nothing"));
    }
}

#[test]
fn s17_a_transaction_that_nothing_led_to_is_seen() {
    let setting = setting();
    let payment = turn(&setting, 1, ShardId::new(1), 0);
    let session = Arc::new(prepared(&payment, Held::default()));
    let said = said(&setting, |applied| {
        applied.sessions.insert(payment.id(), Some(session));
    });
    assert!(said.unwrap_err().contains("forgot nothing"));
}
