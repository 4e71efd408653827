//! Heads: a quorum's signatures make a certificate, and a head that is not one's own stops a member.

use consensus::message::Status;
use consensus::replica::Contradiction;
use consensus::{Message, Record};
use model::statement::{Height, Slot, Vote};
use model::{Block, Hash, Head, Signature};

use crate::network::Network;
use crate::shell::{Shell, To};
use crate::world::{Place, World, seat};

const ONE: Height = Height::new(1);

fn world() -> World {
    World::new(4, 8)
}

fn first(world: &World) -> Block {
    world.block(1, world.root(), &[world.gift_of(0)])
}

fn apply(shell: &mut Shell, block: &Block) {
    let world = shell.world.clone();
    let slot = block.header.slot.number();
    let leader = usize::try_from(slot).expect("a low slot") % 4;
    shell.hear(leader, &world.proposal(block));
    shell.hear(leader, &world.certified(slot, Vote::Finalize(block.hash())));
    assert_eq!(
        shell.applied.last().map(|last| last.block.name()),
        Some(block.name())
    );
}

/// Member 0 with one block applied, and the head of it.
fn applied(world: &World) -> (Shell, Head) {
    let mut shell = Shell::new(world, 0);
    apply(&mut shell, &first(world));
    let head = shell.applied[0].applied.head.clone();
    (shell, head)
}

fn sign(shell: &mut Shell, from: usize, head: &Head) {
    let message = shell.world.head_signature(from, head.height, head.hash());
    shell.hear(from, &message);
}

#[test]
fn a_head_is_signed_when_its_block_is_applied() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let own = (To::All, world.head_signature(0, ONE, head.hash()));
    assert!(shell.take_said().contains(&own));
    assert!(shell.log.contains(&Record::Head(head)));
}

#[test]
fn a_quorum_of_signatures_is_a_certificate() {
    let world = world();
    let (mut shell, head) = applied(&world);
    sign(&mut shell, 1, &head);
    sign(&mut shell, 1, &head);
    assert_eq!(shell.certified.get(&ONE), None);
    sign(&mut shell, 3, &head);
    let certificate = world.head_certificate(&head, &[0, 1, 3]);
    assert_eq!(shell.certified.get(&ONE), Some(&certificate));
    assert!(shell.log.contains(&Record::HeadCertificate(certificate)));
    let records = shell.log.len();
    sign(&mut shell, 2, &head);
    assert_eq!(shell.log.len(), records, "one certificate of a head");
}

#[test]
fn a_bogus_signature_is_dropped_and_the_genuine_one_counts() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let mut bogus = world.head_signature(1, ONE, head.hash());
    if let Message::HeadSignature(signature) = &mut bogus {
        signature.signature = Signature::from_bytes([7; 64]);
    }
    shell.hear(1, &bogus);
    sign(&mut shell, 2, &head);
    assert_eq!(shell.certified.get(&ONE), None);
    sign(&mut shell, 1, &head);
    assert_eq!(
        shell.certified[&ONE],
        world.head_certificate(&head, &[0, 1, 2])
    );
}

#[test]
fn signatures_that_come_before_the_block_count() {
    let world = world();
    let (_, head) = applied(&world);
    let mut shell = Shell::new(&world, 0);
    for from in [1, 2] {
        sign(&mut shell, from, &head);
    }
    apply(&mut shell, &first(&world));
    assert_eq!(
        shell.certified[&ONE],
        world.head_certificate(&head, &[0, 1, 2])
    );
}

#[test]
fn a_certificate_that_comes_before_the_block_spares_a_signature() {
    let world = world();
    let (_, head) = applied(&world);
    let certificate = world.head_certificate(&head, &[1, 2, 3]);
    let mut shell = Shell::new(&world, 0);
    shell.hear(3, &Message::HeadCertificate(certificate.clone()));
    shell.take_said();
    apply(&mut shell, &first(&world));
    assert_eq!(shell.certified[&ONE], certificate);
    let said = shell.take_said();
    assert!(
        !said
            .iter()
            .any(|(_, message)| matches!(message, Message::HeadSignature(_)))
    );
}

/// A head that the block does not have.
fn other(head: &Head) -> Head {
    Head {
        results: Hash::ZERO,
        ..head.clone()
    }
}

#[test]
fn another_head_signed_by_a_quorum_stops_the_member() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let lie = Message::HeadCertificate(world.head_certificate(&other(&head), &[1, 2, 3]));
    let expected = Some(Contradiction::CertifiedHead { height: ONE });
    let mut early = Shell::new(&world, 0);
    early.hear(3, &lie);
    assert_eq!(early.halted, None);
    apply(&mut early, &first(&world));
    assert_eq!(early.halted, expected);
    shell.hear(3, &lie);
    assert_eq!(shell.halted, expected);
}

#[test]
fn another_head_signed_by_few_is_ignored() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let few = world.head_certificate(&other(&head), &[1, 2]);
    shell.hear(3, &Message::HeadCertificate(few));
    let mut mixed = world.head_certificate(&head, &[1, 2, 3]);
    mixed.head = other(&head);
    shell.hear(3, &Message::HeadCertificate(mixed));
    for from in 1..4 {
        sign(&mut shell, from, &other(&head));
    }
    assert_eq!((shell.halted, shell.certified.len()), (None, 0));
}

#[test]
fn another_head_than_the_one_it_signed_before_stops_a_restarted_member() {
    let world = world();
    let (_, head) = applied(&world);
    // The log has the signing guard and lost nothing but the block.
    let log = vec![Record::Head(other(&head))];
    let mut shell = Shell::restored(&world, 0, log, 0).expect("nothing to compare with yet");
    shell.start();
    apply(&mut shell, &first(&world));
    assert_eq!(
        shell.halted,
        Some(Contradiction::SignedHead { height: ONE })
    );
    assert!(shell.certified.is_empty());
}

#[test]
fn a_head_without_a_certificate_gets_one_after_a_restart() {
    let world = world();
    let (shell, head) = applied(&world);
    let mut shell = Shell::restored(&world, 0, shell.written(), 0).expect("an honest log");
    shell.start();
    let own = (To::All, world.head_signature(0, ONE, head.hash()));
    assert!(
        shell.take_said().contains(&own),
        "its signature is said again"
    );
    sign(&mut shell, 1, &head);
    sign(&mut shell, 2, &head);
    assert_eq!(
        shell.certified[&ONE],
        world.head_certificate(&head, &[0, 1, 2])
    );
}

#[test]
fn a_head_that_it_signed_before_is_signed_again_without_another_record() {
    let world = world();
    let (_, head) = applied(&world);
    let log = vec![Record::Head(head.clone())];
    let mut shell = Shell::restored(&world, 0, log, 0).expect("an honest log");
    shell.start();
    apply(&mut shell, &first(&world));
    let own = (To::All, world.head_signature(0, ONE, head.hash()));
    assert!(shell.take_said().contains(&own));
    let guards = shell
        .log
        .iter()
        .filter(|record| matches!(record, Record::Head(_)));
    assert_eq!(guards.count(), 1);
}

#[test]
fn the_guard_is_in_the_log_before_a_head_computed_in_a_replay_is_signed() {
    let world = world();
    let (shell, head) = applied(&world);
    let guard = Record::Head(head.clone());
    let before = shell.log.iter().position(|record| *record == guard);
    let log = shell.log[..before.expect("the head was signed")].to_vec();
    // The shell checks the order for whatever is said.
    let mut shell = Shell::restored(&world, 0, log, 0).expect("an honest log");
    assert_eq!(shell.applied.len(), 1);
    shell.start();
    let own = (To::All, world.head_signature(0, ONE, head.hash()));
    assert!(shell.take_said().contains(&own));
    assert_eq!(
        shell.log.iter().filter(|record| **record == guard).count(),
        1
    );
}

#[test]
fn a_member_gets_the_certificates_above_the_one_it_has() {
    let mut network = Network::of_four(8);
    for number in 0..3 {
        network.submit(1, &network.world.gift_of(number));
        network.run_until_decided(number + 1, 2_000);
    }
    let mut shell = network.shells[0].take().expect("it is up");
    shell.at(network.now + 1_000);
    let status = Status {
        finalization: None,
        frontier: Slot::new(100),
        certified: Height::new(1),
    };
    shell.hear(2, &Message::Status(status));
    let heights: Vec<u64> = shell
        .take_said()
        .into_iter()
        .filter_map(|(to, message)| match message {
            Message::HeadCertificate(certificate) if to == To::One(seat(2)) => {
                Some(certificate.head.height.number())
            }
            _ => None,
        })
        .collect();
    assert_eq!(heights, [2, 3]);
}

#[test]
fn a_lost_signature_is_made_good_while_blocks_become_final() {
    let world = World::new(4, 60);
    let mut network = Network::new(world.clone());
    // Nobody hears of the first head from others.
    network.filter(|flight| match &flight.message {
        Message::HeadSignature(signature) => signature.height != ONE || flight.sent > 500,
        _ => true,
    });
    for number in 0..60 {
        let gift = world.gift(&world.things()[number], 0, 59_000);
        network.submit(number % 4, &gift);
        network.run_for(50);
    }
    assert!(
        network.up().all(|shell| shell.applied.len() > 20),
        "the shard was busy"
    );
    assert!(network.up().all(|shell| shell.certified.contains_key(&ONE)));
    assert!(network.now <= 3_000);
}

#[test]
fn the_certificate_of_a_head_that_all_others_forgot_comes_with_its_block() {
    let world = world();
    let (mut shell, head) = applied(&world);
    shell.run_until(10_000);
    let &(from, request) = shell.fetches.last().expect("somebody is asked");
    assert_eq!(request.first, ONE);
    let mut blocks = shell.blocks_from(ONE, 1);
    let certificate = world.head_certificate(&head, &[1, 2, 3]);
    blocks[0].head = Some(certificate.clone());
    shell.receive_blocks(from.index(), blocks);
    assert_eq!(shell.certified.get(&ONE), Some(&certificate));

    let fetches = shell.fetches.len();
    shell.run_until(30_000);
    assert_eq!(shell.fetches.len(), fetches, "nothing is lacking");
}

#[test]
fn a_fetched_certificate_of_another_head_stops_a_member() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let mut blocks = shell.blocks_from(ONE, 1);
    let other = Head {
        results: Hash::from_bytes([1; 32]),
        ..head
    };
    blocks[0].head = Some(world.head_certificate(&other, &[1, 2, 3]));
    shell.receive_blocks(2, blocks);
    let expected = Some(Contradiction::CertifiedHead { height: ONE });
    assert_eq!(shell.halted, expected);
}

#[test]
fn signatures_over_heads_far_ahead_are_not_kept() {
    let world = world();
    let (mut shell, head) = applied(&world);
    let far = Head {
        height: Height::new(u64::MAX),
        ..head
    };
    sign(&mut shell, 1, &far);
    let certificate = world.head_certificate(&far, &[1, 2, 3]);
    shell.hear(1, &Message::HeadCertificate(certificate));
    assert_eq!((shell.halted, shell.certified.len()), (None, 0));
    let second = world.block(2, Place::of(&first(&world)), &[]);
    apply(&mut shell, &second);
}
