//! That the judge tells a node that knows what it signed from one that does not wait to know.

use consensus::message::Reminder;
use consensus::{Admitted, Message, Record};
use model::Time;
use model::statement::{Epoch, Slot, Vote};

use super::Recall;
use crate::invariants::What;
use crate::invariants::testing::{place, refusal, seat, see};
use crate::simulation::Setting;

const NAME: Time = Time::from_ms(5);

fn vote() -> Record {
    Record::Vote {
        slot: Slot::new(1),
        vote: Vote::Skip,
    }
}

fn begin(judge: &mut Recall, setting: &Setting) {
    let began = What::Began {
        ledger: &setting.ledger(),
        durable: place(0),
    };
    see(judge, 0, &began).unwrap();
    let sent = What::Sent {
        epoch: Epoch::ZERO,
        message: &Message::Recall(NAME),
        durable: place(0),
    };
    see(judge, 0, &sent).unwrap();
}

fn answer(judge: &mut Recall, from: usize, asked: Time) {
    let reminder = Reminder {
        asked,
        finalization: None,
        signed: Vec::new(),
    };
    let heard = What::Heard {
        from: seat(from),
        message: &Admitted::Reminder(reminder),
        tip: Slot::ZERO,
    };
    see(judge, 0, &heard).unwrap();
}

#[test]
fn a_promise_before_a_quorum_has_answered_is_refused() {
    let setting = Setting::new(4);
    let mut judge = Recall::default();
    let record = vote();
    let written = What::Written {
        record: &record,
        end: place(200),
    };
    begin(&mut judge, &setting);
    answer(&mut judge, 1, NAME);
    answer(&mut judge, 1, NAME);
    answer(&mut judge, 2, Time::ZERO);
    let how = refusal(&mut judge, 0, &written);
    assert!(how.contains("after 1 answers"), "{how}");
    answer(&mut judge, 2, NAME);
    assert_eq!(see(&mut judge, 0, &written), Ok(()));
    begin(&mut judge, &setting);
    refusal(&mut judge, 0, &written);
}
