//! A babbler: it says nothing of its own, and everything else. It repeats what others said as if it
//! had said it, changes bytes of it, makes bytes up, and answers questions with any of that.

use std::sync::Arc;

use model::ShardId;
use model::shard::Seat;

use super::{Adversary, Kind};
use crate::simulation::{Alarm, Around, Frame, Happening, Purpose, Random, Setting};

/// How often it speaks, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 10..=400;

/// How many frames of others it remembers.
const REMEMBERED: usize = 64;

/// See the module.
pub(super) struct Babbler {
    others: Vec<Seat>,
    random: Random,
    heard: Vec<Arc<[u8]>>,
    /// Another shard that it has heard of.
    abroad: Option<ShardId>,
    lies: u64,
}

impl Babbler {
    /// A babbler on a seat.
    #[must_use]
    pub(super) fn new(seat: Seat, setting: &Setting, random: &mut Random) -> Self {
        Self {
            others: setting.others(seat).collect(),
            random: random.fork(),
            heard: Vec::new(),
            abroad: None,
            lies: 0,
        }
    }

    fn remember(&mut self, bytes: &Arc<[u8]>) {
        if self.heard.len() < REMEMBERED {
            self.heard.push(Arc::clone(bytes));
        } else {
            let at = self.random.index(REMEMBERED);
            self.heard[at] = Arc::clone(bytes);
        }
    }

    /// Something to say.
    fn words(&mut self) -> Arc<[u8]> {
        let Self { random, heard, .. } = self;
        if heard.is_empty() || random.chance(100) {
            return Arc::from(random.bytes::<48>());
        }
        let said = random.pick(heard);
        if random.chance(400) {
            return Arc::clone(said);
        }
        let mut bytes = said.to_vec();
        for _ in 0..=random.below(3) {
            if !bytes.is_empty() {
                let at = random.index(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
        }
        if random.chance(100) {
            bytes.truncate(random.index(bytes.len() + 1));
        }
        bytes.into()
    }

    fn speak(&mut self, around: &mut Around<'_>) {
        let to = *self.random.pick(&self.others);
        let bytes = self.words();
        self.lies += 1;
        around.send(to, Frame::Message(bytes));
        if let Some(shard) = self.abroad {
            let bytes = self.words();
            around.tell(shard, None, bytes);
        }
        let alarm = Alarm {
            holder: 0,
            life: 0,
            purpose: Purpose::Scheme,
        };
        let pause = self.random.within(&PAUSE_MS);
        around.wake(around.now.plus_ms(pause), alarm);
    }
}

impl Adversary for Babbler {
    fn name(&self) -> &'static str {
        Kind::Babbler.name()
    }

    fn lies(&self) -> u64 {
        self.lies
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        match happening {
            Happening::Begin | Happening::Alarm(_) => self.speak(around),
            Happening::Arrived { from, frame } => {
                self.remember(frame.bytes());
                if let Frame::Ask { number, .. } = frame {
                    let bytes = self.words();
                    around.send(from, Frame::Answer { number, bytes });
                }
            }
            Happening::Letter { from, bytes } => {
                self.remember(&bytes);
                self.abroad = Some(from.shard);
            }
            Happening::LinkUp(_)
            | Happening::Invited
            | Happening::Approve(_)
            | Happening::Learn(_)
            | Happening::Leaked(_)
            | Happening::Submitted(_) => {}
        }
    }
}
