//! Shards: who their members are, and how many of them make a promise.
//!
//! Paper: Section II-B. A shard has `3f + 1` nodes, of which at most `f` are faulty.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::hash::{Hash, Tag, hash_value};
use crate::id::{NetworkId, NodeId, ShardId};
use crate::statement::{Epoch, Scope};

pub use crate::descriptor::NodeDescriptor;

/// How many nodes of a shard may be faulty: `f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Faults(usize);

impl Faults {
    /// The largest `f` with `3f + 1 <= size`; zero for a shard without nodes.
    #[must_use]
    pub const fn of(size: usize) -> Self {
        Self(size.saturating_sub(1) / 3)
    }

    /// The number `f`.
    #[must_use]
    pub const fn count(self) -> usize {
        self.0
    }
}

/// A member's place in its shard's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seat(u16);

impl Seat {
    /// The seat at `index`; `None` beyond [`bounds::MEMBERS_MAX`].
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        (index < bounds::MEMBERS_MAX)
            .then(|| u16::try_from(index).ok())
            .flatten()
            .map(Self)
    }

    /// The position in the list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Why a list of nodes cannot be a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACommittee {
    /// Too few or too many nodes.
    #[error("a shard has {min} to {max} nodes, this one has {found}")]
    Size {
        /// [`bounds::MEMBERS_MIN`].
        min: usize,
        /// [`bounds::MEMBERS_MAX`].
        max: usize,
        /// The number of nodes.
        found: usize,
    },
    /// A node is listed twice.
    #[error("node {0} is listed twice")]
    Repeated(NodeId),
    /// A key with which anybody could sign.
    #[error("the key of node {0} is weak: anybody could sign for it")]
    WeakKey(NodeId),
}

/// The members of one shard in one epoch, in the order of their seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    scope: Scope,
    members: Vec<NodeId>,
    /// The seats whose member was excluded.
    vacant: BTreeSet<Seat>,
}

impl Committee {
    /// The committee of `shard` in `epoch` on `network`.
    ///
    /// # Errors
    ///
    /// [`NotACommittee`] if the size is out of bounds, a node is repeated or a key is weak.
    pub fn new(
        network: NetworkId,
        shard: ShardId,
        epoch: Epoch,
        members: Vec<NodeId>,
    ) -> Result<Self, NotACommittee> {
        if !(bounds::MEMBERS_MIN..=bounds::MEMBERS_MAX).contains(&members.len()) {
            return Err(NotACommittee::Size {
                min: bounds::MEMBERS_MIN,
                max: bounds::MEMBERS_MAX,
                found: members.len(),
            });
        }
        for (index, member) in members.iter().enumerate() {
            if members[..index].contains(member) {
                return Err(NotACommittee::Repeated(*member));
            }
            if member.key().check_registrable().is_err() {
                return Err(NotACommittee::WeakKey(*member));
            }
        }
        Ok(Self {
            scope: Scope {
                network,
                shard,
                epoch,
            },
            members,
            vacant: BTreeSet::new(),
        })
    }

    /// The same committee with nobody on `seat`, because its member lied. `n`, `f` and the thresholds
    /// stay: who is excluded was one of the `f`, and does not make room for another one. With more
    /// than `f` such seats no quorum is left.
    #[must_use]
    pub fn vacate(mut self, seat: Seat) -> Self {
        if seat.index() < self.size() {
            self.vacant.insert(seat);
        }
        self
    }

    /// What every signature of this committee is bound to.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The members, in the order of their seats, and on a vacant seat who had it.
    #[must_use]
    pub fn members(&self) -> &[NodeId] {
        &self.members
    }

    /// The seats that are not vacant, ascending.
    pub fn seats(&self) -> impl Iterator<Item = Seat> {
        let all = (0..self.size()).filter_map(Seat::new);
        all.filter(|seat| !self.vacant.contains(seat))
    }

    /// How many seats are vacant.
    #[must_use]
    pub fn vacant(&self) -> usize {
        self.vacant.len()
    }

    /// `n`: the number of seats.
    #[must_use]
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// `f`: how many members may be faulty.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::of(self.size())
    }

    /// `f + 1`: so many that one of them is honest.
    ///
    /// Paper: Section V-A, `LocalPrepared`.
    #[must_use]
    pub fn honest_threshold(&self) -> usize {
        self.faults().count() + 1
    }

    /// `n - f`, which is `2f + 1` for `n = 3f + 1`: so many that any two such sets share an honest
    /// member, and so few that the honest members alone reach it.
    #[must_use]
    pub fn quorum(&self) -> usize {
        self.size() - self.faults().count()
    }

    /// The node on `seat`; `None` if the seat is vacant.
    #[must_use]
    pub fn member(&self, seat: Seat) -> Option<NodeId> {
        let member = self.members.get(seat.index()).copied()?;
        (!self.vacant.contains(&seat)).then_some(member)
    }

    /// The seat of `node`, if it is a member.
    #[must_use]
    pub fn seat(&self, node: &NodeId) -> Option<Seat> {
        self.members
            .iter()
            .position(|member| member == node)
            .and_then(Seat::new)
            .filter(|seat| !self.vacant.contains(seat))
    }

    /// The fingerprint of the list, whoever of it was excluded since.
    #[must_use]
    pub fn digest(&self) -> Hash {
        hash_value(Tag::Committee, &(&self.scope, &self.members))
    }
}
