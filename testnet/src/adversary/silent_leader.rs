//! A leader that never proposes. In the slots of others it follows the protocol.
//!
//! It tries to bring the shard to a halt. What stops it: members skip a slot whose leader has used up
//! its time (rule 6). It may vote for the block that it keeps to itself, so that others look for that
//! in vain, propose too late, or say nothing at all about its slots.

use consensus::Message;
use model::shard::Seat;
use model::statement::{Slot, Statement};

use super::trickster::{Stage, Trick};
use crate::simulation::Random;

/// How late a late proposal is, in milliseconds: when some members have given up, or all.
const LATE_MS: std::ops::RangeInclusive<u64> = 300..=3_000;

/// What it leaves out in its own slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    /// The proposal.
    Proposal,
    /// The proposal, until it is late.
    Late,
    /// Everything.
    Everything,
}

/// See the module.
#[derive(Debug)]
pub(super) struct SilentLeader(Silence);

impl SilentLeader {
    /// A leader with one way of being silent.
    pub(super) fn new(random: &mut Random) -> Self {
        Self(*random.pick(&[Silence::Proposal, Silence::Late, Silence::Everything]))
    }
}

impl Trick for SilentLeader {
    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        let own = slot_of(message).is_some_and(|slot| stage.leads(slot));
        let proposes = matches!(message, Message::Proposal(_));
        let silent = own && (proposes || self.0 == Silence::Everything);
        if !silent {
            stage.say(to, message);
            return;
        }
        if self.0 == Silence::Late {
            let late = stage.voice.random.within(&LATE_MS);
            stage.say_later(late, to, message);
        }
        stage.lied();
    }
}

/// The slot that a message is about, if it is about one.
const fn slot_of(message: &Message) -> Option<Slot> {
    match message {
        Message::Proposal(proposal) => Some(proposal.block.header.slot),
        Message::Vote(vote) => Some(vote.slot),
        Message::Certificate(certificate) => match certificate.statement {
            Statement::Vote { slot, .. } | Statement::Proposal { slot, .. } => Some(slot),
            Statement::Head { .. } | Statement::Succession { .. } => None,
        },
        _ => None,
    }
}
