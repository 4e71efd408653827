//! What exists in CSCoin: accounts, and what a transfer says about itself.
//!
//! Paper: Section VI-A, "a set of objects of type CSCoin.Account".

use std::collections::BTreeMap;

use contracts::Content;
use model::PublicKey;
use serde::{Deserialize, Serialize};

/// One CSC in the unit of all balances and amounts, the ncsc.
pub const CSC: u64 = 1_000_000_000;

/// An account: money that the owner of one key may spend.
///
/// It is like a coin in that it is spent as a whole: a transfer consumes it and returns the change
/// as another account. One owner may have many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Who may spend it.
    pub owner: PublicKey,
    /// How much it holds, in ncsc. Never zero: an account that holds nothing would be state that
    /// nobody pays for.
    pub balance: u64,
}

impl Content for Account {
    const TYPE: &'static str = "Account";
}

/// What a transfer is asked to pay: a part of its local parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Who is paid: the owner of the account that is created.
    pub payee: PublicKey,
    /// How much, in ncsc. Never zero.
    pub amount: u64,
}

/// The value that a transfer moved between owners: its local returns.
///
/// The flows are net. An owner who pays 5 from an account of 8 is debited 5, and an owner who pays
/// only himself does not appear. The checker computes them again, so a contract that finds a
/// transfer among its dependencies may rely on them.
///
/// Paper: Section VI-A, "The transfer procedure outputs a number of local returns with information
/// about the value flows, that may be used in calling contracts".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flows {
    /// Who has less than before and by how much, in ncsc, strictly ascending by owner.
    pub debits: Vec<(PublicKey, u64)>,
    /// Who has more than before and by how much, in ncsc, strictly ascending by owner.
    pub credits: Vec<(PublicKey, u64)>,
}

/// A sum of balances or amounts is more than 2^64 - 1 ncsc, which is more than there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sum is more money than there can be")]
pub struct SupplyOverflow;

impl Flows {
    /// The flows of a transfer that consumes the accounts `before` and creates the accounts `after`.
    ///
    /// # Errors
    ///
    /// [`SupplyOverflow`] if what one owner has before or after does not fit.
    pub fn between(before: &[Account], after: &[Account]) -> Result<Self, SupplyOverflow> {
        let mut holdings: BTreeMap<PublicKey, (u64, u64)> = BTreeMap::new();
        for account in before {
            let (had, _) = holdings.entry(account.owner).or_default();
            *had = had.checked_add(account.balance).ok_or(SupplyOverflow)?;
        }
        for account in after {
            let (_, has) = holdings.entry(account.owner).or_default();
            *has = has.checked_add(account.balance).ok_or(SupplyOverflow)?;
        }
        let mut flows = Self::default();
        for (owner, (had, has)) in holdings {
            if had > has {
                flows.debits.push((owner, had - has));
            } else if has > had {
                flows.credits.push((owner, has - had));
            }
        }
        Ok(flows)
    }

    /// How much more `owner` has than before, in ncsc; zero if not more.
    #[must_use]
    pub fn credit(&self, owner: &PublicKey) -> u64 {
        amount(&self.credits, owner)
    }

    /// How much less `owner` has than before, in ncsc; zero if not less.
    #[must_use]
    pub fn debit(&self, owner: &PublicKey) -> u64 {
        amount(&self.debits, owner)
    }
}

fn amount(flows: &[(PublicKey, u64)], owner: &PublicKey) -> u64 {
    flows
        .iter()
        .find(|(key, _)| key == owner)
        .map_or(0, |(_, amount)| *amount)
}

/// The sum of `amounts`.
///
/// # Errors
///
/// [`SupplyOverflow`] if it does not fit.
pub(crate) fn sum(amounts: impl IntoIterator<Item = u64>) -> Result<u64, SupplyOverflow> {
    amounts
        .into_iter()
        .try_fold(0_u64, u64::checked_add)
        .ok_or(SupplyOverflow)
}
