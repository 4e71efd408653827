//! Members that lie: whatever can be said with some of the keys, true or false, well-formed or not.
//!
//! A liar has the keys of its seats, remembers all that it has heard, signatures of others
//! included, and makes messages of it as the choices fall.

mod words;

use std::collections::BTreeMap;

use consensus::Message;
use consensus::message::{Blocks, HeadSignature, SignedVote};
use model::block::BlockRef;
use model::shard::Seat;
use model::{
    Block, Certificate, Finalized, Hash, Head, HeadCertificate, Height, Signature, Slot, Statement,
    Time, Vote,
};

use super::world::{CREATED, MEMBERS, World, seat};
use crate::choices::Choices;

/// Things of each kind that a liar remembers.
const REMEMBERED: usize = 64;

/// A block that a liar knows.
#[derive(Clone, Debug)]
struct Known {
    name: BlockRef,
    height: Height,
    time: Time,
    /// `None` for the one before the first.
    block: Option<Block>,
    /// Whether it and all before it are what honest members could vote for.
    sound: bool,
}

/// One or more members that lie together.
pub struct Liar {
    /// Whose keys it has, ascending.
    seats: Vec<usize>,
    blocks: Vec<Known>,
    heads: Vec<Head>,
    /// The last question of a member that started.
    asked: Option<Time>,
    /// Signatures of others that it has seen.
    overheard: BTreeMap<(Statement, Seat), Signature>,
}

impl Liar {
    /// A liar on these seats, ascending, that knows what everybody knows.
    #[must_use]
    pub fn new(seats: Vec<usize>) -> Self {
        let root = Known {
            name: BlockRef::genesis(&World::get().scope().network),
            height: Height::ZERO,
            time: CREATED,
            block: None,
            sound: true,
        };
        Self {
            seats,
            blocks: vec![root],
            heads: Vec::new(),
            asked: None,
            overheard: BTreeMap::new(),
        }
    }

    /// Hears what an honest member says.
    pub fn hear(&mut self, from: Seat, message: &Message) {
        match message {
            Message::Proposal(proposal) => {
                self.overhear(proposal.statement(), from, proposal.signature);
                self.learn(proposal.block.clone(), true);
            }
            Message::Vote(SignedVote {
                slot,
                vote,
                signature,
            }) => {
                let statement = Statement::Vote {
                    slot: *slot,
                    vote: *vote,
                };
                self.overhear(statement, from, *signature);
            }
            Message::Certificate(certificate) => self.overhear_all(certificate),
            Message::HeadSignature(HeadSignature {
                height,
                head,
                signature,
            }) => {
                let statement = Statement::Head {
                    height: *height,
                    head: *head,
                };
                self.overhear(statement, from, *signature);
            }
            Message::HeadCertificate(head) => {
                self.see_head(&head.head);
                self.overhear_all(&head.certificate);
            }
            Message::Recall(name) => self.asked = Some(*name),
            Message::Status(_)
            | Message::ProposalRequest(_)
            | Message::CertificatesRequest { .. }
            | Message::Transactions(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Reminder(_) => {}
        }
    }

    /// Sees the head of a block that an honest member applied.
    pub fn see_head(&mut self, head: &Head) {
        if self.heads.len() < REMEMBERED && !self.heads.contains(head) {
            self.heads.push(head.clone());
        }
    }

    /// Something to say, in the name of one of the seats.
    pub fn message(&mut self, choices: &mut Choices<'_>, clock: Time) -> (usize, Message) {
        let from = choices.pick(&self.seats).copied().unwrap_or(0);
        let message = match choices.below(12) {
            0..=2 => self.proposal(choices, clock),
            3..=5 => self.vote(choices, from),
            6 => Message::Certificate(self.certificate_of_vote(choices)),
            7 => self.status(choices),
            8 if choices.once_in(4) => self.reminder(choices, clock),
            8 => self.question(choices),
            9 => self.head_signature(choices, from),
            10 => self.head_certificate(choices),
            _ => Message::Transactions(words::transactions(choices)),
        };
        (from, message)
    }

    /// The same vote of all seats, as if they agreed on something for once.
    pub fn rally(&self, choices: &mut Choices<'_>) -> Vec<(usize, Message)> {
        let (slot, vote) = self.some_vote(choices);
        let statement = Statement::Vote { slot, vote };
        let said = |index: usize| {
            let signature = self.signature(index, &statement);
            let vote = SignedVote {
                slot,
                vote,
                signature,
            };
            (index, Message::Vote(vote))
        };
        self.seats.iter().copied().map(said).collect()
    }

    /// An answer to a request for blocks from a height on: a chain, perhaps with something amiss.
    pub fn blocks(&self, choices: &mut Choices<'_>, first: Height) -> Blocks {
        let mut chain: Vec<Finalized> = Vec::new();
        let mut next = choices.pick(&self.blocks);
        while let Some(Known {
            block: Some(block),
            height,
            ..
        }) = next
            && *height >= first
            && chain.len() < REMEMBERED
        {
            let statement = finalization_of(block.name());
            let certified = chain.is_empty() || choices.once_in(2);
            let head = self.heads.iter().find(|head| head.block == block.hash());
            chain.push(Finalized {
                block: block.clone(),
                certificate: certified.then(|| self.certificate(choices, statement)),
                head: head.map(|head| self.certified_head(choices, head.clone())),
            });
            next = self
                .blocks
                .iter()
                .find(|known| known.name == block.header.parent);
        }
        chain.reverse();
        if choices.once_in(8) && !chain.is_empty() {
            chain.remove(choices.below(chain.len()));
        }
        Blocks { blocks: chain }
    }

    fn some_vote(&self, choices: &mut Choices<'_>) -> (Slot, Vote) {
        let name = self.some_name(choices);
        let odd = choices.byte();
        let slot = if odd >= 224 {
            Slot::new(choices.near(name.slot.number()))
        } else {
            name.slot
        };
        let vote = match odd % 3 {
            0 => Vote::Notarize(name.hash),
            1 => Vote::Finalize(name.hash),
            _ => Vote::Skip,
        };
        (slot, vote)
    }

    fn some_name(&self, choices: &mut Choices<'_>) -> BlockRef {
        let known = choices.pick(&self.blocks).map(|known| known.name);
        known.expect("the block before the first is known")
    }

    fn certificate_of_vote(&self, choices: &mut Choices<'_>) -> Certificate {
        let (slot, vote) = self.some_vote(choices);
        self.certificate(choices, Statement::Vote { slot, vote })
    }

    /// A certificate of all signatures that can be had, or of some seats, or of too few, or garbage.
    fn certificate(&self, choices: &mut Choices<'_>, statement: Statement) -> Certificate {
        let odd = choices.byte();
        let seats = if odd < 192 { 0b1111 } else { choices.byte() };
        let all = (0..MEMBERS).filter(|index| seats & (1 << index) != 0);
        let mut signatures: Vec<(Seat, Signature)> = all
            .filter(|index| odd >= 240 || self.can_sign(*index, &statement))
            .map(|index| (seat(index), self.signature(index, &statement)))
            .collect();
        if (224..228).contains(&odd) {
            signatures.reverse();
        }
        Certificate {
            statement,
            signatures,
        }
    }

    fn certified_head(&self, choices: &mut Choices<'_>, mut head: Head) -> HeadCertificate {
        match choices.byte() {
            255 => head.results = Hash::ZERO,
            254 => head.height = Height::new(choices.near(head.height.number())),
            _ => {}
        }
        let certificate = self.certificate(choices, head.statement());
        HeadCertificate { head, certificate }
    }

    /// Whether it can show a genuine signature of this seat.
    fn can_sign(&self, index: usize, statement: &Statement) -> bool {
        let own = self.seats.contains(&index) && self.dares(statement);
        own || self.overheard.contains_key(&(*statement, seat(index)))
    }

    /// The signature of this seat, garbage if it cannot be had.
    fn signature(&self, index: usize, statement: &Statement) -> Signature {
        if self.seats.contains(&index) && self.dares(statement) {
            return World::get().sign(index, statement);
        }
        let overheard = self.overheard.get(&(*statement, seat(index)));
        overheard.copied().unwrap_or(Signature::from_bytes([7; 64]))
    }

    /// Whether to vote so. Liars that are a quorum by themselves could make a block final that is
    /// not even well-formed; the agreement does not claim to stand that.
    fn dares(&self, statement: &Statement) -> bool {
        let Statement::Vote {
            vote: Vote::Notarize(hash) | Vote::Finalize(hash),
            ..
        } = statement
        else {
            return true;
        };
        let few = self.seats.len() <= World::get().committee.faults().count();
        let mut known = self.blocks.iter().filter(|known| known.name.hash == *hash);
        few || known.any(|known| known.sound)
    }

    /// Remembers a block. Those of honest members need no look.
    fn learn(&mut self, block: Block, honest: bool) {
        let name = block.name();
        if self.blocks.len() >= REMEMBERED || self.blocks.iter().any(|known| known.name == name) {
            return;
        }
        let header = &block.header;
        let parent = self.blocks.iter().find(|known| known.name == header.parent);
        let extends = parent.is_some_and(|parent| {
            parent.sound
                && parent.name.slot < name.slot
                && parent.height.next() == header.height
                && parent.time < header.time
        });
        self.blocks.push(Known {
            name,
            height: header.height,
            time: header.time,
            sound: honest || extends,
            block: Some(block),
        });
    }

    fn overhear_all(&mut self, certificate: &Certificate) {
        for (seat, signature) in &certificate.signatures {
            self.overhear(certificate.statement, *seat, *signature);
        }
    }

    fn overhear(&mut self, statement: Statement, seat: Seat, signature: Signature) {
        if self.overheard.len() < REMEMBERED * MEMBERS * 8 {
            self.overheard.insert((statement, seat), signature);
        }
    }
}

/// What a quorum signs to make a block final.
fn finalization_of(name: BlockRef) -> Statement {
    Statement::Vote {
        slot: name.slot,
        vote: Vote::Finalize(name.hash),
    }
}
