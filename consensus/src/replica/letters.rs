//! What members of other shards tell this one, and what it tells them.

use std::sync::Arc;

use model::shard::Seat;
use model::{Delivery, HeadCertificate, Malpractice, NodeId, ShardId, SignedHead, TransactionId};

use super::{Contradiction, Output, Replica};
use crate::action::ParcelKey;
use crate::bft::report;
use crate::sbac::courier::Mail;
use crate::sbac::letter::{AdmittedLetter, Letter, transactions};
use crate::time::Now;

/// How long a transaction that this shard decides rests before it is begun without a vote, in
/// milliseconds of the timer. Usually the first vote is there long before, and beginning and deciding
/// are one block.
pub(super) const REST_MS: u64 = 1_000;

impl Replica {
    /// A member of another shard told this member something.
    pub(super) fn on_letter(
        &mut self,
        now: Now,
        shard: ShardId,
        seat: Seat,
        letter: AdmittedLetter,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        match letter {
            AdmittedLetter::Deliver(deliveries) => {
                let mut lacking = Vec::new();
                for delivery in deliveries {
                    self.compare(&delivery, out);
                    lacking.extend(self.take_delivery(now, delivery));
                }
                if !lacking.is_empty() {
                    lacking.sort_unstable();
                    lacking.dedup();
                    answer(shard, seat, Letter::Ask(lacking), out);
                }
            }
            AdmittedLetter::Unproven { signed, reason: _ } => self.compare_alone(&signed, out),
            AdmittedLetter::Ask(asked) => {
                let bodies = asked.iter().filter_map(|id| self.body(id)).collect();
                for letter in transactions(bodies) {
                    answer(shard, seat, letter, out);
                }
            }
            AdmittedLetter::Transactions(transactions) => {
                for transaction in transactions {
                    self.take_in(now, &transaction);
                }
            }
            AdmittedLetter::Changes(changes) => {
                for change in &changes {
                    self.learn(now, change, None, out)?;
                }
            }
            AdmittedLetter::AskChanges { shard: of, known } => {
                let changes = self.changes(of, known);
                if !changes.is_empty() {
                    answer(shard, seat, Letter::Changes(changes), out);
                }
            }
            AdmittedLetter::Ahead { shard: of, known } => {
                answer(shard, seat, Letter::AskChanges { shard: of, known }, out);
            }
        }
        Ok(())
    }

    /// Reports the members of other shards that have said something else before than this delivery, which
    /// a member of theirs brings. What was sequenced is not gone through again, but for its heads: the
    /// other head of a height passes for a copy of the first one.
    fn compare(&mut self, delivery: &Arc<Delivery>, out: &mut Vec<Output>) {
        let mut suspects = self.testimony.hear_heads(delivery, self.member.known());
        if !self.inbox.knows(delivery, &self.ledger) {
            suspects.extend(self.testimony.hear(delivery, self.member.known()));
        }
        self.report(suspects, out);
    }

    /// As [`Replica::compare`], for a delivery of a block: it may have come to other members alone.
    pub(super) fn compare_sequenced(&mut self, delivery: &Arc<Delivery>, out: &mut Vec<Output>) {
        let known = self.member.known();
        let mut suspects = self.testimony.hear_heads(delivery, known);
        suspects.extend(self.testimony.hear(delivery, known));
        self.report(suspects, out);
    }

    /// Reports members of other shards that have signed, by themselves, what their shard has not.
    fn compare_alone(&mut self, signed: &[(NodeId, SignedHead)], out: &mut Vec<Output>) {
        for (node, head) in signed {
            let known = self.member.known();
            let suspect = self.testimony.hear_alone(node, *head, known);
            self.report(suspect, out);
        }
    }

    /// A shard has begun an epoch: reports those who went on in the one before, by themselves.
    pub(super) fn compare_ended(&mut self, shard: ShardId, out: &mut Vec<Output>) {
        let suspects = self.testimony.change(shard, self.member.known());
        self.report(suspects, out);
    }

    /// Reports these, as far as there is something to it.
    pub(super) fn report(
        &mut self,
        suspects: impl IntoIterator<Item = Malpractice>,
        out: &mut Vec<Output>,
    ) {
        for record in suspects {
            report(&mut self.member, record, out);
        }
    }

    /// Takes a delivery in. The transactions that it brings votes on and that are not here.
    fn take_delivery(&mut self, now: Now, delivery: Arc<Delivery>) -> Vec<TransactionId> {
        let time = now.clock.max(self.ledger.tip.time.plus_ms(1));
        let mempool = &self.mempool;
        let has = |id: &TransactionId| mempool.contains(id);
        let arrived = self
            .inbox
            .insert(delivery, &self.ledger, has, time, now.timer);
        for id in &arrived.voted_on {
            self.mempool.rouse(id);
        }
        arrived.lacking
    }

    /// A transaction that waits or is under way here.
    fn body(&self, id: &TransactionId) -> Option<model::Transaction> {
        let session = self.ledger.state.sessions.get(id);
        let under_way = session.map(|session| &session.transaction);
        let found = under_way.or_else(|| self.mempool.get(id))?;
        Some(found.transaction().clone())
    }

    /// Enough members have signed these heads for others to believe them.
    pub(super) fn carry(&mut self, heads: &[HeadCertificate], out: &mut Vec<Output>) {
        let seat = self.member.seat().index();
        for head in heads {
            let committee = self.member.committee();
            let mail = self.courier.certified(head, seat, committee, &self.ledger);
            tell_all(mail, out);
        }
    }

    /// Sends transactions to those who should have voted on them.
    pub(super) fn remind_voters(&mut self, now: Now, out: &mut Vec<Output>) {
        let seat = self.member.seat().index();
        let committee = self.member.committee();
        let mail = self
            .courier
            .remind(now.timer, seat, committee, &self.ledger);
        tell_all(mail, out);
    }

    /// Looks anew at what waits of other shards, after a block that had these deliveries.
    pub(super) fn review_inbox(&mut self, now: Now, sequenced: &[ParcelKey]) {
        let mempool = &self.mempool;
        let has = |id: &TransactionId| mempool.contains(id);
        self.inbox
            .applied(sequenced.iter(), &self.ledger, has, now.timer);
    }
}

fn answer(shard: ShardId, seat: Seat, letter: Letter, out: &mut Vec<Output>) {
    let (to, letter) = (Some(seat), Arc::new(letter));
    out.push(Output::Tell { shard, to, letter });
}

fn tell_all(mail: Mail, out: &mut Vec<Output>) {
    for (shard, letter) in mail {
        let letter = Arc::new(letter);
        let to = None;
        out.push(Output::Tell { shard, to, letter });
    }
}
