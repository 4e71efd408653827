//! A shell around one replica: it keeps the log, hears, says and remembers what came out.
//!
//! It checks on the way that nothing is said before the record that it depends on is in the log, and
//! knows how much of the log a machine that loses its power still has.

use std::collections::{BTreeMap, BTreeSet};

use consensus::message::{Blocks, BlocksRequest, Reminder};
use consensus::replica::{AppliedBlock, Contradiction};
use consensus::{Admitted, Input, Message, Now, Output, Record, Replica};
use model::key::Zip215;
use model::shard::Seat;
use model::{
    Certificate, Finalized, Hash, HeadCertificate, Height, Malpractice, Signature, Slot, Statement,
    Time, Transaction, Vote,
};

use crate::world::{CREATED, World, seat};

/// Whom something is said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    One(Seat),
    All,
}

/// A replica and what a node keeps around it.
pub(crate) struct Shell {
    pub(crate) world: World,
    pub(crate) index: usize,
    pub(crate) replica: Replica,
    /// All records, and how many of them are on the disk for certain.
    pub(crate) log: Vec<Record>,
    pub(crate) durable: usize,
    /// What was said and not yet taken.
    said: Vec<(To, Message)>,
    pub(crate) fetches: Vec<(Seat, BlocksRequest)>,
    pub(crate) wake: Option<Time>,
    pub(crate) applied: Vec<AppliedBlock>,
    pub(crate) certified: BTreeMap<Height, HeadCertificate>,
    pub(crate) malpractice: Vec<Malpractice>,
    pub(crate) halted: Option<Contradiction>,
    now: u64,
    votes: BTreeSet<(Slot, Vote)>,
    heads: BTreeSet<Hash>,
}

impl Shell {
    /// A member that begins with an empty log.
    pub(crate) fn new(world: &World, index: usize) -> Self {
        let mut shell = Self::restored(world, index, Vec::new(), 0).expect("nothing to restore");
        shell.start();
        shell
    }

    /// A member with this log that has not started yet.
    pub(crate) fn restored(
        world: &World,
        index: usize,
        log: Vec<Record>,
        now: u64,
    ) -> Result<Self, Contradiction> {
        let ledger = world.ledger();
        Self::restored_above(world.replica_above(index, ledger), world, index, log, now)
    }

    pub(crate) fn restored_above(
        replica: Replica,
        world: &World,
        index: usize,
        log: Vec<Record>,
        now: u64,
    ) -> Result<Self, Contradiction> {
        let mut shell = Self {
            world: world.clone(),
            index,
            replica,
            log: Vec::new(),
            durable: log.len(),
            said: Vec::new(),
            fetches: Vec::new(),
            wake: None,
            applied: Vec::new(),
            certified: BTreeMap::new(),
            malpractice: Vec::new(),
            halted: None,
            now,
            votes: BTreeSet::new(),
            heads: BTreeSet::new(),
        };
        for record in log {
            shell.note(&record);
            shell.log.push(record.clone());
            let outputs = shell.replica.restore(record)?;
            shell.perform(outputs);
            assert!(
                shell.said.is_empty(),
                "nothing is said while the log is read"
            );
        }
        Ok(shell)
    }

    /// The replica starts, and all others answer that they hold nothing that it has signed.
    pub(crate) fn start(&mut self) {
        self.start_unanswered();
        let asked = self.question();
        self.said
            .retain(|(_, message)| !matches!(message, Message::Recall(_)));
        let own = self.index;
        for other in (0..self.world.committee.size()).filter(|other| *other != own) {
            self.answer(other, asked, None, Vec::new());
        }
    }

    pub(crate) fn start_unanswered(&mut self) {
        let outputs = self.replica.start(self.time());
        self.perform(outputs);
    }

    /// The name of the last question that the replica asked.
    pub(crate) fn question(&self) -> Time {
        let question = self
            .said
            .iter()
            .rev()
            .find_map(|(_, message)| match message {
                Message::Recall(name) => Some(*name),
                _ => None,
            });
        question.expect("it has asked")
    }

    /// A member answers a question.
    pub(crate) fn answer(
        &mut self,
        from: usize,
        asked: Time,
        finalization: Option<Certificate>,
        signed: Vec<(Statement, Signature)>,
    ) {
        let reminder = Reminder {
            asked,
            finalization,
            signed,
        };
        self.hear(from, &Message::Reminder(reminder));
    }

    /// The clocks.
    fn time(&self) -> Now {
        Now {
            timer: Time::from_ms(self.now),
            clock: CREATED.plus_ms(self.now),
        }
    }

    pub(crate) fn step(&mut self, input: Input) {
        let outputs = self.replica.step(self.time(), input);
        self.perform(outputs);
    }

    /// Moves the clocks to this time without telling the replica.
    pub(crate) fn at(&mut self, now: u64) {
        self.now = now;
    }

    /// Moves the clocks to this time and wakes the replica.
    pub(crate) fn tick_at(&mut self, now: u64) {
        self.now = now;
        self.step(Input::Tick);
    }

    /// Wakes the replica whenever it asks for it, until this time.
    pub(crate) fn run_until(&mut self, end: u64) {
        while let Some(wake) = self.wake.filter(|wake| wake.as_ms() <= end) {
            self.tick_at(wake.as_ms().max(self.now));
        }
        self.now = end;
    }

    /// Hears a message as it comes over a link.
    pub(crate) fn hear(&mut self, from: usize, message: &Message) {
        let bytes = message.encode();
        let admitted = Message::decode(&bytes)
            .expect("an encoded message")
            .admit(&self.world.shards, &mut Zip215)
            .expect("an admissible message");
        self.hear_admitted(from, admitted);
    }

    pub(crate) fn hear_admitted(&mut self, from: usize, message: Admitted) {
        let from = seat(from);
        let epoch = self.replica.ledger().scope.epoch;
        self.step(Input::Message {
            from,
            epoch,
            message,
        });
    }

    /// Hears the same from several members.
    pub(crate) fn hear_votes(&mut self, from: &[usize], slot: u64, vote: Vote) {
        for index in from {
            let message = self.world.vote(*index, slot, vote);
            self.hear(*index, &message);
        }
    }

    pub(crate) fn submit(&mut self, transaction: &Transaction) {
        let authorized = self.world.authorized(transaction);
        self.step(Input::Submitted(vec![authorized]));
    }

    pub(crate) fn receive_blocks(&mut self, from: usize, blocks: Vec<Finalized>) {
        let blocks = Blocks { blocks };
        let from = seat(from);
        self.step(Input::Blocks { from, blocks });
    }

    /// What was said since the last call.
    pub(crate) fn take_said(&mut self) -> Vec<(To, Message)> {
        std::mem::take(&mut self.said)
    }

    /// The votes among what was said since the last call.
    pub(crate) fn take_votes(&mut self) -> Vec<(u64, Vote)> {
        self.take_said()
            .into_iter()
            .filter_map(|(_, message)| match message {
                Message::Vote(vote) => Some((vote.slot.number(), vote.vote)),
                _ => None,
            })
            .collect()
    }

    /// The records that a crash of the process leaves.
    pub(crate) fn written(&self) -> Vec<Record> {
        self.log.clone()
    }

    /// The records that a power cut leaves, at worst.
    pub(crate) fn on_disk(&self) -> Vec<Record> {
        self.log[..self.durable].to_vec()
    }

    /// Answers a request for blocks with so many of its own, and on to the next with a certificate.
    pub(crate) fn blocks_from(&self, first: Height, count: usize) -> Vec<Finalized> {
        let mut blocks = Vec::new();
        for applied in &self.applied {
            let height = applied.block.header.height;
            if height < first {
                continue;
            }
            blocks.push(Finalized {
                block: (*applied.block).clone(),
                certificate: applied.certificate.clone(),
                head: self.certified.get(&height).cloned(),
            });
            if blocks.len() >= count && applied.certificate.is_some() {
                return blocks;
            }
        }
        while blocks
            .last()
            .is_some_and(|block| block.certificate.is_none())
        {
            blocks.pop();
        }
        blocks
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Persist(record) => {
                    self.note(&record);
                    self.log.push(record);
                }
                Output::Send { to, message } => self.say(To::One(to), &message),
                Output::Broadcast(message) => self.say(To::All, &message),
                Output::FetchBlocks { from, request } => self.fetches.push((from, request)),
                Output::WakeAt(time) => {
                    assert!(time.as_ms() > self.now, "a replica is woken in the future");
                    self.wake = Some(time);
                }
                Output::Applied(block) => self.applied.push(block),
                Output::HeadCertified(head) => {
                    self.certified.insert(head.head.height, head);
                }
                Output::Malpractice(record) => self.malpractice.push(record),
                Output::Entered(_) => {}
                // There is no other shard in this world.
                Output::Tell { .. } => {}
                Output::Halt(contradiction) => self.halted = Some(contradiction),
            }
        }
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Vote { slot, vote } => {
                self.votes.insert((*slot, *vote));
            }
            Record::Head(head) => {
                self.heads.insert(head.hash());
            }
            _ => {}
        }
    }

    fn say(&mut self, to: To, message: &Message) {
        match message {
            Message::Vote(vote) => {
                let key = (vote.slot, vote.vote);
                assert!(
                    self.votes.contains(&key),
                    "a vote is kept before it is said"
                );
            }
            Message::HeadSignature(signature) => {
                assert!(
                    self.heads.contains(&signature.head),
                    "a head is kept before it is said"
                );
            }
            _ => {}
        }
        let promised = self.log.iter().rposition(Record::is_promise);
        self.durable = self.durable.max(promised.map_or(0, |last| last + 1));
        self.said.push((to, message.clone()));
    }
}
