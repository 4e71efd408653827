//! Two heads of one other shard at one height, which an honest node was told or applied in a block: it
//! has the signatures of those who signed both, and is to name them.
//!
//! A node has no signatures over what it applied before it began, so those blocks do not count.

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::AppliedBlock;
use consensus::sbac::letter::AdmittedLetter;
use model::block::{Entry, decode_entries};
use model::shard::Seat;
use model::statement::{Height, Scope};
use model::{Delivery, Hash, Malpractice, NodeId, Parcel, ShardId};

use crate::simulation::Setting;

/// A node has forgotten heads that are so many heights below the highest that it applied: bounds of
/// the ledger, by half.
const HEIGHTS: u64 = 512;

/// A head, and who signed it.
type Shown = (Scope, Hash, BTreeSet<Seat>);

/// What one node has seen since it began.
#[derive(Default)]
struct Seen {
    /// Whether it has begun: what it gets back from its log comes before.
    awake: bool,
    heads: BTreeMap<(ShardId, Height), Shown>,
    named: BTreeSet<NodeId>,
    due: BTreeSet<NodeId>,
}

/// See the module.
pub(super) struct Forks {
    /// The members of the other shards.
    others: BTreeMap<ShardId, Vec<NodeId>>,
    seen: BTreeMap<Seat, Seen>,
}

impl Forks {
    pub(super) fn new(setting: &Setting) -> Self {
        let ours = setting.shard();
        let shards = setting.genesis.shards.iter();
        let others = shards.filter(|shard| shard.shard != ours).map(|shard| {
            let members = shard.members.iter().map(|member| member.node);
            (shard.shard, members.collect())
        });
        Self {
            others: others.collect(),
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn began(&mut self, seat: Seat) {
        self.seen.insert(seat, Seen::default());
    }

    pub(super) fn named(&mut self, seat: Seat, record: &Malpractice) {
        let seen = self.seen.entry(seat).or_default();
        seen.named.insert(record.node);
    }

    pub(super) fn applied(&mut self, seat: Seat, applied: &AppliedBlock) {
        let seen = self.seen.entry(seat).or_default();
        if !seen.awake {
            return;
        }
        for entry in decode_entries(&applied.block.payload).unwrap_or_default() {
            if let Entry::Deliver(delivery) = entry {
                seen.hear(&delivery, &self.others);
            }
        }
    }

    pub(super) fn told(&mut self, seat: Seat, letter: &AdmittedLetter) {
        let seen = self.seen.entry(seat).or_default();
        if let AdmittedLetter::Deliver(deliveries) = letter {
            for delivery in deliveries {
                seen.hear(delivery, &self.others);
            }
        }
    }

    /// A step of a node is over. Whom it should have named and did not, if there is somebody.
    pub(super) fn stepped(&mut self, seat: Seat) -> Option<NodeId> {
        let seen = self.seen.entry(seat).or_default();
        seen.awake = true;
        let due = std::mem::take(&mut seen.due);
        due.into_iter().find(|node| !seen.named.contains(node))
    }
}

impl Seen {
    fn hear(&mut self, delivery: &Delivery, others: &BTreeMap<ShardId, Vec<NodeId>>) {
        for parcel in delivery.parcels() {
            self.hear_head(parcel, others);
        }
    }

    fn hear_head(&mut self, parcel: &Parcel, others: &BTreeMap<ShardId, Vec<NodeId>>) {
        let head = &parcel.head.head;
        let (shard, hash) = (head.scope.shard, head.hash());
        let signatures = parcel.head.certificate.signatures.iter();
        let signers: BTreeSet<Seat> = signatures.map(|(seat, _)| *seat).collect();
        let highest = self.heads.range(..=(shard, Height::new(u64::MAX)));
        let highest = highest.last().map_or(0, |((_, height), _)| height.number());
        if head.height.number() + HEIGHTS < highest {
            return;
        }
        let first = self
            .heads
            .entry((shard, head.height))
            .or_insert_with(|| (head.scope, hash, signers.clone()));
        if first.0 == head.scope && first.1 != hash {
            let both = first.2.intersection(&signers);
            let members = &others[&shard];
            self.due.extend(both.map(|seat| members[seat.index()]));
        }
    }
}
