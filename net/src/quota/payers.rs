//! Guests that have lately paid for something.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libp2p::PeerId;

/// For how long a guest counts as one that pays: a wallet is used now and then, and need not pay more often
/// than people do.
const PAID_FOR: Duration = Duration::from_secs(3_600);

/// Payers that are remembered: more than can be connected. Beyond it the one is forgotten who has not paid for
/// the longest time.
const PAYERS_MAX: usize = 1_024;

/// See [the module](self).
#[derive(Default)]
pub(super) struct Payers(Mutex<HashMap<PeerId, Instant>>);

impl Payers {
    /// A guest has paid.
    pub(super) fn pays(&self, guest: PeerId, now: Instant) {
        let mut payers = self.lock();
        if payers.len() >= PAYERS_MAX && !payers.contains_key(&guest) {
            let oldest = payers.iter().min_by_key(|(_, paid)| **paid);
            let oldest = oldest.map(|(guest, _)| *guest);
            oldest.map(|guest| payers.remove(&guest));
        }
        payers.insert(guest, now);
    }

    /// Whether a guest has paid lately.
    pub(super) fn has_paid(&self, guest: &PeerId, now: Instant) -> bool {
        let paid = self.lock().get(guest).copied();
        paid.is_some_and(|paid| now.saturating_duration_since(paid) < PAID_FOR)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_paid_is_remembered_for_a_time() {
        let (payers, now) = (Payers::default(), Instant::now());
        let guest = PeerId::random();
        assert!(!payers.has_paid(&guest, now));
        payers.pays(guest, now);
        assert!(payers.has_paid(&guest, now + PAID_FOR / 2));
        assert!(!payers.has_paid(&guest, now + PAID_FOR));
    }

    #[test]
    fn of_too_many_those_are_forgotten_who_paid_first() {
        let (payers, now) = (Payers::default(), Instant::now());
        let later = |number: usize| now + Duration::from_millis(number as u64);
        let guests: Vec<_> = (0..=PAYERS_MAX).map(|_| PeerId::random()).collect();
        for (number, guest) in guests.iter().enumerate() {
            payers.pays(*guest, later(number));
        }
        let remembered = |guest: &&PeerId| payers.has_paid(guest, later(PAYERS_MAX));
        assert_eq!(guests.iter().filter(remembered).count(), PAYERS_MAX);
        assert!(!remembered(&&guests[0]));
    }
}
