//! The table of a member's own votes, in full.

use model::Hash;
use model::statement::{Slot, Statement, Vote};

use super::OwnVotes;

const A: Hash = Hash::from_bytes([1; 32]);
const B: Hash = Hash::from_bytes([2; 32]);

const VOTES: [Vote; 5] = [
    Vote::Notarize(A),
    Vote::Notarize(B),
    Vote::Skip,
    Vote::Finalize(A),
    Vote::Finalize(B),
];

fn statement(vote: Vote) -> Statement {
    let slot = Slot::new(1);
    Statement::Vote { slot, vote }
}

/// Follows every sequence of votes that the table permits, and hands each to `visit`.
fn explore(own: OwnVotes, cast: &mut Vec<Vote>, visit: &mut impl FnMut(&[Vote], &OwnVotes)) {
    visit(cast, &own);
    for vote in VOTES {
        if own.permits(vote) {
            let mut next = own;
            next.record(vote);
            cast.push(vote);
            explore(next, cast, visit);
            cast.pop();
        }
    }
}

#[test]
fn no_sequence_of_permitted_votes_has_a_conflicting_pair_or_a_vote_twice() {
    let mut sequences = 0;
    explore(OwnVotes::default(), &mut Vec::new(), &mut |cast, own| {
        sequences += 1;
        for (index, first) in cast.iter().enumerate() {
            for second in &cast[index + 1..] {
                assert!(
                    !statement(*first).conflicts(&statement(*second)),
                    "{cast:?}"
                );
                assert_ne!(first, second, "{cast:?}");
            }
        }
        let mut known: Vec<Vote> = own.cast().collect();
        let mut all = cast.to_vec();
        known.sort_unstable();
        all.sort_unstable();
        assert_eq!(known, all, "the table remembers what was cast");
    });
    // Nothing; for either block: notarize, then nothing, skip or finalize; skip, then nothing or
    // notarize either.
    assert_eq!(sequences, 1 + 2 * 3 + 1 + 2);
}

#[test]
fn a_vote_is_forbidden_only_where_it_conflicts_or_is_not_due() {
    explore(OwnVotes::default(), &mut Vec::new(), &mut |cast, own| {
        for vote in VOTES {
            let conflicts = |cast: &Vote| statement(*cast).conflicts(&statement(vote));
            let due = match vote {
                Vote::Finalize(hash) => cast.contains(&Vote::Notarize(hash)),
                Vote::Notarize(_) | Vote::Skip => true,
            };
            let free = !cast.iter().any(conflicts) && !cast.contains(&vote);
            assert_eq!(own.permits(vote), free && due, "{vote:?} after {cast:?}");
        }
    });
}
