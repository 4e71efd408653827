//! What is said to the nodes: one connection to each, and on it as many exchanges at a time as it
//! takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use model::NodeId;
use model::api::{Refused, Request, Response};
use net::{Config, Discovery, Handle, Limits, Protocol, Target, View};

use tokio::time::{Instant, sleep};

use super::error::BenchError;
use crate::local::Endpoint;

/// How long a node may take to answer what it can answer at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connections to all nodes of a network.
#[derive(Clone)]
pub(crate) struct Link {
    /// As if each were another wallet. They are used in turn.
    handles: Vec<Handle>,
    next: Arc<AtomicUsize>,
    nodes: Vec<NodeId>,
}

impl Link {
    /// Connects with every node, as so many `wallets`.
    ///
    /// # Errors
    ///
    /// [`BenchError::Node`] if one cannot be reached.
    pub(crate) async fn connect(endpoint: &Endpoint, wallets: u8) -> Result<Self, BenchError> {
        let mut handles = Vec::new();
        for number in 0..wallets.max(1) {
            handles.push(wallet(endpoint, number).await?);
        }
        Ok(Self {
            handles,
            next: Arc::default(),
            nodes: endpoint.nodes.iter().map(|node| node.node).collect(),
        })
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Asks a node, and waits for its answer; `wait` is what it may take beyond the usual.
    ///
    /// # Errors
    ///
    /// [`BenchError::Node`] if there is no answer, or none that can be read.
    pub(crate) async fn ask(
        &self,
        node: usize,
        request: &Request,
        wait: Duration,
    ) -> Result<Response, BenchError> {
        let target = Target::Node(self.nodes[node]);
        let (request, patience) = (request.to_bytes(), wait + PATIENCE);
        let until = Instant::now() + patience;
        loop {
            let request = request.clone();
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let handle = &self.handles[turn % self.handles.len()];
            let answer = handle.request(target, Protocol::Api, request, patience);
            let bytes = answer.await.map_err(|error| problem(node, error))?;
            let answer = Response::from_bytes(&bytes).map_err(|error| problem(node, error))?;
            match answer {
                // We ask more often than the node likes.
                Response::Refused(Refused::Busy { retry_ms }) if Instant::now() < until => {
                    sleep(Duration::from_millis(retry_ms.into())).await;
                }
                answer => return Ok(answer),
            }
        }
    }
}

/// A wallet that is connected with every node.
async fn wallet(endpoint: &Endpoint, number: u8) -> Result<Handle, BenchError> {
    // Nobody believes this key anything, so it may be known. It differs from the nodes' keys.
    let mut transport_seed = endpoint.network.as_bytes().map(|byte| !byte);
    transport_seed[0] ^= number;
    let config = Config {
        network: endpoint.network,
        transport_seed: transport_seed.into(),
        identity: None,
        view: View::default(),
        listen: Vec::new(),
        bootnodes: Vec::new(),
        agent: concat!("chainspace-bench/", env!("CARGO_PKG_VERSION")).into(),
        discovery: Discovery::default(),
        limits: Limits::default(),
    };
    // Nobody asks us anything.
    let (handle, _events) =
        net::spawn(config).map_err(|error| BenchError::Options(error.to_string()))?;
    for (node, at) in endpoint.nodes.iter().enumerate() {
        let dialed = handle.dial(&at.api).await;
        dialed.map_err(|error| problem(node, error))?;
    }
    Ok(handle)
}

/// What is the matter with a node.
pub(crate) fn problem(node: usize, problem: impl std::fmt::Display) -> BenchError {
    BenchError::Node {
        node,
        problem: problem.to_string(),
    }
}
