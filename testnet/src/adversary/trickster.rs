//! A liar that is an honest member except for one trick, and all that tricks share.
//!
//! ```text
//!   network --heard--> trick --(or not)--> puppet --says--> trick --> network
//! ```

use std::sync::Arc;

use consensus::message::{Blocks, Proposal, SignedVote};
use consensus::{Message, Signer};
use model::shard::Seat;
use model::statement::{Scope, Slot, Statement, Vote};
use model::{Block, Epoch, Signature, Time, encoding};

use super::plot::Plot;
use super::puppet::{PUPPET, Puppet, Saying, Telling};
use super::{Adversary, Kind};
use crate::simulation::{
    Alarm, Around, DAWN, Frame, Happening, Journal, Leak, Place, Purpose, Random, Scribe, Setting,
};

/// The holder of the alarms of the trick.
const TRICK: u8 = 1;

/// The holder of the alarms of what is said later.
const LATER: u8 = 2;

/// What becomes of an honest member's words. Without anything of its own it is an honest member.
pub(super) trait Trick {
    /// A frame arrives, which may be anything.
    fn receive(&mut self, _stage: &mut Stage<'_, '_>, _from: Seat, _frame: &Frame) {}

    /// A member says something. Whether the puppet hears of it.
    fn hear(&mut self, _stage: &mut Stage<'_, '_>, _from: Seat, _message: &Message) -> bool {
        true
    }

    /// The puppet would say something.
    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        stage.say(to, message);
    }

    /// A letter of another shard arrives, which may be anything. Whether the puppet hears of it.
    fn letter(&mut self, _stage: &mut Stage<'_, '_>, _from: Place, _bytes: &Arc<[u8]>) -> bool {
        true
    }

    /// The puppet would tell another shard something.
    fn tell(&mut self, stage: &mut Stage<'_, '_>, telling: Telling) {
        stage.tell(&telling);
    }

    /// The puppet would answer a member's question. The encoding of what the liar answers.
    fn answer(&mut self, _stage: &mut Stage<'_, '_>, _to: Seat, honest: &Blocks) -> Vec<u8> {
        encoding::encode(honest)
    }

    /// Keys of members who have left have got known.
    fn leaked(&mut self, _leak: &Arc<Leak>) {}

    /// A time for schemes. How long until the next one, in milliseconds; never, with `None`.
    fn scheme(&mut self, _stage: &mut Stage<'_, '_>) -> Option<u64> {
        None
    }
}

/// Who a liar is, and what it has besides its puppet.
pub(super) struct Voice {
    /// Its seat.
    pub(super) seat: Seat,
    /// All other members of the epoch.
    pub(super) others: Vec<Seat>,
    /// Its own chance.
    pub(super) random: Random,
    /// What it has agreed upon with other liars.
    pub(super) plot: Plot,
    scribe: Scribe,
    /// The epoch in which it speaks: the last one in which it has a seat.
    epoch: Epoch,
    /// The members of that epoch, as they take turns.
    members: Vec<Seat>,
    lies: u64,
    later: Vec<(Time, Vec<Seat>, Arc<[u8]>)>,
}

impl Voice {
    /// The voice of the liar on `seat`.
    pub(super) fn new(seat: Seat, setting: &Setting, random: &mut Random, plot: &Plot) -> Self {
        Self {
            seat,
            others: setting.others(seat).collect(),
            random: random.fork(),
            plot: plot.clone(),
            scribe: setting.scribe(seat, Journal::default()),
            epoch: setting.scope().epoch,
            members: setting.seats().collect(),
            lies: 0,
            later: Vec::new(),
        }
    }
}

/// What a trick works with.
pub(super) struct Stage<'a, 'w> {
    /// Who it is.
    pub(super) voice: &'a mut Voice,
    /// The world.
    pub(super) around: &'a mut Around<'w>,
}

impl Stage<'_, '_> {
    /// Says something.
    pub(super) fn say(&mut self, to: &[Seat], message: &Message) {
        self.send(to, &self.encode(message));
    }

    /// A message as it is said in the epoch.
    pub(super) fn encode(&self, message: &Message) -> Arc<[u8]> {
        Arc::from(message.encode_in(self.voice.epoch))
    }

    /// What signatures of the epoch are bound to.
    pub(super) fn scope(&self) -> Scope {
        Scope {
            epoch: self.voice.epoch,
            ..*self.around.setting.scope()
        }
    }

    /// Says something to all others.
    pub(super) fn say_to_all(&mut self, message: &Message) {
        let others = self.voice.others.clone();
        self.say(&others, message);
    }

    /// Sends any bytes as a message.
    pub(super) fn send(&mut self, to: &[Seat], bytes: &Arc<[u8]>) {
        for seat in to {
            self.around.send(*seat, Frame::Message(Arc::clone(bytes)));
        }
    }

    /// Tells another shard something.
    pub(super) fn tell(&mut self, telling: &Telling) {
        let bytes = Arc::from(telling.letter.encode());
        self.around.tell(telling.shard, telling.to, bytes);
    }

    /// Says something so many milliseconds later.
    pub(super) fn say_later(&mut self, after_ms: u64, to: &[Seat], message: &Message) {
        let at = self.around.now.plus_ms(after_ms);
        let bytes = self.encode(message);
        self.voice.later.push((at, to.to_vec(), bytes));
        self.around.wake(at, alarm(LATER));
    }

    fn say_what_is_due(&mut self) {
        let now = self.around.now;
        let is_due = |said: &mut (Time, Vec<Seat>, Arc<[u8]>)| said.0 <= now;
        let due: Vec<_> = self.voice.later.extract_if(.., is_due).collect();
        for (_, to, bytes) in due {
            self.send(&to, &bytes);
        }
    }

    /// The halves into which liars divide the shard in a slot, as far as these members are in them.
    pub(super) fn halves(&self, slot: Slot, of: &[Seat]) -> [Vec<Seat>; 2] {
        let halves = self.voice.plot.halves(slot, &self.voice.others);
        halves.map(|half| half.into_iter().filter(|seat| of.contains(seat)).collect())
    }

    /// Notes that the liar has just done what no honest member does.
    pub(super) const fn lied(&mut self) {
        self.voice.lies += 1;
    }

    /// Signs anything.
    pub(super) fn sign(&self, statement: &Statement) -> Signature {
        self.sign_in(&self.scope(), statement)
    }

    /// Signs anything, for any network, shard and epoch.
    pub(super) fn sign_in(&self, scope: &Scope, statement: &Statement) -> Signature {
        self.voice.scribe.sign(&statement.signing_bytes(scope))
    }

    /// A vote, signed.
    pub(super) fn vote(&self, slot: Slot, vote: Vote) -> Message {
        let signature = self.sign(&Statement::Vote { slot, vote });
        Message::Vote(SignedVote {
            slot,
            vote,
            signature,
        })
    }

    /// A proposal, signed.
    pub(super) fn proposal(&self, block: Block) -> Message {
        let (slot, hash) = (block.header.slot, block.hash());
        let signature = self.sign(&Statement::Proposal { slot, block: hash });
        Message::Proposal(Proposal { block, signature })
    }

    /// The liar's time of day.
    pub(super) const fn clock(&self) -> Time {
        DAWN.plus_ms(self.around.now.as_ms())
    }

    /// Whether the liar leads a slot.
    pub(super) fn leads(&self, slot: Slot) -> bool {
        let members = &self.voice.members;
        let turn = usize::try_from(slot.number() % members.len() as u64);
        turn.is_ok_and(|turn| members[turn] == self.voice.seat)
    }

    /// The block of the liar's own proposal, if the message is one.
    pub(super) fn own_proposal<'m>(&self, message: &'m Message) -> Option<&'m Block> {
        match message {
            Message::Proposal(proposal) if self.leads(proposal.block.header.slot) => {
                Some(&proposal.block)
            }
            _ => None,
        }
    }
}

const fn alarm(holder: u8) -> Alarm {
    Alarm {
        holder,
        life: 0,
        purpose: Purpose::Scheme,
    }
}

/// See the module.
pub(super) struct Trickster<T> {
    kind: Kind,
    puppet: Puppet,
    voice: Voice,
    trick: T,
}

impl<T: Trick> Trickster<T> {
    /// An honest member except for `trick`.
    pub(super) const fn new(kind: Kind, voice: Voice, trick: T) -> Self {
        Self {
            kind,
            puppet: Puppet::new(voice.seat),
            voice,
            trick,
        }
    }

    /// The liar goes on in the epoch that its puppet is in. Without a seat there it goes on in the one
    /// that is over.
    fn follow(&mut self, around: &Around<'_>) {
        let epoch = self.puppet.epoch(around);
        if epoch == self.voice.epoch {
            return;
        }
        let members = self.puppet.members(around, None);
        if members.contains(&self.voice.seat) {
            let others = members.iter().filter(|seat| **seat != self.voice.seat);
            self.voice.others = others.copied().collect();
            self.voice.members = members;
            self.voice.epoch = epoch;
        }
    }

    fn scheme(&mut self, around: &mut Around<'_>) {
        let stage = &mut Stage {
            voice: &mut self.voice,
            around,
        };
        if let Some(pause) = self.trick.scheme(stage) {
            around.wake(around.now.plus_ms(pause), alarm(TRICK));
        }
    }

    fn hear(&mut self, around: &mut Around<'_>, from: Seat, bytes: &[u8]) -> Vec<Saying> {
        let Ok((epoch, message)) = Message::decode_in(bytes) else {
            return Vec::new();
        };
        let stage = &mut Stage {
            voice: &mut self.voice,
            around,
        };
        if self.trick.hear(stage, from, &message) {
            self.puppet.hear(around, from, epoch, message)
        } else {
            Vec::new()
        }
    }

    fn letter(&mut self, around: &mut Around<'_>, from: Place, bytes: &Arc<[u8]>) -> Vec<Saying> {
        let stage = &mut Stage {
            voice: &mut self.voice,
            around,
        };
        if self.trick.letter(stage, from, bytes) {
            self.puppet.letter(around, from, bytes)
        } else {
            Vec::new()
        }
    }

    fn answer(&mut self, around: &mut Around<'_>, to: Seat, number: u64, question: &[u8]) {
        let Some(honest) = self.puppet.answer(question) else {
            return;
        };
        let stage = &mut Stage {
            voice: &mut self.voice,
            around,
        };
        let bytes = self.trick.answer(stage, to, &honest).into();
        around.send(to, Frame::Answer { number, bytes });
    }

    fn arrived(&mut self, around: &mut Around<'_>, from: Seat, frame: &Frame) -> Vec<Saying> {
        let stage = &mut Stage {
            voice: &mut self.voice,
            around,
        };
        self.trick.receive(stage, from, frame);
        match frame {
            Frame::Message(bytes) => self.hear(around, from, bytes),
            Frame::Ask { number, bytes } => {
                self.answer(around, from, *number, bytes);
                Vec::new()
            }
            Frame::Answer { number, bytes } => self.puppet.answered(around, from, *number, bytes),
        }
    }
}

impl<T: Trick> Adversary for Trickster<T> {
    fn name(&self) -> &'static str {
        self.kind.name()
    }

    fn lies(&self) -> u64 {
        self.voice.lies
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        let sayings = match happening {
            Happening::Begin => {
                self.scheme(around);
                self.puppet.begin(around)
            }
            Happening::Arrived { from, frame } => self.arrived(around, from, &frame),
            Happening::Letter { from, bytes } => self.letter(around, from, &bytes),
            Happening::Alarm(alarm) if alarm.holder == PUPPET => self.puppet.alarm(around, alarm),
            Happening::Alarm(alarm) if alarm.holder == TRICK => {
                self.scheme(around);
                Vec::new()
            }
            Happening::Alarm(_) => {
                let voice = &mut self.voice;
                Stage { voice, around }.say_what_is_due();
                Vec::new()
            }
            Happening::LinkUp(seat) => self.puppet.link_up(around, seat),
            Happening::Submitted(bytes) => self.puppet.submitted(around, &bytes),
            Happening::Invited => self.puppet.invited(around),
            Happening::Learn(changes) => self.puppet.learn(around, &changes),
            Happening::Leaked(leak) => {
                self.trick.leaked(&leak);
                Vec::new()
            }
            Happening::Approve(_) => Vec::new(),
        };
        self.follow(around);
        for Saying { to, message } in sayings {
            let stage = &mut Stage {
                voice: &mut self.voice,
                around,
            };
            self.trick.say(stage, &to, &message);
        }
        for telling in self.puppet.take_mail() {
            let stage = &mut Stage {
                voice: &mut self.voice,
                around,
            };
            self.trick.tell(stage, telling);
        }
    }
}
