//! What a replica does because time has passed, and when.

use std::sync::Arc;

use model::{Time, bounds};

use super::pool::FOUND_AFTER_MS;
use super::{Output, Replica};
use crate::message::Message;
use crate::time::Now;

/// Transactions that one repetition passes on. Enough to get a shard going again; the rest follows
/// in the next ones.
const REPEATED: usize = 64;

impl Replica {
    /// Repeats what may have been lost, when it is time to.
    pub(super) fn repair(&mut self, now: Now, out: &mut Vec<Output>) {
        let (turn, bft, heads) = &mut self.parts(now, out);
        let stuck = heads.repair(now.timer, bft.patience_ms());
        let standstill = bft.repair(turn, heads.certified());
        if !stuck && !standstill {
            return;
        }
        if stuck {
            heads.fetch(turn);
        }
        turn.broadcast(Message::Status(bft.status(heads.certified())));
        let oldest = self.oldest(REPEATED);
        let said: Vec<Message> = self.said().chain(oldest).collect();
        for message in said {
            out.push(Output::Broadcast(Arc::new(message)));
        }
    }

    /// When to act again without any input; `None` if only input can change anything.
    pub(super) fn deadline(&self, now: Now) -> Option<Time> {
        self.bft
            .deadlines(&self.member)
            .chain(self.heads.deadline(self.bft.patience_ms()))
            .chain(self.member.recall.deadline())
            .chain(self.mempool.next_rouse())
            .chain(self.inbox.deadline())
            .chain(self.courier.deadline())
            .chain(
                self.founded
                    .values()
                    .map(|since| since.plus_ms(FOUND_AFTER_MS)),
            )
            .chain(self.alarm(now))
            .filter(|deadline| *deadline > now.timer)
            .min()
    }

    /// When something will be due in the ledger: what the timer shows when the clock shows block time.
    /// What is due already is work, and the agreement has clocks of its own for that.
    fn alarm(&self, now: Now) -> Option<Time> {
        let alarm = self
            .ledger
            .next_alarm()
            .filter(|alarm| *alarm >= now.clock)?;
        Some(now.timer.plus_ms(alarm.since_ms(now.clock) + 1))
    }

    /// Drops what waits in vain, now and then.
    pub(super) fn sweep(&mut self, now: Now) {
        /// How often, in milliseconds. It costs a look at each waiting transaction.
        const INTERVAL_MS: u64 = 1_000;
        if now.timer.since_ms(self.swept) >= INTERVAL_MS {
            self.swept = now.timer;
            let late = now.clock.as_ms().saturating_sub(bounds::CLOCK_TOLERANCE_MS);
            self.mempool.drop_expired(Time::from_ms(late));
            self.inbox.drop_stale(now.timer);
        }
    }
}
