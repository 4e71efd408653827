//! A disk in memory that holds whatever bytes one puts on it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use node::store::medium::Medium;

/// Segments by number.
#[derive(Debug, Default)]
pub struct Disk(Mutex<BTreeMap<u64, Vec<u8>>>);

impl Disk {
    fn segments(&self) -> MutexGuard<'_, BTreeMap<u64, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these bytes in place of a segment.
    pub fn put(&self, segment: u64, bytes: Vec<u8>) {
        self.segments().insert(segment, bytes);
    }

    /// The bytes of a segment, none if it is not there.
    #[must_use]
    pub fn bytes(&self, segment: u64) -> Vec<u8> {
        self.segments().get(&segment).cloned().unwrap_or_default()
    }

    fn with<T>(&self, segment: u64, action: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        let mut segments = self.segments();
        segments
            .get_mut(&segment)
            .map(action)
            .ok_or(io::ErrorKind::NotFound.into())
    }
}

impl Medium for Disk {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.segments().keys().copied().collect())
    }

    fn name(&self, segment: u64) -> String {
        format!("segment {segment}")
    }

    fn length(&self, segment: u64) -> io::Result<u64> {
        self.with(segment, |held| held.len() as u64)
    }

    fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.with(segment, |held| {
            let start = usize::try_from(offset).ok()?;
            let part = held.get(start..start.checked_add(bytes.len())?)?;
            bytes.copy_from_slice(part);
            Some(())
        })?
        .ok_or(io::ErrorKind::UnexpectedEof.into())
    }

    fn create(&self, segment: u64) -> io::Result<()> {
        let before = self.segments().insert(segment, Vec::new());
        assert!(before.is_none(), "segment {segment} was there already");
        Ok(())
    }

    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(segment, |held| held.extend_from_slice(bytes))
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        self.with(segment, |_| ())
    }

    fn truncate(&self, segment: u64, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.with(segment, |held| held.truncate(length))
    }

    fn salt(&self) -> io::Result<[u8; 8]> {
        Ok(*b"saltsalt")
    }
}
