//! Answers to clients, in the words of [`model::api`].
//!
//! Whatever bytes come in, something comes out: a request that cannot be read is answered with
//! [`Refused::Malformed`]. The network bounds how many requests are answered at a time.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use model::api::{
    PAGE_OBJECTS_MAX, Refused, Request, Response, SUBMIT_MAX, Status, Taken, WAIT_MS_MAX,
};
use model::key::Zip215;
use model::{
    Committee, Epoch, Hash, Height, NetworkId, NodeId, ObjectId, Plan, ShardId, Transaction,
    TransactionId,
};
use net::PeerName;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::applicant::Applicant;
use crate::event::{BUSY, Event, Submission};
use crate::gauges::Gauges;
use crate::peer_view::PeerView;
use crate::readiness;
use crate::reads::Reads;
use crate::registry::Registry;
use crate::stop::Stopper;
use crate::store::StoreError;
use crate::waiters::Waiters;

/// The version of the software, as nodes tell it to each other and to clients.
pub const VERSION: &str = concat!("chainspace/", env!("CARGO_PKG_VERSION"));

/// Who the node is, as clients are told.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) node: NodeId,
    pub(crate) network: NetworkId,
}

/// Answers clients.
pub(crate) struct Api {
    pub(crate) identity: Identity,
    pub(crate) shard: ShardId,
    pub(crate) reads: Arc<Reads>,
    pub(crate) waiters: Arc<Waiters>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) stopper: Stopper,
    pub(crate) submissions: mpsc::Sender<Submission>,
    pub(crate) applicant: Applicant,
    pub(crate) registry: Arc<Registry>,
    pub(crate) events: mpsc::Sender<Event>,
}

type Answer = Result<Response, Refused>;

/// A transaction on its way to the replica.
enum HandedIn {
    /// What became of it is told by the event loop.
    Waits {
        id: TransactionId,
        taken: oneshot::Receiver<Taken>,
    },
    /// It is not on its way.
    Refused(Refused),
}

impl HandedIn {
    /// What became of the transaction.
    async fn taken(self, api: &Arc<Api>) -> Result<Taken, Refused> {
        let (id, taken) = match self {
            Self::Refused(refused) => return Ok(Taken::Refused(refused)),
            Self::Waits { id, taken } => (id, taken),
        };
        // Without an answer the node is stopping.
        let taken = taken.await.unwrap_or(Taken::Refused(Refused::Unavailable));
        if matches!(taken, Taken::Refused(Refused::OutOfTime(_))) {
            // The replica has forgotten what it decided before the deadline; the tables have not.
            let decided = api.look(move |api| api.reads.decided(&id)).await?;
            return Ok(decided.map_or(taken, Taken::Decided));
        }
        Ok(taken)
    }
}

impl Api {
    /// Answers the request in these bytes, of a client or of this node itself.
    pub(crate) async fn answer(
        self: Arc<Self>,
        client: Option<PeerName>,
        request: &[u8],
    ) -> Vec<u8> {
        self.answer_near(client, None, request).await
    }

    /// Answers the request in these bytes. Those on this machine are shown `peers`.
    pub(crate) async fn answer_near(
        self: Arc<Self>,
        client: Option<PeerName>,
        peers: Option<&PeerView>,
        request: &[u8],
    ) -> Vec<u8> {
        let answer = match (Request::from_bytes(request), peers) {
            (Ok(Request::Peers), Some(peers)) => Ok(Response::Peers(peers.list().await)),
            (Ok(request), _) => self.respond(client, request).await,
            (Err(error), _) => Err(Refused::malformed(error)),
        };
        answer.unwrap_or_else(Response::Refused).to_bytes()
    }

    async fn respond(self: Arc<Self>, client: Option<PeerName>, request: Request) -> Answer {
        match request {
            Request::Status => Ok(Response::Status(self.status())),
            Request::Head => self.read(Self::head).await,
            Request::Submit(transaction) => self.submit(client, transaction).await,
            Request::Outcome {
                transaction,
                wait_ms,
            } => self.outcome(transaction, patience(wait_ms)).await,
            Request::Transaction(id) => self.transaction(id).await,
            Request::Object(id) => self.read(move |api| api.object(&id)).await,
            Request::Labelled {
                label,
                after,
                at_least,
                wait_ms,
            } => {
                if !self.waiters.height(at_least, patience(wait_ms)).await {
                    return Err(Refused::NotYet(self.reads.progress()));
                }
                self.read(move |api| api.labelled(label, after)).await
            }
            Request::SubmitAll(transactions) => self.submit_all(client, transactions).await,
            Request::Results { height, wait_ms } => self.results(height, patience(wait_ms)).await,
            Request::Consent(record) => {
                Ok(Response::Consent(self.applicant.agree_if_allowed(&record)?))
            }
            Request::Changes(since) => self.registry.changes(&since),
            Request::Acts { after } => Ok(self.registry.acts(after)),
            Request::Approve(plan) => self.approve(plan),
            Request::Cosign(epoch) => self.cosign(epoch).await,
            Request::Peers => Err(Refused::NotLocal),
            Request::Evidence { after } => {
                Ok(Response::Evidence(self.reads.state().evidence(after)))
            }
        }
    }

    fn status(&self) -> Status {
        let tip = self.reads.state().tip();
        let known = self.registry.known();
        Status {
            name: self.identity.name.clone(),
            node: self.identity.node,
            network: self.identity.network,
            shard: self.shard,
            version: VERSION.to_owned(),
            tip: self.reads.progress(),
            head: tip.head,
            certified: self.reads.state().certified(),
            linked: self.gauges.linked(),
            committee: count(known.committee().map(Committee::size)),
            waiting: self.gauges.waiting(),
            not_ready: readiness::missing(&self.gauges, &self.stopper, &known),
        }
    }

    /// Is for a list of nodes to follow, if it can and the operator wants it.
    fn approve(&self, plan: Plan) -> Answer {
        let known = self.registry.known();
        let place = known.place.ok_or(Refused::Unavailable)?;
        let before = known.directory.record(place.shard, place.epoch);
        let before = before.ok_or(Refused::Unavailable)?;
        let network = self.identity.network;
        plan.check(network, before, &mut Zip215)
            .map_err(Refused::malformed)?;
        self.applicant.approves(&plan.next)?;
        match self.events.try_send(Event::Approve(plan)) {
            Ok(()) => Ok(Response::Accepted),
            Err(TrySendError::Full(_)) => Err(BUSY),
            Err(TrySendError::Closed(_)) => Err(Refused::Unavailable),
        }
    }

    /// Signs once more the head that ended an epoch, if the node spoke in it and came to this head.
    async fn cosign(self: Arc<Self>, epoch: Epoch) -> Answer {
        let known = self.registry.known();
        let place = known.place.ok_or(Refused::Unavailable)?;
        let spoke = known.directory.committee(place.shard, epoch);
        let spoke = spoke.and_then(|committee| committee.seat(&self.identity.node));
        let ended = known.directory.changes(place.shard, epoch).next().cloned();
        let (Some(_), Some(change)) = (spoke, ended) else {
            return Err(Refused::Unknown(self.reads.progress()));
        };
        let head = change.hand_over.head.head.clone();
        let height = head.height;
        let row = self
            .look(move |api| api.reads.state().block(height))
            .await?;
        if row.is_some_and(|row| row.head == head) {
            Ok(Response::Cosigned(self.applicant.sign_head(&head)))
        } else {
            Err(Refused::Unknown(self.reads.progress()))
        }
    }

    async fn submit(self: Arc<Self>, client: Option<PeerName>, transaction: Transaction) -> Answer {
        match self.hand_in(client, transaction).taken(&self).await? {
            Taken::Waits => Ok(Response::Accepted),
            Taken::Decided(height) => Ok(Response::Decided(height)),
            Taken::Refused(refused) => Err(refused),
        }
    }

    async fn submit_all(
        self: Arc<Self>,
        client: Option<PeerName>,
        transactions: Vec<Transaction>,
    ) -> Answer {
        if transactions.len() > SUBMIT_MAX {
            let count = transactions.len();
            return Err(Refused::malformed(format_args!(
                "{count} transactions in one request, at most {SUBMIT_MAX} are allowed"
            )));
        }
        // All are handed in before the first answer is waited for, so that they are checked together.
        let handed_in: Vec<HandedIn> = transactions
            .into_iter()
            .map(|transaction| self.hand_in(client, transaction))
            .collect();
        let mut taken = Vec::with_capacity(handed_in.len());
        for one in handed_in {
            taken.push(one.taken(&self).await?);
        }
        Ok(Response::Taken(taken))
    }

    /// Hands a transaction to admission, unless it does not concern this shard.
    fn hand_in(&self, client: Option<PeerName>, transaction: Transaction) -> HandedIn {
        let shard = self.shard;
        if !transaction.body.participants.contains(&shard) {
            return HandedIn::Refused(Refused::NotServed { shard });
        }
        let id = transaction.body.id();
        let (answer, taken) = oneshot::channel();
        let submission = Submission {
            transaction,
            client,
            answer,
        };
        match self.submissions.try_send(submission) {
            Ok(()) => HandedIn::Waits { id, taken },
            Err(TrySendError::Full(_)) => HandedIn::Refused(BUSY),
            Err(TrySendError::Closed(_)) => HandedIn::Refused(Refused::Unavailable),
        }
    }

    /// All decisions of a block.
    async fn results(self: Arc<Self>, height: Height, patience: Duration) -> Answer {
        let mut heads = self.waiters.heads();
        let until = Instant::now() + patience;
        loop {
            // A head may be certified after those above it.
            let perhaps = *heads.borrow_and_update() >= height;
            if perhaps && let Some(found) = self.look(move |api| api.reads.results(height)).await? {
                return Ok(Response::Results(found));
            }
            if !matches!(timeout_at(until, heads.changed()).await, Ok(Ok(()))) {
                return Err(Refused::NotYet(self.reads.progress()));
            }
        }
    }

    async fn outcome(self: Arc<Self>, id: TransactionId, patience: Duration) -> Answer {
        // Announced before the first look, so that no decision falls in between.
        let interest = self.waiters.interest(id);
        let mut found = self.look(move |api| api.reads.outcome(&id)).await?;
        if found.is_none() {
            interest.decided(patience).await;
            found = self.look(move |api| api.reads.outcome(&id)).await?;
        }
        match found {
            Some(result) => Ok(Response::Outcome(result)),
            None => Err(match self.undecided(id).await? {
                Refused::Unknown(progress) | Refused::UnknownSince { progress, .. } => {
                    Refused::NotYet(progress)
                }
                refused => refused,
            }),
        }
    }

    /// A decided transaction.
    async fn transaction(self: Arc<Self>, id: TransactionId) -> Answer {
        match self.look(move |api| api.reads.transaction(&id)).await? {
            Some(found) => Ok(Response::Transaction(found)),
            None => Err(self.undecided(id).await?),
        }
    }

    /// Why there is no decision to show.
    async fn undecided(self: &Arc<Self>, id: TransactionId) -> Result<Refused, Refused> {
        self.look(move |api| api.reads.undecided(&id)).await
    }

    fn head(&self) -> Result<Option<Response>, StoreError> {
        Ok(self.reads.head()?.map(Response::Head))
    }

    fn object(&self, id: &ObjectId) -> Result<Option<Response>, StoreError> {
        let found = self.reads.object(id)?;
        Ok(found.map(|(object, height)| Response::Object {
            object: Arc::unwrap_or_clone(object),
            height,
        }))
    }

    fn labelled(
        &self,
        label: Hash,
        after: Option<ObjectId>,
    ) -> Result<Option<Response>, StoreError> {
        let page = self.reads.labelled(label, after, PAGE_OBJECTS_MAX)?;
        Ok(Some(Response::Labelled(page)))
    }

    /// Reads an answer; what is not there is unknown.
    async fn read(
        self: Arc<Self>,
        read: impl FnOnce(&Self) -> Result<Option<Response>, StoreError> + Send + 'static,
    ) -> Answer {
        let found = self.look(read).await?;
        found.ok_or_else(|| Refused::Unknown(self.reads.progress()))
    }

    /// Reads on a thread that may wait for the disk.
    async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Refused> {
        let api = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || read(&api)).await;
        match looked {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::error!(%error, "cannot read for a client");
                Err(Refused::Unavailable)
            }
            // It has panicked, or the node is stopping.
            Err(_) => Err(Refused::Unavailable),
        }
    }
}

/// A number of members; none where there is no shard.
fn count(members: Option<usize>) -> u32 {
    u32::try_from(members.unwrap_or(0)).expect("a shard has few members")
}

fn patience(wait_ms: u32) -> Duration {
    Duration::from_millis(wait_ms.min(WAIT_MS_MAX).into())
}
