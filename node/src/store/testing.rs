//! A disk in memory that can be crashed, torn, damaged and filled, and records to write to it.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use consensus::Record;
use model::statement::{Slot, Vote};
use model::{Hash, NetworkId, NodeId, SecretKey};
use redb::StorageBackend;

use super::log::Owner;
use super::medium::Medium;

/// A disk in memory.
#[derive(Default)]
pub(crate) struct Disk {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    segments: BTreeMap<u64, Segment>,
    /// How many more bytes fit; `None` for as many as one likes.
    room: Option<usize>,
    /// Whether syncing fails from now on.
    broken: bool,
    salts: u64,
    syncs: u64,
}

#[derive(Clone, Default)]
struct Segment {
    bytes: Vec<u8>,
    synced: usize,
}

impl Disk {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test panics with the lock")
    }

    /// Lets `room` more bytes be written and no more.
    pub(crate) fn fill_after(&self, room: usize) {
        self.inner().room = Some(room);
    }

    /// Lets every sync fail from now on.
    pub(crate) fn break_sync(&self) {
        self.inner().broken = true;
    }

    /// Cuts the power: of each segment only what was synced is left, and of the last one `kept`
    /// bytes of the rest.
    pub(crate) fn crash(&self, kept: usize) {
        let mut inner = self.inner();
        let last = inner.segments.keys().next_back().copied();
        for (number, segment) in &mut inner.segments {
            let kept = if Some(*number) == last { kept } else { 0 };
            let left = segment.bytes.len().min(segment.synced.saturating_add(kept));
            segment.bytes.truncate(left);
        }
        inner.room = None;
        inner.broken = false;
    }

    /// The bytes of a segment.
    pub(crate) fn bytes(&self, segment: u64) -> Vec<u8> {
        self.inner().segments[&segment].bytes.clone()
    }

    /// Puts other bytes in place of a segment.
    pub(crate) fn put(&self, segment: u64, bytes: Vec<u8>) {
        let synced = bytes.len();
        let segment_now = Segment { bytes, synced };
        self.inner().segments.insert(segment, segment_now);
    }

    /// Removes a segment.
    pub(crate) fn remove(&self, segment: u64) {
        self.inner().segments.remove(&segment);
    }

    /// How often something was synced.
    pub(crate) fn syncs(&self) -> u64 {
        self.inner().syncs
    }

    /// Whether all that was written is synced.
    pub(crate) fn is_durable(&self) -> bool {
        let inner = self.inner();
        let mut segments = inner.segments.values();
        segments.all(|segment| segment.synced == segment.bytes.len())
    }

    /// A disk with the same bytes, all of them synced.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::default();
        for (number, segment) in &self.inner().segments {
            copy.put(*number, segment.bytes.clone());
        }
        copy
    }
}

impl Medium for Disk {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.inner().segments.keys().copied().collect())
    }

    fn name(&self, segment: u64) -> String {
        format!("segment {segment}")
    }

    fn length(&self, segment: u64) -> io::Result<u64> {
        Ok(self.bytes(segment).len() as u64)
    }

    fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let inner = self.inner();
        let held = &inner.segments[&segment].bytes;
        let start = offset as usize;
        let part = held.get(start..start + bytes.len());
        bytes.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn create(&self, segment: u64) -> io::Result<()> {
        self.inner().segments.insert(segment, Segment::default());
        Ok(())
    }

    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        let fits = inner.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        if let Some(room) = &mut inner.room {
            *room -= fits;
        }
        let held = inner.segments.entry(segment).or_default();
        held.bytes.extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let mut inner = self.inner();
        if inner.broken {
            return Err(io::Error::other("the disk is gone"));
        }
        inner.syncs += 1;
        let held = inner.segments.entry(segment).or_default();
        held.synced = held.bytes.len();
        Ok(())
    }

    fn truncate(&self, segment: u64, length: u64) -> io::Result<()> {
        let mut inner = self.inner();
        let held = inner.segments.entry(segment).or_default();
        held.bytes.truncate(length as usize);
        held.synced = held.bytes.len();
        Ok(())
    }

    fn salt(&self) -> io::Result<[u8; 8]> {
        let mut inner = self.inner();
        inner.salts += 1;
        let salt = model::hash::hash(model::Tag::Record, &inner.salts.to_le_bytes());
        Ok(*salt.as_bytes().first_chunk().expect("a hash has 32 bytes"))
    }
}

/// The bytes of the tables, which survive the database that has them open.
#[derive(Clone, Debug, Default)]
pub(crate) struct TablesFile {
    bytes: Arc<Mutex<Vec<u8>>>,
    broken: Arc<AtomicBool>,
}

impl TablesFile {
    /// Lets every write fail from now on.
    pub(crate) fn break_writes(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().expect("no test panics with the lock")
    }
}

impl StorageBackend for TablesFile {
    fn len(&self) -> Result<u64, std::io::Error> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), std::io::Error> {
        let start = offset as usize;
        out.copy_from_slice(&self.bytes()[start..start + out.len()]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), std::io::Error> {
        self.bytes().resize(len as usize, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), std::io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), std::io::Error> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let start = offset as usize;
        self.bytes()[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}

/// The owner of all logs in tests.
pub(crate) fn owner() -> Owner {
    Owner {
        network: NetworkId::from_bytes([1; 32]),
        node: NodeId::new(SecretKey::from_seed([2; 32]).public()),
    }
}

/// A record that differs from those with other numbers.
pub(crate) fn vote(slot: u64) -> Record {
    Record::Vote {
        slot: Slot::new(slot),
        vote: Vote::Notarize(Hash::from_bytes([slot as u8; 32])),
    }
}
