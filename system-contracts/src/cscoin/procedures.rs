//! What a user of CSCoin runs.
//!
//! The procedures refuse what the checker would refuse, and say it better. Outputs live near their
//! inputs: in the home of the first one (decision D2).

use std::collections::BTreeSet;

use contracts::{Arguments, Calls, Content, Procedure, Returned, Secret};
use model::key::WeakKey;
use model::{ContractId, Object, ObjectId, Output, PublicKey, ShardId};

use super::types::{Account, Flows, Payment, SupplyOverflow, sum};

/// Why a transfer, a merge or a move cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRun {
    /// There is no payment, or a payment of zero.
    #[error("there is nothing to send")]
    NothingToSend,
    /// There are fewer than two accounts to merge.
    #[error("there is nothing to merge: it takes two accounts or more")]
    NothingToMerge,
    /// There is no account to move.
    #[error("there is nothing to move to shard {0}")]
    NothingToMove(ShardId),
    /// An account to move is where it is to go.
    #[error("account {account} is in shard {home} already")]
    AlreadyThere {
        /// The account.
        account: ObjectId,
        /// Where it is.
        home: ShardId,
    },
    /// An input is not an account.
    #[error("object {0} is not an account")]
    NotAnAccount(ObjectId),
    /// An account is given twice.
    #[error("account {0} is given twice")]
    Repeated(ObjectId),
    /// An account to merge belongs to another owner than the first one.
    #[error("account {account} belongs to {owner}, and only accounts of one owner can be merged")]
    OtherOwner {
        /// The account.
        account: ObjectId,
        /// Its owner.
        owner: PublicKey,
    },
    /// The accounts hold less than the payments come to, both in ncsc.
    #[error("the accounts hold {available} ncsc, the payments come to {needed} ncsc")]
    InsufficientFunds {
        /// What the accounts hold.
        available: u64,
        /// What the payments come to.
        needed: u64,
    },
    /// A sum is more money than there can be.
    #[error(transparent)]
    Overflow(#[from] SupplyOverflow),
    /// Anybody, or nobody, could spend what this key owns.
    #[error("money must not be sent to {owner}: {reason}")]
    WeakOwner {
        /// The key.
        owner: PublicKey,
        /// What is wrong with it.
        reason: WeakKey,
    },
}

/// Pays any number of payees out of any number of accounts.
///
/// The inputs are the accounts to spend, all of them; every owner has to sign. The outputs are one
/// account for each payment, in order, and one with the change, if there is any, for the owner of
/// the first input. A payer may be a payee, which splits an account.
///
/// Paper: Section VI-A, `CSCoin.transfer`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transfer {
    /// The shard that the accounts of the payees are to live in. `None`: near the first input. The
    /// change stays there in any case.
    pub home: Option<ShardId>,
}

impl Transfer {
    /// A transfer that leaves everything near the first input.
    pub const NEAR: Self = Self { home: None };
}

impl Procedure for Transfer {
    const NAME: &'static str = super::TRANSFER;

    type LocalParameters = Vec<Payment>;
    type SecretParameters = ();
    type LocalReturns = Flows;
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let payments = &arguments.local_parameters;
        if payments.is_empty() || payments.iter().any(|payment| payment.amount == 0) {
            return Err(CannotRun::NothingToSend);
        }
        let before = accounts(&arguments.inputs)?;
        let available = sum(before.iter().map(|account| account.balance))?;
        let needed = sum(payments.iter().map(|payment| payment.amount))?;
        let short = CannotRun::InsufficientFunds { available, needed };
        let change = available.checked_sub(needed).ok_or(short)?;
        let (Some(first), Some(payer)) = (arguments.inputs.first(), before.first()) else {
            return Err(short);
        };

        let mut after: Vec<Account> = payments.iter().map(paid).collect();
        if change > 0 {
            after.push(Account {
                owner: payer.owner,
                balance: change,
            });
        }
        let mut outputs = outputs(&after, first)?;
        if let Some(home) = self.home {
            for output in &mut outputs[..payments.len()] {
                output.home = home;
            }
        }
        Ok(Returned {
            outputs,
            local_returns: Flows::between(&before, &after)?,
            secret_returns: Secret::NONE,
        })
    }
}

/// Joins two or more accounts of one owner into one. The owner has to sign.
#[derive(Clone, Copy, Debug, Default)]
pub struct Merge;

impl Procedure for Merge {
    const NAME: &'static str = super::MERGE;

    type LocalParameters = ();
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let before = accounts(&arguments.inputs)?;
        let ([first, _, ..], [into, ..]) = (&*arguments.inputs, &*before) else {
            return Err(CannotRun::NothingToMerge);
        };
        let mut inputs = arguments.inputs.iter().zip(&before);
        if let Some((object, account)) = inputs.find(|(_, account)| account.owner != into.owner) {
            return Err(CannotRun::OtherOwner {
                account: object.id(),
                owner: account.owner,
            });
        }
        let merged = Account {
            owner: into.owner,
            balance: sum(before.iter().map(|account| account.balance))?,
        };
        Ok(Returned {
            outputs: outputs(&[merged], first)?,
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}

/// Takes accounts to another shard, as they are. Their owners have to sign.
///
/// The inputs are the accounts, in whichever shards they live. The parameter is the shard that all of
/// them go to; the network says whether CSCoin may live there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Move;

impl Procedure for Move {
    const NAME: &'static str = super::MOVE;

    type LocalParameters = ShardId;
    type SecretParameters = ();
    type LocalReturns = ();
    type SecretReturns = ();
    type Error = CannotRun;

    fn contract(&self) -> ContractId {
        super::id()
    }

    fn run(
        &self,
        arguments: &Arguments<Self>,
        _calls: &mut Calls,
    ) -> Result<Returned<Self>, CannotRun> {
        let home = arguments.local_parameters;
        let before = accounts(&arguments.inputs)?;
        if before.is_empty() {
            return Err(CannotRun::NothingToMove(home));
        }
        let mut inputs = arguments.inputs.iter();
        if let Some(there) = inputs.find(|input| input.home == home) {
            let account = there.id();
            return Err(CannotRun::AlreadyThere { account, home });
        }
        Ok(Returned {
            outputs: before.iter().map(|account| account.output(home)).collect(),
            local_returns: (),
            secret_returns: Secret::NONE,
        })
    }
}

/// The account that a payment creates.
fn paid(payment: &Payment) -> Account {
    Account {
        owner: payment.payee,
        balance: payment.amount,
    }
}

/// What the inputs hold, if they are accounts and no two are the same.
fn accounts(inputs: &[Object]) -> Result<Vec<Account>, CannotRun> {
    let mut seen = BTreeSet::new();
    inputs
        .iter()
        .map(|object| {
            let id = object.id();
            if !seen.insert(id) {
                return Err(CannotRun::Repeated(id));
            }
            Account::read(super::id(), object).map_err(|_| CannotRun::NotAnAccount(id))
        })
        .collect()
}

/// The accounts as outputs near `input`, if each owner can have one.
fn outputs(accounts: &[Account], input: &Object) -> Result<Vec<Output>, CannotRun> {
    accounts
        .iter()
        .map(|account| {
            let owner = account.owner;
            owner
                .check_registrable()
                .map_err(|reason| CannotRun::WeakOwner { owner, reason })?;
            Ok(account.output(input.home))
        })
        .collect()
}
