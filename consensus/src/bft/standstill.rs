//! Standstill repair and heartbeats (rule 8): what makes up for lost messages.
//!
//! Egress is bounded: a member repeats its own votes and proposals of the newest slots to all, tells
//! how far it is, and sends certificates only to those whose status shows that they lack them. One
//! certificate goes to all, the highest notarization: a status does not show that it is lacking where
//! others have cleared its slot by skipping it.

use model::Time;
use model::shard::Seat;
use model::statement::Slot;

use super::answers::Topic;
use super::{Bft, Turn};
use crate::injected::{self, Mistake};
use crate::message::{Message, SignedVote, Status};
use crate::time::Now;

/// Slots of which one repetition says what this member has said. The newest count: to finalize a
/// block is to finalize what is before it.
const REPEATED_SLOTS: usize = 64;

/// When this member last got further, and when it last spoke without news.
#[derive(Clone, Debug, Default)]
pub(super) struct Standstill {
    since: Option<Time>,
    heartbeat: Option<Time>,
    turns: usize,
}

impl Standstill {
    /// Something became final.
    pub(super) fn progressed(&mut self, now: Now) {
        self.since = Some(now.timer);
    }
}

impl Bft {
    /// Repeats what may have been lost, or shows that it is alive, when it is time to. Whether it is a
    /// standstill; then all others are to be told how far this member is, and what it has said.
    pub(crate) fn repair(&mut self, turn: &mut Turn<'_>, certified: model::Height) -> bool {
        let now = turn.now.timer;
        if !self.is_busy() {
            self.standstill.since = None;
            self.beat(turn, certified);
            return false;
        }
        let since = *self.standstill.since.get_or_insert(now);
        if injected::makes(Mistake::NeverRepeats) {
            return false;
        }
        if now.since_ms(since) < self.pace.standstill_ms {
            return false;
        }
        self.standstill.since = Some(now);
        true
    }

    /// Tells one other, each in turn, how far this member is.
    fn beat(&mut self, turn: &mut Turn<'_>, certified: model::Height) {
        let now = turn.now.timer;
        let last = *self.standstill.heartbeat.get_or_insert(now);
        if now.since_ms(last) >= self.pace.heartbeat_ms {
            self.standstill.heartbeat = Some(now);
            self.standstill.turns += 1;
            let others = turn.member.others();
            let to = others[self.standstill.turns % others.len()];
            turn.send(to, Message::Status(self.status(certified)));
        }
    }

    /// When to call [`Bft::repair`] next.
    pub(super) fn repair_deadline(&self) -> Option<Time> {
        if self.is_busy() {
            let since = self.standstill.since?;
            Some(since.plus_ms(self.pace.standstill_ms))
        } else {
            let last = self.standstill.heartbeat?;
            Some(last.plus_ms(self.pace.heartbeat_ms))
        }
    }

    /// What this member has said in open slots, to be said again. Nothing is signed here.
    pub(crate) fn said(&self, seat: Seat) -> Vec<Message> {
        let mut messages = Vec::new();
        if let Some((_, certificate)) = self.highest_notarized().and_then(|block| {
            self.slots
                .get(&block.slot)?
                .certificates
                .notarization
                .as_ref()
        }) {
            messages.push(Message::Certificate(certificate.clone()));
        }
        for (slot, state) in self.slots.iter().rev().take(REPEATED_SLOTS) {
            if state.proposed {
                let own = state.candidates.keys().map(|hash| model::block::BlockRef {
                    slot: *slot,
                    hash: *hash,
                });
                messages.extend(
                    own.filter_map(|name| self.proposal(&name))
                        .map(Message::Proposal),
                );
            }
            for vote in state.own.cast() {
                if let Some(signature) = state.votes.signature(seat, vote) {
                    messages.push(Message::Vote(SignedVote {
                        slot: *slot,
                        vote,
                        signature,
                    }));
                }
            }
        }
        messages
    }

    /// A link to a member came up: what it was answered before may be lost.
    pub(crate) fn on_link_up(&mut self, other: Seat) {
        self.answers.forget(other);
    }

    /// A member told how far it is: send what it lacks. Whether it is to be answered now.
    pub(crate) fn on_status(&mut self, turn: &mut Turn<'_>, from: Seat, status: Status) -> bool {
        let theirs = status
            .finalization
            .as_ref()
            .map_or(Slot::ZERO, |certificate| slot_of(certificate.statement));
        if let Some(certificate) = status.finalization {
            self.on_certificate(turn, from, certificate);
        }
        if !self.answers.may_answer(turn.now, from, Topic::Status) {
            return false;
        }
        if theirs < self.tip.block.slot {
            self.send_finalization(turn, from);
        }
        self.send_certificates(turn, from, status.frontier, self.frontier);
        true
    }
}

const fn slot_of(statement: model::Statement) -> Slot {
    match statement {
        model::Statement::Proposal { slot, .. } | model::Statement::Vote { slot, .. } => slot,
        model::Statement::Head { .. } | model::Statement::Succession { .. } => Slot::ZERO,
    }
}
