//! A member that has started signs nothing before others have told it what it has signed.

use consensus::message::{REMINDED_MAX, Refused, Reminder};
use consensus::replica::Contradiction;
use consensus::{Message, Record};
use model::key::Zip215;
use model::statement::{Slot, Statement, Vote};
use model::{Hash, Signature, Time, encoding};

use crate::network::Network;
use crate::shell::{Shell, To};
use crate::world::{CREATED, World, statement};

/// A member with this log that has started and has no answer.
fn started(world: &World, index: usize, log: Vec<Record>) -> (Shell, Time) {
    let mut shell = Shell::restored(world, index, log, 0).expect("an honest log");
    shell.start_unanswered();
    let asked = shell.question();
    shell.take_said();
    (shell, asked)
}

/// Something that member 0 signed.
fn signed(world: &World, slot: u64, vote: Vote) -> (Statement, Signature) {
    let statement = statement(slot, vote);
    (statement, world.sign(0, &statement))
}

/// Hears the first block and what others vote for it, up to its finalization.
fn hear_first_block(shell: &mut Shell, world: &World) -> Hash {
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Notarize(block.hash())));
    block.hash()
}

#[test]
fn a_member_signs_nothing_until_a_quorum_with_itself_has_answered() {
    for (members, needed) in [(4, 2), (7, 4)] {
        let world = World::new(members, 1);
        let (mut shell, asked) = started(&world, 0, Vec::new());
        let hash = hear_first_block(&mut shell, &world);
        shell.hear(1, &world.certified(1, Vote::Finalize(hash)));
        for other in 1..needed {
            // A member counts once.
            shell.answer(other, asked, None, Vec::new());
            shell.answer(other, asked, None, Vec::new());
            shell.run_until(1_000 * other as u64);
        }
        assert_eq!(shell.applied.len(), 1, "it follows the others");
        let signs = |(_, message): &(To, Message)| {
            matches!(message, Message::Vote(_) | Message::HeadSignature(_))
        };
        assert!(!shell.take_said().iter().any(signs), "{members} members");
        shell.answer(needed, asked, None, Vec::new());
        let said = shell.take_said();
        assert!(said.iter().any(signs), "{members} members");
    }
}

#[test]
fn an_answer_to_an_earlier_question_says_nothing() {
    let world = World::new(4, 1);
    let (mut shell, asked) = started(&world, 0, Vec::new());
    hear_first_block(&mut shell, &world);
    for other in 1..4 {
        shell.answer(other, asked.plus_ms(1), None, Vec::new());
    }
    assert_eq!(shell.take_votes(), []);
}

#[test]
fn a_member_that_has_not_been_answered_asks_again() {
    let world = World::new(4, 1);
    let (mut shell, asked) = started(&world, 0, Vec::new());
    let asks = |shell: &mut Shell| -> Vec<To> {
        let said = shell.take_said().into_iter();
        let asks = said.filter(|(_, message)| *message == Message::Recall(asked));
        asks.map(|(to, _)| to).collect()
    };
    shell.answer(2, asked, None, Vec::new());
    shell.run_until(250);
    let one = |index| To::One(crate::world::seat(index));
    assert_eq!(asks(&mut shell), [one(1), one(3)]);
    shell.answer(1, asked, None, Vec::new());
    shell.take_said();
    shell.run_until(5_000);
    assert_eq!(asks(&mut shell), [], "enough have answered");
    // The third is asked when it comes: it may hold what the others do not.
    shell.step(consensus::Input::LinkUp(crate::world::seat(3)));
    assert_eq!(asks(&mut shell), [one(3)]);
}

#[test]
fn a_link_that_comes_up_brings_the_answer_again() {
    let world = World::new(4, 1);
    let mut shell = Shell::new(&world, 0);
    shell.hear(2, &Message::Recall(CREATED));
    let answers = |shell: &mut Shell| {
        let said = shell.take_said().into_iter();
        said.filter(|(_, message)| matches!(message, Message::Reminder(_)))
            .count()
    };
    assert_eq!(answers(&mut shell), 1);
    shell.step(consensus::Input::LinkUp(crate::world::seat(2)));
    assert_eq!(answers(&mut shell), 1);
    shell.step(consensus::Input::LinkUp(crate::world::seat(1)));
    assert_eq!(answers(&mut shell), 0, "it has not asked");
}

/// The votes of a member that is reminded of something and then sees the first block notarized.
fn votes_after(log: Vec<Record>, signed: Vec<(Statement, Signature)>) -> Vec<(u64, Vote)> {
    let world = World::new(4, 1);
    let (mut shell, asked) = started(&world, 0, log);
    shell.answer(1, asked, None, signed);
    shell.answer(2, asked, None, Vec::new());
    hear_first_block(&mut shell, &world);
    shell.take_votes()
}

#[test]
fn what_a_member_has_forgotten_it_does_not_contradict() {
    let world = World::new(4, 1);
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let free = [
        (1, Vote::Notarize(block.hash())),
        (1, Vote::Finalize(block.hash())),
    ];
    assert_eq!(votes_after(Vec::new(), Vec::new()), free);
    let skipped = signed(&world, 1, Vote::Skip);
    assert_eq!(votes_after(Vec::new(), vec![skipped]), []);
    // Another block in the slot, and a slot above.
    let other = signed(&world, 1, Vote::Notarize(Hash::ZERO));
    assert_eq!(votes_after(Vec::new(), vec![other]), []);
    let above = signed(&world, 5, Vote::Skip);
    assert_eq!(votes_after(Vec::new(), vec![above]), []);
    // Its log has the vote: nothing is forgotten.
    let log = vec![
        Record::Reserved(Slot::new(5)),
        Record::Vote {
            slot: Slot::new(1),
            vote: Vote::Skip,
        },
    ];
    assert_eq!(votes_after(log, vec![skipped]), free[..1]);
}

#[test]
fn what_a_member_did_not_sign_reminds_it_of_nothing() {
    let world = World::new(4, 1);
    let statement = statement(1, Vote::Skip);
    let forged = (statement, world.sign(1, &statement));
    assert_eq!(votes_after(Vec::new(), vec![forged]).len(), 2);
}

#[test]
fn a_member_votes_in_no_slot_that_is_final() {
    let world = World::new(4, 1);
    let (mut shell, asked) = started(&world, 0, Vec::new());
    let last = statement(9, Vote::Finalize(Hash::ZERO));
    let certificate = world.certificate(last, &[1, 2, 3]);
    let forged = world.certificate(statement(20, Vote::Skip), &[1, 2]);
    shell.answer(1, asked, Some(certificate), Vec::new());
    shell.answer(2, asked, Some(forged), Vec::new());
    hear_first_block(&mut shell, &world);
    assert_eq!(shell.take_votes(), []);
    assert!(shell.log.contains(&Record::Abstain(Slot::new(9))));
}

#[test]
fn a_member_that_forgot_abstains_after_another_restart_too() {
    let world = World::new(4, 1);
    let (mut shell, asked) = started(&world, 0, Vec::new());
    shell.answer(1, asked, None, vec![signed(&world, 1, Vote::Skip)]);
    let kept = shell.replica.open().records;
    assert!(kept.contains(&Record::Abstain(Slot::new(1))), "{kept:?}");
    for log in [shell.written(), kept] {
        assert_eq!(votes_after(log, Vec::new()), []);
    }
}

#[test]
fn a_member_proposes_in_no_slot_in_which_it_may_have_proposed() {
    let world = World::new(4, 1);
    // Member 1 leads slots 1, 5 and 9.
    let proposal = Statement::Proposal {
        slot: Slot::new(1),
        block: Hash::ZERO,
    };
    let vote = statement(1, Vote::Skip);
    for (reminded, first) in [(None, 1), (Some(proposal), 5), (Some(vote), 9)] {
        let (mut shell, asked) = started(&world, 1, Vec::new());
        let reminded = reminded.map(|statement| (statement, world.sign(1, &statement)));
        shell.submit(&world.gift_of(0));
        shell.answer(0, asked, None, reminded.into_iter().collect());
        shell.answer(2, asked, None, Vec::new());
        for slot in 1..12 {
            shell.hear(0, &world.certified(slot, Vote::Skip));
        }
        let proposed = shell
            .take_said()
            .into_iter()
            .find_map(|(_, message)| match message {
                Message::Proposal(proposal) => Some(proposal.block.header.slot.number()),
                _ => None,
            });
        assert_eq!(proposed, Some(first));
    }
}

#[test]
fn another_head_than_the_one_it_signed_stops_a_member() {
    let world = World::new(4, 1);
    let height = model::Height::new(1);
    let head = Statement::Head {
        height,
        head: Hash::ZERO,
    };
    let reminded = vec![(head, world.sign(0, &head))];
    for early in [true, false] {
        let (mut shell, asked) = started(&world, 0, Vec::new());
        if early {
            shell.answer(1, asked, None, reminded.clone());
        }
        let hash = hear_first_block(&mut shell, &world);
        shell.hear(1, &world.certified(1, Vote::Finalize(hash)));
        if !early {
            shell.answer(1, asked, None, reminded.clone());
        }
        assert_eq!(shell.halted, Some(Contradiction::SignedHead { height }));
    }
}

#[test]
fn a_head_that_it_signed_and_forgot_is_signed_again() {
    let world = World::new(4, 1);
    let mut before = Shell::new(&world, 0);
    let hash = hear_first_block(&mut before, &world);
    before.hear(1, &world.certified(1, Vote::Finalize(hash)));
    let own = before
        .take_said()
        .into_iter()
        .find_map(|(_, message)| match message {
            Message::HeadSignature(signature) => Some(signature),
            _ => None,
        });
    let own = own.expect("it signed the head");
    let (height, head) = (own.height, own.head);
    let reminded = (Statement::Head { height, head }, own.signature);
    let (mut shell, asked) = started(&world, 0, Vec::new());
    shell.answer(1, asked, None, vec![reminded]);
    shell.answer(2, asked, None, Vec::new());
    hear_first_block(&mut shell, &world);
    shell.hear(1, &world.certified(1, Vote::Finalize(hash)));
    let said = shell.take_said();
    assert!(said.contains(&(To::All, Message::HeadSignature(own))));
}

/// A shard at work, its member 2 about to lead.
fn busy() -> Network {
    let mut network = Network::of_four(8);
    for number in 0..4 {
        network.submit(number, &network.world.gift_of(number));
        network.run_for(25);
    }
    network
}

/// Lets a shard decide four transactions more, after whatever has happened to it.
#[track_caller]
fn goes_on(mut network: Network) {
    for number in 4..8 {
        network.submit(number % 3, &network.world.gift_of(number));
        network.run_for(100);
    }
    // What waited in the pools of members that crashed may be lost.
    let last: Vec<_> = (4..8)
        .map(|number| network.world.gift_of(number).body.id())
        .collect();
    network.run_until("all is decided", 60_000, |network| {
        let decided = |shell: &Shell, id| shell.replica.ledger().state.decided.contains_key(id);
        network
            .up()
            .all(|shell| last.iter().all(|id| decided(shell, id)))
    });
    network.assert_agreement();
}

#[test]
fn e3_e4_a_member_restored_from_any_old_copy_of_its_log_contradicts_nothing() {
    // The network sees whatever is signed, and knows what no member may sign.
    let length = busy().shell(1).log.len();
    for kept in 0..length {
        let mut network = busy();
        let mut log = network.crash(1);
        log.truncate(kept);
        network.restart_unanswered(1, log);
        goes_on(network);
    }
}

#[test]
fn a_shard_whose_members_all_restart_at_once_goes_on() {
    for away in [None, Some(3)] {
        let mut network = busy();
        let logs: Vec<_> = (0..4).map(|index| network.crash(index)).collect();
        for (index, log) in logs.into_iter().enumerate() {
            if Some(index) != away {
                network.restart_unanswered(index, log);
            }
        }
        goes_on(network);
    }
}

#[test]
fn a_start_costs_one_round_trip() {
    let mut network = Network::of_four(1);
    network.run_for(100);
    for index in 0..4 {
        let log = network.crash(index);
        network.restart_unanswered(index, log);
    }
    let begin = network.now;
    // It leads the first slot, and may have proposed in it before.
    network.submit(1, &network.world.gift_of(0));
    network.run_until("it says that it will not", 1_000, |network| {
        let vote = |message: &Message| matches!(message, Message::Vote(_));
        network.flights.iter().any(|flight| vote(&flight.message))
    });
    assert_eq!(network.now - begin, 2 * network.delay);
}

#[test]
fn a_member_tells_the_highest_of_what_another_has_signed() {
    let world = World::new(4, 1);
    let mut shell = Shell::new(&world, 0);
    let block = world.block(5, world.root(), &[]);
    for slot in [1, 2, 4] {
        shell.hear(1, &world.vote(1, slot, Vote::Skip));
        shell.hear(2, &world.vote(2, slot + 3, Vote::Skip));
    }
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.vote(1, 4, Vote::Notarize(Hash::ZERO)));
    shell.hear(1, &world.certified(5, Vote::Notarize(block.hash())));
    shell.hear(
        1,
        &world.head_signature(1, model::Height::new(3), Hash::ZERO),
    );
    shell.take_said();
    shell.hear(1, &Message::Recall(CREATED));
    let answer = shell
        .take_said()
        .into_iter()
        .find_map(|(_, message)| match message {
            Message::Reminder(reminder) => Some(reminder),
            _ => None,
        });
    let block = block.hash();
    let slot = Slot::new(5);
    let height = model::Height::new(3);
    let statements = [
        statement(5, Vote::Notarize(block)),
        Statement::Proposal { slot, block },
        Statement::Head {
            height,
            head: Hash::ZERO,
        },
    ];
    let signed = statements.map(|statement| (statement, world.sign(1, &statement)));
    let expected = Reminder {
        asked: CREATED,
        finalization: None,
        signed: signed.to_vec(),
    };
    assert_eq!(answer, Some(expected));
}

#[test]
fn a_reminder_of_more_than_anybody_signs_is_refused() {
    let world = World::new(4, 1);
    let one = signed(&world, 1, Vote::Skip);
    for (count, admitted) in [(REMINDED_MAX, true), (REMINDED_MAX + 1, false)] {
        let message = Message::Reminder(Reminder {
            asked: CREATED,
            finalization: None,
            signed: vec![one; count],
        });
        let outcome = message.admit(&world.shards, &mut Zip215);
        let refused = Refused::TooMany {
            limit: REMINDED_MAX,
            found: count,
        };
        assert_eq!(outcome.err(), (!admitted).then_some(refused));
    }
}

#[test]
fn the_bytes_of_a_question_an_answer_and_a_record_are_these() {
    let hex =
        |bytes: Vec<u8>| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    let answer = Message::Reminder(Reminder {
        asked: Time::from_ms(1_000),
        finalization: None,
        signed: vec![(statement(5, Vote::Skip), Signature::from_bytes([0xaa; 64]))],
    });
    assert_eq!(
        hex(Message::Recall(Time::from_ms(1_000)).encode()),
        "82091903e8"
    );
    let expected = format!("820a831903e8808182830105810158{}{}", "40", "aa".repeat(64));
    assert_eq!(hex(answer.encode()), expected);
    let record = Record::Abstain(Slot::new(300));
    assert_eq!(hex(encoding::encode(&record)), "820819012c");
}
