//! Who is a neighbour where there are more members than places.

use std::ops::Range;

use model::genesis::GenesisShard;
use model::{Epoch, Fact, NodeDescriptor, SecretKey, ShardRecord};

use super::*;
use crate::registry::Place;
use crate::testing::{SHARD, genesis};

/// Shards of genesis in these tests. All others were founded.
const FIRST: usize = 3;

/// Members of a shard of genesis.
const MEMBERS: usize = 4;

/// So many nodes, ascending by key.
fn nodes(count: usize) -> Vec<NodeId> {
    let node = |number: u32| {
        let mut seed = [9; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        NodeId::new(SecretKey::from_seed(seed).public())
    };
    let mut nodes: Vec<NodeId> = (0..).map(node).take(count).collect();
    nodes.sort();
    nodes
}

fn record(number: usize, members: &[NodeId]) -> ShardRecord {
    let members = members
        .iter()
        .enumerate()
        .map(|(seat, node)| NodeDescriptor {
            name: format!("node-{number}-{seat}"),
            node: *node,
            addresses: Vec::new(),
        });
    let shard = ShardId::new(u32::try_from(number).unwrap());
    ShardRecord::founded(shard, members.collect(), 0)
}

/// What the first member of the first shard knows of these shards.
fn known(shards: &[&[NodeId]]) -> Known {
    let all = shards.iter().enumerate();
    let mut records: Vec<ShardRecord> = all.map(|(at, members)| record(at, members)).collect();
    let founded = records.split_off(FIRST);
    let mut document = genesis();
    document.shards = records
        .iter()
        .map(|record| GenesisShard {
            shard: record.shard,
            members: record.descriptors().cloned().collect(),
        })
        .collect();
    let registry = Registry::new(shards[0][0], &document);
    registry.set_place(Place {
        shard: SHARD,
        epoch: Epoch::ZERO,
    });
    let facts: Vec<Fact> = founded.into_iter().map(Fact::Founded).collect();
    registry.trust(&facts);
    registry.known()
}

#[test]
fn keys_that_sort_first_displace_no_member_of_a_shard_of_genesis() {
    let founded = 41;
    let nodes = nodes(founded * MEMBERS_MAX + FIRST * MEMBERS);
    let (ground, honest) = nodes.split_at(founded * MEMBERS_MAX);
    let genesis = honest.chunks(MEMBERS);
    let shards: Vec<&[NodeId]> = genesis.chain(ground.chunks(MEMBERS_MAX)).collect();
    let view = view(&known(&shards), shards[0][0]);
    assert_eq!(view.committee, shards[0]);
    assert_eq!(view.neighbours.len(), NEIGHBOURS_MAX);
    let neighbours: BTreeSet<&NodeId> = view.neighbours.iter().collect();
    assert_eq!(neighbours.len(), NEIGHBOURS_MAX, "each is named once");
    for shard in &shards[1..FIRST] {
        assert!(shard.iter().all(|node| neighbours.contains(node)));
    }
    // Those that were founded can be reached, too.
    for shard in &shards[FIRST..] {
        let places = shard.iter().filter(|node| neighbours.contains(node));
        assert!(places.count() > MEMBERS_MAX / 3);
    }
}

/// Members of one shard: its number, and their seats.
type Run = (usize, Range<usize>);

/// Checks whom a member of shard 0 works with if there are so many places. There are six shards of four
/// members, and the older the shard, the later its keys sort.
#[track_caller]
fn check(settled: usize, all: usize, expected: &[Run]) {
    let nodes = nodes(6 * MEMBERS);
    let shards: Vec<&[NodeId]> = nodes.rchunks(MEMBERS).collect();
    let ours = shards[0].iter().collect();
    let found = neighbours(&known(&shards).directory, &ours, Places { settled, all });
    let expected = expected.iter();
    let expected = expected.flat_map(|(shard, seats)| &shards[*shard][seats.clone()]);
    let expected: Vec<NodeId> = expected.copied().collect();
    assert_eq!(found, expected, "{settled} of {all} places");
}

#[test]
fn the_oldest_shards_come_whole_and_then_an_honest_member_of_each() {
    check(4, 10, &[(1, 0..4), (2, 0..2), (3, 0..2), (4, 0..2)]);
    check(8, 12, &[(1, 0..4), (2, 0..4), (3, 0..2), (4, 0..2)]);
    // Not even the last place of an old shard is for sale.
    check(8, 8, &[(1, 0..4), (2, 0..4)]);
}

#[test]
fn what_is_left_goes_to_the_oldest_shards_first() {
    let honest: [Run; 5] = [(1, 0..4), (2, 0..4), (3, 0..2), (4, 0..2), (5, 0..2)];
    let some: [Run; 2] = [(3, 2..4), (4, 2..3)];
    check(8, 17, &[&honest[..], &some[..]].concat());
    let rest: [Run; 3] = [(3, 2..4), (4, 2..4), (5, 2..4)];
    check(8, 100, &[&honest[..], &rest[..]].concat());
}
