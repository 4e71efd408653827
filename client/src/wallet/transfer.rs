//! Which accounts to spend, and the transaction that spends them.
//!
//! The largest accounts come first, so that a payment consumes few, and accounts that an undecided
//! payment consumes are left alone. A transaction consumes [`INPUTS_MAX`] accounts at most. If more
//! are needed, so many are merged into one first, which is a transaction of its own, and again until
//! the payment fits.

use std::collections::BTreeMap;

use contracts::{Arguments, Calls, Procedure, Secret};
use model::key::Zip215;
use model::transaction::Authorized;
use model::{Mode, NetworkId, Nonce, Object, ObjectId, SecretKey, Time, TransactionId};
use system_contracts::cscoin::{CannotRun, Merge, Payment, Transfer};

use super::journal::Intent;
use crate::amount::Amount;
use crate::describe;
use crate::error::Error;
use crate::read::Account;

/// Accounts that one transaction consumes. Each takes about 250 bytes of the 64 KiB that a
/// transaction may have.
pub(super) const INPUTS_MAX: usize = 128;

/// How long a transaction may be decided, in milliseconds. It leaves room within
/// [`model::bounds::VALIDITY_MS_MAX`] for a clock here that is ahead of the shard's.
const VALIDITY_MS: u64 = 40_000;

/// What is in the way of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It takes too many accounts. These must be merged first.
    Scattered(Vec<Object>),
    /// This transaction, which is not decided, holds what is needed.
    Held(TransactionId),
    /// There is not enough.
    Short {
        /// What there is.
        have: Amount,
        /// What is needed.
        need: Amount,
    },
}

/// Chooses among the accounts of one owner, the largest of which comes first.
pub(super) fn choose(
    accounts: &[Account],
    held: &BTreeMap<ObjectId, TransactionId>,
    need: Amount,
) -> Result<Vec<Object>, Obstacle> {
    let is_free = |account: &&Account| !held.contains_key(&account.id);
    let mut chosen = Vec::new();
    let mut sum = Amount::default();
    for account in accounts.iter().filter(is_free) {
        if sum >= need {
            break;
        }
        sum = sum.plus(account.balance);
        chosen.push(account.object.clone());
    }
    if sum >= need && chosen.len() <= INPUTS_MAX {
        return Ok(chosen);
    }
    if sum >= need {
        chosen.truncate(INPUTS_MAX);
        return Err(Obstacle::Scattered(chosen));
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

/// What a transaction is besides what it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The network.
    pub(super) network: NetworkId,
    /// Drawn at random.
    pub(super) nonce: Nonce,
    /// When it is made.
    pub(super) created: Time,
}

/// The transaction that does what is wanted with these accounts, checked and signed.
pub(super) fn make(
    intent: &Intent,
    inputs: Vec<Object>,
    terms: Terms,
    secret: &SecretKey,
) -> Result<Authorized, Error> {
    match intent {
        Intent::Pay(order) => {
            let payment = Payment {
                payee: order.to,
                amount: order.amount.ncsc(),
            };
            call(&Transfer, inputs, vec![payment], terms, secret)
        }
        Intent::Merge(_) => call(&Merge, inputs, (), terms, secret),
    }
}

/// A transaction of one call. What a node would refuse is refused here, before anything is sent.
fn call<P: Procedure<SecretParameters = (), Error = CannotRun>>(
    procedure: &P,
    inputs: Vec<Object>,
    local_parameters: P::LocalParameters,
    terms: Terms,
    secret: &SecretKey,
) -> Result<Authorized, Error> {
    let mode = inputs
        .first()
        .map_or(Mode::AllVotes, |first| Mode::Decider(first.home));
    let arguments = Arguments {
        inputs,
        references: Vec::new(),
        local_parameters,
        secret_parameters: Secret::NONE,
    };
    let mut calls = Calls::new(terms.network);
    calls.call(procedure, arguments).map_err(cannot_run)?;
    let draft = calls.draft(contracts::Terms {
        nonce: terms.nonce,
        valid_until: terms.created.plus_ms(VALIDITY_MS),
        mode,
    });
    let transaction = draft.sign(secret).finish()?.verify(&mut Zip215)?;
    match describe::check(&transaction) {
        Ok(()) => Ok(transaction),
        Err(refusal) => Err(Error::CheckerRefuses(refusal)),
    }
}

fn cannot_run(reason: CannotRun) -> Error {
    match reason {
        CannotRun::InsufficientFunds { available, needed } => Error::InsufficientFunds {
            have: Amount::from_ncsc(available),
            need: Amount::from_ncsc(needed),
        },
        other => Error::CannotRun(other),
    }
}
