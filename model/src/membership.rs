//! What the ledger knows of a shard: its nodes seat by seat, the epoch, and what it asks for its work.
//!
//! A record changes in two ways. The shard itself replaces the list of nodes and thereby begins an
//! epoch ([`ShardRecord::followed_by`]). And whoever can show that a node lied vacates its seat
//! ([`ShardRecord::without`]), which begins none: `n` and `f` stay, signatures keep their scope, and
//! nobody can undo by it what a shard is handing over at that moment.
//!
//! Nobody is made a member of a shard without wanting it: a node that is new signs the record. So it
//! knows with whom it forms a shard and what that shard asks for, and what it signed is worth nothing
//! in any other network, shard or epoch.
//!
//! Paper: Section VI-A, `MS.Shard`. Deviation: D-10.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::descriptor::{BadDescriptor, NodeDescriptor};
use crate::encoding;
use crate::hash::{Hash, Tag, hash_value};
use crate::id::{NetworkId, NodeId, ShardId};
use crate::key::{Signature, SignatureCheck};
use crate::shard::{Committee, Faults, NotACommittee, Seat};
use crate::statement::Epoch;

/// Separates consents from everything else that a member key signs.
const CONSENT_DOMAIN: &[u8] = b"chainspace/v1/consent|";

/// Who is on a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// This node.
    Taken(NodeDescriptor),
    /// Nobody any more: this node was, and lied.
    Vacated(NodeDescriptor),
}

impl Place {
    /// Who is on the seat, or was.
    #[must_use]
    pub const fn descriptor(&self) -> &NodeDescriptor {
        match self {
            Self::Taken(descriptor) | Self::Vacated(descriptor) => descriptor,
        }
    }
}

/// A shard as the ledger has it.
///
/// Paper: Section VI-A, `MS.Shard`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Its number, for ever.
    pub shard: ShardId,
    /// How often its list of nodes has been replaced.
    pub epoch: Epoch,
    /// What it asks for its part in one transaction, in ncsc. It is an advertisement: nobody is
    /// charged by this record.
    pub price: u64,
    /// Its seats, in order.
    pub seats: Vec<Place>,
}

/// Why a record cannot be the first one of a shard, or of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// The nodes cannot form a shard.
    #[error(transparent)]
    Committee(#[from] NotACommittee),
    /// There are nodes beyond `3f + 1`, who add nothing but messages.
    #[error("a shard has 3f + 1 nodes, 4, 7, 10 and so on, this one has {0}")]
    Form(usize),
    /// A seat is empty whose node was no member in the epoch before.
    #[error("a seat of the new list is vacant, and nobody was excluded from it")]
    Vacant,
    /// A node describes itself badly.
    #[error("node {node}: {reason}")]
    Descriptor {
        /// The node.
        node: NodeId,
        /// What is wrong with its descriptor.
        reason: BadDescriptor,
    },
    /// Two nodes have the same name.
    #[error("two nodes have the name {0:?}")]
    TwoNames(String),
    /// The price is above [`bounds::PRICE_MAX`].
    #[error("a shard asks for {limit} ncsc at most, this one asks for {found} ncsc")]
    Price {
        /// The limit.
        limit: u64,
        /// What it asks for.
        found: u64,
    },
    /// The record is longer than [`bounds::SHARD_RECORD_BYTES_MAX`].
    #[error("the list of nodes takes {found} bytes, at most {limit} are allowed")]
    TooLong {
        /// The limit.
        limit: usize,
        /// The bytes it takes.
        found: usize,
    },
}

/// Why no seat of a record can be vacated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSeat {
    /// The shard does not have this node.
    #[error("node {0} is not a member of the shard")]
    NotAMember(NodeId),
    /// The node has no seat any more.
    #[error("node {0} has been excluded already")]
    AlreadyVacated(NodeId),
}

/// Why somebody would become a member without having agreed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadConsent {
    /// There are more or fewer signatures than nodes that have to sign.
    #[error("{needed} nodes have to agree to their seats, there are {found} signatures")]
    Count {
        /// How many have to.
        needed: usize,
        /// How many signatures there are.
        found: usize,
    },
    /// The signature in its place is not the node's, or not one of this record.
    #[error("node {0} has not agreed to be a member of this shard, as it is described")]
    Signature(NodeId),
}

impl ShardRecord {
    /// The first record of a shard.
    #[must_use]
    pub fn founded(shard: ShardId, members: Vec<NodeDescriptor>, price: u64) -> Self {
        Self {
            shard,
            epoch: Epoch::ZERO,
            price,
            seats: members.into_iter().map(Place::Taken).collect(),
        }
    }

    /// The first record of the next epoch; `None` if there is no number left for it.
    #[must_use]
    pub fn followed_by(&self, members: Vec<NodeDescriptor>, price: u64) -> Option<Self> {
        let epoch = Epoch::new(self.epoch.number().checked_add(1)?);
        Some(Self {
            epoch,
            ..Self::founded(self.shard, members, price)
        })
    }

    /// The first record of the next epoch, with the same seats, vacated ones included: how a shard takes
    /// note of an exclusion. `None` if there is no number left for it.
    #[must_use]
    pub fn renewed(&self) -> Option<Self> {
        let epoch = Epoch::new(self.epoch.number().checked_add(1)?);
        Some(Self {
            epoch,
            ..self.clone()
        })
    }

    /// Whether it is of the same shard as `before`, one epoch later.
    #[must_use]
    pub fn follows(&self, before: &Self) -> bool {
        let next = before.epoch.number().checked_add(1);
        self.shard == before.shard && Some(self.epoch.number()) == next
    }

    /// The record after `node` has lost its seat.
    ///
    /// Paper: Section VI-A, "a new shard object omitting the malicious shard node".
    ///
    /// # Errors
    ///
    /// [`NoSeat`] if it has none.
    pub fn without(&self, node: &NodeId) -> Result<Self, NoSeat> {
        let mut left = self.clone();
        let place = left
            .seats
            .iter_mut()
            .find(|place| place.descriptor().node == *node)
            .ok_or(NoSeat::NotAMember(*node))?;
        match place {
            Place::Vacated(_) => Err(NoSeat::AlreadyVacated(*node)),
            Place::Taken(descriptor) => {
                *place = Place::Vacated(descriptor.clone());
                Ok(left)
            }
        }
    }

    /// Whether it is `before` after some have lost their seats, and nothing else has changed.
    #[must_use]
    pub fn is_left_of(&self, before: &Self) -> bool {
        let left = self.vacated().fold(before.clone(), |left, gone| {
            left.without(&gone.node).unwrap_or(left)
        });
        left == *self && left != *before
    }

    /// Those who have lost their seats.
    pub fn vacated(&self) -> impl Iterator<Item = &NodeDescriptor> {
        let seats = self.seats.iter();
        seats.filter_map(|place| match place {
            Place::Taken(_) => None,
            Place::Vacated(descriptor) => Some(descriptor),
        })
    }

    /// Its members on `network`. On a vacated seat there is nobody, and it counts for `n` and `f`.
    ///
    /// # Errors
    ///
    /// [`NotACommittee`] if the nodes cannot form a shard.
    pub fn committee(&self, network: NetworkId) -> Result<Committee, NotACommittee> {
        let nodes = self.descriptors().map(|descriptor| descriptor.node);
        let committee = Committee::new(network, self.shard, self.epoch, nodes.collect())?;
        let vacated = |(at, place): (usize, &Place)| match place {
            Place::Taken(_) => None,
            Place::Vacated(_) => Seat::new(at),
        };
        let vacated = self.seats.iter().enumerate().filter_map(vacated);
        Ok(vacated.fold(committee, Committee::vacate))
    }

    /// Whether a node is described in these words, be it excluded or not.
    fn describes(&self, node: &NodeDescriptor) -> bool {
        self.descriptors().any(|known| known == node)
    }

    /// Who is on each seat, or was.
    pub fn descriptors(&self) -> impl Iterator<Item = &NodeDescriptor> {
        self.seats.iter().map(Place::descriptor)
    }

    /// Checks that the record can be the first one of its shard, or of its epoch, `before` being the
    /// record of the epoch before. A seat may be vacant if its node was a member then: what a shard has
    /// handed over cannot become impossible because somebody is excluded meanwhile.
    ///
    /// Whether a node is a member of another shard, too, is not for one record to say.
    ///
    /// # Errors
    ///
    /// [`BadRecord`] says what is wrong with it.
    pub fn check(&self, network: NetworkId, before: Option<&Self>) -> Result<(), BadRecord> {
        let size = self.committee(network)?.size();
        if size != 3 * Faults::of(size).count() + 1 {
            return Err(BadRecord::Form(size));
        }
        let mut names = BTreeSet::new();
        for place in &self.seats {
            let descriptor = place.descriptor();
            let known = before.is_some_and(|before| before.describes(descriptor));
            if matches!(place, Place::Vacated(_)) && !known {
                return Err(BadRecord::Vacant);
            }
            let node = descriptor.node;
            descriptor
                .check()
                .map_err(|reason| BadRecord::Descriptor { node, reason })?;
            if !names.insert(&descriptor.name) {
                return Err(BadRecord::TwoNames(descriptor.name.clone()));
            }
        }
        let (limit, found) = (bounds::PRICE_MAX, self.price);
        if found > limit {
            return Err(BadRecord::Price { limit, found });
        }
        let limit = bounds::SHARD_RECORD_BYTES_MAX;
        let found = encoding::encode(self).len();
        if found > limit {
            return Err(BadRecord::TooLong { limit, found });
        }
        Ok(())
    }

    /// The nodes that have to agree to their seats, in the order of the seats: all but those that
    /// `before`, the record of the epoch before, describes in the same words.
    ///
    /// A node that has been excluded meanwhile is among those it describes. So a list that the shard
    /// has agreed on cannot become impossible afterwards; the node can be excluded again, for the same
    /// reason as before.
    pub fn newcomers<'a>(
        &'a self,
        before: Option<&'a Self>,
    ) -> impl Iterator<Item = &'a NodeDescriptor> {
        let known = move |new: &NodeDescriptor| before.is_some_and(|before| before.describes(new));
        self.descriptors().filter(move |new| !known(new))
    }

    /// Checks that each of the [`ShardRecord::newcomers`] has agreed: `consents` are their signatures,
    /// in the same order.
    ///
    /// # Errors
    ///
    /// [`BadConsent`] if one has not.
    pub fn check_consents(
        &self,
        network: NetworkId,
        before: Option<&Self>,
        consents: &[Signature],
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadConsent> {
        let (needed, found) = (self.newcomers(before).count(), consents.len());
        if needed != found {
            return Err(BadConsent::Count { needed, found });
        }
        let bytes = self.consent_bytes(network);
        for (node, consent) in self.newcomers(before).zip(consents) {
            if !check.check(node.node.key(), &bytes, consent) {
                return Err(BadConsent::Signature(node.node));
            }
        }
        Ok(())
    }

    /// The bytes that a node signs to become a member: domain, network, hash of the record.
    #[must_use]
    pub fn consent_bytes(&self, network: NetworkId) -> Vec<u8> {
        let hash = self.hash();
        [CONSENT_DOMAIN, network.as_bytes(), hash.as_bytes()].concat()
    }

    /// The fingerprint of what the nodes agree to, whatever the number of the shard and its epoch turn out
    /// to be: of the price and the list of nodes. By it an operator names what a node may consent to.
    #[must_use]
    pub fn terms(&self) -> Hash {
        hash_value(Tag::Terms, &(self.price, &self.seats))
    }

    /// The fingerprint of the record.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_value(Tag::Shard, self)
    }
}
