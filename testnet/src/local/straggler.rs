//! Nodes of an earlier run that have not ended yet.
//!
//! A supervisor that was killed leaves nodes that stop by themselves within moments. Until they have,
//! they hold their ports and their files.

#[cfg(test)]
mod tests;

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::kill;
use nix::unistd::Pid;
use node::store::{Directory, StoreError};
use tokio::time::sleep;

use super::error::LocalError;
use super::event::Event;
use super::file;
use super::layout::Layout;
use super::manifest::Manifest;

/// How long to wait for nodes that are stopping.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Digits of the number of a process, at most.
const PID_BYTES_MAX: u64 = 16;

/// Waits until the processes of an earlier run have ended.
///
/// # Errors
///
/// [`LocalError::Straggler`] names a node whose directory stays in use.
pub(crate) async fn wait_for_all(
    layout: &Layout,
    manifest: &Manifest,
    report: &mut impl FnMut(Event),
) -> Result<(), LocalError> {
    let deadline = Instant::now() + PATIENCE;
    let mut said = false;
    for node in &manifest.nodes {
        while is_used(layout, &node.name) || is_running(layout, &node.name) {
            if !said {
                said = true;
                let note = "waiting for the nodes of an earlier run to end";
                report(Event::Note(note.to_owned()));
            }
            if Instant::now() < deadline {
                sleep(LOOK_AGAIN).await;
            } else if is_used(layout, &node.name) {
                return Err(LocalError::Straggler(node.name.clone()));
            } else {
                // By now another program has the number of the process.
                break;
            }
        }
    }
    Ok(())
}

/// Whether a process uses the directory of a node.
fn is_used(layout: &Layout, node: &str) -> bool {
    // Whatever else is wrong with the directory, the node itself says it best.
    matches!(
        Directory::open(layout.store(node)),
        Err(StoreError::InUse { .. })
    )
}

/// Whether the process runs that the last supervisor started for a node and did not see end.
fn is_running(layout: &Layout, node: &str) -> bool {
    let text = file::read(&layout.pid(node), PID_BYTES_MAX);
    let text = text.ok().flatten().unwrap_or_default();
    let pid = str::from_utf8(&text)
        .ok()
        .and_then(|text| text.parse().ok());
    pid.is_some_and(|pid| pid > 0 && kill(Pid::from_raw(pid), None).is_ok() && !has_ended(pid))
}

/// Whether a process has ended and waits for its parent to notice, as far as the system tells.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may contain any.
    let state = stat.rsplit(')').next().unwrap_or_default();
    state.trim_start().starts_with('Z')
}
