//! What admission has done, in numbers. Labels are reasons and never members, who are many.

use std::sync::atomic::{AtomicU64, Ordering};

use consensus::message::Refused;

/// Makes the shared counters and their snapshot from one list.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A snapshot of what admission has done since the node was started.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counters {
            /// All of them: the name of each, what it counts, and how often that has happened.
            #[must_use]
            pub fn list(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), concat!($($doc),*).trim_ascii(), self.$name),)*]
            }
        }

        /// The counters as they are counted.
        #[derive(Debug, Default)]
        pub(crate) struct Meter {
            $(pub(super) $name: Counter,)*
        }

        impl Meter {
            /// What has been counted so far.
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.get(),)* }
            }
        }
    };
}

counters! {
    /// Signatures of users that were checked. Those that were remembered are not among them.
    signatures,
    /// Frames that hold no message.
    not_a_message,
    /// Blocks of another network, shard or epoch.
    other_scope,
    /// Blocks with another payload than their header names.
    other_payload,
    /// Messages and blocks with too many transactions.
    too_many,
    /// Transactions of members that are malformed or not signed by whom they say, and blocks with
    /// such a transaction.
    transactions,
    /// Letters and blocks with what is said to be a promise of another shard and is none.
    parcels,
    /// Ends of epochs, and approvals of them, that cannot be.
    endings,
    /// What was said of the epochs of shards and is not so, or not known to be so.
    changes,
    /// Transactions of clients that use what is not there, beyond those that are taken all the same.
    unfunded,
    /// Transactions of clients that no client makes, malformed or with a signature that is none, and what
    /// the same clients handed in soon after.
    false_submissions,
    /// Frames of nodes that are neither in the committee nor in that of another shard.
    strangers,
}

impl Meter {
    /// The counter of a reason.
    pub(super) const fn refused(&self, reason: &Refused) -> &Counter {
        match reason {
            Refused::Encoding(_) => &self.not_a_message,
            Refused::OtherScope => &self.other_scope,
            Refused::OtherPayload => &self.other_payload,
            Refused::TooMany { .. } => &self.too_many,
            Refused::Transaction(_) | Refused::NotAChain => &self.transactions,
            Refused::Parcel(_) => &self.parcels,
            Refused::Ending(_) | Refused::AfterEnd => &self.endings,
            Refused::Change(_) => &self.changes,
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn increment(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, amount: usize) {
        // Relaxed, because no other memory is read on the strength of a counter.
        self.0.fetch_add(amount as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
