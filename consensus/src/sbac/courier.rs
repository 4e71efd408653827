//! Carrying a shard's promises to others.
//!
//! The BFT-Initiators of a block are the `f + 1` members from its height on, in the order of seats: one
//! of them is honest. Each of them carries the promises of the block to all members of the shards that
//! they are made to, as soon as the head is certified. The paper has one initiator and others who
//! remind it and take over; with `f + 1` there is nobody to wait for. Should all of this fail, the
//! ledger makes its promises again, and with them new initiators come.
//!
//! Paper: Section IV-C, "BFT-Initiator".

mod reminders;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::outbox::outbox_tree;
use model::{Committee, Delivery, HeadCertificate, Height, Leaf, Parcel, Promise, ShardId};
use model::{ShardRecord, Time};
use model::{TransactionId, Verdict, bounds};

use reminders::Reminders;

use super::letter::{self, LETTER_BYTES_AIM, Letter, estimate};
use super::session::{Stage, Votes};
use crate::action::ParcelKey;
use crate::ledger::{Applied, Ledger};

/// Blocks whose promises wait for the signatures over their heads.
const BLOCKS: usize = 256;

/// What waits to be carried.
#[derive(Clone, Debug, Default)]
pub(crate) struct Courier {
    /// The promises of blocks whose heads are not certified.
    blocks: BTreeMap<Height, Said>,
    /// When to look whether votes have come.
    reminders: Reminders,
}

/// What a block says, and who follows if the epoch ends with it.
type Said = (Vec<Leaf>, Option<Arc<ShardRecord>>);

/// Letters to all members of a shard.
pub(crate) type Mail = Vec<(ShardId, Letter)>;

impl Courier {
    /// A block has been applied.
    pub(crate) fn applied(&mut self, applied: &Applied, timer: Time) {
        if !applied.outbox.is_empty() {
            let height = applied.head.height;
            let said = (applied.outbox.clone(), applied.next.clone());
            self.blocks.insert(height, said);
            while self.blocks.len() > BLOCKS {
                self.blocks.pop_first();
            }
        }
        for (id, session) in &applied.sessions {
            match session.as_ref().map(|session| &session.stage) {
                Some(Stage::Open(_)) => self.reminders.begin(*id, timer),
                Some(Stage::Prepared(_) | Stage::Decided { .. }) | None => {
                    self.reminders.end(id);
                }
            }
        }
    }

    /// The member begins, and does not know how often those who have not voted were reminded.
    pub(crate) fn begin(&mut self, ledger: &Ledger, timer: Time) {
        let sessions = ledger.state.sessions.iter();
        let open = sessions.filter(|(_, session)| matches!(session.stage, Stage::Open(_)));
        self.reminders = Reminders::default();
        open.for_each(|(id, _)| self.reminders.begin(*id, timer));
    }

    /// Enough members have signed the head of a block: what the member on the seat with this index has
    /// to carry.
    pub(crate) fn certified(
        &mut self,
        head: &HeadCertificate,
        seat: usize,
        committee: &Committee,
        ledger: &Ledger,
    ) -> Mail {
        let height = head.head.height;
        let Some((leaves, next)) = self.blocks.remove(&height) else {
            return Vec::new();
        };
        let carries = is_initiator(height.number(), seat, committee);
        if !carries {
            return Vec::new();
        }
        let tree = outbox_tree(&leaves, next.as_deref());
        let mut by_shard: BTreeMap<ShardId, Vec<Delivery>> = BTreeMap::new();
        let mut first = 0;
        while first < leaves.len() {
            let (count, votes) = run(&leaves[first..], ledger);
            let proof = tree.prove_range(first, count);
            let parcel = Parcel {
                head: head.clone(),
                leaves: leaves[first..first + count].to_vec(),
                proof: proof.expect("the run is in the tree"),
            };
            let votes = votes.iter().map(|votes| (**votes).clone()).collect();
            let deliveries = by_shard.entry(leaves[first].to).or_default();
            deliveries.push(Delivery { parcel, votes });
            first += count;
        }
        let letters = |(shard, deliveries)| {
            let letters = letter::letters(deliveries).into_iter();
            letters.map(move |letter| (shard, letter))
        };
        by_shard.into_iter().flat_map(letters).collect()
    }

    /// Transactions for those who have not voted on them for too long.
    pub(crate) fn remind(
        &mut self,
        timer: Time,
        seat: usize,
        committee: &Committee,
        ledger: &Ledger,
    ) -> Mail {
        let mut bodies: BTreeMap<ShardId, Vec<_>> = BTreeMap::new();
        while let Some((id, times)) = self.reminders.next(timer) {
            let session = ledger.state.sessions.get(&id);
            let Some((session, votes)) = session.and_then(|session| match &session.stage {
                Stage::Open(votes) => Some((session, votes)),
                Stage::Prepared(_) | Stage::Decided { .. } => None,
            }) else {
                self.reminders.end(&id);
                continue;
            };
            // Of two members that remind at a time one is honest, and the turn moves on.
            let turn = first_byte(&id) + u64::from(times);
            if !is_initiator(turn, seat, committee) {
                continue;
            }
            let participants = session.transaction.body().participants.iter();
            let silent = participants
                .filter(|shard| **shard != ledger.shard() && !votes.contains_key(*shard));
            for shard in silent {
                let transaction = session.transaction.transaction().clone();
                bodies.entry(*shard).or_default().push(transaction);
            }
        }
        let letters = |(shard, bodies)| {
            let letters = letter::transactions(bodies).into_iter();
            letters.map(move |letter| (shard, letter))
        };
        bodies.into_iter().flat_map(letters).collect()
    }

    /// When to remind somebody next.
    pub(crate) fn deadline(&self) -> Option<Time> {
        self.reminders.first()
    }
}

/// Whether a seat is among the `f + 1` whose turn it is.
fn is_initiator(turn: u64, seat: usize, committee: &Committee) -> bool {
    let size = committee.size() as u64;
    let after = (seat as u64 + size - turn % size) % size;
    after < committee.honest_threshold() as u64
}

fn first_byte(id: &TransactionId) -> u64 {
    u64::from(id.as_bytes()[0])
}

/// How many of these leaves one parcel takes, all to one shard, and the votes that go with them.
fn run(leaves: &[Leaf], ledger: &Ledger) -> (usize, Vec<Arc<Parcel>>) {
    let mut votes: BTreeMap<ParcelKey, Arc<Parcel>> = BTreeMap::new();
    let mut bytes = 0;
    let mut count = 0;
    for leaf in leaves {
        if leaf.to != leaves[0].to || count == bounds::PARCEL_LEAVES_MAX {
            break;
        }
        let more = justification(leaf, ledger);
        let new: BTreeMap<_, _> = more
            .into_iter()
            .map(|parcel| (key(&parcel), parcel))
            .filter(|(key, _)| !votes.contains_key(key))
            .collect();
        let new_bytes: usize = new.values().map(|parcel| estimate(parcel)).sum();
        let full = votes.len() + new.len() > bounds::DELIVERY_VOTES_MAX
            || bytes + new_bytes > LETTER_BYTES_AIM / 2;
        if full && count > 0 {
            break;
        }
        bytes += new_bytes;
        votes.extend(new);
        count += 1;
    }
    (count, votes.into_values().collect())
}

fn key(parcel: &Parcel) -> ParcelKey {
    ParcelKey {
        from: parcel.from(),
        height: parcel.head.head.height,
        first: parcel.proof.first,
    }
}

/// The votes that the shard it is made to must see beside a decision to commit.
fn justification(leaf: &Leaf, ledger: &Ledger) -> Vec<Arc<Parcel>> {
    if leaf.promise != Promise::Accept(Verdict::Commit) {
        return Vec::new();
    }
    let Some(session) = ledger.state.sessions.get(&leaf.transaction) else {
        return Vec::new();
    };
    let none = Votes::new();
    let votes = match &session.stage {
        Stage::Decided { votes, .. } => votes,
        Stage::Open(_) | Stage::Prepared(_) => &none,
    };
    let shown = votes.iter().filter(|(shard, _)| **shard != leaf.to);
    shown
        .filter_map(|(_, parcel)| parcel.as_ref().map(Arc::clone))
        .collect()
}
