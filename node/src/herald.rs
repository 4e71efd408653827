//! Gossip: what this node tells everybody, and what it makes of what it is told.
//!
//! ```text
//!   changes, acts of its shard --.                               .--> registry
//!   certified heads of its shard +--> says ... hears --> judge --+--> heads
//!   proofs of lies --------------'                               '--> event loop --> log
//! ```
//!
//! Gossip makes things known soon. Whatever is lost is also to be had by asking, which the
//! [`Scout`](crate::scout::Scout) goes on doing.

mod meter;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use model::{Directory, Fact, HeadCertificate, Malpractice, News, encoding};
use net::{Gossip, Topic};
use tokio::sync::mpsc;

use crate::event::Event;
use crate::heads::Heads;
use crate::judge::{Judge, Judgement};
use crate::metrics::Queues;
use crate::reads::Reads;
use crate::registry::{Known, Place, Registry};
use meter::Said;

pub(crate) use meter::Tally;

/// How often this node looks whether it has something to say about heads and lies.
const INTERVAL: Duration = Duration::from_millis(250);

/// How often a shard says how far it is, if it is further. With many shards each says it less often, so
/// that all of them together stay within what a peer may pass on.
const HEADS_INTERVAL: Duration = Duration::from_secs(1);

/// Shards that may say it so often.
const SHARDS_AT_EASE: usize = 10;

/// How much later each seat says it than the one before, if the one before has not.
const SEAT_DELAY: Duration = Duration::from_millis(100);

/// The last seat that waits longer than the one before it.
const SEATS_IN_TURN: usize = 10;

/// Lies that a node that has just started tells of again: it may have stopped before it could.
const LIES_AGAIN: u32 = 16;

/// What a herald works with.
pub(crate) struct Herald {
    pub(crate) network: net::Handle,
    pub(crate) registry: Arc<Registry>,
    pub(crate) heads: Arc<Heads>,
    /// There since the node has a shard, like `queues`.
    pub(crate) reads: Arc<OnceLock<Arc<Reads>>>,
    pub(crate) queues: Arc<OnceLock<Queues>>,
    pub(crate) tally: Arc<Tally>,
    /// Set when something was heard that comes after what is known: somebody should be asked.
    pub(crate) ahead: Arc<AtomicBool>,
}

/// What has been said already.
struct Told {
    directory: Directory,
    acts: usize,
    lies: u32,
}

impl Herald {
    /// Says and hears until the network has stopped.
    pub(crate) async fn run(self, mut heard: mpsc::Receiver<Gossip>) {
        let mut judge = Judge::new(Arc::clone(&self.registry), Arc::clone(&self.heads));
        let mut known = self.registry.subscribe();
        let mut told = Told::so_far(&known.borrow_and_update());
        let mut tick = tokio::time::interval(INTERVAL);
        let mut looked = false;
        loop {
            tokio::select! {
                gossip = heard.recv() => match gossip {
                    Some(gossip) => self.hear(gossip, &mut judge).await,
                    None => return,
                },
                Ok(()) = known.changed() => {
                    let known = known.borrow_and_update().clone();
                    self.tell_news(&known, &mut told);
                }
                _ = tick.tick() => {
                    self.tell_head().await;
                    if let Some(reads) = self.reads.get() {
                        if !looked {
                            told.lies = reads.state().exhibits().saturating_sub(LIES_AGAIN);
                            looked = true;
                        }
                        self.tell_lies(reads, &mut judge, &mut told);
                    }
                }
            }
        }
    }

    /// Judges a message, and does what follows from it.
    async fn hear(&self, gossip: Gossip, judge: &mut Judge) {
        let Gossip {
            topic,
            bytes,
            verdict,
        } = gossip;
        let judgement = judge.judge(topic, &bytes, Instant::now());
        tracing::debug!(?topic, ?judgement, "heard");
        match judgement {
            Judgement::New(lies) => {
                verdict.accept();
                self.tally.heard(topic, Said::accept);
                for record in lies {
                    self.keep(record).await;
                }
            }
            Judgement::Old => {
                verdict.ignore();
                self.tally.heard(topic, Said::ignore);
            }
            Judgement::Ahead => {
                self.ahead.store(true, Ordering::Relaxed);
                verdict.ignore();
                self.tally.heard(topic, Said::ignore);
            }
            Judgement::False => {
                verdict.reject();
                self.tally.heard(topic, Said::reject);
            }
        }
    }

    /// Hands the proof of a lie to the rest of the node, to be kept. Whoever has no shard keeps nothing.
    async fn keep(&self, record: Malpractice) {
        let (node, kind) = (record.node, record.lie.kind());
        tracing::warn!(%node, %kind, "heard the proof of a lie");
        let events = self.queues.get().and_then(|queues| queues.events.upgrade());
        if let Some(events) = events {
            // Without an event loop the node is stopping.
            let _ = events.send(Event::Exposed(record)).await;
        }
    }

    /// Says what the shard of this node has done: that it has begun an epoch; and if it is the root shard,
    /// what it has committed about others. What is known from elsewhere was said by those who did it.
    fn tell_news(&self, known: &Known, told: &mut Told) {
        let (place, node) = (known.place, self.registry.node());
        let seated = known
            .committee()
            .is_some_and(|ours| ours.seat(&node).is_some());
        let ours = place.map(|place| place.shard).filter(|_| seated);
        for fact in known.directory.beyond(&told.directory) {
            match fact {
                Fact::Changed(change) if ours == Some(change.next.shard) => {
                    self.say(Topic::Directory, &News::Changed(change));
                }
                // That a shard was founded is proven by an act.
                Fact::Changed(_) | Fact::Founded(_) => {}
            }
        }
        if ours == Some(self.registry.root()) {
            for act in known.acts_after(told.acts) {
                self.say(Topic::Directory, &News::Acted((**act).clone()));
            }
        }
        *told = Told {
            lies: told.lies,
            ..Told::so_far(known)
        };
    }

    /// Says how far the shard of this node is, if nobody has said so lately.
    async fn tell_head(&self) {
        let (Some(reads), known) = (self.reads.get(), self.registry.known()) else {
            return;
        };
        let Some(Place { shard, .. }) = known.place else {
            return;
        };
        let seat = known
            .committee()
            .and_then(|ours| ours.seat(&self.registry.node()));
        let Some(seat) = seat else {
            return;
        };
        let latest = self.heads.latest(shard).map(|latest| latest.head.height);
        if latest.is_some_and(|latest| reads.state().certified() <= latest) {
            return;
        }
        let shards = known.directory.all().count().div_ceil(SHARDS_AT_EASE);
        let pause = HEADS_INTERVAL * u32::try_from(shards).unwrap_or(u32::MAX)
            + SEAT_DELAY * seat.index().min(SEATS_IN_TURN) as u32;
        let silence = self.heads.silence(shard, Instant::now());
        if silence.is_some_and(|silence| silence < pause) {
            return;
        }
        let reads = Arc::clone(reads);
        match tokio::task::spawn_blocking(move || reads.head()).await {
            Ok(Ok(Some(head))) => self.tell_of(head, &known),
            Ok(Ok(None)) | Err(_) => {} // nothing is certified, or the node is stopping
            Ok(Err(error)) => tracing::error!(%error, "cannot read a head"),
        }
    }

    fn tell_of(&self, head: HeadCertificate, known: &Known) {
        let scope = head.head.scope;
        if let Some(committee) = known.directory.committee(scope.shard, scope.epoch) {
            self.say(Topic::Heads, &head);
            self.heads.hear(head, committee, Instant::now());
        }
    }

    /// Says who has lied, as far as this node has found out itself.
    fn tell_lies(&self, reads: &Reads, judge: &mut Judge, told: &mut Told) {
        let page = reads.state().evidence(told.lies);
        told.lies = told
            .lies
            .saturating_add(u32::try_from(page.exhibits.len()).unwrap_or(u32::MAX));
        for exhibit in page.exhibits {
            if judge.expose(&exhibit.record) {
                self.say(Topic::Evidence, &exhibit.record);
            }
        }
    }

    fn say(&self, topic: Topic, what: &impl serde::Serialize) {
        let bytes = Bytes::from(encoding::encode(what));
        match self.network.publish(topic, bytes) {
            Ok(()) => self.tally.said(topic),
            Err(error) => tracing::debug!(?topic, %error, "not said; others have to ask"),
        }
    }
}

impl Told {
    /// All of what is known has been said.
    fn so_far(known: &Known) -> Self {
        Self {
            directory: known.directory.clone(),
            acts: known.acts_known(),
            lies: 0,
        }
    }
}
