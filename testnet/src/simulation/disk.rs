//! A disk that can lose power, run full, fail to sync, and rot.
//!
//! When power is lost, what was not synced may be cut off at any byte, or be there in part. After a
//! sync that failed, the disk goes on showing what it could not write, and a later sync says nothing
//! about it, as common systems do.
//!
//! It stands where a directory of files stands in a node; the log on top of it is the node's own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use node::store::log::Position;
use node::store::medium::Medium;

use super::fault::Fault;
use super::random::Random;

/// Bytes that a disk writes at once or not at all.
const PAGE: usize = 512;

/// How a disk is taken away from a node that is writing to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The process dies. What it had written is there.
    Killed,
    /// The machine loses power. Of what was not synced, anything may be there.
    PowerLost,
}

/// A disk.
pub struct Disk(Mutex<State>);

struct State {
    segments: BTreeMap<u64, Segment>,
    random: Random,
    /// Whether it says that things are durable without making them so.
    lies: bool,
    /// How many more bytes fit on it; any number, with `None`.
    room: Option<usize>,
    /// Whether the next sync fails.
    sync_fails: bool,
    /// What it could not do since it was last asked.
    failure: Option<Fault>,
    /// The byte and the bit that have flipped.
    flipped: Option<(u64, usize, u8)>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    durable: usize,
    /// What of it a record that is durable says to be durable. Damage below this shows.
    witnessed: usize,
    /// What the bytes that were written last say to be durable.
    claimed: usize,
    /// Where what a failed sync did not write begins, and where it ends.
    hollow: Option<(usize, usize)>,
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub const fn new(random: Random) -> Self {
        Self::with(random, false)
    }

    /// An empty disk that says that everything is durable and makes nothing so.
    #[must_use]
    pub const fn lying(random: Random) -> Self {
        Self::with(random, true)
    }

    const fn with(random: Random, lies: bool) -> Self {
        Self(Mutex::new(State {
            segments: BTreeMap::new(),
            random,
            lies,
            room: None,
            sync_fails: false,
            failure: None,
            flipped: None,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where what is really durable ends.
    #[must_use]
    pub fn durable(&self) -> Position {
        let state = self.state();
        let last = state.segments.last_key_value();
        last.map_or(Position::FIRST, |(number, segment)| Position {
            segment: *number,
            offset: length(segment.durable),
        })
    }

    /// The node stops in the middle of whatever it was writing. What that did to the disk.
    pub fn crash(&self, outage: Outage) -> Option<Fault> {
        let State {
            segments, random, ..
        } = &mut *self.state();
        if outage == Outage::Killed {
            return None;
        }
        let losses = segments.values_mut();
        losses
            .filter_map(|segment| segment.lose_power(random))
            .last()
    }

    /// From now on only so many more bytes fit.
    pub(super) fn fill_up(&self, room: usize) {
        self.state().room = Some(room);
    }

    /// The next sync fails.
    pub(super) fn fail_next_sync(&self) {
        self.state().sync_fails = true;
    }

    /// There is room again, and syncs succeed.
    pub(super) fn mend(&self) {
        let mut state = self.state();
        state.room = None;
        state.sync_fails = false;
    }

    /// What the disk could not do since the last time.
    pub(super) fn take_failure(&self) -> Option<Fault> {
        self.state().failure.take()
    }

    /// Flips a bit of what is known to be durable. Whether there was one.
    pub(super) fn flip_bit(&self) -> bool {
        let State {
            segments,
            random,
            flipped,
            ..
        } = &mut *self.state();
        let Some((number, segment)) = segments.iter_mut().next_back() else {
            return false;
        };
        if flipped.is_some() || segment.witnessed == 0 {
            return false;
        }
        let (at, bit) = (random.index(segment.witnessed), 1 << random.below(8));
        segment.bytes[at] ^= bit;
        *flipped = Some((*number, at, bit));
        true
    }

    /// Whether a bit has flipped.
    pub(super) fn is_damaged(&self) -> bool {
        self.state().flipped.is_some()
    }

    /// Somebody restores the disk as it was before the bit flipped.
    pub(super) fn restore(&self) {
        let State {
            segments, flipped, ..
        } = &mut *self.state();
        if let Some((number, at, bit)) = flipped.take()
            && let Some(segment) = segments.get_mut(&number)
        {
            segment.bytes[at] ^= bit;
        }
    }

    /// The last segment becomes what it was some time before, with nothing wrong about it.
    pub(super) fn roll_back(&self) {
        self.restore();
        let State {
            segments, random, ..
        } = &mut *self.state();
        if let Some(segment) = segments.values_mut().next_back() {
            let kept = random.index(segment.bytes.len() + 1);
            segment.truncate(kept);
        }
    }
}

impl Segment {
    /// Keeps a part of what was not durable, and perhaps rubbish in place of the rest. What is read
    /// after a crash may be in memory only, until the log makes sure of it.
    fn lose_power(&mut self, random: &mut Random) -> Option<Fault> {
        if let Some((from, to)) = self.hollow.take() {
            self.bytes[from..to].fill(0);
        }
        let written = self.bytes.len();
        if written == self.durable {
            return None;
        }
        let kept = self.durable + random.index(written - self.durable + 1);
        match random.below(6) {
            // The file system had grown the file, and had not written what belongs there.
            0 => self.bytes[kept..].fill(0),
            // The pages were written out of order: one of them is not there.
            1 => {
                let end = (kept + random.index(PAGE)).min(written);
                self.bytes[kept..end].fill(0);
                return Some(Fault::ReorderedWrites);
            }
            // Any of them is there or not.
            2 => {
                for page in self.bytes[self.durable..].chunks_mut(PAGE) {
                    if random.chance(500) {
                        page.fill(0);
                    }
                }
                return Some(Fault::ReorderedWrites);
            }
            _ => self.bytes.truncate(kept),
        }
        Some(Fault::TruncatedTail)
    }

    fn truncate(&mut self, length: usize) {
        let cuts_durable = length < self.durable;
        self.bytes.truncate(length);
        self.durable = self.bytes.len();
        if cuts_durable {
            // The record that witnessed it may be gone.
            (self.witnessed, self.claimed) = (0, 0);
        }
        self.hollow = self.hollow.filter(|(_, to)| *to <= length);
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a length fits into 64 bits")
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl State {
    fn segment(&mut self, number: u64) -> io::Result<&mut Segment> {
        self.segments.get_mut(&number).ok_or_else(missing)
    }

    /// Uses up room for so many bytes, or all that is left.
    fn take_room(&mut self, bytes: usize) -> io::Result<()> {
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        let enough = *room >= bytes;
        *room = room.saturating_sub(bytes);
        if enough {
            return Ok(());
        }
        self.failure = Some(Fault::DiskFull);
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }
}

impl Medium for Disk {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.state().segments.keys().copied().collect())
    }

    fn name(&self, segment: u64) -> String {
        format!("segment {segment} of a simulated disk")
    }

    fn length(&self, segment: u64) -> io::Result<u64> {
        Ok(length(self.state().segment(segment)?.bytes.len()))
    }

    fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        let held = &state.segment(segment)?.bytes;
        let found = usize::try_from(offset)
            .ok()
            .and_then(|from| held.get(from..from.checked_add(bytes.len())?))
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn create(&self, segment: u64) -> io::Result<()> {
        let mut state = self.state();
        state.take_room(1)?;
        match state.segments.entry(segment) {
            Entry::Occupied(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            Entry::Vacant(entry) => {
                entry.insert(Segment::default());
                Ok(())
            }
        }
    }

    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fitting = state.room.map_or(bytes.len(), |room| room.min(bytes.len()));
        let segment = state.segment(segment)?;
        segment.bytes.extend_from_slice(&bytes[..fitting]);
        segment.claimed = segment.durable;
        state.take_room(bytes.len())
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let mut state = self.state();
        let (lies, fails) = (state.lies, std::mem::take(&mut state.sync_fails));
        if fails {
            state.failure = Some(Fault::SyncFailed);
        }
        let segment = state.segment(segment)?;
        if fails {
            segment.hollow = Some((segment.durable, segment.bytes.len()));
            return Err(io::Error::other("the disk does not answer"));
        }
        if !lies {
            segment.durable = segment.bytes.len();
            segment.witnessed = segment.claimed;
        }
        Ok(())
    }

    fn truncate(&self, segment: u64, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let segment = state.segment(segment)?;
        segment.truncate(usize::try_from(length).map_err(io::Error::other)?);
        Ok(())
    }

    fn salt(&self) -> io::Result<[u8; 8]> {
        Ok(self.state().random.bytes())
    }
}
