//! Beginning with the state of a shard instead of its history.
//!
//! ```text
//!   directory --> who signs for the shard --> heads with a state --> the highest --> its pieces, each
//!                                             of some members         checked       from whoever has it
//! ```
//!
//! Nobody is believed: a quorum of the epoch signed the head, the head commits to the pieces, and from
//! genesis on each epoch was handed over to the next. Members show what they have; the highest of several
//! is taken, for a liar can at most show an old one.
//!
//! Paper: Section VI-A. Deviation: D-11.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::Ledger;
use consensus::ledger::BadState;
use futures::{StreamExt, stream};
use model::key::Zip215;
use model::state::{Inventory, Piece};
use model::{Committee, Epoch, NodeId, Policy, ShardId};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::pursuit::Silence;
use crate::registry::Registry;
use crate::store::Inheritance;
use crate::sync_server::{fetch_inventory, fetch_piece};
use crate::view::present;

/// How often to begin anew: with a newer state when the one that was being fetched is kept no more, and when
/// the state that an epoch has just ended with is not kept yet.
const ATTEMPTS: usize = 3;

/// Members that are asked at once.
const ASKED_AT_ONCE: usize = 4;

/// Pieces that are fetched at once: a few megabytes.
const PIECES_AT_ONCE: usize = 4;

/// Rounds in which all members are asked for a piece.
const ROUNDS: usize = 4;

/// Between two rounds. A member answers so many requests in a second and no more.
const PAUSE: Duration = Duration::from_millis(500);

/// How long it may take until it is known who follows in the epoch that begins with a state.
const DIRECTORY_PATIENCE: Duration = Duration::from_secs(10);

/// Pieces between two words on how far it is.
const STRIDE: usize = 64;

/// A node that is about to begin in a shard.
pub(crate) struct Heir {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) shard: ShardId,
    /// A history of at most so many blocks is replayed.
    pub(crate) replayed_max: u64,
}

impl Heir {
    /// The state to begin with; `None` if the history is short, or nobody has one: then it is replayed.
    ///
    /// Whoever replays goes on doing so for ever, so it waits until there are members to say that they have
    /// no state.
    pub(crate) async fn inherit(&self) -> Option<Inheritance> {
        if self.shard == self.registry.root() {
            // What it has committed about shards is shown to newcomers, from the first act on.
            return None;
        }
        for _ in 0..ATTEMPTS {
            self.wait_for_members().await;
            let Some(inventory) = self.newest().await else {
                if self.has_members() && !self.has_turned() {
                    return None;
                }
                sleep(PAUSE).await;
                continue;
            };
            let height = inventory.head.head.height;
            if height.number() <= self.replayed_max {
                return None;
            }
            let pieces = inventory.pieces.len();
            tracing::info!(shard = %self.shard, %height, pieces, "beginning with the state of the shard");
            if let Some(inheritance) = self.take(inventory).await {
                return Some(inheritance);
            }
            tracing::warn!(%height, "the state could not be fetched");
        }
        None
    }

    /// Waits until there are members to ask.
    async fn wait_for_members(&self) {
        let mut silence = Silence::new(Instant::now());
        while !self.has_members() {
            if silence.is_to_be_said(Instant::now()) {
                let shard = self.shard;
                tracing::warn!(%shard, "too few members can be reached to ask for the state of the shard");
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether so many members are connected that one of them is honest, or all that there are.
    fn has_members(&self) -> bool {
        let known = self.registry.known().directory;
        let enough = known
            .current(self.shard)
            .map_or(0, Committee::honest_threshold);
        let peers = self.network.peers().into_iter();
        let connected: BTreeSet<NodeId> = peers.filter_map(|peer| peer.node).collect();
        let others = self.others();
        let reached = others.iter().filter(|node| connected.contains(*node));
        reached.count() >= enough.min(others.len())
    }

    /// Whether an epoch of the shard has ended: then there is a state, and members are about to keep it if they
    /// do not yet.
    fn has_turned(&self) -> bool {
        let known = self.registry.known().directory;
        let last = known.current(self.shard);
        last.is_some_and(|last| last.scope().epoch > Epoch::ZERO)
    }

    /// The highest state that some of the members have: of so many that one of them is honest.
    async fn newest(&self) -> Option<Inventory> {
        let known = self.registry.known().directory;
        let committee = known.current(self.shard)?;
        let enough = committee.honest_threshold();
        let shown = stream::iter(self.others())
            .map(|node| self.inventory_of(node))
            .buffer_unordered(ASKED_AT_ONCE)
            .filter_map(std::future::ready)
            .take(enough);
        let shown: Vec<Inventory> = shown.collect().await;
        shown
            .into_iter()
            .max_by_key(|inventory| inventory.head.head.height)
    }

    async fn inventory_of(&self, node: NodeId) -> Option<Inventory> {
        let inventory = fetch_inventory(&self.network, node).await?;
        let scope = inventory.head.head.scope;
        let known = self.registry.known().directory;
        let committee = known.committee(self.shard, scope.epoch)?;
        let checked = inventory.check(committee, &mut Zip215);
        checked
            .inspect_err(|reason| tracing::warn!(%node, %reason, "a state that proves nothing"))
            .ok()?;
        Some(inventory)
    }

    /// Fetches all pieces, and makes the ledger.
    async fn take(&self, inventory: Inventory) -> Option<Inheritance> {
        let mut coming = stream::iter(0..inventory.pieces.len())
            .map(|number| self.piece(&inventory, number))
            .buffered(PIECES_AT_ONCE);
        let mut pieces = Vec::with_capacity(inventory.pieces.len());
        while let Some(piece) = coming.next().await {
            pieces.push(piece?);
            if pieces.len().is_multiple_of(STRIDE) {
                let of = inventory.pieces.len();
                tracing::info!(pieces = pieces.len(), of, "fetching the state of the shard");
            }
        }
        drop(coming);
        let policy = Arc::clone(&self.policy);
        // A large state takes a while, and meanwhile the node answers and shows that it lives.
        let made = spawn_blocking(move || {
            let ledger = Ledger::inherit(&inventory, pieces, policy)?;
            let head = inventory.head;
            Ok::<_, BadState>(Inheritance { ledger, head })
        });
        let inheritance = made.await.ok()?;
        let inheritance = inheritance
            .inspect_err(|reason| tracing::error!(%reason, "the state of the shard is damaged"))
            .ok()?;
        let epoch = inheritance.ledger.scope.epoch;
        self.knows(epoch).await.then_some(inheritance)
    }

    /// A piece, from whoever has it.
    async fn piece(&self, inventory: &Inventory, number: usize) -> Option<Piece> {
        let height = inventory.head.head.height;
        let others = self.others();
        let at = u32::try_from(number).ok()?;
        for round in 0..ROUNDS {
            // Not all pieces from the same member.
            let turned = others.iter().cycle().skip(number % others.len().max(1));
            for node in turned.take(others.len()) {
                match fetch_piece(&self.network, *node, (height, at)).await {
                    Some(piece) if piece.hash() == inventory.pieces[number] => return Some(piece),
                    Some(_) => tracing::warn!(%node, number, "a piece of another state"),
                    None => {}
                }
            }
            if round + 1 < ROUNDS {
                sleep(PAUSE).await;
            }
        }
        None
    }

    /// Waits until it is known who is in an epoch of the shard. Whether it is.
    async fn knows(&self, epoch: Epoch) -> bool {
        let mut known = self.registry.subscribe();
        let told = known.wait_for(|known| known.directory.committee(self.shard, epoch).is_some());
        matches!(timeout(DIRECTORY_PATIENCE, told).await, Ok(Ok(_)))
    }

    /// The members beside this node.
    fn others(&self) -> Vec<NodeId> {
        let known = self.registry.known().directory;
        let members = known.current(self.shard).into_iter().flat_map(present);
        let own = self.registry.node();
        members.filter(|node| *node != own).collect()
    }
}
