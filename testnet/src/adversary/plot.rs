//! What all liars of a world know of each other, so that they can act together without a word.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use model::shard::Seat;
use model::statement::Slot;

use crate::simulation::Random;

/// See the module.
#[derive(Clone, Debug)]
pub struct Plot {
    random: Random,
    liars: BTreeSet<Seat>,
}

impl Plot {
    /// The plot of these liars.
    #[must_use]
    pub const fn new(random: Random, liars: BTreeSet<Seat>) -> Self {
        Self { random, liars }
    }

    /// Chance that is the same for all liars.
    #[must_use]
    pub fn random(&self) -> Random {
        self.random.clone()
    }

    /// Chance that is the same for all liars, and for each slot another.
    #[must_use]
    pub fn of_slot(&self, slot: Slot) -> Random {
        Random::new(self.random.clone().number() ^ slot.number())
    }

    /// The halves into which liars divide these members in a slot. Liars are in both.
    #[must_use]
    pub fn halves(&self, slot: Slot, members: &[Seat]) -> [Vec<Seat>; 2] {
        let is_liar = |seat: &Seat| self.liars.contains(seat);
        let (liars, mut honest): (Vec<Seat>, Vec<Seat>) =
            members.iter().copied().partition(is_liar);
        // Each liar leaves out itself; all must put the rest into the same order.
        honest.sort_unstable();
        let mut random = self.of_slot(slot);
        random.shuffle(&mut honest);
        let middle = honest.len() / 2 + random.index(honest.len() % 2 + 1);
        let (first, second) = honest.split_at(middle);
        [[first, &liars].concat(), [second, &liars].concat()]
    }
}
