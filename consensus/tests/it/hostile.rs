//! What a liar can make of one link: numbers at their ends, floods, and small questions with large
//! answers. Each costs the member something, and nothing stops it.

use consensus::message::{HeadSignature, SignedVote, Status};
use consensus::{Input, Message};
use model::block::BlockRef;
use model::statement::{Height, Slot, Vote};
use model::{Hash, Signature};

use crate::shell::{Shell, To};
use crate::world::{World, seat};

const NOBODYS: Signature = Signature::from_bytes([0; 64]);

fn world() -> World {
    World::new(4, 8)
}

/// Member 0 with something to tell: a final block, its head, and an open slot.
fn member(world: &World) -> Shell {
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let mut shell = Shell::new(world, 0);
    shell.hear(1, &world.proposal(&block));
    shell.hear(1, &world.certified(1, Vote::Finalize(block.hash())));
    let head = shell.applied[0].applied.head.clone();
    for from in [1, 2] {
        let signature = world.head_signature(from, head.height, head.hash());
        shell.hear(from, &signature);
    }
    shell.hear(2, &world.certified(2, Vote::Skip));
    shell.take_said();
    shell
}

#[test]
fn numbers_at_their_ends_stop_nobody() {
    let world = world();
    let hash = Hash::from_bytes([9; 32]);
    let mut shell = member(&world);
    for number in [0, 1, u64::MAX - 1, u64::MAX] {
        let (slot, height) = (Slot::new(number), Height::new(number));
        let mut block = world.block(3, world.root(), &[]);
        block.header.slot = slot;
        block.header.height = height;
        block.header.parent = BlockRef { slot, hash };
        block.header.time = model::Time::from_ms(number);
        let proposal = consensus::message::Proposal {
            block,
            signature: NOBODYS,
        };
        let vote = SignedVote {
            slot,
            vote: Vote::Notarize(hash),
            signature: NOBODYS,
        };
        let status = Status {
            finalization: None,
            frontier: slot,
            certified: height,
        };
        let ranges = [
            (Slot::ZERO, slot),
            (slot, Slot::ZERO),
            (slot, slot),
            (slot, Slot::new(7)),
        ];
        let mut messages = vec![
            Message::Proposal(proposal),
            Message::Vote(vote),
            Message::Status(status),
            Message::ProposalRequest(BlockRef { slot, hash }),
            Message::HeadSignature(HeadSignature {
                height,
                head: hash,
                signature: NOBODYS,
            }),
            Message::Certificate(world.certificate(
                model::Statement::Vote {
                    slot,
                    vote: Vote::Finalize(hash),
                },
                &[2, 3],
            )),
        ];
        let ask = |(first, last)| Message::CertificatesRequest { first, last };
        messages.extend(ranges.map(ask));
        for message in messages {
            shell.at(number.min(50_000) + 1_000);
            shell.hear(2, &message);
        }
    }
    assert_eq!(shell.halted, None);
}

/// How many messages member 2 gets when it says the same a hundred times within 50 ms.
fn said(shell: &mut Shell, begin: u64, message: &Message) -> usize {
    shell.at(begin);
    shell.take_said();
    for step in 0..100 {
        shell.at(begin + step / 2);
        shell.hear(2, message);
    }
    let said = shell.take_said();
    said.iter()
        .filter(|(to, _)| *to == To::One(seat(2)))
        .count()
}

#[test]
fn a_question_asked_again_and_again_is_answered_now_and_then() {
    let world = world();
    let mut shell = member(&world);
    let status = Status {
        finalization: None,
        frontier: Slot::ZERO,
        certified: Height::ZERO,
    };
    // The finalization, the skip certificate and the certificate of the head.
    assert_eq!(said(&mut shell, 1_000, &Message::Status(status.clone())), 3);
    assert_eq!(said(&mut shell, 1_200, &Message::Status(status)), 3);
    let block = world.block(3, world.root(), &[]);
    shell.hear(3, &world.proposal(&block));
    let request = Message::ProposalRequest(block.name());
    assert_eq!(said(&mut shell, 1_400, &request), 1);
    let (first, last) = (Slot::ZERO, Slot::new(9));
    let request = Message::CertificatesRequest { first, last };
    assert_eq!(said(&mut shell, 1_600, &request), 2);
    // Others are not kept waiting by that, nor is the member itself when its link came up anew.
    shell.hear(3, &request);
    assert_eq!(shell.take_said().len(), 2);
    shell.step(Input::LinkUp(seat(2)));
    shell.take_said();
    shell.hear(2, &request);
    assert_eq!(shell.take_said().len(), 2);
}

#[test]
fn a_link_that_comes_and_goes_costs_that_link_only() {
    let world = world();
    let mut shell = member(&world);
    for number in 1..8 {
        shell.submit(&world.gift_of(number));
    }
    shell.run_until(1_000);
    shell.take_said();
    for _ in 0..10 {
        shell.step(Input::LinkUp(seat(2)));
    }
    let said = shell.take_said();
    assert!(
        said.iter().all(|(to, _)| *to == To::One(seat(2))),
        "{said:?}"
    );
    let transactions = |said: &&(To, Message)| matches!(said.1, Message::Transactions(_));
    assert_eq!(
        said.iter().filter(transactions).count(),
        10,
        "one message each time"
    );
}

#[test]
fn a_flood_of_lies_leaves_the_shard_at_work() {
    let world = world();
    let mut network = crate::network::Network::new(world.clone());
    network.crash(2);
    for slot in 0..200 {
        let hash = Hash::from_bytes([u8::try_from(slot).expect("small"); 32]);
        for to in [0, 1, 3] {
            let slot_number = Slot::new(slot);
            let vote = SignedVote {
                slot: slot_number,
                vote: Vote::Skip,
                signature: NOBODYS,
            };
            network.inject(2, to, Message::Vote(vote));
            network.inject(2, to, world.vote(2, slot % 5, Vote::Finalize(hash)));
            let head = HeadSignature {
                height: Height::new(slot),
                head: hash,
                signature: NOBODYS,
            };
            network.inject(2, to, Message::HeadSignature(head));
        }
    }
    network.submit(0, &world.gift_of(0));
    network.submit(3, &world.gift_of(1));
    network.run_until_decided(2, 5_000);
}
