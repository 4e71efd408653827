//! The journal: every payment before it is sent, and what became of it.
//!
//! A file of JSON lines that is only appended to, each line made durable before anything depends on
//! it. A line that was being written when the machine stopped has no end, and has had no
//! consequences: it is cut off. When most lines are out of date the file is written anew beside the
//! old one and put in its place.
//!
//! Any number of processes may use it at once. Each takes the lock, reads, appends and lets go. A
//! process that works on a payment *claims* it: it holds a lock on a file of its own for the
//! payment until it ends, however it ends. An open payment that nobody claims is one whose outcome
//! stayed unknown; one that is claimed is somebody's who still works on it.

mod claim;
mod file;
mod line;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use model::transaction::Authorized;
use model::{Height, NetworkId, ShardId, Time, TransactionId};

use crate::connection::Heights;
use crate::error::Class;
use line::Line;

pub(crate) use claim::Claim;
pub(crate) use line::{Closed, Intent};
pub(crate) use state::{Attempt, State};

/// The file of the journal, its lock, and the directory of the claims.
const FILE: &str = "journal.jsonl";
const LOCK: &str = "journal.lock";
const CLAIMS: &str = "claims";

/// How long to wait for other processes to let go of the lock, which each holds for milliseconds.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// How often the lock is tried. The system can wait for it, but not for a limited time.
const LOCK_RETRY: Duration = Duration::from_millis(5);

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk does not do what it should.
    #[error("cannot {doing} {}: {reason}", .path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// Another process does not let go of the lock.
    #[error("another process holds the journal: {}", .path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// A line before the last one cannot be read.
    #[error("the journal {} is damaged in line {line}: {reason}", .path.display())]
    Damaged {
        /// The journal.
        path: PathBuf,
        /// The number of the line, counted from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// It was begun on another network.
    #[error("the journal is of network {found}, this is network {expected}")]
    OtherNetwork {
        /// This network.
        expected: NetworkId,
        /// The network of the journal.
        found: NetworkId,
    },
}

impl JournalError {
    /// What it means for whoever called.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::OtherNetwork { .. } => Class::WrongNetwork,
            Self::Disk { .. } | Self::Busy { .. } | Self::Damaged { .. } => Class::Internal,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Disk { .. } => Some("make room on the disk, or allow writing there"),
            Self::Busy { .. } => Some("end the process that holds it, and try again"),
            Self::Damaged { .. } => Some(
                "nothing was changed; put the file aside once no payment in it is still open, and \
                 a new one is begun",
            ),
            Self::OtherNetwork { .. } => Some("use another directory for each network"),
        }
    }
}

/// Names what was tried when the disk refuses.
fn disk(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> JournalError {
    let path = path.to_owned();
    move |reason| JournalError::Disk {
        doing,
        path,
        reason,
    }
}

/// The journal of one network in one directory.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    network: NetworkId,
}

impl Journal {
    /// The journal in a directory, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// Every [`JournalError`].
    pub(crate) fn open(directory: &Path, network: NetworkId) -> Result<Self, JournalError> {
        let claims = directory.join(CLAIMS);
        fs::create_dir_all(&claims).map_err(disk("make", &claims))?;
        let journal = Self {
            directory: directory.to_owned(),
            network,
        };
        journal.read(|_| ())?;
        Ok(journal)
    }

    /// Looks at what is recorded.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&State) -> R) -> Result<R, JournalError> {
        let _lock = self.lock()?;
        let path = self.directory.join(FILE);
        Ok(look(&file::load(&path, &self.network)?.state))
    }

    /// The highest block of each shard that this wallet has seen the proof of.
    pub(crate) fn seen(&self) -> Result<Heights, JournalError> {
        self.read(|state| state.seen.clone())
    }

    /// An attempt at a payment.
    pub(crate) fn attempt(&self, id: &TransactionId) -> Result<Option<Attempt>, JournalError> {
        self.read(|state| state.attempts.iter().find(|a| a.id == *id).cloned())
    }

    /// Claims an open payment with this intent that nobody works on, and says which of its attempts
    /// are open, oldest first.
    pub(crate) fn resume(
        &self,
        intent: &Intent,
    ) -> Result<Option<(Claim, Vec<Attempt>)>, JournalError> {
        let _lock = self.lock()?;
        let path = self.directory.join(FILE);
        let state = file::load(&path, &self.network)?.state;
        for (payment, attempts) in state.open_payments() {
            if attempts.iter().all(|attempt| attempt.intent == *intent)
                && let Some(claim) = self.claim(payment)?
            {
                return Ok(Some((claim, attempts)));
            }
        }
        Ok(None)
    }

    /// Records a new attempt: at a payment that the caller has claimed, or else at a new one, which
    /// is claimed.
    ///
    /// `make` makes the transaction while nobody else can change the journal, so that two payments
    /// do not choose the same accounts.
    ///
    /// # Errors
    ///
    /// Those of `make`, and every [`JournalError`]. Then nothing is recorded.
    pub(crate) fn begin<R, E: From<JournalError>>(
        &self,
        intent: Intent,
        payment: Option<TransactionId>,
        created: Time,
        make: impl FnOnce(&State) -> Result<Result<Authorized, R>, E>,
    ) -> Result<Result<(Attempt, Option<Claim>), R>, E> {
        let _lock = self.lock()?;
        let path = self.directory.join(FILE);
        let journal = file::load(&path, &self.network)?;
        let transaction = match make(&journal.state)? {
            Ok(transaction) => transaction,
            Err(other) => return Ok(Err(other)),
        };
        let id = transaction.id();
        let attempt = Attempt {
            id,
            payment: payment.unwrap_or(id),
            intent,
            created,
            transaction: transaction.transaction().clone(),
            closed: None,
        };
        let claim = match payment {
            Some(_) => None,
            None => self.claim(id)?,
        };
        journal.append(&[Line::begun(&attempt)])?;
        Ok(Ok((attempt, claim)))
    }

    /// Records what became of an attempt, and the heights at which shards were seen. A commit closes
    /// all attempts at the same payment.
    pub(crate) fn close(
        &self,
        closed: Option<(TransactionId, Closed)>,
        seen: &BTreeMap<ShardId, Height>,
    ) -> Result<(), JournalError> {
        let _lock = self.lock()?;
        let path = self.directory.join(FILE);
        let journal = file::load(&path, &self.network)?;
        let lines = journal.state.news(closed, seen);
        if !lines.is_empty() {
            journal.append(&lines)?;
        }
        self.forget_claims()
    }

    /// Waits for the lock.
    fn lock(&self) -> Result<File, JournalError> {
        let path = self.directory.join(LOCK);
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = open.map_err(disk("open", &path))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                    thread::sleep(LOCK_RETRY);
                }
                Err(fs::TryLockError::WouldBlock) => return Err(JournalError::Busy { path }),
                Err(fs::TryLockError::Error(reason)) => return Err(disk("lock", &path)(reason)),
            }
        }
    }
}
