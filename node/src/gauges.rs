//! A few numbers that one thread of a node sets and others read.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The numbers. None of them guards anything, so each is read and written by itself.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Transactions that wait to be decided.
    waiting: AtomicU64,
    /// Whether final blocks are known that are not at hand.
    behind: AtomicBool,
    /// Other members with a link.
    linked: AtomicU32,
    /// Whether the node has no seat in the epoch that it is in.
    seatless: AtomicBool,
    /// Whether the tables are being written.
    flushing: AtomicBool,
}

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

impl Gauges {
    gauge!(waiting, set_waiting: u64);
    gauge!(behind, set_behind: bool);
    gauge!(linked, set_linked: u32);
    gauge!(seatless, set_seatless: bool);
    gauge!(flushing, set_flushing: bool);
}
