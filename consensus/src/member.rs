//! One member of a shard: its seat, its key, and how it checks what other members signed.

#[cfg(test)]
pub(crate) mod tests;

use model::Committee;
use model::shard::Seat;
use model::statement::{Slot, Statement};
use model::{Certificate, HeadCertificate, Lie, Malpractice, ShardId, Signature, SignatureCheck};

use crate::injected::{self, Mistake};
use crate::recall::Recall;
use crate::shards::Shards;
use crate::signer::Signer;

/// A member and its view of the others.
pub(crate) struct Member {
    shards: Shards,
    seat: Seat,
    signer: Box<dyn Signer>,
    check: Box<dyn SignatureCheck + Send>,
    /// What it knows about what it may sign.
    pub(crate) recall: Recall,
}

/// A boxed check, as the functions of `model` want it.
struct Check<'a>(&'a mut (dyn SignatureCheck + Send));

impl SignatureCheck for Check<'_> {
    fn check(&mut self, key: &model::PublicKey, message: &[u8], signature: &Signature) -> bool {
        self.0.check(key, message, signature)
    }
}

impl Member {
    pub(crate) fn new(
        shards: Shards,
        seat: Seat,
        signer: Box<dyn Signer>,
        check: Box<dyn SignatureCheck + Send>,
    ) -> Self {
        Self {
            shards,
            seat,
            signer,
            check,
            recall: Recall::default(),
        }
    }

    pub(crate) const fn shards(&self) -> &Shards {
        &self.shards
    }

    pub(crate) const fn committee(&self) -> &Committee {
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

    /// The leader of a slot: the seats take turns.
    pub(crate) fn leader(&self, slot: Slot) -> Seat {
        let index = slot.number() % self.size();
        Seat::new(usize::try_from(index).expect("a seat index is small"))
            .expect("the remainder is a seat of the committee")
    }

    /// All seats but this member's, from the one after it on.
    pub(crate) fn others(&self) -> Vec<Seat> {
        let size = self.committee().size();
        (1..size)
            .filter_map(|step| Seat::new((self.seat.index() + step) % size))
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
        let check = &mut Check(&mut *self.check);
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
        let check = &mut Check(&mut *self.check);
        certificate.verify(self.shards.ours(), check).is_ok()
    }

    /// Whether a quorum signed the head.
    pub(crate) fn verify_head(&mut self, head: &HeadCertificate) -> bool {
        let check = &mut Check(&mut *self.check);
        head.verify(self.shards.ours(), check).is_ok()
    }

    /// The record of malpractice, if the member on `seat` signed both statements and they conflict.
    pub(crate) fn malpractice(
        &mut self,
        seat: Seat,
        first: (Statement, Signature),
        second: (Statement, Signature),
    ) -> Option<Malpractice> {
        let record = Malpractice {
            node: self.committee().member(seat)?,
            lie: Lie::Statements {
                scope: *self.committee().scope(),
                first,
                second,
            },
        };
        self.proven(record)
    }

    /// The record of malpractice, if the member on `seat` of another shard told this lie.
    pub(crate) fn foreign_malpractice(
        &mut self,
        shard: ShardId,
        seat: Seat,
        lie: Lie,
    ) -> Option<Malpractice> {
        let node = self.shards.other(shard)?.member(seat)?;
        self.proven(Malpractice { node, lie })
    }

    fn proven(&mut self, record: Malpractice) -> Option<Malpractice> {
        let check = &mut Check(&mut *self.check);
        record.verify(check).is_ok().then_some(record)
    }
}
