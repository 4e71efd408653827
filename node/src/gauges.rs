//! A few numbers that one thread of a node sets and others read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use model::Time;
use tokio::time::Instant;

use crate::clock::time_of_day;

/// How long the event loop may not turn before the node is taken for dead. A disk that stalls holds it
/// up, and ends more slowly than it is repaired by a restart.
const ALIVE: Duration = Duration::from_secs(60);

/// The numbers. None of them guards anything, so each is read and written by itself.
#[derive(Debug)]
pub(crate) struct Gauges {
    /// Transactions that wait to be decided.
    waiting: AtomicU64,
    /// Transactions of several shards that have been voted on and are not decided.
    sessions: AtomicU64,
    /// Whether final blocks are known that are not at hand.
    behind: Switch,
    /// Other members with a link.
    linked: AtomicU32,
    /// Whether the node has no seat in the epoch that it is in, or no shard.
    seatless: Switch,
    /// Whether these and this node are a quorum.
    quorum_linked: Switch,
    /// Whether the tables are being written.
    flushing: AtomicBool,
    /// When the node was started.
    started: Instant,
    /// When the event loop last turned, in milliseconds since then.
    turned_ms: AtomicU64,
}

/// A yes or no that knows since when.
#[derive(Debug)]
struct Switch {
    on: AtomicBool,
    since_ms: AtomicU64,
}

/// Tells whether a node is alive, wherever it is held.
#[derive(Clone, Debug)]
pub struct Pulse(pub(crate) Arc<Gauges>);

/// A getter and a setter for each gauge.
macro_rules! gauge {
    ($get:ident, $set:ident: $kind:ty) => {
        pub(crate) fn $get(&self) -> $kind {
            self.$get.load(Ordering::Relaxed)
        }

        pub(crate) fn $set(&self, value: $kind) {
            self.$get.store(value, Ordering::Relaxed);
        }
    };
}

/// A setter for each switch, and since when it is as it is, by the time of day.
macro_rules! switch {
    ($switch:ident, $since:ident, $set:ident) => {
        pub(crate) fn $since(&self) -> Time {
            Time::from_ms(self.$switch.since_ms.load(Ordering::Relaxed))
        }

        pub(crate) fn $set(&self, value: bool) {
            self.$switch.set(value);
        }
    };
}

impl Default for Gauges {
    /// A node that has just been started, and that knows nobody.
    fn default() -> Self {
        Self {
            waiting: AtomicU64::default(),
            sessions: AtomicU64::default(),
            behind: Switch::off(),
            linked: AtomicU32::default(),
            quorum_linked: Switch::off(),
            seatless: Switch::off(),
            flushing: AtomicBool::default(),
            started: Instant::now(),
            turned_ms: AtomicU64::default(),
        }
    }
}

impl Gauges {
    gauge!(waiting, set_waiting: u64);
    gauge!(sessions, set_sessions: u64);
    switch!(behind, behind_since, set_behind);
    gauge!(linked, set_linked: u32);
    switch!(seatless, seatless_since, set_seatless);
    switch!(quorum_linked, quorum_linked_since, set_quorum_linked);
    gauge!(flushing, set_flushing: bool);

    /// Whether final blocks are known that are not at hand.
    pub(crate) fn behind(&self) -> bool {
        self.behind.on.load(Ordering::Relaxed)
    }

    /// Whether the node has no seat in the epoch that it is in, or no shard.
    pub(crate) fn seatless(&self) -> bool {
        self.seatless.on.load(Ordering::Relaxed)
    }

    /// The event loop turns.
    pub(crate) fn beat(&self) {
        self.turned_ms.store(self.running_ms(), Ordering::Relaxed);
    }

    /// Whether the event loop has turned lately.
    pub(crate) fn is_alive(&self) -> bool {
        let turned = self.turned_ms.load(Ordering::Relaxed);
        let silent = Duration::from_millis(self.running_ms().saturating_sub(turned));
        silent < ALIVE
    }

    fn running_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Switch {
    /// Off, from now on.
    fn off() -> Self {
        Self {
            on: AtomicBool::new(false),
            since_ms: AtomicU64::new(time_of_day().as_ms()),
        }
    }

    fn set(&self, value: bool) {
        if self.on.swap(value, Ordering::Relaxed) != value {
            let now = time_of_day().as_ms();
            self.since_ms.store(now, Ordering::Relaxed);
        }
    }
}

impl Pulse {
    /// Whether the node still does its work. One that does not should be ended and started anew.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }
}
