//! A town: people with keys, some of whom are members of a shard at a time. Frames find a person by its
//! key and say in which epoch they were said, as between nodes.

use std::collections::{BTreeMap, BTreeSet};

use consensus::message::{Blocks, BlocksRequest};
use consensus::replica::{AppliedBlock, Setup};
use consensus::{Input, Ledger, Message, Now, Output, Record, Replica, Shards};
use model::key::Zip215;
use model::membership::Place;
use model::shard::Seat;
use model::state::{Inventory, Piece};
use model::{Epoch, Finalized, Head, HeadCertificate, Height, NodeDescriptor, NodeId, Plan};
use model::{Malpractice, ShardRecord, Time, Transaction};

use crate::world::{CREATED, SHARD, World, member};

/// Milliseconds that a message takes, before what the town adds.
const DELAY: u64 = 10;

/// A member, or somebody who was or will be one.
pub(crate) struct Person {
    pub(crate) replica: Replica,
    pub(crate) log: Vec<Record>,
    applied: BTreeMap<Height, AppliedBlock>,
    certified: BTreeMap<Height, HeadCertificate>,
    /// The epoch in which it speaks.
    epoch: Epoch,
    wake: Option<Time>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "each is moved twice, and few are under way"
)]
enum Event {
    Frame {
        from: usize,
        to: usize,
        epoch: Epoch,
        message: Message,
    },
    Request {
        from: usize,
        to: usize,
        request: BlocksRequest,
    },
    Answer {
        from: usize,
        to: usize,
        blocks: Option<Blocks>,
    },
}

type Filter = Box<dyn Fn(u64, usize, usize, &Message) -> bool>;

/// See the module.
pub(crate) struct Town {
    pub(crate) world: World,
    pub(crate) now: u64,
    /// By number of the key; `None` for those who take no part, or are down.
    pub(crate) people: BTreeMap<usize, Person>,
    /// The hash of each head that somebody computed.
    heads: BTreeMap<Height, Head>,
    passes: Filter,
    down: BTreeSet<usize>,
    /// Who may be named, and who was, by whom.
    liars: BTreeSet<usize>,
    pub(crate) named: Vec<(usize, Malpractice)>,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
}

impl Town {
    /// Four members, and so many things.
    pub(crate) fn new(things: u8) -> Self {
        let world = World::new(4, things);
        let mut town = Self {
            world: world.clone(),
            now: 0,
            people: BTreeMap::new(),
            heads: BTreeMap::new(),
            passes: Box::new(|_, _, _, _| true),
            down: BTreeSet::new(),
            liars: BTreeSet::new(),
            named: Vec::new(),
            events: BTreeMap::new(),
            count: 0,
        };
        for index in 0..4 {
            town.arrive(index, world.shards.clone(), world.ledger());
        }
        town
    }

    /// The node with this key.
    pub(crate) fn node(index: usize) -> NodeId {
        NodeId::new(member(index).public())
    }

    fn index(node: &NodeId) -> usize {
        let mut all = 0..20;
        all.find(|index| Self::node(*index) == *node)
            .expect("a person of the town")
    }

    fn descriptor(index: usize) -> NodeDescriptor {
        NodeDescriptor {
            name: format!("node-{index}"),
            node: Self::node(index),
            addresses: Vec::new(),
        }
    }

    /// The plan that these follow the members of `before`, with the consents of those who are new.
    pub(crate) fn plan(&self, before: &ShardRecord, members: &[usize]) -> Plan {
        let members = members.iter().map(|index| Self::descriptor(*index));
        let next = before.followed_by(members.collect(), 0).expect("a number");
        let bytes = next.consent_bytes(self.world.genesis.network());
        let newcomers = next.newcomers(Some(before));
        let consents = newcomers.map(|new| member(Self::index(&new.node)).sign(&bytes));
        let consents = consents.collect();
        Plan { next, consents }
    }

    /// The record of the epoch that a person is in.
    pub(crate) fn record(&self, index: usize) -> ShardRecord {
        self.person(index).replica.shards().record().clone()
    }

    /// The plan that the present members go on without this one.
    pub(crate) fn without(&self, index: usize) -> Plan {
        let seen_by = *self
            .people
            .keys()
            .find(|other| **other != index)
            .expect("others");
        let record = self.record(seen_by);
        let left = record.without(&Self::node(index)).expect("a member");
        assert!(
            left.seats
                .iter()
                .any(|place| matches!(place, Place::Vacated(_)))
        );
        Plan {
            next: left.renewed().expect("a number"),
            consents: Vec::new(),
        }
    }

    pub(crate) fn person(&self, index: usize) -> &Person {
        &self.people[&index]
    }

    /// These people are for a plan.
    pub(crate) fn approve(&mut self, people: &[usize], plan: &Plan) {
        for index in people {
            self.step(*index, Input::Approve(plan.clone()));
        }
    }

    pub(crate) fn submit(&mut self, index: usize, transaction: &Transaction) {
        let authorized = self.world.authorized(transaction);
        self.step(index, Input::Submitted(vec![authorized]));
    }

    /// Everybody who is up is asked to give a thing away, each a copy of the same transaction.
    pub(crate) fn give(&mut self, number: usize) {
        let gift = self.world.gift(&self.world.things()[number], 0, 59_000);
        let all: Vec<usize> = self.people.keys().copied().collect();
        for index in all {
            self.submit(index, &gift);
        }
    }

    /// Somebody says something in an epoch beside what its replica says.
    pub(crate) fn lie(&mut self, from: usize, epoch: Epoch, message: &Message) {
        self.liars.insert(from);
        let all: Vec<usize> = self.people.keys().copied().collect();
        for to in all.into_iter().filter(|to| *to != from) {
            self.say(from, to, epoch, message);
        }
    }

    /// From now on only what `passes` lets pass arrives: when, from, to, what.
    pub(crate) fn filter(
        &mut self,
        passes: impl Fn(u64, usize, usize, &Message) -> bool + 'static,
    ) {
        self.passes = Box::new(passes);
    }

    /// Everything arrives again.
    pub(crate) fn heal(&mut self) {
        self.passes = Box::new(|_, _, _, _| true);
        let all: Vec<usize> = self.people.keys().copied().collect();
        for index in &all {
            for other in all.iter().filter(|other| *other != index) {
                let shards = self.person(*index).replica.shards();
                if let Some(seat) = shards.ours().seat(&Self::node(*other)) {
                    self.step(*index, Input::LinkUp(seat));
                }
            }
        }
    }

    /// The process of somebody dies. What was written stays.
    pub(crate) fn kill(&mut self, index: usize) -> Vec<Record> {
        self.down.insert(index);
        self.people.remove(&index).expect("it was up").log
    }

    /// Somebody who was a member from the start comes back with a log.
    pub(crate) fn revive(&mut self, index: usize, log: &[Record]) {
        self.down.remove(&index);
        let mut person = Person {
            replica: self.replica(index, self.world.shards.clone(), self.world.ledger()),
            log: Vec::new(),
            applied: BTreeMap::new(),
            certified: BTreeMap::new(),
            epoch: Epoch::ZERO,
            wake: None,
        };
        for record in log {
            let outputs = person.replica.restore(record.clone());
            person.log.push(record.clone());
            for output in outputs.expect("an honest log") {
                person.note(&output);
            }
        }
        self.people.insert(index, person);
        self.start(index);
        self.heal();
    }

    fn replica(&self, index: usize, shards: Shards, ledger: Ledger) -> Replica {
        let seat = shards.ours().seat(&Self::node(index)).expect("a member");
        let setup = Setup {
            shards,
            seat,
            signer: Box::new(member(index)),
            check: Box::new(Zip215),
            checkers: std::sync::Arc::new(self.world.checkers()),
            pace: self.world.pace,
        };
        Replica::new(setup, ledger)
    }

    /// Somebody who has no seat at first, above a ledger of the first epoch. It is not in the town.
    pub(crate) fn guest(&self, index: usize, ledger: Ledger) -> Replica {
        self.guest_within(index, self.world.shards.clone(), ledger)
    }

    /// The same, who knows these shards.
    pub(crate) fn guest_within(&self, index: usize, shards: Shards, ledger: Ledger) -> Replica {
        let setup = Setup {
            shards,
            seat: Seat::new(0).expect("a seat"),
            signer: Box::new(member(index)),
            check: Box::new(Zip215),
            checkers: std::sync::Arc::new(self.world.checkers()),
            pace: self.world.pace,
        };
        Replica::guest(Self::node(index), setup, ledger)
    }

    /// Somebody begins to take part above a ledger.
    fn arrive(&mut self, index: usize, shards: Shards, ledger: Ledger) {
        let epoch = shards.scope().epoch;
        let person = Person {
            replica: self.replica(index, shards, ledger),
            log: Vec::new(),
            applied: BTreeMap::new(),
            certified: BTreeMap::new(),
            epoch,
            wake: None,
        };
        self.people.insert(index, person);
        self.start(index);
    }

    fn start(&mut self, index: usize) {
        let now = self.time();
        let person = self.people.get_mut(&index).expect("it is up");
        let outputs = person.replica.start(now);
        self.perform(index, outputs);
    }

    pub(crate) fn time(&self) -> Now {
        Now {
            timer: Time::from_ms(self.now),
            clock: CREATED.plus_ms(self.now),
        }
    }

    pub(crate) fn step(&mut self, index: usize, input: Input) {
        let now = self.time();
        if let Some(person) = self.people.get_mut(&index) {
            let outputs = person.replica.step(now, input);
            self.perform(index, outputs);
        }
    }

    fn perform(&mut self, index: usize, outputs: Vec<Output>) {
        for output in outputs {
            let person = self.people.get_mut(&index).expect("it is up");
            person.note(&output);
            let epoch = person.epoch;
            let committee = person.replica.shards().directory().committee(SHARD, epoch);
            let committee = committee.expect("an epoch that it entered").clone();
            let whom = |seat: Seat| committee.member(seat).map(|node| Self::index(&node));
            match output {
                Output::Persist(record) => person.log.push(record),
                Output::Send { to, message } => {
                    if let Some(to) = whom(to) {
                        self.say(index, to, epoch, &message);
                    }
                }
                Output::Broadcast(message) => {
                    for to in committee.seats().filter_map(whom) {
                        if to != index {
                            self.say(index, to, epoch, &message);
                        }
                    }
                }
                Output::FetchBlocks { from, request } => {
                    if let Some(to) = whom(from) {
                        let from = index;
                        self.schedule(Event::Request { from, to, request });
                    }
                }
                Output::WakeAt(time) => person.wake = Some(time),
                Output::Applied(block) => {
                    let head = block.applied.head.clone();
                    let known = self.heads.entry(head.height).or_insert(head.clone());
                    assert_eq!(*known, head, "heads at height {}", head.height);
                }
                Output::Entered(_) => self.welcome(index),
                Output::Halt(contradiction) => panic!("{index} halts: {contradiction}"),
                Output::Malpractice(record) => {
                    let liar = Self::index(&record.node);
                    assert!(
                        self.liars.contains(&liar),
                        "{liar} does not lie: {record:?}"
                    );
                    assert_eq!(record.verify(&mut Zip215), Ok(()));
                    self.named.push((index, record));
                }
                Output::HeadCertified(_) | Output::Tell { .. } => {}
            }
        }
    }

    /// Those who are new in the epoch that a person has entered begin where it stands.
    fn welcome(&mut self, host: usize) {
        let replica = &self.person(host).replica;
        let (shards, ledger) = (replica.shards().clone(), replica.ledger().clone());
        let taken = shards.ours().seats();
        let members = taken.filter_map(|seat| shards.ours().member(seat));
        let members: Vec<usize> = members.map(|node| Self::index(&node)).collect();
        for index in members {
            if !self.people.contains_key(&index) && !self.down.contains(&index) {
                self.arrive(index, shards.clone(), ledger.clone());
            }
        }
    }

    fn say(&mut self, from: usize, to: usize, epoch: Epoch, message: &Message) {
        if (self.passes)(self.now, from, to, message) {
            let message = message.clone();
            self.schedule(Event::Frame {
                from,
                to,
                epoch,
                message,
            });
        }
    }

    fn schedule(&mut self, event: Event) {
        self.count += 1;
        let arrival = self.now + DELAY;
        self.events.insert((arrival, self.count), event);
    }

    /// Hears a frame as a node does: its sender's seat is that of the epoch in which it speaks.
    fn hear(&mut self, from: usize, to: usize, epoch: Epoch, message: &Message) {
        let Some(person) = self.people.get(&to) else {
            return;
        };
        let shards = person.replica.shards().clone();
        let then = shards.directory().committee(SHARD, epoch);
        let committee = then.unwrap_or_else(|| shards.ours());
        let Some(from) = committee.seat(&Self::node(from)) else {
            return;
        };
        let bytes = message.encode_in(epoch);
        let (epoch, message) = Message::decode_in(&bytes).expect("an encoded message");
        // What is of another epoch may not be admissible, and is taught about all the same.
        let message = match message.admit(&shards, &mut Zip215) {
            Ok(message) => message,
            Err(_) if epoch != shards.scope().epoch => return,
            Err(reason) => panic!("refused: {reason}"),
        };
        self.step(
            to,
            Input::Message {
                from,
                epoch,
                message,
            },
        );
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Frame {
                from,
                to,
                epoch,
                message,
            } => self.hear(from, to, epoch, &message),
            Event::Request { from, to, request } => {
                let blocks = self.people.get(&to).map(|person| person.blocks(request));
                self.schedule(Event::Answer {
                    from: to,
                    to: from,
                    blocks,
                });
            }
            Event::Answer { from, to, blocks } => {
                let Some(person) = self.people.get(&to) else {
                    return;
                };
                let seat = person.replica.shards().ours().seat(&Self::node(from));
                let Some(from) = seat else { return };
                let input = match blocks {
                    Some(blocks) => Input::Blocks { from, blocks },
                    None => Input::FetchFailed { from },
                };
                self.step(to, input);
            }
        }
    }

    fn next(&mut self, end: u64) -> bool {
        let arrival = self.events.keys().next().map(|(time, _)| *time);
        let wakes = self.people.iter();
        let wake = wakes.filter_map(|(index, person)| Some((person.wake?.as_ms(), *index)));
        let wake = wake.min();
        match (arrival, wake) {
            (Some(time), wake) if time <= end && wake.is_none_or(|(wake, _)| time <= wake) => {
                self.now = self.now.max(time);
                let (_, event) = self.events.pop_first().expect("it was just seen");
                self.happen(event);
            }
            (_, Some((time, index))) if time <= end => {
                self.now = self.now.max(time);
                self.people.get_mut(&index).expect("it is up").wake = None;
                self.step(index, Input::Tick);
            }
            _ => return false,
        }
        true
    }

    /// Runs for so long.
    pub(crate) fn run_for(&mut self, duration: u64) {
        let end = self.now + duration;
        while self.next(end) {}
        self.now = end;
    }

    /// Runs until something holds.
    #[track_caller]
    pub(crate) fn run_until(&mut self, what: &str, limit: u64, holds: impl Fn(&Self) -> bool) {
        let end = self.now + limit;
        while !holds(self) {
            assert!(
                self.next(end),
                "{what}: not within {limit} ms, at {} ms",
                self.now
            );
        }
    }

    /// Whether all of these are in the epoch.
    pub(crate) fn are_in(&self, people: &[usize], epoch: u64) -> bool {
        people.iter().all(|index| {
            let person = self.people.get(index);
            person.is_some_and(|person| person.epoch == Epoch::new(epoch))
        })
    }

    /// Whether all of these have decided so many transactions, their heads certified.
    pub(crate) fn have_decided(&self, people: &[usize], count: usize) -> bool {
        people.iter().all(|index| {
            let ledger = self.person(*index).replica.ledger();
            ledger.state.decided.len() == count
        })
    }
}

impl Person {
    /// What a node keeps of an output.
    fn note(&mut self, output: &Output) {
        match output {
            Output::Applied(block) => {
                self.applied
                    .insert(block.applied.head.height, block.clone());
            }
            Output::HeadCertified(head) => {
                self.certified.insert(head.head.height, head.clone());
            }
            Output::Entered(change) => self.epoch = change.next.epoch,
            _ => {}
        }
    }

    /// The state at a height, as a node hands it out; `None` if its head does not commit to it.
    pub(crate) fn state(&self, height: Height) -> Option<(Inventory, Vec<Piece>)> {
        let AppliedBlock { block, applied, .. } = &self.applied[&height];
        let state = applied.state.as_ref()?;
        let state = state.as_committed(applied.next.as_deref());
        let pieces: Vec<Piece> = state.pieces().collect();
        let inventory = Inventory {
            head: self.certified[&height].clone(),
            header: block.header.clone(),
            pieces: pieces.iter().map(Piece::hash).collect(),
        };
        Some((inventory, pieces))
    }

    /// Final blocks, as a node finds them.
    pub(crate) fn blocks(&self, request: BlocksRequest) -> Blocks {
        let blocks = self
            .applied
            .range(request.first..)
            .map(|(height, block)| Finalized {
                block: (*block.block).clone(),
                certificate: block.certificate.clone(),
                head: self.certified.get(height).cloned(),
            });
        let mut blocks: Vec<Finalized> = blocks.take(5).collect();
        let is_proven = |block: &Finalized| block.certificate.is_some() || block.head.is_some();
        let proven = blocks.iter().rposition(is_proven);
        blocks.truncate(proven.map_or(0, |last| last + 1));
        Blocks { blocks }
    }
}
