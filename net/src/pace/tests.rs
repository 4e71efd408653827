//! How many are taken, under a clock that is set by hand.

use std::future::{Ready, poll_fn, ready};
use std::io;
use std::time::Duration;

use super::*;

/// Somebody knocks whenever it is looked.
struct Crowd;

impl Transport for Crowd {
    type Output = ();
    type Error = io::Error;
    type ListenerUpgrade = Ready<io::Result<()>>;
    type Dial = Ready<io::Result<()>>;

    fn listen_on(
        &mut self,
        _: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Poll::Ready(TransportEvent::Incoming {
            listener_id: ListenerId::next(),
            upgrade: ready(Ok(())),
            local_addr: Multiaddr::empty(),
            send_back_addr: Multiaddr::empty(),
        })
    }
}

/// Takes so many, and returns how long that took.
async fn take(paced: &mut Paced<Crowd>, count: u32) -> Duration {
    let began = Instant::now();
    for _ in 0..count {
        poll_fn(|cx| Pin::new(&mut *paced).poll(cx)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn so_many_are_taken_at_once_and_the_others_in_the_next_turns() {
    let mut paced = Paced::new(Crowd);
    assert_eq!(take(&mut paced, ACCEPTS_AT_ONCE).await, Duration::ZERO);
    assert!(take(&mut paced, 1).await >= ACCEPT_TURN);
    let turns = 10;
    assert!(take(&mut paced, turns * ACCEPTS_AT_ONCE).await >= ACCEPT_TURN * turns);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_now_and_then_never_waits() {
    let mut paced = Paced::new(Crowd);
    for _ in 0..10 * ACCEPTS_AT_ONCE {
        assert_eq!(take(&mut paced, 1).await, Duration::ZERO);
        tokio::time::advance(ACCEPT_TURN / ACCEPTS_AT_ONCE + Duration::from_millis(1)).await;
    }
}
