//! Writing the tables on a thread of its own, behind the log and in nobody's way.
//!
//! It is one thread as long as the node lives. The tables keep the pages that were written last, and an
//! allocator with memory for each thread would otherwise come to hold such pages for many.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use crate::error::Fatal;
use crate::gauges::Gauges;
use crate::stop::Stopper;
use crate::store::{Flush, StoreError};

/// The name of the thread.
const THREAD: &str = "flush";

/// Writes the tables, one flush at a time.
pub(crate) struct Flusher {
    gauges: Arc<Gauges>,
    stopper: Stopper,
    /// There since the first flush.
    worker: Option<Worker>,
    under_way: bool,
}

/// The thread that writes.
struct Worker {
    flushes: Sender<Flush>,
    outcomes: Receiver<Result<(), StoreError>>,
    thread: JoinHandle<()>,
}

impl Flusher {
    /// Nothing is under way. A flush that fails stops the node.
    pub(crate) const fn new(gauges: Arc<Gauges>, stopper: Stopper) -> Self {
        Self {
            gauges,
            stopper,
            worker: None,
            under_way: false,
        }
    }

    /// Begins a flush. [`Flusher::wait`] comes before.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    pub(crate) fn begin(&mut self, flush: Flush) -> Result<(), Fatal> {
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::spawn(Arc::clone(&self.gauges), self.stopper.clone())?,
        };
        self.gauges.set_flushing(true);
        // Whoever waits next hears that the thread is gone.
        let _ = worker.flushes.send(flush);
        self.under_way = true;
        self.worker = Some(worker);
        Ok(())
    }

    /// Waits until the flush that is under way is done, if there is one.
    ///
    /// # Errors
    ///
    /// What went wrong with it.
    pub(crate) fn wait(&mut self) -> Result<(), Fatal> {
        match &self.worker {
            Some(worker) if std::mem::take(&mut self.under_way) => {
                let outcome = worker.outcomes.recv();
                Ok(outcome.map_err(|_| Fatal::Panicked { thread: THREAD })??)
            }
            _ => Ok(()),
        }
    }
}

impl Worker {
    fn spawn(gauges: Arc<Gauges>, stopper: Stopper) -> Result<Self, Fatal> {
        let (flushes, to_write) = mpsc::channel::<Flush>();
        let (written, outcomes) = mpsc::channel();
        let work = move || {
            for flush in to_write {
                let guard = stopper.guard();
                let outcome = flush.commit();
                if outcome.is_ok() {
                    gauges.set_flushing(false);
                    guard.disarm();
                } else {
                    drop(guard);
                }
                // Nobody waits for it if the node is ending.
                let _ = written.send(outcome);
            }
        };
        let thread = thread::Builder::new().name(THREAD.into()).spawn(work);
        Ok(Self {
            flushes,
            outcomes,
            thread: thread.map_err(Fatal::System)?,
        })
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        // Nobody else may open the tables while they are being written. If it fails, the node is
        // ending for a reason already.
        if let Some(worker) = self.worker.take() {
            drop(worker.flushes);
            let _ = worker.thread.join();
        }
    }
}
