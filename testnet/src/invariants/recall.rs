//! A node that begins, or enters an epoch, makes no new promise there before so many members have told it what it signed before
//! that they are a quorum with itself.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::{Admitted, Message, Record};
use model::Time;
use model::shard::Seat;

use super::{Judge, Sighting, What};

/// What a node that began has asked, and who has answered.
#[derive(Default)]
struct Question {
    name: Option<Time>,
    answered: BTreeSet<Seat>,
}

/// See the module.
#[derive(Default)]
pub struct Recall {
    questions: BTreeMap<Seat, Question>,
}

impl Judge for Recall {
    fn rule(&self) -> &'static str {
        "recall"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        let question = self.questions.entry(sighting.seat).or_default();
        match sighting.what {
            What::Began { .. }
            | What::Written {
                record: Record::Change(_),
                ..
            } => *question = Question::default(),
            What::Sent {
                message: Message::Recall(name),
                ..
            } => question.name = Some(*name),
            What::Heard {
                from,
                message: Admitted::Reminder(reminder),
                ..
            } if question.name == Some(reminder.asked) => {
                question.answered.insert(*from);
            }
            What::Written {
                record: record @ (Record::Vote { .. } | Record::Head(_)),
                ..
            } if question.answered.len() < sighting.roll.others(sighting.epoch) => {
                let answered = question.answered.len();
                return Err(format!("wrote {record:?} after {answered} answers"));
            }
            _ => {}
        }
        Ok(())
    }
}
