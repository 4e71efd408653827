//! What users run: the wallet, submitting, following, reading, receipts.
//!
//! ```text
//!            Wallet                 keys, journal, which accounts to spend
//!              |
//!            Client                 submit, follow, read: whom to ask and what to believe
//!              |
//!             Api                   one question, one answer
//!              |
//!           Network                 libp2p, in the crate `net`
//! ```
//!
//! Nothing that a node says is believed without proof. A decision brings the signatures of a quorum
//! and is checked against the members of the shard, which the genesis document names and each of their
//! successors proves; an object is named by what it
//! contains; what remains are hints, such as which accounts somebody has, and for those several
//! nodes are asked.
//!
//! A payment is never lost and never made twice: its identifier is known and written down before
//! anything is sent, sending it again is safe, and whatever replaces it consumes what it consumes
//! (see [`wallet`]).
//!
//! Paper: Section VII, Figure 5, the S-BAC client.

pub mod address;
pub mod amount;
pub mod api;
pub mod connection;
mod consent;
pub mod describe;
pub mod error;
pub mod evidence;
pub mod file;
mod find;
pub mod follow;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod keys;
mod lookup;
mod members;
mod network;
pub mod outcome;
pub mod paper;
pub mod read;
pub mod receipt;
mod shard_list;
mod spread;
mod submit;
mod succession;
#[cfg(test)]
mod testing;
pub mod wallet;

pub use address::{AddressError, Addresses, Kind, NetworkKind};
pub use amount::{Amount, AmountError};
pub use api::{Api, AskError};
pub use connection::{Client, Endpoints, NodeEndpoint, Options};
pub use error::{Class, Error};
pub use follow::{Event, Progress, Watch};
pub use network::Network;
pub use outcome::{OutcomeUnknown, Settled, Verified};
pub use paper::PaperError;
pub use read::{Account, Holdings};
pub use receipt::ReceiptError;
pub use shard_list::{Listed, ShardList, Source, founded};
pub use succession::Stance;
pub use wallet::{Founding, JournalError, Moving, Objection, Order, Updating, Wallet};
