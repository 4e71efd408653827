//! States of the shard that this node can hand to others: a file for each, and the last few of them.
//!
//! ```text
//!   piece | piece | ... | index: header, hash and length of each piece | length of the index
//! ```
//!
//! They are copies of what the members agreed on at one height, so nothing depends on them: whoever finds
//! none here, or a damaged one, asks another node.
//!
//! Paper: Section IV-A, checkpoints. Deviation: D-11.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use consensus::ledger;
use model::block::Header;
use model::bounds::{PIECE_BYTES_MAX, PIECES_MAX};
use model::state::{Inventory, Piece};
use model::{Hash, HeadCertificate, Height, ShardRecord, encoding};
use serde::{Deserialize, Serialize};

use super::medium::make_directory;

/// States that are kept: whoever fetches one has as long as it takes to come to the one after the next.
const STATES_KEPT: usize = 2;

/// What the name of a file ends in while it is being written.
const UNFINISHED: &str = "unfinished";

/// The bytes of the length at the end of a file.
const LENGTH_BYTES: u64 = 8;

/// The longest index: [`PIECES_MAX`] hashes and lengths, and a header.
const INDEX_BYTES_MAX: usize = PIECES_MAX * 48 + 1_024;

/// The states that a node keeps for others.
#[derive(Clone, Debug)]
pub struct States {
    directory: PathBuf,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Index {
    header: Header,
    pieces: Vec<(Hash, u32)>,
}

/// A state on its way to a file.
pub struct Kept {
    /// The header of the block after which it is the state.
    pub header: Header,
    /// The state.
    pub state: Arc<ledger::State>,
    /// The record that follows, if an epoch ends here.
    pub next: Option<Arc<ShardRecord>>,
}

impl States {
    /// The states kept in a directory, which need not be there yet.
    #[must_use]
    pub const fn within(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Keeps a state, and drops those before the one before it.
    ///
    /// # Errors
    ///
    /// What the disk says; then there is one state less to hand to others.
    pub fn keep(&self, kept: &Kept) -> io::Result<()> {
        make_directory(&self.directory)?;
        let path = self.path(kept.header.height);
        let unfinished = path.with_extension(UNFINISHED);
        write(&unfinished, kept).inspect_err(|_| drop(fs::remove_file(&unfinished)))?;
        fs::rename(&unfinished, &path)?;
        for old in self.heights().into_iter().skip(STATES_KEPT) {
            fs::remove_file(self.path(old))?;
        }
        self.clear();
        Ok(())
    }

    /// Removes what a process that was killed left behind.
    fn clear(&self) {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let unfinished = entries.filter(|entry| {
            let path = entry.path();
            path.extension().is_some_and(|end| end == UNFINISHED)
        });
        for entry in unfinished {
            // It is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }

    /// The heights of the states that are kept, the highest first.
    #[must_use]
    pub fn heights(&self) -> Vec<Height> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let numbers = names.filter_map(|name| name.strip_suffix(".state")?.parse().ok());
        let mut heights: Vec<Height> = numbers.map(Height::new).collect();
        heights.sort_unstable_by(|a, b| b.cmp(a));
        heights
    }

    /// Of which pieces the state at a height consists, below `head`, which commits to it. `None` if it is
    /// not kept here.
    ///
    /// # Errors
    ///
    /// What the disk says, or that the file is damaged.
    pub fn inventory(&self, head: HeadCertificate) -> io::Result<Option<Inventory>> {
        let Some((_, index)) = self.open(head.head.height)? else {
            return Ok(None);
        };
        Ok(Some(Inventory {
            head,
            header: index.header,
            pieces: index.pieces.into_iter().map(|(hash, _)| hash).collect(),
        }))
    }

    /// The encoding of a piece of the state at a height, counted from the first. `None` if it is not kept
    /// here.
    ///
    /// # Errors
    ///
    /// As [`States::inventory`].
    pub fn piece(&self, height: Height, number: u32) -> io::Result<Option<Vec<u8>>> {
        let Some((mut file, index)) = self.open(height)? else {
            return Ok(None);
        };
        let number = number as usize;
        let Some((_, length)) = index.pieces.get(number) else {
            return Ok(None);
        };
        let before = index.pieces[..number].iter();
        let offset = before.map(|(_, length)| u64::from(*length)).sum();
        if *length as usize > PIECE_BYTES_MAX {
            return Err(damaged());
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; *length as usize];
        file.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn open(&self, height: Height) -> io::Result<Option<(File, Index)>> {
        let mut file = match File::open(self.path(height)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let end = file.metadata()?.len();
        let at = end.checked_sub(LENGTH_BYTES).ok_or_else(damaged)?;
        file.seek(SeekFrom::Start(at))?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let fits = length <= INDEX_BYTES_MAX as u64;
        let begin = at.checked_sub(length).filter(|_| fits);
        file.seek(SeekFrom::Start(begin.ok_or_else(damaged)?))?;
        let mut index = vec![0; usize::try_from(length).map_err(|_| damaged())?];
        file.read_exact(&mut index)?;
        let index = encoding::decode(&index, INDEX_BYTES_MAX).map_err(|_| damaged())?;
        Ok(Some((file, index)))
    }

    fn path(&self, height: Height) -> PathBuf {
        self.directory.join(format!("{}.state", height.number()))
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is damaged")
}

fn write(path: &Path, kept: &Kept) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut index = Index {
        header: kept.header.clone(),
        pieces: Vec::new(),
    };
    for piece in kept.state.as_committed(kept.next.as_deref()).pieces() {
        let bytes = encoding::encode(&piece);
        let length = u32::try_from(bytes.len()).map_err(|_| damaged())?;
        file.write_all(&bytes)?;
        index.pieces.push((Piece::hash(&piece), length));
    }
    let index = encoding::encode(&index);
    file.write_all(&index)?;
    file.write_all(&(index.len() as u64).to_le_bytes())?;
    file.into_inner()?.sync_all()
}
