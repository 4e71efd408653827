//! Whether it makes sense to sequence a promise now.
//!
//! The ledger ignores what makes no sense, so this is not a rule: it keeps blocks from filling with
//! what would be ignored.

use model::bounds::ANSWER_MS;
use model::{Delivery, Leaf, Mode, Promise, ShardId, Time};

use super::participant::speaks;
use super::session::Stage;
use crate::ledger::{Ledger, Role};

/// When to sequence a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hearing {
    /// Never: nothing would come of it.
    Never,
    /// Not before the transaction itself is known.
    Later,
    /// With whatever else there is: nobody waits for it.
    Soon,
    /// At once.
    Now,
}

impl Ledger {
    /// When to sequence a leaf of a delivery, if the next block has the time `time`.
    #[must_use]
    pub fn hearing(&self, delivery: &Delivery, leaf: &Leaf, time: Time) -> Hearing {
        let from = delivery.parcel.from();
        let foreign = self.state.foreign.get(&from);
        // What is of a later epoch is sequenced with the change that begins it.
        let epoch = delivery.parcel.head.head.scope.epoch;
        if foreign.is_some_and(|foreign| foreign.forked || epoch < foreign.epoch) {
            return Hearing::Never;
        }
        let now = match self.state.sessions.get(&leaf.transaction) {
            Some(session) => match (&session.stage, &leaf.promise) {
                (Stage::Open(votes), Promise::Prepared(_)) => {
                    let body = session.transaction.body();
                    body.participants.contains(&from) && !votes.contains_key(&from)
                }
                (Stage::Prepared(held), Promise::Prepared(_)) => {
                    let peers = session.transaction.body().mode == Mode::AllVotes;
                    peers && speaks(session, from) && !held.votes.contains(&from)
                }
                (Stage::Prepared(_), Promise::Accept(verdict)) => {
                    let decider = session.transaction.body().mode == Mode::Decider(from);
                    let justified = !verdict.is_commit() || self.is_justified(session, delivery);
                    decider && justified
                }
                (Stage::Prepared(_), Promise::NoDecision) => speaks(session, from),
                (Stage::Decided { waiting, .. }, Promise::Prepared(_)) => {
                    let again = session.repeats > 0 || self.is_old(session.alarm, time);
                    waiting.contains(&from) && again
                }
                (Stage::Decided { waiting, .. }, Promise::Acknowledged) => {
                    return if waiting.contains(&from) {
                        Hearing::Soon
                    } else {
                        Hearing::Never
                    };
                }
                _ => false,
            },
            None => return self.hearing_of_unknown(from, leaf, time),
        };
        if now { Hearing::Now } else { Hearing::Never }
    }

    /// Whether so much of the time until an alarm is over that the promise may have got lost.
    fn is_old(&self, alarm: Time, time: Time) -> bool {
        alarm.since_ms(time) <= ANSWER_MS
    }

    fn hearing_of_unknown(&self, from: ShardId, leaf: &Leaf, time: Time) -> Hearing {
        if let Some(record) = self.state.decided.get(&leaf.transaction) {
            return match (record.role, &leaf.promise) {
                (Role::Peer { .. }, Promise::Prepared(_)) if record.is_due(time) => Hearing::Now,
                // The shard that decides only wants to forget.
                (_, Promise::Accept(verdict)) if record.acknowledges(from, verdict, time) => {
                    Hearing::Soon
                }
                _ => Hearing::Never,
            };
        }
        let over = time > leaf.valid_until;
        match &leaf.promise {
            // It may be made up, for all that this shard knows. So answers share blocks.
            Promise::Prepared(_) | Promise::Accept(_) if over => Hearing::Soon,
            Promise::Prepared(_) => Hearing::Later,
            Promise::Accept(verdict) if !verdict.is_commit() => {
                let foreign = self.state.foreign.get(&from);
                let noted =
                    foreign.is_some_and(|foreign| foreign.aborted.contains_key(&leaf.transaction));
                if noted { Hearing::Never } else { Hearing::Now }
            }
            Promise::Accept(_) | Promise::NoDecision | Promise::Acknowledged => Hearing::Never,
        }
    }
}
