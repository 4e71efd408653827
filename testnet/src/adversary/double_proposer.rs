//! A leader that proposes two valid blocks in each of its slots, one to each half of the shard, and
//! votes for both. Liars that play together vote for each other's pairs too.
//!
//! It tries to have two blocks notarized, or final, in one slot. What stops it: the two quorums that
//! this takes share an honest member, and no honest member votes twice (rules 4 and 5).

use std::collections::{BTreeMap, BTreeSet};

use consensus::Message;
use consensus::message::SignedVote;
use model::block::{encode_entries, payload_hash};
use model::shard::Seat;
use model::statement::{Slot, Vote};
use model::{Block, Hash};

use super::rivals::Rivals;
use super::trickster::{Stage, Trick};

/// How many of a thousand pairs everybody sees both of.
const BRAZEN: u64 = 250;

/// Slots that are remembered.
const REMEMBERED: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DoubleProposer {
    rivals: Rivals,
    /// The blocks that anybody proposed in recent slots.
    seen: BTreeMap<Slot, BTreeSet<Hash>>,
    /// To whom it has repeated the member's own vote.
    mirrored: BTreeSet<(Slot, Seat, Vote)>,
}

impl DoubleProposer {
    fn see(&mut self, block: &Block) {
        let seen = self.seen.entry(block.header.slot).or_default();
        seen.insert(block.hash());
        if self.seen.len() > REMEMBERED {
            self.seen.pop_first();
        }
    }

    fn propose(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], block: &Block) {
        let slot = block.header.slot;
        if !self.rivals.has(slot) {
            let second = second(stage, block);
            self.see(&second);
            self.see(block);
            self.rivals.insert(second, Some(block.hash()));
        }
        let Some(second) = self.rivals.meet(slot, block.hash()) else {
            return;
        };
        if second == block {
            return; // the puppet has got hold of it, and repeats it
        }
        let pair = [block, second].map(|block| stage.proposal(block.clone()));
        let brazen = stage.voice.plot.of_slot(slot).chance(BRAZEN);
        let halves = stage.halves(slot, to);
        for (half, proposal) in halves.iter().zip(&pair) {
            stage.say(if brazen { to } else { half }, proposal);
        }
        stage.lied();
    }

    /// Tells each half that it votes for what that half has seen.
    fn vote(&self, stage: &mut Stage<'_, '_>, to: &[Seat], vote: &SignedVote) {
        let slot = vote.slot;
        let second = self.rivals.turn(vote);
        let [first, rest] = stage.halves(slot, to);
        let honest = stage.vote(slot, vote.vote);
        match second {
            Some(second) => {
                let second = stage.vote(slot, second);
                stage.say(&first, &honest);
                stage.say(&rest, &second);
                stage.lied();
            }
            None => stage.say(to, &honest),
        }
    }

    /// Agrees with a member about a slot in which there are two blocks.
    fn mirror(&mut self, stage: &mut Stage<'_, '_>, from: Seat, vote: &SignedVote) {
        let (slot, vote) = (vote.slot, vote.vote);
        let split = self.seen.get(&slot).is_some_and(|seen| seen.len() > 1);
        if split && vote != Vote::Skip && self.mirrored.insert((slot, from, vote)) {
            let vote = stage.vote(slot, vote);
            stage.say(&[from], &vote);
            stage.lied();
        }
        while self.mirrored.len() > REMEMBERED * stage.voice.others.len() {
            self.mirrored.pop_first();
        }
    }
}

impl Trick for DoubleProposer {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, from: Seat, message: &Message) -> bool {
        match message {
            Message::Proposal(proposal) => self.see(&proposal.block),
            Message::Vote(vote) => self.mirror(stage, from, vote),
            _ => self.rivals.show(stage, from, message),
        }
        true
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        match (stage.own_proposal(message), message) {
            (Some(block), _) => self.propose(stage, to, block),
            (None, Message::Vote(vote)) => self.vote(stage, to, vote),
            (None, _) => stage.say(to, message),
        }
    }
}

/// Another valid block in the same place: a little later, and with the same entries or none.
fn second(stage: &mut Stage<'_, '_>, block: &Block) -> Block {
    let mut second = block.clone();
    second.header.time = block.header.time.plus_ms(1);
    if stage.voice.random.chance(500) {
        second.payload = encode_entries(&[]);
        second.header.payload = payload_hash(&second.payload);
    }
    second
}
