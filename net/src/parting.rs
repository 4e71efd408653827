//! Connections that end in time, whatever the peer does.
//!
//! A multiplexer says goodbye before it closes: it waits until the peer has taken all that is on its way.
//! A peer that takes nothing and stays would keep such a connection for ever, with the place that it has
//! among those that were let in. Here the goodbye has its time, and then the socket is closed.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll};

use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use tokio::time::{Sleep, sleep};

use crate::bounds::CLOSE_TIMEOUT;

/// See [the module](self).
pub(crate) struct Parting<M> {
    inner: M,
    /// Until the peer has had its time, from the moment that we want to close.
    closing: Option<Pin<Box<Sleep>>>,
}

impl<M> Parting<M> {
    pub(crate) const fn new(inner: M) -> Self {
        Self {
            inner,
            closing: None,
        }
    }
}

impl<M: StreamMuxer + Unpin> StreamMuxer for Parting<M> {
    type Substream = M::Substream;
    type Error = M::Error;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<M::Substream, M::Error>> {
        Pin::new(&mut self.inner).poll_inbound(cx)
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<M::Substream, M::Error>> {
        Pin::new(&mut self.inner).poll_outbound(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        let said = Pin::new(&mut self.inner).poll_close(cx);
        if said.is_ready() {
            return said;
        }
        let closing = self
            .closing
            .get_or_insert_with(|| Box::pin(sleep(CLOSE_TIMEOUT)));
        closing.as_mut().poll(cx).map(Ok)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
