//! What a node does for its network besides the agreement: answering requests, fetching blocks for
//! itself, and noticing links that come and go. All of it on one small runtime of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use consensus::message::BlocksRequest;
use model::api::{Refused, Response};
use model::shard::{Committee, Seat};
use model::{EpochChange, NodeId, ShardId};
use net::{Frame, Gossip, Inbound, Link, Protocol};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::api::Api;
use crate::effects::Links;
use crate::event::Event;
use crate::gauges::Gauges;
use crate::peer_view::PeerView;
use crate::reads::Reads;
use crate::registry::Registry;
use crate::sync_server;

/// What comes from the network to a node, except gossip.
pub(crate) struct Incoming {
    pub(crate) frames: mpsc::Receiver<Frame>,
    pub(crate) foreign: mpsc::Receiver<Frame>,
    pub(crate) requests: mpsc::Receiver<Inbound>,
    pub(crate) links: mpsc::Receiver<Link>,
}

impl Incoming {
    /// What comes, and gossip by itself.
    pub(crate) fn of(events: net::Events) -> (Self, mpsc::Receiver<Gossip>) {
        let net::Events {
            frames,
            foreign,
            requests,
            links,
            gossip,
        } = events;
        let incoming = Self {
            frames,
            foreign,
            requests,
            links,
        };
        (incoming, gossip)
    }
}

/// Answers requests until the network has stopped.
pub(crate) async fn serve(
    mut requests: mpsc::Receiver<Inbound>,
    api: Arc<Api>,
    reads: Arc<Reads>,
    peers: PeerView,
) {
    // The network bounds how many requests are under way.
    while let Some(request) = requests.recv().await {
        match request.protocol {
            Protocol::Api => {
                let peers = request.from.local.then(|| peers.clone());
                tokio::spawn(answer_client(Arc::clone(&api), peers, request));
            }
            Protocol::Sync => {
                let reads = Arc::clone(&reads);
                tokio::task::spawn_blocking(move || answer_member(&reads, request));
            }
            // Comes as frames, see `net::Events::foreign`.
            Protocol::Sbac => drop(request),
        }
    }
}

async fn answer_client(api: Arc<Api>, peers: Option<PeerView>, request: Inbound) {
    let answer = match request.over_quota {
        Some(time) => busy(time),
        None => {
            let client = Some(request.from.peer);
            api.answer_near(client, peers.as_ref(), &request.body).await
        }
    };
    // The client may be gone.
    let _ = request.reply.send(answer);
}

/// The answer to a client that asks too often.
fn busy(time: Duration) -> Vec<u8> {
    let retry_ms = u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1);
    Response::Refused(Refused::Busy { retry_ms }).to_bytes()
}

fn answer_member(reads: &Reads, request: Inbound) {
    // This protocol has no word for "later". Whoever gets no answer asks somebody else.
    if request.over_quota.is_some() {
        return;
    }
    if let Some(answer) = sync_server::answer(reads, &request.body) {
        // The member may be gone.
        let _ = request.reply.send(answer);
    }
}

/// Tells the event loop of links that come up, and counts them, until the network has stopped.
pub(crate) async fn watch_links(
    mut links: mpsc::Receiver<Link>,
    registry: Arc<Registry>,
    gauges: Arc<Gauges>,
    events: mpsc::Sender<Event>,
) {
    let mut linked: BTreeSet<NodeId> = BTreeSet::new();
    while let Some(Link { node, up }) = links.recv().await {
        if up {
            linked.insert(node);
        } else {
            linked.remove(&node);
        }
        tracing::info!(%node, up, linked = linked.len(), "link");
        gauges.set_linked(u32::try_from(linked.len()).unwrap_or(u32::MAX));
        let known = registry.known();
        let Some(seat) = known.committee().and_then(|ours| ours.seat(&node)) else {
            continue;
        };
        if up && events.send(Event::LinkUp(seat)).await.is_err() {
            return;
        }
    }
}

/// The links of a real node.
pub(crate) struct Network {
    pub(crate) handle: net::Handle,
    pub(crate) registry: Arc<Registry>,
    /// The members of the shard, in the epoch in which the replica speaks.
    pub(crate) committee: Committee,
    pub(crate) runtime: Handle,
    pub(crate) events: mpsc::Sender<Event>,
}

impl Network {
    /// Who is on a seat; nobody, if it is vacant.
    fn node(&self, seat: Seat) -> Option<NodeId> {
        self.committee.member(seat)
    }
}

impl Links for Network {
    fn send(&self, to: Seat, frame: Bytes) {
        // What is lost is repeated, and the network counts it.
        if let Some(node) = self.node(to) {
            let _ = self.handle.send(node, frame);
        }
    }

    fn broadcast(&self, frame: Bytes) {
        let _ = self.handle.broadcast(frame); // as above
    }

    fn tell(&self, shard: ShardId, to: Option<Seat>, frame: Bytes) {
        let known = self.registry.known();
        let Some(committee) = known.directory.current(shard) else {
            return;
        };
        for seat in committee
            .seats()
            .filter(|seat| to.is_none_or(|to| to == *seat))
        {
            if let Some(node) = committee.member(seat) {
                let _ = self.handle.tell(node, frame.clone()); // as above
            }
        }
    }

    fn entered(&mut self, change: &Arc<EpochChange>) {
        let network = self.committee.scope().network;
        let next = change.next.committee(network);
        self.committee = next.expect("the replica has checked that they form a shard");
    }

    fn fetch(&self, from: Seat, request: BlocksRequest) {
        let (network, events) = (self.handle.clone(), self.events.clone());
        let node = self.node(from);
        self.runtime.spawn(async move {
            let blocks = match node {
                Some(node) => sync_server::fetch(&network, node, request).await,
                None => None,
            };
            let event = match blocks {
                Some(blocks) => Event::Blocks { from, blocks },
                None => Event::FetchFailed { from },
            };
            // Without an event loop nobody waits for blocks.
            let _ = events.send(event).await;
        });
    }
}
