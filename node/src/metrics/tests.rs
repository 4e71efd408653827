use model::{AbortReason, Hash, TransactionId};

use super::*;

fn result(outcome: Outcome) -> TransactionResult {
    TransactionResult {
        transaction: TransactionId::from_hash(Hash::ZERO),
        outcome,
    }
}

fn written(performed: &Performed) -> String {
    let mut registry = registry::Registry::default();
    registry.register("blocks", "b", performed.blocks.clone());
    registry.register("transactions", "t", performed.transactions.clone());
    registry.register("sync_seconds", "s", performed.sync_seconds.clone());
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    text
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
}

#[test]
fn what_has_never_happened_is_zero_and_not_missing() {
    let text = written(&Performed::default());
    has(&text, "blocks_total 0");
    has(&text, "transactions_total{outcome=\"committed\"} 0");
    has(&text, "transactions_total{outcome=\"aborted\"} 0");
    has(&text, "sync_seconds_count 0");
}

#[test]
fn decisions_are_counted_by_what_they_are() {
    let performed = Performed::default();
    let aborted = result(Outcome::Aborted(AbortReason::Deadline));
    performed.applied(&[result(Outcome::Committed), aborted, aborted]);
    performed.applied(&[]);
    performed.synced(Duration::from_millis(3));
    let text = written(&performed);
    has(&text, "blocks_total 2");
    has(&text, "transactions_total{outcome=\"committed\"} 1");
    has(&text, "transactions_total{outcome=\"aborted\"} 2");
    has(&text, "sync_seconds_count 1");
    has(&text, "sync_seconds_sum 0.003");
}
