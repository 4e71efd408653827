//! What is remembered, and what becomes of a file that is not one.

use super::*;

const NOW: u64 = 2 * MEMORY_MS;

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

/// A file that is gone after the test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("chainspace-net-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn load(&self) -> Result<KnownPeers, Forgotten> {
        KnownPeers::load(&self.0, &network(), NOW)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn address(port: u16) -> Multiaddr {
    let text = format!("/ip4/127.0.0.1/tcp/{port}");
    text.parse().expect("an address")
}

#[test]
fn what_was_good_comes_back_the_latest_first() {
    let file = Scratch::new("comes-back");
    let mut known = KnownPeers::default();
    let peers = [PeerId::random(), PeerId::random()];
    known.met(&peers[0], &address(1), None, NOW - 2);
    known.met(&peers[1], &address(2), None, NOW - 1);
    known.met(&peers[0], &address(1), None, NOW);
    replace(&file.0, &known.encode(&network())).expect("it is written");
    let back = file.load().expect("it is read");
    assert_eq!(back, known);
    let addresses: Vec<&str> = back.latest(9).map(|p| p.address.as_str()).collect();
    let full = |port, peer: &PeerId| format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}");
    assert_eq!(addresses, [full(1, &peers[0]), full(2, &peers[1])]);
}

#[test]
fn without_a_file_nothing_is_known_and_nothing_is_wrong() {
    let file = Scratch::new("none");
    assert_eq!(file.load().expect("no error"), KnownPeers::default());
}

#[test]
fn something_else_in_the_file_is_an_error_and_no_panic() {
    let file = Scratch::new("garbage");
    let mut known = KnownPeers::default();
    known.met(&PeerId::random(), &address(1), None, NOW);
    let good = known.encode(&network());
    let long = vec![0; FILE_BYTES_MAX + 1];
    for (what, bytes) in [
        ("nothing", &[][..]),
        ("text", b"peers = []"),
        ("a part", &good[..good.len() - 1]),
        ("too much", &long),
    ] {
        fs::write(&file.0, bytes).expect("it is written");
        let loaded = file.load();
        assert!(matches!(loaded, Err(Forgotten::NotPeers(_))), "{what}");
    }
    let other = NetworkId::from_bytes([8; 32]);
    fs::write(&file.0, known.encode(&other)).expect("it is written");
    assert!(matches!(file.load(), Err(Forgotten::Other)));
}

#[test]
fn peers_that_were_not_met_for_two_weeks_are_forgotten() {
    let mut known = KnownPeers::default();
    known.met(&PeerId::random(), &address(1), None, NOW - MEMORY_MS);
    known.met(&PeerId::random(), &address(2), None, NOW - MEMORY_MS + 1);
    known.met(&PeerId::random(), &address(3), None, NOW);
    assert_eq!(known.latest(9).count(), 2);
}

#[test]
fn a_time_to_come_does_not_keep_a_peer_for_ever() {
    let file = Scratch::new("to-come");
    let mut known = KnownPeers::default();
    known.met(&PeerId::random(), &address(1), None, u64::MAX);
    replace(&file.0, &known.encode(&network())).expect("it is written");
    let back = file.load().expect("it is read");
    assert_eq!(back.latest(1).next().map(|peer| peer.met), Some(NOW));
}

#[test]
fn the_file_has_a_bound() {
    let mut known = KnownPeers::default();
    let node = model::PublicKey::from_bytes([1; 32]);
    for port in 0..=PEERS_MAX as u16 {
        let longest = format!("/ip6/{}/tcp/6{port:04}", ["ffff"; 8].join(":"));
        let longest = longest.parse().expect("an address");
        let (peer, node) = (PeerId::random(), NodeId::new(node));
        known.met(&peer, &longest, Some(node), NOW + u64::from(port));
    }
    assert_eq!(known.latest(usize::MAX).count(), PEERS_MAX);
    assert!(known.encode(&network()).len() <= FILE_BYTES_MAX);
}
