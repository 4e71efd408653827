//! A connection whose reading end is under a weather.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::stream::BoxStream;
use futures::{AsyncRead, AsyncWrite, FutureExt, StreamExt};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Way;

/// Bytes that are on their way at most. A peer that says more has to wait, as on any slow line.
pub(super) const BYTES_MAX: usize = 1024 * 1024;

/// Bytes that are taken from the connection at a time.
const READ: usize = 16 * 1024;

/// A connection, and what was read from it and is not to be heard yet.
pub(crate) struct Line<C> {
    inner: C,
    way: Way,
    changes: BoxStream<'static, Way>,
    /// What is on its way, first the bytes that arrive first. None is empty.
    under_way: VecDeque<Parcel>,
    /// How many bytes that is.
    bytes: usize,
    /// Whether the peer has said all that it had to say.
    ended: bool,
    /// Rings when the first parcel is due.
    alarm: Pin<Box<Sleep>>,
}

/// Bytes that arrive at a moment.
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
    /// How many of them have been handed out.
    taken: usize,
}

impl<C: AsyncRead + Unpin> Line<C> {
    /// The connection under a way that may change. Call it within a tokio runtime.
    pub(super) fn new(inner: C, changes: BoxStream<'static, Way>) -> Self {
        Self {
            inner,
            way: Way::default(),
            changes,
            under_way: VecDeque::new(),
            bytes: 0,
            ended: false,
            alarm: Box::pin(sleep_until(Instant::now())),
        }
    }

    /// How many bytes are on their way.
    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Learns what the way is like, and asks to be woken when it changes.
    fn look(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(way)) = self.changes.poll_next_unpin(cx) {
            self.way = way;
        }
    }

    /// Takes what the peer has said, as far as there is room.
    fn take_in(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut buffer = [0; READ];
        while !self.ended && self.bytes < BYTES_MAX {
            let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, &mut buffer) else {
                break;
            };
            let bytes = &buffer[..read?];
            if bytes.is_empty() {
                self.ended = true;
                break;
            }
            self.bytes += bytes.len();
            self.under_way.push_back(Parcel {
                due: Instant::now() + self.way.delay,
                bytes: bytes.to_vec(),
                taken: 0,
            });
        }
        Ok(())
    }

    /// Hands out what is due, and asks to be woken when something is.
    fn hand_out(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<usize> {
        let Some(first) = self.under_way.front_mut() else {
            return if self.ended {
                Poll::Ready(0)
            } else {
                Poll::Pending
            };
        };
        if first.due > Instant::now() {
            self.alarm.as_mut().reset(first.due);
            ready!(self.alarm.poll_unpin(cx));
        }
        let bytes = &first.bytes[first.taken..];
        let length = bytes.len().min(into.len());
        into[..length].copy_from_slice(&bytes[..length]);
        first.taken += length;
        if first.taken == first.bytes.len() {
            self.under_way.pop_front();
        }
        self.bytes -= length;
        Poll::Ready(length)
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Line<C> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        line.look(cx);
        if line.way.cut {
            return Poll::Pending;
        }
        if line.way.delay.is_zero() && line.under_way.is_empty() && !line.ended {
            return Pin::new(&mut line.inner).poll_read(cx, into);
        }
        line.take_in(cx)?;
        line.hand_out(cx, into).map(Ok)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Line<C> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_close(cx)
    }
}
