//! How much a peer may ask for, each on its own and guests all together.
//!
//! Each peer has a bucket for each protocol, which requests empty and time fills (GCRA, by `governor`).
//! A guest that asks for more is told to wait, which is cheap and honest; one that asks on regardless
//! empties a second bucket, and after that it is not even told. Members and neighbours are owed an
//! answer, so they are slowed down instead: the next request of theirs is taken when its time has come.
//!
//! A bucket belongs to a peer and not to its connection, so that coming again fills none.
//!
//! Guests that pay, as the node says, share one pool, and all others another one: keys cost nothing, and
//! whoever has many of them is in the way of those who have paid for nothing either.

mod credit;
mod payers;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};
use libp2p::PeerId;

use crate::bounds::{BUCKETS_MAX, Limits, Rate};
use crate::protocol::Protocol;
use credit::Credit;
use payers::Payers;

/// See [the module](self).
pub(crate) struct Quotas<C: Clock = MonotonicClock> {
    clock: C,
    api: Buckets<C>,
    sync: Buckets<C>,
    /// Refusals that a peer is told of.
    refusals: Buckets<C>,
    payers: Payers,
    payers_pool: Pool<C>,
    api_pool: Pool<C>,
    sync_pool: Pool<C>,
    /// What each guest may ask for whatever the others do.
    fair: Buckets<C>,
    tell_frames: Buckets<C>,
    tell_kib: Buckets<C>,
}

/// What guests of one kind have together of one protocol: whoever asks for blocks keeps nobody from paying.
struct Pool<C: Clock> {
    /// What they ask for.
    asked: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    /// What they cost.
    credit: Credit,
}

/// A bucket for each peer, those who did not empty theirs excepted.
struct Buckets<C: Clock>(RateLimiter<PeerId, HashMapStateStore<PeerId>, C, Middleware<C>>);

type Middleware<C> = NoOpMiddleware<<C as Clock>::Instant>;

/// A peer has asked for more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// It is to wait.
    Wait(Duration),
    /// It was told so often enough.
    Deaf,
}

impl Quotas {
    /// Full buckets.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::with_clock(limits, MonotonicClock)
    }
}

impl<C: Clock + Clone> Quotas<C> {
    fn with_clock(limits: &Limits, clock: C) -> Self {
        let buckets =
            |rate: Rate| Buckets(RateLimiter::hashmap_with_clock(quota(rate), clock.clone()));
        let pool = || Pool {
            asked: RateLimiter::direct_with_clock(quota(limits.guests_rate), clock.clone()),
            credit: Credit::new(limits, Instant::now()),
        };
        Self {
            api: buckets(limits.api_rate),
            sync: buckets(limits.sync_rate),
            refusals: buckets(limits.refusals_rate),
            payers: Payers::default(),
            payers_pool: pool(),
            api_pool: pool(),
            sync_pool: pool(),
            fair: buckets(limits.fair_rate),
            tell_frames: buckets(limits.tell_rate),
            tell_kib: buckets(limits.tell_kib_rate),
            clock,
        }
    }

    /// A guest asks something.
    ///
    /// # Errors
    ///
    /// [`Over`] if it asks too often, or all guests together do.
    pub(crate) fn guest_asks(&self, peer: PeerId, protocol: Protocol) -> Result<(), Over> {
        // Its own bucket comes first, so that one guest does not empty that of all. And who asks for
        // little is not kept from it by those who ask for everything.
        let share = self.asks(peer, protocol).and_then(|()| {
            let all = self.pool(peer, protocol).asked.check();
            let all = all.map_err(|not_until| not_until.wait_time_from(self.clock.now()));
            all.or_else(|_| self.fair.take(&self.clock, peer, 1))
        });
        share.map_err(|wait| self.refuses(peer, wait))
    }

    /// What a guest asks has so many bytes.
    ///
    /// # Errors
    ///
    /// [`Over`] if it costs too much, or all guests together do. The bytes count in any case: they are here.
    pub(crate) fn guest_brings(
        &self,
        peer: PeerId,
        protocol: Protocol,
        bytes: usize,
    ) -> Result<(), Over> {
        let now = Instant::now();
        let credit = &self.pool(peer, protocol).credit;
        let share = credit.ready(peer, bytes, now);
        credit.spend(peer, bytes, now);
        share.map_err(|wait| self.refuses(peer, wait))
    }

    /// A guest has cost so many bytes more: those of its answer, or what its request is worth.
    pub(crate) fn guest_costs(&self, peer: PeerId, protocol: Protocol, bytes: usize) {
        let pool = self.pool(peer, protocol);
        pool.credit.spend(peer, bytes, Instant::now());
    }

    /// A guest has paid for something.
    pub(crate) fn guest_pays(&self, peer: PeerId) {
        self.payers.pays(peer, Instant::now());
    }

    fn refuses(&self, peer: PeerId, wait: Duration) -> Over {
        match self.refusals.take(&self.clock, peer, 1) {
            Ok(()) => Over::Wait(wait),
            Err(_) => Over::Deaf,
        }
    }

    fn pool(&self, peer: PeerId, protocol: Protocol) -> &Pool<C> {
        match protocol {
            Protocol::Api if self.payers.has_paid(&peer, Instant::now()) => &self.payers_pool,
            Protocol::Api => &self.api_pool,
            // Guests tell nothing.
            Protocol::Sync | Protocol::Sbac => &self.sync_pool,
        }
    }

    /// A member or a neighbour asks something.
    ///
    /// # Errors
    ///
    /// How long it has to wait for its turn.
    pub(crate) fn asks(&self, peer: PeerId, protocol: Protocol) -> Result<(), Duration> {
        match protocol {
            Protocol::Api => self.api.take(&self.clock, peer, 1),
            Protocol::Sync => self.sync.take(&self.clock, peer, 1),
            // What is told is counted by what is in it.
            Protocol::Sbac => Ok(()),
        }
    }

    /// A neighbour tells frames.
    ///
    /// # Errors
    ///
    /// How long it has to wait until they are taken.
    pub(crate) fn tells(&self, peer: PeerId, frames: usize) -> Result<(), Duration> {
        self.tell_frames.take(&self.clock, peer, frames)
    }

    /// A neighbour tells this many bytes.
    ///
    /// # Errors
    ///
    /// How long it has to wait until they are taken.
    pub(crate) fn tells_bytes(&self, peer: PeerId, bytes: usize) -> Result<(), Duration> {
        self.tell_kib.take(&self.clock, peer, bytes.div_ceil(1024))
    }
}

impl<C: Clock> Buckets<C> {
    /// Takes some tokens from the bucket of a peer, or says when they will be there. What no bucket
    /// holds is taken from a full one.
    fn take(&self, clock: &C, peer: PeerId, tokens: usize) -> Result<(), Duration> {
        let Some(tokens) = u32::try_from(tokens).ok().and_then(NonZeroU32::new) else {
            return Ok(());
        };
        if self.0.len() >= BUCKETS_MAX {
            self.0.retain_recent();
        }
        let wait = |not_until: NotUntil<C::Instant>| not_until.wait_time_from(clock.now());
        match self.0.check_key_n(&peer, tokens) {
            Ok(taken) => taken.map_err(wait),
            Err(insufficient) => {
                let all = NonZeroU32::new(insufficient.0).unwrap_or(NonZeroU32::MIN);
                let taken = self.0.check_key_n(&peer, all);
                taken.map_or(Ok(()), |taken| taken.map_err(wait))
            }
        }
    }
}

fn quota(rate: Rate) -> Quota {
    Quota::per_second(rate.per_second).allow_burst(rate.burst)
}
