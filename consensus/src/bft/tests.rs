//! What the agreement keeps: never more than its windows, whoever talks and however far behind it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::block::{BlockRef, Header, encode_entries, payload_hash};
use model::encoding::Bytes;
use model::statement::{Height, Slot, Statement, Vote};
use model::{Block, Certificate, Hash, Time};

use super::{Bft, PROPOSAL_WINDOW, Pace, Turn, WINDOW, Work};
use crate::action::{Action, ActionKey};
use crate::ledger::Tip;
use crate::member::Member;
use crate::member::tests::{member, seat, sign};
use crate::message::{AdmittedBlock, Proposal, SignedVote};
use crate::time::Now;

/// Nobody wants anything.
struct Nothing;

impl Work for Nothing {
    fn set_aside(&mut self, _elsewhere: BTreeSet<ActionKey>) {}

    fn waits(&self, _time: Time) -> bool {
        false
    }

    fn payload(&self, _time: Time) -> (Bytes, Vec<Action>) {
        (encode_entries(&[]), Vec::new())
    }
}

struct Fixture {
    bft: Bft,
    member: Member,
}

impl Fixture {
    fn new() -> Self {
        let tip = Tip {
            block: BlockRef {
                slot: Slot::ZERO,
                hash: Hash::ZERO,
            },
            epoch: model::Epoch::ZERO,
            height: Height::ZERO,
            time: Time::ZERO,
            head: Hash::ZERO,
        };
        Self {
            bft: Bft::new(Pace::default(), tip),
            member: member(0),
        }
    }

    /// Lets something happen, and then everything that follows from it.
    fn act(&mut self, action: impl FnOnce(&mut Bft, &mut Turn<'_>)) {
        let mut out = Vec::new();
        let turn = &mut Turn {
            now: Now::both(Time::from_ms(1_000)),
            member: &mut self.member,
            out: &mut out,
        };
        action(&mut self.bft, turn);
        let blocks = self
            .bft
            .advance(turn, &mut Nothing)
            .expect("no contradiction");
        assert!(blocks.is_empty(), "nothing becomes final here");
    }

    fn proposal(&self, slot: u64, time: u64) -> (Proposal, Hash) {
        let payload = encode_entries(&[]);
        let header = Header {
            scope: *self.member.committee().scope(),
            slot: Slot::new(slot),
            parent: BlockRef {
                slot: Slot::new(slot - 1),
                hash: Hash::ZERO,
            },
            height: Height::new(slot),
            time: Time::from_ms(time),
            payload: payload_hash(&payload),
        };
        let block = Block { header, payload };
        let (slot, hash) = (block.header.slot, block.hash());
        let leader = self.member.leader(slot).index();
        let signature = sign(leader, &Statement::Proposal { slot, block: hash });
        (Proposal { block, signature }, hash)
    }

    fn hear(&mut self, proposal: Proposal) {
        let entries = Arc::new(Vec::new());
        self.act(|bft, turn| bft.on_proposal(turn, AdmittedBlock { proposal, entries }));
    }

    fn hear_proposal(&mut self, slot: u64, time: u64) {
        let (proposal, _) = self.proposal(slot, time);
        self.hear(proposal);
    }

    fn hear_vote(&mut self, from: usize, slot: u64, vote: Vote) {
        let slot = Slot::new(slot);
        let signature = sign(from, &Statement::Vote { slot, vote });
        let vote = SignedVote {
            slot,
            vote,
            signature,
        };
        self.act(|bft, turn| bft.on_vote(turn, seat(from), vote));
    }

    fn hear_certificate(&mut self, slot: u64, vote: Vote) {
        let statement = Statement::Vote {
            slot: Slot::new(slot),
            vote,
        };
        let signatures = (1..4)
            .map(|index| (seat(index), sign(index, &statement)))
            .collect();
        let certificate = Certificate {
            statement,
            signatures,
        };
        self.act(|bft, turn| bft.on_certificate(turn, seat(1), certificate));
    }

    fn candidates(&self) -> usize {
        self.bft
            .slots
            .values()
            .map(|state| state.candidates.len())
            .sum()
    }
}

fn hash(number: u64) -> Hash {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    Hash::from_bytes(bytes)
}

#[test]
fn pitfall_votes_and_proposals_far_ahead_are_not_kept() {
    let mut fixture = Fixture::new();
    for slot in 1..=200 {
        fixture.hear_vote(2, slot, Vote::Skip);
        fixture.hear_proposal(slot, slot);
    }
    let last = fixture.bft.slots.keys().next_back().copied();
    assert_eq!(last, Some(Slot::new(1 + WINDOW)));
    assert_eq!(fixture.candidates() as u64, 1 + PROPOSAL_WINDOW);
}

#[test]
fn pitfall_one_candidate_of_a_slot_is_kept_unless_another_matters() {
    let mut fixture = Fixture::new();
    for time in 1..=50 {
        fixture.hear_proposal(1, time);
    }
    assert_eq!(fixture.candidates(), 1);
}

#[test]
fn a_member_that_is_left_behind_does_not_keep_the_whole_way() {
    let mut fixture = Fixture::new();
    // Everybody else goes on, and no block comes when it is asked for.
    for slot in 1..=600 {
        fixture.hear_proposal(slot, slot);
        fixture.hear_certificate(slot, Vote::Notarize(hash(slot)));
        fixture.hear_vote(2, slot, Vote::Finalize(hash(slot)));
        fixture.hear_certificate(slot, Vote::Finalize(hash(slot)));
    }
    assert!(fixture.bft.is_behind());
    assert!(
        !fixture.bft.catch_up.is_beyond(Slot::new(600)),
        "the last is known to be final"
    );
    assert!(
        fixture.bft.slots.len() as u64 <= 2 * WINDOW + 1,
        "{}",
        fixture.bft.slots.len()
    );
    assert!(fixture.candidates() as u64 <= WINDOW + PROPOSAL_WINDOW);
    let deadlines = fixture.bft.catch_up.deadlines().count() as u64;
    // Two things may be lacking of each slot, and one fetch is under way.
    assert!(deadlines <= 2 * (2 * WINDOW + 1) + 1, "{deadlines}");
}

#[test]
fn without_finalizations_a_member_follows_however_far_the_shard_goes() {
    let mut fixture = Fixture::new();
    for slot in 1..=300 {
        fixture.hear_certificate(slot, Vote::Skip);
    }
    assert_eq!(fixture.bft.frontier, Slot::new(301));
    fixture.hear_proposal(301, 301);
    assert_eq!(fixture.candidates(), 1);
}

#[test]
fn a_block_that_matters_is_taken_however_far_behind_the_member_is() {
    let mut fixture = Fixture::new();
    for slot in 1..200 {
        fixture.hear_certificate(slot, Vote::Skip);
    }
    let (proposal, hash) = fixture.proposal(200, 200);
    fixture.hear_certificate(200, Vote::Finalize(hash));
    assert!(fixture.bft.is_behind());
    fixture.hear(proposal);
    assert_eq!(fixture.candidates(), 1);
}
