//! What a network starts with: the first shards, and all the money there will ever be.
//!
//! Paper: Section VI-A, "The CSCoin contract creates a fixed initial supply of coins".

use std::collections::BTreeSet;

use contracts::Content;
use model::genesis::{GenesisMapping, GenesisObject, GenesisShard};
use model::{ContractId, Genesis, ObjectType, Profile, PublicKey, ShardId, ShardRecord, Time};

use crate::cscoin::{self, Account};
use crate::manage_shards::{self, Shard, Token};

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
    object(cscoin::id(), home, &Account { owner, balance })
}

fn object<T: Content>(contract: ContractId, home: ShardId, content: &T) -> GenesisObject {
    GenesisObject {
        object_type: ObjectType {
            contract,
            name: T::TYPE.to_owned(),
        },
        home,
        content: content.output(home).content,
    }
}

/// The document with its shards on the ledger: their records and the token, all in the first shard,
/// which is the root, and the mapping by which no other shard has a say in them.
///
/// The first shards ask for nothing. What they are made of is not asked here: genesis says so.
///
/// Paper: Section VI-A, "ManageShards initializes a singleton object of type MS.Token".
#[must_use]
pub fn with_managed_shards(mut genesis: Genesis) -> Genesis {
    if let Some(first) = genesis.shards.first() {
        let (contract, root) = (manage_shards::id(), first.shard);
        let mapping = manage_shards::mapping(root);
        genesis.objects.extend(managed_shards(&genesis, root));
        genesis.mappings.push(GenesisMapping { contract, mapping });
        genesis.mappings.sort_by_key(|entry| entry.contract);
    }
    genesis
}

/// The document with room for shards that are founded later: all numbers below `end` may hold accounts,
/// besides the shards that it has.
#[must_use]
pub fn with_accounts_below(mut genesis: Genesis, end: u32) -> Genesis {
    let founders = genesis.shards.iter().map(|founder| founder.shard);
    let homes: BTreeSet<ShardId> = founders.chain((0..end).map(ShardId::new)).collect();
    genesis.mappings.push(GenesisMapping {
        contract: cscoin::id(),
        mapping: cscoin::mapping(homes.into_iter().collect()),
    });
    genesis.mappings.sort_by_key(|entry| entry.contract);
    genesis
}

/// Why the objects of a genesis document cannot start a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadContents {
    /// ManageShards starts with other shards than there are.
    #[error(
        "the shards that the genesis document lists are not those that it registers in ManageShards"
    )]
    OtherShards,
    /// An object of CSCoin is not a proper account, or there is more money than can be counted.
    #[error("the accounts of the genesis document do not add up to a supply of CSCoin")]
    Supply,
}

/// Checks what [`Genesis::check`] cannot know: that the objects of the system contracts agree with the
/// document. One without any object of ManageShards starts a network whose shards stay as they are.
///
/// # Errors
///
/// [`BadContents`] says what is wrong with it.
pub fn check(genesis: &Genesis) -> Result<(), BadContents> {
    let contract = manage_shards::id();
    let mut objects = genesis.objects.iter();
    let mut mappings = genesis.mappings.iter();
    let registers = objects.any(|object| object.object_type.contract == contract)
        || mappings.any(|entry| entry.contract == contract);
    if registers && !manages_its_shards(genesis) {
        return Err(BadContents::OtherShards);
    }
    supply(genesis).map(drop).ok_or(BadContents::Supply)
}

/// Whether ManageShards starts with the shards of the document and nothing else.
#[must_use]
pub fn manages_its_shards(genesis: &Genesis) -> bool {
    let contract = manage_shards::id();
    let Some(root) = genesis.shards.first().map(|first| first.shard) else {
        return false;
    };
    let mut mappings = genesis.mappings.iter();
    let mapping = mappings.find(|entry| entry.contract == contract);
    let objects = genesis.objects.iter();
    let objects = objects.filter(|object| object.object_type.contract == contract);
    mapping.is_some_and(|entry| entry.mapping == manage_shards::mapping(root))
        && objects.eq(managed_shards(genesis, root).iter())
}

/// The token and the records of the shards of the document.
fn managed_shards(genesis: &Genesis, root: ShardId) -> Vec<GenesisObject> {
    let contract = manage_shards::id();
    let last = genesis.shards.iter().map(|founder| founder.shard).max();
    let next = last.and_then(|last| Token { next: last }.counted());
    let token = next.map(|token| object(contract, root, &token));
    let record = |founder: &GenesisShard| {
        let record = ShardRecord::founded(founder.shard, founder.members.clone(), 0);
        object(contract, root, &Shard(record))
    };
    token
        .into_iter()
        .chain(genesis.shards.iter().map(record))
        .collect()
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
