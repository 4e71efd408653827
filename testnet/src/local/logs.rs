//! The logs of the nodes: bounded, and read from the end.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The length beyond which a log is moved aside, in bytes.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How far from its end a log is read for its last lines, in bytes.
const TAIL_BYTES: u64 = 8 * 1024;

/// How many of the last lines of a log are shown.
const TAIL_LINES: usize = 8;

/// Opens the log of a node that is about to start. What it said before is moved aside.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    match fs::rename(path, before(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().append(true).create(true).open(path)
}

/// Moves what a running node has said aside if it is too long.
///
/// The node goes on writing to the same file, so what it says during the copy may be lost.
pub(crate) fn rotate(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.len() > LOG_BYTES_MAX {
        fs::copy(path, before(path))?;
        File::options().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// The last lines of a log, none if it cannot be read.
pub(crate) fn tail(path: &Path) -> Vec<String> {
    let Ok(end) = read_end(path) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

fn read_end(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut end)?;
    Ok(end)
}

fn before(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}
