//! A disk that can lose power: what was not synced may be cut off at any byte, or be there in part.
//!
//! It stands where a directory of files stands in a node; the log on top of it is the node's own.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use node::store::log::Position;
use node::store::medium::Medium;

use super::random::Random;

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
}

#[derive(Clone, Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    durable: usize,
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

    /// The node stops in the middle of whatever it was writing.
    pub fn crash(&self, outage: Outage) {
        let State {
            segments, random, ..
        } = &mut *self.state();
        if outage == Outage::PowerLost {
            for segment in segments.values_mut() {
                segment.lose_power(random);
            }
        }
    }
}

impl Segment {
    /// Keeps a part of what was not durable, and perhaps rubbish in place of the rest.
    fn lose_power(&mut self, random: &mut Random) {
        let written = self.bytes.len();
        if written == self.durable {
            return;
        }
        let kept = self.durable + random.index(written - self.durable + 1);
        match random.below(4) {
            // The file system had grown the file, and had not written what belongs there.
            0 => self.bytes[kept..].fill(0),
            // The pages were written out of order: one of them is not there.
            1 => {
                let end = (kept + random.index(512)).min(written);
                self.bytes[kept..end].fill(0);
            }
            _ => self.bytes.truncate(kept),
        }
        // What is read after a crash may be in memory only, until the log makes sure of it.
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
        let before = self.state().segments.insert(segment, Segment::default());
        match before {
            Some(_) => Err(io::Error::from(io::ErrorKind::AlreadyExists)),
            None => Ok(()),
        }
    }

    fn append(&self, segment: u64, bytes: &[u8]) -> io::Result<()> {
        self.state()
            .segment(segment)?
            .bytes
            .extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&self, segment: u64) -> io::Result<()> {
        let mut state = self.state();
        let lies = state.lies;
        let segment = state.segment(segment)?;
        if !lies {
            segment.durable = segment.bytes.len();
        }
        Ok(())
    }

    fn truncate(&self, segment: u64, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let segment = state.segment(segment)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        segment.bytes.truncate(length);
        segment.durable = segment.bytes.len();
        Ok(())
    }

    fn salt(&self) -> io::Result<[u8; 8]> {
        Ok(self.state().random.bytes())
    }
}
