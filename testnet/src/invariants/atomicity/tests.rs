//! That the judge of atomicity sees shards that come to different ends.

use model::Outcome;
use model::transaction::Authorized;

use super::Atomicity;
use crate::invariants::testing::{Scripted, aborted, turn};

fn begun() -> ([Scripted; 2], Authorized, Atomicity) {
    let shards = Scripted::two();
    let payment = turn(&shards[0].setting, 1, shards[1].setting.shard(), 0);
    (shards, payment, Atomicity::default())
}

#[test]
fn all_that_are_prepared_may_commit() {
    let ([mut first, mut second], payment, mut judge) = begun();
    first.prepares(&mut judge, &payment).unwrap();
    second.prepares(&mut judge, &payment).unwrap();
    for shard in [&mut first, &mut second] {
        shard
            .ends(&mut judge, &payment, Outcome::Committed)
            .unwrap();
    }
}

#[test]
fn a_commit_that_another_shard_is_not_prepared_for_is_seen() {
    let ([mut first, _], payment, mut judge) = begun();
    let said = first.ends(&mut judge, &payment, Outcome::Committed);
    assert!(said.unwrap_err().contains("not prepared"));
}

#[test]
fn different_ends_are_seen_whichever_comes_first() {
    for (one, other) in [
        (Outcome::Committed, aborted()),
        (aborted(), Outcome::Committed),
    ] {
        let ([mut first, mut second], payment, mut judge) = begun();
        second.prepares(&mut judge, &payment).unwrap();
        first.prepares(&mut judge, &payment).unwrap();
        first.ends(&mut judge, &payment, one).unwrap();
        let said = second.ends(&mut judge, &payment, other);
        assert!(said.unwrap_err().contains("which shard"), "{one:?}");
    }
}

#[test]
fn s17_whoever_ends_or_prepares_a_second_time_is_seen() {
    let ([mut first, _], payment, mut judge) = begun();
    first.ends(&mut judge, &payment, aborted()).unwrap();
    first.ends(&mut judge, &payment, aborted()).unwrap_err();
    first.prepares(&mut judge, &payment).unwrap_err();
}
