//! Nodes that answer as a test wants, over real connections.

use std::sync::Arc;

use client::{Client, Endpoints, NodeEndpoint, Options};
use model::api::{Progress, Request, Response, Status};
use model::genesis::GenesisShard;
use model::{Genesis, Hash, Height, NodeDescriptor, NodeId, SecretKey, ShardId, Time};
use net::{Config, Discovery, Events, Handle, Identity, Limits, View};

/// The key of the member with a number.
fn secret(number: u8) -> SecretKey {
    SecretKey::from_seed([number; 32])
}

/// The member with a number.
pub(crate) fn node(number: u8) -> NodeId {
    NodeId::new(secret(number).public())
}

/// A network of four members with this name.
pub(crate) fn genesis(name: &str) -> Genesis {
    let member = |number| NodeDescriptor {
        name: format!("n{number}"),
        node: node(number),
        addresses: Vec::new(),
    };
    let shard = GenesisShard {
        shard: ShardId::new(0),
        members: (1..=4).map(member).collect(),
    };
    system_contracts::genesis::genesis(name, Time::ZERO, vec![shard], &[])
}

/// A running node. It answers until it is dropped or stopped.
pub(crate) struct Server {
    handle: Handle,
    pub(crate) address: String,
}

/// What a node answers to a request. `None`: nothing.
pub(crate) type Answer = fn(&Genesis, u8, &[u8]) -> Option<Vec<u8>>;

impl Server {
    /// Starts the member with a number at an address.
    pub(crate) fn start(genesis: &Genesis, number: u8, listen: &str, answer: Answer) -> Self {
        let committee: Vec<NodeId> = (1..=4).map(node).collect();
        let config = Config {
            network: genesis.network(),
            transport_seed: [number ^ 0x80; 32].into(),
            identity: Some(Identity {
                node: node(number),
                sign: Arc::new(move |message| secret(number).sign(message)),
            }),
            view: View {
                committee,
                neighbours: Vec::new(),
            },
            listen: vec![listen.to_owned()],
            bootnodes: Vec::new(),
            agent: "test/1".to_owned(),
            discovery: Discovery {
                private_addresses: true,
                ..Discovery::default()
            },
            limits: Limits::on_one_machine(),
        };
        let (handle, events) = net::spawn(config).expect("the network starts");
        let address = handle
            .listen_addresses()
            .first()
            .expect("it listens")
            .clone();
        tokio::spawn(serve(events, genesis.clone(), number, answer));
        Self { handle, address }
    }

    /// Stops it. When this returns, the port is free.
    pub(crate) async fn stop(self) {
        self.handle.shutdown().await;
    }
}

async fn serve(mut events: Events, genesis: Genesis, number: u8, answer: Answer) {
    while let Some(inbound) = events.requests.recv().await {
        if let Some(response) = answer(&genesis, number, &inbound.body) {
            // The client may have gone away.
            let _ = inbound.reply.send(response);
        }
    }
}

/// What an honest node answers to [`Request::Status`].
pub(crate) fn status(genesis: &Genesis, number: u8, request: &[u8]) -> Option<Vec<u8>> {
    assert_eq!(Request::from_bytes(request), Ok(Request::Status));
    let status = Status {
        name: format!("n{number}"),
        node: node(number),
        network: genesis.network(),
        shard: ShardId::new(0),
        version: "test/1".to_owned(),
        tip: Progress {
            height: Height::new(7),
            time: Time::from_ms(8),
        },
        head: Hash::ZERO,
        certified: Height::new(6),
        linked: 3,
        committee: 4,
        waiting: 0,
        not_ready: Vec::new(),
    };
    Some(Response::Status(status).to_bytes())
}

/// A client of a network that knows the member with a number at an address.
pub(crate) fn client(genesis: &Genesis, number: u8, address: &str) -> Client {
    client_of(genesis, number, &[address])
}

/// A client of a network that knows several addresses of the member with a number.
pub(crate) fn client_of(genesis: &Genesis, number: u8, addresses: &[&str]) -> Client {
    let at = |address: &&str| NodeEndpoint {
        name: format!("n{number}"),
        node: node(number),
        address: (*address).to_owned(),
    };
    let endpoints = Endpoints {
        genesis: genesis.clone(),
        nodes: addresses.iter().map(at).collect(),
    };
    Client::connect(endpoints, Options::default()).expect("the network of the client starts")
}
