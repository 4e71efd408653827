//! The rules 1, 2, 3, 7 and 8 of the agreement, on one replica that hears what the others could say.
//! Voting (rules 4, 5 and 6) is in `voting`.

use consensus::Message;
use consensus::message::Status;
use model::block::BlockRef;
use model::statement::{Slot, Vote};
use model::{Block, Height};

use crate::shell::{Shell, To};
use crate::world::{Place, World, seat};

fn world() -> World {
    World::new(4, 4)
}

/// How far the replica says it is when a link comes up.
fn status(shell: &mut Shell) -> Status {
    shell.take_said();
    shell.step(consensus::Input::LinkUp(seat(3)));
    let said = shell.take_said();
    let status = said.into_iter().find_map(|(_, message)| match message {
        Message::Status(status) => Some(status),
        _ => None,
    });
    status.expect("a status for the new link")
}

fn frontier(shell: &mut Shell) -> u64 {
    status(shell).frontier.number()
}

/// What a behindhand member gets for its status.
fn answers_to(shell: &mut Shell, from: usize, frontier: u64) -> Vec<Message> {
    shell.take_said();
    let status = Status {
        finalization: None,
        frontier: Slot::new(frontier),
        certified: Height::ZERO,
    };
    shell.hear(from, &Message::Status(status));
    let said = shell.take_said().into_iter();
    said.filter(|(to, message)| {
        *to == To::One(seat(from)) && !matches!(message, Message::ProposalRequest(_))
    })
    .map(|(_, message)| message)
    .collect()
}

fn proposals(said: Vec<(To, Message)>) -> Vec<Block> {
    said.into_iter()
        .filter_map(|(_, message)| match message {
            Message::Proposal(proposal) => Some(proposal.block),
            _ => None,
        })
        .collect()
}

#[test]
fn rule_1_a_notarization_or_a_skip_certificate_clears_a_slot() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let mut shell = Shell::new(&world, 0);
    assert_eq!(frontier(&mut shell), 1);
    shell.hear(2, &world.certified(1, Vote::Notarize(block.hash())));
    assert_eq!(frontier(&mut shell), 2);
    shell.hear(2, &world.certified(2, Vote::Skip));
    assert_eq!(frontier(&mut shell), 3);
    shell.hear(2, &world.certified(4, Vote::Skip));
    assert_eq!(frontier(&mut shell), 3, "slot 3 is not cleared");
    shell.hear(2, &world.certified(3, Vote::Skip));
    assert_eq!(frontier(&mut shell), 5);
}

#[test]
fn rule_1_a_finalization_clears_all_slots_up_to_its_own() {
    let world = world();
    let block = world.block(6, world.root(), &[]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(2, &world.certified(6, Vote::Finalize(block.hash())));
    assert_eq!(frontier(&mut shell), 7);
}

#[test]
fn rule_2_a_proposal_that_was_voted_for_is_kept_and_served() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.take_said();
    shell.hear(3, &Message::ProposalRequest(block.name()));
    let answer = (To::One(seat(3)), world.proposal(&block));
    assert_eq!(shell.take_said(), [answer]);
    // Also after a restart.
    let mut shell = Shell::restored(&world, 0, shell.on_disk(), 0).expect("an honest log");
    shell.hear(3, &Message::ProposalRequest(block.name()));
    assert_eq!(proposals(shell.take_said()), [block]);
}

/// Whom the replica asks for the block, by what it says.
fn asked(shell: &mut Shell, block: &Block) -> Vec<usize> {
    let request = Message::ProposalRequest(block.name());
    let said = shell.take_said().into_iter();
    said.filter(|(_, message)| *message == request)
        .map(|(to, _)| match to {
            To::One(seat) => seat.index(),
            To::All => panic!("a request goes to one member"),
        })
        .collect()
}

#[test]
fn rule_2_a_missing_proposal_is_asked_for_again_and_again_of_all_who_may_have_it() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.take_said();
    shell.hear(2, &world.certified(1, Vote::Notarize(block.hash())));
    let mut all = asked(&mut shell, &block);
    assert!(!all.is_empty(), "asked at once");
    for _ in 0..3 {
        let wake = shell.wake.expect("it will ask again");
        shell.tick_at(wake.as_ms());
        all.extend(asked(&mut shell, &block));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, [1, 2, 3]);
    shell.hear(3, &world.proposal(&block));
    assert_eq!(shell.take_votes()[0], (1, Vote::Notarize(block.hash())));
}

#[test]
fn rule_2_f_plus_1_votes_are_enough_to_ask_those_who_cast_them() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.take_said();
    shell.hear_votes(&[2], 1, Vote::Notarize(block.hash()));
    assert_eq!(asked(&mut shell, &block), [] as [usize; 0]);
    shell.hear_votes(&[3], 1, Vote::Notarize(block.hash()));
    let all = asked(&mut shell, &block);
    assert!(all.contains(&2) && all.contains(&3), "{all:?}");
}

#[test]
fn rule_3_a_leader_proposes_on_the_highest_notarized_block() {
    let world = world();
    let first = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 3);
    shell.hear(1, &world.proposal(&first));
    shell.hear(1, &world.certified(1, Vote::Notarize(first.hash())));
    shell.take_said();
    shell.submit(&world.gift_of(1));
    assert_eq!(proposals(shell.take_said()), [], "slot 2 is not cleared");
    shell.hear(1, &world.certified(2, Vote::Skip));
    let [block] = &proposals(shell.take_said())[..] else {
        panic!("one proposal");
    };
    assert_eq!(block.header.slot, Slot::new(3));
    assert_eq!(block.header.parent, first.name());
    assert_eq!(block.header.height, Height::new(2));
}

#[test]
fn rule_3_a_leader_proposes_once_in_a_slot() {
    let world = world();
    let mut shell = Shell::new(&world, 1);
    shell.take_said();
    shell.submit(&world.gift_of(0));
    assert_eq!(proposals(shell.take_said()).len(), 1);
    shell.submit(&world.gift_of(1));
    assert_eq!(proposals(shell.take_said()), []);
}

#[test]
fn rule_3_a_leader_that_was_restarted_skips_the_slots_it_had_reserved() {
    let world = world();
    let mut shell = Shell::new(&world, 1);
    shell.submit(&world.gift_of(0));
    // The process dies before it votes: the log does not have the proposal.
    let reserved = shell.log.iter().take(1).cloned().collect();
    let mut shell = Shell::restored(&world, 1, reserved, 10).expect("an honest log");
    shell.start();
    shell.submit(&world.gift_of(1));
    let said = shell.take_said();
    assert_eq!(proposals(said.clone()), []);
    let skip = world.vote(1, 1, Vote::Skip);
    assert!(said.contains(&(To::All, skip)), "the others need not wait");
    // Beyond the reserved slots it leads as before.
    for slot in 1..9 {
        shell.hear(2, &world.certified(slot, Vote::Skip));
    }
    let slots: Vec<Slot> = proposals(shell.take_said())
        .iter()
        .map(|block| block.header.slot)
        .collect();
    assert_eq!(slots, [Slot::new(9)]);
}

#[test]
fn rule_3_a_leader_does_not_build_on_a_block_above_its_frontier() {
    let world = world();
    let high = world.block(3, world.root(), &[]);
    let mut shell = Shell::new(&world, 1);
    shell.hear(3, &world.proposal(&high));
    shell.hear(3, &world.certified(3, Vote::Notarize(high.hash())));
    shell.take_said();
    shell.submit(&world.gift_of(0));
    let blocks = proposals(shell.take_said());
    let parents: Vec<BlockRef> = blocks.iter().map(|block| block.header.parent).collect();
    assert_eq!(parents, [world.root().name]);
}

#[test]
fn rule_7_a_quorum_of_votes_becomes_a_certificate_that_is_said_once() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let vote = Vote::Notarize(block.hash());
    let mut shell = Shell::new(&world, 0);
    shell.hear_votes(&[1, 2], 1, vote);
    shell.take_said();
    shell.hear_votes(&[3], 1, vote);
    let seats = [1, 2, 3];
    let certificate = world.certificate(crate::world::statement(1, vote), &seats);
    let said = shell.take_said();
    let expected = (To::All, Message::Certificate(certificate.clone()));
    assert_eq!(said.iter().filter(|said| **said == expected).count(), 1);
    shell.hear_votes(&[1, 2, 3], 1, vote);
    shell.hear(2, &Message::Certificate(certificate));
    assert_eq!(shell.take_said(), []);
}

#[test]
fn rule_7_a_certificate_that_moves_the_frontier_is_passed_on() {
    let world = world();
    let skip = world.certified(1, Vote::Skip);
    let mut shell = Shell::new(&world, 0);
    shell.take_said();
    shell.hear(2, &skip);
    assert_eq!(shell.take_said(), [(To::All, skip.clone())]);
    shell.hear(3, &skip);
    assert_eq!(shell.take_said(), []);
    // One about a slot that is cleared already is not.
    let block = world.block(1, world.root(), &[]);
    shell.hear(1, &world.proposal(&block));
    shell.take_said();
    shell.hear(3, &world.certified(1, Vote::Notarize(block.hash())));
    let said = shell.take_said();
    assert!(
        !said
            .iter()
            .any(|(_, message)| matches!(message, Message::Certificate(_))),
        "{said:?}"
    );
}

#[test]
fn rule_7_a_certificate_without_a_quorum_is_nothing() {
    let world = world();
    let skip = crate::world::statement(1, Vote::Skip);
    let mut few = world.certificate(skip, &[0, 2]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(2, &Message::Certificate(few.clone()));
    few.signatures.push((seat(3), few.signatures[1].1));
    shell.hear(2, &Message::Certificate(few));
    assert_eq!(frontier(&mut shell), 1);
}

#[test]
fn rule_8_a_member_without_progress_says_again_what_it_said_and_how_far_it_is() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.take_said();
    shell.submit(&world.gift_of(1));
    shell.run_until(world.pace.standstill_ms);
    let said = shell.take_said();
    let notarize = (To::All, world.vote(0, 1, Vote::Notarize(block.hash())));
    let skip = (To::All, world.vote(0, 1, Vote::Skip));
    assert!(said.contains(&notarize), "the vote is repeated");
    assert_eq!(
        said.iter().filter(|said| **said == skip).count(),
        2,
        "said and repeated"
    );
    assert!(
        said.iter()
            .any(|(_, message)| matches!(message, Message::Status(_)))
    );
    let waiting = Message::Transactions(vec![world.gift_of(1)]);
    assert_eq!(
        said.iter()
            .filter(|(_, message)| *message == waiting)
            .count(),
        2,
        "what waits is passed on again"
    );
    let votes = shell.log.len();
    shell.run_until(10 * world.pace.standstill_ms);
    assert_eq!(shell.log.len(), votes, "nothing new is signed");
}

#[test]
fn rule_8_a_member_gets_what_its_status_shows_that_it_lacks() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let place = Place::of(&block);
    let next = world.block(3, place, &[]);
    let finalization = world.certified(1, Vote::Finalize(block.hash()));
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &finalization);
    shell.hear(2, &world.certified(2, Vote::Skip));
    shell.hear(3, &world.certified(3, Vote::Notarize(next.hash())));
    let expected = [
        finalization,
        world.certified(2, Vote::Skip),
        world.certified(3, Vote::Notarize(next.hash())),
    ];
    assert_eq!(answers_to(&mut shell, 2, 1), expected);
    // Who has cleared slot 2 gets the rest only.
    shell.at(1_000);
    assert_eq!(
        answers_to(&mut shell, 2, 3),
        [&expected[0], &expected[2]].map(Clone::clone)
    );
}

#[test]
fn rule_8_an_idle_member_tells_each_other_in_turn_how_far_it_is() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    shell.take_said();
    shell.run_until(3 * world.pace.heartbeat_ms);
    let mut told: Vec<usize> = Vec::new();
    for (to, message) in shell.take_said() {
        assert!(
            matches!(message, Message::Status(_)),
            "nothing but its status"
        );
        match to {
            To::One(seat) => told.push(seat.index()),
            To::All => panic!("one other at a time"),
        }
    }
    told.sort_unstable();
    assert_eq!(told, [1, 2, 3]);
}
