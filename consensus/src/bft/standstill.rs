//! Standstill repair and heartbeats (rule 8): what makes up for lost messages.
//!
//! Egress is bounded: a member repeats its own votes and proposals to all, tells how far it is, and
//! sends certificates only to those whose status shows that they lack them.

use model::Time;
use model::shard::Seat;
use model::statement::Slot;

use super::{Bft, Turn, WINDOW};
use crate::message::{Message, SignedVote, Status};
use crate::time::Now;

/// When this member last got further, and when it last spoke without news.
#[derive(Debug, Default)]
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
    /// Repeats what may have been lost, when it is time to. Returns whether it is a standstill.
    pub(crate) fn repair(&mut self, turn: &mut Turn<'_>, busy: bool, certified: model::Height) -> bool {
        let now = turn.now.timer;
        if !busy {
            self.standstill.since = None;
            let last = *self.standstill.heartbeat.get_or_insert(now);
            if now.since_ms(last) >= self.pace.heartbeat_ms {
                self.standstill.heartbeat = Some(now);
                self.standstill.turns += 1;
                let others = turn.member.others();
                let to = others[self.standstill.turns % others.len()];
                turn.send(to, Message::Status(self.status(certified)));
            }
            return false;
        }
        let since = *self.standstill.since.get_or_insert(now);
        if now.since_ms(since) < self.pace.standstill_ms {
            return false;
        }
        self.standstill.since = Some(now);
        turn.broadcast(Message::Status(self.status(certified)));
        self.repeat(turn);
        true
    }

    /// When to call [`Bft::repair`] next.
    pub(super) fn repair_deadline(&self, busy: bool) -> Option<Time> {
        if busy {
            let since = self.standstill.since?;
            Some(since.plus_ms(self.pace.standstill_ms))
        } else {
            let last = self.standstill.heartbeat?;
            Some(last.plus_ms(self.pace.heartbeat_ms))
        }
    }

    /// Says again what this member has said in open slots. Nothing new is signed here.
    pub(crate) fn repeat(&mut self, turn: &mut Turn<'_>) {
        let seat = turn.member.seat();
        let mut messages = Vec::new();
        for (slot, state) in &self.slots {
            if state.proposed {
                let own = state.candidates.keys().map(|hash| model::block::BlockRef {
                    slot: *slot,
                    hash: *hash,
                });
                messages.extend(own.filter_map(|name| self.proposal(&name)).map(Message::Proposal));
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
        for message in messages {
            turn.broadcast(message);
        }
    }

    /// A member told how far it is: send what it lacks.
    pub(crate) fn on_status(&mut self, turn: &mut Turn<'_>, from: Seat, status: Status) {
        let theirs = status
            .finalization
            .as_ref()
            .map_or(Slot::ZERO, |certificate| slot_of(certificate.statement));
        if let Some(certificate) = status.finalization {
            self.on_certificate(turn, from, certificate);
        }
        if let Some(finalization) = &self.finalization
            && slot_of(finalization.statement) > theirs
        {
            turn.send(from, Message::Certificate(finalization.clone()));
        }
        if status.frontier < self.frontier {
            let last = Slot::new(status.frontier.number().saturating_add(WINDOW));
            self.on_certificates_request(turn, from, status.frontier, last.min(self.frontier));
        }
    }
}

const fn slot_of(statement: model::Statement) -> Slot {
    match statement {
        model::Statement::Proposal { slot, .. } | model::Statement::Vote { slot, .. } => slot,
        model::Statement::Head { .. } => Slot::ZERO,
    }
}
