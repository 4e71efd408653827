//! One member of a shard: its seat, its key, and how it checks what other members signed.

#[cfg(test)]
pub(crate) mod tests;

use model::shard::Seat;
use model::statement::{Slot, Statement};
use model::{Certificate, HeadCertificate, Malpractice, NodeId, Signature};
use model::{Committee, SignatureCheck};

use crate::injected::{self, Mistake};
use crate::recall::Recall;
use crate::shards::Shards;
use crate::signer::Signer;
use crate::suspicion::{Known, Reported};

/// A member and its view of the others.
pub(crate) struct Member {
    shards: Shards,
    seat: Seat,
    /// The node that it is; `None` if there is nobody on its seat.
    node: Option<NodeId>,
    signer: Box<dyn Signer>,
    check: Box<dyn SignatureCheck + Send>,
    /// What it knows about what it may sign.
    pub(crate) recall: Recall,
    /// Whom it has reported.
    pub(crate) reported: Reported,
}

impl Member {
    pub(crate) fn new(
        shards: Shards,
        seat: Seat,
        signer: Box<dyn Signer>,
        check: Box<dyn SignatureCheck + Send>,
    ) -> Self {
        Self {
            node: shards.ours().member(seat),
            shards,
            seat,
            signer,
            check,
            recall: Recall::default(),
            reported: Reported::default(),
        }
    }

    /// It is this node, which has no seat yet.
    pub(crate) const fn await_seat(&mut self, node: NodeId) {
        self.node = Some(node);
    }

    pub(crate) const fn shards(&self) -> &Shards {
        &self.shards
    }

    pub(crate) const fn shards_mut(&mut self) -> &mut Shards {
        &mut self.shards
    }

    /// The next epoch begins. Whether this node is a member in it.
    ///
    /// What was signed in the epoch before says nothing in this one, so there is nothing to remember.
    pub(crate) fn enter(&mut self) -> bool {
        if !self.shards.enter() {
            return false;
        }
        self.recall = Recall::default();
        self.reported = Reported::default();
        let seat = self.node.and_then(|node| self.committee().seat(&node));
        self.seat = seat.unwrap_or(self.seat);
        seat.is_some()
    }

    pub(crate) fn committee(&self) -> &Committee {
        self.shards.ours()
    }

    /// How many signatures over a head make others believe what is under it.
    pub(crate) fn promise_threshold(&self) -> usize {
        self.shards.policy().profile().threshold(self.committee())
    }

    pub(crate) const fn seat(&self) -> Seat {
        self.seat
    }

    /// `n`, as a number of slots in which each member leads once.
    pub(crate) fn size(&self) -> u64 {
        self.committee().size() as u64
    }

    /// The leader of a slot: those on the seats take turns. Nobody waits for a vacant one.
    pub(crate) fn leader(&self, slot: Slot) -> Seat {
        let committee = self.committee();
        let taken = committee.size() - committee.vacant();
        let turn = slot.number() % (taken as u64).max(1);
        let turn = usize::try_from(turn).expect("a seat index is small");
        if taken == committee.size() {
            return Seat::new(turn).expect("the remainder is a seat of the committee");
        }
        committee.seats().nth(turn).unwrap_or(self.seat)
    }

    /// The seats of all other members, from the one after this member's on.
    pub(crate) fn others(&self) -> Vec<Seat> {
        let committee = self.committee();
        let size = committee.size();
        (1..size)
            .filter_map(|step| Seat::new((self.seat.index() + step) % size))
            .filter(|seat| committee.member(*seat).is_some())
            .collect()
    }

    /// Signs for this member.
    pub(crate) fn sign(&self, statement: &Statement) -> Signature {
        self.signer
            .sign(&statement.signing_bytes(self.committee().scope()))
    }

    /// Whether the member on `seat` signed the statement.
    pub(crate) fn verify(
        &mut self,
        seat: Seat,
        statement: &Statement,
        signature: &Signature,
    ) -> bool {
        let Some(node) = self.committee().member(seat) else {
            return false;
        };
        if injected::makes(Mistake::SignaturesUnchecked) {
            return true;
        }
        let check = &mut &mut *self.check;
        statement.verify(self.shards.scope(), node.key(), signature, check)
    }

    /// How many votes are a certificate.
    pub(crate) fn quorum(&self) -> usize {
        let missing = usize::from(injected::makes(Mistake::SmallQuorum));
        self.committee().quorum() - missing
    }

    /// Whether a quorum signed the certificate's statement.
    pub(crate) fn verify_certificate(&mut self, certificate: &Certificate) -> bool {
        if injected::makes(Mistake::SmallQuorum) {
            return certificate.signatures.len() >= self.quorum();
        }
        let check = &mut &mut *self.check;
        certificate.verify(self.shards.ours(), check).is_ok()
    }

    /// Whether a quorum signed the head.
    pub(crate) fn verify_head(&mut self, head: &HeadCertificate) -> bool {
        let check = &mut &mut *self.check;
        head.verify(self.shards.ours(), check).is_ok()
    }

    /// What it takes to name a liar.
    pub(crate) const fn known(&self) -> Known<'_> {
        Known {
            directory: self.shards.directory(),
            reported: &self.reported,
        }
    }

    /// Whether a record proves what it says, and was not reported. It is from now on.
    pub(crate) fn reports(&mut self, record: &Malpractice) -> bool {
        let (_, shard) = record.lie.told_in();
        let kind = record.lie.kind();
        if self.reported.contains(shard, &record.node, kind) {
            return false;
        }
        let check = &mut &mut *self.check;
        let proven = record.verify(check).is_ok();
        if proven {
            self.reported.insert(record);
        }
        proven
    }
}
