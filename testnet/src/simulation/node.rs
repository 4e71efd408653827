//! The shell of one node: the production replica and the production log, on a simulated disk.
//!
//! It does what the event loop of a node does, and crashes between any two things that it does.

mod carry;
mod damage;
mod guest;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use consensus::bft::Pace;
use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest};
use consensus::replica::{Contradiction, Open, Output, Setup};
use consensus::sbac::letter::Letter;
use consensus::{Input, Ledger, Message, Now, Record, Replica, Shards};
use model::shard::Seat;
use model::{Epoch, EpochChange, Fact, Finalized, Plan, Time, Transaction, bounds, encoding};
use node::store::log::{Log, LogError, Owner, Position};

use super::around::{Alarm, Around, Effect, Happening, Purpose};
use super::chain::Chain;
use super::disk::{Disk, Outage};
use super::fault::{Fault, Faults};
use super::habits::{Flaw, Habits};
use super::network::Frame;
use super::notary::Journal;
use super::random::Random;
use super::setting::{DAWN, Place, Setting};
use crate::invariants::What;
use guest::Trail;

/// A node.
pub struct Node {
    seat: Seat,
    /// Which of the members on its seat it is: see [`Alarm::holder`].
    holder: u8,
    habits: Habits,
    journal: Journal,
    /// How far its time of day is from the right one, in milliseconds.
    skew_ms: i64,
    disk: Arc<Disk>,
    /// What it falls back on when it begins again.
    kept: Snapshot,
    lives: u32,
    life: Option<Life>,
    /// Whether somebody wants it to become a member.
    invited: bool,
    /// How many more things it does before it crashes, and how.
    fuse: Option<(u64, Outage)>,
    /// How many things it has done.
    deeds: u64,
    faults: Faults,
}

/// What a crash takes away.
struct Life {
    born: Time,
    replica: Replica,
    /// The epoch in which it speaks: what it has asked for before is said in the one before.
    epoch: Epoch,
    log: Log,
    chain: Chain,
    /// What is still to be done, in order.
    outbox: VecDeque<Output>,
    /// Whether the log has a promise that is not durable.
    owes: bool,
    /// Whether the disk is at work.
    syncing: bool,
    /// A snapshot that counts as soon as what it reflects is durable.
    fresh: Option<Snapshot>,
    /// When the replica wants to be woken.
    wake: Option<Time>,
    questions: BTreeMap<u64, Seat>,
    asked: u64,
    /// How it follows while it has no seat.
    trail: Trail,
}

/// A state, what the replica held beyond it, and where the log goes on.
#[derive(Clone)]
struct Snapshot {
    ledger: Ledger,
    open: Open,
    position: Position,
    chain: Chain,
}

/// Why a node cannot come back.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the log cannot be read: {0}")]
    Log(#[from] LogError),
    #[error("the log contradicts the state: {0}")]
    Contradiction(#[from] Contradiction),
    #[error("the log is damaged, and nobody noticed")]
    Unnoticed,
}

impl Node {
    /// The node on `seat`, with an empty disk.
    #[must_use]
    pub fn new(
        seat: Seat,
        holder: u8,
        habits: Habits,
        setting: &Setting,
        random: &mut Random,
    ) -> Self {
        let disk = match habits.flaw {
            Some(Flaw::LyingDisk) => Disk::lying(random.fork()),
            Some(Flaw::SendsFirst | Flaw::WritesLast | Flaw::EmptyDisk) | None => {
                Disk::new(random.fork())
            }
        };
        Self {
            seat,
            holder,
            habits,
            journal: Journal::default(),
            skew_ms: 0,
            disk: Arc::new(disk),
            kept: Snapshot::empty(setting),
            lives: 0,
            life: None,
            invited: false,
            fuse: None,
            deeds: 0,
            faults: Faults::default(),
        }
    }

    /// Something happens to the node. A node that is down notices nothing but its beginning.
    pub fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        match happening {
            Happening::Begin => self.begin(around),
            Happening::Arrived { from, frame } => self.arrived(around, from, frame),
            Happening::Letter { from, bytes } => self.letter(around, from, &bytes),
            Happening::Alarm(alarm) => self.alarm(around, alarm),
            Happening::LinkUp(node) => {
                if let Some(seat) = self.seat_of(around, node) {
                    self.step(around, Input::LinkUp(seat));
                }
            }
            Happening::Invited => self.invited(around),
            Happening::Approve(plan) => self.approve(around, &plan),
            Happening::Learn(changes) => self.learn(around, &changes),
            Happening::Leaked(_) => {}
            Happening::Submitted(bytes) => self.submitted(around, &bytes),
        }
    }

    /// Whether the node is up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Sets how far the node's time of day is from the right one, in milliseconds.
    pub const fn set_skew(&mut self, skew_ms: i64) {
        self.skew_ms = skew_ms;
    }

    /// The node will crash after so many more things that it does; never, with `None`.
    pub const fn set_fuse(&mut self, fuse: Option<(u64, Outage)>) {
        self.fuse = fuse;
    }

    /// The state at the node's last applied block, if it is up.
    #[must_use]
    pub fn ledger(&self) -> Option<&Ledger> {
        self.life.as_ref().map(|life| life.replica.ledger())
    }

    /// The node's final blocks and the state they lead to, if it is up.
    pub fn history(&self) -> Option<(impl Iterator<Item = &Finalized>, &Ledger)> {
        let life = self.life.as_ref()?;
        Some((life.chain.blocks(), life.replica.ledger()))
    }

    /// How many transactions wait at the node.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.life.as_ref().map_or(0, |life| life.replica.waiting())
    }

    /// The node crashes now.
    pub fn crash(&mut self, around: &mut Around<'_>, outage: Outage) {
        if self.life.take().is_none() {
            return;
        }
        self.fuse = None;
        drop(self.journal.take());
        self.faults.count(match outage {
            Outage::Killed => Fault::Killed,
            Outage::PowerLost => Fault::PowerLost,
        });
        if let Some(loss) = self.disk.crash(outage) {
            self.faults.count(loss);
        }
        if self.habits.flaw == Some(Flaw::EmptyDisk) {
            self.disk = Arc::new(Disk::new(around.random.fork()));
            self.kept = Snapshot::empty(around.setting);
        }
        around.observe(self.seat, &What::Crashed);
        around.effects.push(Effect::Crashed);
    }

    /// The node begins with what its disk has.
    fn begin(&mut self, around: &mut Around<'_>) {
        if self.life.is_some() {
            return;
        }
        let has_seat = self.kept.has_seat(around.setting, self.seat);
        if !has_seat && !self.invited {
            return;
        }
        self.lives += 1;
        match self.revive(around) {
            Ok(life) => {
                let now = self.clocks(around.now, life.born);
                let life = self.life.insert(life);
                let outputs = life.replica.start(now);
                self.took_step(around, outputs);
                self.follow(around);
            }
            Err(lost) => self.cannot_begin(around, &lost),
        }
    }

    /// A life made of what the disk has.
    fn revive(&self, around: &mut Around<'_>) -> Result<Life, Lost> {
        let Snapshot {
            ledger,
            open,
            position,
            mut chain,
        } = self.kept.clone();
        let setting = around.setting;
        let place = Place {
            shard: setting.shard(),
            seat: self.seat,
        };
        let node = setting.node(place);
        let owner = Owner {
            network: setting.scope().network,
            node,
        };
        let shards = self.kept.shards(setting).ok_or(Lost::Unnoticed)?;
        let seat = shards.ours().seat(&node);
        let (log, _torn) = Log::open(Arc::<Disk>::clone(&self.disk), owner, position)?;
        around.observe(
            self.seat,
            &What::Began {
                ledger: &ledger,
                durable: self.disk.durable(),
            },
        );
        let setup = Setup {
            shards,
            seat: seat.unwrap_or(self.seat),
            signer: Box::new(setting.scribe(self.seat, self.journal.clone())),
            check: Box::new(setting.notary.clone()),
            checkers: Arc::clone(&setting.checkers),
            pace: Pace::default(),
        };
        let mut replica = match seat {
            Some(_) => Replica::new(setup, ledger),
            None => Replica::guest(node, setup, ledger),
        };
        let mut restore = |record: Record| -> Result<(), Lost> {
            for output in replica.restore(record)? {
                derive(&mut chain, &output);
                witness(around, self.seat, &output);
            }
            Ok(())
        };
        open.records.into_iter().try_for_each(&mut restore)?;
        log.reader()
            .replay_from(position, |_, record| restore(record))?;
        // What is signed again on the way back was signed before, or lost with the crash.
        drop(self.journal.take());
        if self.disk.is_damaged() {
            return Err(Lost::Unnoticed);
        }
        around.observe(self.seat, &What::Stands(replica.ledger()));
        Ok(Life {
            born: around.now,
            epoch: replica.ledger().scope.epoch,
            replica,
            log,
            chain,
            outbox: VecDeque::new(),
            owes: false,
            syncing: false,
            fresh: None,
            wake: None,
            questions: BTreeMap::new(),
            asked: 0,
            trail: Trail::default(),
        })
    }

    /// What the node's clocks show.
    fn clocks(&self, now: Time, born: Time) -> Now {
        let clock = DAWN.as_ms() + now.as_ms();
        Now {
            timer: Time::from_ms(now.since_ms(born)),
            clock: Time::from_ms(clock.saturating_add_signed(self.skew_ms)),
        }
    }

    /// Something happens to the replica.
    fn step(&mut self, around: &mut Around<'_>, input: Input) {
        let Some(born) = self.life.as_ref().map(|life| life.born) else {
            return;
        };
        let now = self.clocks(around.now, born);
        if let Some(life) = &mut self.life {
            let outputs = life.replica.step(now, input);
            self.took_step(around, outputs);
        }
    }

    /// The replica has taken a step: tell what is to be seen of it, and do what it asks for.
    fn took_step(&mut self, around: &mut Around<'_>, outputs: Vec<Output>) {
        let Some(life) = &mut self.life else {
            return;
        };
        for signed in self.journal.take() {
            around.observe(self.seat, &What::Signed(&signed));
        }
        let mut applied = false;
        for output in &outputs {
            applied |= matches!(output, Output::Applied(_));
            witness(around, self.seat, output);
        }
        if applied {
            around.observe(self.seat, &What::Stands(life.replica.ledger()));
        }
        around.observe(self.seat, &What::Stepped);
        life.outbox.extend(outputs);
        self.carry_out(around);
    }

    fn arrived(&mut self, around: &mut Around<'_>, from: Seat, frame: Frame) {
        match frame {
            Frame::Message(bytes) => self.message(around, from, &bytes),
            Frame::Ask { number, bytes } => self.asked(around, from, number, &bytes),
            Frame::Answer { number, bytes } => self.answered(around, from, number, &bytes),
        }
    }

    /// The seat of another node of the shard in the epoch that this node is in.
    fn seat_of(&self, around: &Around<'_>, node: Seat) -> Option<Seat> {
        let shards = self.life.as_ref()?.replica.shards();
        let shard = around.setting.shard();
        let node = around.setting.node(Place { shard, seat: node });
        shards.ours().seat(&node)
    }

    /// The operator is for a list of nodes.
    fn approve(&mut self, around: &mut Around<'_>, plan: &Plan) {
        let Some(life) = &self.life else {
            return;
        };
        let shards = life.replica.shards();
        let network = shards.scope().network;
        let check = &mut around.setting.notary.clone();
        if plan.check(network, shards.record(), check).is_ok() {
            self.step(around, Input::Approve(plan.clone()));
        }
    }

    /// The node hears of epochs that have begun.
    fn learn(&mut self, around: &mut Around<'_>, changes: &[Arc<EpochChange>]) {
        for change in changes {
            let Some(life) = &self.life else {
                return;
            };
            let mut directory = life.replica.shards().directory().clone();
            let check = &mut around.setting.notary.clone();
            if directory.learn(change, check) == Ok(true) {
                let fact = Fact::Changed((**change).clone());
                self.step(around, Input::Learned(fact));
            }
        }
        self.hear_of(around, changes);
    }

    fn message(&mut self, around: &mut Around<'_>, from: Seat, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        let Ok((epoch, message)) = Message::decode_in(bytes) else {
            return;
        };
        let tip = life.replica.ledger().tip.block.slot;
        let setting = around.setting;
        let shards = life.replica.shards().clone();
        let current = shards.scope().epoch;
        let place = Place {
            shard: setting.shard(),
            seat: from,
        };
        // A seat is another one's in another epoch.
        let then = setting.seat_in(shards.directory(), place, epoch);
        let Some(seat) = then.or_else(|| self.seat_of(around, from)) else {
            return;
        };
        if let Ok(message) = message.admit(&shards, &mut setting.notary.clone()) {
            if epoch == current {
                around.observe(
                    self.seat,
                    &What::Heard {
                        from,
                        message: &message,
                        tip,
                    },
                );
            }
            let input = Input::Message {
                from: seat,
                epoch,
                message,
            };
            self.step(around, input);
        }
    }

    fn letter(&mut self, around: &mut Around<'_>, from: Place, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        let Ok(letter) = Letter::decode(bytes) else {
            return;
        };
        let setting = around.setting;
        let shards = life.replica.shards();
        let shard = from.shard;
        let speaker = shards.other(shard);
        let Some(seat) = speaker.and_then(|members| members.seat(&setting.node(from))) else {
            return;
        };
        if let Ok(letter) = letter.admit(shards, &mut setting.notary.clone()) {
            around.observe(self.seat, &What::HeardFromAfar(&letter));
            let input = Input::Letter {
                shard,
                seat,
                letter,
            };
            self.step(around, input);
        }
    }

    /// Somebody asks for final blocks.
    fn asked(&self, around: &mut Around<'_>, from: Seat, number: u64, bytes: &[u8]) {
        let Some(life) = &self.life else {
            return;
        };
        if let Ok(request) = encoding::decode::<BlocksRequest>(bytes, bytes.len()) {
            let answer = life.chain.answer(request, self.habits.answer_blocks);
            let bytes = encoding::encode(&answer).into();
            around.send(from, Frame::Answer { number, bytes });
        }
    }

    /// Somebody answers with final blocks.
    fn answered(&mut self, around: &mut Around<'_>, from: Seat, number: u64, bytes: &[u8]) {
        let Some(life) = &mut self.life else {
            return;
        };
        if life.replica.is_retired() {
            if let Ok(blocks) = encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) {
                self.followed(around, from, number, blocks);
            }
            return;
        }
        if life.questions.get(&number) != Some(&from) {
            return;
        }
        life.questions.remove(&number);
        let Some(from) = self.seat_of(around, from) else {
            return;
        };
        let input = match encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) {
            Ok(blocks) => Input::Blocks { from, blocks },
            Err(_) => Input::FetchFailed { from },
        };
        self.step(around, input);
    }

    /// A user submits something.
    fn submitted(&mut self, around: &mut Around<'_>, bytes: &[u8]) {
        let setting = around.setting;
        let network = &setting.scope().network;
        let authorized = encoding::decode::<Transaction>(bytes, bounds::TRANSACTION_BYTES_MAX)
            .ok()
            .and_then(|transaction| transaction.check_form(network).ok())
            .and_then(|formed| formed.verify(&mut setting.notary.clone()).ok());
        if let Some(transaction) = authorized {
            self.step(around, Input::Submitted(vec![transaction]));
        }
    }

    fn alarm(&mut self, around: &mut Around<'_>, alarm: Alarm) {
        if alarm.life != self.lives {
            return;
        }
        let Some(life) = &mut self.life else {
            return;
        };
        match alarm.purpose {
            Purpose::Tick => {
                if life.wake.is_some_and(|wake| wake <= around.now) {
                    life.wake = None;
                    self.step(around, Input::Tick);
                }
            }
            Purpose::Synced => self.synced(around),
            Purpose::Unanswered { number } => {
                if life.replica.is_retired() {
                    self.unanswered(around, number);
                    return;
                }
                let asked = life.questions.remove(&number);
                if let Some(from) = asked.and_then(|from| self.seat_of(around, from)) {
                    self.step(around, Input::FetchFailed { from });
                }
            }
            Purpose::Scheme => {} // honest nodes have none
        }
    }
}

impl Snapshot {
    fn empty(setting: &Setting) -> Self {
        Self {
            ledger: setting.ledger(),
            open: Open {
                records: Vec::new(),
                foreign: BTreeMap::new(),
                epoch: setting.scope().epoch,
                directory: setting.shards.directory().clone(),
            },
            position: Position::FIRST,
            chain: Chain::default(),
        }
    }

    /// The shards as they are known here.
    fn shards(&self, setting: &Setting) -> Option<Shards> {
        let Open {
            directory, epoch, ..
        } = &self.open;
        let policy = Arc::clone(setting.shards.policy());
        Shards::within(directory.clone(), policy, setting.shard(), *epoch)
    }

    /// Whether a node is a member in the epoch that is reached here.
    fn has_seat(&self, setting: &Setting, node: Seat) -> bool {
        let shard = setting.shard();
        let place = Place { shard, seat: node };
        let seat = setting.seat_in(&self.open.directory, place, self.open.epoch);
        seat.is_some()
    }
}

/// What a node derives from final blocks and their heads.
fn derive(chain: &mut Chain, output: &Output) {
    match output {
        Output::Applied(applied) => chain.applied(applied),
        Output::HeadCertified(certificate) => chain.certified(certificate),
        Output::Persist(_)
        | Output::Send { .. }
        | Output::Broadcast(_)
        | Output::Tell { .. }
        | Output::FetchBlocks { .. }
        | Output::WakeAt(_)
        | Output::Entered(_)
        | Output::Malpractice(_)
        | Output::Halt(_) => {}
    }
}

/// What is to be seen of an output before anything is done about it.
fn witness(around: &mut Around<'_>, seat: Seat, output: &Output) {
    match output {
        Output::Applied(applied) => around.observe(seat, &What::Applied(applied)),
        Output::HeadCertified(certificate) => around.observe(seat, &What::Certified(certificate)),
        Output::Malpractice(record) => around.observe(seat, &What::Accused(record)),
        Output::Halt(contradiction) => around.observe(seat, &What::Halted(*contradiction)),
        Output::Entered(change) => around.observe(seat, &What::Entered(change)),
        Output::Persist(_)
        | Output::Send { .. }
        | Output::Broadcast(_)
        | Output::Tell { .. }
        | Output::FetchBlocks { .. }
        | Output::WakeAt(_) => {}
    }
}
