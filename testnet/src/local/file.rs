//! Files that are there whole or not at all.

#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::LocalError;

/// The longest JSON file that is read, in bytes: the manifest of a hundred nodes, with room.
const JSON_BYTES_MAX: u64 = 1024 * 1024;

/// Makes a folder, and those above it, that only this user can enter: keys are in it.
pub(crate) fn create_folder(path: &Path) -> Result<(), LocalError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(LocalError::io("create the folder", path))
}

/// Puts `bytes` into the file at `path`: after a crash it holds what it held before, or all of
/// `bytes`.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), LocalError> {
    let fresh = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(LocalError::io("write", path))
}

/// Puts `value` as JSON into the file at `path`, as [`replace`] does.
pub(crate) fn replace_json(path: &Path, value: &impl Serialize) -> Result<(), LocalError> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    let mut text = text.map_err(LocalError::io("write", path))?;
    text.push(b'\n');
    replace(path, &text)
}

/// The value that the file at `path` holds as JSON, `None` if there is no such file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LocalError> {
    let Some(bytes) = read(path, JSON_BYTES_MAX)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| LocalError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        })
}

/// What the file at `path` holds, `None` if there is no such file.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, LocalError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > bytes_max => {
            return Err(LocalError::Damaged {
                path: path.to_owned(),
                reason: format!("it is longer than {bytes_max} bytes"),
            });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    fs::read(path)
        .map(Some)
        .map_err(LocalError::io("read", path))
}

/// Removes the file at `path`, if it is there.
pub(crate) fn remove(path: &Path) -> Result<(), LocalError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LocalError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes the folder at `path` with all that is in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), LocalError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(LocalError::io("remove the folder", path)(error))
        }
        _ => Ok(()),
    }
}
