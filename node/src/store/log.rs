//! The log: every record that the replica asked to be kept, in order. It is the truth of a node.
//!
//! Records are appended to the last of a row of segments, and nothing that was written is ever
//! changed. [`Log::open`] cuts off the end of a write that a crash has torn; anything else that is
//! not as it was written is an error that names the file and the byte, because a node that
//! forgets a vote may vote twice.

#[cfg(test)]
mod tests;

mod error;
mod frame;
mod reader;
mod segments;

use std::sync::Arc;

use consensus::Record;
use consensus::injected::{self, Mistake};
use model::encoding;
use serde::{Deserialize, Serialize};

pub use error::LogError;
pub use frame::Owner;
pub use reader::Reader;

use super::medium::Medium;
use frame::{HEADER_BYTES, Header, Salt};
use segments::Segments;

/// The bytes at which a segment is full and the next one begins. One that is read as a whole fits
/// into memory, and a log of a terabyte has a directory of 16,000 files.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The place of a record in a log. Places are ordered as the records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// The number of the segment.
    pub segment: u64,
    /// The first byte of the record's frame in the segment.
    pub offset: u64,
}

impl Position {
    /// Where the first record of every log is.
    pub const FIRST: Self = Self {
        segment: 1,
        offset: HEADER_BYTES as u64,
    };
}

/// What a crash left at the end of a log, and [`Log::open`] cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub file: String,
    /// How many bytes were cut off. Nothing in them had been confirmed to anybody.
    pub bytes: u64,
}

/// The end of the log that is written to.
pub struct Log {
    segments: Arc<Segments>,
    /// The number of the last segment.
    number: u64,
    salt: Salt,
    /// The bytes of the last segment, and how many of them are durable.
    length: u64,
    durable: u64,
    /// When the last segment is full, in bytes.
    segment_bytes: u64,
    /// Frames on their way to the medium. Kept for its capacity.
    buffer: Vec<u8>,
    failed: bool,
}

impl Log {
    /// Opens the log of `owner`, or begins one.
    ///
    /// `confirmed` is a place up to which the caller knows the log to have been durable: nothing
    /// before it is taken for torn.
    ///
    /// # Errors
    ///
    /// [`LogError`] if the log is damaged before its end, or not this node's.
    pub fn open(
        medium: Arc<dyn Medium>,
        owner: Owner,
        confirmed: Position,
    ) -> Result<(Self, Option<Torn>), LogError> {
        Self::open_with(medium, owner, confirmed, SEGMENT_BYTES)
    }

    /// [`Log::open`] with segments of another size.
    fn open_with(
        medium: Arc<dyn Medium>,
        owner: Owner,
        confirmed: Position,
        segment_bytes: u64,
    ) -> Result<(Self, Option<Torn>), LogError> {
        let segments = Arc::new(Segments::new(medium, owner));
        let number = segments.last(confirmed)?;
        let mut log = Self {
            segments,
            number,
            salt: Salt::default(),
            length: 0,
            durable: 0,
            segment_bytes,
            buffer: Vec::new(),
            failed: false,
        };
        let torn = log.open_last(confirmed)?;
        Ok((log, torn))
    }

    /// Opens the last segment: makes it if it is not there, and cuts off what is torn.
    fn open_last(&mut self, confirmed: Position) -> Result<Option<Torn>, LogError> {
        if self.number == 0 {
            self.begin_segment()?;
            return Ok(None);
        }
        let number = self.number;
        let bytes = self.segments.bytes(number)?;
        let confirmed = if confirmed.segment == number {
            confirmed.offset
        } else {
            0
        };
        let Some(header) = self.segments.last_header(number, &bytes, confirmed)? else {
            // The crash came while the segment was being made. Nothing was in it.
            self.segments.truncate(number, 0)?;
            self.write_header(number)?;
            return Ok(None);
        };
        self.salt = header.salt;
        let mut sound = self
            .segments
            .sound_length(number, &bytes, &header.salt, confirmed)?;
        if injected::makes(Mistake::KeepsTornWrites) {
            sound = bytes.len() as u64;
        }
        self.length = sound;
        self.durable = sound;
        let torn = bytes.len() as u64 - sound;
        // Also when nothing is torn: what was read may never have reached the disk, and from now on
        // it counts as durable.
        self.segments.truncate(number, sound)?;
        Ok((torn > 0).then(|| Torn {
            file: self.segments.name(number),
            bytes: torn,
        }))
    }

    /// Appends records and returns the place of each. They are durable after [`Log::sync`].
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`]; then the log takes no more.
    pub fn append<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Vec<Position>, LogError> {
        self.guarded(|log| log.append_now(records))
    }

    /// Makes durable all that was appended.
    ///
    /// # Errors
    ///
    /// [`LogError::Disk`]; then the log takes no more.
    pub fn sync(&mut self) -> Result<(), LogError> {
        self.guarded(Self::sync_now)
    }

    /// Where the next record will be, unless it begins a segment.
    #[must_use]
    pub const fn end(&self) -> Position {
        Position {
            segment: self.number,
            offset: self.length,
        }
    }

    /// A reader of this log.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.segments))
    }

    /// After a failure nothing is known about the disk, so nothing more is written to it.
    fn guarded<T>(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        if self.failed {
            return Err(LogError::Failed);
        }
        let outcome = action(self);
        self.failed = outcome.is_err();
        outcome
    }

    fn append_now<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> Result<Vec<Position>, LogError> {
        if self.length >= self.segment_bytes {
            self.sync_now()?;
            self.begin_segment()?;
        }
        let durable = u32::try_from(self.durable).expect("segments are shorter than 4 GiB");
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let mut positions = Vec::new();
        for record in records {
            positions.push(Position {
                segment: self.number,
                offset: self.length + buffer.len() as u64,
            });
            frame::write(&mut buffer, &self.salt, durable, |out| {
                encoding::encode_into(record, out);
            });
        }
        let written = self.segments.append(self.number, &buffer);
        self.length += buffer.len() as u64;
        self.buffer = buffer;
        written.map(|()| positions)
    }

    fn sync_now(&mut self) -> Result<(), LogError> {
        if self.durable < self.length {
            self.sync_above(self.number, self.durable)?;
            self.durable = self.length;
        }
        Ok(())
    }

    /// Makes durable what a segment has above `durable`. After a failed sync a system may show from
    /// memory what it will never write, and whoever opens the log next would take that for durable.
    /// So it is cut off, if the disk still allows that; what is reported is that it did not sync.
    fn sync_above(&self, number: u64, durable: u64) -> Result<(), LogError> {
        let synced = self.segments.sync(number);
        if synced.is_err() {
            drop(self.segments.truncate(number, durable));
        }
        synced
    }

    fn begin_segment(&mut self) -> Result<(), LogError> {
        let number = self.number + 1;
        self.segments.create(number)?;
        self.write_header(number)
    }

    /// Writes the header of an empty segment, and makes it the last one.
    fn write_header(&mut self, number: u64) -> Result<(), LogError> {
        let segments = &self.segments;
        let salt = segments.new_salt(number)?;
        let header = Header {
            owner: segments.owner(),
            number,
            salt,
        };
        segments.append(number, &header.to_bytes())?;
        self.sync_above(number, 0)?;
        self.segments.remember(number, salt);
        self.number = number;
        self.salt = salt;
        self.length = HEADER_BYTES as u64;
        self.durable = self.length;
        Ok(())
    }
}
