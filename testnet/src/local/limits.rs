//! The number of files that this process and its nodes may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What we ask for: the limit that service managers give to servers.
const WANTED: u64 = 65_536;

/// What a node needs at most: connections, segments of the log, tables, and room.
const NEEDED: u64 = 1_024;

/// Raises the soft limit of open files as far as the system lets us. The nodes inherit it.
///
/// Returns a sentence to show if it stays too low.
pub(crate) fn raise_open_files() -> Option<String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let raised = WANTED.min(hard).max(soft);
    let reached = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    (reached < NEEDED).then(|| {
        format!(
            "a process may open only {reached} files here, a node may need {NEEDED}: \
             raise the limit with `ulimit -n {NEEDED}`"
        )
    })
}
