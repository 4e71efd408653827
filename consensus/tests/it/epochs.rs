//! From one epoch to the next: members come and go while transactions are under way, and whatever is
//! lost, late or killed on the way, all that take part agree.
//!
//! Paper: Section VI-A, `MS.update`.

mod forked;
mod guest;
mod inheritance;
mod liars;
mod town;

use consensus::{Message, Record};
use model::{Epoch, Slot, Statement, Vote};

use town::Town;

/// The members before and after the change that most tests are about.
const BEFORE: [usize; 4] = [0, 1, 2, 3];
const AFTER: [usize; 4] = [0, 1, 2, 4];

/// The plan that person 4 follows person 3.
fn replacement(town: &Town) -> model::Plan {
    town.plan(&town.record(0), &AFTER)
}

#[test]
fn a_member_is_replaced_and_the_shard_goes_on() {
    let mut town = Town::new(3);
    town.give(0);
    town.run_for(300);
    let plan = replacement(&town);
    town.give(1);
    town.approve(&[0, 1, 2], &plan);
    town.run_until("all are in the next epoch", 5_000, |town| {
        town.are_in(&AFTER, 1)
    });
    let left = |town: &Town| town.person(3).replica.is_retired();
    town.run_until("who left knows", 1_000, left);
    town.give(2);
    town.run_until("all is decided", 5_000, |town| town.have_decided(&AFTER, 3));
    assert_eq!(town.record(0), plan.next);
}

#[test]
fn fewer_than_a_quorum_end_nothing() {
    let mut town = Town::new(1);
    let plan = replacement(&town);
    town.approve(&[0, 3], &plan);
    town.give(0);
    town.run_for(20_000);
    assert!(town.are_in(&BEFORE, 0));
    assert!(town.have_decided(&BEFORE, 1));
    town.approve(&[1], &plan);
    town.run_until("all are in the next epoch", 5_000, |town| {
        town.are_in(&AFTER, 1)
    });
}

#[test]
fn f3_of_two_plans_that_race_one_wins() {
    let mut town = Town::new(1);
    let (one, other) = (
        replacement(&town),
        town.plan(&town.record(0), &[0, 1, 3, 5]),
    );
    for plan in [&one, &other] {
        town.approve(&BEFORE, plan);
    }
    town.run_until("an epoch ends", 10_000, |town| town.are_in(&[0, 1], 1));
    town.run_for(5_000);
    let winner = town.record(0);
    assert!(winner == one.next || winner == other.next);
    let members: Vec<usize> = (0..6)
        .filter(|index| {
            winner
                .seats
                .iter()
                .any(|place| place.descriptor().node == Town::node(*index))
        })
        .collect();
    assert!(town.are_in(&members, 1), "{members:?}");
    town.give(0);
    town.run_until("all is decided", 5_000, |town| {
        town.have_decided(&members, 1)
    });
}

#[test]
fn a_last_block_that_is_not_finalized_itself_becomes_final_by_an_empty_one_after_it() {
    let mut town = Town::new(2);
    let plan = replacement(&town);
    // No vote to finalize the slot in which the epoch ends arrives.
    town.filter(|now, _, _, message| {
        let finalizes = |message: &Message| match message {
            Message::Vote(vote) => matches!(vote.vote, Vote::Finalize(_)),
            Message::Certificate(certificate) => {
                let statement = certificate.statement;
                matches!(
                    statement,
                    Statement::Vote {
                        vote: Vote::Finalize(_),
                        ..
                    }
                )
            }
            _ => false,
        };
        !finalizes(message) || now > 200
    });
    town.approve(&BEFORE, &plan);
    town.run_until("all are in the next epoch", 20_000, |town| {
        town.are_in(&AFTER, 1)
    });
    town.give(0);
    town.run_until("all is decided", 5_000, |town| town.have_decided(&AFTER, 1));
    let last = town
        .person(0)
        .replica
        .shards()
        .directory()
        .end(crate::world::SHARD, Epoch::ZERO);
    assert_eq!(
        last.map(model::Height::number),
        Some(1),
        "what came after it is not applied"
    );
}

/// Neither the last block nor the one before it has signatures of its own. Who lacks both is needed for the
/// hand-over, because one member is silent, and nobody can show it that they are final but by what comes
/// after them, which is not applied.
#[test]
fn who_lacks_blocks_that_only_the_end_made_final_gets_them() {
    let mut town = Town::new(2);
    let plan = replacement(&town);
    let is_early = |slot: Slot| slot.number() <= 8;
    let finalizes = move |message: &Message| match message {
        Message::Vote(vote) => matches!(vote.vote, Vote::Finalize(_)) && is_early(vote.slot),
        Message::Certificate(certificate) => matches!(
            certificate.statement,
            Statement::Vote { slot, vote: Vote::Finalize(_) } if is_early(slot)
        ),
        _ => false,
    };
    let of_heads = |message: &Message| {
        matches!(
            message,
            Message::HeadSignature(_) | Message::HeadCertificate(_) | Message::Changes(_)
        )
    };
    town.filter(move |now, from, to, message| {
        let away = (from == 2 || to == 2) && (now < 3_000 || from == 3 || to == 3);
        let silent = (from == 3 || to == 3) && of_heads(message);
        !away && !silent && !finalizes(message)
    });
    town.give(0);
    town.run_for(100);
    town.approve(&BEFORE, &plan);
    town.run_until("those who can go on do", 60_000, |town| {
        town.are_in(&[0, 1, 2], 1)
    });
    assert!(town.have_decided(&[0, 1, 2], 1));
}

#[test]
fn who_misses_the_end_of_an_epoch_is_taught_and_catches_up() {
    let mut town = Town::new(8);
    town.filter(|_, from, to, _| from != 2 && to != 2);
    let plan = replacement(&town);
    town.approve(&[0, 1, 3], &plan);
    town.run_until("the others go on", 10_000, |town| {
        town.are_in(&[0, 1, 4], 1)
    });
    for number in 0..4 {
        town.give(number);
        town.run_for(500);
    }
    // A second change, of which person 2 hears nothing either.
    let next = town.plan(&town.record(0), &[0, 1, 2, 5]);
    town.approve(&[0, 1, 4], &next);
    town.run_until("the others go on", 10_000, |town| {
        town.are_in(&[0, 1, 5], 2)
    });
    for number in 4..8 {
        town.give(number);
        town.run_for(500);
    }
    town.heal();
    town.run_until("all agree", 30_000, |town| {
        town.are_in(&[0, 1, 2, 5], 2) && town.have_decided(&[0, 1, 2, 5], 8)
    });
}

#[test]
fn f5_an_excluded_member_has_no_seat_and_leads_no_slot() {
    let mut town = Town::new(6);
    let plan = town.without(1);
    town.approve(&[0, 2, 3], &plan);
    town.run_until("the others go on", 10_000, |town| {
        town.are_in(&[0, 2, 3], 1)
    });
    let left = |town: &Town| town.person(1).replica.is_retired();
    town.run_until("who was excluded knows", 1_000, left);
    let before = town.now;
    for number in 0..6 {
        town.give(number);
        town.run_until("it is decided", 5_000, |town| {
            town.have_decided(&[0, 2, 3], number + 1)
        });
    }
    assert!(
        town.now - before < 6 * 200,
        "nobody waits for a vacant seat"
    );
    // One more, and there is no quorum: the shard stands still for good.
    let plan = town.without(2);
    town.approve(&[0, 2, 3], &plan);
    town.run_for(10_000);
    assert!(
        [0, 3]
            .iter()
            .all(|index| town.person(*index).replica.is_retired())
    );
}

#[test]
fn a_member_that_dies_at_any_record_of_a_change_comes_back_and_goes_on() {
    let longest = story(None).log_of(0).len();
    for at in 0..=longest {
        story(Some(at));
    }
}

/// A change of members under load, during which person 0 dies as soon as its log has so many records,
/// and comes back a second later.
fn story(dies_at: Option<usize>) -> Town {
    let mut town = Town::new(3);
    let plan = replacement(&town);
    town.give(0);
    town.approve(&[0, 1, 2, 3], &plan);
    if let Some(at) = dies_at {
        let end = town.now + 3_000;
        while town.log_of(0).len() < at && town.now < end {
            town.run_for(1);
        }
        let mut log = town.kill(0);
        // Nothing in it depends on what was not written yet.
        log.truncate(at.max(durable(&log)));
        town.give(1);
        town.run_for(1_000);
        town.revive(0, &log);
    } else {
        town.give(1);
    }
    town.run_for(500);
    town.approve(&[0], &plan);
    town.give(2);
    town.run_until("all are in the next epoch", 60_000, |town| {
        town.are_in(&AFTER, 1)
    });
    town.run_until("all is decided", 60_000, |town| {
        town.have_decided(&AFTER, 3)
    });
    town
}

/// How many records of a log are on the disk for certain: all up to the last promise.
fn durable(log: &[Record]) -> usize {
    log.iter()
        .rposition(Record::is_promise)
        .map_or(0, |last| last + 1)
}

impl Town {
    fn log_of(&self, index: usize) -> &[Record] {
        &self.person(index).log
    }
}

#[test]
fn slots_go_on_counting() {
    let mut town = Town::new(2);
    town.give(0);
    town.run_for(500);
    let plan = replacement(&town);
    town.approve(&[0, 1, 2], &plan);
    town.run_until("all are in the next epoch", 5_000, |town| {
        town.are_in(&AFTER, 1)
    });
    let last = town.person(0).replica.ledger().tip.block.slot;
    town.give(1);
    town.run_until("all is decided", 5_000, |town| town.have_decided(&AFTER, 2));
    assert!(town.person(0).replica.ledger().tip.block.slot > last.max(Slot::new(1)));
}

/// Three changes of members, each one under load, while one message in `lost_of` is lost.
fn lossy(seed: u64, lost_of: u64) -> Town {
    let mut town = Town::new(12);
    town.filter(move |now, from, to, _| {
        let link = (from * 31 + to) as u64;
        !mix(seed ^ mix(now ^ mix(link))).is_multiple_of(lost_of)
    });
    let mut members = BEFORE.to_vec();
    for change in 0..3 {
        for number in 0..4 {
            town.give(4 * change + number);
            town.run_for(mix(seed ^ number as u64) % 90);
        }
        let before = members.clone();
        members[(change + usize::try_from(seed % 4).expect("small")) % 4] = 4 + change;
        let plan = town.plan(&town.record(before[0]), &members);
        town.approve(&before, &plan);
        let epoch = change as u64 + 1;
        let what = format!("seed {seed}: an epoch {epoch} for {members:?}");
        town.run_until(&what, 200_000, |town| town.are_in(&members, epoch));
    }
    town.heal();
    let what = format!("seed {seed}: all is decided");
    town.run_until(&what, 200_000, |town| town.have_decided(&members, 12));
    town
}

const fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[test]
fn members_change_while_messages_are_lost() {
    for seed in 0..8 {
        lossy(seed, 3 + seed % 7);
    }
}
