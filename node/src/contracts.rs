//! The contracts that a node serves.

use std::sync::Arc;

use contracts::simulator;
use model::{Checkers, Genesis};

use crate::labels::{Labels, SystemLabels};

/// The contracts that a node serves.
#[derive(Clone)]
pub struct Contracts {
    /// What decides whether a transaction is valid. All nodes of a shard have the same.
    pub checkers: Arc<dyn Checkers>,
    /// Under which labels objects are listed. Every node is free to have its own.
    pub labels: Arc<dyn Labels>,
}

impl Contracts {
    /// The contracts that every network has from the start.
    #[must_use]
    pub fn system() -> Self {
        Self {
            checkers: Arc::new(system_contracts::checkers()),
            labels: Arc::new(SystemLabels),
        }
    }

    /// The contracts of the network with this genesis document: those that every network has, and the
    /// one that measurements use where the document maps it. The document decides, so all nodes of a
    /// network have the same.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        let system = Self::system();
        if !simulator::is_installed(genesis) {
            return system;
        }
        let checkers = system_contracts::checkers().with(simulator::contract());
        Self {
            checkers: Arc::new(checkers),
            ..system
        }
    }
}
