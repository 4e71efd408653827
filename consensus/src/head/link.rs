//! One head of the chain: who signed it, and who signed another one in its place.

use std::collections::{BTreeMap, BTreeSet};

use model::certificate::Certificate;
use model::head::{Head, HeadCertificate};
use model::shard::Seat;
use model::statement::Statement;
use model::{Hash, Signature};

use crate::bft::{Turn, accuse};
use crate::message::{HeadSignature, Message};
use crate::record::Record;
use crate::replica::Output;

/// A head that this member has computed, or has signed before.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) head: Head,
    pub(super) hash: Hash,
    /// Signatures over this head; of each, whether it has been checked.
    signatures: BTreeMap<Seat, (Signature, bool)>,
    /// Of each member the first signature over another head at this height.
    others: BTreeMap<Seat, HeadSignature>,
    /// The members that were reported: once is enough.
    liars: BTreeSet<Seat>,
    pub(super) certificate: Option<HeadCertificate>,
    /// Whether the log says that this member signs the head.
    pub(super) guarded: bool,
    /// Whether other shards will believe what is under the head.
    believed: Believed,
}

/// How far a head is on its way to other shards.
#[derive(Clone, Debug, PartialEq)]
enum Believed {
    /// Too few members have signed it.
    No,
    /// Enough have.
    Ready(Box<HeadCertificate>),
    /// Whoever carries it has been told.
    Told,
}

impl Link {
    pub(super) fn new(head: Head) -> Self {
        Self {
            hash: head.hash(),
            head,
            signatures: BTreeMap::new(),
            others: BTreeMap::new(),
            liars: BTreeSet::new(),
            certificate: None,
            guarded: false,
            believed: Believed::No,
        }
    }

    /// Signs the head and says so, after the log says so. A member that does not know what it has
    /// signed repeats what its log says, and signs nothing else.
    pub(super) fn sign(&mut self, turn: &mut Turn<'_>) {
        if !self.guarded && !turn.member.recall.is_awake() {
            return;
        }
        let seat = turn.member.seat();
        let signature = turn.member.sign(&self.head.statement());
        self.signatures.insert(seat, (signature, true));
        if !self.guarded {
            self.guarded = true;
            turn.persist(Record::Head(self.head.clone()));
        }
        if let Some(said) = self.said(seat) {
            turn.broadcast(said);
        }
    }

    /// A member's signature at this height: over the head, or over another one.
    pub(super) fn signature_of(&self, seat: Seat) -> Option<(Hash, Signature)> {
        let same = self.signatures.get(&seat);
        let same = same.map(|(signature, _)| (self.hash, *signature));
        let other = self.others.get(&seat);
        same.or_else(|| other.map(|theirs| (theirs.head, theirs.signature)))
    }

    /// What this member has said that signed the head.
    pub(super) fn said(&self, seat: Seat) -> Option<Message> {
        let (signature, _) = self.signatures.get(&seat)?;
        Some(Message::HeadSignature(HeadSignature {
            height: self.head.height,
            head: self.hash,
            signature: *signature,
        }))
    }

    /// Takes in a member's signature at this height. Of each kind the first counts.
    pub(super) fn add(&mut self, turn: &mut Turn<'_>, from: Seat, theirs: HeadSignature) {
        if theirs.head == self.hash {
            let unchecked = (theirs.signature, false);
            self.signatures.entry(from).or_insert(unchecked);
        } else if !self.liars.contains(&from) {
            self.others.entry(from).or_insert(theirs);
        }
        self.compare(turn, from);
        self.certify(turn);
    }

    /// Reports a member that signed this head and another one.
    fn compare(&mut self, turn: &mut Turn<'_>, seat: Seat) {
        let Some((signature, _)) = self.signatures.get(&seat) else {
            return;
        };
        if let Some(other) = self.others.remove(&seat) {
            let first = (self.head.statement(), *signature);
            let HeadSignature {
                height,
                head,
                signature,
            } = other;
            let second = (Statement::Head { height, head }, signature);
            if accuse(turn, seat, first, second) {
                self.liars.insert(seat);
            }
        }
    }

    /// Makes the certificate, if there are enough signatures.
    fn certify(&mut self, turn: &mut Turn<'_>) {
        if self.certificate.is_some() {
            return;
        }
        let (threshold, quorum) = (
            turn.member.promise_threshold(),
            turn.member.committee().quorum(),
        );
        if self.believed == Believed::No && threshold < quorum {
            let enough = self.gather(turn, threshold);
            self.believe(enough);
        }
        if let Some(certificate) = self.gather(turn, quorum) {
            self.publish(turn, certificate);
        }
    }

    /// So many signatures over the head, if there are. One that its member did not make is thrown
    /// away, so that a genuine one can take its place.
    fn gather(&mut self, turn: &mut Turn<'_>, needed: usize) -> Option<HeadCertificate> {
        if self.signatures.len() < needed {
            return None;
        }
        let statement = self.head.statement();
        let mut signatures = Vec::with_capacity(needed);
        self.signatures.retain(|seat, (signature, checked)| {
            if signatures.len() < needed {
                *checked = *checked || turn.member.verify(*seat, &statement, signature);
                if !*checked {
                    return false;
                }
                signatures.push((*seat, *signature));
            }
            true
        });
        let certificate = Certificate {
            statement,
            signatures,
        };
        let head = self.head.clone();
        (certificate.signatures.len() == needed).then_some(HeadCertificate { head, certificate })
    }

    fn believe(&mut self, enough: Option<HeadCertificate>) {
        if let Some(certificate) = enough.filter(|_| self.believed == Believed::No) {
            self.believed = Believed::Ready(Box::new(certificate));
        }
    }

    /// The head with enough signatures for other shards to believe it, once.
    pub(super) fn take_believed(&mut self) -> Option<HeadCertificate> {
        match std::mem::replace(&mut self.believed, Believed::No) {
            Believed::Ready(certificate) => {
                self.believed = Believed::Told;
                Some(*certificate)
            }
            before => {
                self.believed = before;
                None
            }
        }
    }

    /// Takes in a checked certificate of this head.
    pub(super) fn keep(&mut self, turn: &mut Turn<'_>, certificate: HeadCertificate) {
        for (seat, signature) in &certificate.certificate.signatures {
            self.signatures.insert(*seat, (*signature, true));
            self.compare(turn, *seat);
        }
        self.publish(turn, certificate);
    }

    fn publish(&mut self, turn: &mut Turn<'_>, certificate: HeadCertificate) {
        if self.certificate.is_none() {
            self.believe(Some(certificate.clone()));
            self.certificate = Some(certificate.clone());
            turn.persist(Record::HeadCertificate(certificate.clone()));
            turn.out.push(Output::HeadCertified(certificate));
        }
    }
}
