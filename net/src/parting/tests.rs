//! Goodbyes that are heard, and those that nobody wants to hear.

use std::convert::Infallible;

use futures::io::Cursor;
use libp2p::core::muxing::StreamMuxerExt;
use tokio::time::Instant;

use super::*;

/// Has said goodbye at once, or never.
struct Peer {
    listens: bool,
}

impl StreamMuxer for Peer {
    type Substream = Cursor<Vec<u8>>;
    type Error = Infallible;

    fn poll_inbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Infallible>> {
        Poll::Pending
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Infallible>> {
        Poll::Pending
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.listens {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Infallible>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_left_without_a_goodbye() {
    for (listens, time) in [(true, std::time::Duration::ZERO), (false, CLOSE_TIMEOUT)] {
        let began = Instant::now();
        Parting::new(Peer { listens })
            .close()
            .await
            .expect("it is closed");
        assert_eq!(began.elapsed().as_secs(), time.as_secs());
    }
}
