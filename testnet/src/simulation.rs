//! The simulator: shards of production replicas in virtual time, from a seed.
//!
//! ```text
//!   seed --> plan of troubles, habits of nodes, liars, users
//!                     |
//!                     v
//!   agenda --event--> member --effects--> network, disk, agenda
//!                       |
//!                       '--everything it does--> judges (crate::invariants)
//! ```
//!
//! A member is a [`Node`], which is the production [`consensus::Replica`] over the production
//! [`node::store::log`], or a liar (crate::adversary). First everything goes wrong that may: messages
//! are late, lost, doubled and out of order, links break, machines lose power between any two things
//! they do, clocks are off. Then the network is calm, and everything that should happen must happen.
//! Judges look at every step. The same seed is the same run, byte for byte.
//!
//! Design: sbac.md, sections 9 and 10 (C, D, E); bft.md, section 6.

mod agenda;
mod around;
mod chain;
mod chronicle;
mod clients;
mod coverage;
mod disk;
mod explore;
mod fault;
mod habits;
mod lure;
mod network;
mod node;
mod notary;
mod options;
mod plan;
mod random;
mod setting;
mod trust;
mod verdict;
mod world;

pub use self::node::Node;
pub use around::{Alarm, Around, Effect, Happening, Leak, Purpose};
pub(crate) use coverage::Coverage;
pub use disk::{Disk, Outage};
pub use explore::{Progress, Report, Worlds, explore, run};
pub use fault::{Fault, Faults};
pub use habits::{Flaw, Habits};
pub use network::{Frame, Network, Weather};
pub use notary::{Journal, Notary, Scribe};
pub use options::{CrashPoint, Forgetting, Modes, Options};
pub use plan::Change;
pub use random::Random;
pub use setting::{DAWN, Place, SHARD, Setting};
pub use trust::Trust;
pub use verdict::{Failure, Summary};
