//! Why a node cannot start, or has to stop: each in one sentence that says what to do.

use std::io;
use std::net::SocketAddr;
use std::thread::JoinHandle;

use consensus::replica::Contradiction;
use model::genesis::BadGenesis;
use system_contracts::genesis::BadContents;

use crate::config::ConfigError;
use crate::signer::KeyError;
use crate::store::{RecoveryError, StoreError};

/// The end of a node.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The genesis file cannot be read.
    #[error("cannot read the genesis file {file}: {reason}")]
    GenesisFile {
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The genesis document cannot start a network.
    #[error("{file}: {reason}")]
    Genesis {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: BadGenesis,
    },
    /// The first objects of the network are not what the document says elsewhere.
    #[error("{file}: {reason}")]
    GenesisContents {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: BadContents,
    },
    /// What the node keeps cannot be used, or nothing more can be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node cannot be got back from what it has kept.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// What the node holds contradicts what was signed.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The network cannot be started.
    #[error(transparent)]
    Network(#[from] net::StartError),
    /// Health and metrics cannot be served.
    #[error("cannot serve `http` at {address}: {reason}; choose another port, or leave it out")]
    Http {
        /// The address as it was configured.
        address: SocketAddr,
        /// What the system says.
        reason: io::Error,
    },
    /// The network has stopped by itself.
    #[error("the network of the node has stopped")]
    NetworkStopped,
    /// The system refuses what every program needs.
    #[error("cannot start a thread: {0}")]
    System(io::Error),
    /// A thread of the node has panicked: a mistake in this software.
    #[error("the thread `{thread}` of the node has panicked; this is a mistake in the software")]
    Panicked {
        /// The thread.
        thread: &'static str,
    },
}

impl Fatal {
    /// What a thread came to.
    ///
    /// # Errors
    ///
    /// [`Fatal::Panicked`] if it has panicked.
    pub(crate) fn join<T>(thread: &'static str, handle: JoinHandle<T>) -> Result<T, Self> {
        handle.join().map_err(|_| Self::Panicked { thread })
    }
}
