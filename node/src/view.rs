//! Who is who for the network of a node: it follows what is known of shards.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use model::bounds::MEMBERS_MAX;
use model::{Committee, Directory, NodeId, ShardId};
use net::bounds::NEIGHBOURS_MAX;

use crate::registry::{Known, Registry};

/// How many neighbours a node has.
#[derive(Clone, Copy, Debug)]
struct Places {
    /// Those that belong to whole shards, the oldest first.
    settled: usize,
    /// All of them.
    all: usize,
}

/// The places of a node. Half of them are settled: that is room for twenty shards of the largest size, or
/// five hundred of the smallest, and leaves as much for shards that are founded later.
const PLACES: Places = Places {
    settled: NEIGHBOURS_MAX / 2,
    all: NEIGHBOURS_MAX,
};

/// Who is who for `node`, by what is known.
///
/// The committee are the members of its epoch, and those of the last epoch that is known: around the end
/// of an epoch some members are in the one and some in the other.
pub(crate) fn view(known: &Known, node: NodeId) -> net::View {
    let mut committee: Vec<NodeId> = known.committee().into_iter().flat_map(present).collect();
    let last = known
        .place
        .and_then(|place| known.directory.current(place.shard));
    for member in last.into_iter().flat_map(present) {
        if !committee.contains(&member) && committee.len() < MEMBERS_MAX {
            committee.push(member);
        }
    }
    let ours: BTreeSet<&NodeId> = committee.iter().chain([&node]).collect();
    let neighbours = neighbours(&known.directory, &ours, PLACES);
    net::View {
        committee,
        neighbours,
    }
}

/// The members of other shards than ours, as many as there are places for.
///
/// Keys cost nothing and shards cost little, so there may be more members than places. Who gets one is
/// decided by the number of the shard, which grows with every founding, and within a shard by seat, which is
/// the affair of that shard. It is never decided by key: whoever makes keys until they sort first would
/// displace everybody else.
///
/// 1. The settled places go to all members of the oldest shards. What is founded later takes none of them.
/// 2. The next ones go to `f + 1` members of each shard, one of whom is honest, so that as many shards as
///    possible can be reached.
/// 3. What is left goes to the other members, those of the oldest shards first.
fn neighbours(directory: &Directory, ours: &BTreeSet<&NodeId>, places: Places) -> Vec<NodeId> {
    let theirs = |node: &NodeId| !ours.contains(node);
    let everybody = || directory.all().flat_map(present).filter(theirs);
    let some = directory
        .all()
        .flat_map(|shard| present(shard).take(shard.honest_threshold()));
    let in_turn = everybody()
        .take(places.settled)
        .chain(some.filter(theirs))
        .chain(everybody());
    let mut seated = BTreeSet::new();
    in_turn
        .filter(|node| seated.insert(*node))
        .take(places.all)
        .collect()
}

/// Keeps the network's view, which shards there are for it, and which of them this node serves, until the
/// node has stopped.
pub(crate) async fn keep(network: net::Handle, registry: Arc<Registry>) {
    let mut known = registry.subscribe();
    let (mut shards, mut served) = (BTreeSet::new(), BTreeSet::new());
    let mut elsewhere = None;
    loop {
        let now = known.borrow_and_update().clone();
        let node = registry.node();
        let listed = now.elsewhere(&node);
        if let Some(shard) = listed.filter(|_| listed != elsewhere) {
            tracing::warn!(
                %shard,
                "a shard lists this node, which has kept another one: to take part, stop it, move its \
                 `directory` away and start it again"
            );
        }
        elsewhere = listed;
        if let Err(error) = network.set_view(view(&now, node)) {
            tracing::error!(%error, "the network does not take what is known of shards");
        }
        let all = now.directory.all().map(|committee| committee.scope().shard);
        let all: BTreeSet<ShardId> = all.collect();
        if all != shards {
            network.know_shards(all.clone()).await;
            shards = all;
        }
        // Whoever has the blocks of a shard has answers about it, with and without a seat.
        let ours: BTreeSet<ShardId> = now.place.iter().map(|place| place.shard).collect();
        if ours != served {
            network.provide(ours.clone()).await;
            served = ours;
        }
        if known.changed().await.is_err() {
            return;
        }
    }
}

/// Those who are on the seats.
pub(crate) fn present(committee: &Committee) -> impl Iterator<Item = NodeId> {
    let seats = committee.seats();
    seats.filter_map(|seat| committee.member(seat))
}
