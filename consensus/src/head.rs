//! The heads of the shard's chain: signing one's own, gathering those of others into certificates.
//!
//! A member signs the head of a block after the block is final and applied, so the head is a
//! function of what is final and all honest members sign the same one.
//!
//! Paper: Section IV-A, "each peer signs the new head of their chain, and shares it with all other
//! peers in the shard".

mod link;

use std::collections::BTreeMap;
use std::ops::Bound;

use model::head::{Head, HeadCertificate};
use model::shard::Seat;
use model::statement::{Height, Statement};
use model::{Hash, Signature, Time};

use crate::bft::Turn;
use crate::message::{BlocksRequest, HeadSignature, Message};
use crate::record::Record;
use crate::replica::{Contradiction, Output};
use link::Link;

/// Heads that are remembered, so that members that are a little behind get their certificates.
const RECENT: usize = 256;

/// Heights above the last applied block of which signatures are kept.
const AHEAD: u64 = 64;

/// Certificates that one status is answered with, and signatures that are repeated at a time.
const AT_ONCE: usize = 16;

/// Signatures of one member that are kept of a height above the last applied block: two are enough
/// to show that it lies.
const EARLY: usize = 2;

/// How many repetitions in vain there are for each time that final blocks are fetched for the
/// certificates beside them.
const FETCH_EVERY: usize = 4;

/// The heads that matter now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads {
    links: BTreeMap<Height, Link>,
    /// Signatures and certificates over heads of blocks that are not applied yet.
    early: BTreeMap<Height, Vec<(Seat, HeadSignature)>>,
    early_certificates: BTreeMap<Height, HeadCertificate>,
    /// What this member signed before it was restarted.
    guards: BTreeMap<Height, Hash>,
    /// What others hold that this member signed of blocks that are not applied yet.
    reminded: BTreeMap<Height, Hash>,
    /// The height of the last applied block.
    applied: Height,
    /// The lowest head without a certificate, and since when, or since when its signatures were last
    /// repeated.
    stuck: Option<(Height, Time)>,
    /// How often signatures have been repeated.
    repetitions: usize,
    /// Heads that others will believe from now on, until they are taken out.
    believed: Vec<HeadCertificate>,
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
        let early = self.early.remove(&height).unwrap_or_default();
        self.early = self.early.split_off(&height);
        self.restore_applied(turn, head)?;
        if let Some(link) = self.links.get_mut(&height)
            && link.certificate.is_none()
        {
            link.sign(turn);
        }
        for (seat, signature) in early {
            self.on_signature(turn, seat, signature);
        }
        Ok(())
    }

    /// A block has been applied again that was applied before the restart.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if this member or a quorum signed another head at this height.
    pub(crate) fn restore_applied(
        &mut self,
        turn: &mut Turn<'_>,
        head: Head,
    ) -> Result<(), Contradiction> {
        let height = head.height;
        let mut link = Link::new(head);
        self.applied = height;
        if let Some(signed) = self.guards.remove(&height) {
            if signed != link.hash {
                return Err(Contradiction::SignedHead { height });
            }
            link.guarded = true;
        }
        if self
            .reminded
            .remove(&height)
            .is_some_and(|signed| signed != link.hash)
        {
            return Err(Contradiction::SignedHead { height });
        }
        self.links.insert(height, link);
        while self.links.len() > RECENT {
            self.links.pop_first();
        }
        let certificate = self.early_certificates.remove(&height);
        self.early_certificates = self.early_certificates.split_off(&height);
        certificate.map_or(Ok(()), |certificate| self.keep(turn, certificate))
    }

    /// Signs the heads that lack a certificate: once all records are restored, and when this member
    /// knows what it has signed.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>) {
        for link in self.links.values_mut() {
            if link.certificate.is_none() {
                link.sign(turn);
            }
        }
    }

    /// A member signed a head.
    pub(crate) fn on_signature(&mut self, turn: &mut Turn<'_>, from: Seat, theirs: HeadSignature) {
        let height = theirs.height;
        if height > self.applied {
            if height.number() <= self.applied.number().saturating_add(AHEAD) {
                self.keep_early(from, theirs);
            }
            return;
        }
        if let Some(link) = self.links.get_mut(&height) {
            link.add(turn, from, theirs);
            self.believed.extend(link.take_believed());
        }
    }

    fn keep_early(&mut self, from: Seat, theirs: HeadSignature) {
        let early = self.early.entry(theirs.height).or_default();
        let held = early.iter().filter(|(seat, _)| *seat == from).count();
        if held < EARLY && !early.contains(&(from, theirs)) {
            early.push((from, theirs));
        }
    }

    /// What members have signed of heights above the last applied block. Nothing of it is checked.
    pub(crate) fn above(&self) -> impl Iterator<Item = (Seat, HeadSignature)> {
        self.early.values().flatten().copied()
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

    /// A certificate that came with a final block which is about to be applied. It is checked.
    ///
    /// # Errors
    ///
    /// As [`Heads::on_certificate`], if the block has been applied.
    pub(crate) fn expect(
        &mut self,
        turn: &mut Turn<'_>,
        certificate: HeadCertificate,
    ) -> Result<(), Contradiction> {
        let height = certificate.head.height;
        if height <= self.applied {
            return self.on_certificate(turn, certificate);
        }
        if turn.member.verify_head(&certificate) {
            self.early_certificates.insert(height, certificate);
        }
        Ok(())
    }

    /// Keeps a checked certificate.
    fn keep(
        &mut self,
        turn: &mut Turn<'_>,
        certificate: HeadCertificate,
    ) -> Result<(), Contradiction> {
        let height = certificate.head.height;
        match self.links.get_mut(&height) {
            Some(link) if link.head != certificate.head => {
                Err(Contradiction::CertifiedHead { height })
            }
            Some(link) => {
                link.keep(turn, certificate);
                self.believed.extend(link.take_believed());
                Ok(())
            }
            None => {
                self.early_certificates.insert(height, certificate);
                Ok(())
            }
        }
    }

    /// Takes out the heads that enough members have signed for others to believe them.
    pub(crate) fn take_believed(&mut self) -> Vec<HeadCertificate> {
        std::mem::take(&mut self.believed)
    }

    /// The certificate of a head, if it is remembered.
    pub(crate) fn certificate(&self, height: Height) -> Option<&HeadCertificate> {
        self.links.get(&height)?.certificate.as_ref()
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

    /// Whether the same head has been the lowest without a certificate for so long that signatures
    /// must have got lost; then all others are to be told what this member has said.
    ///
    /// Blocks may become final all the while, so this has a clock of its own.
    pub(crate) fn repair(&mut self, now: Time, patience_ms: u64) -> bool {
        let certified = self.certified();
        let since = match self.stuck {
            _ if certified == self.applied => {
                self.stuck = None;
                return false;
            }
            Some((height, since)) if height == certified.next() => since,
            Some(_) | None => now,
        };
        let long = now.since_ms(since) >= patience_ms;
        self.stuck = Some((certified.next(), if long { now } else { since }));
        long
    }

    /// Asks one other now and then, each in turn, for the block of the lowest head without a
    /// certificate: the others may have forgotten an old head, and have its certificate beside the
    /// block.
    pub(crate) fn fetch(&mut self, turn: &mut Turn<'_>) {
        self.repetitions += 1;
        if self.repetitions.is_multiple_of(FETCH_EVERY) {
            let others = turn.member.others();
            let from = others[self.repetitions / FETCH_EVERY % others.len()];
            let first = self.certified().next();
            let request = BlocksRequest { first };
            turn.out.push(Output::FetchBlocks { from, request });
        }
    }

    /// When to call [`Heads::repair`] next.
    pub(crate) fn deadline(&self, patience_ms: u64) -> Option<Time> {
        self.stuck.map(|(_, since)| since.plus_ms(patience_ms))
    }

    /// What this member has said of heads that lack a certificate, to be said again. Nothing is
    /// signed here.
    pub(crate) fn said(&self, seat: Seat) -> Vec<Message> {
        let lacking = self
            .links
            .values()
            .filter(|link| link.certificate.is_none());
        lacking
            .take(AT_ONCE)
            .filter_map(|link| link.said(seat))
            .collect()
    }

    /// The highest head that a member has signed, as far as it is held here.
    pub(crate) fn signed_by(&self, seat: Seat) -> Option<(Statement, Signature)> {
        let early = self.early.iter().rev().find_map(|(height, early)| {
            let (_, theirs) = early.iter().find(|(signer, _)| *signer == seat)?;
            Some((*height, theirs.head, theirs.signature))
        });
        let (height, head, signature) = early.or_else(|| {
            self.links.iter().rev().find_map(|(height, link)| {
                let (head, signature) = link.signature_of(seat)?;
                Some((*height, head, signature))
            })
        })?;
        Some((Statement::Head { height, head }, signature))
    }

    /// Somebody holds a head that this member has signed.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if the block is applied and its head is another one.
    pub(crate) fn reminded(&mut self, height: Height, head: Hash) -> Result<(), Contradiction> {
        let computed = match self.links.get(&height) {
            Some(link) => link.hash,
            None if height > self.applied => *self.reminded.entry(height).or_insert(head),
            None => head, // it is forgotten here too
        };
        if computed == head {
            Ok(())
        } else {
            Err(Contradiction::SignedHead { height })
        }
    }

    /// A member holds certificates up to a height: send it the next ones.
    pub(crate) fn on_status(&self, turn: &mut Turn<'_>, from: Seat, certified: Height) {
        let above = self
            .links
            .range((Bound::Excluded(certified), Bound::Unbounded));
        let certificates = above.filter_map(|(_, link)| link.certificate.clone());
        for certificate in certificates.take(AT_ONCE) {
            turn.send(from, Message::HeadCertificate(certificate));
        }
    }

    /// A head that the log says this member signed.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if the block is applied and its head is another one.
    pub(crate) fn restore_guard(&mut self, head: Head) -> Result<(), Contradiction> {
        let height = head.height;
        if height > self.applied {
            self.guards.insert(height, head.hash());
            return Ok(());
        }
        // Without a link the block was applied before what is being restored.
        let link = self
            .links
            .entry(height)
            .or_insert_with(|| Link::new(head.clone()));
        if link.head != head {
            return Err(Contradiction::SignedHead { height });
        }
        link.guarded = true;
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
