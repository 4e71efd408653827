//! Blocks for a node that is listed in its shard and has no seat yet in the epoch that it has come to.
//!
//! Paper: Section VI-A. Deviation: D-10.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::message::BlocksRequest;
use model::{Height, NodeId};
use tokio::sync::mpsc;

use crate::event::Event;
use crate::gauges::Gauges;
use crate::heads::Heads;
use crate::reads::Reads;
use crate::registry::{Known, Registry};
use crate::sync_server;
use crate::view::present;
use crate::waiters::Waiters;

/// How long to wait when there is nothing to fetch, or nobody has it.
const PAUSE: Duration = Duration::from_millis(300);

/// How long the first of what was fetched may take to be applied, and then the last. Whoever gives what is
/// refused holds this node up for no longer; what takes longer is asked for once more, which costs a question.
const PATIENCE: Duration = Duration::from_secs(2);

/// For how long nobody may give anything until it is said, and how often it is said again.
const SILENCE: Duration = Duration::from_secs(60);

/// Since when nobody has given anything, or since that was said last.
pub(crate) struct Silence(Instant);

impl Silence {
    /// It begins now.
    pub(crate) const fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Whether it is time to say that it lasts.
    pub(crate) fn is_to_be_said(&mut self, now: Instant) -> bool {
        let is_long = now.duration_since(self.0) >= SILENCE;
        if is_long {
            self.0 = now;
        }
        is_long
    }
}

/// Fetches blocks for a replica without a seat.
pub(crate) struct Pursuit {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) reads: Arc<Reads>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) heads: Arc<Heads>,
    pub(crate) events: mpsc::Sender<Event>,
}

impl Pursuit {
    /// Fetches whenever there is something to fetch, until the node has stopped.
    pub(crate) async fn run(self) {
        let mut turn = 0_usize;
        let mut silence = Silence::new(Instant::now());
        loop {
            turn = turn.wrapping_add(1);
            let known = self.registry.known();
            let source = source(&known, self.registry.node(), turn);
            match source.filter(|_| self.gauges.seatless()) {
                Some(node) if self.fetch(node).await => silence = Silence::new(Instant::now()),
                Some(_) => {
                    if silence.is_to_be_said(Instant::now()) {
                        self.complain(&known);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                None => {
                    silence = Silence::new(Instant::now());
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Says that nobody gives what comes next, if there is something.
    fn complain(&self, known: &Known) {
        let Some(place) = known.place else {
            return;
        };
        let height = self.reads.progress().height;
        let heard = self
            .heads
            .latest(place.shard)
            .map(|latest| latest.head.height);
        if lacks_blocks(known, height, heard) {
            tracing::warn!(
                shard = %place.shard, %height, heard = heard.map(Height::number),
                "nobody gives the next block of the shard: no member can be reached, or none of them keeps it \
                 any more because they all began with a later state; then this node cannot catch up, and one \
                 that has never had a seat is to be stopped, its directory moved away, and started again"
            );
        }
    }

    /// Asks a node for what comes next. Whether it has brought this one further.
    async fn fetch(&self, node: NodeId) -> bool {
        let first = self.reads.progress().height.next();
        let request = BlocksRequest { first };
        let Some(blocks) = sync_server::fetch(&self.network, node, request).await else {
            return false;
        };
        let heights = blocks.blocks.iter().map(|block| block.block.header.height);
        let expected = std::iter::successors(Some(first), |height| Some(height.next()));
        let Some((last, _)) = heights.clone().zip(expected.clone()).last() else {
            return false;
        };
        if !heights
            .zip(expected)
            .all(|(found, expected)| found == expected)
            || self.events.send(Event::Final(blocks)).await.is_err()
        {
            return false;
        }
        // What is refused never comes.
        self.waiters.height(first, PATIENCE).await && self.waiters.height(last, PATIENCE).await
    }
}

/// Whether the shard has blocks above a height: a head was heard of, or an epoch is known that comes after
/// the one that the node is in.
fn lacks_blocks(known: &Known, height: Height, heard: Option<Height>) -> bool {
    let last = known.place.and_then(|place| {
        let last = known.directory.current(place.shard)?;
        Some(last.scope().epoch > place.epoch)
    });
    last.unwrap_or(false) || heard > Some(height)
}

/// Whom to ask: the members of the last epoch that is known, in turn, if this node is one of them.
fn source(known: &Known, node: NodeId, turn: usize) -> Option<NodeId> {
    let place = known.place?;
    let last = known.directory.current(place.shard)?;
    last.seat(&node)?;
    let mut others: Vec<NodeId> = present(last).filter(|other| *other != node).collect();
    let before = known.committee().into_iter().flat_map(present);
    others.extend(before.filter(|other| *other != node));
    (!others.is_empty()).then(|| others[turn % others.len()])
}
