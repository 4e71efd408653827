//! Certificates: forming them, taking them in, and the frontier that they move (rules 1 and 7).

use model::Certificate;
use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};

use super::answers::Topic;
use super::{Bft, Turn, WINDOW};
use crate::injected::{self, Mistake};
use crate::message::Message;
use crate::record::Record;

/// Slots of which one request for certificates is answered.
const ANSWER_SLOTS: u64 = WINDOW;

impl Bft {
    /// A certificate that somebody sent. It is checked only if it says something new.
    pub(crate) fn on_certificate(
        &mut self,
        turn: &mut Turn<'_>,
        from: Seat,
        certificate: Certificate,
    ) {
        let Statement::Vote { slot, vote } = certificate.statement else {
            return;
        };
        let open = self.is_open(slot, WINDOW);
        let known = self
            .slots
            .get(&slot)
            .is_some_and(|state| state.certificates.has(vote));
        // A finalization from far ahead says that there are blocks to fetch.
        let beyond = matches!(vote, Vote::Finalize(_))
            && slot > self.tip.block.slot
            && self.catch_up.is_beyond(slot);
        if known || !(open || beyond) || !turn.member.verify_certificate(&certificate) {
            return;
        }
        if let Vote::Finalize(hash) = vote {
            self.catch_up.heard(from, BlockRef { slot, hash });
        }
        if !open {
            return;
        }
        for (seat, signature) in &certificate.signatures {
            self.count(turn, *seat, (slot, vote), *signature, true);
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

    fn keep(
        &mut self,
        turn: &mut Turn<'_>,
        slot: Slot,
        vote: Vote,
        certificate: Certificate,
        say: bool,
    ) {
        turn.persist(Record::Certificate(certificate.clone()));
        if say {
            turn.broadcast(Message::Certificate(certificate.clone()));
        }
        let state = self.slots.entry(slot).or_default();
        state.certificates.keep(vote, certificate);
    }

    /// Moves the frontier over cleared slots (rule 1). Whether it moved.
    pub(super) fn move_frontier(&mut self) -> bool {
        let before = self.frontier;
        let finalized = self
            .slots
            .iter()
            .rev()
            .find(|(_, state)| state.certificates.is_final())
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
    pub(crate) fn on_certificates_request(
        &mut self,
        turn: &mut Turn<'_>,
        from: Seat,
        first: Slot,
        last: Slot,
    ) {
        if !self.answers.may_answer(turn.now, from, Topic::Certificates) {
            return;
        }
        if first <= self.tip.block.slot {
            self.send_finalization(turn, from);
        }
        self.send_certificates(turn, from, first, last);
    }

    /// Sends the last finalization to one member.
    pub(super) fn send_finalization(&self, turn: &mut Turn<'_>, to: Seat) {
        if let Some(finalization) = &self.finalization {
            turn.send(to, Message::Certificate(finalization.clone()));
        }
    }

    /// Sends to one member the certificates of these slots, as far as they are not final.
    pub(super) fn send_certificates(&self, turn: &mut Turn<'_>, to: Seat, first: Slot, last: Slot) {
        if injected::makes(Mistake::KeepsCertificates) {
            return;
        }
        let limit = Slot::new(first.number().saturating_add(ANSWER_SLOTS));
        let last = last.min(limit);
        if first > last {
            return;
        }
        for state in self.slots.range(first..=last).map(|(_, state)| state) {
            for certificate in state.certificates.iter() {
                turn.send(to, Message::Certificate(certificate.clone()));
            }
        }
    }
}
