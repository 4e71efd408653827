//! How far a node is on its way to a seat, for whoever has started it and watches.

use std::sync::{Arc, OnceLock};

use model::api::{NotReady, Progress};
use model::{Epoch, ShardId};

use crate::gauges::Gauges;
use crate::readiness;
use crate::reads::Reads;
use crate::registry::Registry;
use crate::stop::Stopper;

/// How far a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Peers that it is connected with.
    pub peers: usize,
    /// Its bootnodes that are of no help now, each with the reason.
    pub unreached: Vec<(String, String)>,
    /// The shards that it knows of, ascending, each in the last epoch that is known.
    pub shards: Vec<(ShardId, Epoch)>,
    /// The shard that lists it, or did. `None`: it waits for one.
    pub shard: Option<ShardId>,
    /// The last block of that shard that it has applied.
    pub tip: Option<Progress>,
    /// What is missing before it can do its part.
    pub missing: Vec<NotReady>,
}

/// Tells how far a node is, wherever it is held.
#[derive(Clone)]
pub struct Outlook {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) stopper: Stopper,
    /// There since the node has a shard.
    pub(crate) reads: Arc<OnceLock<Arc<Reads>>>,
}

impl Outlook {
    /// How far the node is now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let known = self.registry.known();
        let scopes = known.directory.all().map(|committee| committee.scope());
        let bootnodes = self.network.bootnodes().into_iter();
        let unreached = bootnodes.filter_map(|bootnode| match bootnode.state {
            net::BootnodeState::Unreached { reason } => Some((bootnode.address, reason)),
            net::BootnodeState::WrongNetwork { theirs } => {
                Some((bootnode.address, format!("it is of network {theirs}")))
            }
            net::BootnodeState::Dialing
            | net::BootnodeState::Connected { node: _ }
            | net::BootnodeState::Own => None,
        });
        Standing {
            peers: self.network.peers().len(),
            unreached: unreached.collect(),
            shards: scopes.map(|scope| (scope.shard, scope.epoch)).collect(),
            shard: known.shard_for(&self.registry.node()),
            tip: self.reads.get().map(|reads| reads.progress()),
            missing: readiness::missing(&self.gauges, &self.stopper, &known),
        }
    }

    /// Whether the node has been told to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopper.is_stopping()
    }
}
