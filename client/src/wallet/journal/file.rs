//! The file of the journal: read it, append to it, write it anew.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use model::NetworkId;

use super::line::{Line, VERSION};
use super::state::State;
use super::{JournalError, disk};

/// A journal as it was read, under the lock that the caller holds.
pub(super) struct Loaded {
    pub(super) state: State,
    path: PathBuf,
    network: NetworkId,
    /// How many bytes are complete lines.
    complete: u64,
}

/// Reads the journal. A file that is not there is one without lines.
pub(super) fn load(path: &Path, network: &NetworkId) -> Result<Loaded, JournalError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(disk("read", path)(error)),
    };
    let mut state = State::default();
    let mut complete = 0;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        let Some(text) = line.strip_suffix(b"\n") else {
            // It was being written when the machine stopped. Nothing has been sent for it.
            break;
        };
        let damaged = |reason: String| JournalError::Damaged {
            path: path.to_owned(),
            line: number,
            reason,
        };
        let parsed = serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        match parsed {
            Line::Journal {
                version,
                network: found,
            } if number == 1 => {
                check_first(version, found, network, damaged)?;
            }
            _ if number == 1 => {
                return Err(damaged("it is not the first line of a journal".into()));
            }
            line => state.add(line).map_err(damaged)?,
        }
        complete += line.len() as u64;
    }
    Ok(Loaded {
        state,
        path: path.to_owned(),
        network: *network,
        complete,
    })
}

fn check_first(
    version: u32,
    found: NetworkId,
    expected: &NetworkId,
    damaged: impl FnOnce(String) -> JournalError,
) -> Result<(), JournalError> {
    if version != VERSION {
        return Err(damaged(format!("version {version} is not known")));
    }
    if found != *expected {
        return Err(JournalError::OtherNetwork {
            expected: *expected,
            found,
        });
    }
    Ok(())
}

impl Loaded {
    /// Appends lines and makes them durable.
    pub(super) fn append(mut self, lines: &[Line]) -> Result<(), JournalError> {
        let path = self.path.clone();
        let open = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let mut file = open.map_err(disk("open", &path))?;
        // What follows the complete lines is a torn one.
        file.set_len(self.complete).map_err(disk("cut", &path))?;
        file.seek(SeekFrom::End(0)).map_err(disk("read", &path))?;
        let mut bytes = Vec::new();
        if self.complete == 0 {
            self.write_first(&mut bytes);
        }
        for line in lines {
            write(line, &mut bytes);
        }
        file.write_all(&bytes).map_err(disk("write", &path))?;
        file.sync_data().map_err(disk("write", &path))?;
        if self.complete == 0 {
            self.sync_directory()?;
        }
        for line in lines {
            // They were written by this process and are as they should be.
            drop(self.state.add(line.clone()));
        }
        match self.state.compacted() {
            Some(lines) => self.replace(&lines),
            None => Ok(()),
        }
    }

    /// Writes the file anew, beside the old one, and puts it in its place.
    fn replace(&self, lines: &[Line]) -> Result<(), JournalError> {
        let beside = self.path.with_extension("jsonl.new");
        let mut bytes = Vec::new();
        self.write_first(&mut bytes);
        for line in lines {
            write(line, &mut bytes);
        }
        let mut file = File::create(&beside).map_err(disk("make", &beside))?;
        file.write_all(&bytes).map_err(disk("write", &beside))?;
        file.sync_all().map_err(disk("write", &beside))?;
        fs::rename(&beside, &self.path).map_err(disk("replace", &self.path))?;
        self.sync_directory()
    }

    fn write_first(&self, bytes: &mut Vec<u8>) {
        let first = Line::Journal {
            version: VERSION,
            network: self.network,
        };
        write(&first, bytes);
    }

    /// Makes it durable that the file is there.
    fn sync_directory(&self) -> Result<(), JournalError> {
        let Some(directory) = self.path.parent() else {
            return Ok(());
        };
        let opened = File::open(directory).map_err(disk("open", directory))?;
        opened.sync_all().map_err(disk("write", directory))
    }
}

fn write(line: &Line, bytes: &mut Vec<u8>) {
    let text = serde_json::to_vec(line).expect("a line is made of texts and numbers");
    bytes.extend_from_slice(&text);
    bytes.push(b'\n');
}
