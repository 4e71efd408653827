//! Voting: the rules 4, 5 and 6 of the agreement, on one replica that hears what the others could say.

use consensus::Message;
use consensus::bft::Pace;
use model::statement::{Slot, Vote};
use model::{Block, Time};

use crate::network::clock;
use crate::shell::{Shell, To};
use crate::world::{Place, World, seat};

fn world() -> World {
    World::new(4, 4)
}

/// What member 0 votes when it hears these messages, each from somebody.
fn votes(world: &World, heard: &[Message]) -> Vec<(u64, Vote)> {
    let mut shell = Shell::new(world, 0);
    for message in heard {
        shell.hear(2, message);
    }
    shell.take_votes()
}

fn notarize(block: &Block) -> (u64, Vote) {
    (block.header.slot.number(), Vote::Notarize(block.hash()))
}

#[test]
fn rule_4_a_block_on_a_notarized_parent_is_voted_for() {
    let world = world();
    let first = world.block(1, world.root(), &[world.gift_of(0)]);
    let second = world.block(2, Place::of(&first), &[]);
    let mut heard = vec![world.proposal(&first), world.proposal(&second)];
    assert_eq!(
        votes(&world, &heard),
        [notarize(&first)],
        "the first is not notarized"
    );
    heard.push(world.certified(1, Vote::Notarize(first.hash())));
    let finalize = (1, Vote::Finalize(first.hash()));
    assert_eq!(
        votes(&world, &heard),
        [notarize(&first), finalize, notarize(&second)]
    );
}

#[test]
fn rule_4_slots_between_parent_and_block_must_be_skipped() {
    let world = world();
    let block = world.block(3, world.root(), &[]);
    let skip = |slot| world.certified(slot, Vote::Skip);
    let other = world.block(2, world.root(), &[]);
    let notarization = world.certified(2, Vote::Notarize(other.hash()));
    let proposal = world.proposal(&block);
    assert_eq!(
        votes(&world, &[skip(1), skip(2), proposal.clone()]),
        [notarize(&block)]
    );
    assert_eq!(
        votes(&world, &[skip(1), proposal.clone(), skip(2)]),
        [notarize(&block)]
    );
    assert_eq!(votes(&world, &[skip(1), proposal.clone()]), []);
    assert_eq!(votes(&world, &[skip(1), notarization, proposal]), []);
}

#[test]
fn rule_4_slots_before_the_parent_need_not_be_cleared() {
    let world = world();
    let first = world.block(2, world.root(), &[world.gift_of(0)]);
    let second = world.block(3, Place::of(&first), &[]);
    let notarization = world.certified(2, Vote::Notarize(first.hash()));
    let heard = [
        world.proposal(&first),
        notarization,
        world.proposal(&second),
    ];
    assert_eq!(
        votes(&world, &heard),
        [notarize(&second)],
        "nothing is known of slot 1"
    );
}

#[test]
fn rule_4_a_block_that_the_leader_did_not_sign_is_not_voted_for() {
    let world = world();
    let mut forged = world.proposed(&world.block(1, world.root(), &[]));
    let statement = forged.statement();
    for other in [0, 2, 3] {
        forged.signature = world.sign(other, &statement);
        assert_eq!(votes(&world, &[Message::Proposal(forged.clone())]), []);
    }
}

#[test]
fn rule_4_one_block_of_a_slot_is_voted_for() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let other = world.block(1, world.root(), &[world.gift_of(0)]);
    let notarization = world.certified(1, Vote::Notarize(other.hash()));
    let heard = [world.proposal(&block), notarization, world.proposal(&other)];
    assert_eq!(votes(&world, &heard), [notarize(&block)]);
}

#[test]
fn rule_4_a_member_that_skipped_may_still_notarize() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let mut shell = Shell::new(&world, 0);
    shell.submit(&world.gift_of(0));
    shell.run_until(world.pace.skip_ms);
    assert_eq!(shell.take_votes(), [(1, Vote::Skip)]);
    shell.hear(1, &world.proposal(&block));
    assert_eq!(shell.take_votes(), [notarize(&block)]);
}

#[test]
fn rule_4_a_block_that_does_not_fit_its_parent_is_not_voted_for() {
    let world = world();
    let root = world.root();
    let check = |block: Block, why: &str| {
        assert_eq!(votes(&world, &[world.proposal(&block)]), [], "{why}");
    };
    let mut high = world.block(1, root, &[]);
    high.header.height = high.header.height.next();
    check(high, "height");
    check(
        world.block_at(1, root, root.time, &[]),
        "the time of its parent",
    );
    let elsewhere = Place::of(&world.block(0, root, &[world.gift_of(0)]));
    check(
        world.block(1, elsewhere, &[]),
        "another block than the last final one",
    );
    let mut itself = world.block(1, root, &[]);
    itself.header.parent.slot = Slot::new(1);
    check(itself, "a parent that is not before it");
}

#[test]
fn rule_4_the_time_of_a_block_is_near_the_clock_of_the_voter() {
    let world = world();
    let now = 60_000;
    let check = |time: Time, good: bool| {
        let block = world.block_at(1, world.root(), time, &[]);
        let mut shell = Shell::new(&world, 0);
        shell.at(now);
        shell.hear(1, &world.proposal(&block));
        assert_eq!(!shell.take_votes().is_empty(), good, "{time:?}");
    };
    let tolerance = model::bounds::CLOCK_TOLERANCE_MS;
    check(clock(now - tolerance - 1), false);
    check(clock(now - tolerance), true);
    check(clock(now + tolerance), true);
    check(clock(now + tolerance + 1), false);
}

#[test]
fn rule_4_a_leader_may_follow_a_parent_that_is_ahead_of_the_voters_clock() {
    let world = world();
    let ahead = clock(model::bounds::CLOCK_TOLERANCE_MS + 1_000);
    let first = world.block_at(1, world.root(), ahead, &[]);
    let check = |time: Time, good: bool| {
        let second = world.block_at(2, Place::of(&first), time, &[]);
        let heard = [
            world.proposal(&first),
            world.certified(1, Vote::Notarize(first.hash())),
            world.proposal(&second),
        ];
        assert_eq!(
            votes(&world, &heard).contains(&notarize(&second)),
            good,
            "{time:?}"
        );
    };
    check(ahead.plus_ms(1), true);
    check(ahead.plus_ms(2), false);
}

#[test]
fn rule_5_only_a_notarized_block_that_one_voted_for_is_finalized() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let notarization = world.certified(1, Vote::Notarize(block.hash()));
    let finalize = (1, Vote::Finalize(block.hash()));
    let proposal = world.proposal(&block);
    assert_eq!(votes(&world, std::slice::from_ref(&notarization)), []);
    let late = votes(&world, &[notarization.clone(), proposal.clone()]);
    assert_eq!(late, [notarize(&block), finalize]);
    let other = world.block(1, world.root(), &[world.gift_of(0)]);
    let heard = [world.proposal(&other), notarization, proposal];
    assert_eq!(votes(&world, &heard), [notarize(&other)]);
}

#[test]
fn rule_5_a_slot_that_one_skipped_is_not_finalized() {
    let world = world();
    let block = world.block(1, world.root(), &[]);
    let mut shell = Shell::new(&world, 0);
    shell.submit(&world.gift_of(0));
    shell.run_until(world.pace.skip_ms);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Notarize(block.hash())));
    assert_eq!(shell.take_votes(), [(1, Vote::Skip), notarize(&block)]);
}

#[test]
fn rule_6_without_a_reason_nothing_is_skipped() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    shell.run_until(100_000);
    assert_eq!(shell.take_votes(), []);
}

#[test]
fn rule_6_a_proposal_that_nobody_else_votes_for_is_no_reason_to_be_busy() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.hear_votes(&[1], 1, Vote::Notarize(block.hash()));
    assert_eq!(shell.take_votes(), [notarize(&block)]);
    shell.run_until(60_000);
    assert_eq!(
        shell.take_votes(),
        [],
        "nothing is skipped and nothing is repeated"
    );
    shell.hear_votes(&[2], 1, Vote::Skip);
    shell.run_until(70_000);
    assert_eq!(
        shell.take_votes()[0],
        (1, Vote::Skip),
        "one of f + 1 others is honest"
    );
}

#[test]
fn rule_6_a_slot_that_one_finalizes_is_not_skipped() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Notarize(block.hash())));
    shell.take_votes();
    shell.run_until(100_000);
    assert!(!shell.take_votes().contains(&(1, Vote::Skip)));
}

/// How long member 0 waits from now on until it skips a slot, in milliseconds.
fn patience(shell: &mut Shell, now: &mut u64, slot: u64) -> u64 {
    let begin = *now;
    loop {
        *now = shell.wake.expect("a clock runs").as_ms();
        shell.tick_at(*now);
        if shell.take_votes().contains(&(slot, Vote::Skip)) {
            return *now - begin;
        }
    }
}

#[test]
fn rule_6_patience_doubles_with_each_fruitless_slot_up_to_a_limit() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    let mut now = 0;
    shell.submit(&world.gift(&world.things()[0], 0, 50_000));
    let Pace {
        skip_ms,
        skip_max_ms,
        ..
    } = world.pace;
    let doublings = [
        (1, 0),
        (2, 0),
        (3, 1),
        (4, 2),
        (5, 3),
        (6, 4),
        (7, 5),
        (8, 6),
    ];
    for (slot, doublings) in doublings {
        let expected = (skip_ms << doublings).min(skip_max_ms);
        assert_eq!(
            patience(&mut shell, &mut now, slot),
            expected,
            "slot {slot}"
        );
        shell.hear(2, &world.certified(slot, Vote::Skip));
    }
}

#[test]
fn rule_6_only_a_finalization_restores_patience() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    let mut now = 0;
    shell.submit(&world.gift(&world.things()[0], 0, 50_000));
    for slot in 1..=4 {
        shell.hear(2, &world.certified(slot, Vote::Skip));
    }
    // A notarization does not.
    let block = world.block(5, world.root(), &[world.gift_of(1)]);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(5, Vote::Notarize(block.hash())));
    assert!(patience(&mut shell, &mut now, 6) > world.pace.skip_ms);
    shell.hear(1, &world.certified(5, Vote::Finalize(block.hash())));
    shell.hear(2, &world.certified(6, Vote::Skip));
    assert_eq!(patience(&mut shell, &mut now, 7), world.pace.skip_ms);
}

#[test]
fn rule_6_a_leader_that_skips_its_own_slot_is_not_waited_for() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    shell.hear_votes(&[2], 1, Vote::Skip);
    assert_eq!(shell.take_votes(), [], "not the leader");
    let mut forged = world.vote(2, 1, Vote::Skip);
    if let Message::Vote(vote) = &mut forged {
        vote.slot = Slot::new(1);
    }
    shell.hear(1, &forged);
    assert_eq!(shell.take_votes(), [], "not signed by the leader");
    shell.hear_votes(&[1], 1, Vote::Skip);
    assert_eq!(shell.take_votes(), [(1, Vote::Skip)]);
}

#[test]
fn a_member_lacking_certificates_asks_the_leader_whose_block_needs_them() {
    let world = world();
    let parent = world.block(1, world.root(), &[]);
    let check = |heard: &[Message], leader: usize, first: u64, last: u64| {
        let mut shell = Shell::new(&world, 0);
        for message in heard {
            shell.hear(2, message);
        }
        let request = Message::CertificatesRequest {
            first: Slot::new(first),
            last: Slot::new(last),
        };
        let said = shell.take_said();
        assert!(said.contains(&(To::One(seat(leader)), request)), "{said:?}");
    };
    let skip = |slot| world.certified(slot, Vote::Skip);
    let gap = world.block(3, world.root(), &[]);
    let notarization = world.certified(2, Vote::Notarize(gap.hash()));
    check(&[skip(1), notarization, world.proposal(&gap)], 3, 2, 3);
    let child = world.block(2, Place::of(&parent), &[]);
    check(&[skip(1), world.proposal(&child)], 2, 1, 2);
}
