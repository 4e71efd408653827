//! S11: no honest node lets out two signatures that conflict, whatever it forgot in between.
//!
//! The rules of what conflicts are restated here from bft.md, over the signed bytes themselves.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Message;
use model::Certificate;
use model::shard::Seat;
use model::statement::{Epoch, Statement, Vote};

use super::{Judge, Sighting, What};

/// The signed statements have this layout: domain, network, shard, epoch, kind, number, hash.
const DOMAIN_BYTES: usize = 23;
const KIND_AT: usize = DOMAIN_BYTES + 32 + 4 + 8;
const NUMBER_AT: usize = KIND_AT + 1;
const HASH_AT: usize = NUMBER_AT + 8;
const LENGTH: usize = HASH_AT + 32;

/// Kinds of statements, by their byte.
const PROPOSAL: u8 = 1;
const NOTARIZE: u8 = 2;
const SKIP: u8 = 3;
const FINALIZE: u8 = 4;
const HEAD: u8 = 5;
const SUCCESSION: u8 = 6;

/// What a node said in one epoch, of one kind, about one slot or height.
type Said = BTreeMap<(Epoch, u8, u64), Record>;

#[derive(Clone, Copy)]
struct Record {
    hash: [u8; 32],
    /// Whether it may be known outside. What was not let out before a crash was never said.
    out: bool,
}

/// See the module.
#[derive(Default)]
pub struct Signing {
    said: BTreeMap<Seat, Said>,
    /// Who has forgotten what it said, and is not held to it.
    forgiven: BTreeSet<Seat>,
}

impl Signing {
    /// The statements of the sender that a message shows to others, certificates included.
    fn let_out(
        sighting: &Sighting<'_>,
        epoch: Epoch,
        message: &Message,
    ) -> Vec<(u8, u64, [u8; 32])> {
        let Some(seat) = sighting.roll.seat(epoch, sighting.seat) else {
            return Vec::new();
        };
        match message {
            Message::Proposal(proposal) => {
                let slot = proposal.block.header.slot;
                let own = sighting.roll.leads(epoch, sighting.seat, slot);
                own.then(|| (PROPOSAL, slot.number(), *proposal.block.hash().as_bytes()))
                    .into_iter()
                    .collect()
            }
            Message::Vote(vote) => vec![vote_parts(vote.slot.number(), vote.vote)],
            Message::HeadSignature(signed) => {
                vec![(HEAD, signed.height.number(), *signed.head.as_bytes())]
            }
            Message::Certificate(certificate) => own_part(certificate, seat),
            Message::HeadCertificate(certificate) => own_part(&certificate.certificate, seat),
            Message::Status(status) => status
                .finalization
                .iter()
                .flat_map(|certificate| own_part(certificate, seat))
                .collect(),
            Message::Reminder(reminder) => reminder
                .finalization
                .iter()
                .flat_map(|certificate| own_part(certificate, seat))
                .collect(),
            Message::ProposalRequest(_)
            | Message::CertificatesRequest { .. }
            | Message::Transactions(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Recall(_) => Vec::new(),
        }
    }
}

impl Judge for Signing {
    fn rule(&self) -> &'static str {
        "signing"
    }

    fn forgot(&mut self, seat: Seat, forgiven: bool) {
        if forgiven {
            self.forgiven.insert(seat);
        }
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        if self.forgiven.contains(&sighting.seat) {
            return Ok(());
        }
        let (epoch, out) = match sighting.what {
            What::Sent { epoch, message, .. } => (*epoch, Self::let_out(sighting, *epoch, message)),
            _ => (sighting.epoch, Vec::new()),
        };
        let said = self.said.entry(sighting.seat).or_default();
        for (kind, number, hash) in out {
            say(said, epoch, kind, number, hash)?;
            if let Some(record) = said.get_mut(&(epoch, kind, number)) {
                record.out = true;
            }
        }
        match sighting.what {
            What::Signed(bytes) => {
                let (epoch, kind, number, hash) = parse(bytes)?;
                if sighting.roll.seat(epoch, sighting.seat).is_none() {
                    return Err(format!("signed in epoch {epoch}, in which it has no seat"));
                }
                say(said, epoch, kind, number, hash)
            }
            What::Crashed => {
                said.retain(|_, record| record.out);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Notes what a node says, if it has said nothing that conflicts with it.
fn say(said: &mut Said, epoch: Epoch, kind: u8, number: u64, hash: [u8; 32]) -> Result<(), String> {
    let other = |kind: u8| said.get(&(epoch, kind, number)).map(|record| record.hash);
    let conflict = match kind {
        PROPOSAL | HEAD => other(kind).filter(|known| *known != hash).map(|_| kind),
        NOTARIZE | FINALIZE => [NOTARIZE, FINALIZE]
            .into_iter()
            .find(|kind| other(*kind).is_some_and(|known| known != hash))
            .or_else(|| (kind == FINALIZE && other(SKIP).is_some()).then_some(SKIP)),
        SKIP => other(FINALIZE).map(|_| FINALIZE),
        SUCCESSION => return Ok(()), // one may be for several plans
        _ => return Err(format!("signed a statement of unknown kind {kind}")),
    };
    if let Some(with) = conflict {
        let (kind, with) = (name(kind), name(with));
        return Err(format!(
            "signed a {kind} that conflicts with its own {with} at {number}"
        ));
    }
    said.entry((epoch, kind, number))
        .or_insert(Record { hash, out: false });
    Ok(())
}

const fn name(kind: u8) -> &'static str {
    match kind {
        PROPOSAL => "proposal",
        NOTARIZE => "vote to notarize",
        SKIP => "vote to skip",
        FINALIZE => "vote to finalize",
        _ => "head",
    }
}

/// Epoch, kind, slot or height, and hash of a signed statement.
fn parse(bytes: &[u8]) -> Result<(Epoch, u8, u64, [u8; 32]), String> {
    let epoch = bytes
        .get(KIND_AT - 8..KIND_AT)
        .and_then(|part| part.try_into().ok());
    let kind = bytes.get(KIND_AT).copied();
    let number = bytes
        .get(NUMBER_AT..HASH_AT)
        .and_then(|part| part.try_into().ok());
    let hash = bytes
        .get(HASH_AT..LENGTH)
        .and_then(|part| part.try_into().ok());
    match (epoch, kind, number, hash) {
        (Some(epoch), Some(kind), Some(number), Some(hash)) if bytes.len() == LENGTH => {
            let epoch = Epoch::new(u64::from_le_bytes(epoch));
            Ok((epoch, kind, u64::from_le_bytes(number), hash))
        }
        _ => Err(format!(
            "signed {} bytes that are no statement",
            bytes.len()
        )),
    }
}

fn own_part(certificate: &Certificate, seat: Seat) -> Vec<(u8, u64, [u8; 32])> {
    if !certificate
        .signatures
        .iter()
        .any(|(signer, _)| *signer == seat)
    {
        return Vec::new();
    }
    match certificate.statement {
        // there are no such certificates
        Statement::Proposal { .. } | Statement::Succession { .. } => Vec::new(),
        Statement::Vote { slot, vote } => vec![vote_parts(slot.number(), vote)],
        Statement::Head { height, head } => vec![(HEAD, height.number(), *head.as_bytes())],
    }
}

fn vote_parts(slot: u64, vote: Vote) -> (u8, u64, [u8; 32]) {
    match vote {
        Vote::Notarize(hash) => (NOTARIZE, slot, *hash.as_bytes()),
        Vote::Skip => (SKIP, slot, [0; 32]),
        Vote::Finalize(hash) => (FINALIZE, slot, *hash.as_bytes()),
    }
}
