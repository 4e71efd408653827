//! The genesis document of the network that a node is part of: from a file, or from bytes that came
//! another way.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use model::Genesis;
use model::bounds::GENESIS_BYTES_MAX;

use crate::error::Fatal;

/// The genesis document in this file.
///
/// # Errors
///
/// [`Fatal::GenesisFile`] if it cannot be read, [`Fatal::Genesis`] or [`Fatal::GenesisContents`] if no
/// network can start with it.
pub fn load_genesis(path: &Path) -> Result<Genesis, Fatal> {
    let file = path.display().to_string();
    let cannot_read = |reason| Fatal::GenesisFile {
        file: file.clone(),
        reason,
    };
    // What is too long is refused without being read whole.
    let mut limited = File::open(path)
        .map_err(cannot_read)?
        .take(GENESIS_BYTES_MAX as u64 + 1);
    let mut bytes = Vec::new();
    limited.read_to_end(&mut bytes).map_err(cannot_read)?;
    parse_genesis(&bytes, &file)
}

/// The genesis document that these bytes are; `from` is where they come from.
///
/// # Errors
///
/// [`Fatal::Genesis`] or [`Fatal::GenesisContents`] if no network can start with it.
pub fn parse_genesis(bytes: &[u8], from: &str) -> Result<Genesis, Fatal> {
    let file = || from.to_owned();
    let genesis = Genesis::from_bytes(bytes).map_err(|reason| Fatal::Genesis {
        file: file(),
        reason,
    })?;
    system_contracts::genesis::check(&genesis).map_err(|reason| Fatal::GenesisContents {
        file: file(),
        reason,
    })?;
    Ok(genesis)
}
