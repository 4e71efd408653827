//! Nothing leaves a node before what it rests on is on its disk.
//!
//! A vote, and a proposal, must be durable: whoever forgets one may make another. What quorums signed
//! and what follows from it must be written, so that the end of the process does not take it away.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::message::{Reminder, Status};
use consensus::sbac::letter::Letter;
use consensus::{Message, Record};
use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::{Certificate, Epoch, Hash, HeadCertificate};
use node::store::log::Position;

use super::{Judge, Sighting, What};

/// Something that a log may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Reserved(Slot),
    /// A vote of one epoch says nothing in another one.
    Vote(Epoch, Slot, Vote),
    Certificate(Statement),
    Head(Hash),
    HeadCertificate(Hash),
    Block(BlockRef),
}

/// What a node's log has.
#[derive(Default)]
struct Log {
    /// Where each thing ends.
    items: BTreeMap<Item, Position>,
    /// Where each epoch but the first begins.
    epochs: BTreeMap<Epoch, Position>,
}

impl Log {
    fn epoch(&self) -> Epoch {
        let last = self.epochs.keys().next_back();
        last.copied().unwrap_or(Epoch::ZERO)
    }

    fn write(&mut self, record: &Record, end: Position) {
        if let Record::Change(change) = record {
            self.epochs.entry(change.next.epoch).or_insert(end);
        }
        if let Some(item) = item(record, self.epoch()) {
            self.items.entry(item).or_insert(end);
        }
    }

    /// What did not get on the disk is lost.
    fn cut(&mut self, durable: Position) {
        self.items.retain(|_, end| *end <= durable);
        self.epochs.retain(|_, end| *end <= durable);
    }

    /// Where a thing ends.
    fn end(&self, item: &Item) -> Option<Position> {
        match item {
            // A reservation covers all slots up to it.
            Item::Reserved(_) => self
                .items
                .range(*item..=Item::Reserved(Slot::new(u64::MAX)))
                .map(|(_, end)| *end)
                .min(),
            _ => self.items.get(item).copied(),
        }
    }
}

/// See the module.
#[derive(Default)]
pub struct Durability {
    logs: BTreeMap<Seat, Log>,
    /// Who has lost a part of its log: others may show it certificates with votes that were in it.
    forgetful: BTreeSet<Seat>,
}

impl Durability {
    /// A certificate shows the vote of whoever signed it.
    fn of_certificate(
        &self,
        sighting: &Sighting<'_>,
        epoch: Epoch,
        certificate: &Certificate,
    ) -> (Option<Item>, Option<Item>) {
        let seat = sighting.seat;
        let own = sighting.roll.seat(epoch, seat);
        let mut signers = certificate.signatures.iter();
        let signed = signers.any(|(signer, _)| Some(*signer) == own);
        let own = match certificate.statement {
            Statement::Vote { slot, vote } if signed && !self.forgetful.contains(&seat) => {
                Some(Item::Vote(epoch, slot, vote))
            }
            _ => None,
        };
        (own, Some(Item::Certificate(certificate.statement)))
    }

    /// What must be durable before the message is sent, and what must be written.
    fn needs(
        &self,
        sighting: &Sighting<'_>,
        epoch: Epoch,
        message: &Message,
    ) -> (Option<Item>, Option<Item>) {
        let seat = sighting.seat;
        let leads = |slot| sighting.roll.leads(epoch, seat, slot);
        match message {
            // A member that forgot may pass on what it proposed before, as others do.
            Message::Proposal(proposal)
                if leads(proposal.block.header.slot) && !self.forgetful.contains(&seat) =>
            {
                (Some(Item::Reserved(proposal.block.header.slot)), None)
            }
            Message::Vote(vote) => (Some(Item::Vote(epoch, vote.slot, vote.vote)), None),
            Message::Certificate(certificate) => self.of_certificate(sighting, epoch, certificate),
            Message::Status(Status { finalization, .. })
            | Message::Reminder(Reminder { finalization, .. }) => match finalization {
                Some(certificate) => self.of_certificate(sighting, epoch, certificate),
                None => (None, None),
            },
            // A member that forgot learns from a certificate what it signed before.
            Message::HeadSignature(_) if self.forgetful.contains(&seat) => (None, None),
            Message::HeadSignature(signature) => (None, Some(Item::Head(signature.head))),
            Message::HeadCertificate(HeadCertificate { head, .. }) => {
                (None, Some(Item::HeadCertificate(head.hash())))
            }
            Message::Proposal(_)
            | Message::ProposalRequest(_)
            | Message::CertificatesRequest { .. }
            | Message::Transactions(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Recall(_) => (None, None),
        }
    }
}

/// The blocks in which a shard promised what a letter of its member brings to others.
fn promised_in(letter: &Letter) -> Vec<Hash> {
    match letter {
        Letter::Deliver(deliveries) => {
            let heads = deliveries.iter().map(|delivery| &delivery.parcel.head.head);
            heads.map(|head| head.block).collect()
        }
        Letter::Ask(_)
        | Letter::Transactions(_)
        | Letter::Changes(_)
        | Letter::AskChanges { .. } => Vec::new(),
    }
}

impl Judge for Durability {
    fn rule(&self) -> &'static str {
        "durability"
    }

    fn forgot(&mut self, seat: Seat, _forgiven: bool) {
        self.forgetful.insert(seat);
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        let seat = sighting.seat;
        match sighting.what {
            What::Began { durable, .. } => {
                let log = self.logs.entry(seat).or_default();
                log.cut(*durable);
                Ok(())
            }
            What::Written { record, end } => {
                let log = self.logs.entry(seat).or_default();
                log.write(record, *end);
                Ok(())
            }
            What::Sent {
                epoch,
                message,
                durable,
            } => {
                let (promised, written) = self.needs(sighting, *epoch, message);
                let log = self.logs.entry(seat).or_default();
                if let Some(item) = promised
                    && log.end(&item).is_none_or(|end| end > *durable)
                {
                    return Err(format!("sent what rests on {item:?} before it was durable"));
                }
                if let Some(item) = written
                    && log.end(&item).is_none()
                {
                    return Err(format!("sent what rests on {item:?} before it was written"));
                }
                Ok(())
            }
            What::Told(letter) => {
                let log = self.logs.entry(seat).or_default();
                let has = |hash: &Hash| {
                    let mut items = log.items.keys();
                    items.any(|item| matches!(item, Item::Block(block) if block.hash == *hash))
                };
                match promised_in(letter).iter().find(|hash| !has(hash)) {
                    Some(hash) => Err(format!(
                        "told promises of block {hash} before it was written"
                    )),
                    None => Ok(()),
                }
            }
            What::Settled(applied) => {
                let name = applied.block.name();
                let log = self.logs.entry(seat).or_default();
                if log.items.contains_key(&Item::Block(name)) {
                    return Ok(());
                }
                Err(format!("applied {name:?}, which its log does not have"))
            }
            _ => Ok(()),
        }
    }
}

fn item(record: &Record, epoch: Epoch) -> Option<Item> {
    Some(match record {
        Record::Reserved(slot) => Item::Reserved(*slot),
        Record::Proposal(proposal) => Item::Block(proposal.block.name()),
        Record::Block(block) => Item::Block(block.name()),
        Record::Vote { slot, vote } => Item::Vote(epoch, *slot, *vote),
        Record::Certificate(certificate) => Item::Certificate(certificate.statement),
        Record::Head(head) => Item::Head(head.hash()),
        Record::HeadCertificate(certificate) => Item::HeadCertificate(certificate.head.hash()),
        Record::Malpractice(_) | Record::Abstain(_) | Record::Change(_) => return None,
    })
}
