//! Who is who for the network of a node: it follows what is known of shards.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::bounds::MEMBERS_MAX;
use model::{Committee, NodeId, ShardId};
use net::bounds::NEIGHBOURS_MAX;

use crate::registry::{Known, Registry};

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
    let others = known.directory.all().flat_map(present);
    let others: BTreeSet<NodeId> = others.filter(|other| !ours.contains(other)).collect();
    let neighbours = others.into_iter().take(NEIGHBOURS_MAX).collect();
    net::View {
        committee,
        neighbours,
    }
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
