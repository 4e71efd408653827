//! Twins: two correct nodes with one key, each with a part of the shard to talk to.
//!
//! Each follows the protocol, and together they do everything a member can do by signing twice:
//! propose two blocks, vote for both, skip and finalize. Who talks to which of them changes, for all
//! twins of a shard at once, and now and then the network keeps the two sides from each other.
//!
//! Bano, Sonnino, Chursin, Perelman, Li, Ching, Malkhi: Twins, BFT Systems Made Robust (OPODIS 2021).

use model::shard::Seat;

use super::{Adversary, Kind};
use crate::simulation::{
    Alarm, Around, Effect, Frame, Habits, Happening, Node, Purpose, Random, Setting,
};

/// How long a division of the shard lasts, in milliseconds.
const DIVISION_MS: std::ops::RangeInclusive<u64> = 200..=5_000;

/// How many of a thousand divisions the network keeps apart as well.
const APART: u64 = 600;

/// The holder of the twins' own alarm: neither of them.
const NEITHER: u8 = 2;

/// Which of the twins a member talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    First,
    Second,
    Both,
}

impl Side {
    /// Whether a member on this side talks to the twin with this number.
    fn includes(self, twin: usize) -> bool {
        match self {
            Self::First => twin == 0,
            Self::Second => twin == 1,
            Self::Both => true,
        }
    }

    /// Whether members on these sides hear each other while the network keeps the sides apart.
    fn meets(self, other: Self) -> bool {
        self == other || self == Self::Both || other == Self::Both
    }
}

/// See the module.
pub(super) struct Twins {
    twins: [Node; 2],
    /// For each seat, whom it talks to.
    sides: Vec<Side>,
    /// What all twins of the shard draw alike.
    plot: Random,
    /// How often the second of them spoke.
    lies: u64,
}

impl Twins {
    /// Twins on a seat.
    #[must_use]
    pub(super) fn new(seat: Seat, setting: &Setting, random: &mut Random, plot: Random) -> Self {
        let twins = [0, 1].map(|holder| {
            let habits = Habits::any(random, None);
            Node::new(seat, holder, habits, setting, random)
        });
        let sides = vec![Side::Both; setting.nodes().count()];
        Self {
            twins,
            sides,
            plot,
            lies: 0,
        }
    }

    /// Divides the shard anew, until the next time.
    fn divide(&mut self, around: &mut Around<'_>) {
        let choices = [
            Side::First,
            Side::Second,
            Side::First,
            Side::Second,
            Side::Both,
        ];
        for side in &mut self.sides {
            *side = *self.plot.pick(&choices);
        }
        let apart = self.plot.chance(APART);
        let cut = |from: &Side| {
            let deaf = |to: &Side| apart && !from.meets(*to);
            self.sides.iter().map(deaf).collect()
        };
        let cut = self.sides.iter().map(cut).collect();
        around.effects.push(Effect::Cut(cut));
        let lasts = self.plot.within(&DIVISION_MS);
        let alarm = Alarm {
            holder: NEITHER,
            life: 0,
            purpose: Purpose::Scheme,
        };
        around.wake(around.now.plus_ms(lasts), alarm);
    }

    /// Something happens to one of the twins; only its side of the shard hears of it.
    fn hand_to_twin(&mut self, around: &mut Around<'_>, twin: usize, happening: Happening) {
        let mut inner = Around {
            now: around.now,
            random: &mut *around.random,
            setting: around.setting,
            judges: None,
            effects: Vec::new(),
        };
        self.twins[twin].on(&mut inner, happening);
        for effect in inner.effects {
            let heard = match &effect {
                Effect::Send { to, frame: _ } => self.sides[to.index()].includes(twin),
                Effect::Tell { .. } | Effect::Wake { .. } | Effect::Cut(_) | Effect::Crashed => {
                    true
                }
            };
            if heard {
                self.lies += u64::from(twin == 1 && matches!(effect, Effect::Send { .. }));
                around.effects.push(effect);
            }
        }
    }
}

impl Adversary for Twins {
    fn name(&self) -> &'static str {
        Kind::Twins.name()
    }

    fn lies(&self) -> u64 {
        self.lies
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        match happening {
            Happening::Begin => {
                self.divide(around);
                self.hand_to_twin(around, 0, Happening::Begin);
                self.hand_to_twin(around, 1, Happening::Begin);
            }
            Happening::Alarm(alarm) if alarm.holder == NEITHER => self.divide(around),
            Happening::Alarm(alarm) => {
                self.hand_to_twin(around, usize::from(alarm.holder), happening);
            }
            Happening::Arrived { from, frame } => {
                for twin in [0, 1] {
                    // Both may have asked; each knows its own questions by their numbers.
                    let answer = matches!(frame, Frame::Answer { .. });
                    if answer || self.sides[from.index()].includes(twin) {
                        let frame = frame.clone();
                        self.hand_to_twin(around, twin, Happening::Arrived { from, frame });
                    }
                }
            }
            Happening::Letter { .. }
            | Happening::LinkUp(_)
            | Happening::Invited
            | Happening::Approve(_)
            | Happening::Learn(_)
            | Happening::Leaked(_)
            | Happening::Submitted(_) => {
                self.hand_to_twin(around, 0, happening.clone());
                self.hand_to_twin(around, 1, happening);
            }
        }
    }
}
