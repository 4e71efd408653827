//! Whom this node is connected with and whom it misses, as its operator wants to see it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::api::{BannedPeer, PAGE_BYTES_AIM, PeerConnection, PeerDirection, PeerList, PeerRow};
use model::shard::Seat;
use model::{NodeId, ShardId, encoding};
use net::{Direction, PeerConduct, PeerInfo, PeerName};

use crate::registry::{Known, Registry};

/// The points of those of whom nothing bad is known.
const ALL_POINTS: u8 = 100;

/// Banned peers that are listed: those that are banned longest.
const BANNED_MAX: usize = 256;

/// Makes the list.
#[derive(Clone)]
pub(crate) struct PeerView {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
}

impl PeerView {
    /// The list as things stand.
    pub(crate) async fn list(&self) -> PeerList {
        let conduct = self.network.conduct().await;
        let rows = rows(
            &self.registry.known(),
            self.registry.node(),
            self.network.peers(),
            &conduct,
        );
        let (rows, left_out) = cut(rows);
        PeerList {
            listens: self.network.listen_addresses(),
            announces: self.network.announced_addresses(),
            rows,
            left_out,
            banned: banned(&conduct),
        }
    }
}

/// The rows, in the order in which they are shown.
fn rows(
    known: &Known,
    ours: NodeId,
    peers: Vec<PeerInfo>,
    conduct: &[PeerConduct],
) -> Vec<PeerRow> {
    let seats = seats(known);
    let points: BTreeMap<PeerName, u8> = conduct.iter().map(|of| (of.peer, of.points)).collect();
    let met: BTreeSet<NodeId> = peers.iter().filter_map(|peer| peer.node).collect();
    let missed = seats
        .keys()
        .filter(|node| **node != ours && !met.contains(node));
    let missed = missed.map(|node| (Some(*node), None));
    let connected = peers.into_iter().map(|peer| {
        let points = points.get(&peer.peer).copied().unwrap_or(ALL_POINTS);
        (peer.node, Some(connection(peer, points)))
    });
    let mut rows: Vec<PeerRow> = missed
        .chain(connected)
        .map(|(node, connection)| PeerRow {
            node,
            seat: node.and_then(|node| seats.get(&node).copied()),
            connection,
        })
        .collect();
    let place = known.place.map(|place| place.shard);
    rows.sort_by_key(|row| {
        let (shard, seat) = row.seat.unzip();
        let rank = match shard {
            Some(shard) if Some(shard) == place => 0,
            Some(_) => 1,
            None if row.node.is_some() => 2,
            None => 3,
        };
        (rank, shard, seat, row.node)
    });
    rows
}

/// The seat of each node in the last epoch of its shard that is known.
fn seats(known: &Known) -> BTreeMap<NodeId, (ShardId, Seat)> {
    let mut seats = BTreeMap::new();
    for committee in known.directory.all() {
        let shard = committee.scope().shard;
        for seat in committee.seats() {
            if let Some(node) = committee.member(seat) {
                seats.insert(node, (shard, seat));
            }
        }
    }
    seats
}

fn connection(peer: PeerInfo, conduct: u8) -> PeerConnection {
    PeerConnection {
        peer: peer.peer.to_string(),
        agent: peer.agent,
        address: peer.address,
        announces: peer.listens,
        direction: match peer.direction {
            Direction::Inbound => PeerDirection::Inbound,
            Direction::Outbound => PeerDirection::Outbound,
        },
        linked: peer.linked,
        latency_us: peer.latency.map(micros),
        connected_ms: millis(Instant::now().duration_since(peer.since)),
        conduct,
    }
}

fn banned(conduct: &[PeerConduct]) -> Vec<BannedPeer> {
    let mut banned: Vec<(Duration, &PeerConduct)> = conduct
        .iter()
        .filter_map(|of| Some((of.banned?, of)))
        .collect();
    banned.sort_by_key(|(left, _)| std::cmp::Reverse(*left));
    let listed = banned.into_iter().take(BANNED_MAX);
    listed
        .map(|(left, of)| BannedPeer {
            peer: of.peer.to_string(),
            node: of.node,
            left_ms: millis(left),
            bans: of.bans,
        })
        .collect()
}

/// As many rows as fit into an answer, and how many do not.
fn cut(mut rows: Vec<PeerRow>) -> (Vec<PeerRow>, u32) {
    let mut bytes = 0;
    let fits = rows.iter().take_while(|row| {
        bytes += encoding::encode(*row).len();
        bytes <= PAGE_BYTES_AIM
    });
    let fits = fits.count();
    let left_out = rows.split_off(fits).len();
    (rows, u32::try_from(left_out).unwrap_or(u32::MAX))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
