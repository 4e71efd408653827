//! One node's deterministic whole: the agreement, the ledger and the heads behind one `step`.
//!
//! A replica is a value. The same inputs at the same times give the same outputs; the same input
//! twice changes nothing the second time. A shell (a node, or the simulator) owns the clock, the
//! disk, the links and the key, and carries outputs out in their order.
//!
//! Starting: [`Replica::new`] from the state that the shell kept, [`Replica::restore`] for each
//! record of the log since then, [`Replica::start`] once, then [`Replica::step`] for ever.

mod epoch;
#[cfg(feature = "exploration")]
mod exploration;
mod follow;
mod letters;
mod pool;
mod port;
mod recall;
mod recovery;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::bounds;
use model::shard::Seat;
use model::statement::Scope;
use model::transaction::Authorized;
use model::{Checkers, Epoch, Fact, Head, ShardId, SignatureCheck, Time, TransactionId};

use epoch::Closing;
use letters::REST_MS;
use pool::{FOUND_AFTER_MS, Pool, pass_on};
pub use port::{AppliedBlock, Contradiction, Input, Output};
pub use recovery::Open;

use crate::action::{Action, ActionKey};
use crate::bft::{Bft, FinalBlock, Pace, Turn};
use crate::head::Heads;
use crate::injected::{self, Mistake};
use crate::ledger::Ledger;
use crate::member::Member;
use crate::mempool::Mempool;
use crate::message::{Admitted, Blocks, Message, TRANSACTIONS_MAX};
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

/// Transactions that one repetition passes on. Enough to get a shard going again; the rest follows
/// in the next ones.
const REPEATED: usize = 64;

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

    fn on_message(
        &mut self,
        now: Now,
        from: Seat,
        epoch: Epoch,
        message: Admitted,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        if from == self.member.seat() {
            return Ok(());
        }
        if let Admitted::Changes(changes) = message {
            let mut changes = changes.iter();
            return changes.try_for_each(|change| self.learn(now, change, Some(from), out));
        }
        if let Admitted::HeadSignature(signature) = &message {
            let scope = Scope {
                epoch,
                ..self.ledger.scope
            };
            self.compare_place(scope, from, *signature, out);
        }
        if epoch != self.ledger.scope.epoch {
            self.on_other_epoch(now, from, epoch, out);
            return Ok(());
        }
        let (turn, bft, heads) = &mut self.parts(now, out);
        match message {
            Admitted::Proposal(proposal) => bft.on_proposal(turn, proposal),
            Admitted::Vote(vote) => bft.on_vote(turn, from, vote),
            Admitted::Certificate(certificate) => bft.on_certificate(turn, from, certificate),
            Admitted::Status(status) => {
                let certified = status.certified;
                if bft.on_status(turn, from, status) {
                    heads.on_status(turn, from, certified);
                }
            }
            Admitted::ProposalRequest(block) => bft.on_proposal_request(turn, from, block),
            Admitted::CertificatesRequest { first, last } => {
                bft.on_certificates_request(turn, from, first, last);
            }
            Admitted::HeadSignature(signature) => heads.on_signature(turn, from, signature),
            Admitted::HeadCertificate(certificate) => heads.on_certificate(turn, certificate)?,
            Admitted::Transactions(transactions) => {
                for transaction in transactions {
                    self.take_in(now, &transaction);
                }
            }
            Admitted::Approval(approval) => self.on_approval(from, approval),
            Admitted::Changes(_) => {} // see above
            Admitted::Recall(name) => self.on_recall(now, from, name, out),
            Admitted::Reminder(reminder) => self.on_reminder(now, from, reminder, out)?,
        }
        Ok(())
    }

    /// Users' transactions go to all members, so that whoever leads next can propose them.
    ///
    /// Paper: Section IV-C, Initial Broadcast.
    fn on_submitted(&mut self, now: Now, transactions: Vec<Authorized>, out: &mut Vec<Output>) {
        let taken: Vec<Authorized> = transactions
            .into_iter()
            .filter(|transaction| self.take_in(now, transaction))
            .collect();
        for message in pass_on(&taken) {
            out.push(Output::Broadcast(Arc::new(message)));
        }
    }

    /// Takes a transaction into the pool. Whether it is new there.
    fn take_in(&mut self, now: Now, transaction: &Authorized) -> bool {
        // A block a little later may decide what a block now would not.
        let soon = now.clock.plus_ms(bounds::CLOCK_TOLERANCE_MS);
        let open = [now.clock, soon]
            .iter()
            .any(|time| self.ledger.is_wanted(transaction, *time));
        if !open {
            return false;
        }
        let id = transaction.id();
        let rests = self.ledger.decides(transaction) && !self.inbox.rouse(&id, now.timer);
        let transaction = transaction.clone();
        let taken = if rests {
            let until = now.timer.plus_ms(REST_MS);
            self.mempool.insert_resting(transaction, until)
        } else {
            self.mempool.insert(transaction)
        };
        taken.is_ok()
    }

    fn on_blocks(
        &mut self,
        now: Now,
        from: Seat,
        blocks: Blocks,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let (turn, bft, heads) = &mut self.parts(now, out);
        let certificates: Vec<_> = blocks
            .blocks
            .iter()
            .filter_map(|block| block.head.clone())
            .collect();
        // What is refused is the answerer's fault, and another member is asked.
        let useful = bft.on_blocks(turn, from, blocks) == Ok(true);
        for certificate in certificates {
            if useful {
                heads.expect(turn, certificate)?;
            } else {
                heads.on_certificate(turn, certificate)?;
            }
        }
        Ok(())
    }

    fn on_link_up(&mut self, now: Now, seat: Seat, out: &mut Vec<Output>) {
        // One message of transactions: a link that comes and goes must not cost more than it carries.
        let oldest = self.oldest(TRANSACTIONS_MAX).into_iter().take(1);
        let said: Vec<Message> = oldest.chain(self.said()).collect();
        let (turn, bft, heads) = &mut self.parts(now, out);
        bft.on_link_up(seat);
        turn.send(seat, Message::Status(bft.status(heads.certified())));
        for message in said {
            turn.send(seat, message);
        }
        if let Some(question) = turn.member.recall.question_for(seat) {
            turn.send(seat, Message::Recall(question));
        }
        self.remind(now, seat, out);
    }

    /// What this member has said and others may lack.
    fn said(&self) -> impl Iterator<Item = Message> + use<> {
        let seat = self.member.seat();
        let heads = self.heads.said(seat);
        let said = self.bft.said(seat).into_iter().chain(heads);
        said.chain(self.succession.said(seat))
    }

    /// Messages that pass on the transactions that have waited longest, so many at most.
    fn oldest(&self, count: usize) -> Vec<Message> {
        let waiting: Vec<_> = self.mempool.ready().take(count).cloned().collect();
        pass_on(&waiting)
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

    /// Repeats what may have been lost, when it is time to.
    fn repair(&mut self, now: Now, out: &mut Vec<Output>) {
        let (turn, bft, heads) = &mut self.parts(now, out);
        let stuck = heads.repair(now.timer, bft.patience_ms());
        let standstill = bft.repair(turn, heads.certified());
        if !stuck && !standstill {
            return;
        }
        if stuck {
            heads.fetch(turn);
        }
        turn.broadcast(Message::Status(bft.status(heads.certified())));
        let oldest = self.oldest(REPEATED);
        let said: Vec<Message> = self.said().chain(oldest).collect();
        for message in said {
            out.push(Output::Broadcast(Arc::new(message)));
        }
    }

    /// When to act again without any input; `None` if only input can change anything.
    fn deadline(&self, now: Now) -> Option<Time> {
        self.bft
            .deadlines(&self.member)
            .chain(self.heads.deadline(self.bft.patience_ms()))
            .chain(self.member.recall.deadline())
            .chain(self.mempool.next_rouse())
            .chain(self.inbox.deadline())
            .chain(self.courier.deadline())
            .chain(
                self.founded
                    .values()
                    .map(|since| since.plus_ms(FOUND_AFTER_MS)),
            )
            .chain(self.alarm(now))
            .filter(|deadline| *deadline > now.timer)
            .min()
    }

    /// When something will be due in the ledger: what the timer shows when the clock shows block time.
    /// What is due already is work, and the agreement has clocks of its own for that.
    fn alarm(&self, now: Now) -> Option<Time> {
        let alarm = self
            .ledger
            .next_alarm()
            .filter(|alarm| *alarm >= now.clock)?;
        Some(now.timer.plus_ms(alarm.since_ms(now.clock) + 1))
    }

    fn advance(&mut self, now: Now, out: &mut Vec<Output>) -> Result<(), Contradiction> {
        self.mempool.rouse_rested(now.timer);
        loop {
            let believed = self.heads.take_believed();
            self.carry(&believed, out);
            if self.closing.is_some() {
                if !self.hand_over(now, out) || self.retired {
                    return Ok(());
                }
                self.follow_on(now, out)?;
            }
            let final_blocks = {
                let shards = self.member.shards().clone();
                let turn = &mut Turn {
                    now,
                    member: &mut self.member,
                    out,
                };
                let work = &mut Pool {
                    mempool: &mut self.mempool,
                    inbox: &mut self.inbox,
                    ledger: &self.ledger,
                    succession: &mut self.succession,
                    changes_aside: &mut self.changes_aside,
                    shards: &shards,
                    founded: &self.founded,
                    timer: now.timer,
                };
                self.bft.advance(turn, work)?
            };
            if final_blocks.is_empty() {
                return Ok(());
            }
            self.apply(now, final_blocks, out)?;
        }
    }

    /// Applies blocks that have become final, in order, up to the end of the epoch: what comes after it
    /// is there to make it final. The agreement stays below the blocks that are final by that alone, so
    /// that others can still get there: whoever asks for final blocks is shown none that proves them.
    fn apply(
        &mut self,
        now: Now,
        blocks: Vec<FinalBlock>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let mut shown = self.ledger.tip;
        for block in blocks {
            let proven = block.certificate.is_some();
            let entries = Arc::clone(&block.candidate.entries);
            let head = self.apply_block(now, block, out);
            for action in entries.iter() {
                match action {
                    Action::Deliver(delivery) => self.compare_sequenced(delivery, out),
                    Action::Change(change) => self.compare_ended(change.next.shard, out),
                    Action::Prepare(_) | Action::Found(_) | Action::End(_) => {}
                }
            }
            let (turn, _, heads) = &mut self.parts(now, out);
            heads.applied(turn, head)?;
            if self.closing.is_some() && !injected::makes(Mistake::AppliesAfterEnd) {
                self.bft.applied(shown);
                return Ok(());
            }
            if proven {
                shown = self.ledger.tip;
            }
        }
        self.bft.applied(self.ledger.tip);
        Ok(())
    }

    /// Applies one block to the ledger and the pool. The head after it.
    fn apply_block(&mut self, now: Now, block: FinalBlock, out: &mut Vec<Output>) -> Head {
        let FinalBlock {
            candidate,
            certificate,
        } = block;
        let applied = self
            .ledger
            .apply(&candidate.block, &candidate.entries, &*self.checkers);
        let mut delivered = Vec::new();
        for action in candidate.entries.iter() {
            match action.key() {
                ActionKey::Transaction(id) => self.mempool.remove(&id),
                ActionKey::Parcel(key) => delivered.push(key),
                ActionKey::Epoch(..) => {}
            }
            if let Action::Change(change) = action {
                // A quorum has checked it, and this member may not know it yet.
                let _ = self.member.shards_mut().directory_mut().follow(change);
            }
            if let Action::Found(record) = action {
                let fact = Fact::Founded((**record).clone());
                let _ = self.member.shards_mut().directory_mut().trust(&fact);
                self.founded.remove(&record.shard);
            }
        }
        self.closing = Closing::after(&applied);
        self.courier.applied(&applied, now.timer);
        if self.inbox.len() > 0 || !delivered.is_empty() {
            self.review_inbox(now, &delivered);
        }
        let head = applied.head.clone();
        out.push(Output::Applied(AppliedBlock {
            block: candidate.block,
            certificate,
            applied: Arc::new(applied),
        }));
        head
    }

    /// Drops what waits in vain, now and then.
    fn sweep(&mut self, now: Now) {
        /// How often, in milliseconds. It costs a look at each waiting transaction.
        const INTERVAL_MS: u64 = 1_000;
        if now.timer.since_ms(self.swept) >= INTERVAL_MS {
            self.swept = now.timer;
            let late = now.clock.as_ms().saturating_sub(bounds::CLOCK_TOLERANCE_MS);
            self.mempool.drop_expired(Time::from_ms(late));
            self.inbox.drop_stale(now.timer);
        }
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
