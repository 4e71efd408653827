//! Dials, and starting: every way in which they can end.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::Duration;

use futures::FutureExt as _;
use model::NetworkId;
use net::{
    Bootnode, BootnodeState, Config, DialError, Direction, Events, Handle, Limits, Remote,
    StartError, Stranger, ViewError,
};

use crate::support::{member, neighbour, network, node, soon, start, until, wallet};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How many free ports are tried. Others of this machine may take one before a node listens there.
const PORTS: usize = 10;

#[tokio::test]
async fn a_dial_ends_with_who_answered() {
    let listener = start(Config {
        agent: "chainspace/0.1.0".into(),
        ..member(1, &[1, 2])
    });
    let dialer = start(wallet(9));
    let remote = soon("hello", dialer.handle.dial(&listener.address())).await;
    let peers = dialer.handle.peers();
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].direction, Direction::Outbound);
    assert_eq!(
        remote,
        Ok(Remote {
            peer: peers[0].peer,
            node: Some(node(1)),
            agent: "chainspace/0.1.0".into(),
        })
    );
    assert!(listener.address().ends_with(&peers[0].peer.to_string()));
    assert_eq!(peers[0].peer.to_string().parse(), Ok(peers[0].peer));
}

#[tokio::test]
async fn an_address_that_is_connected_is_not_dialed_again() {
    let listener = start(member(1, &[1, 2]));
    let dialer = start(wallet(9));
    let address = listener.address();
    let bare = address.split("/p2p").next().expect("a first part");
    for form in [bare, bare, address.as_str()] {
        let remote = soon("hello", dialer.handle.dial(form)).await;
        assert!(remote.is_ok(), "{remote:?}");
        assert_eq!(dialer.handle.peers().len(), 1);
    }
}

#[tokio::test]
async fn whoever_gives_up_and_asks_again_has_the_connection_that_is_in_the_making() {
    let listener = start(member(1, &[1, 2]));
    let dialer = start(wallet(9));
    let address = listener.address();
    for _ in 0..8 {
        // The network hears of it, and whoever asks has gone, mostly before anything can come of it.
        let given_up = dialer.handle.dial(&address);
        drop(given_up.now_or_never());
    }
    let (one, other) = (dialer.handle.dial(&address), dialer.handle.dial(&address));
    let (one, other) = soon("both", futures::future::join(one, other)).await;
    assert_eq!(one, other);
    assert!(one.is_ok(), "{one:?}");
    assert_eq!(dialer.handle.counters().connections, 1);
}

#[tokio::test]
async fn whoever_dials_a_peer_that_is_about_to_say_hello_has_that_connection() {
    let listener = start(member(1, &[1, 2]));
    let peer = Stranger::dial(network(), LOOPBACK, (LOOPBACK, listener.port()).into()).await;
    let peer = peer.expect("it is connected");
    let arrived = || listener.handle.counters().connections == 1;
    until("the connection", arrived).await;
    // Nobody listens there: if it is dialed, it is unreachable.
    let there = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", peer.peer());
    let dial = listener.handle.dial(&there);
    let mut dial = std::pin::pin!(dial);
    assert!(dial.as_mut().now_or_never().is_none());
    peer.greet().await.expect("it is greeted");
    let remote = soon("the hello", dial).await.expect("it has said hello");
    assert_eq!(remote.peer, peer.peer());
}

#[tokio::test]
async fn a_dial_into_another_network_names_both() {
    let theirs = NetworkId::from_bytes([8; 32]);
    let foreign = start(Config {
        network: theirs,
        ..member(1, &[1, 2])
    });
    let dialer = start(wallet(9));
    let outcome = soon("the refusal", dialer.handle.dial(&foreign.address())).await;
    let ours = network();
    assert_eq!(outcome, Err(DialError::WrongNetwork { ours, theirs }));
}

#[tokio::test]
async fn a_bootnode_of_another_network_is_named_on_both_sides_and_left_alone() {
    let theirs = NetworkId::from_bytes([8; 32]);
    let foreign = start(Config {
        network: theirs,
        ..member(3, &[3])
    });
    let good = start(member(2, &[1, 2]));
    let (address, other) = (foreign.address(), good.address());
    let node_of_ours = start(Config {
        bootnodes: vec![address.clone(), other.clone()],
        ..member(1, &[1, 2])
    });
    let expected = [
        Bootnode {
            address,
            state: BootnodeState::WrongNetwork { theirs },
        },
        Bootnode {
            address: other,
            state: BootnodeState::Connected {
                node: Some(node(2)),
            },
        },
    ];
    until("the word", || node_of_ours.handle.bootnodes() == expected).await;
    // The one that was dialed by mistake has noticed it as well.
    until("the count", || foreign.handle.counters().wrong_network == 1).await;
    assert_eq!(node_of_ours.handle.counters().wrong_network, 1);
    assert!(foreign.handle.peers().is_empty());
}

#[tokio::test]
async fn nobody_at_an_address_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let dialer = start(wallet(9));
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    let outcome = soon("the refusal", dialer.handle.dial(&address)).await;
    assert!(
        matches!(&outcome, Err(DialError::Unreachable { address: at, .. }) if *at == address),
        "{outcome:?}"
    );
    assert_eq!(dialer.handle.counters().dials_failed, 1);
}

#[tokio::test]
async fn somebody_who_never_answers_is_unreachable() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = silent.local_addr().expect("an address").port();
    let dialer = start(Config {
        limits: Limits {
            connection_timeout: Duration::from_millis(50),
            ..Limits::on_one_machine()
        },
        ..wallet(9)
    });
    let address = format!("/ip4/127.0.0.1/tcp/{port}");
    let outcome = soon("the timeout", dialer.handle.dial(&address)).await;
    assert!(
        matches!(outcome, Err(DialError::Unreachable { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn another_peer_than_the_expected_one_is_refused() {
    let listener = start(member(1, &[1, 2]));
    let other = start(member(2, &[1, 2]));
    let dialer = start(wallet(9));
    let at = listener.address();
    let other = other.address();
    let (bare, found) = at.split_once("/p2p/").expect("a peer");
    let (_, expected) = other.split_once("/p2p/").expect("a peer");
    let address = format!("{bare}/p2p/{expected}");
    let outcome = soon("the refusal", dialer.handle.dial(&address)).await;
    let found = found.parse().expect("a peer name");
    assert_eq!(outcome, Err(DialError::WrongPeer { address, found }));
}

#[tokio::test]
async fn a_node_does_not_dial_itself() {
    let node = start(member(1, &[1, 2]));
    let address = node.address();
    let bare = address.split("/p2p").next().expect("a first part");
    for form in [bare, address.as_str()] {
        let outcome = soon("the refusal", node.handle.dial(form)).await;
        assert!(matches!(outcome, Err(DialError::Own { .. })), "{outcome:?}");
    }
}

#[tokio::test]
async fn texts_that_are_no_addresses_are_refused() {
    let dialer = start(wallet(9));
    for text in [
        "",
        "localhost:9000",
        "/ip4/127.0.0.1",
        "/ip4/127.0.0.1/udp/9000",
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/0.0.0.0/tcp/9000",
        "/dns4/example.org/tcp/9000",
        "/ip4/127.0.0.1/tcp/9000/ws",
    ] {
        let outcome = dialer.handle.dial(text).await;
        assert!(
            matches!(&outcome, Err(DialError::BadAddress { address, .. }) if address == text),
            "{text}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn guests_beyond_the_limit_are_turned_away_and_nobody_else_is() {
    let mut listener = start(Config {
        limits: Limits {
            guests: 1,
            ..Limits::on_one_machine()
        },
        ..neighbour(1, &[1, 2], &[3])
    });
    let first = start(wallet(8));
    let second = start(wallet(9));
    let address = listener.address();
    assert!(soon("hello", first.handle.dial(&address)).await.is_ok());
    let outcome = soon("the refusal", second.handle.dial(&address)).await;
    assert!(
        matches!(outcome, Err(DialError::Refused { .. })),
        "{outcome:?}"
    );
    let other = start(neighbour(3, &[3], &[1]));
    assert!(soon("hello", other.handle.dial(&address)).await.is_ok());
    let fellow = start(Config {
        bootnodes: vec![address],
        ..member(2, &[1, 2])
    });
    listener.linked(&[2]).await;
    drop(fellow);
}

#[tokio::test]
async fn a_stopped_network_says_so() {
    let dialer = start(wallet(9));
    let handle = dialer.handle.clone();
    soon("the stop", dialer.handle.shutdown()).await;
    let outcome = handle.dial("/ip4/127.0.0.1/tcp/9000").await;
    assert_eq!(outcome, Err(DialError::Stopped));
    let target = net::Target::Node(node(1));
    let patience = Duration::from_secs(1);
    let outcome = handle.request(target, net::Protocol::Api, Vec::new(), patience);
    assert_eq!(outcome.await, Err(net::RequestError::Stopped));
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let first = start(member(1, &[1, 2]));
    let address = first.address();
    let bare = address.split("/p2p").next().expect("a first part");
    let second = net::spawn(Config {
        listen: vec![bare.into()],
        ..member(2, &[1, 2])
    });
    match second.err() {
        Some(StartError::AddressInUse { address }) => assert_eq!(address, bare),
        other => panic!("{other:?}"),
    }
    // The port is free again as soon as the first one has stopped.
    soon("the stop", first.handle.shutdown()).await;
    start(Config {
        listen: vec![bare.into()],
        ..member(2, &[1, 2])
    });
}

/// Starts eight nodes at one port that was free.
fn start_at_one_port() -> Vec<Result<(Handle, Events), StartError>> {
    let free = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
    let port = free.local_addr().expect("it listens").port();
    drop(free);
    let listen = format!("/ip4/127.0.0.1/tcp/{port}");
    let starting = (1..=8).map(|number| {
        let config = Config {
            listen: vec![listen.clone()],
            ..member(number, &[1, 2, 3, 4, 5, 6, 7, 8])
        };
        std::thread::spawn(move || net::spawn(config))
    });
    let starting: Vec<_> = starting.collect();
    // Whoever has started stays until all others have tried.
    starting
        .into_iter()
        .map(|node| node.join().expect("no panic"))
        .collect()
}

#[test]
fn of_nodes_that_start_at_one_port_at_once_one_runs() {
    let started = (0..PORTS)
        .map(|_| start_at_one_port())
        .find(|started| started.iter().any(Result::is_ok))
        .expect("one of them runs");
    let refused = started.iter().filter_map(|node| node.as_ref().err());
    let in_use = |error: &StartError| matches!(error, StartError::AddressInUse { .. });
    assert!(refused.clone().all(in_use));
    assert_eq!(refused.count(), 7);
}

#[test]
fn a_node_listens_at_one_port_of_both_families() {
    if TcpListener::bind("[::]:0").is_err() {
        return; // a machine without IPv6
    }
    let started = (0..PORTS).find_map(|_| {
        let free = TcpListener::bind("[::]:0").expect("there are free ports");
        let port = free.local_addr().expect("it listens").port();
        drop(free);
        let listen = ["/ip4/0.0.0.0/tcp/", "/ip6/::/tcp/"].map(|at| format!("{at}{port}"));
        let started = net::spawn(Config {
            listen: listen.to_vec(),
            ..member(1, &[1, 2])
        });
        match started {
            Err(StartError::AddressInUse { .. }) => None,
            started => Some(started.expect("both are free")),
        }
    });
    let (handle, _events) = started.expect("both are free");
    let addresses = handle.listen_addresses();
    for family in ["/ip4/", "/ip6/"] {
        assert!(addresses.iter().any(|at| at.starts_with(family)));
    }
}

#[tokio::test]
async fn a_network_without_handles_stops() {
    let listener = start(member(1, &[1, 2]));
    let mut events = listener.events;
    drop(listener.handle);
    assert!(soon("the end", events.requests.recv()).await.is_none());
}

#[test]
fn configurations_that_make_no_sense_are_refused() {
    let with = |change: fn(&mut Config)| {
        let mut config = member(1, &[1, 2]);
        change(&mut config);
        net::spawn(config).err()
    };
    assert!(matches!(
        with(|config| config.listen = vec!["/ip4/127.0.0.1/udp/1".into()]),
        Some(StartError::BadAddress { address, .. }) if address == "/ip4/127.0.0.1/udp/1"
    ));
    assert!(matches!(
        with(|config| config.bootnodes = vec!["nowhere".into()]),
        Some(StartError::BadAddress { address, .. }) if address == "nowhere"
    ));
    assert!(matches!(
        with(|config| config.listen = vec!["/ip4/192.0.2.1/tcp/0".into()]),
        Some(StartError::Listen { address, .. }) if address == "/ip4/192.0.2.1/tcp/0"
    ));
    assert!(matches!(
        with(|config| config.agent = "line\nfeed".into()),
        Some(StartError::BadAgent)
    ));
    let with_view = |config: Config| match net::spawn(config).err() {
        Some(StartError::View(reason)) => Some(reason),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        with_view(neighbour(1, &[1, 2], &[3, 2])),
        Some(ViewError::NeighbourInCommittee(node(2)))
    );
    assert_eq!(
        with_view(neighbour(1, &[2], &[3, 1])),
        Some(ViewError::OwnNeighbour(node(1)))
    );
    let many: Vec<u8> = (0..=100).collect();
    assert_eq!(
        with_view(member(1, &many)),
        Some(ViewError::TooMany {
            members: 101,
            neighbours: 0
        })
    );
    let nobody = Config {
        identity: None,
        ..member(1, &[1])
    };
    assert_eq!(with_view(nobody), Some(ViewError::NoNode));
}
