//! What a node put its name to: a head, and what is under one.

use serde::{Deserialize, Serialize};

use super::{NoMalpractice, holds, opposite};
use crate::epoch::EpochChange;
use crate::hand_over::HandOver;
use crate::hash::Hash;
use crate::head::{Head, HeadCertificate};
use crate::key::{PublicKey, Signature, SignatureCheck};
use crate::merkle::InclusionProof;
use crate::outbox::Leaf;
use crate::shard::Seat;
use crate::statement::{Height, Scope, Statement};

/// A head that a node signed, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedHead {
    /// Where it was signed.
    pub scope: Scope,
    /// The height of the head.
    pub height: Height,
    /// The hash of the head.
    pub head: Hash,
    /// The node's signature.
    pub signature: Signature,
}

impl SignedHead {
    /// What the member on `seat` signed, if it is among those who are said to have signed the head.
    #[must_use]
    pub fn of(certificate: &HeadCertificate, seat: Seat) -> Option<Self> {
        let head = &certificate.head;
        Some(Self {
            scope: head.scope,
            height: head.height,
            head: head.hash(),
            signature: signature_of(certificate, seat)?,
        })
    }

    /// What was signed.
    #[must_use]
    pub const fn statement(&self) -> Statement {
        let Self { height, head, .. } = *self;
        Statement::Head { height, head }
    }

    /// Whether the node with this key signed it.
    pub fn verify(&self, key: &PublicKey, check: &mut impl SignatureCheck) -> bool {
        self.statement()
            .verify(&self.scope, key, &self.signature, check)
    }

    /// Whether no honest node signs both, because the epochs of its shard follow each other: one is of a
    /// later epoch than the other, and not above it.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.scope, &other.scope);
        let one_chain = ours.network == theirs.network && ours.shard == theirs.shard;
        one_chain
            && ((ours.epoch < theirs.epoch && self.height >= other.height)
                || (theirs.epoch < ours.epoch && other.height >= self.height))
    }
}

/// The last head of an epoch, which a node signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEnd {
    /// The head.
    pub head: Head,
    /// The node's signature over the head.
    pub signature: Signature,
    /// The hash of the record that follows.
    pub next: Hash,
    /// That the head names it.
    pub proof: InclusionProof,
}

impl SignedEnd {
    /// How the member on `seat` ended an epoch, if it is among those who handed over.
    #[must_use]
    pub fn of(change: &EpochChange, seat: Seat) -> Option<Self> {
        let HandOver { head, proof } = &change.hand_over;
        Some(Self {
            head: head.head.clone(),
            signature: signature_of(head, seat)?,
            next: change.next.hash(),
            proof: proof.clone(),
        })
    }

    /// Whether no honest node signs both: the head is of this epoch, and above its end.
    #[must_use]
    pub fn conflicts(&self, head: &SignedHead) -> bool {
        head.scope == self.head.scope && head.height > self.head.height
    }

    pub(super) fn verify(
        &self,
        key: &PublicKey,
        check: &mut impl SignatureCheck,
    ) -> Result<(), NoMalpractice> {
        let leaf = HandOver::leaf_of(&self.next);
        let under = self.proof.verify(&self.head.outbox, &leaf);
        holds(under, NoMalpractice::Path)?;
        signed(&self.head, key, &self.signature, check)
    }
}

/// A leaf that a node put its name to: it is under a head that the node signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLeaf {
    /// The head.
    pub head: Head,
    /// The node's signature over the head.
    pub signature: Signature,
    /// The leaf.
    pub leaf: Leaf,
    /// That the leaf is under the head.
    pub proof: InclusionProof,
}

impl SignedLeaf {
    /// Whether no honest node of the shard puts its name to both: one of them promises to commit a
    /// transaction and the other one to abort it, and both are votes or both are decisions.
    ///
    /// To whom they are made is nothing to do with it. Two reasons to abort do not conflict, and
    /// [`Promise::NoDecision`](crate::Promise::NoDecision) and
    /// [`Promise::Acknowledged`](crate::Promise::Acknowledged) conflict with nothing: the first is said
    /// of what a shard has forgotten, too.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.head.scope, &other.head.scope);
        ours.network == theirs.network
            && ours.shard == theirs.shard
            && self.leaf.transaction == other.leaf.transaction
            && opposite(&self.leaf.promise, &other.leaf.promise)
    }

    pub(super) fn verify(
        &self,
        key: &PublicKey,
        check: &mut impl SignatureCheck,
    ) -> Result<(), NoMalpractice> {
        let under = self.proof.verify(&self.head.outbox, &self.leaf.hash());
        holds(under, NoMalpractice::Path)?;
        signed(&self.head, key, &self.signature, check)
    }
}

fn signature_of(certificate: &HeadCertificate, seat: Seat) -> Option<Signature> {
    let mut signatures = certificate.certificate.signatures.iter();
    let found = signatures.find(|(signer, _)| *signer == seat);
    found.map(|(_, signature)| *signature)
}

fn signed(
    head: &Head,
    key: &PublicKey,
    signature: &Signature,
    check: &mut impl SignatureCheck,
) -> Result<(), NoMalpractice> {
    let signed = head.statement().verify(&head.scope, key, signature, check);
    holds(signed, NoMalpractice::BadSignature)
}
