//! How many bytes guests may cost: what they send to be read, and what they are answered.
//!
//! What an answer is as long as is known when it is there, so bytes are paid for afterwards: whoever is in
//! debt waits until it is not. Each guest has an account, and so have all together. When all together are
//! in debt, a guest is served still if its fair share is enough for what it sends: those who ask a little
//! do not notice those who ask for everything. That share begins with nothing, so that a new key is worth
//! nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libp2p::PeerId;

use crate::bounds::{BUCKETS_MAX, Limits, Rate};

/// See [the module](self).
pub(super) struct Credit {
    own: Rate,
    fair: Rate,
    all: Rate,
    accounts: Mutex<Accounts>,
}

struct Accounts {
    all: Account,
    each: HashMap<PeerId, Own>,
}

/// What one guest has.
struct Own {
    account: Account,
    fair: Account,
}

/// Bytes that may be spent; less than none is a debt.
#[derive(Clone, Copy, Debug)]
struct Account {
    bytes: f64,
    at: Instant,
}

impl Account {
    fn full(rate: Rate, now: Instant) -> Self {
        let bytes = f64::from(rate.burst.get()) * 1024.0;
        Self { bytes, at: now }
    }

    const fn empty(now: Instant) -> Self {
        Self {
            bytes: 0.0,
            at: now,
        }
    }

    /// Lets the account gain what it has gained since it was last looked at, and spends some of it.
    fn settle(&mut self, rate: Rate, spent: usize, now: Instant) {
        let full = Self::full(rate, now);
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let gained = passed * f64::from(rate.per_second.get()) * 1024.0;
        // A debt is never larger than what can be saved, so that nobody waits for long.
        self.bytes = ((self.bytes + gained).min(full.bytes) - spent as f64).max(-full.bytes);
        self.at = now;
    }

    /// Whether so much is in it, or as much as ever will be.
    ///
    /// # Errors
    ///
    /// The time until then.
    fn has(&self, bytes: usize, rate: Rate) -> Result<(), Duration> {
        let full = Self::full(rate, self.at).bytes;
        let missing = (bytes as f64).min(full) - self.bytes;
        if missing <= 0.0 {
            return Ok(());
        }
        let per_second = f64::from(rate.per_second.get()) * 1024.0;
        Err(Duration::from_secs_f64(missing / per_second))
    }
}

impl Credit {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let accounts = Accounts {
            all: Account::full(limits.guests_kib_rate, now),
            each: HashMap::new(),
        };
        Self {
            own: limits.guest_kib_rate,
            fair: limits.fair_kib_rate,
            all: limits.guests_kib_rate,
            accounts: Mutex::new(accounts),
        }
    }

    /// Whether a guest that sends so many bytes is served now.
    ///
    /// # Errors
    ///
    /// How long it has to wait.
    pub(super) fn ready(&self, guest: PeerId, bytes: usize, now: Instant) -> Result<(), Duration> {
        let accounts = &mut *self.lock();
        accounts.all.settle(self.all, 0, now);
        let own = self.settle(&mut accounts.each, guest, 0, now);
        own.account.has(0, self.own)?;
        let all = accounts.all.has(0, self.all);
        all.or_else(|_| own.fair.has(bytes, self.fair))
    }

    /// A guest has cost so many bytes. If it is in debt now, it is told when it asks again.
    pub(super) fn spend(&self, guest: PeerId, bytes: usize, now: Instant) {
        let accounts = &mut *self.lock();
        accounts.all.settle(self.all, bytes, now);
        self.settle(&mut accounts.each, guest, bytes, now);
    }

    fn settle<'a>(
        &self,
        each: &'a mut HashMap<PeerId, Own>,
        guest: PeerId,
        spent: usize,
        now: Instant,
    ) -> &'a Own {
        if each.len() >= BUCKETS_MAX && !each.contains_key(&guest) {
            // They begin anew. What all have together does not.
            each.clear();
        }
        let own = each.entry(guest).or_insert_with(|| Own {
            account: Account::full(self.own, now),
            fair: Account::empty(now),
        });
        own.account.settle(self.own, spent, now);
        own.fair.settle(self.fair, spent, now);
        own
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// A mebibyte a second for each after two, a quarter of that as a fair share, and three for all
    /// after six.
    fn credit(now: Instant) -> Credit {
        let limits = Limits {
            guest_kib_rate: Rate::new(1_024, 2_048),
            fair_kib_rate: Rate::new(256, 256),
            guests_kib_rate: Rate::new(3_072, 6_144),
            ..Limits::default()
        };
        Credit::new(&limits, now)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn whoever_is_in_debt_waits_until_it_is_not() {
        let now = Instant::now();
        let (credit, guest) = (credit(now), PeerId::random());
        assert_eq!(credit.ready(guest, MIB, now), Ok(()));
        credit.spend(guest, 3 * MIB, now);
        assert_eq!(credit.ready(guest, 0, now), Err(SECOND));
        assert_eq!(credit.ready(guest, 0, now + SECOND), Ok(()));
        assert_eq!(credit.ready(PeerId::random(), MIB, now), Ok(()));
    }

    #[test]
    fn when_all_are_in_debt_those_are_served_who_cost_little() {
        let now = Instant::now();
        let credit = credit(now);
        let greedy = [(); 9].map(|()| PeerId::random());
        for guest in greedy {
            credit.spend(guest, MIB, now);
        }
        // None of them is in debt by itself. All together are, for a second.
        assert!(credit.ready(greedy[0], 0, now).is_err());
        let modest = PeerId::random();
        // It has been there for half a second.
        assert_eq!(credit.ready(modest, 0, now), Ok(()));
        let later = now + SECOND / 2;
        assert_eq!(credit.ready(modest, MIB / 8, later), Ok(()));
        assert_eq!(
            credit.ready(modest, MIB / 8 + 1024, later),
            Err(SECOND / 256)
        );
        credit.spend(modest, MIB / 4, later);
        assert_eq!(credit.ready(modest, 0, later), Err(SECOND / 2));
        assert_eq!(credit.ready(greedy[0], MIB, now + 2 * SECOND), Ok(()));
    }

    #[test]
    fn a_new_key_is_worth_nothing_when_all_are_in_debt() {
        let now = Instant::now();
        let credit = credit(now);
        credit.spend(PeerId::random(), 9 * MIB, now);
        for _ in 0..100 {
            assert!(credit.ready(PeerId::random(), 1024, now).is_err());
        }
        // Who sends more than can be saved is served when it has saved that.
        let patient = PeerId::random();
        assert_eq!(credit.ready(patient, 2 * MIB, now), Err(SECOND));
    }
}
