use model::Slot;

use super::*;

const A: Hash = Hash::from_bytes([1; 32]);
const B: Hash = Hash::from_bytes([2; 32]);

fn vote(slot: u64, vote: Vote) -> Statement {
    let slot = Slot::new(slot);
    Statement::Vote { slot, vote }
}

fn proposal(slot: u64, block: Hash) -> Statement {
    let slot = Slot::new(slot);
    Statement::Proposal { slot, block }
}

fn head(height: u64, head: Hash) -> Statement {
    let height = Height::new(height);
    Statement::Head { height, head }
}

/// All but the last of the statements are fine, in this order, also when said twice.
#[track_caller]
fn check(statements: &[Statement], expected: Result<(), Offence>) {
    let mut judge = Judge::default();
    let (last, before) = statements.split_last().expect("something was said");
    for statement in before.iter().chain(before) {
        assert_eq!(judge.hears(statement), Ok(()), "{statement:?}");
    }
    assert_eq!(judge.hears(last), expected, "{last:?} after {before:?}");
}

#[test]
fn a_member_may_say_one_thing_in_each_place() {
    use Vote::{Finalize, Notarize, Skip};
    check(
        &[proposal(1, A), proposal(2, B), head(1, A), head(2, B)],
        Ok(()),
    );
    check(
        &[vote(1, Notarize(A)), vote(1, Finalize(A)), vote(2, Skip)],
        Ok(()),
    );
    check(&[vote(1, Skip), vote(1, Notarize(A))], Ok(()));
}

#[test]
fn each_offence_is_seen() {
    use Vote::{Finalize, Notarize, Skip};
    check(
        &[proposal(1, A), proposal(1, B)],
        Err(Offence::TwoProposals),
    );
    check(&[head(1, A), head(1, B)], Err(Offence::TwoHeads));
    check(
        &[vote(1, Notarize(A)), vote(1, Notarize(B))],
        Err(Offence::TwoNotarizations),
    );
    check(
        &[
            vote(1, Notarize(A)),
            vote(1, Finalize(A)),
            vote(1, Finalize(B)),
        ],
        Err(Offence::TwoFinalizations),
    );
    check(
        &[vote(1, Notarize(A)), vote(1, Finalize(B))],
        Err(Offence::FinalizedAnother),
    );
    check(
        &[vote(1, Notarize(A)), vote(1, Finalize(A)), vote(1, Skip)],
        Err(Offence::SkippedAndFinalized),
    );
    check(
        &[vote(1, Notarize(A)), vote(1, Skip), vote(1, Finalize(A))],
        Err(Offence::SkippedAndFinalized),
    );
}
