//! How the nodes of a shard agree, and what they agree on.
//!
//! ```text
//!   transactions          votes, certificates            blocks to catch up
//!        |                        |                               |
//!        v                        v                               v
//!   +---------+   payload   +-----------+   final blocks   +-------------+   head
//!   | mempool | ----------> |    bft    | ---------------> |   ledger    | -------> signed, gathered
//!   +---------+             | (Simplex) |                  | apply(s, b) |          into certificates
//!        ^                  +-----------+                  +-------------+
//!        |                        one `Replica`: step(now, input) -> outputs
//! ```
//!
//! Everything here is a value with one method. It reads no clock, draws no randomness, opens nothing
//! and logs nothing; time comes in, wishes go out, and the shell carries them out in order:
//! what is to be kept is kept before anything that depends on it is sent.
//!
//! Paper: Section IV-C. Deviations: D-5 (Simplex in place of Mod-SMaRt), D-6 (one head per block).

pub mod action;
pub mod bft;
mod head;
pub mod injected;
pub mod ledger;
mod member;
pub mod mempool;
pub mod message;
mod recall;
pub mod record;
pub mod replica;
pub mod sbac;
pub mod sequencer;
pub mod shards;
pub mod signer;
mod succession;
mod suspicion;
pub mod time;

pub use action::{Action, ActionKey};
pub use ledger::{Applied, Ledger};
pub use message::{Admitted, Message};
pub use record::Record;
pub use replica::{Input, Output, Replica};
pub use sequencer::{Payloads, Sequencer};
pub use shards::Shards;
pub use signer::Signer;
pub use time::Now;
