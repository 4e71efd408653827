//! The answer of a node about its peers.

use model::ShardId;
use model::api::{BannedPeer, PeerConnection, PeerDirection, PeerList, PeerRow, Refused, Response};
use model::shard::Seat;

use super::{Sample, sample};
use crate::world::node;

fn peers() -> PeerList {
    let connection = PeerConnection {
        peer: "12D3KooWExample".to_owned(),
        agent: "chainspace/0.1.0".to_owned(),
        address: "/ip4/192.0.2.7/tcp/4700".to_owned(),
        announces: vec!["/ip4/192.0.2.7/tcp/4700".to_owned()],
        direction: PeerDirection::Outbound,
        linked: true,
        latency_us: Some(850),
        connected_ms: 12_000,
        conduct: 100,
    };
    PeerList {
        listens: vec!["/ip4/0.0.0.0/tcp/4700/p2p/12D3KooWSelf".to_owned()],
        announces: Vec::new(),
        rows: vec![
            PeerRow {
                node: Some(node(1)),
                seat: Seat::new(1).map(|seat| (ShardId::new(0), seat)),
                connection: Some(connection),
            },
            PeerRow {
                node: Some(node(2)),
                seat: Seat::new(2).map(|seat| (ShardId::new(0), seat)),
                connection: None,
            },
        ],
        left_out: 3,
        banned: vec![BannedPeer {
            peer: "12D3KooWOther".to_owned(),
            node: None,
            left_ms: 3_600_000,
            bans: 1,
        }],
    }
}

/// All of it.
pub(super) fn all() -> Vec<Sample> {
    vec![
        sample("api-peers", &Response::Peers(peers()), &[]),
        sample("api-not-local", &Response::Refused(Refused::NotLocal), &[]),
    ]
}
