//! Claims: who works on a payment right now.
//!
//! A claim is a lock on a file that is named after the payment. The system gives it back when the
//! process ends, also when it is killed. Claim files are opened, locked and removed under the lock
//! of the journal only, so nobody can lock a file that is being removed.

use std::fs::{self, File, TryLockError};

use model::TransactionId;

use super::{CLAIMS, Journal, JournalError, disk};

/// The sole right to work on a payment, until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    payment: TransactionId,
    _lock: File,
}

impl Claim {
    /// The payment: its first transaction.
    pub(crate) const fn payment(&self) -> TransactionId {
        self.payment
    }
}

impl Journal {
    /// Claims a payment, unless somebody has claimed it. Only under the lock of the journal.
    pub(super) fn claim(&self, payment: TransactionId) -> Result<Option<Claim>, JournalError> {
        let path = self.directory.join(CLAIMS).join(payment.to_string());
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = open.map_err(disk("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Claim {
                payment,
                _lock: lock,
            })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(reason)) => Err(disk("lock", &path)(reason)),
        }
    }

    /// Removes the files of claims that nobody holds. Only under the lock of the journal.
    pub(super) fn forget_claims(&self) -> Result<(), JournalError> {
        let directory = self.directory.join(CLAIMS);
        let reading = || disk("read", &directory);
        for entry in fs::read_dir(&directory).map_err(reading())? {
            let path = entry.map_err(reading())?.path();
            let file = File::open(&path).map_err(disk("open", &path))?;
            if file.try_lock().is_ok() {
                fs::remove_file(&path).map_err(disk("remove", &path))?;
            }
        }
        Ok(())
    }
}
