//! That the judge of disks sees what is sent too early.

use consensus::message::{HeadSignature, Proposal, SignedVote};
use consensus::sbac::letter::Letter;
use consensus::{Message, Record};
use model::block::payload_hash;
use model::merkle::RangeProof;
use model::statement::{Epoch, Height, Slot, Statement, Vote};
use model::{Certificate, Delivery, Hash, Parcel, Signature};

use super::Durability;
use crate::invariants::What;
use crate::invariants::testing::{certificate, follow, genesis, place, seat, see};
use crate::simulation::Setting;

const NOBODY: Signature = Signature::from_bytes([0; 64]);
const VOTE: Vote = Vote::Skip;
const SLOT: Slot = Slot::new(4);

fn judge() -> Durability {
    Durability::default()
}

/// Node 0 writes a record that ends here.
fn writes(judge: &mut Durability, record: &Record, end: u64) {
    let end = place(end);
    see(judge, 0, &What::Written { record, end }).unwrap();
}

/// Node 0 sends a message while its disk has so much.
fn sends(judge: &mut Durability, message: &Message, durable: u64) -> Result<(), String> {
    let durable = place(durable);
    see(
        judge,
        0,
        &What::Sent {
            epoch: Epoch::ZERO,
            message,
            durable,
        },
    )
}

fn vote() -> Message {
    Message::Vote(SignedVote {
        slot: SLOT,
        vote: VOTE,
        signature: NOBODY,
    })
}

fn own_vote() -> Record {
    Record::Vote {
        slot: SLOT,
        vote: VOTE,
    }
}

#[test]
fn a_vote_must_be_durable() {
    let mut judge = judge();
    sends(&mut judge, &vote(), 100).unwrap_err();
    writes(&mut judge, &own_vote(), 50);
    sends(&mut judge, &vote(), 49).unwrap_err();
    sends(&mut judge, &vote(), 50).unwrap();
}

#[test]
fn a_vote_of_one_epoch_is_none_of_the_next() {
    let mut judge = judge();
    writes(&mut judge, &own_vote(), 50);
    let durable = place(100);
    let message = &vote();
    let epoch = Epoch::new(1);
    let what = What::Sent {
        epoch,
        message,
        durable,
    };
    see(&mut judge, 0, &what).unwrap_err();
}

#[test]
fn a_certificate_shows_the_vote_of_its_signer() {
    let certificate = |signer| Certificate {
        statement: Statement::Vote {
            slot: SLOT,
            vote: VOTE,
        },
        signatures: vec![(seat(signer), NOBODY)],
    };
    let mut judge = judge();
    for signer in [0, 1] {
        writes(&mut judge, &Record::Certificate(certificate(signer)), 50);
    }
    sends(&mut judge, &Message::Certificate(certificate(1)), 0).unwrap();
    sends(&mut judge, &Message::Certificate(certificate(0)), 100).unwrap_err();
    writes(&mut judge, &own_vote(), 70);
    sends(&mut judge, &Message::Certificate(certificate(0)), 100).unwrap();
}

#[test]
fn a_proposal_rests_on_a_reservation_for_its_slot_or_a_later_one() {
    let setting = Setting::new(4);
    let mut block = (*follow(&setting, &genesis(&setting), 1, Vec::new()).block).clone();
    block.header.slot = SLOT;
    block.header.payload = payload_hash(&block.payload);
    let proposal = Message::Proposal(Proposal {
        block,
        signature: NOBODY,
    });
    let mut judge = judge();
    writes(&mut judge, &Record::Reserved(Slot::new(3)), 10);
    sends(&mut judge, &proposal, 100).unwrap_err();
    writes(&mut judge, &Record::Reserved(Slot::new(7)), 20);
    sends(&mut judge, &proposal, 19).unwrap_err();
    sends(&mut judge, &proposal, 20).unwrap();
    // Somebody else's proposal may be passed on.
    see(
        &mut judge,
        1,
        &What::Sent {
            epoch: Epoch::ZERO,
            message: &proposal,
            durable: place(0),
        },
    )
    .unwrap();
}

#[test]
fn the_signature_of_a_head_must_be_written() {
    let setting = Setting::new(4);
    let head = follow(&setting, &genesis(&setting), 1, Vec::new())
        .applied
        .head
        .clone();
    let signed = Message::HeadSignature(HeadSignature {
        height: Height::new(1),
        head: head.hash(),
        signature: NOBODY,
    });
    let mut judge = judge();
    sends(&mut judge, &signed, 100).unwrap_err();
    writes(&mut judge, &Record::Head(head), 50);
    sends(&mut judge, &signed, 0).unwrap();
}

#[test]
fn what_a_crash_took_must_be_written_again() {
    let setting = Setting::new(4);
    let ledger = setting.ledger();
    for (durable, holds) in [(49, false), (50, true)] {
        let mut judge = judge();
        writes(&mut judge, &own_vote(), 50);
        let began = What::Began {
            ledger: &ledger,
            durable: place(durable),
        };
        see(&mut judge, 0, &began).unwrap();
        assert_eq!(sends(&mut judge, &vote(), 100).is_ok(), holds);
    }
}

#[test]
fn a_block_must_be_in_the_log_before_it_counts() {
    let setting = Setting::new(4);
    let applied = follow(&setting, &genesis(&setting), 1, Vec::new());
    let mut judge = judge();
    see(&mut judge, 0, &What::Settled(&applied)).unwrap_err();
    writes(&mut judge, &Record::Block((*applied.block).clone()), 50);
    see(&mut judge, 0, &What::Settled(&applied)).unwrap();
}

#[test]
fn what_needs_nothing_is_sent_at_any_time() {
    let asks = Message::ProposalRequest(model::block::BlockRef {
        slot: SLOT,
        hash: Hash::ZERO,
    });
    sends(&mut judge(), &asks, 0).unwrap();
}

#[test]
fn promises_are_told_to_others_when_their_block_is_written() {
    let setting = Setting::new(4);
    let applied = follow(&setting, &genesis(&setting), 1, Vec::new());
    let parcel = Parcel {
        head: certificate(&applied.applied.head),
        leaves: Vec::new(),
        proof: RangeProof {
            first: 0,
            size: 0,
            path: Vec::new(),
        },
    };
    let votes = Vec::new();
    let letter = Letter::Deliver(vec![Delivery { parcel, votes }]);
    let mut judge = judge();
    see(&mut judge, 0, &What::Told(&letter)).unwrap_err();
    see(&mut judge, 0, &What::Told(&Letter::Ask(Vec::new()))).unwrap();
    writes(&mut judge, &Record::Block((*applied.block).clone()), 10);
    see(&mut judge, 0, &What::Told(&letter)).unwrap();
}
