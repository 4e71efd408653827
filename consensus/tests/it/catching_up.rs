//! Catching up: members that were away, answers that never come, and answers that lie.

use std::collections::BTreeSet;

use consensus::{Input, Message};
use model::statement::{Height, Slot, Vote};
use model::{Block, Finalized, NetworkId, Statement};

use crate::network::Network;
use crate::shell::{Shell, To};
use crate::world::{Place, World, seat, statement};

/// A shard in which member 3 was away while so many blocks were made.
fn without_one(blocks: u8, blocks_per_answer: usize) -> Network {
    let mut network = Network::of_four(blocks);
    let log = network.crash(3);
    for number in 0..blocks {
        let gift = network
            .world
            .gift(&network.world.things()[usize::from(number)], 0, 59_000);
        network.submit(0, &gift);
        network.run_until("a block more", 2_000, |network| {
            network.shell(0).applied.iter().any(|block| {
                block
                    .applied
                    .results
                    .iter()
                    .any(|result| result.transaction == gift.body.id())
            })
        });
    }
    network.blocks_per_answer = blocks_per_answer;
    network.restart(3, log);
    network
}

#[test]
fn a_member_that_was_away_gets_all_blocks_and_the_same_head() {
    for blocks_per_answer in [1, 3, 512] {
        let mut network = without_one(20, blocks_per_answer);
        network.run_until_decided(20, 5_000);
        let tip = network.shell(0).replica.ledger().tip;
        assert_eq!(
            network.shell(3).replica.ledger().tip,
            tip,
            "{blocks_per_answer} at a time"
        );
        assert!(!network.shell(3).replica.is_behind());
    }
}

#[test]
fn a_member_far_behind_catches_up_while_the_shard_goes_on() {
    let mut network = without_one(120, 16);
    for number in 0..4 {
        let gift = network
            .world
            .gift(&network.world.things()[number], 1, 59_000);
        network.submit(1, &gift);
        network.run_for(30);
    }
    network.run_until_decided(124, 10_000);
}

#[test]
fn a_member_that_caught_up_holds_the_certificates_of_all_heads() {
    let mut network = without_one(40, 16);
    network.run_until_decided(40, 5_000);
    let shell = network.shell(3);
    let heights = shell.applied.iter().map(|block| block.block.header.height);
    assert!(heights.eq(shell.certified.keys().copied()));
}

#[test]
fn an_ancestor_whose_slot_was_cleared_by_skipping_it_is_asked_for() {
    let world = World::new(4, 4);
    let first = world.block(1, world.root(), &[world.gift_of(0)]);
    let second = world.block(3, Place::of(&first), &[]);
    for proof in [Vote::Notarize(second.hash()), Vote::Finalize(second.hash())] {
        let mut shell = Shell::new(&world, 0);
        shell.hear(2, &world.certified(1, Vote::Skip));
        shell.hear(2, &world.certified(2, Vote::Skip));
        shell.hear(3, &world.proposal(&second));
        shell.take_said();
        shell.hear(3, &world.certified(3, proof));
        let request = Message::ProposalRequest(first.name());
        assert!(
            shell
                .take_said()
                .iter()
                .any(|(_, message)| *message == request),
            "{proof:?}"
        );
        // It is taken though its slot has another candidate.
        let other = world.block(1, world.root(), &[]);
        shell.hear(1, &world.proposal(&other));
        shell.hear(2, &world.proposal(&first));
        shell.hear(3, &world.certified(3, Vote::Finalize(second.hash())));
        assert_eq!(shell.applied.len(), 2, "{proof:?}");
    }
}

/// A liar's block on a parent that nobody knows keeps a member asking for certificates. That must not
/// take the place of asking for the block of the same slot that others notarized.
#[test]
fn a_rival_on_an_unknown_parent_does_not_hinder_the_notarized_block() {
    let world = World::new(4, 4);
    let block = world.block(3, world.root(), &[world.gift_of(0)]);
    let unknown = world.block(2, world.root(), &[world.gift_of(1)]);
    let rival = world.block(3, Place::of(&unknown), &[]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(3, &world.proposal(&rival));
    shell.hear(1, &world.certified(1, Vote::Skip));
    shell.hear(1, &world.certified(2, Vote::Skip));
    shell.take_said();
    shell.hear(1, &world.certified(3, Vote::Notarize(block.hash())));
    let request = Message::ProposalRequest(block.name());
    assert!(
        shell
            .take_said()
            .iter()
            .any(|(_, message)| *message == request)
    );
}

/// A chain of final blocks that member 0 does not have, the last one certified.
fn chain(world: &World, length: u64) -> Vec<Finalized> {
    let mut parent = world.root();
    (1..=length)
        .map(|slot| {
            let number = usize::try_from(slot).expect("a short chain") - 1;
            let block = world.block(slot, parent, &[world.gift_of(number)]);
            parent = Place::of(&block);
            let finalize = statement(slot, Vote::Finalize(block.hash()));
            let certificate = (slot == length).then(|| world.certificate(finalize, &[1, 2, 3]));
            Finalized {
                block,
                certificate,
                head: None,
            }
        })
        .collect()
}

/// A member that has heard from member 2 of the last block of a chain.
fn behind(world: &World, chain: &[Finalized]) -> Shell {
    let mut shell = Shell::new(world, 0);
    let last = chain.last().and_then(|last| last.certificate.clone());
    shell.hear(
        2,
        &Message::Certificate(last.expect("the last is certified")),
    );
    assert!(shell.replica.is_behind());
    shell
}

/// Whom the replica has asked for blocks since the last call.
fn asked(shell: &mut Shell) -> Vec<usize> {
    let fetches = std::mem::take(&mut shell.fetches);
    fetches.into_iter().map(|(seat, _)| seat.index()).collect()
}

#[test]
fn who_told_is_asked_first_and_then_the_others_in_turn() {
    let world = World::new(4, 4);
    let chain = chain(&world, 3);
    let mut shell = behind(&world, &chain);
    assert_eq!(asked(&mut shell), [2]);
    // No answer at all.
    shell.run_until(2_999);
    assert_eq!(asked(&mut shell), [] as [usize; 0]);
    shell.run_until(3_000);
    let second = asked(&mut shell);
    assert_eq!(second.len(), 1);
    // A failure that the shell reports: not at once, and not much later.
    shell.step(Input::FetchFailed {
        from: seat(second[0]),
    });
    assert_eq!(asked(&mut shell), [] as [usize; 0]);
    shell.run_until(3_200);
    let third = asked(&mut shell);
    assert_eq!(third.len(), 1);
    assert_ne!(second, third);
}

#[test]
fn a_fetch_that_fails_at_once_is_tried_again_soon() {
    let world = World::new(4, 4);
    let mut shell = behind(&world, &chain(&world, 3));
    assert_eq!(asked(&mut shell), [2]);
    shell.step(Input::FetchFailed { from: seat(2) });
    shell.run_until(200);
    assert_eq!(asked(&mut shell).len(), 1);
}

#[test]
fn all_others_are_asked_for_everything_however_much_is_missing() {
    let world = World::new(4, 8);
    for missing in 1..=6_u64 {
        let chain = chain(&world, missing);
        let mut shell = Shell::new(&world, 0);
        for finalized in &chain {
            let slot = finalized.block.header.slot.number();
            let notarize = Vote::Notarize(finalized.block.hash());
            shell.hear(2, &world.certified(slot, notarize));
        }
        let last = chain.last().and_then(|last| last.certificate.clone());
        shell.hear(2, &Message::Certificate(last.expect("certified")));
        let (mut blocks, mut proposals) = (BTreeSet::new(), BTreeSet::new());
        for round in 1..12 {
            for from in asked(&mut shell) {
                blocks.insert(from);
                shell.step(Input::FetchFailed { from: seat(from) });
            }
            for (to, message) in shell.take_said() {
                if let (To::One(to), Message::ProposalRequest(name)) = (to, message) {
                    proposals.insert((name, to.index()));
                }
            }
            shell.run_until(round * 200);
        }
        assert_eq!(blocks.len(), 3, "{missing} missing: {blocks:?}");
        assert_eq!(
            proposals.len() as u64,
            3 * missing,
            "{missing} missing: {proposals:?}"
        );
    }
}

#[test]
fn an_answer_that_comes_late_counts() {
    let world = World::new(4, 4);
    let chain = chain(&world, 3);
    let mut shell = behind(&world, &chain);
    shell.run_until(3_000);
    assert_eq!(
        asked(&mut shell).len(),
        2,
        "another was asked in the meantime"
    );
    shell.receive_blocks(2, chain);
    assert_eq!(shell.applied.len(), 3);
}

#[test]
fn blocks_are_not_looked_at_when_none_is_missing() {
    let world = World::new(4, 4);
    let mut shell = Shell::new(&world, 0);
    shell.receive_blocks(2, chain(&world, 3));
    assert!(shell.applied.is_empty());
}

#[test]
fn a_false_answer_changes_nothing_and_another_member_is_asked() {
    let world = World::new(4, 8);
    let honest = chain(&world, 4);
    type Lie = (&'static str, fn(&mut Vec<Finalized>));
    let lies: &[Lie] = &[
        ("nothing", |answer| answer.clear()),
        ("a gap", |answer| drop(answer.remove(1))),
        ("not from the last block here", |answer| {
            drop(answer.remove(0))
        }),
        ("no certificate", |answer| answer[3].certificate = None),
        ("a certificate of another block", |answer| {
            answer.truncate(3);
            let other = World::new(4, 8);
            let hash = answer[1].block.hash();
            let statement = statement(3, Vote::Finalize(hash));
            answer[2].certificate = Some(other.certificate(statement, &[1, 2, 3]));
        }),
        ("a certificate of too few", |answer| {
            let certificate = answer[3].certificate.as_mut().expect("certified");
            certificate.signatures.pop();
        }),
        ("a certificate of another kind", |answer| {
            let hash = answer[3].block.hash();
            let other = World::new(4, 8);
            let statement = statement(4, Vote::Notarize(hash));
            answer[3].certificate = Some(other.certificate(statement, &[1, 2, 3]));
        }),
        ("a payload of its own", |answer| {
            answer[2].block.payload = [0x80].into()
        }),
        ("a block of another network", |answer| {
            answer[0].block.header.scope.network = NetworkId::from_bytes([1; 32]);
        }),
        ("heights that end", |answer| {
            relink(answer, |block| block.header.height = Height::new(u64::MAX));
        }),
        ("a time that stands still", |answer| {
            relink(answer, |block| block.header.time = crate::world::CREATED);
        }),
    ];
    for (lie, spoil) in lies {
        let mut answer = honest.clone();
        spoil(&mut answer);
        let mut shell = behind(&world, &honest);
        assert_eq!(asked(&mut shell), [2]);
        let log = shell.log.len();
        shell.receive_blocks(2, answer);
        assert_eq!(shell.log.len(), log, "{lie}");
        assert!(shell.applied.is_empty(), "{lie}");
        let wake = shell.wake.expect("it asks again").as_ms();
        shell.tick_at(wake);
        let next = asked(&mut shell);
        assert!(next.len() == 1 && next != [2], "{lie}: {next:?}");
        shell.receive_blocks(next[0], honest.clone());
        assert_eq!(shell.applied.len(), 4, "{lie}");
    }
}

/// Changes the first block and mends the links after it, and the certificate as well, as if a quorum
/// had gone mad.
fn relink(answer: &mut [Finalized], change: impl Fn(&mut Block)) {
    change(&mut answer[0].block);
    for index in 1..answer.len() {
        answer[index].block.header.parent = answer[index - 1].block.name();
    }
    let last = answer.last_mut().expect("a chain");
    let name = last.block.name();
    let finalize = statement(name.slot.number(), Vote::Finalize(name.hash));
    last.certificate = Some(World::new(4, 8).certificate(finalize, &[1, 2, 3]));
}

#[test]
fn what_comes_before_a_gap_is_applied_though_more_is_known_to_be_final() {
    let world = World::new(4, 8);
    let mut blocks = chain(&world, 6);
    let finalize = statement(3, Vote::Finalize(blocks[2].block.hash()));
    blocks[2].certificate = Some(world.certificate(finalize, &[0, 1, 3]));
    let mut shell = behind(&world, &blocks);
    asked(&mut shell);
    shell.receive_blocks(2, blocks[..3].to_vec());
    assert_eq!(shell.applied.len(), 3);
    assert_eq!(asked(&mut shell), [2], "the rest is asked for at once");
    shell.receive_blocks(2, blocks[3..].to_vec());
    assert_eq!(shell.applied.len(), 6);
    assert!(!shell.replica.is_behind());
}

#[test]
fn a_finalization_without_its_block_is_made_good_by_the_proposal() {
    let world = World::new(4, 4);
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(2, &world.certified(1, Vote::Finalize(block.hash())));
    shell.hear(3, &world.proposal(&block));
    assert_eq!(shell.applied.len(), 1);
}

#[test]
fn two_conflicting_final_blocks_stop_a_member() {
    let world = World::new(4, 4);
    let block = world.block(1, world.root(), &[]);
    let other = world.block(2, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Finalize(block.hash())));
    assert_eq!(shell.applied.len(), 1);
    shell.hear(2, &world.proposal(&other));
    shell.hear(2, &world.certified(2, Vote::Finalize(other.hash())));
    let slot = Slot::new(2);
    let expected = consensus::replica::Contradiction::TwoFinalBlocks { slot };
    assert_eq!(shell.halted, Some(expected));
    let log = shell.log.len();
    shell.submit(&world.gift_of(1));
    assert_eq!(
        (shell.applied.len(), shell.log.len()),
        (1, log),
        "it does nothing more"
    );
}

#[test]
fn a_certificate_about_something_else_than_a_vote_is_nothing() {
    let world = World::new(4, 4);
    let block = world.block(1, world.root(), &[]).hash();
    let proposal = Statement::Proposal {
        slot: Slot::new(1),
        block,
    };
    let mut shell = Shell::new(&world, 0);
    let log = shell.log.len();
    shell.hear(
        2,
        &Message::Certificate(world.certificate(proposal, &[1, 2, 3])),
    );
    assert_eq!(shell.log.len(), log);
}
