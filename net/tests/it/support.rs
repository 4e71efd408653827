//! Members, wallets, and waiting for what they see.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use model::{NetworkId, NodeId, SecretKey};
use net::{Config, Discovery, Events, Handle, Identity, Limits, Link, View};

/// Ends a test whose event never comes. Far beyond what a busy machine needs.
const GUARD: Duration = Duration::from_secs(120);

/// How long a request may take where the test is not about time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(100);

/// Waits for an event.
pub(crate) async fn soon<T>(what: &str, event: impl Future<Output = T>) -> T {
    match tokio::time::timeout(GUARD, event).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: did not happen"),
    }
}

/// Waits for something that is not announced.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let event = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    soon(what, event).await;
}

/// The network of the tests.
pub(crate) fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

/// The id of the member with a number.
pub(crate) fn node(number: u8) -> NodeId {
    NodeId::new(SecretKey::from_seed([number; 32]).public())
}

/// The node with a number.
pub(crate) fn identity(number: u8) -> Identity {
    let secret = SecretKey::from_seed([number; 32]);
    Identity {
        node: node(number),
        sign: Arc::new(move |message| secret.sign(message)),
    }
}

/// What a node thinks that others are.
pub(crate) fn view(committee: &[u8], neighbours: &[u8]) -> View {
    View {
        committee: committee.iter().copied().map(node).collect(),
        neighbours: neighbours.iter().copied().map(node).collect(),
    }
}

/// A wallet with a transport key of its own.
pub(crate) fn wallet(number: u8) -> Config {
    Config {
        network: network(),
        transport_seed: [number; 32].into(),
        identity: None,
        view: View::default(),
        listen: Vec::new(),
        bootnodes: Vec::new(),
        agent: "test/1".into(),
        discovery: Discovery {
            private_addresses: true,
            ..Discovery::default()
        },
        limits: Limits::on_one_machine(),
    }
}

/// A member that listens at a free port.
pub(crate) fn member(number: u8, committee: &[u8]) -> Config {
    Config {
        identity: Some(identity(number)),
        view: view(committee, &[]),
        listen: vec!["/ip4/127.0.0.1/tcp/0".into()],
        transport_seed: [number ^ 0x80; 32].into(),
        ..wallet(number)
    }
}

/// A member whose neighbours have some numbers.
pub(crate) fn neighbour(number: u8, committee: &[u8], neighbours: &[u8]) -> Config {
    Config {
        view: view(committee, neighbours),
        ..member(number, committee)
    }
}

/// One running network and what it sees.
pub(crate) struct Running {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
}

/// Starts a network.
pub(crate) fn start(config: Config) -> Running {
    let (handle, events) = net::spawn(config).expect("the network starts");
    Running { handle, events }
}

/// Starts all members of a committee; each dials those before it.
pub(crate) fn start_committee(numbers: &[u8]) -> Vec<Running> {
    let mut running: Vec<Running> = Vec::new();
    for number in numbers {
        let bootnodes = running.iter().map(Running::address).collect();
        running.push(start(Config {
            bootnodes,
            ..member(*number, numbers)
        }));
    }
    running
}

impl Running {
    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        let addresses = self.handle.listen_addresses();
        addresses.first().expect("it listens").clone()
    }

    /// The port that it listens at.
    pub(crate) fn port(&self) -> u16 {
        let address = self.address();
        let port = address.split('/').nth(4).expect("a port");
        port.parse().expect("a number")
    }

    /// The next change of a link.
    pub(crate) async fn link(&mut self) -> Link {
        let link = soon("a change of a link", self.events.links.recv()).await;
        link.expect("the network runs")
    }

    /// Waits until these members are linked.
    pub(crate) async fn linked(&mut self, numbers: &[u8]) {
        let mut missing: Vec<NodeId> = numbers.iter().copied().map(node).collect();
        while !missing.is_empty() {
            let link = self.link().await;
            missing.retain(|node| *node != link.node);
            if !link.up {
                missing.push(link.node);
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> (NodeId, Vec<u8>) {
        let frame = soon("a frame", self.events.frames.recv()).await;
        let frame = frame.expect("the network runs");
        (frame.from, frame.bytes.to_vec())
    }

    /// The next frame from a neighbour.
    pub(crate) async fn told(&mut self) -> (NodeId, Vec<u8>) {
        let frame = soon("a frame", self.events.foreign.recv()).await;
        let frame = frame.expect("the network runs");
        (frame.from, frame.bytes.to_vec())
    }

    /// The next request.
    pub(crate) async fn request(&mut self) -> net::Inbound {
        let request = soon("a request", self.events.requests.recv()).await;
        request.expect("the network runs")
    }
}

/// Waits until all of these are linked with each other.
pub(crate) async fn all_linked(running: &mut [Running], numbers: &[u8]) {
    for (running, ours) in running.iter_mut().zip(numbers) {
        let others: Vec<u8> = numbers.iter().copied().filter(|n| n != ours).collect();
        running.linked(&others).await;
    }
}
