//! What nodes pass on to all others: news of the directory.
//!
//! Nobody is believed who passes something on: each piece of news proves itself to whoever knows what was
//! before it. What else is gossiped are [`HeadCertificate`](crate::HeadCertificate)s and
//! [`Malpractice`](crate::Malpractice), as they are.

use serde::{Deserialize, Serialize};

use crate::api::Act;
use crate::epoch::EpochChange;

/// Something that has happened to the shards of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "news is rare, and none is kept in numbers"
)]
pub enum News {
    /// A shard has begun an epoch: its members before say so.
    Changed(EpochChange),
    /// The root shard has committed something about shards: one was founded, or has lost a member.
    Acted(Act),
}
