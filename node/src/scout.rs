//! Finding out what others know of shards: one peer after the other is asked, all the time.
//!
//! What a peer says is checked by the registry, so any peer is as good as any other, and one that says
//! nothing or nonsense costs one question. Nodes that are listed in a shard and not connected are dialed
//! where their shard says that they are.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::api::{Act, Request, Response};
use model::{NodeId, ShardRecord};
use net::{Protocol, Target};

use crate::reads::Reads;
use crate::registry::{NotAnAct, Registry};

/// How often somebody is asked.
const INTERVAL: Duration = Duration::from_millis(500);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Nodes that are dialed at a time.
const DIALS: usize = 2;

/// Asks others.
pub(crate) struct Scout {
    network: net::Handle,
    registry: Arc<Registry>,
    /// What this node has kept itself, once it is a member of a shard.
    reads: Arc<OnceLock<Arc<Reads>>>,
    /// How many acts each node has shown.
    shown: BTreeMap<NodeId, u32>,
    turn: usize,
}

impl Scout {
    pub(crate) const fn new(
        network: net::Handle,
        registry: Arc<Registry>,
        reads: Arc<OnceLock<Arc<Reads>>>,
    ) -> Self {
        Self {
            network,
            registry,
            reads,
            shown: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Asks until the node has stopped.
    pub(crate) async fn run(mut self) {
        loop {
            self.look_at_own().await;
            if let Some(node) = self.next_peer() {
                self.ask_changes(node).await;
                self.ask_acts(node).await;
            }
            self.reach();
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// The nodes that are connected take turns.
    fn next_peer(&mut self) -> Option<NodeId> {
        let peers = self.network.peers();
        let mut nodes: Vec<NodeId> = peers.iter().filter_map(|peer| peer.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.shown
            .retain(|node, _| nodes.binary_search(node).is_ok());
        self.turn = self.turn.wrapping_add(1);
        (!nodes.is_empty()).then(|| nodes[self.turn % nodes.len()])
    }

    async fn ask_changes(&self, node: NodeId) {
        let Some(Response::Changes(changes)) = self.ask(node, &self.registry.question()).await
        else {
            return;
        };
        for change in changes {
            let (shard, epoch) = (change.next.shard, change.next.epoch);
            match self.registry.learn(change) {
                Ok(true) => tracing::info!(%shard, %epoch, "a shard has begun an epoch"),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%node, %shard, %epoch, %error, "not a change of a shard");
                    return;
                }
            }
        }
    }

    async fn ask_acts(&mut self, node: NodeId) {
        let after = self.shown.get(&node).copied().unwrap_or(0);
        let Some(Response::Acts(acts)) = self.ask(node, &Request::Acts { after }).await else {
            return;
        };
        let taken = self.take(acts);
        let shown = self.shown.entry(node).or_default();
        *shown = shown.saturating_add(taken);
    }

    /// What this node itself has decided, if it is a member of the root shard.
    async fn look_at_own(&mut self) {
        let (Some(reads), node) = (self.reads.get(), self.registry.node()) else {
            return;
        };
        let place = self.registry.known().place;
        if place.is_none_or(|place| place.shard != self.registry.root()) {
            return;
        }
        let after = self.shown.get(&node).copied().unwrap_or(0);
        let (reads, first) = (
            Arc::clone(reads),
            usize::try_from(after).unwrap_or(usize::MAX),
        );
        match tokio::task::spawn_blocking(move || reads.acts(first)).await {
            Ok(Ok(acts)) => {
                let taken = self.take(acts);
                self.shown.insert(node, after.saturating_add(taken));
            }
            Ok(Err(error)) => tracing::error!(%error, "cannot read what the shard has committed"),
            Err(_) => {} // the node is stopping
        }
    }

    /// Takes in acts up to the first that cannot be judged yet. How many.
    fn take(&self, acts: Vec<Act>) -> u32 {
        let mut taken = 0;
        for act in acts {
            let id = act.transaction.body.id();
            match self.registry.enact(act) {
                Ok(true) => {
                    tracing::info!(transaction = %id, "the root shard has committed a change of shards")
                }
                Ok(false) => {}
                Err(error @ NotAnAct::Ahead(_)) => {
                    tracing::debug!(transaction = %id, %error, "cannot judge it yet");
                    return taken;
                }
                Err(error) => tracing::debug!(transaction = %id, %error, "not an act"),
            }
            taken += 1;
        }
        taken
    }

    async fn ask(&self, node: NodeId, request: &Request) -> Option<Response> {
        let body = request.to_bytes();
        let asked = self
            .network
            .request(Target::Node(node), Protocol::Api, body, PATIENCE);
        let answer = asked
            .await
            .inspect_err(|error| tracing::debug!(%node, %error, "no answer about shards"))
            .ok()?;
        Response::from_bytes(&answer).ok()
    }

    /// Dials some of the nodes that are listed in the last records and not connected, each in turn.
    fn reach(&self) {
        let peers = self.network.peers();
        let known = self.registry.known();
        let shards = known
            .directory
            .all()
            .map(|committee| committee.scope().shard);
        let records = shards.filter_map(|shard| known.directory.last_record(shard));
        let listed = records.flat_map(ShardRecord::descriptors);
        let missing: Vec<_> = listed
            .filter(|listed| listed.node != self.registry.node())
            .filter(|listed| !listed.addresses.is_empty())
            .filter(|listed| peers.iter().all(|peer| peer.node != Some(listed.node)))
            .collect();
        let count = missing.len().min(DIALS);
        for step in 0..count {
            let chosen = missing[(self.turn * DIALS + step) % missing.len()];
            let address = chosen.addresses[self.turn % chosen.addresses.len()].clone();
            let network = self.network.clone();
            tokio::spawn(async move {
                if let Err(error) = network.dial(&address).await {
                    tracing::debug!(address, %error, "a listed node is not there");
                }
            });
        }
    }
}
