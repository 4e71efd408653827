//! Receipts: files that prove a decision to anybody, without a network.
//!
//! A receipt brings the transaction, the decisions, their proofs, the genesis document that says whose
//! signatures count, and what has become of the shards since. The one thing to compare it with is the name of the network.
//!
//! Paper: Section IV-A, partial audit.

#[cfg(test)]
mod tests;

use core::fmt;
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::key::Zip215;
use model::receipt::{BadReceipt, CertifiedResult};
use model::result::Outcome;
use model::{Epoch, Height, NetworkId, Receipt, ShardId, Step, TransactionId, bounds};

use crate::address::{Addresses, NetworkKind};
use crate::api::Api;
use crate::connection::Client;
use crate::describe;
use crate::error::Class;
use crate::file::{self, BadFile, Kind};
use crate::outcome::{self, Settled, Verified};
use crate::shard_list::founded;

/// Why a receipt cannot be read, written or believed.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The disk does not do what it should.
    #[error("cannot {doing} the receipt {}: {reason}", .path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It is no receipt, or cannot be read.
    #[error(transparent)]
    File(#[from] BadFile),
    /// There is something else in the place of the receipt.
    #[error("{} is there already, and is not this receipt", .0.display())]
    Exists(PathBuf),
    /// It proves nothing.
    #[error("the receipt does not verify: {0}")]
    Bad(#[from] BadReceipt),
    /// It proves something about another network.
    #[error("the receipt is of network {found}, this is network {known}")]
    OtherNetwork {
        /// The network that the user knows.
        known: NetworkId,
        /// The network of the receipt.
        found: NetworkId,
    },
}

impl ReceiptError {
    /// What it means for whoever called.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Disk { reason, .. } if reason.kind() == ErrorKind::NotFound => Class::Usage,
            Self::Disk { .. } => Class::Internal,
            Self::File(bad) if bad.is_mistake() => Class::Usage,
            Self::Exists(_) => Class::Usage,
            Self::File(_) | Self::Bad(_) | Self::OtherNetwork { .. } => Class::Verification,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Disk { .. } => None,
            Self::File(bad) => Some(bad.hint()),
            Self::Exists(_) => Some("give the receipt another name"),
            Self::Bad(_) => Some("do not accept it; ask for another copy"),
            Self::OtherNetwork { .. } => Some("do not accept it unless you trust that network too"),
        }
    }
}

/// What a receipt proves, for people: show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The network.
    pub network: NetworkId,
    /// The name of the network for people. Anybody can choose the same one.
    pub network_name: String,
    /// Writes addresses of the network.
    pub addresses: Addresses,
    /// The transaction.
    pub transaction: TransactionId,
    /// What became of it.
    pub outcome: Outcome,
    /// Each shard that decided, and the height of the block in which it did.
    pub shards: Vec<(ShardId, Height)>,
    /// How many signatures over heads were checked.
    pub signatures: usize,
    /// The steps that lead from the genesis document to those who signed.
    pub steps: Vec<StepTaken>,
    /// Why it was aborted, as a sentence.
    pub abort: Option<String>,
}

/// A step that was checked, on the way from the genesis document to those who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepTaken {
    /// The root shard founded this one; `None`, if the transaction does not say which.
    Founded(Option<ShardId>),
    /// A shard began an epoch.
    Changed {
        /// The shard.
        shard: ShardId,
        /// The epoch that began.
        epoch: Epoch,
        /// The height of the last block of the epoch before.
        height: Height,
    },
}

impl From<&Step> for StepTaken {
    fn from(step: &Step) -> Self {
        match step {
            Step::Founded(act) => Self::Founded(founded(&act.transaction)),
            Step::Changed(change) => Self::Changed {
                shard: change.next.shard,
                epoch: change.next.epoch,
                height: change.hand_over.head.head.height,
            },
        }
    }
}

/// The receipt of a decided transaction that `client` has seen. It proves something only if
/// [`Settled::is_complete`].
#[must_use]
pub fn receipt<A: Api>(client: &Client<A>, settled: &Settled) -> Receipt {
    let results = settled.decisions.iter().map(Verified::result);
    let scopes = results.clone().map(|result| result.head.head.scope);
    let epochs = scopes.map(|scope| (scope.shard, scope.epoch)).collect();
    Receipt {
        genesis: client.genesis().clone(),
        steps: client.members.known().steps_to(&epochs),
        transaction: settled.transaction.clone(),
        results: results.cloned().collect(),
    }
}

/// Writes a receipt, all of it or nothing. A file that is there already is left alone, and if it is
/// this receipt that is well.
///
/// # Errors
///
/// [`ReceiptError::Disk`] and [`ReceiptError::Exists`].
pub fn save(receipt: &Receipt, path: &Path) -> Result<(), ReceiptError> {
    let writing = || disk("write", path);
    let bytes = receipt.to_bytes();
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    // For anybody to read, as far as the user lets them: there is nothing secret in it.
    let mut beside = tempfile::Builder::new();
    beside.permissions(Permissions::from_mode(0o666));
    let mut file = beside
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .map_err(writing())?;
    file.write_all(&bytes).map_err(writing())?;
    file.as_file().sync_all().map_err(writing())?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(_) if fs::read(path).is_ok_and(|there| there == bytes) => Ok(()),
        Err(_) if path.exists() => Err(ReceiptError::Exists(path.to_owned())),
        Err(error) => Err(writing()(error.error)),
    }
}

/// Reads a receipt and checks every link of it. `known` is the network that the user knows.
///
/// # Errors
///
/// [`ReceiptError::File`], [`ReceiptError::Bad`] and [`ReceiptError::OtherNetwork`].
pub fn verify(path: &Path, known: Option<NetworkId>) -> Result<Summary, ReceiptError> {
    let bytes = file::read(path, Kind::Receipt, bounds::RECEIPT_BYTES_MAX)?;
    match Receipt::from_bytes(&bytes) {
        Ok(receipt) => check(&receipt, known),
        Err(BadReceipt::Encoding(reason)) => {
            Err(file::refuse(path, Kind::Receipt, &bytes, &reason).into())
        }
        Err(other) => Err(other.into()),
    }
}

/// Checks every link of a receipt. `known` is the network that the user knows.
///
/// # Errors
///
/// [`ReceiptError::Bad`] and [`ReceiptError::OtherNetwork`].
pub fn check(receipt: &Receipt, known: Option<NetworkId>) -> Result<Summary, ReceiptError> {
    let proven = receipt.verify(&mut Zip215)?;
    if let Some(known) = known.filter(|known| *known != proven.network) {
        return Err(ReceiptError::OtherNetwork {
            known,
            found: proven.network,
        });
    }
    let addresses = Addresses(NetworkKind::of(&receipt.genesis));
    let aborted = outcome::cause(receipt.results.iter());
    let place = |result: &CertifiedResult| (result.shard(), result.head.head.height);
    Ok(Summary {
        network: proven.network,
        network_name: receipt.genesis.name.clone(),
        addresses,
        transaction: proven.transaction,
        outcome: aborted.map_or(Outcome::Committed, |(_, reason)| Outcome::Aborted(reason)),
        shards: receipt.results.iter().map(place).collect(),
        signatures: proven.signatures,
        steps: receipt.steps.iter().map(StepTaken::from).collect(),
        abort: aborted
            .map(|cause| describe::cause_of_abort(&cause, &receipt.transaction, addresses)),
    })
}

fn disk(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ReceiptError {
    let path = path.to_owned();
    move |reason| ReceiptError::Disk {
        doing,
        path,
        reason,
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            network,
            network_name,
            addresses,
            transaction,
            outcome: _, // said by `abort`
            shards,
            signatures,
            steps,
            abort,
        } = self;
        match abort {
            None => write!(f, "committed")?,
            Some(why) => write!(f, "{why}")?,
        }
        let transaction = addresses.transaction(transaction);
        write!(
            f,
            "\ntransaction {transaction}\nnetwork {network_name}, {network}"
        )?;
        for (shard, height) in shards {
            write!(f, "\ndecided by shard {shard} in block {height}")?;
        }
        let paths = shards.len();
        let plural = if paths == 1 { "" } else { "s" };
        write!(
            f,
            "\n{signatures} signatures and {paths} path{plural} checked"
        )?;
        match steps.len() {
            0 => Ok(()),
            1 => write!(f, ", after one step from the genesis document"),
            steps => write!(f, ", after {steps} steps from the genesis document"),
        }
    }
}
