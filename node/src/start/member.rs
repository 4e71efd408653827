//! The threads of a member, and what they share.
//!
//! Each box of the picture at the head of the crate begins here.

use std::sync::Arc;
use std::thread::JoinHandle;

use consensus::{Replica, Shards};
use net::{Frame, Inbound, Link};
use tokio::sync::{mpsc, watch};

use super::person::Person;
use super::recovery::first_seat;
use super::shared::Shared;
use super::thread::{spawn, spawn_async};
use crate::admission::{Admission, Ended};
use crate::api::Api;
use crate::archivist::Archivist;
use crate::effects::{Effects, Links, Turn};
use crate::error::Fatal;
use crate::event::{Event, Submission};
use crate::event_loop::{EVENTS_WAITING, EventLoop, TURNS_AHEAD};
use crate::flusher::Flusher;
use crate::lies::{Liar, Lies};
use crate::metrics::Queues;
use crate::peer_view::PeerView;
use crate::pursuit::Pursuit;
use crate::reads::Reads;
use crate::registrar::Registrar;
use crate::running::Threads;
use crate::service::{self, Incoming, Network};
use crate::store::{Directory, Store};
use crate::waiters::Waiters;

/// Transactions of clients that wait for admission; beyond it the node answers busy.
const SUBMISSIONS_WAITING: usize = 2_048;

/// Starts the threads of a member.
///
/// # Errors
///
/// [`Fatal::System`] if there are not enough of them to be had; those that run stop then.
pub(super) fn run(
    person: &Person,
    shared: &Shared,
    directory: Directory,
    (store, replica): (Store, Replica),
    incoming: Incoming,
) -> Result<Threads, Fatal> {
    let reads = Reads::new(store.state(), store.reader());
    let reads = Arc::new(reads.handing_out(directory.states()));
    let waiters = Arc::new(Waiters::new(
        reads.progress().height,
        reads.state().certified(),
    ));
    let (events, events_in) = mpsc::channel(EVENTS_WAITING);
    let (turns, turns_in) = mpsc::channel(TURNS_AHEAD);
    let (submissions, submissions_in) = mpsc::channel(SUBMISSIONS_WAITING);
    // Nobody else puts anything there, nor where the queues are.
    let _ = shared.reads.set(Arc::clone(&reads));
    let _ = shared.queues.set(Queues {
        events: events.downgrade(),
        turns: turns.downgrade(),
        submissions: submissions.downgrade(),
    });
    let member = Member {
        person,
        shared,
        shards: replica.shards().clone(),
        reads,
        waiters,
        events,
    };

    let Incoming {
        frames,
        foreign,
        requests,
        links,
    } = incoming;
    member.serve(requests, links, submissions);
    let admission = member.admit(frames, foreign, submissions_in)?;
    let effects = member.perform(directory, store, turns_in)?;
    let event_loop = member.decide(replica, events_in, turns)?;
    Ok(Threads {
        admission,
        event_loop,
        effects,
    })
}

/// The thread that carries out what the replica asks for.
type Performing = JoinHandle<Result<(), Fatal>>;

/// What the parts of a member share, beyond what those of every node do.
struct Member<'a> {
    person: &'a Person,
    shared: &'a Shared,
    /// The shards as they are known when it begins.
    shards: Shards,
    reads: Arc<Reads>,
    waiters: Arc<Waiters>,
    /// To the event loop.
    events: mpsc::Sender<Event>,
}

impl Member<'_> {
    /// Answers requests, and does all else that needs no thread of its own.
    fn serve(
        &self,
        requests: mpsc::Receiver<Inbound>,
        links: mpsc::Receiver<Link>,
        submissions: mpsc::Sender<Submission>,
    ) {
        let Shared {
            network,
            runtime,
            gauges,
            heads,
            ..
        } = self.shared;
        let registry = &self.person.registry;
        let api = Arc::new(self.api(submissions));
        let registrar = Registrar {
            network: network.clone(),
            registry: Arc::clone(registry),
            api: Arc::clone(&api),
        };
        runtime.spawn(registrar.run());
        let peers = PeerView {
            network: network.clone(),
            registry: Arc::clone(registry),
        };
        runtime.spawn(service::serve(
            requests,
            api,
            Arc::clone(&self.reads),
            peers,
        ));
        runtime.spawn(service::watch_links(
            links,
            Arc::clone(registry),
            Arc::clone(gauges),
            self.events.clone(),
        ));
        let pursuit = Pursuit {
            network: network.clone(),
            registry: Arc::clone(registry),
            reads: Arc::clone(&self.reads),
            waiters: Arc::clone(&self.waiters),
            gauges: Arc::clone(gauges),
            heads: Arc::clone(heads),
            events: self.events.clone(),
        };
        runtime.spawn(pursuit.run());
    }

    fn api(&self, submissions: mpsc::Sender<Submission>) -> Api {
        Api {
            identity: self.person.identity(),
            shard: self.shards.scope().shard,
            reads: Arc::clone(&self.reads),
            waiters: Arc::clone(&self.waiters),
            gauges: Arc::clone(&self.shared.gauges),
            stopper: self.shared.stopper.clone(),
            submissions,
            applicant: self.person.applicant.clone(),
            registry: Arc::clone(&self.person.registry),
            events: self.events.clone(),
        }
    }

    /// Starts to admit what arrives.
    fn admit(
        &self,
        frames: mpsc::Receiver<Frame>,
        foreign: mpsc::Receiver<Frame>,
        submissions: mpsc::Receiver<Submission>,
    ) -> Result<JoinHandle<Ended>, Fatal> {
        let known = self.person.registry.subscribe();
        let counters = Arc::clone(&self.shared.counters);
        let admission = Admission::new(self.shards.clone(), known, counters);
        // Where nobody on this machine has limits, this one would only get in the way.
        let admission = match self.person.config.exempt_loopback {
            true => admission,
            false => admission.guarded(Arc::clone(&self.reads), self.shared.network.clone()),
        };
        let admission = admission.run(frames, foreign, submissions, self.events.clone());
        spawn_async("admission", &self.shared.stopper, admission)
    }

    /// Starts to carry out what the replica asks for.
    fn perform(
        &self,
        directory: Directory,
        store: Store,
        turns: mpsc::Receiver<Turn>,
    ) -> Result<Performing, Fatal> {
        let links = self.links();
        match &self.shared.lies {
            None => self.perform_over(links, directory, store, turns),
            Some(lies) => {
                let liar = self.liar(links, lies.clone());
                self.perform_over(liar, directory, store, turns)
            }
        }
    }

    fn perform_over<L: Links + 'static>(
        &self,
        links: L,
        directory: Directory,
        store: Store,
        turns: mpsc::Receiver<Turn>,
    ) -> Result<Performing, Fatal> {
        let stopper = &self.shared.stopper;
        let waiters = Arc::clone(&self.waiters);
        let flusher = Flusher::new(Arc::clone(&self.shared.gauges), stopper.clone());
        let performed = Arc::clone(&self.shared.performed);
        let archivist = Archivist::new(directory.states());
        let effects = Effects::new(store, links, waiters, flusher, performed);
        let effects = effects.with_archivist(archivist);
        let work = move || {
            // Its lock is held until nothing is written any more.
            let _directory = directory;
            effects.run(turns)
        };
        spawn("effects", stopper, work)
    }

    fn links(&self) -> Network {
        Network {
            handle: self.shared.network.clone(),
            registry: Arc::clone(&self.person.registry),
            committee: self.shards.ours().clone(),
            runtime: self.shared.runtime.clone(),
            events: self.events.clone(),
        }
    }

    fn liar(&self, links: Network, lies: watch::Receiver<Lies>) -> Liar<Network> {
        let seat = self.shards.ours().seat(&self.person.node());
        Liar {
            links,
            lies,
            key: Box::new(self.person.key.clone()),
            shards: self.shards.clone(),
            seat: seat.unwrap_or_else(first_seat),
        }
    }

    /// Starts the event loop.
    fn decide(
        &self,
        replica: Replica,
        events: mpsc::Receiver<Event>,
        turns: mpsc::Sender<Turn>,
    ) -> Result<JoinHandle<()>, Fatal> {
        let gauges = Arc::clone(&self.shared.gauges);
        let registry = Arc::clone(&self.person.registry);
        let stopper = &self.shared.stopper;
        let event_loop = EventLoop::new(replica, events, turns, gauges, registry, stopper.clone());
        spawn_async("event loop", stopper, event_loop.run())
    }
}
