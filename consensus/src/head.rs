//! The heads of the shard's chain: signing one's own, gathering those of others into certificates.
//!
//! A member signs the head of a block after the block is final and applied, so the head is a
//! function of what is final and all honest members sign the same one.
//!
//! Paper: Section IV-A, "each peer signs the new head of their chain, and shares it with all other
//! peers in the shard".

use std::collections::BTreeMap;

use model::certificate::Certificate;
use model::head::{Head, HeadCertificate};
use model::shard::Seat;
use model::statement::{Height, Statement};
use model::{Hash, Signature};

use crate::bft::Turn;
use crate::member::Member;
use crate::message::{HeadSignature, Message};
use crate::record::Record;
use crate::replica::{Contradiction, Output};

/// Heads that are remembered, so that members that are a little behind get their certificates.
const RECENT: usize = 256;

/// Heights above the last applied block of which signatures are kept.
const AHEAD: u64 = 64;

/// Certificates that one status is answered with, and signatures that are repeated at a time.
const AT_ONCE: usize = 16;

/// One head.
#[derive(Debug)]
struct Link {
    head: Head,
    hash: Hash,
    /// Signatures over this head; of each, whether it has been checked.
    signatures: BTreeMap<Seat, (Signature, bool)>,
    certificate: Option<HeadCertificate>,
}

impl Link {
    fn new(head: Head) -> Self {
        Self {
            hash: head.hash(),
            head,
            signatures: BTreeMap::new(),
            certificate: None,
        }
    }
}

/// The heads that matter now.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    links: BTreeMap<Height, Link>,
    /// Signatures and certificates over heads of blocks that are not applied yet.
    early: BTreeMap<Height, BTreeMap<Seat, HeadSignature>>,
    early_certificates: BTreeMap<Height, HeadCertificate>,
    /// What this member signed before it was restarted.
    guards: BTreeMap<Height, Hash>,
    /// The height of the last applied block.
    applied: Height,
}

impl Heads {
    /// Nothing is known above `applied`.
    pub(crate) fn new(applied: Height) -> Self {
        Self {
            applied,
            ..Self::default()
        }
    }

    /// A block has been applied: sign its head, unless a quorum has done so already.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if this member or a quorum signed another head at this height.
    pub(crate) fn applied(&mut self, turn: &mut Turn<'_>, head: Head) -> Result<(), Contradiction> {
        let height = head.height;
        let hash = head.hash();
        self.applied = height;
        if self.guards.remove(&height).is_some_and(|signed| signed != hash) {
            return Err(Contradiction::SignedHead { height });
        }
        self.links.insert(height, Link::new(head));
        while self.links.len() > RECENT {
            self.links.pop_first();
        }
        let early = self.early.remove(&height).unwrap_or_default();
        self.early = self.early.split_off(&height);
        let certificate = self.early_certificates.remove(&height);
        self.early_certificates = self.early_certificates.split_off(&height);
        if let Some(certificate) = certificate {
            return self.keep(turn, certificate);
        }
        self.sign(turn, height);
        for (seat, signature) in early {
            self.on_signature(turn, seat, signature);
        }
        self.certify(turn, height);
        Ok(())
    }

    fn sign(&mut self, turn: &mut Turn<'_>, height: Height) {
        let Some(link) = self.links.get_mut(&height) else {
            return;
        };
        let signature = turn.member.sign(&link.head.statement());
        link.signatures.insert(turn.member.seat(), (signature, true));
        let record = Record::Head(link.head.clone());
        turn.out.push(Output::Persist(record));
        let head = link.hash;
        say(turn, HeadSignature { height, head, signature });
    }

    /// A member signed a head.
    pub(crate) fn on_signature(&mut self, turn: &mut Turn<'_>, from: Seat, theirs: HeadSignature) {
        let height = theirs.height;
        if height > self.applied {
            if height.number() <= self.applied.number().saturating_add(AHEAD) {
                self.early.entry(height).or_default().insert(from, theirs);
            }
            return;
        }
        let Some(link) = self.links.get_mut(&height) else {
            return;
        };
        if theirs.head != link.hash {
            if let Some((signature, _)) = link.signatures.get(&from) {
                let first = (link.head.statement(), *signature);
                let head = theirs.head;
                let second = (Statement::Head { height, head }, theirs.signature);
                crate::bft::accuse(turn, from, first, second);
            }
            return;
        }
        link.signatures
            .entry(from)
            .or_insert((theirs.signature, false));
        self.certify(turn, height);
    }

    /// Makes the certificate of a head, if there are enough signatures.
    fn certify(&mut self, turn: &mut Turn<'_>, height: Height) {
        let quorum = turn.member.committee().quorum();
        let Some(link) = self.links.get_mut(&height) else {
            return;
        };
        if link.certificate.is_some() || link.signatures.len() < quorum {
            return;
        }
        let statement = link.head.statement();
        let mut signatures = Vec::with_capacity(quorum);
        link.signatures.retain(|seat, (signature, checked)| {
            if signatures.len() < quorum {
                *checked = *checked || turn.member.verify(*seat, &statement, signature);
                if !*checked {
                    return false;
                }
                signatures.push((*seat, *signature));
            }
            true
        });
        if signatures.len() == quorum {
            let certificate = HeadCertificate {
                head: link.head.clone(),
                certificate: Certificate {
                    statement,
                    signatures,
                },
            };
            publish(turn, link, certificate);
        }
    }

    /// A member sent the certificate of a head.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if a quorum signed another head than the one computed here.
    pub(crate) fn on_certificate(
        &mut self,
        turn: &mut Turn<'_>,
        certificate: HeadCertificate,
    ) -> Result<(), Contradiction> {
        let height = certificate.head.height;
        let known = match self.links.get(&height) {
            Some(link) => link.certificate.is_some(),
            None => {
                height <= self.applied
                    || height.number() > self.applied.number().saturating_add(AHEAD)
                    || self.early_certificates.contains_key(&height)
            }
        };
        if known || !turn.member.verify_head(&certificate) {
            return Ok(());
        }
        self.keep(turn, certificate)
    }

    /// Certificates of heads that came with final blocks, about to be applied. They are checked.
    pub(crate) fn expect(&mut self, turn: &mut Turn<'_>, certificate: HeadCertificate) {
        let height = certificate.head.height;
        if height > self.applied && turn.member.verify_head(&certificate) {
            self.early_certificates.insert(height, certificate);
        }
    }

    /// Keeps a checked certificate.
    fn keep(&mut self, turn: &mut Turn<'_>, certificate: HeadCertificate) -> Result<(), Contradiction> {
        let height = certificate.head.height;
        match self.links.get_mut(&height) {
            Some(link) if link.head != certificate.head => {
                Err(Contradiction::CertifiedHead { height })
            }
            Some(link) => {
                publish(turn, link, certificate);
                Ok(())
            }
            None => {
                self.early_certificates.insert(height, certificate);
                Ok(())
            }
        }
    }

    /// The highest height up to which all remembered heads are certified.
    pub(crate) fn certified(&self) -> Height {
        self.links
            .iter()
            .find(|(_, link)| link.certificate.is_none())
            .map_or(self.applied, |(height, _)| {
                Height::new(height.number().saturating_sub(1))
            })
    }

    /// Whether a remembered head lacks its certificate.
    pub(crate) fn is_waiting(&self) -> bool {
        self.certified() < self.applied
    }

    /// Signs again, in the sense of sending the same bytes, what lacks a certificate.
    pub(crate) fn repeat(&self, turn: &mut Turn<'_>) {
        let seat = turn.member.seat();
        let lacking = self.links.iter().filter(|(_, link)| link.certificate.is_none());
        for (height, link) in lacking.take(AT_ONCE) {
            if let Some((signature, _)) = link.signatures.get(&seat) {
                let own = HeadSignature {
                    height: *height,
                    head: link.hash,
                    signature: *signature,
                };
                say(turn, own);
            }
        }
    }

    /// A member holds certificates up to a height: send it the next ones.
    pub(crate) fn on_status(&self, turn: &mut Turn<'_>, from: Seat, certified: Height) {
        let above = self.links.range(certified.next()..);
        let certificates = above.filter_map(|(_, link)| link.certificate.clone());
        for certificate in certificates.take(AT_ONCE) {
            turn.out.push(Output::Send {
                to: from,
                message: std::sync::Arc::new(Message::HeadCertificate(certificate)),
            });
        }
    }

    /// A head that the log says this member signed. It is signed again, which gives the same bytes,
    /// if its block was applied before what is being restored.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if the block is applied and its head is another one.
    pub(crate) fn restore_guard(&mut self, member: &Member, head: Head) -> Result<(), Contradiction> {
        let height = head.height;
        if height > self.applied {
            self.guards.insert(height, head.hash());
            return Ok(());
        }
        match self.links.get(&height) {
            Some(link) if link.head != head => return Err(Contradiction::SignedHead { height }),
            Some(_) => {}
            None => {
                let signature = member.sign(&head.statement());
                let mut link = Link::new(head);
                link.signatures.insert(member.seat(), (signature, true));
                self.links.insert(height, link);
            }
        }
        Ok(())
    }

    /// The records that give the heads that still matter: those without a certificate, and the
    /// newest certificates, for members that lack them.
    pub(crate) fn open_records(&self) -> Vec<Record> {
        let old = self.links.len().saturating_sub(AT_ONCE);
        self.links
            .values()
            .enumerate()
            .filter_map(|(index, link)| match &link.certificate {
                None => Some(Record::Head(link.head.clone())),
                Some(certificate) => {
                    (index >= old).then(|| Record::HeadCertificate(certificate.clone()))
                }
            })
            .collect()
    }

    /// A certificate that the log has.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if it is of another head than the one computed.
    pub(crate) fn restore_certificate(
        &mut self,
        turn: &mut Turn<'_>,
        certificate: HeadCertificate,
    ) -> Result<(), Contradiction> {
        let height = certificate.head.height;
        if height <= self.applied && !self.links.contains_key(&height) {
            self.links
                .insert(height, Link::new(certificate.head.clone()));
        }
        self.keep(turn, certificate)
    }
}

fn publish(turn: &mut Turn<'_>, link: &mut Link, certificate: HeadCertificate) {
    if link.certificate.is_some() {
        return;
    }
    link.certificate = Some(certificate.clone());
    let record = Record::HeadCertificate(certificate.clone());
    turn.out.push(Output::Persist(record));
    turn.out.push(Output::HeadCertified(certificate));
}

fn say(turn: &mut Turn<'_>, signature: HeadSignature) {
    let message = Message::HeadSignature(signature);
    turn.out
        .push(Output::Broadcast(std::sync::Arc::new(message)));
}
