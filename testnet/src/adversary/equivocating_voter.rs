//! A voter that votes for every block of a slot, to skip the slot and to finalize each block, at once,
//! in an order that differs from member to member. In all else it follows the protocol.
//!
//! It tries to have a slot both skipped and final, or two blocks notarized in it. What stops it: a
//! quorum needs `2f + 1` members, and `f` that vote for everything are too few to make two.

use std::collections::BTreeSet;

use consensus::Message;
use model::Hash;
use model::shard::Seat;
use model::statement::{Slot, Vote};

use super::trickster::{Stage, Trick};

/// Blocks of which it remembers that it voted for them.
const REMEMBERED: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct EquivocatingVoter {
    voted: BTreeSet<(Slot, Hash)>,
}

impl EquivocatingVoter {
    /// Casts every vote there is about a block, once.
    fn vote(&mut self, stage: &mut Stage<'_, '_>, slot: Slot, block: Hash) {
        if !self.voted.insert((slot, block)) {
            return;
        }
        let mut votes = [Vote::Notarize(block), Vote::Skip, Vote::Finalize(block)];
        for to in stage.voice.others.clone() {
            stage.voice.random.shuffle(&mut votes);
            for vote in votes {
                let vote = stage.vote(slot, vote);
                stage.say(&[to], &vote);
            }
        }
        stage.lied();
        if self.voted.len() > REMEMBERED {
            self.voted.pop_first();
        }
    }
}

impl Trick for EquivocatingVoter {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, _from: Seat, message: &Message) -> bool {
        match message {
            Message::Proposal(proposal) => {
                self.vote(stage, proposal.block.header.slot, proposal.block.hash());
            }
            Message::Vote(vote) => {
                if let Vote::Notarize(block) | Vote::Finalize(block) = vote.vote {
                    self.vote(stage, vote.slot, block);
                }
            }
            _ => {}
        }
        true
    }
}
