//! Records: what a node keeps, byte for byte, and what it takes back.

use consensus::replica::Contradiction;
use consensus::{Record, message::Proposal};
use model::statement::{Height, Slot, Vote};
use model::{Epoch, Hash, Lie, Malpractice, NodeId, Statement, encoding};

use crate::shell::Shell;
use crate::world::{World, member, statement};

/// One record of each kind, and whether it is a promise.
fn records(world: &World) -> Vec<(Record, bool)> {
    let block = world.block(1, world.root(), &[world.gift_of(0)]);
    let vote = Vote::Notarize(block.hash());
    let head = Shell::new(world, 0).replica.ledger().tip.head;
    let head = model::Head {
        scope: world.scope(),
        height: Height::new(1),
        previous: head,
        block: block.hash(),
        time: block.header.time,
        results: Hash::ZERO,
        outbox: Hash::ZERO,
        state: None,
    };
    let signed = |statement: Statement| (statement, world.sign(2, &statement));
    vec![
        (Record::Reserved(Slot::new(5)), true),
        (Record::Proposal(world.proposed(&block)), false),
        (Record::Block(block), false),
        (
            Record::Vote {
                slot: Slot::new(1),
                vote,
            },
            true,
        ),
        (
            Record::Vote {
                slot: Slot::new(1),
                vote: Vote::Skip,
            },
            true,
        ),
        (
            Record::Certificate(world.certificate(statement(1, vote), &[0, 1, 2])),
            false,
        ),
        (Record::Head(head.clone()), false),
        (
            Record::HeadCertificate(world.head_certificate(&head, &[0, 1, 2])),
            false,
        ),
        (
            Record::Malpractice(Malpractice {
                node: NodeId::new(member(2).public()),
                lie: Lie::Statements {
                    scope: world.scope(),
                    first: signed(statement(1, Vote::Skip)),
                    second: signed(statement(1, Vote::Finalize(Hash::ZERO))),
                },
            }),
            false,
        ),
    ]
}

#[test]
fn records_come_back_as_they_were_written() {
    for (record, promise) in records(&World::new(4, 1)) {
        let bytes = encoding::encode(&record);
        assert_eq!(encoding::decode(&bytes, bytes.len()).as_ref(), Ok(&record));
        assert_eq!(record.is_promise(), promise, "{record:?}");
    }
}

#[test]
fn pitfall_a_block_of_another_epoch_is_not_replayed() {
    let world = World::new(4, 1);
    let mut block = world.block(1, world.root(), &[]);
    block.header.scope.epoch = Epoch::new(1);
    let proposal = Record::Proposal(Proposal {
        signature: world.proposed(&block).signature,
        block: block.clone(),
    });
    let expected = Some(Contradiction::KeptBlock { slot: Slot::new(1) });
    for record in [proposal, Record::Block(block)] {
        let restored = Shell::restored(&world, 0, vec![record], 0);
        assert_eq!(restored.err(), expected);
    }
}

#[test]
fn a_certificate_about_something_else_than_a_vote_is_skipped() {
    let world = World::new(4, 1);
    let proposal = Statement::Proposal {
        slot: Slot::new(1),
        block: Hash::ZERO,
    };
    let log = vec![Record::Certificate(world.certificate(proposal, &[0, 1, 2]))];
    let shell = Shell::restored(&world, 0, log, 0).expect("nothing contradicts it");
    assert_eq!(shell.replica.open().records, [Record::Reserved(Slot::ZERO)]);
}
