//! One node's deterministic whole: the agreement, the ledger and the heads behind one `step`.
//!
//! A replica is a value. The same inputs at the same times give the same outputs; the same input
//! twice changes nothing the second time. A shell (a node, or the simulator) owns the clock, the
//! disk, the links and the key, and carries outputs out in their order.
//!
//! Starting: [`Replica::new`] from the state that the shell kept, [`Replica::restore`] for each
//! record of the log since then, [`Replica::start`] once, then [`Replica::step`] for ever.

mod blocks;
mod epoch;
#[cfg(feature = "exploration")]
mod exploration;
mod follow;
mod letters;
mod messages;
mod pool;
mod port;
mod recall;
mod recovery;
mod timer;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::shard::Seat;
use model::{Checkers, Epoch, ShardId, SignatureCheck, Time, TransactionId};

use epoch::Closing;
pub use port::{AppliedBlock, Contradiction, Input, Output};
pub use recovery::Open;

use crate::bft::{Bft, Pace, Turn};
use crate::head::Heads;
use crate::ledger::Ledger;
use crate::member::Member;
use crate::mempool::Mempool;
use crate::message::Message;
use crate::sbac::courier::Courier;
use crate::sbac::inbox::Inbox;
use crate::sbac::testimony::Testimony;
use crate::shards::Shards;
use crate::signer::Signer;
use crate::succession::Succession;
use crate::time::Now;

/// What a replica is told when it is made.
pub struct Setup {
    /// Its shard, and the others.
    pub shards: Shards,
    /// Its own seat.
    pub seat: Seat,
    /// Signs for it.
    pub signer: Box<dyn Signer>,
    /// Checks the signatures of others.
    pub check: Box<dyn SignatureCheck + Send>,
    /// The contracts it knows.
    pub checkers: Arc<dyn Checkers>,
    /// Its time-outs.
    pub pace: Pace,
}

/// A replica. See the module.
pub struct Replica {
    member: Member,
    checkers: Arc<dyn Checkers>,
    ledger: Ledger,
    mempool: Mempool,
    inbox: Inbox,
    courier: Courier,
    testimony: Testimony,
    succession: Succession,
    /// When it learned of shards that were founded, while its ledger has not heard of them.
    founded: BTreeMap<ShardId, Time>,
    /// Changes of other shards that blocks short of final hold already.
    changes_aside: BTreeSet<(ShardId, Epoch)>,
    bft: Bft,
    heads: Heads,
    /// The epoch has ended with the last applied block.
    closing: Option<Closing>,
    /// When members that are in other epochs were last told.
    taught: BTreeMap<Seat, Time>,
    /// The time of the last request to be woken.
    wake: Option<Time>,
    /// When transactions that can never be decided were last dropped.
    swept: Time,
    halted: bool,
    /// It has no seat: it follows.
    retired: bool,
}

impl Replica {
    /// A replica at the tip of `ledger` that remembers nothing beyond it.
    #[must_use]
    pub fn new(setup: Setup, ledger: Ledger) -> Self {
        let Setup {
            shards,
            seat,
            signer,
            check,
            checkers,
            pace,
        } = setup;
        Self {
            member: Member::new(shards, seat, signer, check),
            checkers,
            bft: Bft::new(pace, ledger.tip),
            heads: Heads::new(ledger.tip.height),
            ledger,
            mempool: Mempool::default(),
            inbox: Inbox::default(),
            courier: Courier::default(),
            testimony: Testimony::default(),
            succession: Succession::default(),
            founded: BTreeMap::new(),
            changes_aside: BTreeSet::new(),
            closing: None,
            taught: BTreeMap::new(),
            retired: false,
            wake: None,
            swept: Time::ZERO,
            halted: false,
        }
    }

    /// Begins, or goes on, to take part. Call once, after all records are restored.
    pub fn start(&mut self, now: Now) -> Vec<Output> {
        let mut out = Vec::new();
        if self.retired {
            return out;
        }
        self.courier.begin(&self.ledger, now.timer);
        let question = self.member.recall.begin(now);
        let (turn, bft, heads) = &mut self.parts(now, &mut out);
        turn.broadcast(Message::Recall(question));
        bft.resume(turn);
        turn.broadcast(Message::Status(bft.status(heads.certified())));
        for message in bft.said(turn.member.seat()) {
            turn.broadcast(message);
        }
        heads.resume(turn);
        match self.follow_on(now, &mut out) {
            Ok(()) => self.settle(now, &mut out),
            Err(contradiction) => self.halt(contradiction, &mut out),
        }
        out
    }

    /// Everything else that happens to a replica.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        if self.halted {
            return out;
        }
        if self.retired {
            self.step_aside(now, input, &mut out);
            return out;
        }
        let taken = match input {
            Input::Message {
                from,
                epoch,
                message,
            } => self.on_message(now, from, epoch, message, &mut out),
            Input::Letter {
                shard,
                seat,
                letter,
            } => self.on_letter(now, shard, seat, letter, &mut out),
            Input::Submitted(transactions) => {
                self.on_submitted(now, transactions, &mut out);
                Ok(())
            }
            Input::Blocks { from, blocks } => self.on_blocks(now, from, blocks, &mut out),
            Input::FetchFailed { from } => {
                self.bft.on_fetch_failed(now, from);
                Ok(())
            }
            // A member asks others of its own accord.
            Input::Final(_) => Ok(()),
            Input::Approve(plan) => {
                self.on_approve(plan, &mut out);
                Ok(())
            }
            Input::Learned(fact) => self.on_fact(now, fact, &mut out),
            Input::LinkUp(seat) => {
                self.on_link_up(now, seat, &mut out);
                Ok(())
            }
            Input::Tick => {
                // The request to be woken is used up, even if it was answered too early.
                self.wake = None;
                Ok(())
            }
        };
        match taken {
            Ok(()) => self.settle(now, &mut out),
            Err(contradiction) => self.halt(contradiction, &mut out),
        }
        out
    }

    /// The state at the last applied block.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The shards of the network, as far as they are known here.
    #[must_use]
    pub const fn shards(&self) -> &Shards {
        self.member.shards()
    }

    /// From now on this member proposes blocks of at most so many transactions. It votes for all that
    /// the protocol allows.
    pub fn limit_proposals(&mut self, entries_max: usize) {
        self.mempool.limit_payload(entries_max);
    }

    /// How many transactions wait to be decided.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.mempool.len()
    }

    /// Whether there is no room for more transactions: answer busy.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.mempool.is_full()
    }

    /// Whether this transaction waits to be decided.
    #[must_use]
    pub fn is_waiting(&self, transaction: &TransactionId) -> bool {
        self.mempool.contains(transaction)
    }

    /// Whether final blocks are known that are not at hand yet.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.bft.is_behind()
    }

    /// Lets everything happen that can happen now, then says when to wake.
    fn settle(&mut self, now: Now, out: &mut Vec<Output>) {
        if let Err(contradiction) = self.advance(now, out) {
            self.halt(contradiction, out);
            return;
        }
        self.sweep(now);
        self.remind_voters(now, out);
        self.repair(now, out);
        self.ask_again(now, out);
        let deadline = self.deadline(now);
        if let Some(deadline) = deadline
            && self.wake != Some(deadline)
        {
            out.push(Output::WakeAt(deadline));
        }
        self.wake = deadline;
    }

    fn halt(&mut self, contradiction: Contradiction, out: &mut Vec<Output>) {
        self.halted = true;
        out.push(Output::Halt(contradiction));
    }

    /// The parts of a replica that take part in the protocol, borrowed together.
    fn parts<'a>(
        &'a mut self,
        now: Now,
        out: &'a mut Vec<Output>,
    ) -> (Turn<'a>, &'a mut Bft, &'a mut Heads) {
        let member = &mut self.member;
        (Turn { now, member, out }, &mut self.bft, &mut self.heads)
    }
}
