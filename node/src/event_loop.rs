//! The loop: gather what has happened, hand it to the replica, pass on what it asks for.
//!
//! The replica is a value and this is its only owner. The loop waits for events and for time, never
//! for a disk or a peer, except that it does not run further ahead of the log than [`TURNS_AHEAD`].

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use consensus::replica::{Input, Output};
use consensus::{Now, Record, Replica};
use model::api::{Progress, Refused, Taken};
use model::statement::Scope;
use model::{Directory, Hash, Plan, Time, TransactionId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;
use crate::effects::Turn;
use crate::event::{BUSY, Event, Submitted};
use crate::gauges::Gauges;
use crate::registry::{Known, Place, Registry};
use crate::stop::Stopper;

/// Events that wait. Each holds at most one block, so this bounds memory at 128 MiB; whoever has
/// more to say waits.
pub(crate) const EVENTS_WAITING: usize = 256;

/// Turns that wait for the disk.
pub(crate) const TURNS_AHEAD: usize = 64;

/// Changes after which the tables are written: about ten seconds of a busy shard, a second's work
/// for the disk, and less than 100 MB of memory.
const FLUSH_CHANGES: usize = 100_000;

/// Blocks after which the tables are written, so that a restart replays little.
const FLUSH_BLOCKS: usize = 1_000;

/// How many times [`FLUSH_CHANGES`] may gather while the tables are being written. Then the log
/// waits for the tables.
const FLUSH_PATIENCE: usize = 8;

/// How long the loop waits at most before it turns once more, so that others see that it can.
const PULSE: Duration = Duration::from_secs(5);

/// The loop and what it holds.
pub(crate) struct EventLoop {
    replica: Replica,
    clock: Clock,
    events: mpsc::Receiver<Event>,
    turns: mpsc::Sender<Turn>,
    gauges: Arc<Gauges>,
    stopper: Stopper,
    wake: Option<Time>,
    registry: Arc<Registry>,
    known: watch::Receiver<Known>,
    /// What the replica knew when it was last told to others.
    shared: Directory,
    /// What was last approved of because somebody was excluded.
    approved: Option<Hash>,
    unflushed: Unflushed,
}

/// What has changed since the tables were last written.
#[derive(Clone, Copy, Debug, Default)]
struct Unflushed {
    blocks: usize,
    changes: usize,
}

impl Unflushed {
    fn count(&mut self, output: &Output) {
        if let Output::Applied(block) = output {
            let applied = &block.applied;
            self.blocks += 1;
            self.changes += applied.results.len() + applied.decided.len() + applied.sessions.len();
            self.changes += applied.created.len() + applied.consumed.len();
        }
    }

    const fn reaches(&self, times: usize) -> bool {
        self.blocks >= times * FLUSH_BLOCKS || self.changes >= times * FLUSH_CHANGES
    }
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go,
    End,
}

impl EventLoop {
    /// A loop around a replica that has been restored and not been started.
    pub(crate) fn new(
        replica: Replica,
        events: mpsc::Receiver<Event>,
        turns: mpsc::Sender<Turn>,
        gauges: Arc<Gauges>,
        registry: Arc<Registry>,
        stopper: Stopper,
    ) -> Self {
        let mut known = registry.subscribe();
        // What became known before is looked at too.
        known.mark_changed();
        Self {
            known,
            registry,
            shared: replica.shards().directory().clone(),
            approved: None,
            replica,
            clock: Clock::start(),
            events,
            turns,
            gauges,
            stopper,
            wake: None,
            unflushed: Unflushed::default(),
        }
    }

    /// Runs until the node is to stop, the replica must not go on, or nothing can be kept any more.
    pub(crate) async fn run(mut self) {
        let mut outputs = Vec::new();
        let started = self.replica.start(self.clock.now());
        self.take(started, &mut outputs);
        self.registry.adopt(self.replica.shards().directory());
        self.exchange(&mut outputs);
        let mut next = self.pass_on(outputs).await;
        let mut events = Vec::with_capacity(EVENTS_WAITING);
        let stopper = self.stopper.clone();
        let stopped = stopper.stopped();
        tokio::pin!(stopped);
        while next == Next::Go {
            tokio::select! {
                biased;
                () = &mut stopped => {
                    self.last_flush().await;
                    return;
                }
                () = self.gather(&mut events) => {}
            }
            let mut outputs = Vec::new();
            for event in events.drain(..) {
                self.step(event, &mut outputs);
            }
            self.tick(&mut outputs);
            self.exchange(&mut outputs);
            next = self.pass_on(outputs).await;
        }
    }

    /// Waits for events, for something to become known, until the replica wants to be woken, or until
    /// it is time to show a sign of life.
    async fn gather(&mut self, events: &mut Vec<Event>) {
        let pulse = Instant::now() + PULSE;
        let wake = self
            .wake
            .map_or(pulse, |wake| pulse.min(self.clock.instant(wake)));
        let gathered = async {
            tokio::select! {
                _ = self.events.recv_many(events, EVENTS_WAITING) => {}
                _ = self.known.changed() => self.known.mark_changed(),
            }
        };
        // Whether events came or the time is seen by whoever looks.
        drop(timeout_at(wake, gathered).await);
    }

    fn step(&mut self, event: Event, outputs: &mut Vec<Output>) {
        let now = self.clock.now();
        let input = match event {
            Event::Message {
                from,
                epoch,
                message,
            } => Input::Message {
                from,
                epoch,
                message,
            },
            Event::Letter {
                shard,
                seat,
                letter,
            } => Input::Letter {
                shard,
                seat,
                letter,
            },
            Event::Submitted(submitted) => return self.submit(now, submitted, outputs),
            Event::Exposed(record) => {
                outputs.push(Output::Persist(Record::Malpractice(record.clone())));
                return outputs.push(Output::Malpractice(record));
            }
            Event::Blocks { from, blocks } => Input::Blocks { from, blocks },
            Event::FetchFailed { from } => Input::FetchFailed { from },
            Event::Final(blocks) => Input::Final(blocks),
            Event::Approve(plan) => Input::Approve(plan),
            Event::LinkUp(seat) => Input::LinkUp(seat),
        };
        self.put(now, input, outputs);
    }

    fn put(&mut self, now: Now, input: Input, outputs: &mut Vec<Output>) {
        let asked = self.replica.step(now, input);
        self.take(asked, outputs);
    }

    /// Tells the replica what has become known elsewhere, and all others what the replica knows.
    fn exchange(&mut self, outputs: &mut Vec<Output>) {
        if self.known.has_changed().unwrap_or(false) {
            let known = self.known.borrow_and_update().clone();
            let now = self.clock.now();
            for fact in known.directory.beyond(self.replica.shards().directory()) {
                self.put(now, Input::Learned(fact), outputs);
            }
            self.follow_exclusion(&known, outputs);
        }
        let directory = self.replica.shards().directory();
        if !directory.is_same(&self.shared) {
            self.shared = directory.clone();
            self.registry.adopt(directory);
        }
        let Scope { shard, epoch, .. } = self.replica.ledger().scope;
        self.registry.set_place(Place { shard, epoch });
        self.gauges.set_seatless(self.replica.is_retired());
    }

    /// If the root shard has excluded a member, this one is for going on without it. Once for each
    /// record: the replica repeats what it has said.
    fn follow_exclusion(&mut self, known: &Known, outputs: &mut Vec<Output>) {
        let ours = self.replica.shards().record();
        let Some(left) = known.on_ledger(ours.shard) else {
            return;
        };
        let excluded = left.is_left_of(ours);
        let Some(next) = left.renewed().filter(|_| excluded) else {
            return;
        };
        let hash = next.hash();
        if self.approved.replace(hash) != Some(hash) {
            tracing::warn!(shard = %next.shard, epoch = %next.epoch, "the root shard has excluded a member");
            let consents = Vec::new();
            let plan = Plan { next, consents };
            self.put(self.clock.now(), Input::Approve(plan), outputs);
        }
    }

    /// Takes in what the replica asks for. Waking it is this loop's own; the rest is for others.
    fn take(&mut self, asked: Vec<Output>, outputs: &mut Vec<Output>) {
        for output in asked {
            match output {
                Output::WakeAt(time) => self.wake = Some(time),
                output => outputs.push(output),
            }
        }
    }

    /// Hands transactions to the replica and tells their submitters what became of them.
    fn submit(&mut self, now: Now, submitted: Vec<Submitted>, outputs: &mut Vec<Output>) {
        let ledger = self.replica.ledger();
        let (transactions, answers): (Vec<_>, Vec<_>) = submitted
            .into_iter()
            .map(
                |Submitted {
                     transaction,
                     answer,
                 }| {
                    let in_time = ledger.is_open(&transaction, now.clock);
                    let id = transaction.id();
                    (transaction, (id, in_time, answer))
                },
            )
            .unzip();
        let asked = self.replica.step(now, Input::Submitted(transactions));
        self.take(asked, outputs);
        for (id, in_time, answer) in answers {
            // The client may be gone.
            let _ = answer.send(self.taken(&id, in_time));
        }
    }

    /// What became of a transaction that was handed to the replica.
    fn taken(&self, id: &TransactionId, in_time: bool) -> Taken {
        let ledger = self.replica.ledger();
        if self.replica.is_waiting(id) || ledger.state.sessions.contains_key(id) {
            Taken::Waits
        } else if let Some(decided) = ledger.state.decided.get(id) {
            Taken::Decided(decided.height)
        } else if in_time {
            // Then there was no room for it.
            Taken::Refused(BUSY)
        } else {
            Taken::Refused(Refused::OutOfTime(Progress {
                height: ledger.tip.height,
                time: ledger.tip.time,
            }))
        }
    }

    /// Wakes the replica if the time has come.
    fn tick(&mut self, outputs: &mut Vec<Output>) {
        let now = self.clock.now();
        if self.wake.is_some_and(|wake| wake <= now.timer) {
            self.wake = None;
            let asked = self.replica.step(now, Input::Tick);
            self.take(asked, outputs);
        }
    }

    /// Passes outputs on to be carried out, and keeps the accounts of this turn.
    async fn pass_on(&mut self, outputs: Vec<Output>) -> Next {
        let mut halted = false;
        for output in &outputs {
            self.unflushed.count(output);
            halted |= matches!(output, Output::Halt(_));
        }
        self.note();
        let flush = self.flush_is_due() && !self.replica.is_closing();
        let flush = flush.then(|| {
            self.unflushed = Unflushed::default();
            self.replica.open()
        });
        if outputs.is_empty() && flush.is_none() {
            return Next::Go;
        }
        let kept = self.turns.send(Turn { outputs, flush }).await;
        if halted || kept.is_err() {
            Next::End
        } else {
            Next::Go
        }
    }

    /// Tells whoever watches the node how it fares.
    fn note(&self) {
        let ledger = self.replica.ledger();
        self.gauges.set_waiting(self.replica.waiting() as u64);
        self.gauges.set_behind(self.replica.is_behind());
        self.gauges.set_sessions(ledger.state.sessions.len() as u64);
        let others = self.gauges.linked() as usize;
        let quorum = self.replica.shards().ours().quorum();
        self.gauges.set_quorum_linked(others + 1 >= quorum);
        self.gauges.beat();
    }

    fn flush_is_due(&self) -> bool {
        let times = if self.gauges.flushing() {
            FLUSH_PATIENCE
        } else {
            1
        };
        self.unflushed.reaches(times)
    }

    /// Has the tables written once more, so that the next start replays nothing.
    async fn last_flush(&mut self) {
        if self.replica.is_closing() {
            return;
        }
        let turn = Turn {
            outputs: Vec::new(),
            flush: Some(self.replica.open()),
        };
        // If nothing can be kept any more, whoever keeps says so.
        let _ = self.turns.send(turn).await;
    }
}
