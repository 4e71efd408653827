//! A model: what throughput would be with one host for each node.
//!
//! It is a model and no measurement. What it knows of the code is one number, the processor time that a
//! node spends on its part of a transaction in one shard, which was measured on this machine in the same
//! run with everything that a node does: checks, ledger, agreement, disk, sockets. [`ASSUMPTIONS`] says
//! what it takes for granted. Transactions go through the shards that their inputs live in, drawn at
//! random, so those with several inputs cost in several shards and wait for the slowest of them.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
use std::time::Duration;

use model::bounds::ENTRIES_MAX;

use crate::bench::payments::scattered;

/// What the model takes for granted, for people.
pub const ASSUMPTIONS: &str = "model: a host per node, which works on one thing at a time; a message \
    takes 0.5 ms; a block takes four messages, two syncs of this machine's disk and the measured work on \
    what it holds; blocks do not overlap; as many transactions are under way as in the measurement; clients cost nothing";

/// How long a message takes from host to host.
pub(super) const NODE_DELAY: Duration = Duration::from_micros(500);

/// Messages one after the other from the proposal of a block to the head that certifies it: proposal,
/// votes, votes again, signatures of the head.
const MESSAGES: u32 = 4;

/// Syncs on that way: both votes are durable before they are sent.
const SYNCS: u32 = 2;

/// Transactions that are carried through the model.
const TRANSACTIONS: usize = 20_000;

/// The hosts of a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hosts {
    pub(super) shards: u32,
    /// Objects that a transaction consumes, in random shards.
    pub(super) inputs: usize,
    /// Transactions under way.
    pub(super) in_flight: usize,
    /// What a node spends on its part of a transaction in one shard.
    pub(super) work: Duration,
    /// How long a message takes.
    pub(super) delay: Duration,
    /// How long a sync takes.
    pub(super) sync: Duration,
}

/// What a block does about a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    /// Sequence it and vote.
    Prepare,
    /// Decide it, with the votes of all.
    Decide,
    /// Do what was decided.
    Accept,
}

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A shard is asked to do something about a transaction.
    Asked {
        shard: u32,
        task: Task,
        transaction: usize,
    },
    /// The block of a shard is certified.
    Block { shard: u32 },
}

#[derive(Default)]
struct Shard {
    waiting: VecDeque<(Task, usize)>,
    /// What the block under way holds, if there is one.
    block: Vec<(Task, usize)>,
}

/// A transaction under way.
struct UnderWay {
    /// The shards that it concerns; the first input's decides.
    shards: Vec<u32>,
    /// Steps of other shards that the next step waits for.
    missing: usize,
}

/// The model at work. Time is in nanoseconds.
struct Course {
    hosts: Hosts,
    now: u64,
    agenda: BinaryHeap<Reverse<(u64, u64, Event)>>,
    /// Events so far: those of one moment happen in the order in which they were made.
    events: u64,
    shards: Vec<Shard>,
    transactions: Vec<UnderWay>,
    committed: usize,
}

impl Hosts {
    /// Transactions per second that are committed.
    pub(super) fn per_second(self) -> f64 {
        let mut course = Course {
            hosts: self,
            now: 0,
            agenda: BinaryHeap::new(),
            events: 0,
            shards: (0..self.shards).map(|_| Shard::default()).collect(),
            transactions: Vec::with_capacity(TRANSACTIONS),
            committed: 0,
        };
        for _ in 0..self.in_flight.min(TRANSACTIONS) {
            course.begin();
        }
        // The last are not counted: nothing follows them, so they share their shards with ever fewer.
        let counted = TRANSACTIONS - self.in_flight.min(TRANSACTIONS / 2);
        while course.committed < counted {
            let Some(Reverse((at, _, event))) = course.agenda.pop() else {
                break;
            };
            course.now = at;
            match event {
                Event::Asked {
                    shard,
                    task,
                    transaction,
                } => course.asked(shard, task, transaction),
                Event::Block { shard } => course.certified(shard),
            }
        }
        course.committed as f64 / Duration::from_nanos(course.now.max(1)).as_secs_f64()
    }
}

impl Course {
    fn after(&mut self, wait: Duration, event: Event) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.events += 1;
        let entry = (self.now.saturating_add(wait), self.events, event);
        self.agenda.push(Reverse(entry));
    }

    /// A client sends another transaction.
    fn begin(&mut self) {
        let number = self.transactions.len();
        if number == TRANSACTIONS {
            return;
        }
        let draw = |input| scattered(&[number as u64, input], self.hosts.shards).number();
        let inputs: Vec<u32> = (0..self.hosts.inputs as u64).map(draw).collect();
        let first = inputs[0];
        let others: BTreeSet<u32> = inputs.into_iter().filter(|shard| *shard != first).collect();
        let shards: Vec<u32> = [first].into_iter().chain(others).collect();
        self.tell(&shards, Task::Prepare, number);
        self.transactions.push(UnderWay {
            missing: shards.len(),
            shards,
        });
    }

    fn tell(&mut self, shards: &[u32], task: Task, transaction: usize) {
        for shard in shards.iter().copied() {
            let asked = Event::Asked {
                shard,
                task,
                transaction,
            };
            self.after(self.hosts.delay, asked);
        }
    }

    fn asked(&mut self, shard: u32, task: Task, transaction: usize) {
        let at = &mut self.shards[shard as usize];
        at.waiting.push_back((task, transaction));
        if at.block.is_empty() {
            self.propose(shard);
        }
    }

    /// A shard puts what waits into a block, if anything does.
    fn propose(&mut self, shard: u32) {
        let at = &mut self.shards[shard as usize];
        let count = at.waiting.len().min(ENTRIES_MAX);
        at.block = at.waiting.drain(..count).collect();
        let block = at.block.iter();
        // A part is whole work for a shard alone, and half of it for each of the two steps among several.
        let halves: u32 = block
            .map(|(_, number)| {
                if self.transactions[*number].shards.len() == 1 {
                    2
                } else {
                    1
                }
            })
            .sum();
        if halves > 0 {
            let Hosts {
                work, delay, sync, ..
            } = self.hosts;
            let took = delay * MESSAGES + sync * SYNCS + work * halves / 2;
            self.after(took, Event::Block { shard });
        }
    }

    fn certified(&mut self, shard: u32) {
        for (task, transaction) in std::mem::take(&mut self.shards[shard as usize].block) {
            self.done(task, transaction);
        }
        self.propose(shard);
    }

    fn done(&mut self, task: Task, number: usize) {
        let transaction = &mut self.transactions[number];
        transaction.missing -= 1;
        if transaction.missing > 0 {
            return;
        }
        let (decider, others) = (transaction.shards[0], transaction.shards[1..].to_vec());
        match task {
            Task::Prepare if !others.is_empty() => {
                transaction.missing = 1;
                self.tell(&[decider], Task::Decide, number);
            }
            Task::Decide => {
                transaction.missing = others.len();
                self.tell(&others, Task::Accept, number);
            }
            Task::Prepare | Task::Accept => {
                self.committed += 1;
                self.begin();
            }
        }
    }
}
