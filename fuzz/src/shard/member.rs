//! One honest member: a real replica and the shell around it, which keeps the log, crashes and comes
//! back.
//!
//! On the way it asserts what a shell relies on: that nothing is said before the record that it
//! depends on is kept, that blocks are applied in order, that the replica wants to be woken in the
//! future, that one input has a bounded number of consequences, and that the member, in all its
//! lives, never contradicts itself.

mod testimony;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use consensus::message::{Blocks, BlocksRequest};
use consensus::replica::{AppliedBlock, Contradiction, Open};
use consensus::{Input, Ledger, Message, Now, Output, Record, Replica};
use model::shard::Seat;
use model::{Finalized, Hash, Head, HeadCertificate, Height, Malpractice, Slot, Time, Vote};

use super::judge::Judge;
use super::notary::Notary;
use super::world::{CREATED, World, seat};

/// Outputs of one step, at most: far above what a shard of four has reason for.
const OUTPUTS_MAX: usize = 2_000;

/// Whom something is said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// One member.
    One(Seat),
    /// All others.
    All,
}

/// What a member wants from the world.
#[derive(Clone, Debug)]
pub enum Wish {
    /// Say something.
    Say(To, Arc<Message>),
    /// Ask a member for final blocks.
    Fetch(Seat, BlocksRequest),
    /// Report a liar.
    Accuse(Malpractice),
    /// Show the head of a block that was applied.
    Show(Head),
}

/// How a member goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The process dies: all that was written is there.
    Process,
    /// The power fails: what was synced is there, and so many more records.
    Power {
        /// How many.
        lucky: usize,
    },
}

/// What the tables of a node hold: the state as of a position in the log.
struct Checkpoint {
    ledger: Ledger,
    open: Open,
    position: usize,
}

/// A member.
pub struct Member {
    index: usize,
    replica: Replica,
    /// All records, and how many of them are on the disk for certain.
    log: Vec<Record>,
    durable: usize,
    checkpoint: Checkpoint,
    /// The final blocks that the log or the checkpoint has.
    blocks: BTreeMap<Height, Finalized>,
    votes: BTreeSet<(Slot, Vote)>,
    heads: BTreeSet<Hash>,
    wishes: Vec<Wish>,
    wake: Option<Time>,
    halted: Option<Contradiction>,
    judge: Judge,
    /// How many more outputs are carried out before the member goes down, and how it does.
    fuse: Option<(usize, Crash)>,
}

impl Member {
    /// A member that begins with nothing.
    #[must_use]
    pub fn new(index: usize, now: u64) -> Self {
        let world = World::get();
        let mut member = Self {
            index,
            replica: world.replica(index, world.ledger()),
            log: Vec::new(),
            durable: 0,
            checkpoint: Checkpoint {
                ledger: world.ledger(),
                open: Open {
                    records: Vec::new(),
                    foreign: BTreeMap::new(),
                    epoch: world.scope().epoch,
                    directory: world.shards().directory().clone(),
                },
                position: 0,
            },
            blocks: BTreeMap::new(),
            votes: BTreeSet::new(),
            heads: BTreeSet::new(),
            wishes: Vec::new(),
            wake: None,
            halted: None,
            judge: Judge::default(),
            fuse: None,
        };
        member.start(now);
        member
    }

    fn start(&mut self, now: u64) {
        let outputs = self.replica.start(clocks(now));
        self.perform(now, outputs);
    }

    /// Its seat.
    #[must_use]
    pub fn seat(&self) -> Seat {
        seat(self.index)
    }

    /// Why it went no further, if it did.
    #[must_use]
    pub const fn halted(&self) -> Option<Contradiction> {
        self.halted
    }

    /// When it wants to be woken.
    #[must_use]
    pub const fn wake(&self) -> Option<Time> {
        self.wake
    }

    /// What it has wished since the last time.
    pub fn take_wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.wishes)
    }

    /// The state at the last block.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        self.replica.ledger()
    }

    /// Hears bytes as they come over a link. Most are refused at the door.
    pub fn hear(&mut self, now: u64, from: Seat, bytes: &[u8]) {
        let Ok(message) = Message::decode(bytes) else {
            return;
        };
        assert_eq!(message.encode(), bytes, "a message has one encoding");
        if let Ok(message) = message.admit(&World::get().shards(), &mut Notary) {
            let epoch = World::get().scope().epoch;
            let input = Input::Message {
                from,
                epoch,
                message,
            };
            self.step(now, input);
        }
    }

    /// A user submits the transaction with this number, if the door lets it through.
    pub fn submit(&mut self, now: u64, number: usize) {
        let authorized = World::get().authorized(number);
        self.step(now, Input::Submitted(vec![authorized]));
    }

    /// Something else happens to it.
    pub fn step(&mut self, now: u64, input: Input) {
        if matches!(input, Input::Tick) {
            self.wake = None;
        }
        let outputs = self.replica.step(clocks(now), input);
        assert!(
            outputs.len() <= OUTPUTS_MAX,
            "{} outputs of one input",
            outputs.len()
        );
        self.perform(now, outputs);
    }

    /// The final blocks from a height on, as it would answer who asks for them.
    #[must_use]
    pub fn answer(&self, request: BlocksRequest) -> Blocks {
        let mut blocks: Vec<Finalized> = self
            .blocks
            .range(request.first..)
            .map(|(_, block)| block.clone())
            .collect();
        while blocks
            .last()
            .is_some_and(|block| block.certificate.is_none())
        {
            blocks.pop();
        }
        Blocks { blocks }
    }

    /// Writes the tables: from now on it comes back from here.
    pub fn flush(&mut self) {
        self.durable = self.log.len();
        self.checkpoint = Checkpoint {
            ledger: self.replica.ledger().clone(),
            open: self.replica.open(),
            position: self.log.len(),
        };
    }

    /// Lets it go down in the middle of what it does next, after so many outputs.
    pub const fn light_fuse(&mut self, outputs: usize, crash: Crash) {
        self.fuse = Some((outputs, crash));
    }

    /// Goes down and comes back. It stays down if what it kept contradicts itself, see
    /// [`Member::halted`].
    pub fn restart(&mut self, now: u64, crash: Crash) {
        if let Err(contradiction) = self.try_restart(now, crash) {
            self.halted = Some(contradiction);
        }
    }

    fn try_restart(&mut self, now: u64, crash: Crash) -> Result<(), Contradiction> {
        if let Crash::Power { lucky } = crash {
            let left = self.durable.saturating_add(lucky).min(self.log.len());
            self.log.truncate(left);
        }
        self.durable = self.log.len();
        self.fuse = None;
        self.wake = None;
        self.votes.clear();
        self.heads.clear();
        let world = World::get();
        let Checkpoint {
            ledger,
            open,
            position,
        } = &self.checkpoint;
        self.replica = world.replica(self.index, ledger.clone());
        self.blocks.retain(|height, _| *height <= ledger.tip.height);
        let records: Vec<Record> = open
            .records
            .iter()
            .chain(&self.log[*position..])
            .cloned()
            .collect();
        for record in records {
            self.note(&record);
            let outputs = self.replica.restore(record)?;
            for output in outputs {
                self.take_back(output);
            }
        }
        self.start(now);
        Ok(())
    }

    /// What a replica says while it gets back what it had.
    fn take_back(&mut self, output: Output) {
        match output {
            Output::Applied(block) => self.applied(block),
            Output::HeadCertified(head) => self.certified(head),
            other => panic!("nothing but the state comes back from the log: {other:?}"),
        }
    }

    fn perform(&mut self, now: u64, mut outputs: Vec<Output>) {
        let fuse = self.fuse.filter(|(left, _)| *left < outputs.len());
        if let Some((left, _)) = fuse {
            outputs.truncate(left);
        }
        for output in outputs {
            self.carry_out(now, output);
        }
        if let Some((_, crash)) = fuse {
            self.restart(now, crash);
        }
    }

    fn carry_out(&mut self, now: u64, output: Output) {
        match output {
            Output::Persist(record) => {
                self.note(&record);
                self.log.push(record);
            }
            Output::Send { to, message } => self.say(To::One(to), message),
            Output::Broadcast(message) => self.say(To::All, message),
            Output::Tell { .. } => {} // there is no other shard
            Output::FetchBlocks { from, request } => self.wishes.push(Wish::Fetch(from, request)),
            Output::WakeAt(time) => {
                assert!(time.as_ms() > now, "a replica is woken in the future");
                self.wake = Some(time);
            }
            Output::Applied(block) => self.applied(block),
            Output::HeadCertified(head) => self.certified(head),
            Output::Malpractice(record) => {
                assert_eq!(
                    record.verify(&mut Notary),
                    Ok(()),
                    "a record that proves nothing"
                );
                self.wishes.push(Wish::Accuse(record));
            }
            Output::Entered(_) => panic!("nobody wants the epoch to end"),
            Output::Halt(contradiction) => self.halted = Some(contradiction),
        }
    }

    fn applied(&mut self, block: AppliedBlock) {
        let AppliedBlock {
            block,
            certificate,
            applied,
        } = block;
        self.wishes.push(Wish::Show(applied.head.clone()));
        let height = block.header.height;
        let next = self
            .blocks
            .last_key_value()
            .map_or(Height::ZERO, |(last, _)| *last)
            .next();
        assert_eq!(height, next, "blocks are applied one after the other");
        let block = Finalized {
            block: Arc::unwrap_or_clone(block),
            certificate,
            head: None,
        };
        self.blocks.insert(height, block);
    }

    fn certified(&mut self, head: HeadCertificate) {
        let block = self.blocks.get_mut(&head.head.height);
        block.expect("heads of applied blocks are certified").head = Some(head);
    }

    fn note(&mut self, record: &Record) {
        match record {
            Record::Vote { slot, vote } => {
                self.votes.insert((*slot, *vote));
            }
            Record::Head(head) => {
                self.heads.insert(head.hash());
            }
            Record::Reserved(_)
            | Record::Proposal(_)
            | Record::Block(_)
            | Record::Certificate(_)
            | Record::HeadCertificate(_)
            | Record::Malpractice(_)
            | Record::Change(_)
            | Record::Abstain(_) => {}
        }
    }

    fn say(&mut self, to: To, message: Arc<Message>) {
        // Whatever it has promised is synced before anything leaves.
        let promised = self.log.iter().rposition(Record::is_promise);
        self.durable = self.durable.max(promised.map_or(0, |last| last + 1));
        self.judge_message(&message);
        self.wishes.push(Wish::Say(to, message));
    }
}

/// The clocks of all members: the one that never goes back shows `now`.
const fn clocks(now: u64) -> Now {
    Now {
        timer: Time::from_ms(now),
        clock: CREATED.plus_ms(now),
    }
}
