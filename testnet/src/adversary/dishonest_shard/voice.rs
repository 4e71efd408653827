//! The voice of a dishonest shard: whatever it is told to say, a quorum has signed.

use std::collections::BTreeMap;

use consensus::Signer;
use consensus::sbac::letter::Letter;
use model::outbox::outbox_tree;
use model::shard::Seat;
use model::{Certificate, Delivery, Head, HeadCertificate, Height, Leaf, Parcel, Promise, ShardId};
use model::{Verdict, bounds};

use super::{Beside, Known};
use crate::simulation::{Journal, Random, Scribe, Setting};

/// See the module.
pub(super) struct Voice {
    scribes: Vec<(Seat, Scribe)>,
    /// How many members speak for the shard.
    needed: usize,
    random: Random,
    /// The height of the last head that was made up.
    height: u64,
}

impl Voice {
    pub(super) fn new(setting: &Setting, random: Random) -> Self {
        let scribe = |seat| (seat, setting.scribe(seat, Journal::default()));
        let profile = setting.shards.policy().profile();
        Self {
            scribes: setting.seats().map(scribe).collect(),
            needed: profile.threshold(&setting.committee),
            random,
            height: 1,
        }
    }

    /// A block is over: heads that fork from here on have another height.
    pub(super) const fn ends_block(&mut self) {
        self.height += 1;
    }

    /// Promises to one shard under a head like this one, and what goes beside them.
    pub(super) fn letter(
        &mut self,
        like: &Head,
        leaves: &[Leaf],
        beside: Beside,
        forks: bool,
        known: &Known,
    ) -> Option<(ShardId, Letter)> {
        let to = leaves.first()?.to;
        if !forks {
            self.height += 1;
        }
        let leaves = &leaves[..leaves.len().min(bounds::PARCEL_LEAVES_MAX)];
        let tree = outbox_tree(leaves, None);
        let head = Head {
            height: Height::new(self.height),
            outbox: tree.root(),
            ..like.clone()
        };
        let parcel = Parcel {
            head: self.certify(head),
            leaves: leaves.to_vec(),
            proof: tree.prove_range(0, leaves.len())?,
        };
        let mut votes = match beside {
            Beside::Votes => votes_on(leaves, known, true),
            Beside::Nothing => Vec::new(),
            Beside::Others => votes_on(leaves, known, false),
        };
        votes.truncate(bounds::DELIVERY_VOTES_MAX);
        Some((to, Letter::Deliver(vec![Delivery { parcel, votes }])))
    }

    /// Signs for as many as are needed, and now and then for others.
    fn certify(&mut self, head: Head) -> HeadCertificate {
        let statement = head.statement();
        let bytes = statement.signing_bytes(&head.scope);
        let mut signers: Vec<usize> = (0..self.scribes.len()).collect();
        self.random.shuffle(&mut signers);
        signers.truncate(self.needed);
        signers.sort_unstable();
        let sign = |at: usize| {
            let (seat, scribe) = &self.scribes[at];
            (*seat, scribe.sign(&bytes))
        };
        HeadCertificate {
            certificate: Certificate {
                statement,
                signatures: signers.into_iter().map(sign).collect(),
            },
            head,
        }
    }
}

/// The votes of others that the decisions to commit among these leaves rest on, or any but those.
fn votes_on(leaves: &[Leaf], known: &Known, right: bool) -> Vec<Parcel> {
    let decided = |leaf: &&Leaf| leaf.promise == Promise::Accept(Verdict::Commit);
    let mut votes = BTreeMap::new();
    for leaf in leaves.iter().filter(decided) {
        let about = known
            .votes
            .iter()
            .filter(|((id, from), _)| (*id == leaf.transaction) == right && *from != leaf.to);
        votes.extend(about.map(|(about, parcel)| (*about, parcel.clone())));
    }
    votes.into_values().collect()
}
