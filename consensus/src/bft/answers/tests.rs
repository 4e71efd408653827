//! How often the same question is answered.

use model::Time;
use model::statement::Slot;

use super::{ANSWER_AGAIN_MS, Answers, Topic};
use crate::member::tests::seat;
use crate::time::Now;

fn at(ms: u64) -> Now {
    Now::both(Time::from_ms(ms))
}

#[test]
fn a_member_is_answered_once_in_a_while_about_each_thing() {
    let mut answers = Answers::default();
    let proposal = |slot| Topic::Proposal(Slot::new(slot));
    for topic in [Topic::Status, Topic::Certificates, proposal(1), proposal(2)] {
        for index in 0..3 {
            assert!(answers.may_answer(at(7), seat(index), topic));
            assert!(!answers.may_answer(at(7 + ANSWER_AGAIN_MS - 1), seat(index), topic));
            assert!(answers.may_answer(at(7 + ANSWER_AGAIN_MS), seat(index), topic));
        }
    }
}

#[test]
fn nothing_is_kept_of_slots_that_are_final() {
    let mut answers = Answers::default();
    for slot in 0..10 {
        answers.may_answer(at(0), seat(1), Topic::Proposal(Slot::new(slot)));
    }
    answers.may_answer(at(0), seat(1), Topic::Status);
    answers.reached(Slot::new(8));
    assert_eq!(answers.last.len(), 2);
}
