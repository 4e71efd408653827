//! An equivocator: it knows the protocol, signs whatever it likes, and tells everybody something else.
//!
//! It proposes several blocks in a slot, on parents that it should not build on, with heights, times
//! and payloads that are right or wrong; it votes for everything, and against it; it signs heads that
//! nobody computed, repeats certificates with signatures missing, says that it is where it is not, and
//! answers with blocks that are not final.

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::message::{Blocks, HeadSignature, Proposal, Reminder, SignedVote, Status};
use consensus::{Message, Signer};
use model::block::{BlockRef, Header, payload_hash};
use model::shard::Seat;
use model::statement::{Height, Slot, Statement, Vote};
use model::{Block, Bytes, Certificate, Finalized, Hash, Signature, Time, encoding};

use super::{Adversary, Kind};
use crate::simulation::{
    Alarm, Around, DAWN, Frame, Happening, Journal, Purpose, Random, Scribe, Setting,
};

/// How often it acts by itself, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 10..=300;

/// How many blocks and certificates it remembers.
const REMEMBERED: usize = 24;

/// See the module.
pub(super) struct Equivocator {
    seat: Seat,
    others: Vec<Seat>,
    scribe: Scribe,
    random: Random,
    /// Blocks that it heard of or made, by slot.
    blocks: BTreeMap<(Slot, Hash), Block>,
    certificates: Vec<Certificate>,
    /// The highest slot and the highest height that anybody spoke of.
    slot: Slot,
    height: Height,
    lies: u64,
}

impl Equivocator {
    /// An equivocator on a seat.
    #[must_use]
    pub(super) fn new(seat: Seat, setting: &Setting, random: &mut Random) -> Self {
        Self {
            seat,
            others: setting.others(seat).collect(),
            scribe: setting.scribe(seat, Journal::default()),
            random: random.fork(),
            blocks: BTreeMap::new(),
            certificates: Vec::new(),
            slot: Slot::ZERO,
            height: Height::ZERO,
            lies: 0,
        }
    }

    fn hear(&mut self, around: &mut Around<'_>, from: Seat, message: Message) {
        match message {
            Message::Proposal(proposal) => {
                let name = proposal.block.name();
                self.see(name.slot);
                self.remember(proposal.block);
                self.vote(around, name.slot, Some(name.hash));
            }
            Message::Vote(vote) => {
                self.see(vote.slot);
                if self.random.chance(300) {
                    self.vote(around, vote.slot, block_of(vote.vote));
                }
            }
            Message::Certificate(certificate) => self.keep(certificate),
            Message::Status(status) => self.certificates.extend(status.finalization),
            // Liars may speak of any height, as of any slot.
            Message::HeadSignature(signature)
                if signature.height.number() < self.height.number() + 100 =>
            {
                self.height = self.height.max(signature.height);
            }
            Message::HeadSignature(_) => {}
            Message::HeadCertificate(_)
            | Message::ProposalRequest(_)
            | Message::CertificatesRequest { .. }
            | Message::Reminder(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Transactions(_) => {}
            Message::Recall(asked) => self.remind(around, from, asked),
        }
    }

    /// Somebody spoke of a slot. Liars may speak of any.
    fn see(&mut self, slot: Slot) {
        if slot.number() < self.slot.number() + 100 {
            self.slot = self.slot.max(slot);
        }
    }

    fn remember(&mut self, block: Block) {
        self.blocks.insert((block.header.slot, block.hash()), block);
        if self.blocks.len() > REMEMBERED {
            self.blocks.pop_first();
        }
    }

    fn keep(&mut self, certificate: Certificate) {
        if self.certificates.len() < REMEMBERED {
            self.certificates.push(certificate);
        } else {
            let at = self.random.index(REMEMBERED);
            self.certificates[at] = certificate;
        }
    }

    /// Tells each other member something else about a slot.
    fn vote(&mut self, around: &mut Around<'_>, slot: Slot, block: Option<Hash>) {
        for to in self.others.clone() {
            let rivals: Vec<Hash> = self
                .blocks
                .range((slot, Hash::ZERO)..)
                .take_while(|((found, _), _)| *found == slot)
                .map(|((_, hash), _)| *hash)
                .collect();
            let hash = match block {
                Some(block) if rivals.is_empty() || self.random.chance(700) => block,
                Some(_) => *self.random.pick(&rivals),
                None => Hash::from_bytes(self.random.bytes()),
            };
            let vote = match self.random.below(8) {
                0..=3 => Vote::Notarize(hash),
                4 | 5 => Vote::Finalize(hash),
                6 => Vote::Skip,
                _ => continue,
            };
            let signature = self.sign(around, &Statement::Vote { slot, vote });
            let vote = SignedVote {
                slot,
                vote,
                signature,
            };
            self.say(around, to, &Message::Vote(vote));
        }
    }

    /// Proposes one block or two in a slot that it leads, each to some of the others.
    fn propose(&mut self, around: &mut Around<'_>) {
        let members = self.others.len() as u64 + 1;
        let next = self.slot.number() + self.random.below(3);
        let own = (self.seat.index() as u64 + members - next % members) % members;
        let slot = Slot::new(next + own);
        for _ in 0..=self.random.below(2) {
            let block = self.block(around, slot);
            let hash = block.hash();
            let signature = self.sign(around, &Statement::Proposal { slot, block: hash });
            let message = Message::Proposal(Proposal {
                block: block.clone(),
                signature,
            });
            let everybody = self.random.chance(500);
            for to in self.others.clone() {
                if everybody || self.random.chance(600) {
                    self.say(around, to, &message);
                }
            }
            self.remember(block);
            self.vote(around, slot, Some(hash));
        }
    }

    /// A block that is right, or wrong in one way or another.
    fn block(&mut self, around: &Around<'_>, slot: Slot) -> Block {
        let clock = DAWN.plus_ms(around.now.as_ms());
        let scope = *around.setting.scope();
        let known: Vec<&Block> = self.blocks.values().collect();
        let genesis = (BlockRef::genesis(&scope.network), Height::ZERO, DAWN);
        let recent = known.len().saturating_sub(4);
        let (parent, height, before) = match known.len() {
            0 => genesis,
            _ if self.random.chance(50) => genesis,
            length => {
                let from = if self.random.chance(700) { recent } else { 0 };
                let block = known[from + self.random.index(length - from)];
                (block.name(), block.header.height, block.header.time)
            }
        };
        // A parent that it should not have is the only fault of most of its blocks.
        let right = self.random.chance(600);
        let payload = match known.as_slice() {
            [] => empty(),
            _ if right => empty(),
            known => match self.random.below(4) {
                0 | 1 => self.random.pick(known).payload.clone(),
                2 => empty(),
                _ => Bytes::from(self.random.bytes::<32>()),
            },
        };
        let height = match self.random.below(10) {
            _ if right => Height::new(height.number().wrapping_add(1)),
            0 => height,
            1 => Height::new(height.number().wrapping_add(2)),
            _ => Height::new(height.number().wrapping_add(1)),
        };
        let time = match self.random.below(10) {
            _ if right => clock.max(before.plus_ms(1)),
            0 => before,
            1 => clock.plus_ms(4_900),
            2 => Time::from_ms(self.random.number()),
            3 => before.plus_ms(1),
            _ => clock.max(before.plus_ms(1)),
        };
        let header = Header {
            scope,
            slot,
            parent,
            height,
            time,
            payload: payload_hash(&payload),
        };
        Block { header, payload }
    }

    /// Signs a head that nobody computed.
    fn sign_head(&mut self, around: &mut Around<'_>) {
        let height = Height::new(self.height.number() + self.random.below(3));
        for to in self.others.clone() {
            let head = Hash::from_bytes(self.random.bytes());
            let signature = self.sign(around, &Statement::Head { height, head });
            let signed = HeadSignature {
                height,
                head,
                signature,
            };
            self.say(around, to, &Message::HeadSignature(signed));
        }
    }

    /// Repeats a certificate, whole or spoilt, as itself or as its status.
    fn repeat(&mut self, around: &mut Around<'_>) {
        if self.certificates.is_empty() {
            return;
        }
        let mut certificate = self.random.pick(&self.certificates).clone();
        match self.random.below(4) {
            0 => drop(certificate.signatures.pop()),
            1 => certificate.signatures.reverse(),
            _ => {}
        }
        let frontier = match self.random.below(3) {
            0 => Slot::ZERO,
            1 => Slot::new(u64::MAX),
            _ => self.slot,
        };
        let message = if self.random.chance(500) {
            Message::Certificate(certificate)
        } else {
            Message::Status(Status {
                finalization: self.random.chance(800).then_some(certificate),
                frontier,
                certified: Height::new(self.random.below(self.height.number() + 2)),
            })
        };
        self.say_to_any(around, &message);
    }

    /// Reminds a member of what it never signed, of slots that are near or far.
    fn remind(&mut self, around: &mut Around<'_>, to: Seat, asked: Time) {
        let slot = match self.random.below(3) {
            0 => Slot::new(u64::MAX),
            _ => Slot::new(self.slot.number() + self.random.below(8)),
        };
        let (vote, height) = (Vote::Skip, Height::new(slot.number()));
        let head = Hash::from_bytes(self.random.bytes());
        let statements = [
            Statement::Vote { slot, vote },
            Statement::Proposal { slot, block: head },
            Statement::Head { height, head },
        ];
        let signed = statements.map(|statement| (statement, self.sign(around, &statement)));
        let finalization = match self.certificates.as_slice() {
            [] => None,
            certificates => Some(self.random.pick(certificates).clone()),
        };
        let reminder = Message::Reminder(Reminder {
            asked,
            finalization,
            signed: signed.to_vec(),
        });
        self.say(around, to, &reminder);
    }

    /// Asks for a lot.
    fn request(&mut self, around: &mut Around<'_>) {
        let (first, last) = match self.random.below(2) {
            0 => (Slot::ZERO, Slot::new(u64::MAX)),
            _ => (Slot::new(u64::MAX), Slot::ZERO),
        };
        self.say_to_any(around, &Message::CertificatesRequest { first, last });
    }

    /// Answers with blocks that are not final, or not all of them.
    fn answer(&mut self, around: &mut Around<'_>, to: Seat, number: u64) {
        let from = self.random.index(self.blocks.len() + 1);
        let finalized = |block: &Block| {
            let name = block.name();
            let is_of = |certificate: &&Certificate| match certificate.statement {
                Statement::Vote { vote, .. } => block_of(vote) == Some(name.hash),
                Statement::Proposal { .. }
                | Statement::Head { .. }
                | Statement::Succession { .. } => false,
            };
            Finalized {
                block: block.clone(),
                certificate: self.certificates.iter().find(is_of).cloned(),
                head: None,
            }
        };
        let blocks = self.blocks.values().skip(from).map(finalized).collect();
        let bytes = encoding::encode(&Blocks { blocks }).into();
        around.send(to, Frame::Answer { number, bytes });
    }

    fn act(&mut self, around: &mut Around<'_>) {
        self.lies += 1;
        match self.random.below(10) {
            0..=2 => self.propose(around),
            3..=5 => {
                let slot = Slot::new(self.slot.number() + self.random.below(3));
                self.vote(around, slot, None);
            }
            6 => self.sign_head(around),
            7 | 8 => self.repeat(around),
            _ => self.request(around),
        }
        let alarm = Alarm {
            holder: 0,
            life: 0,
            purpose: Purpose::Scheme,
        };
        let pause = self.random.within(&PAUSE_MS);
        around.wake(around.now.plus_ms(pause), alarm);
    }

    fn sign(&self, around: &Around<'_>, statement: &Statement) -> Signature {
        self.scribe
            .sign(&statement.signing_bytes(around.setting.scope()))
    }

    fn say(&self, around: &mut Around<'_>, to: Seat, message: &Message) {
        around.send(
            to,
            Frame::Message(Arc::from(message.encode_in(around.setting.scope().epoch))),
        );
    }

    fn say_to_any(&mut self, around: &mut Around<'_>, message: &Message) {
        let to = *self.random.pick(&self.others);
        self.say(around, to, message);
    }
}

impl Adversary for Equivocator {
    fn name(&self) -> &'static str {
        Kind::Equivocator.name()
    }

    fn lies(&self) -> u64 {
        self.lies
    }

    fn on(&mut self, around: &mut Around<'_>, happening: Happening) {
        match happening {
            Happening::Begin | Happening::Alarm(_) => self.act(around),
            Happening::Arrived { from, frame } => match frame {
                Frame::Message(bytes) => {
                    if let Ok((_, message)) = Message::decode_in(&bytes) {
                        self.hear(around, from, message);
                    }
                }
                Frame::Ask { number, .. } => self.answer(around, from, number),
                Frame::Answer { .. } => {}
            },
            Happening::Letter { .. }
            | Happening::LinkUp(_)
            | Happening::Invited
            | Happening::Approve(_)
            | Happening::Learn(_)
            | Happening::Leaked(_)
            | Happening::Submitted(_) => {}
        }
    }
}

/// The payload of a block without entries.
fn empty() -> Bytes {
    model::block::encode_entries(&[])
}

/// The block that a vote is about.
const fn block_of(vote: Vote) -> Option<Hash> {
    match vote {
        Vote::Notarize(hash) | Vote::Finalize(hash) => Some(hash),
        Vote::Skip => None,
    }
}
