//! Where a log keeps its segments: a directory of files, or whatever a test puts in its place.
//!
//! A [`Medium`] is the little that a log asks of a disk, and every way in which a disk can fail goes
//! through it. A simulated one can lose what was not synced, tear a write, run full and lie.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Segments that are kept open at a time. Reading an older one opens it again.
const OPEN_FILES_MAX: usize = 32;

/// A row of numbered segments, each a string of bytes that only grows at its end.
///
/// One writer appends; any number of readers read what has been appended.
pub trait Medium: Send + Sync {
    /// The numbers of the segments, ascending.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// What people call a segment: its file.
    fn name(&self, segment: u64) -> String;

    /// How many bytes a segment has.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn length(&self, segment: u64) -> io::Result<u64>;

    /// Fills `bytes` from a segment, beginning at `offset`.
    ///
    /// # Errors
    ///
    /// What the disk says; [`io::ErrorKind::UnexpectedEof`] if the segment has fewer bytes.
    fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Makes an empty segment. That it exists is durable when this returns.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn create(&self, segment: u64) -> io::Result<()>;

    /// Appends to a segment. After an error any part of the bytes may have been appended.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what has been appended to a segment.
    ///
    /// # Errors
    ///
    /// What the disk says. Then nothing is known about what was appended since the last success, and
    /// asking again proves nothing: the system may have forgotten the failure.
    fn sync(&self, segment: u64) -> io::Result<()>;

    /// Cuts a segment to `length` bytes, durably.
    ///
    /// # Errors
    ///
    /// What the disk says.
    fn truncate(&self, segment: u64, length: u64) -> io::Result<()>;

    /// Eight bytes that nobody outside can guess.
    ///
    /// # Errors
    ///
    /// If the system has no randomness.
    fn salt(&self) -> io::Result<[u8; 8]>;
}

/// Segments as files of one directory.
pub struct Files {
    path: PathBuf,
    open: Mutex<BTreeMap<u64, Arc<File>>>,
}

impl Files {
    /// The directory at `path`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        make_directory(&path)?;
        Ok(Self {
            path,
            open: Mutex::new(BTreeMap::new()),
        })
    }

    fn file_path(&self, segment: u64) -> PathBuf {
        self.path.join(format!("{segment:08}.log"))
    }

    /// The open file of a segment.
    fn file(&self, segment: u64) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(self.file_path(segment))?;
        let file = Arc::new(file);
        open.insert(segment, Arc::clone(&file));
        if open.len() > OPEN_FILES_MAX {
            open.pop_first();
        }
        Ok(file)
    }
}

/// Makes a directory, and those above it, if it is not there. That it exists is durable when this
/// returns: files in a directory that is lost are lost with it, synced or not.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if above != Path::new("") => above,
        Some(_) | None => Path::new("."),
    };
    make_directory(above)?;
    fs::create_dir(path)?;
    sync_names(above)
}

/// Makes durable that files of a directory came or went.
fn sync_names(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The number of the segment in a file with this name.
fn segment_number(path: &Path) -> Option<u64> {
    if path.extension()? != "log" {
        return None;
    }
    path.file_stem()?.to_str()?.parse().ok()
}

impl Medium for Files {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            numbers.extend(segment_number(&entry?.path()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn name(&self, segment: u64) -> String {
        self.file_path(segment).display().to_string()
    }

    fn length(&self, segment: u64) -> io::Result<u64> {
        Ok(self.file(segment)?.metadata()?.len())
    }

    fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file(segment)?.read_exact_at(bytes, offset)
    }

    fn create(&self, segment: u64) -> io::Result<()> {
        OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(self.file_path(segment))?;
        sync_names(&self.path)
    }

    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(segment)?.as_ref().write_all(bytes)
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.file(segment)?.sync_data()
    }

    fn truncate(&self, segment: u64, length: u64) -> io::Result<()> {
        let file = self.file(segment)?;
        file.set_len(length)?;
        file.sync_all()
    }

    fn salt(&self) -> io::Result<[u8; 8]> {
        let mut salt = [0; 8];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        Ok(salt)
    }
}
