//! Evidence: whoever signs two statements that no honest member signs together is named, once, and
//! nobody else ever is.

use consensus::{Message, Record};
use model::key::Zip215;
use model::statement::{Slot, Vote};
use model::{Hash, Height, LieKind, Malpractice, NodeId, Signature, Statement};

use crate::network::Network;
use crate::shell::Shell;
use crate::world::{World, member, seat, statement};

fn world() -> World {
    World::new(4, 8)
}

const A: Hash = Hash::from_bytes([1; 32]);
const B: Hash = Hash::from_bytes([2; 32]);

/// The records that name a member, each verified, and each in the log as well.
fn named(shell: &Shell) -> Vec<NodeId> {
    let logged: Vec<&Malpractice> = shell
        .log
        .iter()
        .filter_map(|record| match record {
            Record::Malpractice(record) => Some(record),
            _ => None,
        })
        .collect();
    assert!(logged.into_iter().eq(&shell.malpractice));
    for record in &shell.malpractice {
        assert_eq!(record.verify(&mut Zip215), Ok(()));
    }
    shell.malpractice.iter().map(|record| record.node).collect()
}

fn liar() -> NodeId {
    NodeId::new(member(2).public())
}

const PAIRS: [(Vote, Vote); 4] = [
    (Vote::Notarize(A), Vote::Notarize(B)),
    (Vote::Finalize(A), Vote::Finalize(B)),
    (Vote::Notarize(A), Vote::Finalize(B)),
    (Vote::Skip, Vote::Finalize(A)),
];

fn both_orders() -> impl Iterator<Item = (Vote, Vote)> {
    PAIRS.into_iter().flat_map(|(a, b)| [(a, b), (b, a)])
}

#[test]
fn two_conflicting_votes_name_their_signer_once() {
    let world = world();
    for (first, second) in both_orders() {
        let mut shell = Shell::new(&world, 0);
        shell.hear_votes(&[2], 1, first);
        assert_eq!(named(&shell), []);
        for _ in 0..3 {
            shell.hear_votes(&[2], 1, second);
        }
        let third = Vote::Finalize(Hash::from_bytes([3; 32]));
        shell.hear_votes(&[2], 1, third);
        assert_eq!(named(&shell), [liar()], "{first:?} and {second:?}");
    }
}

#[test]
fn votes_that_an_honest_member_may_cast_name_nobody() {
    let world = world();
    let honest: [&[Vote]; 4] = [
        &[Vote::Notarize(A), Vote::Finalize(A)],
        &[Vote::Skip, Vote::Notarize(A)],
        &[Vote::Notarize(A), Vote::Skip],
        &[Vote::Notarize(A), Vote::Notarize(A)],
    ];
    for votes in honest {
        let mut shell = Shell::new(&world, 0);
        for vote in votes {
            shell.hear_votes(&[2], 1, *vote);
        }
        assert_eq!(named(&shell), [], "{votes:?}");
    }
    let mut shell = Shell::new(&world, 0);
    shell.hear_votes(&[2], 1, Vote::Notarize(A));
    shell.hear_votes(&[2], 2, Vote::Notarize(B));
    shell.hear_votes(&[3], 1, Vote::Notarize(B));
    assert_eq!(named(&shell), []);
}

/// A vote with a signature that is nobody's.
fn forged(world: &World, index: usize, slot: u64, vote: Vote) -> Message {
    let mut message = world.vote(index, slot, vote);
    if let Message::Vote(vote) = &mut message {
        vote.signature = Signature::from_bytes([0; 64]);
    }
    message
}

#[test]
fn a_vote_that_was_not_signed_names_nobody_and_hides_nothing() {
    let world = world();
    for (first, second) in both_orders() {
        let mut shell = Shell::new(&world, 0);
        shell.hear_votes(&[2], 1, first);
        shell.hear(2, &forged(&world, 2, 1, second));
        assert_eq!(named(&shell), []);
        let mut shell = Shell::new(&world, 0);
        shell.hear(2, &forged(&world, 2, 1, first));
        shell.hear_votes(&[2], 1, second);
        assert_eq!(named(&shell), []);
        shell.hear_votes(&[2], 1, first);
        assert_eq!(named(&shell), [liar()], "{first:?} and {second:?}");
    }
}

#[test]
fn a_vote_in_a_certificate_is_compared_as_well() {
    let world = world();
    for (first, second) in both_orders() {
        let certificate = world.certificate(statement(1, second), &[1, 2, 3]);
        let mut shell = Shell::new(&world, 0);
        shell.hear_votes(&[2], 1, first);
        shell.hear(3, &Message::Certificate(certificate));
        assert_eq!(named(&shell), [liar()], "{first:?} and {second:?}");
    }
}

#[test]
fn a_leader_that_proposes_twice_is_named_once() {
    let world = world();
    let blocks = [0, 1, 2].map(|number| world.block(2, world.root(), &[world.gift_of(number)]));
    let mut shell = Shell::new(&world, 0);
    for block in &blocks {
        shell.hear(2, &world.proposal(block));
        shell.hear(1, &world.proposal(block));
    }
    assert_eq!(named(&shell), [liar()]);
}

#[test]
fn a_proposal_that_the_leader_did_not_sign_names_nobody() {
    let world = world();
    let block = world.block(2, world.root(), &[]);
    let other = world.block(2, world.root(), &[world.gift_of(0)]);
    let mut forged = world.proposed(&other);
    let statement = forged.statement();
    forged.signature = world.sign(3, &statement);
    let mut shell = Shell::new(&world, 0);
    shell.hear(2, &world.proposal(&block));
    shell.hear(3, &Message::Proposal(forged));
    assert_eq!(named(&shell), []);
}

/// A member that applies a block, before or after it hears these heads from member 2.
fn heads(world: &World, before: &[Hash], after: &[Hash]) -> Shell {
    let block = world.block(1, world.root(), &[]);
    let mut shell = Shell::new(world, 0);
    let hear = |shell: &mut Shell, heads: &[Hash]| {
        for head in heads {
            let height = block.header.height;
            shell.hear(2, &world.head_signature(2, height, *head));
        }
    };
    hear(&mut shell, before);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Finalize(block.hash())));
    assert_eq!(shell.applied.len(), 1);
    hear(&mut shell, after);
    shell
}

#[test]
fn two_heads_at_one_height_name_their_signer_once() {
    let world = world();
    let head = heads(&world, &[], &[]).applied[0].applied.head.hash();
    let lists: [(&[Hash], &[Hash]); 6] = [
        (&[], &[head, A, B]),
        (&[], &[A, head, B, A]),
        (&[head], &[A]),
        (&[A], &[head]),
        (&[A, head], &[B]),
        (&[head, A, B], &[]),
    ];
    for (before, after) in lists {
        let shell = heads(&world, before, after);
        assert_eq!(named(&shell), [liar()], "{before:?}, {after:?}");
    }
    assert_eq!(named(&heads(&world, &[head, head], &[head])), []);
}

#[test]
fn a_liar_that_never_stops_is_named_once_for_each_kind_and_fills_no_log() {
    let world = world();
    let mut shell = heads(&world, &[], &[A, B]);
    let head = shell.applied[0].applied.head.hash();
    for round in 2..60 {
        for vote in [Vote::Notarize(A), Vote::Notarize(B), Vote::Finalize(A)] {
            shell.hear_votes(&[2], round, vote);
        }
        shell.hear(2, &world.head_signature(2, Height::new(1), head));
        shell.hear(2, &world.head_signature(2, Height::new(1), A));
    }
    assert_eq!(named(&shell), [liar(), liar()]);
    let kinds: Vec<LieKind> = shell.malpractice.iter().map(|it| it.lie.kind()).collect();
    assert_eq!(kinds, [LieKind::Votes, LieKind::Heads]);
}

#[test]
fn a_head_in_a_certificate_is_compared_as_well() {
    let world = world();
    let mut shell = heads(&world, &[], &[A]);
    let head = shell.applied[0].applied.head.clone();
    let certificate = world.head_certificate(&head, &[1, 2, 3]);
    shell.hear(3, &Message::HeadCertificate(certificate));
    assert_eq!(named(&shell), [liar()]);
}

#[test]
fn s12_honest_members_are_never_named() {
    let mut network = Network::new(World::new(7, 8));
    // Member 6 is silent; it hears everything afterwards. Of the rest every third message is lost,
    // members come and go, and what they said is said again.
    network.crash(6);
    network.filter(|flight| (flight.sent + flight.to as u64 + flight.from as u64) % 3 < 2);
    for number in 0..4 {
        network.submit(number, &network.world.gift_of(number));
        network.run_for(700);
        let log = network.crash(number);
        network.run_for(300);
        network.restart(number, log);
    }
    network.heal();
    network.run_until("all is decided", 60_000, |network| {
        let all = |shell: &Shell| shell.replica.ledger().state.decided.len() == 4;
        network.up().all(all)
    });
    let mut silent = Shell::new(&network.world, 6);
    for flight in network.flights.iter().filter(|flight| flight.from != 6) {
        silent.hear(flight.from, &flight.message);
    }
    assert!(!silent.applied.is_empty());
    for shell in network.up().chain([&silent]) {
        assert_eq!(shell.malpractice, [], "member {}", shell.index);
    }
}

#[test]
fn what_is_said_of_a_seat_that_nobody_holds_is_nothing() {
    let world = world();
    let mut shell = Shell::new(&world, 0);
    let vote = world.vote(2, 1, Vote::Skip);
    shell.hear(50, &vote);
    let mut certificate = world.certificate(statement(1, Vote::Skip), &[1, 2]);
    certificate
        .signatures
        .push((seat(50), certificate.signatures[0].1));
    shell.hear(2, &Message::Certificate(certificate));
    shell.hear(
        2,
        &Message::CertificatesRequest {
            first: Slot::ZERO,
            last: Slot::new(9),
        },
    );
    assert_eq!(named(&shell), []);
    let statement: Statement = statement(1, Vote::Skip);
    assert!(shell.log.iter().all(|record| match record {
        Record::Certificate(certificate) => certificate.statement != statement,
        _ => true,
    }));
}
