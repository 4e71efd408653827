//! The agreement alone: putting payloads in order that nobody looks into.
//!
//! A [`Sequencer`] is to payloads what [`crate::Replica`] is to transactions, with no ledger, no heads
//! and no users. It shows what the agreement costs by itself, and it can order anything. It is the
//! same agreement: the same votes, certificates and time-outs, and what is to be durable is.
//!
//! It does not look into payloads, so it cannot know when one that is short of final is waited for:
//! the last ones become final at the latest with the next payload. Nor does it catch up with members
//! that are ahead: it is for members that run together.
//!
//! Paper: Section IV-C, Byzantine agreement.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use model::encoding::Bytes;
use model::shard::{Committee, Seat};
use model::{Block, SignatureCheck, Time};

use crate::action::{Action, ActionKey};
use crate::bft::{Bft, Pace, Turn, Work};
use crate::ledger::Tip;
use crate::member::Member;
use crate::message::{AdmittedBlock, Message};
use crate::replica::{Contradiction, Output};
use crate::shards::Shards;
use crate::signer::Signer;
use crate::time::Now;

/// Where payloads come from.
pub trait Payloads {
    /// Whether there is one.
    fn waits(&self) -> bool;

    /// Takes out the next payload, at most [`model::bounds::PAYLOAD_BYTES_MAX`] bytes. If the slot that it
    /// is proposed in is skipped, it is never ordered: whoever gave it gives it again.
    fn next(&mut self) -> Bytes;
}

/// The agreement of one member over payloads. See the module.
pub struct Sequencer {
    member: Member,
    bft: Bft,
    tip: Tip,
    wake: Option<Time>,
}

/// What came of a step.
#[derive(Debug, Default)]
pub struct Step {
    /// What to carry out, in order. [`Output::FetchBlocks`] among them may be passed over.
    pub outputs: Vec<Output>,
    /// Blocks that have become final, in order.
    pub ordered: Vec<Arc<Block>>,
}

/// Payloads, as the agreement asks for work.
struct Opaque<'a>(RefCell<&'a mut dyn Payloads>);

impl Work for Opaque<'_> {
    fn set_aside(&mut self, _: BTreeSet<ActionKey>) {}

    fn waits(&self, _: Time) -> bool {
        self.0.borrow().waits()
    }

    fn payload(&self, _: Time) -> (Bytes, Vec<Action>) {
        (self.0.borrow_mut().next(), Vec::new())
    }
}

impl Sequencer {
    /// The member on `seat`, above a block that all members agree on.
    #[must_use]
    pub fn new(
        committee: Committee,
        seat: Seat,
        signer: Box<dyn Signer>,
        check: Box<dyn SignatureCheck + Send>,
        tip: Tip,
    ) -> Self {
        Self {
            member: Member::new(Shards::alone(&committee), seat, signer, check),
            bft: Bft::new(Pace::default(), tip),
            tip,
            wake: None,
        }
    }

    /// Begins to take part. Call once.
    ///
    /// # Errors
    ///
    /// As [`Sequencer::step`].
    pub fn start(&mut self, now: Now, payloads: &mut dyn Payloads) -> Result<Step, Contradiction> {
        let mut step = Step::default();
        let (mut turn, bft) = self.parts(now, &mut step.outputs);
        bft.resume(&mut turn);
        self.settle(now, payloads, step)
    }

    /// A member said something; or, without a message, the time has come that was asked for, or there
    /// are new payloads.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if two conflicting blocks are final.
    pub fn step(
        &mut self,
        now: Now,
        said: Option<(Seat, Message)>,
        payloads: &mut dyn Payloads,
    ) -> Result<Step, Contradiction> {
        let mut step = Step::default();
        match said {
            Some((from, message)) => self.on_message(now, from, message, &mut step.outputs),
            // The request to be woken is used up, even if it was answered too early.
            None => self.wake = None,
        }
        self.settle(now, payloads, step)
    }

    fn on_message(&mut self, now: Now, from: Seat, message: Message, out: &mut Vec<Output>) {
        let (mut turn, bft) = self.parts(now, out);
        match message {
            Message::Proposal(proposal) => {
                let scope = proposal.block.header.scope;
                if scope == *turn.member.committee().scope() && proposal.block.is_whole() {
                    let entries = Arc::default();
                    bft.on_proposal(&mut turn, AdmittedBlock { proposal, entries });
                }
            }
            Message::Vote(vote) => bft.on_vote(&mut turn, from, vote),
            Message::Certificate(certificate) => bft.on_certificate(&mut turn, from, certificate),
            Message::Status(status) => drop(bft.on_status(&mut turn, from, status)),
            Message::ProposalRequest(block) => bft.on_proposal_request(&mut turn, from, block),
            Message::CertificatesRequest { first, last } => {
                bft.on_certificates_request(&mut turn, from, first, last);
            }
            Message::HeadSignature(_)
            | Message::HeadCertificate(_)
            | Message::Transactions(_)
            | Message::Recall(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Reminder(_) => {} // what only replicas say to each other
        }
    }

    /// Lets everything happen that can happen now, then says when to wake.
    fn settle(
        &mut self,
        now: Now,
        payloads: &mut dyn Payloads,
        mut step: Step,
    ) -> Result<Step, Contradiction> {
        let mut work = Opaque(RefCell::new(payloads));
        loop {
            let (mut turn, bft) = self.parts(now, &mut step.outputs);
            let final_blocks = bft.advance(&mut turn, &mut work)?;
            let Some(last) = final_blocks.last() else {
                break;
            };
            let header = &last.candidate.block.header;
            self.tip = Tip {
                block: last.candidate.block.name(),
                height: header.height,
                time: header.time,
                ..self.tip
            };
            self.bft.applied(self.tip);
            let blocks = final_blocks.into_iter();
            step.ordered.extend(blocks.map(|last| last.candidate.block));
        }
        self.repair(now, &mut step.outputs);
        let deadlines = self.bft.deadlines(&self.member);
        let deadline = deadlines.filter(|deadline| *deadline > now.timer).min();
        if let Some(deadline) = deadline.filter(|_| deadline != self.wake) {
            step.outputs.push(Output::WakeAt(deadline));
        }
        self.wake = deadline;
        Ok(step)
    }

    /// Repeats what may have been lost, when it is time to.
    fn repair(&mut self, now: Now, out: &mut Vec<Output>) {
        let height = self.tip.height;
        let (mut turn, bft) = self.parts(now, out);
        if bft.repair(&mut turn, height) {
            turn.broadcast(Message::Status(bft.status(height)));
            for message in bft.said(turn.member.seat()) {
                turn.broadcast(message);
            }
        }
    }

    fn parts<'a>(&'a mut self, now: Now, out: &'a mut Vec<Output>) -> (Turn<'a>, &'a mut Bft) {
        let member = &mut self.member;
        (Turn { now, member, out }, &mut self.bft)
    }
}
