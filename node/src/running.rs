//! A node that runs, until it is stopped or has to stop.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::admission::{Counters, Ended, Meter};
use crate::error::Fatal;
use crate::gauges::{Gauges, Pulse};
use crate::reads::Reads;
use crate::registry::Registry;
use crate::standing::Outlook;
use crate::stop::{Guard, Stopper};

/// How long requests that are being answered may go on when all else has stopped.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// What a running node is made of.
pub(crate) struct Parts {
    pub(crate) stopper: Stopper,
    /// Stops the node when whoever started it forgets it.
    pub(crate) guard: Guard,
    pub(crate) network: net::Handle,
    pub(crate) service: Runtime,
    pub(crate) http: Option<SocketAddr>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) registry: Arc<Registry>,
    /// There since the node has a shard.
    pub(crate) reads: Arc<OnceLock<Arc<Reads>>>,
    pub(crate) counters: Arc<Meter>,
    pub(crate) work: Work,
}

/// What a node is doing.
pub(crate) enum Work {
    /// It is waiting until a shard lists it; `None` if it was stopped before.
    Waiting(JoinHandle<Result<Option<Threads>, Fatal>>),
    /// It is a member of a shard, or was.
    Member(Threads),
}

/// The threads of a member.
pub(crate) struct Threads {
    pub(crate) admission: JoinHandle<Ended>,
    pub(crate) event_loop: JoinHandle<()>,
    pub(crate) effects: JoinHandle<Result<(), Fatal>>,
}

/// A running node. It runs until [`Stopper::stop`], a fatal error, or until this is dropped;
/// [`Running::wait`] says which.
pub struct Running(Parts);

impl Running {
    pub(crate) const fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// What stops the node from elsewhere, such as a signal handler.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.0.stopper.clone()
    }

    /// The addresses at which the node listens, each with `/p2p/<peer>`.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<String> {
        self.0.network.listen_addresses()
    }

    /// Where health and metrics are served, with the port that the system chose if none was asked for.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.0.http
    }

    /// What tells whether the node is alive, from elsewhere.
    #[must_use]
    pub fn pulse(&self) -> Pulse {
        Pulse(Arc::clone(&self.0.gauges))
    }

    /// What tells how far the node is on its way to a seat, from elsewhere.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        Outlook {
            network: self.0.network.clone(),
            registry: Arc::clone(&self.0.registry),
            gauges: Arc::clone(&self.0.gauges),
            stopper: self.0.stopper.clone(),
            reads: Arc::clone(&self.0.reads),
        }
    }

    /// Reads what the node has kept, as the explorer does; `None` while it has no shard.
    #[must_use]
    pub fn reads(&self) -> Option<Arc<Reads>> {
        self.0.reads.get().cloned()
    }

    /// What was admitted at a cost and what was not, since the node was started.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.0.counters.snapshot()
    }

    /// Waits until the node has stopped and released its ports and its directory.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if it did not stop because it was asked to.
    pub fn wait(self) -> Result<(), Fatal> {
        let Parts {
            stopper: _,
            guard,
            network,
            service,
            http: _,
            gauges: _,
            registry: _,
            reads: _,
            counters: _,
            work,
        } = self.0;
        let threads = match work {
            Work::Member(threads) => Some(threads),
            Work::Waiting(waiting) => match Fatal::join("lobby", waiting) {
                Ok(Ok(threads)) => threads,
                Ok(Err(reason)) | Err(reason) => {
                    service.block_on(network.shutdown());
                    service.shutdown_timeout(LAST_ANSWERS);
                    return Err(reason);
                }
            },
        };
        let Some(threads) = threads else {
            service.block_on(network.shutdown());
            service.shutdown_timeout(LAST_ANSWERS);
            drop(guard);
            return Ok(());
        };
        let Threads {
            admission,
            event_loop,
            effects,
        } = threads;
        // The loop ends when the node is to stop, and the effects end when the loop has, or fail.
        // Each of them stops the node when it ends, so none of these waits for ever.
        let looped = Fatal::join("event loop", event_loop);
        let performed = Fatal::join("effects", effects);
        let ended_early = admission.is_finished();
        service.block_on(network.shutdown());
        let admitted = Fatal::join("admission", admission);
        service.shutdown_timeout(LAST_ANSWERS);
        drop(guard);
        performed??;
        looped?;
        if admitted? == Ended::Network && ended_early {
            return Err(Fatal::NetworkStopped);
        }
        Ok(())
    }
}
