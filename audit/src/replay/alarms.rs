//! What becomes due without anything being heard: deadlines, and promises that came to nothing.
//!
//! ```text
//!   open        the deadline is over -> aborted, announced
//!   prepared    its time is over     -> votes again, to all who decide
//!   announced   its time is over     -> decides again, to those who have not done it
//! ```
//!
//! In the first block of an epoch the time of all promises is over: what was promised in the epoch before
//! is taken by nobody any more who has not heard it.

use model::bounds::ALARMS_MAX;
use model::{AbortReason, Promise, Time, TransactionId, Verdict};

use super::state::{Stage, State, Votes, pause_ms};

impl State {
    /// An epoch begins after the last block: what has been promised is due at once.
    pub(super) fn promise_again(&mut self) {
        for session in self.sessions.values_mut() {
            if !matches!(session.stage, Stage::Open { heard: _ }) {
                (session.due, session.repeats) = (self.time, 0);
            }
        }
    }

    /// Does what is due, what has been due for the longest time first.
    pub(super) fn alarms(&mut self) {
        let sessions = self.sessions.iter();
        let due = sessions.filter(|(_, session)| session.due < self.time);
        let mut due: Vec<(Time, TransactionId)> =
            due.map(|(id, session)| (session.due, *id)).collect();
        due.sort_unstable();
        for (_, id) in due.iter().take(ALARMS_MAX) {
            self.alarm(id);
        }
    }

    fn alarm(&mut self, id: &TransactionId) {
        let Some(mut session) = self.sessions.remove(id) else {
            return;
        };
        let body = session.transaction.body();
        let about = (*id, body.valid_until);
        match &session.stage {
            Stage::Open { heard: _ } => {
                let verdict = Verdict::Abort(AbortReason::Deadline);
                let nobody = (None, Votes::new());
                self.decide(&session.transaction, session.prepared, verdict, nobody);
                return;
            }
            Stage::Prepared { .. } => {
                let to = self.deciders_of(body);
                self.say(about, to, Promise::Prepared(Verdict::Commit));
            }
            Stage::Announced {
                verdict,
                silent,
                heard: _,
            } => {
                self.say(about, silent.iter().copied(), Promise::Accept(*verdict));
            }
        }
        session.repeats = session.repeats.saturating_add(1);
        session.due = self.time.plus_ms(pause_ms(session.repeats));
        self.sessions.insert(*id, session);
    }
}
