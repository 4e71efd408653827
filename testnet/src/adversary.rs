//! Members that lie. One kind of liar has one file.
//!
//! A liar has the key of its seat and does as it likes: it gets all that is sent to its seat, and may
//! send any bytes to anybody. At most `f` members of a shard lie, and nobody judges them; what is
//! judged is what they bring about.
//!
//! A new kind is a file here, a variant of [`Kind`], and a line in [`Kind::make`].

pub mod babbler;
pub mod equivocator;
pub mod twins;

use std::collections::BTreeMap;

use model::shard::Seat;

use crate::simulation::{Around, Happening, Random, Setting};

/// A member that lies.
pub trait Adversary {
    /// What people call its kind.
    fn name(&self) -> &'static str;

    /// Something happens to its seat. What it does goes through `around`.
    fn on(&mut self, around: &mut Around<'_>, happening: Happening);
}

/// The kinds of liars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Two nodes with one key: see [`twins`].
    Twins,
    /// Rubbish, repetitions and mutations: see [`babbler`].
    Babbler,
    /// Signs everything: see [`equivocator`].
    Equivocator,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Twins, Self::Babbler, Self::Equivocator];

    /// A liar of this kind. All liars of a world have the same `plot`, so that they can act together
    /// without a word.
    #[must_use]
    pub fn make(
        self,
        seat: Seat,
        setting: &Setting,
        random: &mut Random,
        plot: &Random,
    ) -> Box<dyn Adversary> {
        match self {
            Self::Twins => Box::new(twins::Twins::new(seat, setting, random, plot.clone())),
            Self::Babbler => Box::new(babbler::Babbler::new(seat, setting, random)),
            Self::Equivocator => Box::new(equivocator::Equivocator::new(seat, setting, random)),
        }
    }
}

/// Who lies in a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Casting {
    /// Nobody.
    Nobody,
    /// Exactly `f` members, all of this kind.
    All(Kind),
    /// Nobody, or up to `f` members, each of any kind: the seed decides.
    Any,
}

/// Gives parts to liars.
#[must_use]
pub fn cast(
    casting: Casting,
    setting: &Setting,
    random: &mut Random,
) -> BTreeMap<Seat, Box<dyn Adversary>> {
    let faults = setting.committee.faults().count();
    let count = match casting {
        Casting::Nobody => 0,
        Casting::All(_) => faults,
        Casting::Any => random.index(faults + 1),
    };
    let plot = random.fork();
    let mut seats: Vec<Seat> = setting.seats().collect();
    random.shuffle(&mut seats);
    seats
        .into_iter()
        .take(count)
        .map(|seat| {
            let kind = match casting {
                Casting::All(kind) => kind,
                Casting::Nobody | Casting::Any => *random.pick(&Kind::ALL),
            };
            (seat, kind.make(seat, setting, random, &plot))
        })
        .collect()
}
