//! Blocks that a liar proposes beside, or in place of, those of its puppet.

use std::collections::BTreeMap;

use consensus::Message;
use consensus::message::SignedVote;
use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Vote};
use model::{Block, Hash};

use super::trickster::Stage;

/// Slots of which rivals are remembered; more are never open at once.
const REMEMBERED: usize = 64;

/// Rivals of blocks, by slot: one each.
#[derive(Debug, Default)]
pub(super) struct Rivals(BTreeMap<Slot, Rival>);

#[derive(Debug)]
struct Rival {
    /// The block of the puppet, once there is one.
    of: Option<Hash>,
    hash: Hash,
    block: Block,
}

impl Rivals {
    /// Remembers a block that is the rival of what the puppet proposes in its slot. Whoever does not
    /// want to be seen to propose twice makes a block that is proposed as it is its own rival.
    pub(super) fn insert(&mut self, block: Block, of: Option<Hash>) {
        let hash = block.hash();
        self.0.insert(block.header.slot, Rival { of, hash, block });
        if self.0.len() > REMEMBERED {
            self.0.pop_first();
        }
    }

    /// The rival in a slot, if there is one; the puppet has now proposed `of` there. It may have got
    /// hold of the rival too, and repeat that as its own.
    pub(super) fn meet(&mut self, slot: Slot, of: Hash) -> Option<&Block> {
        let rival = self.0.get_mut(&slot)?;
        if rival.of.is_none() && rival.hash != of {
            rival.of = Some(of);
        }
        Some(&rival.block)
    }

    /// Whether there is a rival in a slot.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.0.contains_key(&slot)
    }

    /// The vote for the rival of the block that a vote is for, if there is one.
    pub(super) fn turn(&self, vote: &SignedVote) -> Option<Vote> {
        let rival = self.0.get(&vote.slot)?;
        match vote.vote {
            Vote::Notarize(hash) if rival.of == Some(hash) => Some(Vote::Notarize(rival.hash)),
            Vote::Finalize(hash) if rival.of == Some(hash) => Some(Vote::Finalize(rival.hash)),
            Vote::Notarize(_) | Vote::Finalize(_) | Vote::Skip => None,
        }
    }

    /// The rival with this name.
    fn find(&self, name: &BlockRef) -> Option<&Block> {
        let rival = self.0.get(&name.slot)?;
        (rival.hash == name.hash).then_some(&rival.block)
    }

    /// Shows a rival to a member that asks for it.
    pub(super) fn show(&self, stage: &mut Stage<'_, '_>, to: Seat, message: &Message) {
        if let Message::ProposalRequest(name) = message
            && let Some(block) = self.find(name)
        {
            let proposal = stage.proposal(block.clone());
            stage.say(&[to], &proposal);
        }
    }

    /// Says what the puppet would say, with rivals in the place of its own blocks.
    pub(super) fn say_instead(
        &mut self,
        stage: &mut Stage<'_, '_>,
        to: &[Seat],
        message: &Message,
    ) {
        let instead = match message {
            Message::Vote(vote) => self.turn(vote).map(|rival| stage.vote(vote.slot, rival)),
            Message::Proposal(_) => stage.own_proposal(message).and_then(|block| {
                let rival = self.meet(block.header.slot, block.hash())?;
                Some(stage.proposal(rival.clone()))
            }),
            _ => None,
        };
        stage.say(to, instead.as_ref().unwrap_or(message));
    }
}
