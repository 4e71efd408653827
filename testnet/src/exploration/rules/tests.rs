//! That the rules of the exploration refuse what they should, for it never meets most of that.

use model::shard::Seat;

use super::super::board::Board;
use super::super::player::{Said, Scene};
use super::super::words::{Blocks, Word, Words};
use super::{judge, no_conflict, prove};

/// The first two blocks of a board on which the member on seat 1 lies.
const A: usize = 0;
const B: usize = 1;

fn seat(index: usize) -> Seat {
    Seat::new(index).unwrap()
}

fn board(liars: &[usize]) -> Board {
    Board::new(liars.iter().copied().map(seat).collect(), 1)
}

/// What each seat votes, and no more.
fn scene(board: &Board, voted: [&[Word]; 4]) -> Scene {
    let voted: Vec<Words> = voted
        .iter()
        .map(|words| words.iter().copied().collect())
        .collect();
    Scene {
        shown: board.shown(Blocks::default()),
        certified: Words::of_quorums(&voted),
        voted,
    }
}

#[track_caller]
fn refused(board: &Board, voted: [&[Word]; 4], why: &str) {
    let refusal = judge(board, &scene(board, voted)).expect_err("the rules allow it");
    assert!(refusal.contains(why), "{refusal}");
}

#[test]
fn an_honest_member_casts_no_votes_that_conflict() {
    let board = board(&[1]);
    let says = |words: &[Word]| {
        let votes = words.iter().copied().collect();
        let proposed = Blocks::default();
        no_conflict(&board, seat(0), Said { votes, proposed })
    };
    let (skip, notarize, finalize) = (Word::Skip(1), Word::Notarize, Word::Finalize);
    says(&[skip, notarize(A)]).unwrap();
    says(&[notarize(A), finalize(A)]).unwrap();
    says(&[skip, finalize(A)]).unwrap_err();
    says(&[notarize(A), notarize(B)]).unwrap_err();
    says(&[notarize(A), finalize(B)]).unwrap_err();
    says(&[finalize(A), finalize(B)]).unwrap_err();
}

#[test]
fn an_honest_member_proposes_once_where_it_leads() {
    let board = board(&[1]);
    let proposes = |blocks: &[usize]| {
        let proposed = blocks.iter().copied().fold(Blocks::default(), Blocks::with);
        let votes = Words::default();
        no_conflict(&board, seat(1), Said { votes, proposed })
    };
    proposes(&[A]).unwrap();
    proposes(&[A, B]).unwrap_err();
    let foreign = Said {
        votes: Words::default(),
        proposed: Blocks::default().with(A),
    };
    no_conflict(&board, seat(0), foreign).unwrap_err();
}

#[test]
fn with_one_liar_quorums_contradict_each_other_nowhere() {
    let board = board(&[1]);
    let final_a: &[Word] = &[Word::Notarize(A), Word::Finalize(A)];
    let calm = scene(&board, [final_a, final_a, final_a, &[]]);
    assert_eq!(judge(&board, &calm), Ok(None));
    let both: &[Word] = &[Word::Finalize(A), Word::Finalize(B)];
    refused(&board, [both, both, both, &[]], "are both final");
    let both: &[Word] = &[Word::Notarize(A), Word::Notarize(B)];
    refused(&board, [both, both, both, &[]], "are notarized");
    let both: &[Word] = &[Word::Skip(1), Word::Finalize(A)];
    refused(&board, [both, both, both, &[]], "is skipped");
}

#[test]
fn a_fork_names_two_liars_by_signatures_that_verify() {
    let board = board(&[1, 2]);
    let both: &[Word] = &[Word::Finalize(A), Word::Finalize(B)];
    let scene = scene(
        &board,
        [&[Word::Finalize(A)], both, both, &[Word::Finalize(B)]],
    );
    let fork = judge(&board, &scene).unwrap().expect("a fork");
    assert_eq!(fork.named, [seat(1), seat(2)]);
    prove(&board, &scene, &fork).unwrap();
}

#[test]
fn a_fork_that_names_an_honest_member_is_refused() {
    let board = board(&[1, 2]);
    let both: &[Word] = &[Word::Finalize(A), Word::Finalize(B)];
    refused(&board, [both, both, both, &[]], "node 0 voted");
}

#[test]
fn a_fork_that_nothing_explains_is_refused() {
    let board = Board::new(vec![seat(1), seat(2)], 2);
    let number = |title: &str| {
        let mut all = board.shown(Blocks::default()).numbers();
        all.find(|block| board.title(*block) == title).unwrap()
    };
    let one = Word::Finalize(number("[1a on genesis]"));
    let two = Word::Finalize(number("[2a on genesis]"));
    let both: &[Word] = &[one, two];
    refused(&board, [&[one], both, both, &[two]], "nothing explains");
}
