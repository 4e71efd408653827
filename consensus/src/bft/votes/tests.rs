//! Ballots: counting, weeding out, comparing, and how little is kept.

use model::key::Zip215;
use model::statement::{Slot, Statement, Vote};
use model::{Certificate, Hash, Signature};

use super::{Added, Ballots};
use crate::member::tests::{member, seat, sign};

const SLOT: Slot = Slot::new(3);
const A: Hash = Hash::from_bytes([1; 32]);
const B: Hash = Hash::from_bytes([2; 32]);
const BOGUS: Signature = Signature::from_bytes([9; 64]);

fn signed(index: usize, vote: Vote) -> Signature {
    sign(index, &Statement::Vote { slot: SLOT, vote })
}

fn add(ballots: &mut Ballots, index: usize, vote: Vote) -> Added {
    ballots.add(seat(index), vote, signed(index, vote), false)
}

fn certificates(ballots: &mut Ballots) -> Vec<(Vote, Certificate)> {
    ballots.certificates(&mut member(0), SLOT, |_| true)
}

#[test]
fn three_of_four_are_a_quorum_for_each_kind() {
    for vote in [Vote::Notarize(A), Vote::Skip, Vote::Finalize(A)] {
        let mut ballots = Ballots::default();
        for index in [3, 1] {
            assert!(matches!(add(&mut ballots, index, vote), Added::New));
            assert!(matches!(add(&mut ballots, index, vote), Added::Known));
            assert_eq!(certificates(&mut ballots), []);
        }
        add(&mut ballots, 0, vote);
        let [(about, certificate)] = &certificates(&mut ballots)[..] else {
            panic!("one certificate");
        };
        assert_eq!(*about, vote);
        assert_eq!(
            certificate.verify(member(2).committee(), &mut Zip215),
            Ok(())
        );
    }
}

#[test]
fn votes_for_different_blocks_do_not_add_up() {
    let mut ballots = Ballots::default();
    for (index, hash) in [(0, A), (1, A), (2, B), (3, B)] {
        add(&mut ballots, index, Vote::Notarize(hash));
    }
    assert_eq!(certificates(&mut ballots), []);
    assert_eq!(ballots.supporters(&A), 2);
    assert_eq!(ballots.voters_beside(seat(0)), 3);
}

#[test]
fn a_certificate_that_is_not_lacking_costs_nothing() {
    let mut ballots = Ballots::default();
    for index in 0..3 {
        ballots.add(seat(index), Vote::Skip, BOGUS, false);
    }
    assert_eq!(ballots.certificates(&mut member(0), SLOT, |_| false), []);
    assert_eq!(
        ballots.voters_beside(seat(3)),
        3,
        "the signatures were not looked at"
    );
}

#[test]
fn a_bogus_vote_is_thrown_away_and_the_genuine_one_counts() {
    let mut ballots = Ballots::default();
    ballots.add(seat(2), Vote::Skip, BOGUS, false);
    for index in 0..2 {
        add(&mut ballots, index, Vote::Skip);
    }
    assert_eq!(certificates(&mut ballots), []);
    assert_eq!(ballots.voters_beside(seat(3)), 2);
    assert!(matches!(add(&mut ballots, 2, Vote::Skip), Added::New));
    assert_eq!(certificates(&mut ballots).len(), 1);
}

#[test]
fn a_vote_that_was_checked_takes_the_place_of_one_that_was_not() {
    let mut ballots = Ballots::default();
    ballots.add(seat(2), Vote::Skip, BOGUS, false);
    ballots.add(seat(2), Vote::Skip, signed(2, Vote::Skip), true);
    assert!(ballots.is_genuine(&mut member(0), SLOT, seat(2), Vote::Skip));
}

#[test]
fn a_conflicting_vote_is_not_kept_and_names_the_earlier_one() {
    let pairs = [
        (Vote::Notarize(A), Vote::Notarize(B)),
        (Vote::Finalize(A), Vote::Finalize(B)),
        (Vote::Notarize(A), Vote::Finalize(B)),
        (Vote::Finalize(A), Vote::Notarize(B)),
        (Vote::Skip, Vote::Finalize(A)),
        (Vote::Finalize(A), Vote::Skip),
    ];
    for (first, second) in pairs {
        let mut ballots = Ballots::default();
        add(&mut ballots, 1, first);
        match add(&mut ballots, 1, second) {
            Added::Conflict(ballot) => assert_eq!(ballot.vote, first),
            other => panic!("{first:?} and {second:?}: {other:?}"),
        }
        assert_eq!(ballots.signature(seat(1), second), None);
        ballots.note_liar(seat(1));
        assert!(
            matches!(add(&mut ballots, 1, second), Added::Known),
            "once is enough"
        );
    }
}

#[test]
fn pitfall_one_vote_of_each_kind_and_member_is_kept() {
    let mut ballots = Ballots::default();
    for byte in 0..=255 {
        let hash = Hash::from_bytes([byte; 32]);
        for vote in [Vote::Notarize(hash), Vote::Skip, Vote::Finalize(hash)] {
            for index in 0..4 {
                ballots.add(seat(index), vote, BOGUS, false);
            }
        }
    }
    assert!(ballots.ballots.len() <= 3 * 4);
}

#[test]
fn the_favourite_is_the_block_with_most_votes() {
    let mut ballots = Ballots::default();
    assert_eq!(ballots.favourite(), None);
    for (index, hash) in [(0, B), (1, A), (3, A)] {
        add(&mut ballots, index, Vote::Notarize(hash));
    }
    assert_eq!(ballots.favourite(), Some((A, vec![seat(1), seat(3)])));
}
