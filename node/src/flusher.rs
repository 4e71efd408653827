//! Writing the tables on a thread of its own, behind the log and in nobody's way.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::error::Fatal;
use crate::gauges::Gauges;
use crate::stop::Stopper;
use crate::store::{Flush, StoreError};

/// Writes the tables, one flush at a time.
pub(crate) struct Flusher {
    gauges: Arc<Gauges>,
    stopper: Stopper,
    under_way: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Flusher {
    /// Nothing is under way. A flush that fails stops the node.
    pub(crate) const fn new(gauges: Arc<Gauges>, stopper: Stopper) -> Self {
        Self {
            gauges,
            stopper,
            under_way: None,
        }
    }

    /// Begins a flush. [`Flusher::wait`] comes before.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    pub(crate) fn begin(&mut self, flush: Flush) -> Result<(), Fatal> {
        self.gauges.set_flushing(true);
        let gauges = Arc::clone(&self.gauges);
        let guard = self.stopper.guard();
        let work = move || {
            flush.commit()?;
            gauges.set_flushing(false);
            guard.disarm();
            Ok(())
        };
        let thread = thread::Builder::new().name("flush".into()).spawn(work);
        self.under_way = Some(thread.map_err(Fatal::System)?);
        Ok(())
    }

    /// Waits until the flush that is under way is done, if there is one.
    ///
    /// # Errors
    ///
    /// What went wrong with it.
    pub(crate) fn wait(&mut self) -> Result<(), Fatal> {
        match self.under_way.take() {
            Some(thread) => Fatal::join("flush", thread)?.map_err(Fatal::from),
            None => Ok(()),
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        // Nobody else may open the tables while they are being written. If it fails, the node is
        // ending for a reason already.
        let _ = self.wait();
    }
}
