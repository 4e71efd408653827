//! A node: the shell around the replica of one member of a shard.
//!
//! ```text
//!              frames                 events                 turns
//!   net ------------------> admission ------> event loop ----------> effects ---> log, tables
//!    |  ^                       ^            (the replica)             |   |
//!    |  |                       | submissions    ^                     |   '---> waiters
//!    |  |  requests, links      |                | blocks, links       |             |
//!    |  '-----------------> service (api, sync) -'                     |          (wakes api)
//!    '<----------------------------------------------------------------' frames out
//! ```
//!
//! Each box is a thread, each arrow a channel with a bound. The replica decides; the node owns what
//! it must not: the clock, the disk, the network and the key. What the replica asks to be kept is on
//! disk before anything leaves that depends on it.
//!
//! Paper: Section VII, the nodes; Figure 5.

mod admission;
mod announce;
mod api;
mod applicant;
mod archivist;
mod clock;
pub mod config;
mod contracts;
mod effects;
mod error;
mod event;
mod event_loop;
mod flusher;
mod gauges;
mod genesis;
mod heads;
mod heir;
mod herald;
mod http;
mod judge;
pub mod labels;
mod lies;
pub mod limits;
mod lobby;
mod metrics;
mod peer_view;
mod pursuit;
mod readiness;
mod reads;
mod registrar;
mod registry;
mod running;
mod scout;
mod service;
pub mod signer;
mod standing;
mod start;
mod stop;
pub mod store;
mod sync_server;
#[cfg(test)]
mod testing;
mod view;
mod waiters;
mod watched;
mod weather;

pub use self::contracts::Contracts;
pub use admission::Counters;
pub use announce::AnnouncePrivate;
pub use api::VERSION;
pub use applicant::{Applicant, Consents, NoConsent};
pub use config::Config;
pub use error::Fatal;
pub use gauges::Pulse;
pub use genesis::{load_genesis, parse_genesis};
pub use labels::Labels;
pub use reads::Reads;
pub use running::Running;
pub use standing::{Outlook, Standing};
pub use start::{Node, is_on_one_machine};
pub use stop::Stopper;
