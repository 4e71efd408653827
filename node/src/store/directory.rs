//! A node's directory: the log, the tables, and a lock so that only one process uses them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Fact, NetworkId, NodeId, ShardId};
use redb::backends::FileBackend;

use super::error::TABLES_FILE;
use super::medium::{Files, make_directory};
use super::states::States;
use super::tables::Tables;
use super::{Setup, Start, Store, StoreError, is_blank};

/// A directory that no other process uses, for as long as this value lives.
pub struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Takes the directory at `path`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another process has it, [`StoreError::Directory`] if it cannot be
    /// used at all.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let unusable = |reason| StoreError::Directory {
            directory: path.display().to_string(),
            reason,
        };
        let lock = make_lock(&path).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
                directory: path.display().to_string(),
            }),
            Err(TryLockError::Error(reason)) => Err(unusable(reason)),
        }
    }

    /// Opens the store in it, or begins one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is damaged, or not that of this node.
    pub fn store(&self, setup: Setup<'_>) -> Result<(Store, Start), StoreError> {
        Store::open(Arc::new(self.medium()?), self.backend()?, setup)
    }

    /// Of which shard the store in it is, and what was known of shards and epochs when its tables were
    /// written; `None` if there is no store yet, or nothing in it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is damaged, or not that of this node.
    pub fn left(
        &self,
        network: NetworkId,
        node: NodeId,
    ) -> Result<Option<(ShardId, Vec<Fact>)>, StoreError> {
        if !self.path.join(TABLES_FILE).exists() {
            return Ok(None);
        }
        let log_is_blank = is_blank(&self.medium()?)?;
        Tables::left(self.backend()?, network, node, log_is_blank)
    }

    /// The states for others in it.
    #[must_use]
    pub fn states(&self) -> States {
        States::within(self.path.join("states"))
    }

    fn medium(&self) -> Result<Files, StoreError> {
        Files::open(self.path.join("log")).map_err(|reason| self.unusable(reason))
    }

    fn backend(&self) -> Result<FileBackend, StoreError> {
        let tables = self.tables_file().map_err(|reason| self.unusable(reason))?;
        FileBackend::new(tables).map_err(|reason| StoreError::Tables {
            doing: "open the tables",
            reason: reason.to_string(),
        })
    }

    fn unusable(&self, reason: io::Error) -> StoreError {
        StoreError::Directory {
            directory: self.path.display().to_string(),
            reason,
        }
    }

    fn tables_file(&self) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.join(TABLES_FILE))
    }
}

fn make_lock(path: &Path) -> io::Result<File> {
    make_directory(path)?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path.join("lock"))
}
