//! How many bytes guests may cost: what they send to be read, and what they are answered.
//!
//! What an answer is as long as is known when it is there, so bytes are paid for afterwards: whoever is in
//! debt waits until it is not. Each guest has an account, and so have all together. When all together are
//! in debt, a guest is served still if it has cost less than its fair share: those who ask
//! a little do not notice those who ask for everything.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
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
    each: HashMap<PeerId, [Account; 2]>,
}

/// Bytes that may be spent; less than none is a debt.
#[derive(Clone, Copy, Debug)]
struct Account {
    bytes: f64,
    at: Instant,
}

impl Account {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            bytes: f64::from(rate.burst.get()) * 1024.0,
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

    /// When it is out of debt.
    ///
    /// # Errors
    ///
    /// The time until then.
    fn ready(&self, rate: Rate) -> Result<(), Duration> {
        if self.bytes >= 0.0 {
            return Ok(());
        }
        let per_second = f64::from(rate.per_second.get()) * 1024.0;
        Err(Duration::from_secs_f64(-self.bytes / per_second))
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

    /// Whether a guest may cost anything now.
    ///
    /// # Errors
    ///
    /// How long it has to wait.
    pub(super) fn ready(&self, guest: PeerId, now: Instant) -> Result<(), Duration> {
        self.settle(guest, 0, now)
    }

    /// A guest has cost so many bytes.
    pub(super) fn spend(&self, guest: PeerId, bytes: usize, now: Instant) {
        // Whoever is in debt now is told when it asks again.
        let _ = self.settle(guest, bytes, now);
    }

    fn settle(&self, guest: PeerId, spent: usize, now: Instant) -> Result<(), Duration> {
        let accounts = &mut *self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.each.len() >= BUCKETS_MAX && !accounts.each.contains_key(&guest) {
            // They begin anew. What all have together does not.
            accounts.each.clear();
        }
        let full = || [Account::full(self.own, now), Account::full(self.fair, now)];
        let [own, fair] = accounts.each.entry(guest).or_insert_with(full);
        own.settle(self.own, spent, now);
        fair.settle(self.fair, spent, now);
        accounts.all.settle(self.all, spent, now);
        own.ready(self.own)?;
        accounts
            .all
            .ready(self.all)
            .or_else(|_| fair.ready(self.fair))
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

    #[test]
    fn whoever_is_in_debt_waits_until_it_is_not() {
        let now = Instant::now();
        let (credit, guest) = (credit(now), PeerId::random());
        assert_eq!(credit.ready(guest, now), Ok(()));
        credit.spend(guest, 3 * MIB, now);
        assert_eq!(credit.ready(guest, now), Err(Duration::from_secs(1)));
        let later = now + Duration::from_secs(1);
        assert_eq!(credit.ready(guest, later), Ok(()));
        assert_eq!(credit.ready(PeerId::random(), now), Ok(()));
    }

    #[test]
    fn when_all_are_in_debt_those_are_served_who_cost_little() {
        let now = Instant::now();
        let credit = credit(now);
        let greedy = [(); 7].map(|()| PeerId::random());
        for guest in greedy {
            credit.spend(guest, MIB, now);
        }
        // None of them is in debt by itself.
        assert!(credit.ready(greedy[0], now).is_err());
        let modest = PeerId::random();
        credit.spend(modest, MIB / 8, now);
        assert_eq!(credit.ready(modest, now), Ok(()));
        credit.spend(modest, MIB / 4, now);
        assert!(credit.ready(modest, now).is_err());
        let later = now + Duration::from_secs(1);
        assert_eq!(credit.ready(greedy[0], later), Ok(()));
    }
}
