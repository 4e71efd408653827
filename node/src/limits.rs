//! The number of files that a process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What we ask for: the limit that service managers give to servers.
const WANTED: u64 = 65_536;

/// What a node needs at most: connections, segments of the log, tables, and room.
pub const OPEN_FILES_NEEDED: u64 = 1_024;

/// Raises the soft limit of open files as far as the system lets us. Processes that are started from
/// now on inherit it.
///
/// Returns a sentence to show if it stays too low.
#[must_use]
pub fn raise_open_files() -> Option<String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let raised = WANTED.min(hard).max(soft);
    let reached = match setrlimit(Resource::RLIMIT_NOFILE, raised, hard) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    (reached < OPEN_FILES_NEEDED).then(|| {
        format!(
            "a process may open only {reached} files here, a node may need {OPEN_FILES_NEEDED}: \
             raise the limit with `ulimit -n {OPEN_FILES_NEEDED}`"
        )
    })
}

/// How many files this process could be allowed to open, by its hard limit. `None` if the system does not
/// say.
#[must_use]
pub fn open_files_max() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE)
        .ok()
        .map(|(_, hard)| hard)
}
