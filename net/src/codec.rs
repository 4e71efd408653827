//! Cuts a byte stream into frames and looks no further.
//!
//! A frame is its length, four bytes, big endian, and that many bytes. What they mean is decided
//! elsewhere, by `model::encoding` and nobody else. The length and the body are read separately, so
//! that a reader can find room for a body before it accepts it.

#[cfg(test)]
mod tests;

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use thiserror::Error;

use crate::bounds::READ_STEP;

/// The bytes before a body.
const LENGTH_BYTES: usize = 4;

/// Why no frame could be read.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    /// The stream ended between two frames.
    #[error("the stream ended")]
    Ended,
    /// The announced length is beyond the limit. None of the body was read.
    #[error("a frame of {found} bytes, where {limit} are allowed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The announced length, in bytes.
        found: usize,
    },
    /// The stream failed, or ended within a frame.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the length of the next frame.
///
/// # Errors
///
/// Every [`FrameError`]; after [`FrameError::TooLarge`] the stream is of no further use.
pub(crate) async fn read_length<R>(stream: &mut R, limit: usize) -> Result<usize, FrameError>
where
    R: AsyncRead + Unpin,
{
    let mut length = [0; LENGTH_BYTES];
    let first = stream.read(&mut length).await?;
    if first == 0 {
        return Err(FrameError::Ended);
    }
    stream.read_exact(&mut length[first..]).await?;
    let found = u32::from_be_bytes(length) as usize;
    if found > limit {
        return Err(FrameError::TooLarge { limit, found });
    }
    Ok(found)
}

/// Reads a body of `length` bytes in steps.
///
/// At any time the memory it holds is at most twice what has arrived, and [`READ_STEP`] bytes.
///
/// # Errors
///
/// If the stream fails or ends before the body does.
pub(crate) async fn read_body<R>(stream: &mut R, length: usize) -> io::Result<Vec<u8>>
where
    R: AsyncRead + Unpin,
{
    let mut body = Vec::new();
    while body.len() < length {
        let start = body.len();
        let step = READ_STEP.min(length - start);
        if body.capacity() < start + step {
            let room = (2 * start).max(READ_STEP).min(length);
            body.reserve_exact(room - start);
        }
        body.resize(start + step, 0);
        stream.read_exact(&mut body[start..]).await?;
    }
    Ok(body)
}

/// Reads a whole frame of at most `limit` bytes.
///
/// # Errors
///
/// As [`read_length`] and [`read_body`].
pub(crate) async fn read_frame<R>(stream: &mut R, limit: usize) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let length = read_length(stream, limit).await?;
    Ok(read_body(stream, length).await?)
}

/// Writes a frame. Does not flush, so that a writer can gather several.
///
/// # Errors
///
/// If the stream fails, or if the body is longer than a length can say: every caller has checked
/// it against a far smaller limit.
pub(crate) async fn write_frame<W>(stream: &mut W, body: &[u8]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(body).await
}
