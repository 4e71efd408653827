//! Certificates: forming them, taking them in, and the frontier that they move (rules 1 and 7).

use model::Certificate;
use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};

use super::{Bft, Turn, WINDOW};
use crate::message::Message;
use crate::record::Record;

/// Slots of which one request for certificates is answered.
const ANSWER_SLOTS: u64 = WINDOW;

impl Bft {
    /// A certificate that somebody sent. It is checked only if it says something new.
    pub(crate) fn on_certificate(&mut self, turn: &mut Turn<'_>, from: Seat, certificate: Certificate) {
        let Statement::Vote { slot, vote } = certificate.statement else {
            return;
        };
        if slot <= self.tip.block.slot {
            return;
        }
        let known = self
            .slots
            .get(&slot)
            .is_some_and(|state| state.certificates.has(vote));
        if known || !self.is_wanted(slot, vote) || !turn.member.verify_certificate(&certificate) {
            return;
        }
        if let Vote::Finalize(hash) = vote {
            self.catch_up.heard(from, BlockRef { slot, hash });
        }
        if !self.is_open(slot, WINDOW) {
            // A finalization from far ahead: what it makes final is fetched.
            return;
        }
        // Passing on what one has received keeps members together when a liar sends it to few.
        let news = slot >= self.frontier;
        self.keep(turn, slot, vote, certificate, news);
    }

    /// Forms the certificates for which there are enough votes. Whether there were any.
    pub(super) fn form_certificates(&mut self, turn: &mut Turn<'_>) -> bool {
        let mut formed = Vec::new();
        for (slot, state) in &mut self.slots {
            let certificates = &state.certificates;
            let lacking = |vote| !certificates.has(vote);
            for (vote, certificate) in state.votes.certificates(turn.member, *slot, lacking) {
                formed.push((*slot, vote, certificate));
            }
        }
        let any = !formed.is_empty();
        for (slot, vote, certificate) in formed {
            self.keep(turn, slot, vote, certificate, true);
        }
        any
    }

    fn keep(&mut self, turn: &mut Turn<'_>, slot: Slot, vote: Vote, certificate: Certificate, say: bool) {
        turn.persist(Record::Certificate(certificate.clone()));
        if say {
            turn.broadcast(Message::Certificate(certificate.clone()));
        }
        let state = self.slots.entry(slot).or_default();
        state.certificates.keep(vote, certificate);
    }

    /// Whether a certificate about this slot is of use: a finalization always is.
    fn is_wanted(&self, slot: Slot, vote: Vote) -> bool {
        match vote {
            Vote::Finalize(_) => self.is_open(slot, WINDOW) || self.catch_up.is_beyond(slot),
            Vote::Notarize(_) | Vote::Skip => self.is_open(slot, WINDOW),
        }
    }

    /// Moves the frontier over cleared slots (rule 1). Whether it moved.
    pub(super) fn move_frontier(&mut self) -> bool {
        let before = self.frontier;
        let finalized = self
            .slots
            .iter()
            .rev()
            .find(|(_, state)| state.certificates.finalization.is_some())
            .map(|(slot, _)| slot.next());
        self.frontier = self
            .frontier
            .max(self.tip.block.slot.next())
            .max(finalized.unwrap_or(Slot::ZERO));
        while self
            .slots
            .get(&self.frontier)
            .is_some_and(super::slot::SlotState::is_cleared)
        {
            self.frontier = self.frontier.next();
        }
        let moved = self.frontier != before;
        if moved {
            self.waiting_since = None;
        }
        moved
    }

    /// Somebody lacks what cleared some slots.
    pub(crate) fn on_certificates_request(&self, turn: &mut Turn<'_>, from: Seat, first: Slot, last: Slot) {
        if let Some(finalization) = &self.finalization
            && first <= self.tip.block.slot
        {
            turn.send(from, Message::Certificate(finalization.clone()));
        }
        let limit = Slot::new(first.number().saturating_add(ANSWER_SLOTS));
        if first > last.min(limit) {
            return;
        }
        for state in self.slots.range(first..=last.min(limit)).map(|(_, state)| state) {
            for certificate in state.certificates.iter() {
                turn.send(from, Message::Certificate(certificate.clone()));
            }
        }
    }
}
