//! What the lines of the journal come to.

use std::collections::BTreeMap;

use model::{Height, ObjectId, ShardId, Time, Transaction, TransactionId};

use super::line::{Closed, Intent, Line, transaction};
use crate::connection::Heights;

/// Closed attempts that survive when the file is written anew, for whoever asks about them.
const KEPT_CLOSED: usize = 32;

/// Lines that may be out of date before the file is written anew.
const OBSOLETE_MAX: usize = 64;

/// A transaction that this wallet has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Its identifier.
    pub(crate) id: TransactionId,
    /// The first transaction of the payment that this one is an attempt at. All open attempts at a
    /// payment consume an object in common, so at most one of them can commit.
    pub(crate) payment: TransactionId,
    /// What the user wants.
    pub(crate) intent: Intent,
    /// When it was made.
    pub(crate) created: Time,
    /// The transaction.
    pub(crate) transaction: Transaction,
    /// What became of it; `None` while that is not known.
    pub(crate) closed: Option<Closed>,
}

/// Everything that is recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// The highest block of each shard whose proof has been seen.
    pub(crate) seen: Heights,
    /// All attempts that are remembered, oldest first.
    pub(crate) attempts: Vec<Attempt>,
    /// How many lines the file has.
    lines: usize,
}

impl State {
    /// Adds what a line after the first says.
    pub(super) fn add(&mut self, line: Line) -> Result<(), String> {
        self.lines += 1;
        match line {
            Line::Journal { .. } => return Err("a second first line".to_owned()),
            Line::Begun {
                id,
                payment,
                intent,
                created,
                transaction: bytes,
            } => self.attempts.push(Attempt {
                id,
                payment,
                intent,
                created,
                transaction: transaction(&id, &bytes)?,
                closed: None,
            }),
            Line::Closed { id, state } => {
                let mut attempts = self.attempts.iter_mut();
                let attempt = attempts.find(|attempt| attempt.id == id);
                attempt.ok_or("a transaction that was never begun")?.closed = Some(state);
            }
            Line::Seen { shard, height } => {
                let seen = self.seen.entry(shard).or_default();
                *seen = height.max(*seen);
            }
        }
        Ok(())
    }

    /// The payments with open attempts, with these attempts.
    pub(super) fn open_payments(&self) -> BTreeMap<TransactionId, Vec<Attempt>> {
        let mut payments: BTreeMap<TransactionId, Vec<Attempt>> = BTreeMap::new();
        for attempt in self
            .attempts
            .iter()
            .filter(|attempt| attempt.closed.is_none())
        {
            let payment = payments.entry(attempt.payment).or_default();
            payment.push(attempt.clone());
        }
        payments
    }

    /// The objects that open attempts consume whose deadlines, by the clock `is_over`, may not be
    /// over.
    pub(crate) fn held(
        &self,
        is_over: impl Fn(&Transaction) -> bool,
    ) -> BTreeMap<ObjectId, TransactionId> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.closed.is_none() && !is_over(&attempt.transaction))
            .flat_map(|attempt| {
                let openings = attempt.transaction.openings.iter();
                openings.map(|object| (object.id(), attempt.id))
            })
            .collect()
    }

    /// The lines for what is not recorded already. Where an attempt is committed, the others at the
    /// same payment can never be: they consume an object in common.
    pub(super) fn news(
        &self,
        closed: Option<(TransactionId, Closed)>,
        seen: &BTreeMap<ShardId, Height>,
    ) -> Vec<Line> {
        let open: Vec<&Attempt> = self
            .attempts
            .iter()
            .filter(|attempt| attempt.closed.is_none())
            .collect();
        let this = closed.and_then(|(id, state)| {
            let this = open.iter().find(|attempt| attempt.id == id)?;
            Some((this, state))
        });
        let mut lines = Vec::new();
        if let Some((this, state)) = this {
            lines.push(Line::Closed { id: this.id, state });
            let others = open.iter().filter(|other| {
                state == Closed::Committed && other.payment == this.payment && other.id != this.id
            });
            lines.extend(others.map(|other| Line::Closed {
                id: other.id,
                state: Closed::Abandoned,
            }));
        }
        let is_higher = |(shard, height): &(&ShardId, &Height)| {
            self.seen.get(shard).is_none_or(|known| known < height)
        };
        let seen = seen
            .iter()
            .filter(is_higher)
            .map(|(shard, height)| Line::Seen {
                shard: *shard,
                height: *height,
            });
        lines.extend(seen);
        lines
    }

    /// The lines that say what is worth remembering, if the file has many more.
    pub(super) fn compacted(&self) -> Option<Vec<Line>> {
        let closed = self.attempts.iter().filter(|a| a.closed.is_some()).count();
        let mut forget = closed.saturating_sub(KEPT_CLOSED);
        let mut lines = Vec::new();
        for attempt in &self.attempts {
            if attempt.closed.is_some() && forget > 0 {
                forget -= 1;
                continue;
            }
            lines.push(Line::begun(attempt));
            if let Some(state) = attempt.closed {
                let id = attempt.id;
                lines.push(Line::Closed { id, state });
            }
        }
        for (shard, height) in &self.seen {
            lines.push(Line::Seen {
                shard: *shard,
                height: *height,
            });
        }
        (self.lines > lines.len() + OBSOLETE_MAX).then_some(lines)
    }
}
