//! Faults on purpose: links that are late or cut, and what comes back when they are not any more.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use net::{Config, Limits, PeerName, Way, Weather};

use crate::support::{Running, member, node, start};

const TWO: [u8; 2] = [1, 2];

const CUT: Way = Way {
    cut: true,
    delay: Duration::ZERO,
};

/// Two members, of which the second is under a weather that does the first `way`.
struct Scene {
    members: [Running; 2],
    weather: Weather,
}

impl Scene {
    /// Waits until they are linked.
    async fn start(limits: &Limits) -> Self {
        let config = |number: u8| Config {
            limits: limits.clone(),
            ..member(number, &TWO)
        };
        let mut first = start(config(1));
        let weather = Weather::default();
        let under = Config {
            bootnodes: vec![first.address()],
            ..config(2)
        };
        let (handle, events) = net::spawn_under(weather.clone(), under).expect("it starts");
        let mut second = Running { handle, events };
        first.linked(&[2]).await;
        second.linked(&[1]).await;
        Self {
            members: [first, second],
            weather,
        }
    }

    fn change(&self, way: Way) {
        let seed = member(1, &TWO).transport_seed;
        let peer = PeerName::of_transport_seed(&seed);
        assert!(
            self.members[0].address().ends_with(&peer.to_string()),
            "the name is known before the peer runs"
        );
        self.weather.change(BTreeMap::from([(peer, way)]));
    }

    fn say(&self, text: &'static str) {
        let sent = self.members[0].handle.send(node(2), Bytes::from(text));
        assert_eq!(sent, Ok(()));
    }

    async fn hear(&mut self, text: &str) {
        let (from, bytes) = self.members[1].frame().await;
        assert_eq!((from, &*bytes), (node(1), text.as_bytes()));
    }
}

#[tokio::test]
async fn a_link_that_is_late_carries_everything_in_order() {
    let mut scene = Scene::start(&Limits::on_one_machine()).await;
    scene.say("before");
    scene.hear("before").await;
    scene.change(Way {
        cut: false,
        delay: Duration::from_millis(20),
    });
    for text in ["one", "two", "three"] {
        scene.say(text);
    }
    for text in ["one", "two", "three"] {
        scene.hear(text).await;
    }
    scene.change(Way::default());
    scene.say("after");
    scene.hear("after").await;
}

#[tokio::test]
async fn what_was_said_over_a_link_that_was_cut_for_a_moment_arrives_when_it_is_whole_again() {
    let mut scene = Scene::start(&Limits::on_one_machine()).await;
    scene.change(CUT);
    scene.say("hello");
    // The other direction is not cut, and orders the two: what was said before is there by then.
    let answered = scene.members[1].handle.send(node(1), Bytes::from("echo"));
    assert_eq!(answered, Ok(()));
    let (from, _) = scene.members[0].frame().await;
    assert_eq!(from, node(2));
    assert!(scene.members[1].events.frames.try_recv().is_err());
    scene.change(Way::default());
    scene.hear("hello").await;
}

#[tokio::test]
async fn a_link_that_stays_cut_goes_down_and_a_new_one_comes_up_when_the_peer_is_back() {
    let limits = Limits {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(200),
        hello_timeout: Duration::from_millis(500),
        redial_max: Duration::from_millis(200),
        ..Limits::on_one_machine()
    };
    let mut scene = Scene::start(&limits).await;
    scene.change(CUT);
    let down = scene.members[1].link().await;
    assert!(!down.up, "pings are not answered");
    assert!(scene.members[1].events.frames.try_recv().is_err());
    scene.change(Way::default());
    scene.members[1].linked(&[1]).await;
}
