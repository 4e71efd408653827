//! Which shards of a world lie, and what that may do to honest ones.

use std::collections::BTreeSet;

use model::transaction::TransactionBody;
use model::{Mode, ShardId};

/// Whom one can trust in a world.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    dishonest: BTreeSet<ShardId>,
    /// Whether CSCoin trusts the honest shards alone.
    guarded: bool,
}

impl Trust {
    /// All shards are honest but these. If CSCoin is `guarded`, it does not trust them.
    #[must_use]
    pub const fn without(dishonest: BTreeSet<ShardId>, guarded: bool) -> Self {
        Self { dishonest, guarded }
    }

    /// Whether all members of a shard lie.
    #[must_use]
    pub fn is_dishonest(&self, shard: ShardId) -> bool {
        self.dishonest.contains(&shard)
    }

    /// The shards that lie.
    #[must_use]
    pub const fn dishonest(&self) -> &BTreeSet<ShardId> {
        &self.dishonest
    }

    /// Whether no transaction of CSCoin can be harmed by anybody (sbac.md, section 1, DS-isolation).
    #[must_use]
    pub fn is_isolated(&self) -> bool {
        self.guarded || self.dishonest.is_empty()
    }

    /// Whether a dishonest shard takes part in a transaction.
    #[must_use]
    pub fn is_exposed(&self, body: &TransactionBody) -> bool {
        let mut participants = body.participants.iter();
        participants.any(|shard| self.is_dishonest(*shard))
    }

    /// Whether a dishonest shard may split honest ones over a transaction, or leave them waiting: it
    /// decides, or all do (sbac.md, 2.4), and the contract trusts it.
    #[must_use]
    pub fn is_bribed(&self, body: &TransactionBody) -> bool {
        !self.guarded && self.is_ruled(body)
    }

    /// Whether a dishonest shard decides, or one of all who do, whatever contracts say to that.
    #[must_use]
    pub fn is_ruled(&self, body: &TransactionBody) -> bool {
        match body.mode {
            Mode::Decider(decider) => self.is_dishonest(decider),
            Mode::AllVotes => self.is_exposed(body),
        }
    }
}
