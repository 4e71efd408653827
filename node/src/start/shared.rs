//! What all parts of a running node share, and what goes on with and without a shard.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::person::Person;
use crate::admission::Meter;
use crate::gauges::Gauges;
use crate::heads::Heads;
use crate::herald::{Herald, Tally};
use crate::http::Site;
use crate::lies::Lies;
use crate::metrics::{self, Performed, Queues};
use crate::reads::Reads;
use crate::scout::Scout;
use crate::stop::Stopper;
use crate::view;

/// What all parts of a running node share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) stopper: Stopper,
    pub(super) network: net::Handle,
    pub(super) runtime: Handle,
    pub(super) gauges: Arc<Gauges>,
    pub(super) counters: Arc<Meter>,
    pub(super) performed: Arc<Performed>,
    pub(super) tally: Arc<Tally>,
    pub(super) heads: Arc<Heads>,
    /// There since the node has a shard, like `queues`.
    pub(super) reads: Arc<OnceLock<Arc<Reads>>>,
    pub(super) queues: Arc<OnceLock<Queues>>,
    pub(super) lies: Option<watch::Receiver<Lies>>,
}

impl Shared {
    /// What is shared from the start, of a node that has been told where the file of its lies is or not.
    pub(super) fn new(
        network: net::Handle,
        runtime: Handle,
        lies: Option<watch::Receiver<Lies>>,
    ) -> Self {
        Self {
            stopper: Stopper::new(),
            network,
            runtime,
            gauges: Arc::default(),
            counters: Arc::default(),
            performed: Arc::default(),
            tally: Arc::default(),
            heads: Arc::default(),
            reads: Arc::default(),
            queues: Arc::default(),
            lies,
        }
    }

    /// Keeps up with who is who, and with what others tell, with and without a shard.
    pub(super) fn look_around(&self, person: &Person, heard: mpsc::Receiver<net::Gossip>) {
        let (runtime, registry) = (&self.runtime, &person.registry);
        let ahead = Arc::new(AtomicBool::new(false));
        runtime.spawn(view::keep(self.network.clone(), Arc::clone(registry)));
        let scout = Scout::new(
            self.network.clone(),
            Arc::clone(registry),
            Arc::clone(&self.reads),
            Arc::clone(&ahead),
        );
        runtime.spawn(scout.run());
        let herald = Herald {
            network: self.network.clone(),
            registry: Arc::clone(registry),
            heads: Arc::clone(&self.heads),
            reads: Arc::clone(&self.reads),
            queues: Arc::clone(&self.queues),
            tally: Arc::clone(&self.tally),
            ahead,
        };
        runtime.spawn(herald.run(heard));
    }

    /// What those who watch over the node are told, with and without a shard.
    pub(super) fn site(&self, person: &Person) -> Site {
        let identity = person.identity();
        let sources = metrics::Sources {
            gauges: Arc::clone(&self.gauges),
            registry: Arc::clone(&person.registry),
            reads: Arc::clone(&self.reads),
            admission: Arc::clone(&self.counters),
            network: self.network.clone(),
            heads: Arc::clone(&self.heads),
            queues: Arc::clone(&self.queues),
        };
        Site {
            metrics: metrics::metrics(&identity, &self.performed, &self.tally, sources),
            network: self.network.clone(),
            identity,
            gauges: Arc::clone(&self.gauges),
            stopper: self.stopper.clone(),
            registry: Arc::clone(&person.registry),
            genesis: person.genesis.to_bytes().into(),
            public: person.config.http_public,
        }
    }
}
