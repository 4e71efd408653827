//! How often members are answered, so that a few bytes asked again and again do not cost many said.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use model::Time;
use model::shard::Seat;
use model::statement::Slot;

use crate::time::Now;

/// How soon one member is answered again about one thing, in milliseconds. Honest members ask less
/// often: see `ASK_AGAIN_MS` of catching up.
const ANSWER_AGAIN_MS: u64 = 100;

/// What members ask about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    /// What they lack, given how far they are.
    Status,
    /// The certificates of some slots.
    Certificates,
    /// What they have signed.
    Recall,
    /// The proposal of a slot.
    Proposal(Slot),
}

/// When members were last answered: at most once for each member and topic, and of slots only those
/// that are not final.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    last: BTreeMap<(Topic, Seat), Time>,
}

impl Answers {
    /// Whether it is time to answer a member (again).
    pub(super) fn may_answer(&mut self, now: Now, seat: Seat, topic: Topic) -> bool {
        let early = self
            .last
            .get(&(topic, seat))
            .is_some_and(|when| now.timer.since_ms(*when) < ANSWER_AGAIN_MS);
        if !early {
            self.last.insert((topic, seat), now.timer);
        }
        !early
    }

    /// A member may be answered at once, whenever it was last.
    pub(super) fn forget(&mut self, seat: Seat) {
        self.last.retain(|(_, other), _| *other != seat);
    }

    /// All up to this slot is final.
    pub(super) fn reached(&mut self, slot: Slot) {
        self.last
            .retain(|(topic, _), _| !matches!(topic, Topic::Proposal(of) if *of <= slot));
    }
}
