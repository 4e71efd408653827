//! One supervisor for each directory.
//!
//! The system gives the lock back when its holder ends, however it ends, so there is no stale lock.

#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::time::{Duration, Instant};

use super::error::LocalError;
use super::file;
use super::layout::Layout;

/// How long to wait between two looks at a lock that another process holds.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The right to run the network of a directory. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock.
    ///
    /// # Errors
    ///
    /// [`LocalError::Running`] names the process that has it.
    pub(crate) fn take(layout: &Layout) -> Result<Self, LocalError> {
        file::create_folder(layout.home())?;
        let path = layout.lock();
        let failed = |error| LocalError::io("open", &path)(error);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                write_holder(&mut file).map_err(LocalError::io("write", &path))?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(LocalError::Running {
                directory: layout.root(),
                pid: read_holder(&mut file),
            }),
            Err(TryLockError::Error(error)) => Err(LocalError::io("lock", &path)(error)),
        }
    }

    /// Takes the lock as soon as its holder lets go of it, at most after `patience`.
    ///
    /// # Errors
    ///
    /// [`LocalError::Running`] if the holder keeps it.
    pub(crate) fn wait(layout: &Layout, patience: Duration) -> Result<Self, LocalError> {
        let deadline = Instant::now() + patience;
        loop {
            match Self::take(layout) {
                Err(LocalError::Running { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(LOOK_AGAIN);
                }
                result => return result,
            }
        }
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// The process that holds the lock, if it has said so already.
fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
