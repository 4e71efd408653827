//! Forgetting a network.

use std::time::Duration;

use super::control::{Command, ask};
use super::endpoint::Endpoint;
use super::error::LocalError;
use super::file;
use super::layout::Layout;
use super::lock::Lock;

/// How long a supervisor may take to stop its nodes.
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// Stops the network of a folder, if it runs, and returns when nothing of it runs any more.
///
/// # Errors
///
/// [`LocalError::NotRunning`] if it does not run, [`LocalError::Running`] if it does not stop.
pub fn stop(layout: &Layout) -> Result<(), LocalError> {
    let endpoint = Endpoint::read(layout)?;
    ask(layout, &endpoint, &Command::Stop)?;
    Lock::wait(layout, STOP_PATIENCE).map(drop)
}

/// Stops the network of a folder, if it runs, and removes everything that is kept of it.
///
/// # Errors
///
/// [`LocalError::Running`] if it does not stop, [`LocalError::Io`] if the folder cannot be removed.
pub fn reset(layout: &Layout) -> Result<(), LocalError> {
    match stop(layout) {
        Ok(()) | Err(LocalError::NotRunning { .. } | LocalError::Damaged { .. }) => {}
        Err(other) => return Err(other),
    }
    let _lock = Lock::take(layout)?;
    file::remove_folder(&layout.root())
}
