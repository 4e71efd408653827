//! A node without a shard: it finds out which shards there are, agrees to seats, and waits for one.
//!
//! Paper: Section VI-A. Deviation: D-10.

use std::sync::Arc;

use model::api::{NotReady, Progress, Refused, Request, Response, Status};
use model::{Hash, Height, NetworkId, ShardId, Time};
use net::{Events, Inbound, Protocol};

use crate::api::VERSION;
use crate::applicant::Applicant;
use crate::registry::Registry;
use crate::stop::Stopper;

/// Answers for a node that waits.
pub(crate) struct Lobby {
    pub(crate) name: String,
    pub(crate) network: NetworkId,
    pub(crate) applicant: Applicant,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stopper: Stopper,
}

impl Lobby {
    /// Answers requests until a shard lists the node: that shard. `None` if the node is to stop.
    pub(crate) async fn wait(&self, incoming: &mut Events) -> Option<ShardId> {
        let mut known = self.registry.subscribe();
        let node = self.registry.node();
        loop {
            let shard = known.borrow_and_update().shard_for(&node);
            if shard.is_some() {
                return shard;
            }
            tokio::select! {
                () = self.stopper.stopped() => return None,
                changed = known.changed() => changed.ok()?,
                request = incoming.requests.recv() => self.answer(request?),
                // Nobody has a link with a node that is in no shard.
                _ = incoming.links.recv() => {}
            }
        }
    }

    fn answer(&self, request: Inbound) {
        // It has no blocks, and letters come as frames.
        if request.protocol != Protocol::Api {
            return;
        }
        let answer = match Request::from_bytes(&request.body) {
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
            _ => Err(Refused::Unavailable),
        }
    }

    fn status(&self) -> Status {
        Status {
            name: self.name.clone(),
            node: self.registry.node(),
            network: self.network,
            shard: self.registry.root(),
            version: VERSION.to_owned(),
            tip: Progress {
                height: Height::ZERO,
                time: Time::ZERO,
            },
            head: Hash::ZERO,
            certified: Height::ZERO,
            linked: 0,
            committee: 0,
            waiting: 0,
            not_ready: vec![NotReady::NoSeat],
        }
    }
}
