//! What keeps a member that has started from signing what contradicts its signatures of before.
//!
//! A log that is intact knows everything that was signed. But a disk may have been restored from an
//! old copy, or lost, and a member cannot see that in what it has. So it asks the others what they
//! hold that it has signed, and signs nothing until a quorum, itself included, has answered: without
//! one nothing could be decided anyhow. Answers are the signed statements themselves, so that a liar
//! can invent none. If one is not in the log, the member has forgotten it, and abstains from all
//! slots up to it.
//!
//! An intact log is never contradicted, so an ordinary start costs one round trip.
//!
//! Deviation: D-7.

use std::collections::{BTreeMap, BTreeSet};

use model::Time;
use model::shard::Seat;
use model::statement::Slot;

use crate::injected::{self, Mistake};
use crate::time::Now;

/// How long a member waits for answers before it asks again, in milliseconds.
const ASK_AGAIN_MS: u64 = 250;

/// What a member knows about what it may sign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    question: Option<Question>,
    /// It signs nothing in slots up to this one.
    through: Slot,
    /// What others asked last. Their links may have come up too late for the answers.
    asked: BTreeMap<Seat, Time>,
}

/// The question of a member that has started, and who has answered it.
#[derive(Clone, Debug)]
struct Question {
    /// Names the question: the time of day at which it was asked first. An answer to one that an
    /// earlier life asked says nothing.
    name: Time,
    /// When it was asked last.
    last: Time,
    answered: BTreeSet<Seat>,
    /// Whether enough have answered.
    settled: bool,
}

impl Recall {
    /// The member starts: it signs nothing from now on. The name of its question, for all others.
    pub(crate) fn begin(&mut self, now: Now) -> Time {
        self.question = Some(Question {
            name: now.clock,
            last: now.timer,
            answered: BTreeSet::new(),
            settled: false,
        });
        now.clock
    }

    /// Whether the member knows what it has signed, as far as the others do.
    pub(crate) fn is_awake(&self) -> bool {
        self.question
            .as_ref()
            .is_none_or(|question| question.settled || injected::makes(Mistake::AsksNobody))
    }

    /// Whether the member may sign a vote or a proposal in this slot.
    pub(crate) fn may_sign(&self, slot: Slot) -> bool {
        self.is_awake() && slot > self.through
    }

    /// The last slot in which the member signs nothing.
    pub(crate) const fn through(&self) -> Slot {
        self.through
    }

    /// From now on the member signs nothing in slots up to this one.
    pub(crate) fn abstain(&mut self, through: Slot) {
        if !injected::makes(Mistake::AsksNobody) {
            self.through = self.through.max(through);
        }
    }

    /// What to ask this member, unless it has answered. It is asked even when enough others have
    /// answered: it may hold what they do not.
    pub(crate) fn question_for(&self, seat: Seat) -> Option<Time> {
        let question = self.question.as_ref()?;
        (!question.answered.contains(&seat)).then_some(question.name)
    }

    /// Whether this is the first answer of a member to the question that was asked.
    pub(crate) fn is_answer(&self, from: Seat, name: Time) -> bool {
        self.question_for(from) == Some(name)
    }

    /// A member has answered, and what it says has been taken in. Whether that wakes this member.
    pub(crate) fn answered(&mut self, from: Seat, quorum: usize) -> bool {
        let Some(question) = &mut self.question else {
            return false;
        };
        question.answered.insert(from);
        let before = question.settled;
        question.settled |= question.answered.len() + 1 >= quorum;
        question.settled && !before
    }

    /// When to ask again.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let question = self.question.as_ref()?;
        (!question.settled).then(|| question.last.plus_ms(ASK_AGAIN_MS))
    }

    /// The question, if it is time to ask it again.
    pub(crate) fn ask_again(&mut self, now: Now) -> Option<Time> {
        let due = self
            .deadline()
            .is_some_and(|deadline| deadline <= now.timer);
        let question = self.question.as_mut().filter(|_| due)?;
        question.last = now.timer;
        Some(question.name)
    }

    /// Another member asks.
    pub(crate) fn note_question(&mut self, from: Seat, name: Time) {
        self.asked.insert(from, name);
    }

    /// What another member asked last.
    pub(crate) fn question_of(&self, seat: Seat) -> Option<Time> {
        self.asked.get(&seat).copied()
    }
}
