//! What the shards of a network have agreed on beforehand: how they run S-BAC, and which shards a
//! contract trusts.
//!
//! Anybody may found a shard, so a contract names the shards that may hold its objects and those that
//! may decide about them. Every shard that holds an object of the contract enforces it before it locks
//! anything (decision D9).
//!
//! Paper: Section II-B, "a dishonest shard can at worse affect state from contracts that have objects
//! mapped to it".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ContractId, ShardId};
use crate::placement::Footprint;
use crate::result::AbortReason;
use crate::shard::Committee;
use crate::transaction::Mode;

/// How the shards of a network run S-BAC. Both profiles are choices among the same code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub enum Profile {
    /// For a network that anybody may join.
    #[default]
    Open,
    /// As in the paper: `f + 1` nodes speak for a shard, references are locked as inputs are, every
    /// shard decides for itself by all votes, and objects are spread over all shards.
    ///
    /// Paper: Section IV-C, Section V-A.
    Paper,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Paper => "paper",
        })
    }
}

impl Profile {
    /// How many members of a shard make a promise of it believed by others: [`Profile::Open`] asks
    /// for `2f + 1`, so that two contradicting promises share an honest member even if the shard is
    /// split by something that is not deterministic (decision D12).
    ///
    /// Paper: Section V-A, `LocalPrepared`. Deviation: D-6.
    #[must_use]
    pub fn threshold(self, committee: &Committee) -> usize {
        match self {
            Self::Open => committee.quorum(),
            Self::Paper => committee.honest_threshold(),
        }
    }

    /// Whether transactions that read one object may do so at the same time.
    #[must_use]
    pub const fn shares_references(self) -> bool {
        matches!(self, Self::Open)
    }

    /// How a wallet has a transaction decided that `decider` could decide.
    #[must_use]
    pub const fn mode(self, decider: ShardId) -> Mode {
        match self {
            Self::Open => Mode::Decider(decider),
            Self::Paper => Mode::AllVotes,
        }
    }
}

/// The shards that a contract trusts.
///
/// Paper: Section VI-A, `MC.Mapping`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The shards that its objects may live in, ascending.
    pub homes: Vec<ShardId>,
    /// The shards that may decide about transactions with its objects, ascending.
    pub deciders: Vec<ShardId>,
    /// The names of its types that no procedure consumes, ascending: nobody needs to lock these.
    pub frozen: Vec<String>,
}

/// What all shards of a network have agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    profile: Profile,
    /// The shards that were there from the start, which a contract without a mapping trusts.
    founders: BTreeSet<ShardId>,
    /// The shards that there are.
    known: BTreeSet<ShardId>,
    mappings: BTreeMap<ContractId, Mapping>,
}

impl Policy {
    /// The policy of a network whose first shards are `founders`.
    #[must_use]
    pub fn new(
        profile: Profile,
        founders: BTreeSet<ShardId>,
        mappings: BTreeMap<ContractId, Mapping>,
    ) -> Self {
        Self {
            profile,
            known: founders.clone(),
            founders,
            mappings,
        }
    }

    /// How S-BAC is run.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether there is a shard with this number. A mapping may name shards that are founded later;
    /// until then nobody votes for them, and who waited for their decision would wait for ever.
    #[must_use]
    pub fn knows(&self, shard: ShardId) -> bool {
        self.known.contains(&shard)
    }

    /// A shard has been founded.
    pub fn found(&mut self, shard: ShardId) {
        self.known.insert(shard);
    }

    /// Whether an object of `contract` may live in `shard`, once there is one.
    #[must_use]
    pub fn may_hold(&self, contract: &ContractId, shard: ShardId) -> bool {
        match self.mappings.get(contract) {
            Some(mapping) => mapping.homes.contains(&shard),
            None => self.founders.contains(&shard),
        }
    }

    /// Whether `shard` may decide about objects of `contract`, once there is one.
    #[must_use]
    pub fn may_decide(&self, contract: &ContractId, shard: ShardId) -> bool {
        match self.mappings.get(contract) {
            Some(mapping) => mapping.deciders.contains(&shard),
            None => self.founders.contains(&shard),
        }
    }

    /// Whether no procedure of `contract` consumes objects of the type with this name.
    #[must_use]
    pub fn is_frozen(&self, contract: &ContractId, type_name: &str) -> bool {
        self.mappings
            .get(contract)
            .is_some_and(|mapping| mapping.frozen.iter().any(|frozen| frozen == type_name))
    }

    /// Whether a transaction keeps to the mappings of all contracts of which it touches an object in
    /// `shard`, and to shards that there are. What it touches of other contracts is for other shards
    /// to judge, but for this: no object lives where the mapping of its contract does not allow it. Its
    /// checkers would run there alone, and what a shard says that the contract does not trust would count
    /// here.
    ///
    /// # Errors
    ///
    /// [`AbortReason::Home`] or [`AbortReason::Decider`].
    pub fn check(
        &self,
        footprint: &Footprint,
        mode: Mode,
        shard: ShardId,
    ) -> Result<(), AbortReason> {
        let ours: BTreeSet<ContractId> = footprint.at(shard).map(|touch| touch.contract).collect();
        for touch in footprint.touches() {
            let (contract, home) = (touch.contract, touch.home);
            let trusted = match ours.contains(&contract) {
                true => self.knows(home) && self.may_hold(&contract, home),
                false => !self.mappings.contains_key(&contract) || self.may_hold(&contract, home),
            };
            if !trusted {
                return Err(AbortReason::Home { contract, home });
            }
        }
        for contract in ours {
            if let Some(decider) = self.not_trusted(&contract, footprint, mode) {
                return Err(AbortReason::Decider { contract, decider });
            }
        }
        Ok(())
    }

    /// A shard that has a say in what becomes of a transaction, and that `contract` does not trust.
    ///
    /// Where all participants decide, each of them could tell some that it votes for the transaction
    /// and others that it does not.
    fn not_trusted(
        &self,
        contract: &ContractId,
        footprint: &Footprint,
        mode: Mode,
    ) -> Option<ShardId> {
        match mode {
            Mode::Decider(decider) => {
                let trusted = self.knows(decider) && self.may_decide(contract, decider);
                (!trusted).then_some(decider)
            }
            Mode::AllVotes => {
                let trusted = |home: &ShardId| {
                    let named = self.may_hold(contract, *home) || self.may_decide(contract, *home);
                    self.knows(*home) && named
                };
                let mut homes = footprint.touches().iter().map(|touch| touch.home);
                homes.find(|home| !trusted(home))
            }
        }
    }
}
