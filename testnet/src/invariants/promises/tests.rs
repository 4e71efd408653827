//! That the judge of promises sees those that contradict each other.

use model::transaction::Authorized;
use model::{AbortReason, Leaf, Outcome, Promise, ShardId, Verdict};

use super::Promises;
use crate::invariants::testing::{Scripted, in_time, turn};

const ABORT: Verdict = Verdict::Abort(AbortReason::Deadline);

fn begun() -> ([Scripted; 2], Authorized, Promises) {
    let shards = Scripted::two();
    let payment = turn(&shards[0].setting, 1, shards[1].setting.shard(), 0);
    (shards, payment, Promises::default())
}

/// What the judge says when the shard promises this to the other one.
fn promise(
    shard: &mut Scripted,
    judge: &mut Promises,
    transaction: &Authorized,
    promise: Promise,
) -> Result<(), String> {
    let other = 1 - shard.setting.shard().number();
    let leaf = Leaf {
        to: ShardId::new(other),
        transaction: transaction.id(),
        valid_until: in_time(),
        promise,
    };
    shard.block(judge, Vec::new(), |applied| applied.outbox.push(leaf))
}

#[test]
fn s2_two_votes_are_seen_and_one_vote_twice_is_in_order() {
    let ([mut first, mut second], payment, mut judge) = begun();
    let vote = |verdict| Promise::Prepared(verdict);
    for verdict in [Verdict::Commit, Verdict::Commit] {
        promise(&mut first, &mut judge, &payment, vote(verdict)).unwrap();
    }
    promise(&mut second, &mut judge, &payment, vote(ABORT)).unwrap();
    promise(&mut first, &mut judge, &payment, vote(ABORT)).unwrap_err();
}

#[test]
fn s3_two_decisions_are_seen_and_so_are_two_deciders() {
    let decide = |verdict| Promise::Accept(verdict);
    let ([mut first, mut second], payment, mut judge) = begun();
    promise(&mut first, &mut judge, &payment, decide(ABORT)).unwrap();
    promise(&mut first, &mut judge, &payment, decide(ABORT)).unwrap();
    promise(&mut first, &mut judge, &payment, decide(Verdict::Commit)).unwrap_err();
    promise(&mut second, &mut judge, &payment, decide(ABORT)).unwrap_err();
}

#[test]
fn s3_a_denial_of_what_committed_is_seen_by_those_who_wait() {
    let ([mut first, mut second], payment, mut judge) = begun();
    second.prepares(&mut judge, &payment).unwrap();
    promise(&mut first, &mut judge, &payment, Promise::NoDecision).unwrap();
    first
        .ends(&mut judge, &payment, Outcome::Committed)
        .unwrap();
    promise(&mut first, &mut judge, &payment, Promise::NoDecision).unwrap_err();
    second
        .ends(&mut judge, &payment, Outcome::Committed)
        .unwrap();
    promise(&mut first, &mut judge, &payment, Promise::NoDecision).unwrap();
}

#[test]
fn an_acknowledgement_by_who_still_waits_is_seen() {
    let ([mut first, _], payment, mut judge) = begun();
    first.prepares(&mut judge, &payment).unwrap();
    promise(&mut first, &mut judge, &payment, Promise::Acknowledged).unwrap_err();
}
