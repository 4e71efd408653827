//! The [`Api`] over libp2p: dials a node when it is first asked, and again when it was lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::api::{Request, Response};
use model::{NetworkId, NodeId};
use net::{Config, DialError, Discovery, Handle, Limits, Protocol, RequestError, Target, View};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;
use zeroize::Zeroizing;

use crate::api::{Api, AskError};
use crate::connection::NodeEndpoint;
use crate::error::Error;

/// What nodes see of this software.
const AGENT: &str = concat!("chainspace-client/", env!("CARGO_PKG_VERSION"));

/// How long an address of a node is dialed before the next one is, too. Of a node that has moved, the old
/// address may say nothing for longer than anybody waits for an answer.
const HEAD_START: Duration = Duration::from_millis(300);

/// Asks nodes over libp2p. It has no seat and listens nowhere.
pub struct Network {
    handle: Handle,
    places: Mutex<BTreeMap<NodeId, Arc<Place>>>,
}

/// Where a node is, and a lock so that it is dialed once at a time.
#[derive(Default)]
struct Place {
    addresses: Mutex<Vec<String>>,
    dialing: tokio::sync::Mutex<()>,
}

impl Network {
    /// Starts the network of this process, under a new transport key.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the system has no thread or no randomness for it.
    pub(crate) fn start(network: NetworkId, nodes: &[NodeEndpoint]) -> Result<Self, Error> {
        let mut transport_seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *transport_seed).map_err(Error::internal)?;
        let config = Config {
            network,
            transport_seed,
            identity: None,
            view: View::default(),
            listen: Vec::new(),
            bootnodes: Vec::new(),
            agent: AGENT.into(),
            discovery: Discovery::default(),
            limits: Limits::default(),
        };
        // Nobody asks a client anything, and there are no members to hear from.
        let (handle, _events) = net::spawn(config).map_err(Error::internal)?;
        let started = Self {
            handle,
            places: Mutex::default(),
        };
        for endpoint in nodes {
            started.introduce(endpoint.clone());
        }
        Ok(started)
    }

    /// Closes the connections and waits until that is done.
    pub(crate) async fn stop(self) {
        self.handle.shutdown().await;
    }

    fn is_connected(&self, node: &NodeId) -> bool {
        let peers = self.handle.peers();
        peers.iter().any(|peer| peer.node == Some(*node))
    }

    /// Makes sure that there is a connection with `node`.
    async fn reach(&self, node: &NodeId) -> Result<(), AskError> {
        if self.is_connected(node) {
            return Ok(());
        }
        let place = lock(&self.places).get(node).cloned();
        let Some(place) = place else {
            return Err(AskError::Unreachable("its address is not known".into()));
        };
        let _dialing = place.dialing.lock().await;
        if self.is_connected(node) {
            return Ok(());
        }
        let addresses = lock(&place.addresses).clone();
        let mut next = addresses.iter();
        let mut dials = FuturesUnordered::new();
        let mut trouble = AskError::Unreachable("its address is not known".into());
        loop {
            match next.next() {
                Some(address) => dials.push(self.dial(node, address)),
                None if dials.is_empty() => return Err(trouble),
                None => {}
            }
            let patience = match next.as_slice() {
                [] => Duration::MAX,
                _ => HEAD_START,
            };
            match timeout(patience, dials.next()).await {
                Ok(Some(Ok(()))) => return Ok(()),
                Ok(Some(Err(error))) => trouble = error,
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// Dials an address at which `node` may be.
    async fn dial(&self, node: &NodeId, address: &str) -> Result<(), AskError> {
        let remote = self.handle.dial(address).await.map_err(undialed)?;
        if remote.node == Some(*node) {
            return Ok(());
        }
        let reason = format!("another node answers at {address}");
        Err(AskError::Unreachable(reason))
    }
}

impl Api for Network {
    fn introduce(&self, endpoint: NodeEndpoint) {
        let mut places = lock(&self.places);
        let place = Arc::clone(places.entry(endpoint.node).or_default());
        drop(places);
        let mut addresses = lock(&place.addresses);
        if !addresses.contains(&endpoint.address) {
            addresses.push(endpoint.address);
        }
    }

    async fn ask(
        &self,
        node: &NodeId,
        request: Request,
        timeout: Duration,
    ) -> Result<Response, AskError> {
        let deadline = Instant::now() + timeout;
        match timeout_at(deadline, self.reach(node)).await {
            Ok(reached) => reached?,
            Err(_) => return Err(AskError::Unreachable("no connection in time".into())),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let asking =
            self.handle
                .request(Target::Node(*node), Protocol::Api, request.to_bytes(), left);
        let bytes = asking.await.map_err(unanswered)?;
        let response = Response::from_bytes(&bytes);
        debug!(%node, bytes = bytes.len(), ok = response.is_ok(), "answered");
        response.map_err(|error| AskError::Lying(error.to_string()))
    }
}

// Whoever panicked with the lock left a map and lists of which every state is a good one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn undialed(error: DialError) -> AskError {
    match error {
        DialError::WrongNetwork { ours, theirs } => AskError::WrongNetwork { ours, theirs },
        DialError::Unreachable { address, reason } => {
            AskError::Unreachable(format!("{reason} at {address}"))
        }
        other => AskError::Unreachable(other.to_string()),
    }
}

fn unanswered(error: RequestError) -> AskError {
    let text = error.to_string();
    match error {
        RequestError::NotConnected
        | RequestError::TooLarge { .. }
        | RequestError::Busy
        | RequestError::Unsupported => AskError::Unreachable(text),
        RequestError::Closed | RequestError::Timeout | RequestError::Stopped => {
            AskError::Silent(text)
        }
        RequestError::ResponseTooLarge { .. } => AskError::Lying(text),
    }
}
