//! Several frames in one body.
//!
//! Each is its length, four bytes, big endian, and that many bytes, one after the other until the
//! body ends. There is at least one, so that a request says something.

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::bounds::{
    FRAME_OVERHEAD, SBAC_BATCH_BYTES, SBAC_FRAME_BYTES_MAX, SBAC_FRAMES_MAX, SBAC_REQUEST_BYTES_MAX,
};

/// The bytes before a frame.
const LENGTH_BYTES: usize = 4;

const _: () = assert!(
    SBAC_FRAME_BYTES_MAX + LENGTH_BYTES <= SBAC_REQUEST_BYTES_MAX
        && SBAC_BATCH_BYTES <= SBAC_REQUEST_BYTES_MAX,
    "a batch is a request"
);

/// Frames that are about to be told.
#[derive(Debug)]
pub(crate) struct Batch {
    body: Vec<u8>,
    frames: usize,
}

/// Why a body is no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NoBatch {
    /// There is no frame in it.
    #[error("a request without frames")]
    Empty,
    /// There are too many frames in it.
    #[error("a request of more than {SBAC_FRAMES_MAX} frames")]
    TooMany,
    /// A frame is too long.
    #[error("a frame of {found} bytes, where {SBAC_FRAME_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its length, in bytes.
        found: usize,
    },
    /// It ends within a frame.
    #[error("a request that ends within a frame")]
    Cut,
}

impl Batch {
    /// A batch of one frame, of whatever length a frame may have.
    pub(crate) fn of(frame: &[u8]) -> Self {
        let mut batch = Self {
            body: Vec::new(),
            frames: 0,
        };
        batch.push(frame);
        batch
    }

    /// Whether another frame still belongs to what is gathered.
    pub(crate) fn has_room(&self, frame: &[u8]) -> bool {
        self.frames < SBAC_FRAMES_MAX
            && self.body.len() + LENGTH_BYTES + frame.len() <= SBAC_BATCH_BYTES
    }

    /// Adds a frame.
    ///
    /// # Panics
    ///
    /// If it is longer than a length can say: far shorter ones are not queued.
    pub(crate) fn push(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("such a frame is not queued");
        self.body.extend_from_slice(&length.to_be_bytes());
        self.body.extend_from_slice(frame);
        self.frames += 1;
    }

    /// How many frames there are.
    pub(crate) fn frames(&self) -> usize {
        self.frames
    }

    /// The body of the request.
    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }
}

/// The frames in a body, in order.
///
/// # Errors
///
/// [`NoBatch`] if any of it is not in order: there is no half of a batch.
pub(crate) fn split(body: &[u8]) -> Result<Vec<&[u8]>, NoBatch> {
    let mut frames = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        if frames.len() == SBAC_FRAMES_MAX {
            return Err(NoBatch::TooMany);
        }
        let (length, after) = rest.split_first_chunk().ok_or(NoBatch::Cut)?;
        let length = u32::from_be_bytes(*length) as usize;
        if length > SBAC_FRAME_BYTES_MAX {
            return Err(NoBatch::TooLarge { found: length });
        }
        let (frame, after) = after.split_at_checked(length).ok_or(NoBatch::Cut)?;
        frames.push(frame);
        rest = after;
    }
    if frames.is_empty() {
        return Err(NoBatch::Empty);
    }
    Ok(frames)
}

/// The most that the frames in a body of this length can take from a byte budget.
pub(crate) const fn share_max(length: usize) -> usize {
    let frames = length / LENGTH_BYTES;
    let frames = if frames < SBAC_FRAMES_MAX {
        frames
    } else {
        SBAC_FRAMES_MAX
    };
    length + frames * FRAME_OVERHEAD
}
