//! A voter whose votes go to one half of the shard: always the same half, or another in each slot.
//!
//! It tries to give certificates to some members and not to others, so that each part waits for the
//! other. What stops it: certificates are passed on (rule 7), and what was said is said again when
//! nothing moves (rule 8).

use consensus::Message;
use model::shard::Seat;
use model::statement::Slot;

use super::trickster::{Stage, Trick};
use crate::simulation::Random;

/// See the module.
#[derive(Debug)]
pub(super) struct HalfVoter {
    /// Whether it is always the same half.
    fixed: bool,
    /// Whether it tells its heads to that half only, too.
    heads_too: bool,
}

impl HalfVoter {
    /// A voter with one way of choosing halves.
    pub(super) fn new(random: &mut Random) -> Self {
        Self {
            fixed: random.chance(500),
            heads_too: random.chance(500),
        }
    }

    fn say_to_half(&self, stage: &mut Stage<'_, '_>, slot: Slot, to: &[Seat], message: &Message) {
        let slot = if self.fixed { Slot::ZERO } else { slot };
        let [half, _] = stage.halves(slot, to);
        stage.say(&half, message);
        if half.len() < to.len() {
            stage.lied();
        }
    }
}

impl Trick for HalfVoter {
    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        match message {
            Message::Vote(vote) => self.say_to_half(stage, vote.slot, to, message),
            Message::HeadSignature(signature) if self.heads_too => {
                let slot = Slot::new(signature.height.number());
                self.say_to_half(stage, slot, to, message);
            }
            _ => stage.say(to, message),
        }
    }
}
