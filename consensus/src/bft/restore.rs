//! The way back after a restart: records of the log in, the same agreement out.

use std::sync::Arc;

use model::block::BlockRef;
use model::statement::{Slot, Statement, Vote};
use model::{Block, Certificate, Signature};

use super::slot::OwnVotes;
use super::{Bft, Candidate, FinalBlock, Turn};
use crate::injected::{self, Mistake};
use crate::member::Member;
use crate::message::{Refused, entries_of_final};
use crate::record::Record;
use crate::replica::Contradiction;

impl Bft {
    /// This member may have proposed in slots up to `slot`.
    pub(crate) fn restore_reserved(&mut self, slot: Slot) {
        self.reserved = self.reserved.max(slot);
        if !injected::makes(Mistake::ProposesAgain) {
            self.barrier = self.reserved;
        }
    }

    /// A block that this member kept.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the block is not one that this member could have kept.
    pub(crate) fn restore_block(
        &mut self,
        member: &Member,
        block: Block,
        signature: Option<Signature>,
    ) -> Result<(), Refused> {
        let name = block.name();
        if name.slot <= self.tip.block.slot {
            return Ok(());
        }
        let scope = member.committee().scope();
        if block.header.scope != *scope {
            return Err(Refused::OtherScope);
        }
        let entries = entries_of_final(&block, member.shards())?;
        let candidate = Candidate {
            block: Arc::new(block),
            entries: Arc::new(entries),
            signature,
            logged: true,
        };
        let state = self.slots.entry(name.slot).or_default();
        state.candidates.insert(name.hash, candidate);
        Ok(())
    }

    /// A vote that this member cast. It is signed again by [`Bft::resume`], if it still matters then.
    pub(crate) fn restore_vote(&mut self, slot: Slot, vote: Vote) {
        if slot > self.tip.block.slot && !injected::makes(Mistake::ForgetsVotes) {
            let own = &mut self.slots.entry(slot).or_default().own;
            if injected::makes(Mistake::ForgetsSkips) {
                *own = OwnVotes::default();
            }
            own.record(vote);
        }
    }

    /// A certificate that this member kept.
    pub(crate) fn restore_certificate(&mut self, certificate: Certificate) {
        let Statement::Vote { slot, vote } = certificate.statement else {
            return;
        };
        if slot > self.tip.block.slot {
            let state = self.slots.entry(slot).or_default();
            state.certificates.keep(vote, certificate);
        } else if vote == Vote::Finalize(self.tip.block.hash) {
            self.finalization = Some(certificate);
        }
    }

    /// The records that give this agreement when they are restored above the last final block.
    pub(crate) fn open_records(&self) -> Vec<Record> {
        let mut records = vec![Record::Reserved(self.reserved)];
        records.extend(self.finalization.clone().map(Record::Certificate));
        for (slot, state) in &self.slots {
            for (hash, candidate) in &state.candidates {
                let name = BlockRef {
                    slot: *slot,
                    hash: *hash,
                };
                if candidate.logged {
                    records.push(self.proposal(&name).map_or_else(
                        || Record::Block((*candidate.block).clone()),
                        Record::Proposal,
                    ));
                }
            }
            let votes = state
                .own
                .cast()
                .filter(|_| !injected::makes(Mistake::SnapshotWithoutVotes));
            records.extend(votes.map(|vote| Record::Vote { slot: *slot, vote }));
            let certificates = state.certificates.iter().cloned();
            records.extend(certificates.map(Record::Certificate));
        }
        records
    }

    /// The blocks that restored finalizations make final; the caller applies them.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if two conflicting blocks are final.
    pub(crate) fn restore_final(
        &mut self,
        turn: &mut Turn<'_>,
    ) -> Result<Vec<FinalBlock>, Contradiction> {
        self.commit(turn)
    }

    /// Signs again, which gives the same bytes, the votes of open slots, and makes sure that the log
    /// reserves slots to propose in, before there is anything to propose. Once all records are
    /// restored.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>) {
        let seat = turn.member.seat();
        for (slot, state) in &mut self.slots {
            for vote in state.own.cast() {
                let signature = turn.member.sign(&Statement::Vote { slot: *slot, vote });
                state.votes.add_own(seat, vote, signature);
            }
        }
        let through = self.frontier.number().saturating_add(turn.member.size());
        self.reserve_through(turn, Slot::new(through));
    }
}
