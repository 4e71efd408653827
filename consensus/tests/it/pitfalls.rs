//! The pitfalls of bft.md, section 5: bugs of other implementations, each with what would show it here.
//!
//! Hidden locks, amnesia and the need for consecutive honest leaders are avoided by the choice of the
//! protocol. Records of an old epoch are refused at one door: `records` has the test.

use consensus::message::Status;
use consensus::replica::Contradiction;
use consensus::{Input, Message, Record};
use model::statement::{Height, Slot, Vote};

use crate::network::{Network, certifies};
use crate::shell::Shell;
use crate::world::{World, seat, statement};

fn world() -> World {
    World::new(4, 8)
}

/// A member that voted to notarize slot 1 and then to skip it.
fn skipper(world: &World) -> (Shell, model::Block) {
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.submit(&world.gift_of(1));
    shell.run_until(world.pace.skip_ms);
    assert!(shell.take_votes().contains(&(1, Vote::Skip)));
    (shell, block)
}

#[test]
fn pitfall_no_path_finalizes_a_slot_that_was_skipped() {
    let world = world();
    let (shell, block) = skipper(&world);
    let notarization = world.certified(1, Vote::Notarize(block.hash()));
    let mut restarted = Shell::restored(&world, 0, shell.on_disk(), 500).expect("an honest log");
    restarted.start();
    for mut shell in [shell, restarted] {
        shell.hear(1, &notarization);
        shell.step(Input::LinkUp(seat(2)));
        shell.hear(
            2,
            &Message::CertificatesRequest {
                first: Slot::new(1),
                last: Slot::new(1),
            },
        );
        shell.run_until(20_000);
        let votes = shell.take_votes();
        assert!(
            votes.contains(&(1, Vote::Skip)),
            "the vote to skip is repeated"
        );
        assert!(
            !votes
                .iter()
                .any(|(_, vote)| matches!(vote, Vote::Finalize(_))),
            "{votes:?}"
        );
    }
}

#[test]
fn pitfall_the_highest_reservation_counts_and_not_the_last() {
    let world = world();
    let log = [9, 4]
        .map(|slot| Record::Reserved(Slot::new(slot)))
        .to_vec();
    let mut shell = Shell::restored(&world, 1, log, 0).expect("an honest log");
    shell.start();
    for slot in 1..9 {
        shell.hear(2, &world.certified(slot, Vote::Skip));
    }
    shell.take_said();
    shell.submit(&world.gift_of(0));
    assert_eq!(shell.take_votes(), [(9, Vote::Skip)]);
}

#[test]
fn pitfall_clocks_run_again_after_a_restart() {
    let world = world();
    let (shell, _) = skipper(&world);
    let mut shell = Shell::restored(&world, 0, shell.on_disk(), 500).expect("an honest log");
    shell.start();
    shell.take_said();
    // What it voted is repeated as long as there is something to do, and the next slot has a clock.
    shell.submit(&world.gift_of(1));
    shell.run_until(500 + world.pace.standstill_ms);
    assert!(shell.take_votes().contains(&(1, Vote::Skip)));
    shell.hear(2, &world.certified(1, Vote::Skip));
    shell.run_until(10_000);
    assert!(shell.take_votes().contains(&(2, Vote::Skip)));
}

#[test]
fn pitfall_a_slot_has_one_record_of_each_vote() {
    let world = world();
    let (mut shell, block) = skipper(&world);
    shell.hear_votes(&[1], 1, Vote::Skip);
    shell.hear(1, &world.proposal(&block));
    shell.run_until(20_000);
    let mut shell = Shell::restored(&world, 0, shell.written(), 20_000).expect("an honest log");
    shell.start();
    shell.hear_votes(&[1], 1, Vote::Skip);
    shell.run_until(40_000);
    let skips = |record: &&Record| {
        matches!(
            record,
            Record::Vote {
                vote: Vote::Skip,
                ..
            }
        )
    };
    assert_eq!(shell.log.iter().filter(skips).count(), 1);
}

#[test]
fn pitfall_a_state_ahead_of_the_log_is_no_reason_to_vote_again() {
    let mut network = Network::of_four(8);
    for number in 0..3 {
        network.submit(0, &network.world.gift_of(number));
        network.run_until_decided(number + 1, 2_000);
    }
    // The whole log is replayed above a ledger that has all its blocks already.
    let shell = network.shell(2);
    let (ledger, open) = (shell.replica.ledger().clone(), shell.replica.open().records);
    let mut replica = network.world.replica_above(2, ledger.clone());
    for record in open.into_iter().chain(shell.written()) {
        let outputs = replica.restore(record).expect("an honest log");
        assert!(
            outputs
                .iter()
                .all(|o| matches!(o, consensus::Output::HeadCertified(_)))
        );
    }
    assert_eq!(*replica.ledger(), ledger);
    assert_eq!(replica.open().records, shell.replica.open().records);
}

#[test]
fn pitfall_a_vote_is_kept_before_it_is_said() {
    // The shell asserts it for each message; here it is seen that votes were said at all, and that
    // what a power cut leaves has every one of them.
    let mut network = Network::of_four(8);
    network.submit(0, &network.world.gift_of(0));
    network.run_until_decided(1, 2_000);
    let disk = network.shell(1).on_disk();
    let votes = network.flights.iter().filter(|flight| flight.from == 1);
    let votes = votes.filter_map(|flight| match &flight.message {
        Message::Vote(vote) => Some(Record::Vote {
            slot: vote.slot,
            vote: vote.vote,
        }),
        _ => None,
    });
    let votes: Vec<Record> = votes.collect();
    assert!(!votes.is_empty());
    assert!(votes.iter().all(|vote| disk.contains(vote)));
}

#[test]
fn pitfall_a_replay_that_fails_says_so() {
    let mut network = Network::of_four(8);
    network.submit(0, &network.world.gift_of(0));
    network.run_until_decided(1, 2_000);
    let height = network.shell(0).applied[0].block.header.height;
    let check = |spoil: &dyn Fn(&mut Record), expected: Contradiction| {
        let mut log = network.shell(0).written();
        log.iter_mut().for_each(spoil);
        let restored = Shell::restored(&network.world, 0, log, 0);
        assert_eq!(restored.err(), Some(expected));
    };
    let other_head = |record: &mut Record| {
        if let Record::Head(head) = record {
            head.results = model::Hash::ZERO;
        }
    };
    check(&other_head, Contradiction::SignedHead { height });
    let other_certificate = |record: &mut Record| {
        if let Record::HeadCertificate(certificate) = record {
            certificate.head.results = model::Hash::ZERO;
        }
    };
    check(&other_certificate, Contradiction::CertifiedHead { height });
    let garbage = |record: &mut Record| {
        if let Record::Proposal(proposal) = record {
            proposal.block.payload = [1, 2, 3].into();
        }
    };
    check(&garbage, Contradiction::KeptBlock { slot: Slot::new(1) });
}

#[test]
fn pitfall_one_side_has_a_notarization_and_the_other_a_skip() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let notarize = world.certified(1, Vote::Notarize(block.hash()));
    let skip = world.certificate(statement(1, Vote::Skip), &[1, 2, 3]);
    // Slots 2 and 3 are led by members of one side or the other; member 1 is silent from now on.
    for notarized in [[0, 2], [0, 3], [2, 3]] {
        let mut network = Network::new(world.clone());
        network.crash(1);
        network.filter(|flight| flight.from == 1);
        for index in [0, 2, 3] {
            let has = notarized.contains(&index);
            let proof = if has {
                notarize.clone()
            } else {
                Message::Certificate(skip.clone())
            };
            network.inject(1, index, world.proposal(&block));
            network.inject(1, index, proof);
        }
        network.run_for(20);
        network.filter(|_| true);
        network.submit(0, &world.gift_of(1));
        // The next leader's block is voted for: nobody waits until its time is over.
        let limit = world.pace.skip_ms;
        network.run_until("the gift is decided", limit, |network| {
            let gift = world.gift_of(1).body.id();
            network
                .up()
                .all(|shell| shell.replica.ledger().state.decided.contains_key(&gift))
        });
        network.assert_agreement();
    }
}

#[test]
fn pitfall_a_notarization_that_one_member_alone_has_reaches_the_others() {
    let world = world();
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut network = Network::new(world.clone());
    network.crash(1);
    network.filter(|flight| flight.from == 1);
    for index in [0, 2, 3] {
        let proof = if index == 0 {
            Vote::Notarize(block.hash())
        } else {
            Vote::Skip
        };
        network.inject(1, index, world.proposal(&block));
        network.inject(1, index, world.certified(1, proof));
    }
    network.run_for(20);
    network.filter(|_| true);
    // Nobody has anything else to do, and all frontiers are equal.
    network.run_until_decided(1, 5_000);
    network.run_for(5_000);
    let before = network.flights.len();
    network.run_for(20_000);
    let said = &network.flights[before..];
    assert!(
        said.iter()
            .all(|flight| matches!(flight.message, Message::Status(_)))
    );
}

#[test]
fn pitfall_what_was_said_before_a_link_was_up_is_said_again() {
    let mut network = Network::of_four(8);
    network.filter(|_| false);
    network.submit(0, &network.world.gift_of(0));
    network.run_for(50);
    network.heal();
    // No clock has to run out: skipping takes 400 ms.
    network.run_until_decided(1, 200);
}

#[test]
fn pitfall_members_that_drifted_apart_meet_again() {
    let mut network = Network::of_four(8);
    // The shard goes on without member 3, through slots that are skipped and slots that are not.
    network.filter(|flight| flight.from != 3 && flight.to != 3);
    for number in 0..6 {
        network.submit(0, &network.world.gift_of(number));
        network.run_for(1_000);
    }
    network.filter(|flight| flight.from != 1 && flight.to != 1);
    network.submit(0, &network.world.gift_of(6));
    network.run_until("three members decide without member 1", 30_000, |network| {
        [0, 2, 3]
            .iter()
            .all(|index| network.shell(*index).replica.ledger().state.decided.len() == 7)
    });
    network.assert_agreement();
}

#[test]
fn pitfall_a_standstill_is_quiet() {
    // Two of four are gone: nothing can be decided, and what the others say is bounded.
    let mut network = Network::of_four(8);
    network.crash(2);
    network.crash(3);
    network.submit(0, &network.world.gift_of(0));
    network.run_for(30_000);
    let before = network.flights.len();
    network.run_for(30_000);
    // Each second both say how far they are, their votes and the transaction, to three others.
    let said = network.flights.len() - before;
    assert!(said <= 30 * 2 * 3 * 8, "{said} messages in half a minute");
    assert!(network.up().all(|shell| shell.applied.is_empty()));
}

#[test]
fn pitfall_certificates_are_not_pushed_to_those_who_have_them() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    for slot in 1..=20 {
        shell.hear(2, &world.certified(slot, Vote::Skip));
    }
    shell.take_said();
    let status = Status {
        finalization: None,
        frontier: Slot::new(21),
        certified: Height::ZERO,
    };
    shell.hear(3, &Message::Status(status));
    let said = shell.take_said();
    assert!(
        !said.iter().any(|(_, message)| certifies(message, |_| true)),
        "{said:?}"
    );
}
