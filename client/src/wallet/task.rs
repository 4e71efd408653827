//! What a user wants done, besides payments: the same journal, the same rules.

use model::{
    Consent, EpochChange, Hash, Malpractice, NodeDescriptor, NodeId, PublicKey, ShardId,
    ShardRecord, Signature,
};
use serde::{Deserialize, Serialize};

use super::Order;
use super::journal::Intent;

/// All that somebody has goes to one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// Whose accounts.
    pub owner: PublicKey,
    /// Where they go.
    pub home: ShardId,
}

/// A shard that is to be founded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founding {
    /// Who pays for the transaction, and signs it.
    pub payer: PublicKey,
    /// The nodes, in the order of their seats.
    pub members: Vec<NodeDescriptor>,
    /// What the shard asks for its work, in ncsc.
    pub price: u64,
    /// The consents of the nodes. `None`: they are asked for them, over the network.
    pub consents: Option<Vec<Consent>>,
}

/// A node that is to be excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Who pays for the transaction, and signs it.
    pub payer: PublicKey,
    /// The shard that the node is a member of.
    pub shard: ShardId,
    /// What the node said.
    pub evidence: Malpractice,
}

/// A new list of nodes that the ledger is to know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updating {
    /// Who pays for the transaction, and signs it.
    pub payer: PublicKey,
    /// The list, and that the shard has handed over to it.
    pub change: EpochChange,
    /// The consents of its newcomers, in the order of their seats.
    pub consents: Vec<Signature>,
}

/// The fingerprint of a [`Founding`] in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Founded {
    payer: PublicKey,
    /// [`ShardRecord::terms`].
    terms: Hash,
}

/// The fingerprint of an [`Objection`] in the journal. Against one node one is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Objected {
    payer: PublicKey,
    shard: ShardId,
    node: NodeId,
}

/// The fingerprint of an [`Updating`] in the journal. For one epoch one is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Updated {
    payer: PublicKey,
    /// [`ShardRecord::hash`].
    next: Hash,
}

/// What the wallet works on.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Pay(Order),
    Move(Moving),
    Found(Founding),
    Object(Box<Objection>),
    Update(Box<Updating>),
}

impl Task {
    /// Who signs.
    pub(super) const fn payer(&self) -> PublicKey {
        match self {
            Self::Pay(order) => order.from,
            Self::Move(moving) => moving.owner,
            Self::Found(founding) => founding.payer,
            Self::Object(objection) => objection.payer,
            Self::Update(updating) => updating.payer,
        }
    }

    /// What the journal keeps of it.
    pub(super) fn intent(&self) -> Intent {
        match self {
            Self::Pay(order) => Intent::Pay(*order),
            Self::Move(moving) => Intent::Move(*moving),
            Self::Found(founding) => Intent::Found(Founded {
                payer: founding.payer,
                // Whatever the number turns out to be.
                terms: founding.record(ShardId::new(0)).terms(),
            }),
            Self::Object(objection) => Intent::Object(Objected {
                payer: objection.payer,
                shard: objection.shard,
                node: objection.evidence.node,
            }),
            Self::Update(updating) => Intent::Update(Updated {
                payer: updating.payer,
                next: updating.change.next.hash(),
            }),
        }
    }

    /// Whether others, who do not sign, may change what it consumes.
    pub(super) const fn is_contended(&self) -> bool {
        match self {
            Self::Pay(_) | Self::Move(_) => false,
            Self::Found(_) | Self::Object(_) | Self::Update(_) => true,
        }
    }
}

impl Founding {
    /// What the shard is to be if it gets this number.
    #[must_use]
    pub fn record(&self, number: ShardId) -> ShardRecord {
        ShardRecord::founded(number, self.members.clone(), self.price)
    }
}

impl Founded {
    /// Who signs.
    pub(crate) const fn payer(&self) -> PublicKey {
        self.payer
    }
}

impl Objected {
    /// Who signs.
    pub(crate) const fn payer(&self) -> PublicKey {
        self.payer
    }
}

impl Updated {
    /// Who signs.
    pub(crate) const fn payer(&self) -> PublicKey {
        self.payer
    }
}
