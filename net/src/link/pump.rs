//! Moves frames between a link's stream and its queues.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::io::{BufReader, BufWriter};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use thiserror::Error;

use super::intake::Intake;
use super::queue::{Outgoing, share};
use crate::bounds::{FRAME_BYTES_MAX, LINK_TIMEOUT, READ_STEP, WRITE_BUFFER};
use crate::codec::{FrameError, read_body, read_frame, read_length, write_frame};
use crate::counters::Meter;
use crate::streams::OpenError;

/// Why a link went down.
#[derive(Debug, Error)]
pub(crate) enum Down {
    /// The peer would not open the stream.
    #[error(transparent)]
    Open(OpenError),
    /// This node let go of it.
    #[error("closed by this node")]
    Released,
    /// Nobody takes frames any more: the node is stopping.
    #[error("this node takes no more frames")]
    Stopping,
    /// The member closed it, broke it or broke its rules.
    #[error(transparent)]
    Peer(#[from] FrameError),
    /// Writing failed.
    #[error("writing failed: {0}")]
    Write(io::Error),
    /// The other side did not accept it in time.
    #[error("not accepted in time")]
    Timeout,
}

impl Down {
    /// Whether the connection is of no further use: the peer has broken the rules, or does not take
    /// part in them.
    ///
    /// Everything else is a member's good right. One that does not know us any more, or not yet,
    /// refuses links and ends them, and the connection is how the two of us find out.
    pub(crate) fn condemns(&self) -> bool {
        match self {
            Self::Peer(FrameError::TooLarge { .. }) | Self::Timeout => true,
            Self::Open(OpenError::Timeout | OpenError::Closed) => true,
            Self::Open(OpenError::Unsupported)
            | Self::Peer(FrameError::Ended | FrameError::Io(_))
            | Self::Released
            | Self::Stopping
            | Self::Write(_) => false,
        }
    }
}

/// One link at work.
pub(crate) struct Pump<S> {
    /// The stream, which both sides have agreed to use.
    pub(crate) stream: S,
    /// What to write.
    pub(crate) outgoing: Outgoing,
    /// Where to put what is read.
    pub(crate) intake: Intake,
    /// Counts what passes.
    pub(crate) meter: Arc<Meter>,
}

/// Tells the peer that opened a link that the link is up.
///
/// # Errors
///
/// If the stream fails or the peer does not take the few bytes in time.
pub(crate) async fn accept<S: AsyncWrite + Unpin>(stream: &mut S) -> Result<(), Down> {
    let acceptance = async {
        write_frame(stream, &[]).await?;
        stream.flush().await
    };
    within(LINK_TIMEOUT, acceptance).await?.map_err(Down::Write)
}

/// Waits until the peer has accepted a link that this node opened.
///
/// # Errors
///
/// If the peer refuses, or says anything else.
pub(crate) async fn opened<S: AsyncRead + Unpin>(stream: &mut S) -> Result<(), Down> {
    within(LINK_TIMEOUT, read_frame(stream, 0)).await??;
    Ok(())
}

async fn within<F: Future>(time: Duration, future: F) -> Result<F::Output, Down> {
    tokio::time::timeout(time, future)
        .await
        .map_err(|_| Down::Timeout)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pump<S> {
    /// Works until the link is down, and says why.
    ///
    /// When this node lets go of the link, what is queued is written, and the member has the last
    /// word: it has read everything when it closes its side.
    pub(crate) async fn run(self) -> Down {
        let (reader, writer) = self.stream.split();
        let read = read(
            BufReader::with_capacity(READ_STEP, reader),
            self.intake,
            &self.meter,
        );
        let write = write(
            BufWriter::with_capacity(WRITE_BUFFER, writer),
            self.outgoing,
            &self.meter,
        );
        match select(pin!(read), pin!(write)).await {
            Either::Left((down, _)) => down,
            Either::Right((Down::Released, read)) => read.await,
            Either::Right((down, _)) => down,
        }
    }
}

/// Reads frames until it cannot. The next frame is not read before there is room for it.
async fn read<R: AsyncRead + Unpin>(mut stream: R, intake: Intake, meter: &Meter) -> Down {
    loop {
        let length = match read_length(&mut stream, FRAME_BYTES_MAX).await {
            Ok(length) => length,
            Err(error) => {
                if let FrameError::TooLarge { .. } = error {
                    meter.oversize.increment();
                }
                return Down::Peer(error);
            }
        };
        let Ok(mut room) = intake.room(share(length)).await else {
            return Down::Stopping;
        };
        let body = match read_body(&mut stream, length).await {
            Ok(body) => body,
            Err(error) => return Down::Peer(error.into()),
        };
        meter.frames_in.increment();
        meter.frame_bytes_in.add(length as u64);
        if intake.put(Bytes::from(body), &mut room).await.is_err() {
            return Down::Stopping;
        }
    }
}

/// Writes what is queued until nothing can come any more. Flushes when the queue is empty, so that
/// a burst costs one flush and a single frame leaves at once.
async fn write<W: AsyncWrite + Unpin>(
    mut stream: W,
    mut outgoing: Outgoing,
    meter: &Meter,
) -> Down {
    while let Some(frame) = outgoing.next().await {
        meter.frames_out.increment();
        meter.frame_bytes_out.add(frame.len() as u64);
        let mut written = write_frame(&mut stream, &frame).await;
        if written.is_ok() && outgoing.is_empty() {
            written = stream.flush().await;
        }
        if let Err(error) = written {
            return Down::Write(error);
        }
    }
    match stream.close().await {
        Ok(()) => Down::Released,
        Err(error) => Down::Write(error),
    }
}
