//! Finding out what others know of shards: one peer after the other is asked, all the time; seldom, as long
//! as there are others who tell what happens (see [`Herald`](crate::herald::Herald)).
//!
//! What a peer says is checked by the registry, so any peer is as good as any other, and one that says
//! nothing or nonsense costs one question. Nodes that are listed in a shard and not connected are dialed
//! where their shard says that they are.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use model::api::{Act, Request, Response};
use model::{NodeId, ShardRecord, TransactionId};
use net::{Protocol, Target};
use tokio::sync::Semaphore;

use crate::reads::Reads;
use crate::registry::{NotAnAct, NotLearned, Registry};
use crate::view::present;

/// How often somebody is asked while there is news to be had, and while nobody would tell it.
const INTERVAL: Duration = Duration::from_millis(500);

/// How often somebody is asked while gossip tells the news: what is lost is found out then.
const CALM: Duration = Duration::from_secs(5);

/// How long no member of the root shard may be connected until others are searched for, and how often.
const SEARCH: Duration = Duration::from_secs(5);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Nodes that are dialed at a time.
const DIALS: usize = 2;

/// Dials that may be under way. Whoever founds a shard can list places where nobody answers, and dials are
/// few: those of members come first.
const DIALING_MAX: usize = 8;

/// Asks others.
pub(crate) struct Scout {
    network: net::Handle,
    registry: Arc<Registry>,
    /// What this node has kept itself, once it is a member of a shard.
    reads: Arc<OnceLock<Arc<Reads>>>,
    /// How far this node has come with its own acts.
    own: u32,
    /// What each node has shown and was asked.
    shown: BTreeMap<NodeId, Shown>,
    /// The connected nodes that were asked since they are.
    asked: BTreeSet<NodeId>,
    turn: usize,
    /// Room for dials.
    dialing: Arc<Semaphore>,
    /// Set when something was heard that comes after what is known.
    ahead: Arc<AtomicBool>,
    /// When the next one is asked.
    due: Instant,
    search_due: Instant,
}

/// What a node has shown and was asked since it is connected.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    /// How many of its acts it has shown, and the last of them.
    acts: u32,
    last: Option<TransactionId>,
    /// How often it was asked about shards.
    turn: usize,
}

impl Shown {
    /// How many acts to leave out of the next question: all that were shown but the last, by which it can
    /// be seen that the list is still the same. A node forgets acts when others have taken their place.
    const fn after(&self) -> u32 {
        self.acts.saturating_sub(1)
    }

    /// The acts of an answer that were not shown yet; `None` if the list is another one than it was. Then
    /// it is looked at from the beginning.
    fn unseen(&mut self, answer: Vec<Act>) -> Option<Vec<Act>> {
        let mut acts = answer.into_iter();
        if let Some(last) = self.last {
            let first = acts.next().map(|act| act.transaction.body.id());
            if first != Some(last) {
                (self.acts, self.last) = (0, None);
                return None;
            }
        }
        Some(acts.collect())
    }

    /// So many of these acts were looked at.
    fn saw(&mut self, acts: &[TransactionId], count: u32) {
        let seen = usize::try_from(count).unwrap_or(usize::MAX);
        self.last = acts.iter().take(seen).next_back().copied().or(self.last);
        self.acts = self.acts.saturating_add(count);
    }
}

impl Scout {
    pub(crate) fn new(
        network: net::Handle,
        registry: Arc<Registry>,
        reads: Arc<OnceLock<Arc<Reads>>>,
        ahead: Arc<AtomicBool>,
    ) -> Self {
        let now = Instant::now();
        Self {
            network,
            registry,
            reads,
            own: 0,
            shown: BTreeMap::new(),
            asked: BTreeSet::new(),
            turn: 0,
            dialing: Arc::new(Semaphore::new(DIALING_MAX)),
            ahead,
            due: now,
            search_due: now + SEARCH,
        }
    }

    /// Asks until the node has stopped.
    pub(crate) async fn run(mut self) {
        loop {
            self.look_at_own().await;
            self.look_at_others().await;
            self.reach();
            self.search();
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Asks one of the connected nodes, if it is time. Where gossip tells what happens, it is seldom time;
    /// but each node that comes is asked once, and whoever had news is followed by the next one.
    async fn look_at_others(&mut self) {
        let nodes = self.connected();
        self.shown.retain(|node, _| nodes.contains(node));
        self.asked.retain(|node| nodes.contains(node));
        let ahead = self.ahead.swap(false, Ordering::Relaxed);
        let newcomer = nodes.iter().find(|node| !self.asked.contains(*node));
        let is_due = ahead || newcomer.is_some() || self.due <= Instant::now();
        self.turn = self.turn.wrapping_add(1);
        let next = newcomer.or_else(|| nodes.iter().nth(self.turn % nodes.len().max(1)));
        let Some(node) = next.copied().filter(|_| is_due) else {
            return;
        };
        self.asked.insert(node);
        let news = self.ask_changes(node).await | self.ask_acts(node).await;
        let pause = match news || self.network.audience() == 0 {
            true => INTERVAL,
            false => CALM,
        };
        self.due = Instant::now() + pause;
    }

    /// The nodes that are connected.
    fn connected(&self) -> BTreeSet<NodeId> {
        let peers = self.network.peers();
        peers.iter().filter_map(|peer| peer.node).collect()
    }

    /// Searches for those who say that they serve the root shard, if none of its members is connected: what
    /// is known of them may be too old to find anybody.
    fn search(&mut self) {
        let now = Instant::now();
        let (known, connected) = (self.registry.known(), self.connected());
        let root = known.directory.current(self.registry.root());
        if root
            .into_iter()
            .flat_map(present)
            .any(|member| connected.contains(&member))
        {
            self.search_due = now + SEARCH;
        }
        if now < self.search_due {
            return;
        }
        self.search_due = now + SEARCH;
        let (network, root) = (self.network.clone(), self.registry.root());
        tokio::spawn(async move {
            let found = network.providers(root).await.len();
            tracing::debug!(found, "searched for those who serve the root shard");
        });
    }

    /// Asks how shards have changed. Whether something is news.
    async fn ask_changes(&mut self, node: NodeId) -> bool {
        let first = self.turn;
        let shown = self.shown.entry(node).or_insert_with(|| Shown {
            turn: first,
            ..Shown::default()
        });
        shown.turn = shown.turn.wrapping_add(1);
        let question = self.registry.question(shown.turn);
        let Some(Response::Changes(changes)) = self.ask(node, &question).await else {
            return false;
        };
        let mut news = false;
        for change in changes {
            let (shard, epoch) = (change.next.shard, change.next.epoch);
            match self.registry.learn(change) {
                Ok(true) => {
                    tracing::info!(%shard, %epoch, "a shard has begun an epoch");
                    news = true;
                }
                // The node may have heard more of the root shard.
                Ok(false) | Err(NotLearned::Unrecorded { .. }) => {}
                Err(error) => {
                    tracing::debug!(%node, %shard, %epoch, %error, "not a change of a shard");
                    break;
                }
            }
        }
        news
    }

    /// Asks what the root shard has committed. Whether the node had something that it has not shown yet.
    async fn ask_acts(&mut self, node: NodeId) -> bool {
        let after = self.shown.entry(node).or_default().after();
        let Some(Response::Acts(answer)) = self.ask(node, &Request::Acts { after }).await else {
            return false;
        };
        let Some(acts) = self.shown.entry(node).or_default().unseen(answer) else {
            return true;
        };
        let ids = acts.iter().map(|act| act.transaction.body.id());
        let ids: Vec<TransactionId> = ids.collect();
        let taken = self.take(acts);
        self.shown.entry(node).or_default().saw(&ids, taken);
        taken > 0
    }

    /// What this node itself has decided, if it is a member of the root shard.
    async fn look_at_own(&mut self) {
        let Some(reads) = self.reads.get() else {
            return;
        };
        let place = self.registry.known().place;
        if place.is_none_or(|place| place.shard != self.registry.root()) {
            return;
        }
        let (reads, first) = (
            Arc::clone(reads),
            usize::try_from(self.own).unwrap_or(usize::MAX),
        );
        match tokio::task::spawn_blocking(move || reads.acts(first)).await {
            Ok(Ok(acts)) => self.own = self.own.saturating_add(self.take(acts)),
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
            let Ok(room) = Arc::clone(&self.dialing).try_acquire_owned() else {
                return;
            };
            let network = self.network.clone();
            tokio::spawn(async move {
                let _room = room;
                if let Err(error) = network.dial(&address).await {
                    tracing::debug!(address, %error, "a listed node is not there");
                }
            });
        }
    }
}
