//! The threads of a node: each of them stops the node when it ends.

use std::future::Future;
use std::thread::{self, JoinHandle};

use tokio::runtime::{self, Runtime};

use crate::error::Fatal;
use crate::stop::Stopper;

/// Threads that read from the disk for clients and for members that catch up.
const READERS: usize = 4;

/// A thread of the node. When it ends, for whatever reason, the node stops.
///
/// # Errors
///
/// [`Fatal::System`] if there is none to be had.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    stopper: &Stopper,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Fatal> {
    let guard = stopper.guard();
    let work = move || {
        let _guard = guard;
        work()
    };
    let thread = thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(Fatal::System)
}

/// A thread of the node that waits for several things at once.
///
/// # Errors
///
/// As [`spawn`].
pub(super) fn spawn_async<T: Send + 'static>(
    name: &str,
    stopper: &Stopper,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<JoinHandle<T>, Fatal> {
    let runtime = runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(Fatal::System)?;
    spawn(name, stopper, move || runtime.block_on(work))
}

/// The threads of all that a node does beside the agreement.
///
/// # Errors
///
/// [`Fatal::System`] if there are none to be had.
pub(super) fn service() -> Result<Runtime, Fatal> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(READERS)
        .thread_name("service")
        .enable_all()
        .build()
        .map_err(Fatal::System)
}
