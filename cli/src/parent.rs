//! Ending with whoever started this process.
//!
//! The parent holds the other end of the standard input and never writes to it. When the input ends,
//! the parent is gone, however it went.

use std::{io, thread};

use crate::exit::{Exit, Failure};

/// Calls `gone` once, on a thread of its own, when the parent is gone.
pub(crate) fn watch(gone: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    wake_up_with_parent();
    let wait = move || {
        // An input that cannot be read has ended, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        gone();
    };
    let thread = thread::Builder::new().name("parent".into()).spawn(wait);
    thread
        .map(drop)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start a thread: {error}")))
}

/// Makes sure that a process that is paused runs again when its parent is gone.
#[cfg(target_os = "linux")]
fn wake_up_with_parent() {
    use nix::sys::prctl::set_pdeathsig;
    use nix::sys::signal::Signal;
    if let Err(error) = set_pdeathsig(Signal::SIGCONT) {
        tracing::warn!(%error, "if the parent is gone while this process is paused, it stays");
    }
}

/// Elsewhere the system itself wakes up paused processes whose parent is gone, with SIGHUP.
#[cfg(not(target_os = "linux"))]
fn wake_up_with_parent() {}
