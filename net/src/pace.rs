//! Takes no more connections in a while than can be looked at.
//!
//! A connection that is refused at once still costs something, and whoever opens them as fast as it can
//! would leave this thread no time for members. So only so many are taken from the system in a while; the
//! others wait there, in a queue that costs nothing, and if that is full they are lost, like those of a
//! stranger who was refused. Members have their connections; one that comes back waits for some
//! seconds at most, and is dialed meanwhile.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use libp2p::Multiaddr;
use libp2p::core::Transport;
use libp2p::core::transport::{DialOpts, ListenerId, TransportError, TransportEvent};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::bounds::{ACCEPT_TURN, ACCEPTS_AT_ONCE};

/// See [the module](self).
pub(crate) struct Paced<T> {
    inner: T,
    /// Connections that were taken in this turn, and when it began.
    taken: u32,
    began: Option<Instant>,
    /// Until the next turn begins.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<T> Paced<T> {
    /// The transport `inner` at a pace.
    pub(crate) const fn new(inner: T) -> Self {
        Self {
            inner,
            taken: 0,
            began: None,
            pause: None,
        }
    }

    /// A connection was taken.
    fn count(&mut self, now: Instant) {
        let began = match self.began {
            Some(began) if now.duration_since(began) < ACCEPT_TURN => began,
            _ => {
                self.taken = 0;
                *self.began.insert(now)
            }
        };
        self.taken += 1;
        if self.taken >= ACCEPTS_AT_ONCE {
            self.pause = Some(Box::pin(sleep_until(began + ACCEPT_TURN)));
        }
    }
}

impl<T: Transport + Unpin> Transport for Paced<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<T::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<T::Dial, TransportError<T::Error>> {
        self.inner.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<T::ListenerUpgrade, T::Error>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        let event = ready!(Pin::new(&mut self.inner).poll(cx));
        if let TransportEvent::Incoming { .. } = event {
            self.count(Instant::now());
        }
        Poll::Ready(event)
    }
}
