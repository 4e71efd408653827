//! What is going to happen, in order of virtual time.

use std::collections::BTreeMap;

use model::Time;

use super::random::Random;

/// Things that are going to happen.
///
/// What falls on the same millisecond happens in an order drawn at random.
#[derive(Debug)]
pub(super) struct Agenda<E> {
    coming: BTreeMap<(Time, u64, u64), E>,
    random: Random,
    entered: u64,
}

impl<E> Agenda<E> {
    /// Nothing is going to happen.
    #[must_use]
    pub(super) const fn new(random: Random) -> Self {
        Self {
            coming: BTreeMap::new(),
            random,
            entered: 0,
        }
    }

    /// Enters what happens at a time.
    pub(super) fn enter(&mut self, at: Time, event: E) {
        self.entered += 1;
        let draw = self.random.number();
        self.coming.insert((at, draw, self.entered), event);
    }

    /// Takes what happens next, and when.
    pub(super) fn next(&mut self) -> Option<(Time, E)> {
        let ((at, _, _), event) = self.coming.pop_first()?;
        Some((at, event))
    }

    /// When something happens next.
    #[must_use]
    pub(super) fn next_time(&self) -> Option<Time> {
        self.coming.first_key_value().map(|((at, _, _), _)| *at)
    }
}
