//! Somebody without a seat follows the shard, and takes part from the epoch on in which it has one.

use consensus::message::{Blocks, BlocksRequest};
use consensus::replica::Contradiction;
use consensus::{Input, Message, Output, Record, Replica};
use model::{Epoch, Finalized};

use super::town::Town;

/// Two changes after some transactions: person 4 follows person 3, and person 5 follows person 4.
pub(crate) fn town() -> Town {
    let mut town = Town::new(4);
    for (number, members) in [[0, 1, 2, 4], [0, 1, 2, 5]].into_iter().enumerate() {
        town.give(number);
        town.run_for(500);
        let plan = town.plan(&town.record(0), &members);
        town.approve(&[0, 1, 2], &plan);
        let epoch = number as u64 + 1;
        town.run_until("the epoch ends", 10_000, |town| {
            town.are_in(&members, epoch)
        });
    }
    town.give(2);
    town.run_for(2_000);
    town
}

/// Tells a guest what a member knows of shards.
pub(crate) fn tell(town: &Town, guest: &mut Replica) -> Vec<Output> {
    let known = town.person(0).replica.shards().directory();
    let facts = known.beyond(guest.shards().directory());
    let told = facts
        .into_iter()
        .flat_map(|fact| guest.step(town.time(), Input::Learned(fact)));
    told.collect()
}

/// What a member gives to a guest next.
fn next(town: &Town, guest: &Replica) -> Vec<Finalized> {
    let first = guest.ledger().tip.height.next();
    let Blocks { blocks } = town.person(0).blocks(BlocksRequest { first });
    blocks
}

fn give(town: &Town, guest: &mut Replica, blocks: Vec<Finalized>) -> Vec<Output> {
    guest.step(town.time(), Input::Final(Blocks { blocks }))
}

/// Gives a guest all blocks until it has a seat, or there are no more.
pub(crate) fn lead(town: &Town, guest: &mut Replica) -> Vec<Output> {
    let mut outputs = Vec::new();
    while guest.is_retired() {
        let blocks = next(town, guest);
        if blocks.is_empty() {
            break;
        }
        outputs.extend(give(town, guest, blocks));
    }
    outputs
}

fn records(outputs: &[Output]) -> Vec<Record> {
    let records = outputs.iter().filter_map(|output| match output {
        Output::Persist(record) => Some(record.clone()),
        _ => None,
    });
    records.collect()
}

#[test]
fn a_guest_follows_through_epochs_and_starts_in_the_one_that_lists_it() {
    let town = town();
    let mut guest = town.guest(5, town.world.ledger());
    assert!(guest.start(town.time()).is_empty());
    assert!(tell(&town, &mut guest).is_empty());
    let outputs = lead(&town, &mut guest);
    assert!(!guest.is_retired());
    assert_eq!(guest.ledger().scope.epoch, Epoch::new(2));
    let end = guest
        .shards()
        .directory()
        .end(crate::world::SHARD, Epoch::new(1));
    assert_eq!(Some(guest.ledger().tip.height), end);

    // It says nothing before it has a seat, and signs nothing before it knows what it has signed.
    let said = outputs.iter().position(
        |output| matches!(output, Output::Broadcast(said) if matches!(**said, Message::Recall(_))),
    );
    let entered = outputs
        .iter()
        .rposition(|output| matches!(output, Output::Entered(_)));
    assert!(entered < said, "{entered:?} {said:?}");
    let votes = |record: &Record| matches!(record, Record::Vote { .. });
    assert!(!records(&outputs).iter().any(votes));
}

#[test]
fn a_guest_that_was_killed_anywhere_goes_on_from_its_log() {
    let town = town();
    let mut whole = town.guest(5, town.world.ledger());
    tell(&town, &mut whole);
    let log = records(&lead(&town, &mut whole));
    for kept in 0..=log.len() {
        let mut guest = town.guest(5, town.world.ledger());
        for record in &log[..kept] {
            guest.restore(record.clone()).expect("an honest log");
        }
        tell(&town, &mut guest);
        lead(&town, &mut guest);
        assert!(!guest.is_retired(), "after {kept} records");
        assert_eq!(guest.ledger(), whole.ledger(), "after {kept} records");
    }
}

#[test]
fn blocks_that_do_not_prove_themselves_change_nothing() {
    let town = town();
    let mut guest = town.guest(5, town.world.ledger());
    tell(&town, &mut guest);
    let good = next(&town, &guest);
    let mut unproven = good.clone();
    for block in &mut unproven {
        (block.certificate, block.head) = (None, None);
    }
    let gap = good[1..].to_vec();
    let mut forged = good.clone();
    for block in &mut forged {
        block.certificate = None;
        if let Some(head) = &mut block.head {
            head.certificate.signatures.truncate(2);
        }
    }
    for bad in [unproven, gap, forged] {
        assert!(give(&town, &mut guest, bad).is_empty());
        assert_eq!(guest.ledger(), &town.world.ledger());
    }
    assert!(!give(&town, &mut guest, good).is_empty());
}

#[test]
fn a_guest_waits_at_the_end_of_an_epoch_until_it_knows_the_next() {
    let town = town();
    let mut guest = town.guest(5, town.world.ledger());
    for _ in 0..10 {
        let blocks = next(&town, &guest);
        give(&town, &mut guest, blocks);
    }
    assert!(guest.is_closing());
    assert_eq!(guest.ledger().scope.epoch, Epoch::ZERO);
    tell(&town, &mut guest);
    assert_eq!(guest.ledger().scope.epoch, Epoch::new(1));
}

#[test]
fn f6_a_state_that_is_not_the_one_the_shard_signed_is_not_gone_on_with() {
    let town = town();
    let mut ledger = town.world.ledger();
    ledger.state.objects.clear();
    let mut guest = town.guest(5, ledger);
    tell(&town, &mut guest);
    let outputs = lead_until_halt(&town, &mut guest);
    let halted = outputs.iter().find_map(|output| match output {
        Output::Halt(contradiction) => Some(*contradiction),
        _ => None,
    });
    assert!(
        matches!(halted, Some(Contradiction::CertifiedHead { .. })),
        "{halted:?}"
    );
}

/// As [`lead`], for a guest that may stop listening.
fn lead_until_halt(town: &Town, guest: &mut Replica) -> Vec<Output> {
    let mut outputs = Vec::new();
    for _ in 0..10 {
        let blocks = next(town, guest);
        outputs.extend(give(town, guest, blocks));
    }
    outputs
}
