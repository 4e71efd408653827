//! What can be found out by asking: the ports, the node itself if it runs, and the nodes it is to keep
//! connected with.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use model::api::{NotReady, Request, Response, Status};
use model::{NetworkId, NodeId};
use net::{DialError, Handle, Limits, Protocol, Target};
use node::{Config, VERSION};
use testnet::local::port_holder;

use super::finding::Finding;
use crate::exit::{Exit, Failure};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How far this machine's clock may be behind the time of blocks, in milliseconds.
const CLOCK_BEHIND_MAX: u64 = 1_000;

/// The most bytes of an answer over HTTP that are looked at.
const HTTP_BYTES_MAX: u64 = 4_096;

/// Asks nodes.
pub(super) struct Asker {
    /// `None`: it is not known which network to ask in.
    handle: Option<Handle>,
}

/// Why a node has not said how it is.
enum Silence {
    /// Nobody is there.
    Nobody(String),
    /// Somebody is there who is none of ours.
    Stranger(String),
}

impl Asker {
    pub(super) fn start(network: Option<NetworkId>) -> Result<Self, Failure> {
        let Some(network) = network else {
            return Ok(Self { handle: None });
        };
        let mut seed = [0; 32];
        let cannot = |error: String| Failure::new(Exit::Failed, error);
        getrandom::fill(&mut seed).map_err(|error| cannot(error.to_string()))?;
        let config = net::Config {
            network,
            transport_seed: seed.into(),
            identity: None,
            view: net::View::default(),
            listen: Vec::new(),
            bootnodes: Vec::new(),
            agent: VERSION.to_owned(),
            discovery: net::Discovery::default(),
            limits: Limits::default(),
        };
        let (handle, _) = net::spawn(config).map_err(|error| cannot(error.to_string()))?;
        Ok(Self {
            handle: Some(handle),
        })
    }

    pub(super) async fn stop(self) {
        if let Some(handle) = self.handle {
            handle.shutdown().await;
        }
    }

    /// Examines what the node would meet, or what it meets if it runs.
    pub(super) async fn examine(&self, config: &Config, node: Option<NodeId>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut own = None;
        for address in &config.listen {
            let (finding, status) = self.listen(address, node).await;
            findings.push(finding);
            own = own.or(status);
        }
        findings.extend(config.http.map(|at| http(at, node)));
        let asked = join_all(config.bootnodes.iter().map(|at| self.status(at))).await;
        let nodes = config.bootnodes.iter().zip(&asked);
        findings.extend(nodes.filter_map(|(at, asked)| complaint(at, asked.as_ref().err()?)));
        let others: Vec<&Status> = asked
            .iter()
            .filter_map(|asked| asked.as_ref().ok())
            .collect();
        findings.push(reached(others.len(), asked.len()));
        findings.push(clock(others.iter().copied().chain(&own)));
        match &own {
            Some(status) => findings.extend([links(status), readiness(status)]),
            None => findings.push(Finding::ok("links", "the node does not run")),
        }
        findings
    }

    /// Whether the node can listen at an address, or does.
    async fn listen(&self, address: &str, node: Option<NodeId>) -> (Finding, Option<Status>) {
        const CHECK: &str = "port";
        let socket = match net::listen_socket(address) {
            Ok(socket) => socket,
            Err(reason) => {
                let fix = "write it like /ip4/0.0.0.0/tcp/4700";
                let found = format!("not an address: {address}: {reason}");
                return (Finding::problem(CHECK, found, fix), None);
            }
        };
        if let Ok(status) = self.status(&dial_address(socket)).await
            && Some(status.node) == node
        {
            let found = format!("{address} is held by this node, which runs");
            return (Finding::ok(CHECK, found), Some(status));
        }
        (free(CHECK, socket), None)
    }

    /// How the node at an address is.
    async fn status(&self, address: &str) -> Result<Status, Silence> {
        let Some(handle) = &self.handle else {
            return Err(Silence::Nobody("without a genesis document".to_owned()));
        };
        let asked = tokio::time::timeout(PATIENCE, ask(handle, address)).await;
        asked.unwrap_or_else(|_| Err(Silence::Nobody("no answer in time".to_owned())))
    }
}

async fn ask(handle: &Handle, address: &str) -> Result<Status, Silence> {
    let remote = handle.dial(address).await.map_err(|error| match error {
        DialError::WrongNetwork { .. }
        | DialError::NotChainspace { .. }
        | DialError::WrongPeer { .. } => Silence::Stranger(error.to_string()),
        _ => Silence::Nobody(error.to_string()),
    })?;
    let request = Request::Status.to_bytes();
    let (peer, api) = (Target::Peer(remote.peer), Protocol::Api);
    let answer = handle.request(peer, api, request, PATIENCE).await;
    let answer = answer.map_err(|error| Silence::Nobody(error.to_string()))?;
    match Response::from_bytes(&answer) {
        Ok(Response::Status(status)) => Ok(status),
        _ => Err(Silence::Stranger("it does not say how it is".to_owned())),
    }
}

/// Where to reach from this machine what listens at a socket.
fn dial_address(socket: SocketAddr) -> String {
    let port = socket.port();
    match socket.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => format!("/ip4/{}/tcp/{port}", Ipv4Addr::LOCALHOST),
        IpAddr::V4(ip) => format!("/ip4/{ip}/tcp/{port}"),
        IpAddr::V6(ip) if ip.is_unspecified() => format!("/ip6/{}/tcp/{port}", Ipv6Addr::LOCALHOST),
        IpAddr::V6(ip) => format!("/ip6/{ip}/tcp/{port}"),
    }
}

/// Whether a port is free for a node that does not run.
fn free(check: &'static str, socket: SocketAddr) -> Finding {
    match TcpListener::bind(socket) {
        Ok(_) => Finding::ok(check, format!("{socket} is free, the node does not run")),
        Err(error) => {
            let holder = port_holder(socket.port());
            let found = match holder {
                Some(holder) => format!("{socket} is held by {holder}, which is not this node"),
                None => format!("{socket} cannot be listened at: {error}"),
            };
            let fix = "end that program, or choose another port in the configuration";
            Finding::problem(check, found, fix)
        }
    }
}

/// Whether health and metrics can be served, or are.
fn http(at: SocketAddr, node: Option<NodeId>) -> Finding {
    const CHECK: &str = "http";
    let ours = node.is_some_and(|node| {
        let version = get(at, "/version");
        version.is_ok_and(|answer| answer.contains(&node.to_string()))
    });
    match ours {
        true => Finding::ok(CHECK, format!("http://{at}/readyz is served by this node")),
        false => free(CHECK, at),
    }
}

/// What a server answers.
fn get(at: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(HTTP_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// What to do about a node that is to be kept connected and has not said how it is.
fn complaint(address: &str, silence: &Silence) -> Option<Finding> {
    const CHECK: &str = "bootnode";
    Some(match silence {
        Silence::Nobody(why) => Finding::warning(
            CHECK,
            format!("{address}: {why}"),
            "ask its operator, or name other bootnodes",
        ),
        Silence::Stranger(why) => Finding::problem(
            CHECK,
            format!("{address}: {why}"),
            "take it out of `bootnodes`, or get the genesis document of its network",
        ),
    })
}

/// How many of those that were asked have answered.
fn reached(answered: usize, asked: usize) -> Finding {
    const CHECK: &str = "bootnodes";
    let found = format!("{answered} of {asked} answer, on the same network");
    match (answered, asked) {
        (_, 0) => {
            let fix = "name at least one node of the network in `bootnodes`";
            Finding::warning(CHECK, "none are named", fix)
        }
        (0, _) => {
            let fix = "check the way out of this machine (cable, firewall), and the addresses";
            Finding::problem(CHECK, found, fix)
        }
        _ => Finding::ok(CHECK, found),
    }
}

/// Whether this machine's clock is behind the blocks that others have made.
fn clock<'a>(nodes: impl Iterator<Item = &'a Status>) -> Finding {
    const CHECK: &str = "clock";
    let Some(newest) = nodes.map(|status| status.tip.time.as_ms()).max() else {
        return Finding::ok(CHECK, "there is no node to compare it with");
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
    let behind = newest.saturating_sub(now);
    if behind > CLOCK_BEHIND_MAX {
        let found = format!("{behind} ms behind the newest block of the network");
        return Finding::problem(CHECK, found, "run: timedatectl set-ntp true");
    }
    Finding::ok(CHECK, "not behind the newest block of the network")
}

/// The links of the node, which runs.
fn links(status: &Status) -> Finding {
    const CHECK: &str = "links";
    if is_seatless(status) {
        return Finding::ok(CHECK, "none are needed without a seat");
    }
    let others = status.committee.saturating_sub(1);
    let (linked, shard) = (status.linked, status.shard);
    let found = format!("{linked} of {others} other members of shard {shard}");
    if linked == others {
        return Finding::ok(CHECK, found);
    }
    let fix =
        "see under bootnode which do not answer; a node that was cut off is linked again by itself";
    Finding::warning(CHECK, found, fix)
}

/// Whether the node, which runs, waits for a seat, or has had one.
fn is_seatless(status: &Status) -> bool {
    status.not_ready.contains(&NotReady::NoSeat)
}

/// Whether the node, which runs, can do its part.
fn readiness(status: &Status) -> Finding {
    const CHECK: &str = "ready";
    if status.not_ready.is_empty() {
        let height = status.tip.height.number();
        return Finding::ok(
            CHECK,
            format!("at height {height} of shard {}", status.shard),
        );
    }
    if is_seatless(status) {
        let fix = "give what `chainspace node descriptor` writes to those who found a shard, or to the \
                   members of one; `consents` says to which it agrees";
        return Finding::warning(CHECK, NotReady::NoSeat.to_string(), fix);
    }
    let why: Vec<String> = status.not_ready.iter().map(ToString::to_string).collect();
    let fix = "wait, or look at what is said above about links";
    Finding::warning(CHECK, why.join("; "), fix)
}
