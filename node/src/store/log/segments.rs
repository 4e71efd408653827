//! The segments of a log as its writer and its readers share them: what is checked about each.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use super::frame::{self, BadHeader, HEADER_BYTES, Header, Owner, Salt};
use super::{LogError, Position};
use crate::store::medium::Medium;

/// What the writer and the readers share.
pub(super) struct Segments {
    medium: Arc<dyn Medium>,
    owner: Owner,
    salts: RwLock<BTreeMap<u64, Salt>>,
}

impl Segments {
    pub(super) fn new(medium: Arc<dyn Medium>, owner: Owner) -> Self {
        Self {
            medium,
            owner,
            salts: RwLock::default(),
        }
    }

    pub(super) const fn owner(&self) -> Owner {
        self.owner
    }

    /// What people call a segment.
    pub(super) fn name(&self, segment: u64) -> String {
        self.medium.name(segment)
    }

    /// The number of the last segment, zero if there is none. None may be missing before it.
    pub(super) fn last(&self, confirmed: Position) -> Result<u64, LogError> {
        let numbers = self.list()?;
        let found = numbers.last().copied().unwrap_or(0);
        let known = if confirmed > Position::FIRST {
            confirmed.segment
        } else {
            0
        };
        let last = found.max(known);
        match (1..=last).find(|number| numbers.binary_search(number).is_err()) {
            Some(gap) => Err(self.missing(gap)),
            None => Ok(last),
        }
    }

    /// The header of the last segment; `None` if a crash came while it was being written.
    pub(super) fn last_header(
        &self,
        number: u64,
        bytes: &[u8],
        confirmed: u64,
    ) -> Result<Option<Header>, LogError> {
        let header = bytes.first_chunk().map(Header::from_bytes);
        let unfinished = bytes.len() <= HEADER_BYTES && confirmed <= HEADER_BYTES as u64;
        match header {
            None | Some(Err(BadHeader::Damaged)) if unfinished => Ok(None),
            None => Err(self.damaged(number, bytes.len() as u64, "the file is cut short")),
            Some(header) => self.check_header(number, header).map(Some),
        }
    }

    fn check_header(
        &self,
        number: u64,
        header: Result<Header, BadHeader>,
    ) -> Result<Header, LogError> {
        let file = || self.name(number);
        let header = header.map_err(|bad| match bad {
            BadHeader::Damaged => self.damaged(number, 0, "the header is not one"),
            BadHeader::Version(found) => LogError::Version {
                file: file(),
                found,
            },
        })?;
        let Owner { network, node } = header.owner;
        if network != self.owner.network {
            return Err(LogError::OtherNetwork {
                file: file(),
                found: network,
                expected: self.owner.network,
            });
        }
        if node != self.owner.node {
            return Err(LogError::OtherNode {
                file: file(),
                found: node,
                expected: self.owner.node,
            });
        }
        if header.number != number {
            return Err(self.damaged(number, 0, "the header is that of another segment"));
        }
        self.remember(number, header.salt);
        Ok(header)
    }

    /// How much of the last segment is as it was written, if all that follows is torn.
    pub(super) fn sound_length(
        &self,
        number: u64,
        bytes: &[u8],
        salt: &Salt,
        confirmed: u64,
    ) -> Result<u64, LogError> {
        let mut sound = HEADER_BYTES;
        while let Some(frame) = frame::read(&bytes[sound..], salt) {
            sound += frame.size();
        }
        let (rest, sound) = (&bytes[sound..], sound as u64);
        if confirmed > sound || frame::witnesses_beyond(rest, salt, sound) {
            let what = "a record that was confirmed to be on disk is not there";
            return Err(self.damaged(number, sound, what));
        }
        Ok(sound)
    }

    /// The salt of a segment, from its header if need be.
    pub(super) fn salt(&self, segment: u64) -> Result<Salt, LogError> {
        let salts = self.salts.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(salt) = salts.get(&segment) {
            return Ok(*salt);
        }
        drop(salts);
        let mut bytes = [0; HEADER_BYTES];
        self.read(segment, 0, &mut bytes)?;
        let header = self.check_header(segment, Header::from_bytes(&bytes))?;
        Ok(header.salt)
    }

    pub(super) fn remember(&self, segment: u64, salt: Salt) {
        let mut salts = self.salts.write().unwrap_or_else(PoisonError::into_inner);
        salts.insert(segment, salt);
    }

    pub(super) fn list(&self) -> Result<Vec<u64>, LogError> {
        self.disk("list the files beside", 1, self.medium.list())
    }

    /// All bytes of a segment.
    pub(super) fn bytes(&self, segment: u64) -> Result<Vec<u8>, LogError> {
        let length = self.disk("open", segment, self.medium.length(segment))?;
        let length = usize::try_from(length).map_err(io::Error::other);
        let mut bytes = vec![0; self.disk("open", segment, length)?];
        self.read(segment, 0, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn read(&self, segment: u64, offset: u64, bytes: &mut [u8]) -> Result<(), LogError> {
        match self.medium.read(segment, offset, bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged(segment, offset, "the file is cut short"))
            }
            outcome => self.disk("read", segment, outcome),
        }
    }

    pub(super) fn create(&self, segment: u64) -> Result<(), LogError> {
        self.disk("create", segment, self.medium.create(segment))
    }

    /// A salt for a segment that is about to be begun.
    pub(super) fn new_salt(&self, segment: u64) -> Result<Salt, LogError> {
        self.disk("draw a salt for", segment, self.medium.salt())
    }

    pub(super) fn append(&self, segment: u64, bytes: &[u8]) -> Result<(), LogError> {
        self.disk("write", segment, self.medium.append(segment, bytes))
    }

    pub(super) fn sync(&self, segment: u64) -> Result<(), LogError> {
        self.disk("sync", segment, self.medium.sync(segment))
    }

    pub(super) fn truncate(&self, segment: u64, length: u64) -> Result<(), LogError> {
        self.disk("cut", segment, self.medium.truncate(segment, length))
    }

    fn disk<T>(
        &self,
        doing: &'static str,
        segment: u64,
        outcome: io::Result<T>,
    ) -> Result<T, LogError> {
        outcome.map_err(|reason| LogError::Disk {
            doing,
            file: self.name(segment),
            reason,
        })
    }

    pub(super) fn damaged(&self, segment: u64, offset: u64, what: &'static str) -> LogError {
        LogError::Damaged {
            file: self.name(segment),
            offset,
            what,
        }
    }

    pub(super) fn missing(&self, segment: u64) -> LogError {
        LogError::Missing {
            file: self.name(segment),
        }
    }
}
