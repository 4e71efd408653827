//! What a liar says, one function for each kind of message.

use consensus::Message;
use consensus::message::{HeadSignature, Proposal, REMINDED_MAX, Reminder, SignedVote, Status};
use model::block::{Entry, Header, encode_entries, payload_hash};
use model::{Block, Hash, Head, Height, Signature, Slot, Statement, Time, Transaction, bounds};

use super::{Known, Liar, finalization_of};
use crate::choices::Choices;
use crate::shard::world::{MEMBERS, World};

impl Liar {
    /// Passes on a proposal that is known, or makes one.
    pub(super) fn proposal(&mut self, choices: &mut Choices<'_>, clock: Time) -> Message {
        let block = match choices.pick(&self.blocks) {
            Some(Known {
                block: Some(block), ..
            }) if choices.once_in(3) => block.clone(),
            Some(parent) => {
                let parent = parent.clone();
                self.invent(choices, &parent, clock)
            }
            None => unreachable!("the block before the first is known"),
        };
        let statement = Statement::Proposal {
            slot: block.header.slot,
            block: block.hash(),
        };
        let leader = leader(block.header.slot);
        let signer = if choices.once_in(8) {
            choices.below(MEMBERS)
        } else {
            leader
        };
        Message::Proposal(Proposal {
            block,
            signature: self.signature(signer, &statement),
        })
    }

    /// A block above a parent, mostly one that honest members could vote for.
    fn invent(&mut self, choices: &mut Choices<'_>, parent: &Known, clock: Time) -> Block {
        let next = parent.name.slot.number().saturating_add(1);
        let slot = if choices.once_in(4) {
            choices.near(next)
        } else {
            next
        };
        let height = parent.height.number().saturating_add(1);
        let odd = choices.below(16);
        let height = if odd == 15 {
            choices.near(height)
        } else {
            height
        };
        let earliest = parent.time.plus_ms(1);
        let time = match odd {
            14 => parent.time,
            13 => Time::from_ms(choices.near(clock.as_ms())),
            12 => clock.plus_ms(bounds::CLOCK_TOLERANCE_MS),
            11 => earliest,
            _ => clock.max(earliest),
        };
        let entries: Vec<Entry> = transactions(choices)
            .into_iter()
            .map(Entry::Prepare)
            .collect();
        let payload = encode_entries(&entries);
        let block = Block {
            header: Header {
                scope: World::get().scope(),
                slot: Slot::new(slot),
                parent: parent.name,
                height: Height::new(height),
                time,
                payload: payload_hash(&payload),
            },
            payload,
        };
        self.learn(block.clone(), false);
        block
    }

    pub(super) fn vote(&mut self, choices: &mut Choices<'_>, from: usize) -> Message {
        let (slot, vote) = self.some_vote(choices);
        let signer = if choices.once_in(16) {
            choices.below(MEMBERS)
        } else {
            from
        };
        Message::Vote(SignedVote {
            slot,
            vote,
            signature: self.signature(signer, &Statement::Vote { slot, vote }),
        })
    }

    pub(super) fn status(&self, choices: &mut Choices<'_>) -> Message {
        let name = self.some_name(choices);
        let finalize = finalization_of(name);
        let finalization = choices
            .once_in(2)
            .then(|| self.certificate(choices, finalize));
        Message::Status(Status {
            finalization,
            frontier: Slot::new(choices.near(name.slot.number())),
            certified: Height::new(choices.near(0)),
        })
    }

    /// What a member is said to have signed before it started, or the question for it.
    pub(super) fn reminder(&self, choices: &mut Choices<'_>, clock: Time) -> Message {
        if choices.once_in(4) {
            return Message::Recall(clock);
        }
        let known: Vec<(Statement, Signature)> = self
            .overheard
            .iter()
            .map(|((statement, _), signature)| (*statement, *signature))
            .collect();
        let count = choices.below(REMINDED_MAX + 2);
        let signed = (0..count).filter_map(|_| choices.pick(&known).copied());
        let signed = signed.collect();
        let finalize = finalization_of(self.some_name(choices));
        let finalization = choices
            .once_in(2)
            .then(|| self.certificate(choices, finalize));
        Message::Reminder(Reminder {
            asked: self.asked.filter(|_| !choices.once_in(8)).unwrap_or(clock),
            finalization,
            signed,
        })
    }

    pub(super) fn question(&self, choices: &mut Choices<'_>) -> Message {
        let name = self.some_name(choices);
        if choices.once_in(2) {
            return Message::ProposalRequest(name);
        }
        let first = choices.near(name.slot.number());
        Message::CertificatesRequest {
            first: Slot::new(first),
            last: Slot::new(choices.near(first)),
        }
    }

    pub(super) fn head_signature(&self, choices: &mut Choices<'_>, from: usize) -> Message {
        let known = choices.pick(&self.heads);
        let height = known.map_or(1, |head| head.height.number());
        let odd = choices.below(8);
        let height = Height::new(if odd == 7 {
            choices.near(height)
        } else {
            height
        });
        let head = known.filter(|_| odd != 6).map_or(Hash::ZERO, Head::hash);
        Message::HeadSignature(HeadSignature {
            height,
            head,
            signature: self.signature(from, &Statement::Head { height, head }),
        })
    }

    pub(super) fn head_certificate(&self, choices: &mut Choices<'_>) -> Message {
        let Some(head) = choices.pick(&self.heads).cloned() else {
            return self.head_signature(choices, 0);
        };
        Message::HeadCertificate(self.certified_head(choices, head))
    }
}

/// Up to three transactions, perhaps one of them twice.
pub(super) fn transactions(choices: &mut Choices<'_>) -> Vec<Transaction> {
    let count = choices.below(4);
    let of = &World::get().transactions;
    let chosen = (0..count).filter_map(|_| choices.pick(of).cloned());
    chosen.collect()
}

/// The leader of a slot: the seats take turns.
fn leader(slot: Slot) -> usize {
    let index = slot.number() % MEMBERS as u64;
    usize::try_from(index).expect("a member of four")
}
