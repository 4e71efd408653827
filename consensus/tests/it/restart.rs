//! Restarts: the records of a log give the replica that wrote them, and no restart makes a member
//! sign what conflicts with what it signed before.

use std::collections::BTreeMap;

use consensus::{Message, Output, Record};
use model::statement::{Slot, Vote};
use model::{Hash, Statement};

use crate::network::Network;
use crate::shell::Shell;
use crate::world::{World, statement};

/// A shard that has seen lost messages, skipped slots, and members that come and go.
fn eventful() -> Network {
    let world = World::new(4, 24);
    let mut network = Network::new(world.clone());
    network.filter(|flight| (flight.sent / 7 + 3 * flight.to as u64 + flight.from as u64) % 5 < 4);
    for number in 0..24 {
        network.submit(number % 4, &world.gift(&world.things()[number], 0, 59_000));
        network.run_for(260);
        if number % 6 == 5 {
            let log = network.crash(number / 6);
            network.run_for(500);
            network.restart(number / 6, log);
        }
    }
    network
}

fn calm(mut network: Network) -> Network {
    network.heal();
    network.run_until("all is decided", 120_000, |network| {
        network
            .up()
            .all(|shell| shell.replica.ledger().state.decided.len() == 24)
    });
    network.run_for(10_000);
    network.assert_agreement();
    network
}

#[test]
fn a_log_gives_the_replica_that_wrote_it() {
    for network in [eventful(), calm(eventful())] {
        for index in 0..4 {
            let shell = network.shell(index);
            let again = Shell::restored(&network.world, index, shell.written(), network.now);
            let again = again.expect("an honest log");
            assert_eq!(
                again.replica.ledger(),
                shell.replica.ledger(),
                "member {index}"
            );
            assert_eq!(again.replica.open().records, shell.replica.open().records);
            assert_eq!(
                again.applied, shell.applied,
                "what was applied is told again"
            );
            assert_eq!(again.certified, shell.certified);
        }
    }
}

#[test]
fn a_snapshot_and_the_rest_of_the_log_give_the_replica_as_well() {
    let world = World::new(4, 24);
    let mut network = Network::new(world.clone());
    network.filter(|flight| (flight.sent / 7 + flight.to as u64) % 6 < 5);
    let mut snapshots = Vec::new();
    for number in 0..12 {
        network.submit(number % 4, &world.gift(&world.things()[number], 0, 59_000));
        network.run_for(170);
        let shell = network.shell(2);
        let ledger = shell.replica.ledger().clone();
        snapshots.push((ledger, shell.replica.open().records, shell.log.len()));
    }
    network.run_for(5_000);
    let shell = network.shell(2);
    let heights: Vec<u64> = snapshots
        .iter()
        .map(|(l, ..)| l.tip.height.number())
        .collect();
    assert!(heights.first() < heights.last(), "{heights:?}");
    for (ledger, open, position) in snapshots {
        let tail = shell.log[position..].iter().cloned();
        let mut replica = world.replica_above(2, ledger);
        for record in open.into_iter().chain(tail) {
            let outputs = replica.restore(record).expect("an honest log");
            let told = |o: &Output| matches!(o, Output::Applied(_) | Output::HeadCertified(_));
            assert!(outputs.iter().all(told));
        }
        assert_eq!(replica.ledger(), shell.replica.ledger());
        assert_eq!(replica.open().records, shell.replica.open().records);
    }
}

/// The votes and the reservation in some records.
fn promises(log: &[Record]) -> (BTreeMap<Slot, Vec<Vote>>, Slot) {
    let mut votes: BTreeMap<Slot, Vec<Vote>> = BTreeMap::new();
    let mut reserved = Slot::ZERO;
    for record in log {
        match record {
            Record::Vote { slot, vote } => votes.entry(*slot).or_default().push(*vote),
            Record::Reserved(slot) => reserved = reserved.max(*slot),
            _ => {}
        }
    }
    (votes, reserved)
}

#[test]
fn a_member_restarted_from_any_part_of_its_log_contradicts_none_of_it() {
    let network = eventful();
    let world = &network.world;
    let log = network.shell(1).written();
    for length in (0..log.len()).step_by(3) {
        let part = log[..length].to_vec();
        let (votes, reserved) = promises(&part);
        let mut shell = Shell::restored(world, 1, part, network.now).expect("an honest log");
        shell.start();
        shell.submit(&world.gift(&world.things()[0], 9, network.now + 20_000));
        tempt(&mut shell);
        shell.run_until(network.now + 3_000);
        for (_, message) in shell.take_said() {
            match message {
                Message::Vote(vote) => {
                    let new = Statement::Vote {
                        slot: vote.slot,
                        vote: vote.vote,
                    };
                    let old = votes.get(&vote.slot).into_iter().flatten();
                    for vote in old.map(|old| Statement::Vote {
                        slot: vote.slot,
                        vote: *old,
                    }) {
                        assert!(!vote.conflicts(&new), "{vote:?}, {new:?} at {length}");
                    }
                }
                Message::Proposal(proposal) => {
                    let slot = proposal.block.header.slot;
                    let own = slot.number() % 4 == 1;
                    assert!(
                        !own || slot > reserved,
                        "proposes again in slot {slot} at {length}"
                    );
                }
                _ => {}
            }
        }
    }
}

/// Others say things that would make a member without memory contradict itself.
fn tempt(shell: &mut Shell) {
    let world = shell.world.clone();
    let tip = shell.replica.ledger().tip;
    let place = crate::world::Place {
        name: tip.block,
        height: tip.height,
        time: tip.time,
    };
    let next = tip.block.slot.number() + 1;
    for slot in next..next + 4 {
        let time = crate::network::clock(20_000).max(tip.time.plus_ms(1));
        let block = world.block_at(slot, place, time, &[world.gift_of(7)]);
        shell.hear(2, &world.proposal(&block));
        shell.hear_votes(&[0, 2, 3], slot, Vote::Notarize(block.hash()));
        shell.hear_votes(&[0, 2, 3], slot, Vote::Skip);
    }
}

#[test]
fn all_four_restarted_at_once_come_back_to_the_same_state() {
    for power_cut in [false, true] {
        let mut network = eventful();
        let logs: Vec<Vec<Record>> = (0..4)
            .map(|index| {
                let shell = network.shells[index].take().expect("it is up");
                if power_cut {
                    shell.on_disk()
                } else {
                    shell.written()
                }
            })
            .collect();
        for (index, log) in logs.into_iter().enumerate() {
            network.restart(index, log);
        }
        network.heal();
        let gift = network.world.gift(&network.world.things()[23], 5, 59_000);
        network.submit(2, &gift);
        network.run_until("the shard goes on", 60_000, |network| {
            let decided = |shell: &Shell| {
                shell
                    .replica
                    .ledger()
                    .state
                    .decided
                    .contains_key(&gift.body.id())
            };
            network.up().all(decided)
        });
        network.run_for(5_000);
        network.assert_agreement();
        let tip = network.shell(0).replica.ledger().tip;
        for shell in network.up() {
            assert_eq!(shell.replica.ledger().tip, tip);
            assert!(
                shell.certified.contains_key(&tip.height),
                "its head is certified"
            );
        }
    }
}

#[test]
fn a_restarted_shard_with_nothing_to_do_makes_no_blocks() {
    let mut network = Network::of_four(4);
    network.submit(0, &network.world.gift_of(0));
    network.run_until_decided(1, 2_000);
    for index in 0..4 {
        let log = network.crash(index);
        network.restart(index, log);
    }
    network.run_for(30_000);
    assert!(
        network
            .up()
            .all(|shell| shell.replica.ledger().tip.height.number() == 1)
    );
}

#[test]
fn a_final_block_whose_record_was_lost_is_fetched() {
    let world = World::new(4, 4);
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.certified(1, Vote::Finalize(block.hash())));
    let mut shell = Shell::restored(&world, 0, shell.written(), 0).expect("an honest log");
    shell.start();
    assert!(shell.replica.is_behind());
    assert_eq!(shell.fetches.len(), 1);
}

#[test]
fn a_block_that_came_after_its_finalization_is_applied_when_the_log_is_read() {
    let world = World::new(4, 4);
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(1, &world.certified(1, Vote::Finalize(block.hash())));
    shell.hear(1, &world.proposal(&block));
    assert_eq!(shell.applied.len(), 1);
    let again = Shell::restored(&world, 0, shell.written(), 0).expect("an honest log");
    assert_eq!(again.replica.ledger(), shell.replica.ledger());
    assert_eq!(again.replica.open().records, shell.replica.open().records);
}

#[test]
fn the_same_message_twice_changes_nothing_the_second_time() {
    let network = eventful();
    let mut shell = Shell::new(&network.world, 0);
    let others = network
        .flights
        .iter()
        .filter(|flight| flight.from != 0 && flight.to == 0);
    for flight in others {
        shell.at(flight.sent);
        shell.hear(flight.from, &flight.message);
        let (log, open) = (shell.log.len(), shell.replica.open().records);
        let waiting = shell.replica.waiting();
        shell.hear(flight.from, &flight.message);
        assert_eq!(shell.log.len(), log, "{flight:?}");
        assert_eq!(shell.replica.open().records, open);
        assert_eq!(shell.replica.waiting(), waiting);
    }
    assert!(!shell.applied.is_empty());
}

#[test]
fn the_same_inputs_give_the_same_replica() {
    let (one, other) = (eventful(), eventful());
    for index in 0..4 {
        assert_eq!(one.shell(index).written(), other.shell(index).written());
    }
    let messages = |network: &Network| -> Vec<Vec<u8>> {
        network
            .flights
            .iter()
            .map(|flight| flight.message.encode())
            .collect()
    };
    assert!(messages(&one) == messages(&other), "byte for byte");
}

#[test]
fn a_vote_that_was_forgotten_is_what_the_log_is_for() {
    // A negative control of the test above: without its log a member does contradict itself.
    let world = World::new(4, 4);
    let vote = |number: usize| {
        let block = world.block(1, world.root(), &[world.gift_of(number)]);
        let mut shell = Shell::new(&world, 0);
        shell.hear(1, &world.proposal(&block));
        shell.take_votes()[0].1
    };
    let (first, second) = (statement(1, vote(0)), statement(1, vote(1)));
    assert!(first.conflicts(&second));
    assert_ne!(first, statement(1, Vote::Notarize(Hash::ZERO)));
}
