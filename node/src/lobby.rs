//! A node without a shard: it finds out which shards there are, agrees to seats, and waits for one.
//!
//! Paper: Section VI-A. Deviation: D-10.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use model::api::{Progress, Refused, Request, Response, Status};
use model::{Hash, Head, Height, ShardId, ShardRecord, Time};
use net::{Inbound, Protocol};

use crate::api::{Identity, VERSION};
use crate::applicant::Applicant;
use crate::gauges::Gauges;
use crate::heads::Heads;
use crate::peer_view::PeerView;
use crate::readiness;
use crate::registry::{Known, Registry};
use crate::service::Incoming;
use crate::stop::Stopper;

/// How far a shard is of which nothing was heard.
const NOTHING: Progress = Progress {
    height: Height::ZERO,
    time: Time::ZERO,
};

/// How often the node shows that it lives.
const PULSE: Duration = Duration::from_secs(5);

/// Answers for a node that waits.
pub(crate) struct Lobby {
    pub(crate) identity: Identity,
    pub(crate) applicant: Applicant,
    pub(crate) registry: Arc<Registry>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) stopper: Stopper,
    pub(crate) peers: PeerView,
    pub(crate) heads: Arc<Heads>,
}

impl Lobby {
    /// Answers requests until a shard lists the node that it may join: that shard. `None` if the node is to
    /// stop. There is no way back: a node has the store of one shard.
    ///
    /// Where the operator has allowed the seat, the node does not wait for the root shard to record it: it
    /// may be needed for that.
    pub(crate) async fn wait(&self, incoming: &mut Incoming) -> Option<ShardId> {
        let mut known = self.registry.subscribe();
        let listed = async {
            let known = known.wait_for(|known| self.shard_to_join(known).is_some());
            let known = known.await.ok()?;
            self.shard_to_join(&known)
        };
        self.answer_during(incoming, listed).await?
    }

    fn shard_to_join(&self, known: &Known) -> Option<ShardId> {
        let agrees = |record: &ShardRecord| self.applicant.agree_if_allowed(record).is_ok();
        known.shard_to_join(&self.identity.node, agrees)
    }

    /// Answers requests until something is done. `None` if the node is to stop.
    pub(crate) async fn answer_during<T>(
        &self,
        incoming: &mut Incoming,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let mut pulse = tokio::time::interval(PULSE);
        let mut work = pin!(work);
        loop {
            tokio::select! {
                () = self.stopper.stopped() => return None,
                _ = pulse.tick() => self.gauges.beat(),
                done = &mut work => return Some(done),
                request = incoming.requests.recv() => self.answer(request?).await,
                // Nobody has a link with a node that is in no shard.
                _ = incoming.links.recv() => {}
            }
        }
    }

    async fn answer(&self, request: Inbound) {
        // It has no blocks, and letters come as frames.
        if request.protocol != Protocol::Api {
            return;
        }
        let answer = match Request::from_bytes(&request.body) {
            Ok(Request::Peers) if request.from.local => {
                Ok(Response::Peers(self.peers.list().await))
            }
            Ok(asked) => self.respond(asked),
            Err(error) => Err(Refused::malformed(error)),
        };
        let answer = answer.unwrap_or_else(Response::Refused);
        // The client may be gone.
        let _ = request.reply.send(answer.to_bytes());
    }

    fn respond(&self, request: Request) -> Result<Response, Refused> {
        match request {
            Request::Status => Ok(Response::Status(self.status())),
            Request::Consent(record) => {
                Ok(Response::Consent(self.applicant.agree_if_allowed(&record)?))
            }
            Request::Changes(since) => self.registry.changes(&since),
            Request::Acts { after } => Ok(self.registry.acts(after)),
            Request::Peers => Err(Refused::NotLocal),
            Request::Head => match self.heads.latest(self.registry.root()) {
                Some(head) => Ok(Response::Head(head)),
                None => Err(Refused::Unknown(NOTHING)),
            },
            _ => Err(Refused::Unavailable),
        }
    }

    fn status(&self) -> Status {
        let Identity {
            name,
            node,
            network,
        } = self.identity.clone();
        // What gossip tells of the root shard is all that it knows of any.
        let head = self.heads.latest(self.registry.root());
        let head = head.map(|certificate| certificate.head);
        let tip = head.as_ref().map_or(NOTHING, |head| Progress {
            height: head.height,
            time: head.time,
        });
        Status {
            name,
            node,
            network,
            shard: self.registry.root(),
            version: VERSION.to_owned(),
            tip,
            head: head.as_ref().map_or(Hash::ZERO, Head::hash),
            certified: tip.height,
            linked: 0,
            committee: 0,
            waiting: 0,
            not_ready: readiness::missing(&self.gauges, &self.stopper, &self.registry.known()),
        }
    }
}
