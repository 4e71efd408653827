//! From one epoch to the next.
//!
//! ```text
//!   a quorum is for a plan     the block is final        its head has 2f + 1 signatures
//!   ----------------------> End ----------------> closing ----------------------------> next epoch
//! ```
//!
//! While it is closing, a member decides nothing more and helps the others to get as far: the agreement
//! stands still below the last block, whose head is being signed, and below those before it that have no
//! signatures of their own either. Locks, sessions and transactions that wait are not touched. In the
//! next epoch everything that was promised is promised again.
//!
//! Whoever has missed it is taught by those who have not, and catches up from block to block.
//!
//! Paper: Section VI-A, `MS.update`. Deviation: D-10.

use std::sync::Arc;

use model::outbox::outbox_tree;
use model::shard::Seat;
use model::statement::Scope;
use model::{Certificate, Epoch, EpochChange, Fact, HandOver, Head, HeadCertificate, Leaf, Plan};
use model::{ShardId, ShardRecord, SignedHead, Time};

use super::{Contradiction, Output, Replica};
use crate::bft::Bft;
use crate::head::Heads;
use crate::injected::{self, Mistake};
use crate::ledger::Applied;
use crate::message::{Approval, CHANGES_MAX, HeadSignature, Message};
use crate::record::Record;
use crate::sbac::letter::Letter;
use crate::succession::Succession;
use crate::time::Now;

/// How soon one member is taught again, or asked, in milliseconds of the timer.
const TEACH_AGAIN_MS: u64 = 200;

/// The last block of an epoch, applied.
#[derive(Clone, Debug)]
pub(super) struct Closing {
    pub(super) head: Head,
    outbox: Vec<Leaf>,
    pub(super) next: Arc<ShardRecord>,
}

impl Closing {
    /// What is left to do after a block; `None` if the epoch goes on.
    pub(super) fn after(applied: &Applied) -> Option<Self> {
        Some(Self {
            head: applied.head.clone(),
            outbox: applied.outbox.clone(),
            next: Arc::clone(applied.next.as_ref()?),
        })
    }
}

impl Replica {
    /// Whether the epoch has ended, and the members still sign its last head. What is kept must not be
    /// cut off then: the last blocks are needed to get here again.
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether this node has no seat in the epoch, be it any more or yet. It takes no part and follows
    /// what it is given: [`Input::Final`](super::Input::Final), [`Input::Learned`](super::Input::Learned).
    #[must_use]
    pub const fn is_retired(&self) -> bool {
        self.retired
    }

    /// This member is for a plan, which its operator has approved of.
    pub(super) fn on_approve(&mut self, plan: Plan, out: &mut Vec<Output>) {
        if plan.next.follows(self.member.shards().record()) {
            let message = self.succession.approve(&self.member, plan);
            out.push(Output::Broadcast(Arc::new(message)));
        }
    }

    /// A member is for a plan.
    pub(super) fn on_approval(&mut self, from: Seat, approval: Approval) {
        self.succession
            .on_approval(&mut self.member, from, approval);
    }

    /// Something has become known of the network.
    ///
    /// # Errors
    ///
    /// As [`Replica::learn`].
    pub(super) fn on_fact(
        &mut self,
        now: Now,
        fact: Fact,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        match fact {
            Fact::Changed(change) => self.learn(now, &Arc::new(change), None, out),
            Fact::Founded(ref record) => {
                let directory = self.member.shards_mut().directory_mut();
                // What contradicts what is known was not checked, or is known already.
                if directory.trust(&fact) == Ok(true) && !self.ledger.knows(record.shard) {
                    self.founded.insert(record.shard, now.timer);
                }
                Ok(())
            }
        }
    }

    /// A shard has begun an epoch, which has been checked.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if it is ours, and ended with another head than this member computed.
    pub(super) fn learn(
        &mut self,
        now: Now,
        change: &Arc<EpochChange>,
        from: Option<Seat>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let directory = self.member.shards_mut().directory_mut();
        // What contradicts what is known was not checked.
        let _ = directory.follow(change);
        let next = self.member.shards().next();
        if next.is_some_and(|next| **next == **change) {
            self.follow(now, change, from, out)?;
        }
        Ok(())
    }

    /// Our epoch has ended with a head that a quorum has signed.
    fn follow(
        &mut self,
        now: Now,
        change: &EpochChange,
        from: Option<Seat>,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let certificate = change.hand_over.head.clone();
        let (height, block) = (certificate.head.height, certificate.head.block);
        let (turn, bft, heads) = &mut self.parts(now, out);
        heads.on_certificate(turn, certificate)?;
        bft.ends_with(from, height, block);
        Ok(())
    }

    /// Begins the next epoch, if a quorum has signed the last head of this one and no head before it
    /// lacks signatures. Whether it did.
    pub(super) fn hand_over(&mut self, now: Now, out: &mut Vec<Output>) -> bool {
        let Some(closing) = &self.closing else {
            return false;
        };
        let height = closing.head.height;
        let head = match self.heads.certificate(height) {
            Some(head) if self.heads.certified() >= height => head.clone(),
            _ if injected::makes(Mistake::SwitchesEarly) => unsigned(&closing.head),
            _ => return false,
        };
        let tree = outbox_tree(&closing.outbox, Some(&closing.next));
        let proof = tree.prove(closing.outbox.len());
        let change = EpochChange {
            next: (*closing.next).clone(),
            hand_over: HandOver {
                head,
                proof: proof.expect("the leaf after all promises is in the tree"),
            },
        };
        // The last word in this epoch, for members that lack a signature and have no seat in the next.
        let last = Message::Changes(vec![change.clone()]);
        out.push(Output::Broadcast(Arc::new(last)));
        let change = Arc::new(change);
        let (scope, above) = (self.ledger.scope, self.heads.above().collect::<Vec<_>>());
        self.enter(&change, out);
        for (from, theirs) in above {
            self.compare_place(scope, from, theirs, out);
        }
        if !self.retired {
            self.begin_epoch(now, &change, out);
        }
        true
    }

    /// Reports a member that has signed a head in an epoch that has no such height.
    pub(super) fn compare_place(
        &mut self,
        scope: Scope,
        from: Seat,
        theirs: HeadSignature,
        out: &mut Vec<Output>,
    ) {
        let HeadSignature {
            height,
            head,
            signature,
        } = theirs;
        let said = SignedHead {
            scope,
            height,
            head,
            signature,
        };
        let known = self.member.known();
        let node = known.node(&scope, from);
        let suspect = node.and_then(|node| known.misplaced(&node, said));
        self.report(suspect, out);
    }

    /// Begins the next epoch: what was signed in the one before says nothing in it.
    pub(super) fn enter(&mut self, change: &Arc<EpochChange>, out: &mut Vec<Output>) {
        out.push(Output::Persist(Record::Change((**change).clone())));
        // It may be known already, from those who were faster.
        let _ = self.member.shards_mut().directory_mut().follow(change);
        let stays = self.member.enter();
        let committee = self.member.committee();
        let alive = committee.size() - committee.vacant() >= committee.quorum();
        self.retired = !stays || !alive;
        self.ledger.enter(change.next.epoch);
        self.bft = Bft::new(self.bft.pace(), self.ledger.tip);
        self.heads = Heads::new(self.ledger.tip.height);
        self.closing = None;
        self.succession = Succession::default();
        self.taught.clear();
        out.push(Output::Entered(Arc::clone(change)));
    }

    /// If it is known that this epoch has ended, too, the member goes on catching up.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if it ended with another head than this member computed.
    pub(super) fn follow_on(
        &mut self,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        match self.member.shards().next().cloned() {
            Some(next) if self.closing.is_none() => self.follow(now, &next, None, out),
            Some(_) | None => Ok(()),
        }
    }

    /// Begins to take part. The member may have been here before and have lost its log, so it asks what it
    /// has signed, as one that starts.
    fn begin_epoch(&mut self, now: Now, change: &Arc<EpochChange>, out: &mut Vec<Output>) {
        let question = self.member.recall.begin(now);
        let (turn, bft, heads) = &mut self.parts(now, out);
        turn.broadcast(Message::Recall(question));
        bft.resume(turn);
        turn.broadcast(Message::Status(bft.status(heads.certified())));
        let letter = Arc::new(Letter::Changes(vec![(**change).clone()]));
        for committee in self.member.shards().others() {
            out.push(Output::Tell {
                shard: committee.scope().shard,
                to: None,
                letter: Arc::clone(&letter),
            });
        }
    }

    /// A member speaks in another epoch than the one this member is in.
    pub(super) fn on_other_epoch(
        &mut self,
        now: Now,
        from: Seat,
        epoch: Epoch,
        out: &mut Vec<Output>,
    ) {
        // A seat is another one's in another epoch.
        let shards = self.member.shards();
        let then = shards.directory().committee(self.ledger.shard(), epoch);
        let node = then.unwrap_or_else(|| shards.ours()).member(from);
        let Some(from) = node.and_then(|node| shards.ours().seat(&node)) else {
            return;
        };
        let last = self.taught.entry(from).or_insert(Time::ZERO);
        if *last > Time::ZERO && now.timer.since_ms(*last) < TEACH_AGAIN_MS {
            return;
        }
        *last = now.timer;
        let shard = self.ledger.shard();
        let message = if epoch < self.ledger.scope.epoch {
            Message::Changes(self.changes(shard, epoch))
        } else {
            // It answers with what this member has missed.
            Message::Status(self.bft.status(self.heads.certified()))
        };
        let message = Arc::new(message);
        out.push(Output::Send { to: from, message });
    }

    /// Epochs of a shard that have begun after one.
    pub(super) fn changes(&self, shard: ShardId, after: Epoch) -> Vec<EpochChange> {
        let changes = self.member.shards().directory().changes(shard, after);
        let first = changes.take(CHANGES_MAX);
        first.map(|change| (**change).clone()).collect()
    }
}

/// A certificate to make a mistake with: nobody has signed it.
fn unsigned(head: &Head) -> HeadCertificate {
    HeadCertificate {
        certificate: Certificate {
            statement: head.statement(),
            signatures: Vec::new(),
        },
        head: head.clone(),
    }
}
