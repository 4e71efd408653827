//! What a network starts with: the first shards, and all the money there will ever be.
//!
//! Paper: Section VI-A, "The CSCoin contract creates a fixed initial supply of coins".

use contracts::Content;
use model::genesis::{GenesisObject, GenesisShard};
use model::{Genesis, ObjectType, Profile, PublicKey, ShardId, Time};

use crate::cscoin::{self, Account};

/// A genesis document with these shards, and an account for each owner with a balance in ncsc, in
/// the shard beside it. Every contract trusts all of the shards.
///
/// It is taken as given; [`Genesis::check`] and [`supply`] say whether it can start a network.
#[must_use]
pub fn genesis(
    name: impl Into<String>,
    created: Time,
    shards: Vec<GenesisShard>,
    accounts: &[(PublicKey, ShardId, u64)],
) -> Genesis {
    Genesis {
        name: name.into(),
        created,
        profile: Profile::Open,
        shards,
        mappings: Vec::new(),
        objects: accounts
            .iter()
            .map(|&(owner, home, balance)| account(owner, home, balance))
            .collect(),
    }
}

fn account(owner: PublicKey, home: ShardId, balance: u64) -> GenesisObject {
    GenesisObject {
        object_type: ObjectType {
            contract: cscoin::id(),
            name: Account::TYPE.to_owned(),
        },
        home,
        content: Account { owner, balance }.output(home).content,
    }
}

/// All the money of a network, in ncsc.
///
/// `None` if an object of CSCoin is not a proper account (unreadable, empty, or with a weak owner),
/// or if the sum does not fit.
#[must_use]
pub fn supply(genesis: &Genesis) -> Option<u64> {
    genesis
        .objects
        .iter()
        .filter(|object| object.object_type.contract == cscoin::id())
        .map(balance)
        .try_fold(0_u64, |supply, balance| supply.checked_add(balance?))
}

fn balance(object: &GenesisObject) -> Option<u64> {
    let account = Account::decode(cscoin::id(), &object.object_type, &object.content).ok()?;
    let proper = account.balance > 0 && account.owner.check_registrable().is_ok();
    proper.then_some(account.balance)
}
