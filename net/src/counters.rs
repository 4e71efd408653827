//! What has passed through a node's network, and what was dropped or refused and why.
//!
//! Labels are reasons and never peers: a peer may be anybody, and a list of anybodies has no bound.

use std::sync::atomic::{AtomicU64, Ordering};

/// Makes the shared counters and their snapshot from one list.
macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A snapshot of the counters, all since the network was started.
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
            $(pub(crate) $name: Counter,)*
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
    /// Frames written to links.
    frames_out,
    /// Frames read from links.
    frames_in,
    /// Bytes of the frames written to links.
    frame_bytes_out,
    /// Bytes of the frames read from links.
    frame_bytes_in,
    /// Frames that were not queued because the member had no link.
    frames_dropped_unlinked,
    /// Frames that were not queued because the member's queue was full.
    frames_dropped_full,
    /// Requests sent.
    requests_out,
    /// Requests handed to this node.
    requests_in,
    /// Requests of peers that were turned away because there was no room for them.
    requests_refused_full,
    /// Requests of peers that ask for more than their share.
    requests_over_quota,
    /// Requests that this node did not answer, or not in time.
    requests_unanswered,
    /// Frames, requests or responses of peers that were longer than allowed.
    oversize,
    /// Requests in which neighbours were told something, and which they took.
    sbac_requests_out,
    /// Requests read in which neighbours told us something.
    sbac_requests_in,
    /// Frames that neighbours took.
    sbac_frames_out,
    /// Frames read from neighbours.
    sbac_frames_in,
    /// Frames for neighbours that were queued or under way and of which the neighbour did not say
    /// that it took them.
    sbac_frames_lost,
    /// Frames that were not queued because the neighbour was not connected.
    sbac_frames_dropped_unconnected,
    /// Frames that were not queued because the neighbour's queue was full.
    sbac_frames_dropped_full,
    /// Frames that were not queued because the node is no neighbour: it is in no other shard, or there are
    /// more members of other shards than a node can work with.
    sbac_frames_dropped_no_neighbour,
    /// Requests to take frames from those who are no neighbours.
    sbac_requests_refused,
    /// Requests of neighbours that are no batch of frames.
    sbac_bodies_bad,
    /// Links that came up.
    links_up,
    /// Links that went down.
    links_down,
    /// Streams that asked for a link and were refused: not a member, or not the link to keep.
    links_refused,
    /// What others should know and is kept for them: node records that were new, and who serves what.
    records_kept,
    /// What was handed in for others and is not kept: forged, useless, or too much.
    records_refused,
    /// Messages about the directory that were not looked at because their peer sends too many.
    directory_unanswered,
    /// Nodes that were looked up because there was no way to them.
    lookups,
    /// Messages of gossip that this node has published.
    gossip_out,
    /// Messages of gossip that this node was given to judge.
    gossip_in,
    /// Messages of gossip that were not looked at because their peer passes on too many.
    gossip_refused_rate,
    /// Messages of gossip that were not looked at because too many waited to be judged.
    gossip_dropped_full,
    /// Messages of gossip that were false.
    gossip_rejected,
    /// Connections established, in both directions.
    connections,
    /// Inbound connections turned away by a limit.
    connections_refused,
    /// Inbound connections that failed in the handshake.
    handshakes_failed,
    /// Peers that were turned away by what they said in the greeting, or said nothing.
    hellos_refused,
    /// What peers have done that no peer does.
    offences,
    /// Guests that were disconnected for what they had done.
    peers_disconnected,
    /// Guests that were banned for what they had done.
    peers_banned,
    /// How often a guest was found to have paid for something.
    guests_paid,
    /// Guests that were let go because memory was short.
    guests_let_go,
    /// Connections with peers of other networks.
    wrong_network,
    /// Dials that failed.
    dials_failed,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// Counts one.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    /// Counts `amount`.
    pub(crate) fn add(&self, amount: u64) {
        // Relaxed, because no other memory is read on the strength of a counter.
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
