//! Which accounts to spend.
//!
//! A payment out of one shard is decided by that shard alone, which is fastest, so several shards are
//! drawn on only if none has enough. The largest accounts come first, so that a payment consumes few,
//! and accounts that an undecided payment consumes are left alone. A transaction consumes [`INPUTS_MAX`] accounts at most. If more
//! are needed, so many are merged into one first, which is a transaction of its own, and again until
//! the payment fits.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::{Object, ObjectId, ShardId, TransactionId};

use crate::amount::Amount;
use crate::read::Account;

/// Accounts that one transaction consumes. Each takes about 250 bytes of the 64 KiB that a
/// transaction may have.
pub(super) const INPUTS_MAX: usize = 128;

/// What is in the way of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It takes too many accounts. These must be merged first.
    Scattered(Vec<Object>),
    /// This transaction, which is not decided, holds what is needed.
    Held(TransactionId),
    /// There is nothing to move to this shard.
    Nothing(ShardId),
    /// There is not enough.
    Short {
        /// What there is.
        have: Amount,
        /// What is needed.
        need: Amount,
    },
}

/// Chooses among the accounts of one owner, the largest of which comes first. If one shard alone has
/// enough, its accounts are chosen: `home` if it is one of those, else the one that takes the fewest.
pub(super) fn choose(
    accounts: &[Account],
    held: &BTreeMap<ObjectId, TransactionId>,
    need: Amount,
    home: Option<ShardId>,
) -> Result<Vec<Object>, Obstacle> {
    let is_free = |account: &&Account| !held.contains_key(&account.id);
    let mut shards: BTreeMap<ShardId, Vec<&Account>> = BTreeMap::new();
    for account in accounts.iter().filter(is_free) {
        let shard = shards.entry(account.object.home).or_default();
        shard.push(account);
    }
    let alone = shards.iter().filter_map(|(shard, accounts)| {
        let chosen = enough(accounts.iter().copied(), need)?;
        Some((Some(*shard) != home, chosen.len(), chosen))
    });
    let alone = alone.filter(|(_, count, _)| *count <= INPUTS_MAX);
    if let Some((.., chosen)) = alone.min_by_key(|(elsewhere, count, _)| (*elsewhere, *count)) {
        return Ok(objects(chosen));
    }
    if let Some(chosen) = enough_of_few(&shards, need) {
        if chosen.len() <= INPUTS_MAX {
            return Ok(objects(chosen));
        }
        return Err(Obstacle::Scattered(objects(to_merge(&chosen))));
    }
    let have = accounts
        .iter()
        .fold(Amount::default(), |sum, a| sum.plus(a.balance));
    let holder = accounts.iter().find_map(|account| held.get(&account.id));
    match holder {
        Some(transaction) if have >= need => Err(Obstacle::Held(*transaction)),
        Some(_) | None => Err(Obstacle::Short { have, need }),
    }
}

/// Chooses the accounts that are not in `home`, as many as one transaction consumes.
pub(super) fn away(
    accounts: &[Account],
    held: &BTreeMap<ObjectId, TransactionId>,
    home: ShardId,
) -> Result<Vec<Object>, Obstacle> {
    let elsewhere = accounts
        .iter()
        .filter(|account| account.object.home != home);
    let (held_back, free): (Vec<&Account>, Vec<&Account>) =
        elsewhere.partition(|account| held.contains_key(&account.id));
    if !free.is_empty() {
        return Ok(objects(free.into_iter().take(INPUTS_MAX).collect()));
    }
    let holder = held_back.first().and_then(|account| held.get(&account.id));
    Err(holder.map_or(Obstacle::Nothing(home), |holder| Obstacle::Held(*holder)))
}

/// The first of the accounts that hold so much together, if all of them do.
fn enough<'a>(
    accounts: impl Iterator<Item = &'a Account>,
    need: Amount,
) -> Option<Vec<&'a Account>> {
    let mut chosen = Vec::new();
    let mut sum = Amount::default();
    for account in accounts {
        sum = sum.plus(account.balance);
        chosen.push(account);
        if sum >= need {
            return Some(chosen);
        }
    }
    None
}

/// The largest accounts that hold so much together, out of as few shards as possible: those that hold
/// most.
fn enough_of_few<'a>(
    shards: &BTreeMap<ShardId, Vec<&'a Account>>,
    need: Amount,
) -> Option<Vec<&'a Account>> {
    let total = |accounts: &[&Account]| {
        let balances = accounts.iter().map(|account| account.balance);
        balances.fold(Amount::default(), Amount::plus)
    };
    let mut richest: Vec<&Vec<&Account>> = shards.values().collect();
    richest.sort_by_key(|accounts| Reverse(total(accounts)));
    let mut together: Vec<&Account> = Vec::new();
    for accounts in richest {
        together.extend(accounts);
        if total(&together) >= need {
            together.sort_by_key(|account| Reverse(account.balance));
            return enough(together.into_iter(), need);
        }
    }
    None
}

/// Of too many accounts those to merge: as many of one shard as fit, or if no shard has two of them, of
/// several.
fn to_merge<'a>(accounts: &[&'a Account]) -> Vec<&'a Account> {
    let mut shards: BTreeMap<ShardId, Vec<&Account>> = BTreeMap::new();
    for account in accounts {
        let shard = shards.entry(account.object.home).or_default();
        shard.push(account);
    }
    let most = shards.into_values().max_by_key(Vec::len);
    let mut chosen = most.filter(|most| most.len() > 1);
    let chosen = chosen.get_or_insert_with(|| accounts.to_vec());
    chosen.truncate(INPUTS_MAX);
    std::mem::take(chosen)
}

fn objects(accounts: Vec<&Account>) -> Vec<Object> {
    let accounts = accounts.into_iter();
    accounts.map(|account| account.object.clone()).collect()
}
