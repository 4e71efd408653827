//! A member that sends what is as large as it may be, and what is larger: blocks and messages filled
//! to the limit and beyond it, lists and certificates that are too long, a few bytes that promise to
//! be many, and the largest numbers there are. In all else it follows the protocol.
//!
//! It tries to exhaust memory or time, or to have an honest member count past the end of a number. What
//! stops it: lengths are checked before anything is allocated, every list has a bound, and what is far
//! ahead of the frontier is not looked at.

use std::sync::Arc;

use consensus::Message;
use consensus::message::{
    BLOCKS_BYTES_MAX, BLOCKS_MAX, Blocks, HeadSignature, MESSAGE_BYTES_MAX, Status,
};
use model::block::{BlockRef, Entry, Header, decode_entries, encode_entries, payload_hash};
use model::bounds::{ENTRIES_MAX, MEMBERS_MAX, PAYLOAD_BYTES_MAX};
use model::shard::Seat;
use model::statement::{Height, Slot, Statement, Vote};
use model::{Block, Bytes, Certificate, Epoch, Hash, Time, Transaction, encoding};

use super::rivals::Rivals;
use super::trickster::{Stage, Trick};
use crate::simulation::Frame;

/// How often it speaks, in milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 100..=900;

/// Large things that it makes in a run. More would only make the run slow.
const LARGE_MAX: u32 = 4;

/// Transactions that it remembers, to fill blocks with.
const REMEMBERED: usize = 4;

/// The largest number of all.
const SLOT: Slot = Slot::new(u64::MAX);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct OversizedSender {
    rivals: Rivals,
    transactions: Vec<Transaction>,
    large: u32,
}

impl OversizedSender {
    fn remember(&mut self, transactions: impl Iterator<Item = Transaction>) {
        let room = REMEMBERED - self.transactions.len();
        self.transactions.extend(transactions.take(room));
    }

    /// Whether it may make another large thing.
    const fn spend(&mut self) -> bool {
        self.large += 1;
        self.large <= LARGE_MAX
    }

    /// One transaction over and over, as often as it fits into so many bytes, and once more if it is
    /// to be too much.
    fn repeat(&self, stage: &mut Stage<'_, '_>, bytes: usize) -> Vec<Transaction> {
        let random = &mut stage.voice.random;
        let Some(transaction) = self.transactions.last() else {
            return Vec::new();
        };
        // A list, its length and the tags around each member cost a few bytes.
        let one = encoding::encode(&Entry::Prepare(transaction.clone())).len();
        let fits = (bytes - 16) / one;
        let count = fits.min(ENTRIES_MAX) + random.index(2);
        vec![transaction.clone(); count]
    }

    /// Fills a block of its puppet with one transaction.
    fn fill(&mut self, stage: &mut Stage<'_, '_>, block: &Block) {
        if self.transactions.is_empty() || !self.spend() {
            self.rivals.insert(block.clone(), Some(block.hash()));
            return;
        }
        let entries = self.repeat(stage, PAYLOAD_BYTES_MAX).into_iter();
        let entries: Vec<Entry> = entries.map(Entry::Prepare).collect();
        let payload = encode_entries(&entries);
        let mut full = block.clone();
        full.header.payload = payload_hash(&payload);
        full.payload = payload;
        self.rivals.insert(full, Some(block.hash()));
        stage.lied();
    }

    /// Something large, as a message.
    fn large_message(&self, stage: &mut Stage<'_, '_>) -> Vec<u8> {
        match stage.voice.random.below(3) {
            0 => {
                Message::Transactions(self.repeat(stage, MESSAGE_BYTES_MAX)).encode_in(Epoch::ZERO)
            }
            1 => padded_proposal(stage),
            _ => crowded_certificate(stage).encode_in(Epoch::ZERO),
        }
    }
}

impl Trick for OversizedSender {
    fn hear(&mut self, stage: &mut Stage<'_, '_>, from: Seat, message: &Message) -> bool {
        match message {
            Message::Transactions(transactions) => {
                self.remember(transactions.iter().cloned());
            }
            Message::Proposal(proposal) => {
                let entries = decode_entries(&proposal.block.payload).unwrap_or_default();
                self.remember(entries.into_iter().filter_map(|entry| match entry {
                    Entry::Prepare(held) => Some(held),
                    Entry::Deliver(_) | Entry::Change(_) | Entry::End(_) | Entry::Found(_) => None,
                }));
            }
            _ => self.rivals.show(stage, from, message),
        }
        true
    }

    fn say(&mut self, stage: &mut Stage<'_, '_>, to: &[Seat], message: &Message) {
        if let Some(block) = stage.own_proposal(message)
            && !self.rivals.has(block.header.slot)
        {
            self.fill(stage, block);
        }
        self.rivals.say_instead(stage, to, message);
    }

    fn answer(&mut self, stage: &mut Stage<'_, '_>, _to: Seat, honest: &Blocks) -> Vec<u8> {
        let Some(block) = honest.blocks.last().filter(|_| self.spend()) else {
            return encoding::encode(honest);
        };
        stage.lied();
        match stage.voice.random.below(8) {
            0 => vec![0; BLOCKS_BYTES_MAX + 1],
            _ => encoding::encode(&Blocks {
                blocks: vec![block.clone(); BLOCKS_MAX + 1],
            }),
        }
    }

    fn scheme(&mut self, stage: &mut Stage<'_, '_>) -> Option<u64> {
        let to = *stage.voice.random.pick(&stage.voice.others);
        let choice = stage.voice.random.below(4);
        if choice == 0 && self.spend() {
            let bytes = self.large_message(stage).into();
            stage.send(&[to], &bytes);
        } else if choice == 1 {
            let frame = promise(stage);
            stage.around.send(to, frame);
        } else {
            for message in huge_numbers(stage) {
                stage.say(&[to], &message);
            }
        }
        stage.lied();
        Some(stage.voice.random.within(&PAUSE_MS))
    }
}

/// A proposal whose message is as long as a message may be, or one byte longer.
fn padded_proposal(stage: &mut Stage<'_, '_>) -> Vec<u8> {
    let around = stage.proposal(last_block(stage, Bytes::from(vec![0; PAYLOAD_BYTES_MAX])));
    let room = MESSAGE_BYTES_MAX - around.encode_in(Epoch::ZERO).len();
    let length = PAYLOAD_BYTES_MAX + room + stage.voice.random.index(2);
    stage
        .proposal(last_block(stage, Bytes::from(vec![0; length])))
        .encode_in(Epoch::ZERO)
}

/// A certificate with more signatures than a shard can have members.
fn crowded_certificate(stage: &Stage<'_, '_>) -> Message {
    let vote = Vote::Skip;
    let statement = Statement::Vote { slot: SLOT, vote };
    let signature = stage.sign(&statement);
    let seats = (0..10 * MEMBERS_MAX).filter_map(|index| Seat::new(index % MEMBERS_MAX));
    Message::Certificate(Certificate {
        statement,
        signatures: seats.map(|seat| (seat, signature)).collect(),
    })
}

/// A few bytes that promise to be many.
fn promise(stage: &mut Stage<'_, '_>) -> Frame {
    let random = &mut stage.voice.random;
    // An array or a string of bytes, and how many follow: up to what 32 or 64 bits can count.
    let head = *random.pick(&[0x9a, 0x9b, 0x5a, 0x5b]);
    let length = *random.pick(&[u64::MAX, u64::MAX >> 1, u64::from(u32::MAX) << 32 | 1]);
    let mut bytes = match random.below(2) {
        0 => Vec::new(),
        _ => Message::Transactions(Vec::new()).encode_in(Epoch::ZERO),
    };
    bytes.pop(); // the length of the list, which is the last byte
    bytes.push(head);
    bytes.extend(length.to_be_bytes());
    let (number, bytes) = (random.below(8), Arc::from(bytes));
    match random.below(3) {
        0 => Frame::Ask { number, bytes },
        1 => Frame::Answer { number, bytes },
        _ => Frame::Message(bytes),
    }
}

/// The block at the end of all slots that the liar leads.
fn last_block(stage: &Stage<'_, '_>, payload: Bytes) -> Block {
    let last = (0..=stage.voice.others.len() as u64).map(|behind| Slot::new(u64::MAX - behind));
    let mut led = last.filter(|slot| stage.leads(*slot));
    let slot = led.next().unwrap_or(Slot::new(u64::MAX));
    let hash = Hash::ZERO;
    let header = Header {
        scope: stage.scope(),
        slot,
        parent: BlockRef { slot, hash },
        height: Height::new(u64::MAX),
        time: Time::from_ms(u64::MAX),
        payload: payload_hash(&payload),
    };
    Block { header, payload }
}

/// Messages about the last slots and heights.
fn huge_numbers(stage: &Stage<'_, '_>) -> Vec<Message> {
    let (hash, height) = (Hash::ZERO, Height::new(u64::MAX));
    let head = Statement::Head { height, head: hash };
    let certificate = Certificate {
        statement: head,
        signatures: Vec::new(),
    };
    vec![
        stage.vote(SLOT, Vote::Skip),
        stage.vote(SLOT, Vote::Notarize(hash)),
        stage.proposal(last_block(stage, encode_entries(&[]))),
        Message::Certificate(certificate),
        Message::Status(Status {
            finalization: None,
            frontier: SLOT,
            certified: height,
        }),
        Message::ProposalRequest(BlockRef { slot: SLOT, hash }),
        Message::CertificatesRequest {
            first: Slot::ZERO,
            last: SLOT,
        },
        Message::CertificatesRequest {
            first: SLOT,
            last: SLOT,
        },
        Message::HeadSignature(HeadSignature {
            height,
            head: hash,
            signature: stage.sign(&head),
        }),
    ]
}
