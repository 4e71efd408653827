//! Health and metrics over HTTP, from a network that runs.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use model::Height;
use model::api::{Request, Response, WAIT_MS_MAX};
use node::Fatal;

use crate::network::{Network, Wallet, wait_for};

/// When something that must happen is given up. No test depends on how long anything takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The status and the body of an answer.
fn ask(address: SocketAddr, path: &str, host: &str) -> (u16, String) {
    let (status, body) = fetch(address, path, host);
    (status, String::from_utf8(body).expect("it is text"))
}

/// A connection with a node that does not keep a test waiting for ever.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the node listens");
    let guarded = stream.set_read_timeout(Some(PATIENCE));
    guarded.expect("it takes a time to wait");
    stream
}

fn fetch(address: SocketAddr, path: &str, host: &str) -> (u16, Vec<u8>) {
    let mut stream = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it is answered");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.expect("it is HTTP"));
    let head = String::from_utf8_lossy(head);
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("it has a status"), body[4..].to_vec())
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    ask(address, path, "localhost")
}

/// The value of a metric.
#[track_caller]
fn metric(metrics: &str, name: &str) -> u64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.unwrap_or_else(|| panic!("{name} is not in:\n{metrics}"));
    value.parse().unwrap_or_else(|_| panic!("{name} {value}"))
}

/// A network whose nodes serve health and metrics at ports that the system chooses.
fn watched() -> Network {
    let mut network = Network::new();
    network.http = Some("127.0.0.1:0".parse().expect("it is an address"));
    network
}

#[track_caller]
fn wait_until_ready(address: SocketAddr) -> String {
    let began = Instant::now();
    loop {
        let (status, body) = get(address, "/readyz");
        if status == 200 {
            return body;
        }
        assert!(began.elapsed() < PATIENCE, "{body}");
        std::thread::yield_now();
    }
}

#[test]
fn a_node_alone_lives_and_says_why_it_is_not_ready_and_has_all_its_metrics() {
    let mut network = watched();
    network.start(0).unwrap();
    let address = network.http_address(0);
    assert_eq!(
        get(address, "/livez"),
        (200, "{\"live\":true}\n".to_owned())
    );

    let (status, body) = get(address, "/readyz");
    assert_eq!(status, 503);
    for part in [
        "\"ready\":false",
        "\"name\":\"linked\",\"ok\":false",
        "linked to 0 other members of the shard, 2 are needed",
        "\"name\":\"synced\",\"ok\":true",
        "\"name\":\"running\",\"ok\":true",
    ] {
        assert!(reads(&body, part), "{part}: {body}");
    }

    let (status, metrics) = get(address, "/metrics");
    assert_eq!(status, 200);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    for name in [
        "chainspace_height",
        "chainspace_certified_height",
        "chainspace_epoch",
        "chainspace_sessions",
        "chainspace_waiting",
        "chainspace_blocks_total",
        "chainspace_transactions_total{outcome=\"committed\"}",
        "chainspace_transactions_total{outcome=\"aborted\"}",
        "chainspace_links",
        "chainspace_peers{role=\"linked\"}",
        "chainspace_queue_length{queue=\"events\"}",
        "chainspace_net_frames_out_total",
        "chainspace_net_connections_refused_total",
        "chainspace_admission_strangers_total",
        "chainspace_gossip_said_total{topic=\"heads\"}",
        "chainspace_gossip_heard_total{topic=\"evidence\",verdict=\"accept\"}",
        "chainspace_libp2p_gossipsub_messages_total",
    ] {
        assert_eq!(metric(&metrics, name), 0, "{name}");
    }
    assert_eq!(metric(&metrics, "chainspace_links_needed"), 2);
    assert!(metric(&metrics, "chainspace_queue_capacity{queue=\"turns\"}") > 0);
    network.stop(0);
}

/// Whether a body says this, in whatever order it writes the keys of an object.
fn reads(body: &str, part: &str) -> bool {
    part.split(',').all(|part| body.contains(part))
}

#[test]
fn a_network_that_decides_is_ready_and_counts() {
    let mut network = watched();
    for number in 0..4 {
        network.start(number).unwrap();
    }
    let wallet = Wallet::new(&network);
    let peer = wallet.connect(network.address(0));
    wallet.pay(peer, 1, Height::ZERO);

    let address = network.http_address(0);
    let body = wait_until_ready(address);
    assert!(body.contains("\"ready\":true"), "{body}");
    let (_, metrics) = get(address, "/metrics");
    let committed = "chainspace_transactions_total{outcome=\"committed\"}";
    assert_eq!(metric(&metrics, committed), 1);
    assert!(metric(&metrics, "chainspace_height") > 0);
    assert!(metric(&metrics, "chainspace_certified_height") > 0);
    assert!(metric(&metrics, "chainspace_sync_seconds_count") > 0);
    assert!(metric(&metrics, "chainspace_links") > 0);
    assert_eq!(metric(&metrics, "chainspace_peers{role=\"client\"}"), 1);

    let (status, version) = get(address, "/version");
    assert_eq!(status, 200);
    assert!(version.contains(&network.genesis.network().to_string()));
}

#[test]
fn who_wants_to_join_gets_the_genesis_document_from_any_node() {
    let mut network = watched();
    network.start(0).unwrap();
    let (status, body) = fetch(network.http_address(0), "/network", "localhost");
    assert_eq!((status, body), (200, network.genesis.to_bytes()));
}

#[test]
fn strangers_are_refused_and_what_is_not_there_is_not_found() {
    let mut network = watched();
    network.start(0).unwrap();
    let address = network.http_address(0);
    for path in ["/livez", "/readyz", "/metrics", "/version", "/network", "/"] {
        assert_eq!(ask(address, path, "evil.example").0, 403, "{path}");
    }
    let (status, body) = get(address, "/wallet");
    assert_eq!(status, 404);
    assert!(body.contains("/readyz"), "{body}");
    // The port is taken by the node that runs.
    network.http = Some(address);
    let error = network.start(1).expect_err("the port is taken");
    assert!(matches!(error, Fatal::Http { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_node_stops_while_one_client_waits_and_another_watches() {
    let mut network = watched();
    network.start(0).unwrap();
    let address = network.http_address(0);
    let mut watching = connect(address);
    watching
        .write_all(b"GET /livez HTTP/1.1\r\n")
        .expect("it is read");

    // Nobody ever decides this, so whoever asks waits.
    let wallet = Wallet::new(&network);
    let peer = wallet.connect(network.address(0));
    let question = Request::Results {
        height: Height::new(1_000),
        wait_ms: WAIT_MS_MAX,
    };
    let waiting = wallet.begin(peer, &question);
    // It has reached the node by now, or else it is refused: the node stops in both cases.
    wallet.ask(peer, &Request::Status);
    network.stop(0);
    assert!(wallet.end(waiting).is_err(), "nobody is left to answer");
    assert!(TcpStream::connect(address).is_err(), "the port is free");
    let end = watching.read_to_end(&mut Vec::new());
    let end = end.map_err(|error| error.kind());
    // It has ended or was reset.
    assert!(
        !matches!(end, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
        "{end:?}"
    );
}

#[test]
fn who_pays_is_known_by_its_transactions_and_a_client_that_has_none_is_not() {
    let mut network = watched();
    network.guarded = true;
    let network = network.all_started();
    let address = network.http_address(0);
    wait_until_ready(address);
    let (wallet, reader) = (Wallet::new(&network), Wallet::new(&network));
    let paid = || {
        metric(
            &get(address, "/metrics").1,
            "chainspace_net_guests_paid_total",
        )
    };

    let peer = reader.connect(network.address(0));
    reader.ask(peer, &Request::Status);
    assert_eq!(paid(), 0);
    let peer = wallet.connect(network.address(0));
    let id = wallet.pay(peer, 0, Height::ZERO).result.transaction;
    let Response::Transaction(found) = wallet.ask(peer, &Request::Transaction(id)) else {
        panic!("it is decided");
    };
    // Whatever it submits later, it is looked what became of the first.
    wait_for("it is known that it has paid", || {
        let again = Request::Submit(found.transaction.clone());
        let decided = wallet.ask(peer, &again);
        assert!(matches!(decided, Response::Decided(_)), "{decided:?}");
        (paid() > 0).then_some(())
    });
}
