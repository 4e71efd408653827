//! Tests that the verdict notices what is broken.

use std::collections::BTreeMap;

use model::{AbortReason, Outcome, ShardId, TransactionId};

use super::{Fate, Verdict};
use crate::torture::seen::Seen;

const HERE: ShardId = ShardId::new(0);
const THERE: ShardId = ShardId::new(1);
const ABORTED: Outcome = Outcome::Aborted(AbortReason::Deadline);

fn id() -> TransactionId {
    TransactionId::from_bytes([7; 32])
}

/// The fate of one transaction of two shards.
fn fates(outcomes: &[(ShardId, Outcome)]) -> BTreeMap<TransactionId, Fate> {
    let fate = Fate {
        participants: [HERE, THERE].into(),
        outcomes: outcomes.iter().copied().collect(),
    };
    [(id(), fate)].into()
}

#[track_caller]
fn check(outcomes: &[(ShardId, Outcome)], broken: bool) {
    let mut verdict = Verdict::default();
    verdict.settled(&fates(outcomes));
    assert_eq!(!verdict.broken.is_empty(), broken, "{outcomes:?}");
    assert_eq!((verdict.transactions, verdict.across), (1, 1));
}

#[test]
fn a_transaction_ends_in_one_way_everywhere() {
    use Outcome::Committed;
    check(&[(HERE, Committed), (THERE, Committed)], false);
    check(&[(HERE, ABORTED), (THERE, ABORTED)], false);
    check(&[(HERE, ABORTED)], false); // the other one has never heard of it
    check(&[(HERE, Committed), (THERE, ABORTED)], true);
    check(&[(THERE, Committed)], true);
}

#[test]
fn what_a_wallet_has_seen_is_in_the_chains() {
    let committed = [(HERE, Outcome::Committed), (THERE, Outcome::Committed)];
    let check = |seen: Outcome, outcomes: &[(ShardId, Outcome)], broken: bool| {
        let mut seen_by = Seen::default();
        seen_by.decided.insert(id(), seen);
        let mut verdict = Verdict::default();
        verdict.kept(&fates(outcomes), &seen_by);
        assert_eq!(!verdict.broken.is_empty(), broken, "{seen:?} {outcomes:?}");
    };
    check(Outcome::Committed, &committed, false);
    check(ABORTED, &[(HERE, ABORTED)], false);
    check(ABORTED, &committed, true);
    check(Outcome::Committed, &[], true);
}

#[test]
fn a_wallet_that_was_told_both_is_believed() {
    let mut seen = Seen::default();
    seen.split.insert(id());
    let mut verdict = Verdict::default();
    verdict.kept(&BTreeMap::new(), &seen);
    assert_eq!(verdict.broken.len(), 1);
}
