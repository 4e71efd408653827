//! Finding nodes and shards that nobody has introduced.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use model::ShardId;
use net::{Config, Discovery, Limits};

use crate::support::{Running, all_linked, member, neighbour, soon, start, until, wallet};

/// Nodes that lose no time.
fn eager() -> Limits {
    Limits {
        lookup_min: Duration::from_millis(20),
        lookup_max: Duration::from_millis(500),
        ..Limits::on_one_machine()
    }
}

/// A node that listens and has no seat anywhere.
fn observer(number: u8, bootnodes: Vec<String>) -> Config {
    Config {
        listen: vec!["/ip4/127.0.0.1/tcp/0".into()],
        bootnodes,
        limits: eager(),
        ..wallet(number)
    }
}

#[tokio::test]
async fn nodes_that_know_one_node_and_the_members_find_them_all() {
    let numbers = [1, 2, 3, 4];
    let mut running = vec![start(Config {
        limits: eager(),
        ..member(1, &numbers)
    })];
    let hub = running[0].address();
    for number in [2, 3, 4] {
        running.push(start(Config {
            bootnodes: vec![hub.clone()],
            limits: eager(),
            ..member(number, &numbers)
        }));
    }
    all_linked(&mut running, &numbers).await;
}

#[tokio::test]
async fn neighbours_are_found_through_somebody_who_is_neither() {
    let stranger = start(observer(9, Vec::new()));
    let start_member = |number, committee: &[u8], neighbours: &[u8]| {
        start(Config {
            bootnodes: vec![stranger.address()],
            limits: eager(),
            ..neighbour(number, committee, neighbours)
        })
    };
    let one = start_member(1, &[1], &[2]);
    let mut two = start_member(2, &[2], &[1]);
    let to = crate::support::node(2);
    until("a way to the neighbour", || {
        one.handle.tell(to, "news".into()).is_ok()
    })
    .await;
    let (from, told) = two.told().await;
    assert_eq!((from, told), (crate::support::node(1), b"news".to_vec()));
}

#[tokio::test]
async fn a_node_that_moves_is_found_again() {
    let hub = start(observer(9, Vec::new()));
    let numbers = [1, 2];
    let start_member = |number| {
        start(Config {
            bootnodes: vec![hub.address()],
            limits: eager(),
            ..member(number, &numbers)
        })
    };
    let mut running = vec![start_member(1), start_member(2)];
    all_linked(&mut running, &numbers).await;
    let gone = running.pop().expect("two are there");
    soon("the end", gone.handle.shutdown()).await;
    assert!(!running[0].link().await.up);
    // At another port, which nobody has told the other one.
    running.push(start_member(2));
    all_linked(&mut running, &numbers).await;
}

#[tokio::test]
async fn those_who_serve_a_shard_are_found_and_answer() {
    let hub = start(observer(9, Vec::new()));
    let serving = start(observer(8, vec![hub.address()]));
    let asking = start(observer(7, vec![hub.address()]));
    let shard = ShardId::new(3);
    let provided = serving.handle.provide(BTreeSet::from([shard]));
    soon("the word", provided).await;
    until("the word spreads", || {
        hub.handle.counters().records_kept > 0
    })
    .await;
    until("somebody to ask", || !asking.handle.peers().is_empty()).await;
    let found = soon("a provider", asking.handle.providers(shard)).await;
    let (_, peer) = serving.handle.listen_addresses()[0]
        .rsplit_once('/')
        .map(|(at, peer)| (at.to_owned(), peer.to_owned()))
        .expect("a peer");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].peer.to_string(), peer);
    let connected = asking.handle.peers();
    assert!(connected.iter().any(|info| info.peer == found[0].peer));
    let nobody = soon("an answer", asking.handle.providers(ShardId::new(4))).await;
    assert_eq!(nobody, [], "nobody serves shard 4");
}

#[tokio::test]
async fn wallets_take_no_part() {
    let hub = start(observer(9, Vec::new()));
    let wallet = start(wallet(1));
    let dialed = soon("hello", wallet.handle.dial(&hub.address())).await;
    assert!(dialed.is_ok(), "{dialed:?}");
    let found = soon("an answer", wallet.handle.providers(ShardId::new(0))).await;
    assert_eq!(found, []);
}

/// A file that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("chainspace-net-it-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    /// Member 1 of two, which remembers whom it met.
    fn start(&self, bootnodes: Vec<String>) -> Running {
        let config = member(1, &[1, 2]);
        start(Config {
            bootnodes,
            discovery: Discovery {
                peer_store: Some(self.0.clone()),
                ..config.discovery
            },
            ..config
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn a_node_that_restarts_finds_its_peers_without_a_bootnode() {
    let file = Scratch::new("restart");
    let mut other = start(member(2, &[1, 2]));
    let mut first = file.start(vec![other.address()]);
    first.linked(&[2]).await;
    soon("the end", first.handle.shutdown()).await;
    other.linked(&[1]).await;
    assert!(!other.link().await.up);
    let mut second = file.start(Vec::new());
    second.linked(&[2]).await;
}

#[tokio::test]
async fn a_file_of_peers_that_is_none_is_left_aside() {
    let file = Scratch::new("garbage");
    std::fs::write(&file.0, b"\xff\xffnot peers").expect("it is written");
    let other = start(member(2, &[1, 2]));
    let mut node = file.start(vec![other.address()]);
    node.linked(&[2]).await;
    soon("the end", node.handle.shutdown()).await;
    let mut again = file.start(Vec::new());
    again.linked(&[2]).await;
}

#[tokio::test]
async fn a_node_tells_others_the_addresses_it_was_told_to() {
    let bad = |address: &str| {
        let config = member(1, &[1, 2]);
        net::spawn(Config {
            discovery: Discovery {
                external_addresses: vec![address.to_owned()],
                ..Discovery::default()
            },
            ..config
        })
        .map(|_| ())
    };
    for address in [
        "",
        "/ip4/0.0.0.0/tcp/1",
        "/dns4/example.org/tcp/1",
        "8.8.8.8:1",
    ] {
        assert!(bad(address).is_err(), "{address:?}");
    }
    assert!(bad("/ip4/8.8.8.8/tcp/4700").is_ok());
}
