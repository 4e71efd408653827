//! A member whose operator restores an old backup of its disk, several times: all that it wrote since
//! then is gone, and it goes on in good faith from there. Some backups are empty.
//!
//! It may sign what contradicts what it signed before and has forgotten. What stops it: a member that
//! has started asks the others what it has signed before it signs anything. Half of these liars ask
//! nobody; then what stops it is that such a member is one of the `f`, and quorums hold without it.

use std::sync::Arc;

use consensus::Message;
use consensus::message::Reminder;
use model::shard::Seat;
use model::{Time, encoding};

use super::puppet::{Puppet, Saying, Telling};
use super::{Adversary, Kind};
use crate::simulation::{Alarm, Around, Effect, Frame, Happening, Purpose, Random};

/// How long after one backup the next is restored, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 300..=3_000;

/// Backups that are restored in a run, at most.
const BACKUPS_MAX: u32 = 8;

/// How many of a thousand backups are empty.
const EMPTY: u64 = 150;

/// The holder of the operator's alarms.
const OPERATOR: u8 = 1;

/// See the module.
pub(super) struct OldBackup {
    puppet: Puppet,
    random: Random,
    /// Whether it asks nobody what it has signed.
    heedless: bool,
    is_up: bool,
    backups: u32,
    lies: u64,
}

impl OldBackup {
    /// The member on `seat`.
    pub(super) fn new(seat: Seat, random: &mut Random) -> Self {
        Self {
            puppet: Puppet::new(seat),
            random: random.fork(),
            heedless: random.chance(500),
            is_up: false,
            backups: 0,
            lies: 0,
        }
    }

    /// The member stops, and an old backup takes the place of its log.
    fn restore(&mut self, around: &mut Around<'_>) {
        if self.backups == BACKUPS_MAX {
            return;
        }
        self.backups += 1;
        let length = self.puppet.log_length();
        let kept = match self.random.chance(EMPTY) {
            true => 0,
            false => self.random.index(length + 1),
        };
        // Only what it promised can be contradicted.
        if self.puppet.promises_after(kept) > 0 {
            self.lies += 1;
        }
        self.puppet.cut_log(kept);
        self.is_up = false;
        around.effects.push(Effect::Crashed);
    }

    fn begin(&mut self, around: &mut Around<'_>) -> Vec<Saying> {
        if self.is_up {
            return Vec::new();
        }
        self.is_up = true;
        let alarm = Alarm {
            holder: OPERATOR,
            life: 0,
            purpose: Purpose::Scheme,
        };
        let pause = self.random.within(&PAUSE_MS);
        around.wake(around.now.plus_ms(pause), alarm);
        self.puppet.begin(around)
    }

    fn say(&mut self, around: &mut Around<'_>, sayings: Vec<Saying>) {
        for Saying { to, message } in sayings {
            if let (true, Message::Recall(asked)) = (self.heedless, &*message) {
                self.forget(around, &to, *asked);
                continue;
            }
            let epoch = self.puppet.epoch(around);
            let bytes: Arc<[u8]> = message.encode_in(epoch).into();
            for seat in to {
                around.send(seat, Frame::Message(Arc::clone(&bytes)));
            }
        }
    }

    /// Lets the replica believe that everybody answered that it has signed nothing.
    fn forget(&mut self, around: &mut Around<'_>, others: &[Seat], asked: Time) {
        let epoch = self.puppet.epoch(around);
        for other in others {
            let nothing = Message::Reminder(Reminder {
                asked,
                finalization: None,
                signed: Vec::new(),
            });
            let sayings = self.puppet.hear(around, *other, epoch, nothing);
            self.say(around, sayings);
        }
    }

    fn arrived(&mut self, around: &mut Around<'_>, from: Seat, frame: &Frame) -> Vec<Saying> {
        match frame {
            Frame::Message(bytes) => match Message::decode_in(bytes) {
                Ok((epoch, message)) => self.puppet.hear(around, from, epoch, message),
                Err(_) => Vec::new(),
            },
            Frame::Ask { number, bytes } => {
                if let Some(blocks) = self.puppet.answer(bytes) {
                    let (number, bytes) = (*number, encoding::encode(&blocks).into());
                    around.send(from, Frame::Answer { number, bytes });
                }
                Vec::new()
            }
            Frame::Answer { number, bytes } => self.puppet.answered(around, from, *number, bytes),
        }
    }
}

impl Adversary for OldBackup {
    fn name(&self) -> &'static str {
        Kind::OldBackup.name()
    }

    fn lies(&self) -> u64 {
        self.lies
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        let sayings = match happening {
            Happening::Begin => self.begin(around),
            _ if !self.is_up => Vec::new(),
            Happening::Alarm(alarm) if alarm.holder == OPERATOR => {
                self.restore(around);
                Vec::new()
            }
            Happening::Alarm(alarm) => self.puppet.alarm(around, alarm),
            Happening::Arrived { from, frame } => self.arrived(around, from, &frame),
            Happening::Letter { from, bytes } => self.puppet.letter(around, from, &bytes),
            Happening::LinkUp(seat) => self.puppet.link_up(around, seat),
            Happening::Submitted(bytes) => self.puppet.submitted(around, &bytes),
            Happening::Learn(changes) => self.puppet.learn(around, &changes),
            Happening::Invited | Happening::Approve(_) | Happening::Leaked(_) => Vec::new(),
        };
        self.say(around, sayings);
        for Telling { shard, to, letter } in self.puppet.take_mail() {
            around.tell(shard, to, letter.encode().into());
        }
    }
}
