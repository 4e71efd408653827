//! Reading a log, one record at a time or all of them.

use std::sync::Arc;

use consensus::Record;
use model::encoding;

use super::frame::{self, FRAME_BYTES, HEADER_BYTES};
use super::segments::Segments;
use super::{LogError, Position};

/// Reads what has been appended. Cheap to clone.
#[derive(Clone)]
pub struct Reader(Arc<Segments>);

impl Reader {
    pub(super) const fn new(segments: Arc<Segments>) -> Self {
        Self(segments)
    }

    /// The record at `position`.
    ///
    /// # Errors
    ///
    /// [`LogError`] if there is none, or it is damaged.
    pub fn read(&self, position: Position) -> Result<Record, LogError> {
        let Position { segment, offset } = position;
        let salt = self.0.salt(segment)?;
        let damaged = || self.0.damaged(segment, offset, "there is no whole record");
        let mut head = [0; FRAME_BYTES];
        self.0.read(segment, offset, &mut head)?;
        let length = frame::payload_length(&head, &salt).ok_or_else(damaged)?;
        let mut bytes = vec![0; FRAME_BYTES + length];
        self.0.read(segment, offset, &mut bytes)?;
        let frame = frame::read(&bytes, &salt).ok_or_else(damaged)?;
        decode(&self.0, position, frame.payload)
    }

    /// Hands all records from `position` on to `visit`, in order. Only while nobody appends.
    ///
    /// # Errors
    ///
    /// [`LogError`] as the visitor's error type can hold it, and whatever `visit` returns.
    pub fn replay_from<E: From<LogError>>(
        &self,
        position: Position,
        mut visit: impl FnMut(Position, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let segments = &self.0;
        let numbers = segments.list()?;
        if !numbers.contains(&position.segment) {
            return Err(segments.missing(position.segment).into());
        }
        let mut offset = position.offset;
        for segment in numbers.into_iter().filter(|n| *n >= position.segment) {
            let salt = segments.salt(segment)?;
            let bytes = segments.bytes(segment)?;
            while offset < bytes.len() as u64 {
                let frame = bytes
                    .get(offset as usize..)
                    .and_then(|b| frame::read(b, &salt));
                let frame = frame
                    .ok_or_else(|| segments.damaged(segment, offset, "there is no whole record"))?;
                let position = Position { segment, offset };
                visit(position, decode(segments, position, frame.payload)?)?;
                offset += frame.size() as u64;
            }
            offset = HEADER_BYTES as u64;
        }
        Ok(())
    }
}

fn decode(segments: &Segments, position: Position, payload: &[u8]) -> Result<Record, LogError> {
    encoding::decode(payload, frame::PAYLOAD_BYTES_MAX).map_err(|reason| LogError::Record {
        file: segments.name(position.segment),
        offset: position.offset,
        reason,
    })
}
