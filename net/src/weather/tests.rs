//! Tests of a line: what it holds back, what it hands out, and how much it keeps. The clock stands
//! still unless everybody waits for it, so what is late is late by exactly as much as was asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, FutureExt};
use libp2p::PeerId;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use super::line::{BYTES_MAX, Line};
use super::{Way, Weather};
use crate::identity::PeerName;

const LATE: Way = Way {
    cut: false,
    delay: Duration::from_millis(200),
};

const CUT: Way = Way {
    cut: true,
    delay: Duration::ZERO,
};

/// A peer, the line on which it is heard, and the weather.
struct Scene {
    peer: PeerId,
    weather: Weather,
    says: DuplexStream,
    line: Line<Reader>,
}

/// The reading half of a pipe of tokio, as libp2p reads.
struct Reader(DuplexStream);

impl AsyncRead for Reader {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        into: &mut [u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let mut buffer = tokio::io::ReadBuf::new(into);
        let read = std::pin::Pin::new(&mut self.0);
        let read = tokio::io::AsyncRead::poll_read(read, cx, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }
}

impl Scene {
    fn new(way: Way) -> Self {
        let peer = PeerId::random();
        let weather = Weather::default();
        let (says, hears) = tokio::io::duplex(4 * BYTES_MAX);
        let line = Line::new(Reader(hears), weather.to(peer));
        let scene = Self {
            peer,
            weather,
            says,
            line,
        };
        scene.change(way);
        scene
    }

    fn change(&self, way: Way) {
        let ways = BTreeMap::from([(PeerName(self.peer), way)]);
        self.weather.change(ways);
    }

    async fn say(&mut self, bytes: &[u8]) {
        self.says.write_all(bytes).await.expect("it is heard");
    }

    async fn hear(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let heard = self.line.read_exact(&mut bytes).await;
        heard.expect("the line is whole");
        bytes
    }

    /// Whether nothing is to be heard at the moment.
    fn is_silent(&mut self) -> bool {
        self.line.read(&mut [0; 1]).now_or_never().is_none()
    }
}

#[tokio::test(start_paused = true)]
async fn on_a_clear_day_everything_is_heard_at_once() {
    let mut scene = Scene::new(Way::default());
    let began = Instant::now();
    scene.say(b"hello").await;
    assert_eq!(scene.hear(5).await, b"hello");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn what_is_delayed_arrives_whole_in_order_and_late_by_as_much_as_was_asked_for() {
    let mut scene = Scene::new(LATE);
    scene.say(b"one ").await;
    let began = Instant::now();
    assert!(scene.is_silent());
    tokio::time::advance(Duration::from_millis(50)).await;
    scene.say(b"two").await;
    assert!(scene.is_silent());
    assert_eq!(scene.hear(4).await, b"one ");
    let first = began.elapsed();
    assert_eq!(scene.hear(3).await, b"two");
    let both = began.elapsed();
    // The clock of tokio counts milliseconds.
    assert!((200..=201).contains(&first.as_millis()), "{first:?}");
    assert!((250..=251).contains(&both.as_millis()), "{both:?}");
}

#[tokio::test(start_paused = true)]
async fn when_a_delay_ends_what_is_on_its_way_is_not_overtaken() {
    let mut scene = Scene::new(LATE);
    scene.say(b"slow ").await;
    assert!(scene.is_silent());
    scene.change(Way::default());
    scene.say(b"fast").await;
    assert_eq!(scene.hear(9).await, b"slow fast");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_heard_of_a_peer_that_is_cut_off_and_everything_when_it_is_back() {
    let mut scene = Scene::new(CUT);
    scene.say(b"hello").await;
    assert!(scene.is_silent());
    tokio::time::advance(Duration::from_secs(3_600)).await;
    assert!(scene.is_silent());
    let weather = scene.weather.clone();
    let heals = async {
        tokio::task::yield_now().await;
        weather.change(BTreeMap::new());
    };
    let (heard, ()) = tokio::join!(scene.hear(5), heals);
    assert_eq!(heard, b"hello", "the reader was woken");
}

#[tokio::test(start_paused = true)]
async fn a_line_holds_no_more_than_its_bound_and_loses_nothing() {
    let mut scene = Scene::new(LATE);
    let bytes: Vec<u8> = (0..2 * BYTES_MAX + 7).map(|at| (at % 251) as u8).collect();
    scene.say(&bytes).await;
    assert!(scene.is_silent());
    assert!(scene.line.bytes() < BYTES_MAX + 16 * 1024);
    assert!(scene.hear(bytes.len()).await == bytes);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_heard_after_all_that_was_said() {
    let mut scene = Scene::new(LATE);
    scene.say(b"farewell").await;
    scene.says.shutdown().await.expect("it ends");
    let mut heard = Vec::new();
    let read = scene.line.read_to_end(&mut heard).await;
    assert_eq!(read.expect("the line is whole"), 8);
    assert_eq!(heard, b"farewell");
}
