//! What exists in ManageShards: the token that numbers shards, and the record of each shard.
//!
//! Paper: Section VI-A, `MS.Token` and `MS.Shard`.

use contracts::Content;
use model::{HandOver, ShardId, ShardRecord, Signature};
use serde::{Deserialize, Serialize};

/// The token: there is one, genesis makes it, and whoever founds a shard consumes it and makes the
/// next one. So no number is given twice.
///
/// Two who found shards at the same time contend for it. The second one takes the next number, and
/// its nodes consent to that.
///
/// Paper: Section VI-A, "a singleton object of type MS.Token".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The number of the next shard.
    pub next: ShardId,
}

impl Content for Token {
    const TYPE: &'static str = "Token";
}

impl Token {
    /// The token after a shard was founded; `None` if the numbers are used up.
    #[must_use]
    pub fn counted(self) -> Option<Self> {
        let next = self.next.number().checked_add(1).map(ShardId::new)?;
        Some(Self { next })
    }
}

/// A shard: there is one object for each, whose content is its record.
///
/// Paper: Section VI-A, `MS.Shard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard(pub ShardRecord);

impl Content for Shard {
    const TYPE: &'static str = model::lineage::RECORD_TYPE;
}

/// Why a list of nodes may follow another one: the local parameters of an update.
///
/// The list itself is in the output, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The shard has ended the epoch and names its next record.
    pub hand_over: HandOver,
    /// The consents of the newcomers, in the order of their seats.
    pub consents: Vec<Signature>,
}
