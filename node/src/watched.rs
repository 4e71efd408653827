//! A file that somebody else writes while the node runs, and that is looked at again and again.
//!
//! It is for faults on purpose, on networks that are there to be tried out: see [`crate::weather`] and
//! [`crate::lies`].

use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a file is read. It bounds how late a node is to notice that it has changed.
const LOOK: Duration = Duration::from_millis(20);

/// The longest file that is read, in bytes: a hundred peers, with room.
const BYTES_MAX: u64 = 64 * 1024;

/// See the module.
pub(crate) struct Watched {
    file: PathBuf,
    /// What it said when it was read last.
    text: String,
}

impl Watched {
    /// A file that has not been looked at: it is as if it had been empty.
    pub(crate) const fn new(file: PathBuf) -> Self {
        Self {
            file,
            text: String::new(),
        }
    }

    /// What the file says, if it says something else than before and can be understood. No file at all
    /// says nothing.
    pub(crate) fn look<T>(&mut self, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let text = match self.read() {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "cannot read the file");
                return None;
            }
        };
        if text == self.text {
            return None;
        }
        let said = parse(&text);
        self.text = text;
        said.inspect_err(|reason| {
            tracing::warn!(file = %self.file.display(), reason, "cannot understand the file");
        })
        .ok()
    }

    /// Ticks whenever it is time to look again.
    pub(crate) fn beat() -> Interval {
        let mut beat = interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat
    }

    fn read(&self) -> io::Result<String> {
        let mut text = String::new();
        let file = File::open(&self.file)?;
        file.take(BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    }
}
