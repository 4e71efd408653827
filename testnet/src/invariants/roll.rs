//! Who was a member of a shard, epoch by epoch, as honest nodes came to know it: all go the same way, and
//! each step is signed by a quorum of the epoch that ends.

use std::collections::{BTreeMap, BTreeSet};

use model::shard::Seat;
use model::statement::{Height, Slot};
use model::{Committee, Epoch, EpochChange, HandOver, NodeId, ShardId, key};

use crate::simulation::{Place, Setting};

/// The name of the rule.
pub const RULE: &str = "hand-over";

/// The members of a shard in all its epochs. Nodes are named by their places.
#[derive(Clone, Debug)]
pub struct Roll {
    shard: ShardId,
    nodes: BTreeMap<NodeId, Seat>,
    committees: Vec<Committee>,
    /// How each epoch but the last ended.
    changes: Vec<EpochChange>,
}

impl Roll {
    /// A shard in its first epoch.
    #[must_use]
    pub fn new(setting: &Setting) -> Self {
        let shard = setting.shard();
        let node = |seat| setting.node(Place { shard, seat });
        Self {
            shard,
            nodes: setting.nodes().map(|seat| (node(seat), seat)).collect(),
            committees: vec![setting.committee.clone()],
            changes: Vec::new(),
        }
    }

    /// A node has entered an epoch. Whether it is the first one.
    ///
    /// # Errors
    ///
    /// How that contradicts what others have entered, or that the epoch before has not been handed over.
    pub fn enter(&mut self, change: &EpochChange) -> Result<bool, String> {
        let epoch = change.next.epoch;
        if change.next.shard != self.shard {
            return Err(format!("entered an epoch of shard {}", change.next.shard));
        }
        let mut before = self.committees.iter();
        let before = before.find(|one| one.scope().epoch.next() == epoch);
        if !before.is_some_and(|before| hands_over(before, change)) {
            return Err(format!(
                "entered epoch {epoch}, which no quorum hands over to"
            ));
        }
        let known = index(epoch).checked_sub(1).map(|at| self.changes.get(at));
        match known {
            None => Err("entered the first epoch".to_owned()),
            Some(Some(known)) => {
                let same = known.next == change.next
                    && known.hand_over.head.head == change.hand_over.head.head;
                same.then_some(false)
                    .ok_or_else(|| format!("entered another epoch {epoch} than others"))
            }
            Some(None) => self.begin(change),
        }
    }

    fn begin(&mut self, change: &EpochChange) -> Result<bool, String> {
        let current = self.current();
        let epoch = change.next.epoch;
        if index(epoch) != self.committees.len() {
            return Err(format!("entered epoch {epoch} before the one before"));
        }
        let network = current.scope().network;
        let next = change.next.committee(network);
        self.committees
            .push(next.map_err(|error| error.to_string())?);
        self.changes.push(change.clone());
        Ok(true)
    }

    /// The members of the last epoch.
    #[must_use]
    pub fn current(&self) -> &Committee {
        self.committees.last().expect("there is the first epoch")
    }

    /// The last change.
    #[must_use]
    pub fn last_change(&self) -> Option<&EpochChange> {
        self.changes.last()
    }

    /// All changes.
    #[must_use]
    pub fn changes(&self) -> &[EpochChange] {
        &self.changes
    }

    /// The height of the last block of an epoch that is over.
    #[must_use]
    pub fn end(&self, epoch: Epoch) -> Option<Height> {
        let change = self.changes.get(index(epoch))?;
        Some(change.hand_over.head.head.height)
    }

    /// The members of an epoch.
    #[must_use]
    pub fn committee(&self, epoch: Epoch) -> Option<&Committee> {
        self.committees.get(index(epoch))
    }

    /// The place of a node, if it was ever a member or a candidate.
    #[must_use]
    pub fn node(&self, node: &NodeId) -> Option<Seat> {
        self.nodes.get(node).copied()
    }

    /// The places of the members of the last epoch.
    pub fn members(&self) -> impl Iterator<Item = Seat> {
        let seats = self.current().seats();
        seats.filter_map(|seat| self.node(&self.current().member(seat)?))
    }

    /// The seat of a node in an epoch.
    #[must_use]
    pub fn seat(&self, epoch: Epoch, node: Seat) -> Option<Seat> {
        let (id, _) = self.nodes.iter().find(|(_, place)| **place == node)?;
        self.committee(epoch)?.seat(id)
    }

    /// Whether a node leads a slot of an epoch: those on the seats take turns.
    #[must_use]
    pub fn leads(&self, epoch: Epoch, node: Seat, slot: Slot) -> bool {
        let Some(committee) = self.committee(epoch) else {
            return false;
        };
        let taken: Vec<Seat> = committee.seats().collect();
        let turn = slot.number() % (taken.len() as u64).max(1);
        let leader = usize::try_from(turn).ok().and_then(|turn| taken.get(turn));
        leader.is_some() && leader.copied() == self.seat(epoch, node)
    }

    /// How many others are a quorum of an epoch with a member.
    #[must_use]
    pub fn others(&self, epoch: Epoch) -> usize {
        let committee = self.committee(epoch);
        committee.map_or(0, |committee| committee.quorum() - 1)
    }
}

/// Whether more than two thirds of the members of an epoch have signed its last head, and the record that
/// follows is under it.
fn hands_over(before: &Committee, change: &EpochChange) -> bool {
    let HandOver { head, proof } = &change.hand_over;
    let bytes = head.head.statement().signing_bytes(before.scope());
    let signers = head.certificate.signatures.iter();
    let signers = signers.filter(|(seat, signature)| {
        let member = before.member(*seat);
        member.is_some_and(|member| key::verify(member.key(), &bytes, signature))
    });
    let signers: BTreeSet<Seat> = signers.map(|(seat, _)| *seat).collect();
    let named = proof.verify(&head.head.outbox, &HandOver::leaf(&change.next));
    head.head.scope == *before.scope() && 3 * signers.len() > 2 * before.size() && named
}

fn index(epoch: Epoch) -> usize {
    usize::try_from(epoch.number()).unwrap_or(usize::MAX)
}
