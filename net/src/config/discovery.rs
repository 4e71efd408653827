//! How a node is found, and finds others.

use std::path::PathBuf;

use crate::reach::Reach;

/// How a node is found, and finds others. The default is that of a node on an open network whose
/// machine has the address that others see.
#[derive(Clone, Debug, Default)]
pub struct Discovery {
    /// Addresses at which others reach this node, such as `/ip4/198.51.100.7/tcp/4700`, at most four.
    /// None: those it listens at.
    pub external_addresses: Vec<String>,
    /// Whether addresses of this machine or this site, such as `10.0.0.7`, are told, kept and dialed.
    /// For networks that are all on one machine or site; on an open one they lead nowhere.
    pub private_addresses: bool,
    /// The file in which peers that were good are remembered. `None`: none is.
    pub peer_store: Option<PathBuf>,
}

impl Discovery {
    /// From where an address must lead to a node to count.
    pub(crate) fn reach(&self) -> Reach {
        match self.private_addresses {
            true => Reach::Local,
            false => Reach::Global,
        }
    }
}
