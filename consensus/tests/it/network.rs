//! A network of shells with one delay on all links, a filter that loses messages, and eyes that see
//! everything that is signed.

use std::collections::BTreeMap;

use consensus::message::BlocksRequest;
use consensus::{Input, Message, Record};
use model::{Certificate, Height, Slot, Statement, Time, Transaction, Vote};

use crate::shell::{Shell, To};
use crate::world::{World, seat};

/// A message under way, or that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) sent: u64,
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) message: Message,
}

enum Event {
    Message(Box<Flight>),
    Request {
        from: usize,
        to: usize,
        request: BlocksRequest,
    },
    Answer {
        from: usize,
        to: usize,
        blocks: Vec<model::Finalized>,
    },
    NoAnswer {
        from: usize,
        to: usize,
    },
}

type Filter = Box<dyn Fn(&Flight) -> bool>;

/// A shard whose silent members have no shell.
pub(crate) struct Network {
    pub(crate) world: World,
    pub(crate) now: u64,
    pub(crate) shells: Vec<Option<Shell>>,
    /// Everything that was said, in order, lost or not.
    pub(crate) flights: Vec<Flight>,
    pub(crate) delay: u64,
    /// Makes delays longer, each by as much as it says for the number of the message.
    pub(crate) jitter: Box<dyn Fn(u64) -> u64>,
    /// How many blocks one answer has.
    pub(crate) blocks_per_answer: usize,
    passes: Filter,
    events: BTreeMap<(u64, u64), Event>,
    count: u64,
    /// What each member has signed: by slot or height the notarization, the skip, the finalization,
    /// the proposal and the head.
    signed: BTreeMap<(usize, Slot), Ballot>,
}

/// The votes of one member in one slot as an onlooker sees them.
#[derive(Default)]
struct Ballot {
    notarized: Vec<model::Hash>,
    finalized: Vec<model::Hash>,
    proposed: Vec<model::Hash>,
    skipped: bool,
}

impl Network {
    /// All members of a shard, up and idle.
    pub(crate) fn new(world: World) -> Self {
        let members = world.committee.size();
        let mut network = Self {
            shells: (0..members)
                .map(|index| Some(Shell::new(&world, index)))
                .collect(),
            world,
            now: 0,
            flights: Vec::new(),
            delay: 10,
            jitter: Box::new(|_| 0),
            blocks_per_answer: 512,
            passes: Box::new(|_| true),
            events: BTreeMap::new(),
            count: 0,
            signed: BTreeMap::new(),
        };
        for index in 0..members {
            network.collect(index);
        }
        network
    }

    /// Four members and so many things.
    pub(crate) fn of_four(things: u8) -> Self {
        Self::new(World::new(4, things))
    }

    pub(crate) fn shell(&self, index: usize) -> &Shell {
        self.shells[index].as_ref().expect("the member is up")
    }

    pub(crate) fn up(&self) -> impl Iterator<Item = &Shell> {
        self.shells.iter().flatten()
    }

    /// From now on only messages that `passes` lets pass arrive.
    pub(crate) fn filter(&mut self, passes: impl Fn(&Flight) -> bool + 'static) {
        self.passes = Box::new(passes);
    }

    /// From now on all messages arrive, links having come up anew.
    pub(crate) fn heal(&mut self) {
        self.passes = Box::new(|_| true);
        for index in 0..self.shells.len() {
            self.link_up(index);
        }
    }

    /// The links of one member come up, at both ends.
    pub(crate) fn link_up(&mut self, index: usize) {
        for other in (0..self.shells.len()).filter(|other| *other != index) {
            self.act(index, |shell| shell.step(Input::LinkUp(seat(other))));
            self.act(other, |shell| shell.step(Input::LinkUp(seat(index))));
        }
    }

    pub(crate) fn submit(&mut self, index: usize, transaction: &Transaction) {
        self.act(index, |shell| shell.submit(transaction));
    }

    /// A member says something that its replica would not.
    pub(crate) fn inject(&mut self, from: usize, to: usize, message: Message) {
        let sent = self.now;
        self.fly(Flight {
            sent,
            from,
            to,
            message,
        });
    }

    /// The process of a member dies. The log stays.
    pub(crate) fn crash(&mut self, index: usize) -> Vec<Record> {
        self.shells[index]
            .take()
            .expect("the member was up")
            .written()
    }

    /// A member comes back with a log.
    pub(crate) fn restart(&mut self, index: usize, log: Vec<Record>) {
        let shell = Shell::restored(&self.world, index, log, self.now);
        self.shells[index] = Some(shell.expect("an honest log"));
        self.act(index, Shell::start);
        self.link_up(index);
    }

    /// A member comes back with a log, and nobody has answered it yet.
    pub(crate) fn restart_unanswered(&mut self, index: usize, log: Vec<Record>) {
        let shell = Shell::restored(&self.world, index, log, self.now);
        self.shells[index] = Some(shell.expect("an honest log"));
        self.act(index, Shell::start_unanswered);
        self.link_up(index);
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

    /// Runs for so long.
    pub(crate) fn run_for(&mut self, duration: u64) {
        let end = self.now + duration;
        while self.next(end) {}
        self.now = end;
    }

    /// Runs until all members that are up have decided so many transactions, their heads certified.
    #[track_caller]
    pub(crate) fn run_until_decided(&mut self, count: usize, limit: u64) {
        self.run_until("all decide", limit, |network| {
            network.up().all(|shell| {
                let decided: usize = shell.applied.iter().map(|b| b.applied.results.len()).sum();
                decided == count
                    && shell
                        .certified
                        .contains_key(&shell.replica.ledger().tip.height)
            })
        });
        self.assert_agreement();
    }

    /// No two members that are up have different blocks or heads at a height.
    #[track_caller]
    pub(crate) fn assert_agreement(&self) {
        let mut heads: BTreeMap<Height, model::Hash> = BTreeMap::new();
        for shell in self.up() {
            assert_eq!(shell.halted, None, "member {} halts", shell.index);
            for block in &shell.applied {
                let head = block.applied.head.hash();
                let known = heads.entry(block.block.header.height).or_insert(head);
                assert_eq!(*known, head, "heads at {}", block.block.header.height);
            }
        }
    }

    /// Does the next thing that happens until `end`. Whether there was one.
    fn next(&mut self, end: u64) -> bool {
        let message = self.events.keys().next().map(|(time, _)| *time);
        let wakes = self
            .up()
            .filter_map(|shell| Some((shell.wake?.as_ms(), shell.index)));
        let wake = wakes.min();
        match (message, wake) {
            (Some(time), wake) if time <= end && wake.is_none_or(|(wake, _)| time <= wake) => {
                self.now = self.now.max(time);
                let (_, event) = self.events.pop_first().expect("it was just seen");
                self.happen(event);
            }
            (_, Some((time, index))) if time <= end => {
                self.now = self.now.max(time);
                self.act(index, |shell| {
                    shell.wake = None;
                    shell.step(Input::Tick);
                });
            }
            _ => return false,
        }
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Message(flight) => {
                self.act(flight.to, |shell| shell.hear(flight.from, &flight.message));
            }
            Event::Request { from, to, request } => {
                let count = self.blocks_per_answer;
                let event = match &self.shells[to] {
                    Some(shell) => {
                        let blocks = shell.blocks_from(request.first, count);
                        Event::Answer {
                            from: to,
                            to: from,
                            blocks,
                        }
                    }
                    None => Event::NoAnswer { from: to, to: from },
                };
                self.schedule(event);
            }
            Event::Answer { from, to, blocks } => {
                self.act(to, |shell| shell.receive_blocks(from, blocks));
            }
            Event::NoAnswer { from, to } => {
                let from = seat(from);
                self.act(to, |shell| shell.step(Input::FetchFailed { from }));
            }
        }
    }

    /// Something happens to a member, if it is up.
    fn act(&mut self, index: usize, action: impl FnOnce(&mut Shell)) {
        let now = self.now;
        if let Some(shell) = &mut self.shells[index] {
            shell.at(now);
            action(shell);
            self.collect(index);
        }
    }

    /// Takes what a member has said and wants.
    fn collect(&mut self, from: usize) {
        let Some(shell) = &mut self.shells[from] else {
            return;
        };
        let said = shell.take_said();
        let fetches = std::mem::take(&mut shell.fetches);
        for (to, message) in said {
            self.see(from, &message);
            for receiver in self.receivers(from, to) {
                let (sent, to, message) = (self.now, receiver, message.clone());
                self.fly(Flight {
                    sent,
                    from,
                    to,
                    message,
                });
            }
        }
        for (to, request) in fetches {
            let to = to.index();
            self.schedule(Event::Request { from, to, request });
        }
    }

    fn receivers(&self, from: usize, to: To) -> Vec<usize> {
        match to {
            To::One(seat) => vec![seat.index()],
            To::All => (0..self.shells.len())
                .filter(|other| *other != from)
                .collect(),
        }
    }

    fn fly(&mut self, flight: Flight) {
        self.flights.push(flight.clone());
        if (self.passes)(&flight) {
            self.schedule(Event::Message(Box::new(flight)));
        }
    }

    fn schedule(&mut self, event: Event) {
        self.count += 1;
        let arrival = self.now + self.delay + (self.jitter)(self.count);
        self.events.insert((arrival, self.count), event);
    }

    /// Looks at what a member signs: no honest member ever signs a conflicting pair.
    fn see(&mut self, from: usize, message: &Message) {
        let slot = match message {
            Message::Vote(vote) => vote.slot,
            Message::Proposal(proposal) if self.leads(from, proposal.block.header.slot) => {
                proposal.block.header.slot
            }
            _ => return,
        };
        let ballot = self.signed.entry((from, slot)).or_default();
        match message {
            Message::Vote(vote) => match vote.vote {
                Vote::Notarize(hash) => ballot.notarized.push(hash),
                Vote::Finalize(hash) => ballot.finalized.push(hash),
                Vote::Skip => ballot.skipped = true,
            },
            Message::Proposal(proposal) => ballot.proposed.push(proposal.block.hash()),
            _ => {}
        }
        let one = |hashes: &[model::Hash]| hashes.windows(2).all(|pair| pair[0] == pair[1]);
        let both = ballot.skipped && !ballot.finalized.is_empty();
        let known = |hash| ballot.notarized.contains(hash);
        let consistent = one(&ballot.notarized)
            && one(&ballot.proposed)
            && one(&ballot.finalized)
            && ballot.finalized.iter().all(known)
            && !both;
        assert!(
            consistent,
            "member {from} contradicts itself in slot {slot}"
        );
    }

    fn leads(&self, index: usize, slot: Slot) -> bool {
        let leader = slot.number() % self.world.committee.size() as u64;
        leader == index as u64
    }
}

/// Whether a message is or has a certificate about this kind of vote.
pub(crate) fn certifies(message: &Message, kind: fn(Vote) -> bool) -> bool {
    let about = |certificate: &Certificate| match certificate.statement {
        Statement::Vote { vote, .. } => kind(vote),
        Statement::Proposal { .. } | Statement::Head { .. } | Statement::Succession { .. } => false,
    };
    match message {
        Message::Certificate(certificate) => about(certificate),
        Message::Status(status) => status.finalization.as_ref().is_some_and(about),
        _ => false,
    }
}

/// A time on the clocks of all members.
pub(crate) const fn clock(ms: u64) -> Time {
    crate::world::CREATED.plus_ms(ms)
}
