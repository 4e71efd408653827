//! An honest replica under a liar's key, whose words go to the liar in place of the network.
//!
//! Most liars follow the protocol except in one thing, and this is how: the puppet says what an honest
//! member would say, and the liar decides what becomes of it. A puppet has no disk, but a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::bft::Pace;
use consensus::message::{BLOCKS_BYTES_MAX, Blocks, BlocksRequest};
use consensus::replica::{Output, Setup};
use consensus::sbac::letter::Letter;
use consensus::{Input, Message, Now, Record, Replica, Shards};
use model::shard::Seat;
use model::{
    Committee, Epoch, EpochChange, Fact, Finalized, HeadCertificate, ShardId, Time, Transaction,
    bounds, encoding,
};

use crate::simulation::{Alarm, Around, DAWN, Frame, Journal, Place, Purpose};

/// The holder of the alarms of a puppet: see [`Alarm::holder`].
pub(super) const PUPPET: u8 = 0;

/// How long a puppet waits for an answer, in milliseconds.
const PATIENCE_MS: u64 = 1_000;

/// Something that a puppet would say.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    /// To whom.
    pub(super) to: Vec<Seat>,
    /// What.
    pub(super) message: Arc<Message>,
}

/// Something that a puppet would tell members of another shard.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    /// The shard.
    pub(super) shard: ShardId,
    /// To whom; to all members without it.
    pub(super) to: Option<Seat>,
    /// What.
    pub(super) letter: Arc<Letter>,
}

/// See the module.
pub(super) struct Puppet {
    seat: Seat,
    /// `None` before it begins, and once it cannot go on.
    replica: Option<Replica>,
    /// Whether somebody wants it to become a member.
    invited: bool,
    born: Time,
    lives: u32,
    /// What it would have told other shards, and nobody has taken.
    mail: Vec<Telling>,
    log: Vec<Record>,
    history: Vec<Finalized>,
    wake: Option<Time>,
    questions: BTreeMap<u64, Seat>,
    asked: u64,
}

impl Puppet {
    /// The puppet on `seat`, with an empty log.
    pub(super) const fn new(seat: Seat) -> Self {
        Self {
            seat,
            replica: None,
            invited: false,
            born: Time::ZERO,
            lives: 0,
            mail: Vec::new(),
            log: Vec::new(),
            history: Vec::new(),
            wake: None,
            questions: BTreeMap::new(),
            asked: 0,
        }
    }

    /// It begins, for the first time or again, with what its log has, if it has a seat or is to have one.
    pub(super) fn begin(&mut self, around: &mut Around<'_>) -> Vec<Saying> {
        if !self.invited && self.first_seat(around).is_none() {
            return Vec::new();
        }
        self.lives += 1;
        self.born = around.now;
        self.wake = None;
        self.questions.clear();
        self.history.clear();
        self.replica = self.revive(around);
        let now = self.clocks(around.now);
        let outputs = self.replica.as_mut().map(|replica| replica.start(now));
        self.perform(around, outputs.unwrap_or_default())
    }

    /// Its seat in the first epoch.
    fn first_seat(&self, around: &Around<'_>) -> Option<Seat> {
        around.setting.seats().find(|seat| *seat == self.seat)
    }

    fn revive(&mut self, around: &Around<'_>) -> Option<Replica> {
        let setting = around.setting;
        let shard = setting.shard();
        let node = setting.node(Place {
            shard,
            seat: self.seat,
        });
        let setup = Setup {
            shards: setting.shards.clone(),
            seat: self.seat,
            signer: Box::new(setting.scribe(self.seat, Journal::default())),
            check: Box::new(setting.notary.clone()),
            checkers: Arc::clone(&setting.checkers),
            pace: Pace::default(),
        };
        let mut replica = match self.first_seat(around) {
            Some(_) => Replica::new(setup, setting.ledger()),
            None => Replica::guest(node, setup, setting.ledger()),
        };
        for record in self.log.clone() {
            for output in replica.restore(record).ok()? {
                self.derive(&output);
            }
        }
        Some(replica)
    }

    /// Somebody wants it to become a member.
    pub(super) fn invited(&mut self, around: &mut Around<'_>) -> Vec<Saying> {
        self.invited = true;
        if self.replica.is_none() {
            self.begin(around)
        } else {
            Vec::new()
        }
    }

    /// It hears of epochs that have begun. Without a seat it asks anybody for the blocks that lead there.
    pub(super) fn learn(
        &mut self,
        around: &mut Around<'_>,
        changes: &[Arc<EpochChange>],
    ) -> Vec<Saying> {
        let mut sayings = Vec::new();
        for change in changes {
            let directory = self.shards().map(|shards| shards.directory().clone());
            let check = &mut around.setting.notary.clone();
            if directory.is_some_and(|mut known| known.learn(change, check) == Ok(true)) {
                let fact = Fact::Changed((**change).clone());
                sayings.extend(self.step(around, Input::Learned(fact)));
            }
        }
        if self.invited && self.is_guest() {
            let nodes: Vec<Seat> = around.setting.nodes().collect();
            let node = *around.random.pick(&nodes);
            self.follow(around, node);
        }
        sayings
    }

    fn is_guest(&self) -> bool {
        self.replica.as_ref().is_some_and(Replica::is_retired)
    }

    /// Asks a node for the blocks after its last one.
    fn follow(&mut self, around: &mut Around<'_>, node: Seat) {
        if let Some(replica) = &self.replica {
            let first = replica.ledger().tip.height.next();
            self.ask(around, node, BlocksRequest { first });
        }
    }

    /// How many records its log has.
    pub(super) const fn log_length(&self) -> usize {
        self.log.len()
    }

    /// Cuts its log down to the oldest records, so many. It is noticed when it begins again.
    pub(super) fn cut_log(&mut self, length: usize) {
        self.log.truncate(length);
    }

    /// The votes and heads among the records of its log from one on.
    pub(super) fn promises_after(&self, length: usize) -> usize {
        let records = self.log.iter().skip(length);
        let is_promise =
            |record: &&Record| record.is_promise() || matches!(record, Record::Head(_));
        records.filter(is_promise).count()
    }

    /// A member says something to it.
    pub(super) fn hear(
        &mut self,
        around: &mut Around<'_>,
        from: Seat,
        epoch: Epoch,
        message: Message,
    ) -> Vec<Saying> {
        let setting = around.setting;
        let (Some(shards), Some(from)) = (self.shards(), self.seat_of(around, from)) else {
            return Vec::new();
        };
        match message.admit(shards, &mut setting.notary.clone()) {
            Ok(message) => {
                let input = Input::Message {
                    from,
                    epoch,
                    message,
                };
                self.step(around, input)
            }
            Err(_) => Vec::new(),
        }
    }

    /// The shards as it knows them.
    fn shards(&self) -> Option<&Shards> {
        Some(self.replica.as_ref()?.shards())
    }

    /// The epoch that it is in.
    pub(super) fn epoch(&self, around: &Around<'_>) -> Epoch {
        let scope = self.shards().map(Shards::scope);
        scope.unwrap_or(around.setting.scope()).epoch
    }

    /// The seat of another node.
    fn seat_of(&self, around: &Around<'_>, node: Seat) -> Option<Seat> {
        let shard = around.setting.shard();
        let node = around.setting.node(Place { shard, seat: node });
        self.shards()?.ours().seat(&node)
    }

    /// The nodes on all seats of another shard, or on one.
    fn holders(&self, around: &Around<'_>, members: &Committee, seat: Option<Seat>) -> Vec<Seat> {
        let seats = members.seats();
        let wanted = seats.filter(|one| seat.is_none_or(|seat| seat == *one));
        let holders = wanted.filter_map(|seat| around.setting.holder(members, seat));
        holders.collect()
    }

    /// A member of another shard tells it something.
    pub(super) fn letter(
        &mut self,
        around: &mut Around<'_>,
        from: Place,
        bytes: &[u8],
    ) -> Vec<Saying> {
        let setting = around.setting;
        let shard = from.shard;
        let speaker = self.shards().and_then(|shards| shards.other(shard));
        let seat = speaker.and_then(|members| members.seat(&setting.node(from)));
        let (Some(shards), Some(seat)) = (self.shards(), seat) else {
            return Vec::new();
        };
        let admitted = Letter::decode(bytes)
            .ok()
            .and_then(|letter| letter.admit(shards, &mut setting.notary.clone()).ok());
        admitted.map_or_else(Vec::new, |letter| {
            let input = Input::Letter {
                shard,
                seat,
                letter,
            };
            self.step(around, input)
        })
    }

    /// Takes what it would have told other shards since the last time.
    pub(super) fn take_mail(&mut self) -> Vec<Telling> {
        std::mem::take(&mut self.mail)
    }

    /// A link to a member is up.
    pub(super) fn link_up(&mut self, around: &mut Around<'_>, seat: Seat) -> Vec<Saying> {
        match self.seat_of(around, seat) {
            Some(seat) => self.step(around, Input::LinkUp(seat)),
            None => Vec::new(),
        }
    }

    /// A user submits something to it.
    pub(super) fn submitted(&mut self, around: &mut Around<'_>, bytes: &[u8]) -> Vec<Saying> {
        let setting = around.setting;
        let authorized = encoding::decode::<Transaction>(bytes, bounds::TRANSACTION_BYTES_MAX)
            .ok()
            .and_then(|transaction| transaction.check_form(&setting.scope().network).ok())
            .and_then(|formed| formed.verify(&mut setting.notary.clone()).ok());
        authorized.map_or_else(Vec::new, |transaction| {
            self.step(around, Input::Submitted(vec![transaction]))
        })
    }

    /// A time has come that it asked for.
    pub(super) fn alarm(&mut self, around: &mut Around<'_>, alarm: Alarm) -> Vec<Saying> {
        if alarm.life != self.lives {
            return Vec::new();
        }
        match alarm.purpose {
            Purpose::Tick if self.wake.is_some_and(|wake| wake <= around.now) => {
                self.wake = None;
                self.step(around, Input::Tick)
            }
            Purpose::Unanswered { number } => match self.questions.remove(&number) {
                Some(from) => match self.seat_of(around, from) {
                    Some(from) => self.step(around, Input::FetchFailed { from }),
                    None => Vec::new(),
                },
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What it answers to a member that asks for final blocks.
    pub(super) fn answer(&self, question: &[u8]) -> Option<Blocks> {
        let request = encoding::decode::<BlocksRequest>(question, question.len()).ok()?;
        let first = usize::try_from(request.first.number()).unwrap_or(usize::MAX);
        let mut blocks = self.history.get(first.saturating_sub(1)..)?.to_vec();
        let certified = |block: &Finalized| block.certificate.is_some();
        blocks.truncate(
            blocks
                .iter()
                .rposition(certified)
                .map_or(0, |last| last + 1),
        );
        Some(Blocks { blocks })
    }

    /// A member answers it with final blocks.
    pub(super) fn answered(
        &mut self,
        around: &mut Around<'_>,
        from: Seat,
        number: u64,
        bytes: &[u8],
    ) -> Vec<Saying> {
        if self.questions.get(&number) != Some(&from) {
            return Vec::new();
        }
        self.questions.remove(&number);
        if self.is_guest() {
            return self.followed(around, from, bytes);
        }
        let Some(from) = self.seat_of(around, from) else {
            return Vec::new();
        };
        let input = match encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) {
            Ok(blocks) => Input::Blocks { from, blocks },
            Err(_) => Input::FetchFailed { from },
        };
        self.step(around, input)
    }

    /// A node has answered it with final blocks while it has no seat.
    fn followed(&mut self, around: &mut Around<'_>, from: Seat, bytes: &[u8]) -> Vec<Saying> {
        let Ok(blocks) = encoding::decode::<Blocks>(bytes, BLOCKS_BYTES_MAX) else {
            return Vec::new();
        };
        let known = self.history.len();
        let sayings = self.step(around, Input::Final(blocks));
        if self.history.len() > known && self.is_guest() {
            self.follow(around, from);
        }
        sayings
    }

    fn clocks(&self, now: Time) -> Now {
        Now {
            timer: Time::from_ms(now.since_ms(self.born)),
            clock: DAWN.plus_ms(now.as_ms()),
        }
    }

    fn step(&mut self, around: &mut Around<'_>, input: Input) -> Vec<Saying> {
        let now = self.clocks(around.now);
        let outputs = self
            .replica
            .as_mut()
            .map(|replica| replica.step(now, input));
        self.perform(around, outputs.unwrap_or_default())
    }

    /// Does what the replica asks for, except that nothing is said.
    fn perform(&mut self, around: &mut Around<'_>, outputs: Vec<Output>) -> Vec<Saying> {
        let mut sayings = Vec::new();
        for output in outputs {
            self.derive(&output);
            match output {
                Output::Persist(record) => self.log.push(record),
                Output::Send { to, message } => {
                    let to = self.members(around, Some(to));
                    sayings.push(Saying { to, message });
                }
                Output::Broadcast(message) => {
                    let mut to = self.members(around, None);
                    to.retain(|node| *node != self.seat);
                    sayings.push(Saying { to, message });
                }
                Output::Tell { shard, to, letter } => self.tell(around, shard, to, &letter),
                Output::FetchBlocks { from, request } => {
                    for node in self.members(around, Some(from)) {
                        self.ask(around, node, request);
                    }
                }
                Output::WakeAt(timer) => {
                    let at = self.born.plus_ms(timer.as_ms());
                    self.wake = Some(at);
                    around.wake(at, self.alarm_for(Purpose::Tick));
                }
                Output::Halt(_) => self.replica = None,
                Output::Applied(_)
                | Output::HeadCertified(_)
                | Output::Entered(_)
                | Output::Malpractice(_) => {}
            }
        }
        sayings
    }

    /// The nodes on all seats of its own shard, or on one.
    pub(super) fn members(&self, around: &Around<'_>, seat: Option<Seat>) -> Vec<Seat> {
        let members = self.shards().map(Shards::ours);
        members.map_or_else(Vec::new, |members| self.holders(around, members, seat))
    }

    fn tell(
        &mut self,
        around: &Around<'_>,
        shard: ShardId,
        to: Option<Seat>,
        letter: &Arc<Letter>,
    ) {
        let members = self.shards().and_then(|shards| shards.other(shard));
        let nodes = members.map_or_else(Vec::new, |members| self.holders(around, members, to));
        let telling = |node| Telling {
            shard,
            to: Some(node),
            letter: Arc::clone(letter),
        };
        self.mail.extend(nodes.into_iter().map(telling));
    }

    /// Keeps final blocks and their heads.
    fn derive(&mut self, output: &Output) {
        match output {
            Output::Applied(applied) => self.history.push(Finalized {
                block: (*applied.block).clone(),
                certificate: applied.certificate.clone(),
                head: None,
            }),
            Output::HeadCertified(certificate) => self.certified(certificate),
            _ => {}
        }
    }

    fn certified(&mut self, certificate: &HeadCertificate) {
        let height = certificate.head.height;
        let of = |block: &&mut Finalized| block.block.header.height == height;
        if let Some(block) = self.history.iter_mut().find(of) {
            block.head = Some(certificate.clone());
        }
    }

    fn ask(&mut self, around: &mut Around<'_>, from: Seat, request: BlocksRequest) {
        self.asked += 1;
        let number = self.asked;
        self.questions.insert(number, from);
        let bytes = encoding::encode(&request).into();
        around.send(from, Frame::Ask { number, bytes });
        let alarm = self.alarm_for(Purpose::Unanswered { number });
        around.wake(around.now.plus_ms(PATIENCE_MS), alarm);
    }

    const fn alarm_for(&self, purpose: Purpose) -> Alarm {
        Alarm {
            holder: PUPPET,
            life: self.lives,
            purpose,
        }
    }
}
