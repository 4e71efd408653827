//! What a node checks of CSCoin.
//!
//! The supply is constant because each rule says so by itself: what the inputs of a call hold is
//! what its outputs hold. Money is spent by its owners alone because each owner of an input is among
//! the signers of the transaction.

use std::collections::BTreeSet;

use contracts::{Content, Contract, composition, content};
use model::{Call, ContractId, PublicKey, Refusal, ShardId};

use super::types::{Account, Flows, Payment, sum};

/// The contract.
#[derive(Clone, Copy, Debug, Default)]
pub struct CsCoin;

/// What the checker says when it returns false, besides what [`content`] and [`composition`] say.
pub mod refusal {
    use model::Refusal;

    /// The procedure is none of the three.
    pub const PROCEDURE: Refusal = Refusal("CSCoin has no such procedure");
    /// There are references. Nothing in CSCoin is only read.
    pub const REFERENCES: Refusal = Refusal("CSCoin reads no objects that it does not consume");
    /// An owner of an input did not sign the transaction.
    pub const NOT_SIGNED: Refusal = Refusal("the owner of an account did not sign");
    /// A sum is more than 2^64 - 1 ncsc.
    pub const OVERFLOW: Refusal = Refusal("a sum is more money than there can be");
    /// The outputs hold more or less than the inputs.
    pub const SUM: Refusal = Refusal("the outputs hold another sum than the inputs");
    /// An output holds nothing.
    pub const ZERO: Refusal = Refusal("an account must not be empty");
    /// An output belongs to a key that must not be registered.
    pub const WEAK_OWNER: Refusal = Refusal("an account must not belong to a weak key");
    /// A transfer without payments.
    pub const NO_PAYMENT: Refusal = Refusal("a transfer pays somebody");
    /// A payment has no output, or the output is not what the payment asks for.
    pub const PAYMENT: Refusal = Refusal("a payment is not what the parameters ask for");
    /// An output beyond the payments is not the one account with a payer's change.
    pub const CHANGE: Refusal = Refusal("what is not a payment is change, once for each payer");
    /// The local returns are not the flows.
    pub const FLOWS: Refusal = Refusal("the value flows are not those of the accounts");
    /// A merge of fewer than two accounts, or into more or fewer than one.
    pub const MERGE: Refusal = Refusal("a merge makes one account of two or more");
    /// A merge of accounts that do not all belong to one owner, before and after.
    pub const OTHER_OWNER: Refusal = Refusal("a merge is of the accounts of one owner");
    /// A move of nothing, or of an account that is there already, or to several shards.
    pub const HOME: Refusal = Refusal("a move takes accounts to one shard, which they are not in");
    /// A move that changes more than where the accounts live.
    pub const MOVED: Refusal = Refusal("a move leaves the accounts as they are");
}

impl Contract for CsCoin {
    fn id(&self) -> ContractId {
        super::id()
    }

    fn name(&self) -> &str {
        super::NAME
    }

    fn types(&self) -> Vec<&str> {
        vec![Account::TYPE]
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        match call.procedure {
            super::TRANSFER => check_transfer(call),
            super::MERGE => check_merge(call),
            super::MOVE => check_move(call),
            _ => Err(refusal::PROCEDURE),
        }
    }
}

/// Paper: Section VI-A, `CSCoin.transfer`.
fn check_transfer(call: &Call<'_>) -> Result<(), Refusal> {
    let (before, after) = check_accounts(call)?;
    let payments: Vec<Payment> = content::local_parameters(call)?;
    check_payments(&payments, &before, &after)?;
    let flows = Flows::between(&before, &after).map_err(|_| refusal::OVERFLOW)?;
    ensure(
        content::local_returns::<Flows>(call)? == flows,
        refusal::FLOWS,
    )
}

fn check_merge(call: &Call<'_>) -> Result<(), Refusal> {
    let (before, after) = check_accounts(call)?;
    let () = content::local_parameters(call)?;
    let () = content::local_returns(call)?;
    let [into] = &*after else {
        return Err(refusal::MERGE);
    };
    ensure(before.len() >= 2, refusal::MERGE)?;
    ensure(
        before.iter().all(|account| account.owner == into.owner),
        refusal::OTHER_OWNER,
    )
}

/// Which shards may be moved to is for the mapping of the contract to say.
fn check_move(call: &Call<'_>) -> Result<(), Refusal> {
    let (before, after) = check_accounts(call)?;
    let home: ShardId = content::local_parameters(call)?;
    let () = content::local_returns(call)?;
    let leave = call.inputs.iter().all(|input| input.home != home);
    let arrive = call.outputs.iter().all(|output| output.home == home);
    ensure(leave && arrive && !before.is_empty(), refusal::HOME)?;
    ensure(before == after, refusal::MOVED)
}

/// What all procedures have in common; returns the accounts before and after.
fn check_accounts(call: &Call<'_>) -> Result<(Vec<Account>, Vec<Account>), Refusal> {
    composition::no_dependencies(call)?;
    ensure(call.references.is_empty(), refusal::REFERENCES)?;
    let before = Account::read_all(call.contract, &call.inputs)?;
    let after = Account::read_all(call.contract, &call.outputs)?;
    for account in &before {
        ensure(call.signers.contains(&account.owner), refusal::NOT_SIGNED)?;
    }
    for account in &after {
        ensure(account.balance > 0, refusal::ZERO)?;
        check_owner(account, &before)?;
    }
    ensure(total(&before)? == total(&after)?, refusal::SUM)?;
    Ok((before, after))
}

/// The owner's key must be fit to be registered. That of an account before was checked when that
/// account was made, and checking costs as much as all else about an account.
fn check_owner(account: &Account, before: &[Account]) -> Result<(), Refusal> {
    if before.iter().any(|known| known.owner == account.owner) {
        return Ok(());
    }
    account
        .owner
        .check_registrable()
        .map_err(|_| refusal::WEAK_OWNER)
}

fn total(accounts: &[Account]) -> Result<u64, Refusal> {
    sum(accounts.iter().map(|account| account.balance)).map_err(|_| refusal::OVERFLOW)
}

/// The outputs are the payments in order, then change: at most one account for each payer.
fn check_payments(
    payments: &[Payment],
    before: &[Account],
    after: &[Account],
) -> Result<(), Refusal> {
    ensure(!payments.is_empty(), refusal::NO_PAYMENT)?;
    let (paid, change) = after
        .split_at_checked(payments.len())
        .ok_or(refusal::PAYMENT)?;
    for (payment, account) in payments.iter().zip(paid) {
        let asked = payment.payee == account.owner && payment.amount == account.balance;
        ensure(asked, refusal::PAYMENT)?;
    }
    let mut payers: BTreeSet<PublicKey> = before.iter().map(|account| account.owner).collect();
    for account in change {
        ensure(payers.remove(&account.owner), refusal::CHANGE)?;
    }
    Ok(())
}

fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}
