//! The shards of the network, as a member of one of them knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::genesis::BadGenesis;
use model::statement::Scope;
use model::{Committee, Genesis, Policy, ShardId};

/// All shards, and which of them is ours. A clone shares them.
#[derive(Clone, Debug)]
pub struct Shards {
    ours: Committee,
    others: Arc<BTreeMap<ShardId, Committee>>,
    policy: Arc<Policy>,
}

impl Shards {
    /// The shards of `genesis`, as a member of `ours` knows them; `None` if it has no such shard.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] if the members of a shard cannot form one.
    pub fn of_genesis(genesis: &Genesis, ours: ShardId) -> Option<Result<Self, BadGenesis>> {
        genesis.shard(ours)?;
        let shards = genesis.shards.iter().map(|shard| shard.shard);
        let committees = shards.map(|shard| {
            let committee = genesis.committee(shard).expect("a shard of the document")?;
            Ok((shard, committee))
        });
        let committees: Result<BTreeMap<_, _>, BadGenesis> = committees.collect();
        Some(committees.map(|mut others| Self {
            ours: others.remove(&ours).expect("looked for above"),
            others: Arc::new(others),
            policy: Arc::new(genesis.policy()),
        }))
    }

    /// A shard that is alone in its network.
    #[must_use]
    pub fn alone(ours: Committee) -> Self {
        let founders = [ours.scope().shard].into();
        let policy = Policy::new(model::Profile::Open, founders, BTreeMap::new());
        Self {
            ours,
            others: Arc::default(),
            policy: Arc::new(policy),
        }
    }

    /// Our shard.
    #[must_use]
    pub const fn ours(&self) -> &Committee {
        &self.ours
    }

    /// What every signature of our shard is bound to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        self.ours.scope()
    }

    /// Another shard.
    #[must_use]
    pub fn other(&self, shard: ShardId) -> Option<&Committee> {
        self.others.get(&shard)
    }

    /// All other shards, ascending.
    pub fn others(&self) -> impl Iterator<Item = &Committee> {
        self.others.values()
    }

    /// What all shards have agreed on.
    #[must_use]
    pub const fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }
}
