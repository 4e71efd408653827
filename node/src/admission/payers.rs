//! Clients that pay.
//!
//! A key costs nothing, and what clients hand in is looked at before anybody has paid for it. So clients
//! whose transactions are committed share what the network gives to those who pay, where the others are not
//! in their way. Of each client one transaction at a time is remembered, and when the client hands in
//! another one, it is looked whether that was committed. Whoever has one aborted does not pay any more.
//!
//! A transaction speaks for the first client that hands it in before it is decided, and for no other: so
//! that each client costs its owner a transaction.
//!
//! To look is to read a whole block from the disk, for somebody who may never pay. So it is looked once in a
//! while, at whatever a client hands in then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use model::{Outcome, TransactionId};
use net::PeerName;

/// After so long a transaction has most likely been decided. Of a client that does not pay no more than one is
/// looked up in this time, and what became of the one before it.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// How often it is looked again at a client that pays.
const LOOK_EACH: Duration = Duration::from_secs(5);

/// Clients of whom it is remembered what they handed in.
const CLIENTS_MAX: usize = 1_024;

/// A transaction of a client.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// `None` if it has handed in none yet that can speak for it.
    transaction: Option<TransactionId>,
    /// When to look what became of it, and at the next one.
    due: Instant,
    /// Whether the client has paid so far.
    pays: bool,
}

/// What a client that hands in a transaction has paid for, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paid {
    /// Nothing.
    Nothing,
    /// Something, and it was known before.
    Before,
    /// Something, and it has just become known.
    Now,
}

/// See [the module](self).
#[derive(Default)]
pub(super) struct Payers {
    samples: HashMap<PeerName, Sample>,
}

impl Payers {
    /// A client hands in a transaction; `outcome` tells what became of one.
    pub(super) fn hands_in(
        &mut self,
        client: PeerName,
        transaction: impl FnOnce() -> TransactionId,
        now: Instant,
        outcome: impl Fn(&TransactionId) -> Option<Outcome>,
    ) -> Paid {
        let sample = self.samples.get(&client).copied();
        let sample = sample.unwrap_or(Sample {
            transaction: None,
            due: now,
            pays: false,
        });
        if now < sample.due {
            return match sample.pays {
                true => Paid::Before,
                false => Paid::Nothing,
            };
        }
        let decided = sample.transaction.as_ref().and_then(&outcome);
        let (pays, next, paid) = match (decided, sample.pays) {
            (Some(Outcome::Committed), _) => (true, LOOK_EACH, Paid::Now),
            (Some(Outcome::Aborted(_)), _) | (None, false) => (false, LOOK_AFTER, Paid::Nothing),
            // It is not decided yet, or was not taken.
            (None, true) => (true, LOOK_EACH, Paid::Before),
        };
        let id = transaction();
        // One that speaks for nobody is passed over, and the one before it goes on to speak.
        let transaction = match self.is_new(&id, &outcome) {
            true => Some(id),
            false => sample.transaction,
        };
        let due = now + next;
        self.remember(
            client,
            Sample {
                transaction,
                due,
                pays,
            },
        );
        paid
    }

    /// Whether a transaction can speak for a client: it is not decided, and speaks for no other.
    fn is_new(
        &self,
        transaction: &TransactionId,
        outcome: impl Fn(&TransactionId) -> Option<Outcome>,
    ) -> bool {
        let mut samples = self.samples.values();
        let is_taken = samples.any(|sample| sample.transaction.as_ref() == Some(transaction));
        !is_taken && outcome(transaction).is_none()
    }

    fn remember(&mut self, client: PeerName, sample: Sample) {
        if self.samples.len() >= CLIENTS_MAX && !self.samples.contains_key(&client) {
            // They begin anew, and pay soon.
            self.samples.clear();
        }
        self.samples.insert(client, sample);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const ALICE: u8 = 1;
    const BOB: u8 = 2;

    fn client(number: u8) -> PeerName {
        PeerName::of_transport_seed(&[number; 32].into())
    }

    fn transaction(number: u8) -> TransactionId {
        TransactionId::from_bytes([number; 32])
    }

    /// Hands in a transaction when all before `undecided` are decided, those of odd numbers committed.
    fn hand_in(payers: &mut Payers, from: u8, number: u8, undecided: u8, now: Instant) -> Paid {
        payers.hands_in(
            client(from),
            || transaction(number),
            now,
            |asked| {
                let number = asked.as_bytes()[0];
                let outcome = match number % 2 {
                    1 => Outcome::Committed,
                    _ => Outcome::Aborted(model::AbortReason::Deadline),
                };
                (number < undecided).then_some(outcome)
            },
        )
    }

    #[test]
    fn a_client_pays_from_when_a_transaction_was_committed_until_one_is_aborted() {
        let (mut payers, mut now) = (Payers::default(), Instant::now());
        let alice = |payers: &mut Payers, number, undecided, now| {
            hand_in(payers, ALICE, number, undecided, now)
        };
        assert_eq!(alice(&mut payers, 1, 1, now), Paid::Nothing);
        // Too early to look.
        assert_eq!(alice(&mut payers, 2, 2, now), Paid::Nothing);
        now += LOOK_AFTER;
        assert_eq!(alice(&mut payers, 3, 2, now), Paid::Now);
        assert_eq!(alice(&mut payers, 4, 3, now), Paid::Before);
        now += LOOK_EACH;
        // The third is not decided yet.
        assert_eq!(alice(&mut payers, 4, 3, now), Paid::Before);
        now += LOOK_EACH;
        assert_eq!(alice(&mut payers, 6, 5, now), Paid::Nothing);
        now += LOOK_AFTER;
        assert_eq!(alice(&mut payers, 7, 6, now), Paid::Nothing);
        now += LOOK_AFTER;
        assert_eq!(alice(&mut payers, 9, 8, now), Paid::Now);
    }

    #[test]
    fn a_transaction_speaks_for_one_client_and_only_before_it_is_decided() {
        let (mut payers, now) = (Payers::default(), Instant::now());
        let later = now + LOOK_AFTER;
        assert_eq!(hand_in(&mut payers, ALICE, 1, 1, now), Paid::Nothing);
        assert_eq!(hand_in(&mut payers, BOB, 1, 1, now), Paid::Nothing);
        assert_eq!(hand_in(&mut payers, BOB, 1, 3, later), Paid::Nothing);
        assert_eq!(payers.samples[&client(BOB)].transaction, None);
        let later = later + LOOK_AFTER;
        assert_eq!(hand_in(&mut payers, BOB, 4, 3, later), Paid::Nothing);
        assert_eq!(hand_in(&mut payers, ALICE, 5, 3, later), Paid::Now);
    }

    #[test]
    fn who_hands_in_what_is_decided_pays_as_before() {
        let (mut payers, mut now) = (Payers::default(), Instant::now());
        assert_eq!(hand_in(&mut payers, ALICE, 1, 1, now), Paid::Nothing);
        now += LOOK_AFTER;
        assert_eq!(hand_in(&mut payers, ALICE, 1, 2, now), Paid::Now);
        assert_eq!(hand_in(&mut payers, ALICE, 3, 2, now), Paid::Before);
    }

    #[test]
    fn what_was_decided_before_is_looked_up_once_in_a_while() {
        let (mut payers, mut now) = (Payers::default(), Instant::now());
        let asked = Cell::new(0);
        for looked_up in 1..=3 {
            for number in 0..100 {
                let paid = payers.hands_in(
                    client(ALICE),
                    || transaction(number),
                    now,
                    |_| {
                        asked.set(asked.get() + 1);
                        Some(Outcome::Committed)
                    },
                );
                assert_eq!(paid, Paid::Nothing);
            }
            assert_eq!(asked.get(), looked_up);
            now += LOOK_AFTER;
        }
    }

    #[test]
    fn clients_are_remembered_up_to_a_bound() {
        let (mut payers, now) = (Payers::default(), Instant::now());
        for number in 0..=CLIENTS_MAX as u32 {
            let mut seed = [0; 32];
            seed[..4].copy_from_slice(&number.to_be_bytes());
            let id = TransactionId::from_bytes(seed);
            let client = PeerName::of_transport_seed(&seed.into());
            let paid = payers.hands_in(client, || id, now, |_| None);
            assert_eq!(paid, Paid::Nothing);
            assert!(payers.samples.len() <= CLIENTS_MAX);
        }
    }
}
