//! The state of a shard as heads commit to it now and then, so that a node can begin with it instead of
//! with the whole history.
//!
//! ```text
//!   head.state --> root of a tree --> pieces: objects, objects, ... decided, ... sessions, ... foreign, next
//! ```
//!
//! All members cut the same state into the same pieces, and each piece is checked by itself, so that they
//! can be fetched from many and in any order. A piece is a list of neighbours in one of the four ordered
//! parts of the state; the last piece says whether an epoch ends here.
//!
//! Paper: Section IV-A, checkpoints. Deviation: D-11.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::block::Header;
use crate::bounds::{PIECE_BYTES_AIM, PIECE_ITEMS_MAX, PIECES_MAX, STATE_BLOCKS};
use crate::encoding;
use crate::hash::{Hash, Tag, hash_parts, hash_value};
use crate::head::{HeadCertificate, HeadError};
use crate::id::{ObjectId, ShardId, TransactionId};
use crate::key::SignatureCheck;
use crate::membership::ShardRecord;
use crate::merkle;
use crate::object::Object;
use crate::outbox::{Parcel, Verdict};
use crate::shard::Committee;
use crate::statement::{Epoch, Height};
use crate::time::Time;
use crate::transaction::Transaction;

/// Whether the head at this height commits to the state, though no epoch ends there.
#[must_use]
pub const fn is_due(height: Height) -> bool {
    height.number().is_multiple_of(STATE_BLOCKS)
}

/// What a shard had to do with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It was the only one concerned.
    Alone,
    /// It voted, and has heard what another shard decided.
    Voter,
    /// It decided.
    Decider,
    /// It voted as all others did, in the mode of the paper.
    Peer {
        /// Whether it voted to commit.
        commit: bool,
    },
    /// It voted to abort, and has not heard that the shard which decides knows it.
    Refuser {
        /// The shard that decides.
        decider: ShardId,
    },
}

/// A transaction that has ended in the shard, and that the shard still remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedRecord {
    /// The transaction.
    pub transaction: TransactionId,
    /// Its deadline.
    pub valid_until: Time,
    /// The height of the block that decided it.
    pub height: Height,
    /// Whether it was committed.
    pub committed: bool,
    /// What the shard had to do with it.
    pub role: Role,
    /// When a promise about it was last made.
    pub answered: Time,
}

/// A transaction that several shards have begun, and that has not ended everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The transaction.
    pub transaction: Transaction,
    /// The height of the block that prepared it.
    pub prepared: Height,
    /// How far it is.
    pub stage: StageRecord,
    /// How often its promises have been repeated.
    pub repeats: u32,
    /// The block time after which something is due.
    pub alarm: Time,
}

/// How far a transaction is in the shard. All lists are ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageRecord {
    /// The shard has voted to commit, and holds locks.
    Prepared {
        /// The objects of the shard that it consumes.
        consumed: Vec<ObjectId>,
        /// The objects of the shard that it reads and has locked.
        referenced: Vec<ObjectId>,
        /// The objects that it creates in the shard, ascending by identifier.
        created: Vec<Object>,
        /// In the mode of the paper: the shards that have voted to commit.
        votes: Vec<ShardId>,
    },
    /// The shard is to decide, and gathers votes.
    Open(VoteRecords),
    /// The shard has decided, and others have not acknowledged it yet.
    Decided {
        /// What it decided.
        verdict: Verdict,
        /// The votes that others must see beside a decision to commit.
        votes: VoteRecords,
        /// Those who have not acknowledged it.
        waiting: Vec<ShardId>,
    },
}

/// The votes to commit that have come to the shard that decides, each with the parcel that brought it if
/// others will have to see it.
pub type VoteRecords = Vec<(ShardId, Option<Parcel>)>;

/// What the shard has heard of another one. All lists are ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignRecord {
    /// The other shard.
    pub shard: ShardId,
    /// Its last heads.
    pub heads: Vec<(Height, Hash)>,
    /// Whether it has shown two heads at one height.
    pub forked: bool,
    /// Transactions that it aborted before they were known here, each with the time until which that
    /// matters.
    pub aborted: Vec<(TransactionId, Time)>,
    /// Whether its founding has been heard of. Of the shards of genesis there is nothing to hear.
    pub founded: bool,
    /// The epoch in which it speaks.
    pub epoch: Epoch,
    /// The heights at which its last epochs ended.
    pub ends: Vec<(Epoch, Height)>,
}

impl ForeignRecord {
    /// Whether it says nothing that one could not know without it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.heads.is_empty()
            && !self.forked
            && self.aborted.is_empty()
            && !self.founded
            && self.epoch.number() == 0
            && self.ends.is_empty()
    }
}

/// Neighbours in the state of a shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Active objects, ascending by identifier.
    Objects(Vec<Object>),
    /// Transactions that have ended, ascending by identifier.
    Decided(Vec<DecidedRecord>),
    /// Transactions that are under way, ascending by identifier.
    Sessions(Vec<SessionRecord>),
    /// Other shards, ascending, without those of which there is nothing to say.
    Foreign(Vec<ForeignRecord>),
    /// Always the last piece: the record that follows, if the epoch ends here.
    Next(Option<ShardRecord>),
}

impl Piece {
    /// What the tree holds. The identifier of an object binds all of it, so that nobody has to encode
    /// objects to know the state.
    #[must_use]
    pub fn hash(&self) -> Hash {
        match self {
            Self::Objects(objects) => hash_objects(objects.iter().map(Object::id)),
            _ => hash_value(Tag::Piece, self),
        }
    }
}

fn hash_objects(ids: impl Iterator<Item = ObjectId>) -> Hash {
    let ids: Vec<ObjectId> = ids.collect();
    let parts: Vec<&[u8]> = ids.iter().map(|id| id.as_bytes().as_slice()).collect();
    hash_parts(Tag::ObjectsPiece, &parts)
}

/// The whole state of a shard after a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardState<'a> {
    /// The active objects, locked or not.
    pub objects: &'a BTreeMap<ObjectId, Arc<Object>>,
    /// The transactions that have ended, ascending by identifier.
    pub decided: Vec<DecidedRecord>,
    /// The transactions that are under way, ascending by identifier.
    pub sessions: Vec<SessionRecord>,
    /// The other shards, ascending, without those of which there is nothing to say.
    pub foreign: Vec<ForeignRecord>,
    /// The record that follows, if the epoch ends here.
    pub next: Option<&'a ShardRecord>,
}

/// What a record of a transaction that has ended takes, in bytes, more or less.
const DECIDED_BYTES: usize = 96;

/// What an object takes beside its content, in bytes, more or less.
const OBJECT_BYTES: usize = 192;

impl ShardState<'_> {
    /// The root over the hashes of all pieces: what a head commits to.
    #[must_use]
    pub fn root(&self) -> Hash {
        let objects = runs(self.objects, object_bytes);
        let mut hashes: Vec<Hash> = objects
            .map(|run| hash_objects(run.iter().map(|(id, _)| **id)))
            .collect();
        hashes.extend(self.small_pieces().map(|piece| piece.hash()));
        merkle::root(&hashes)
    }

    /// All pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> {
        let objects = runs(self.objects, object_bytes).map(|run| {
            let objects = run.into_iter().map(|(_, object)| (**object).clone());
            Piece::Objects(objects.collect())
        });
        objects.chain(self.small_pieces())
    }

    /// The pieces after the objects.
    fn small_pieces(&self) -> impl Iterator<Item = Piece> {
        let decided = runs(&self.decided, |_| DECIDED_BYTES);
        let sessions = runs(&self.sessions, |session| encoding::encode(session).len());
        let foreign = runs(&self.foreign, |foreign| encoding::encode(foreign).len());
        decided
            .map(|run| Piece::Decided(run.into_iter().copied().collect()))
            .chain(sessions.map(|run| Piece::Sessions(run.into_iter().cloned().collect())))
            .chain(foreign.map(|run| Piece::Foreign(run.into_iter().cloned().collect())))
            .chain([Piece::Next(self.next.cloned())])
    }
}

fn object_bytes((_, object): &(&ObjectId, &Arc<Object>)) -> usize {
    object.content.len() + OBJECT_BYTES
}

/// Cuts a list into runs of neighbours, each of at most [`PIECE_ITEMS_MAX`] and of about
/// [`PIECE_BYTES_AIM`], which one item may exceed.
fn runs<T>(
    items: impl IntoIterator<Item = T>,
    bytes: impl Fn(&T) -> usize,
) -> impl Iterator<Item = Vec<T>> {
    let mut items = items.into_iter().peekable();
    std::iter::from_fn(move || {
        let mut run = vec![items.next()?];
        let mut taken = bytes(&run[0]);
        while let Some(next) = items.peek() {
            taken += bytes(next);
            if run.len() == PIECE_ITEMS_MAX || taken > PIECE_BYTES_AIM {
                break;
            }
            run.extend(items.next());
        }
        Some(run)
    })
}

/// A head that commits to a state, and of which pieces the state consists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The head, with the signatures of a quorum.
    pub head: HeadCertificate,
    /// The header of its block, by which blocks above name it.
    pub header: Header,
    /// The hashes of the pieces, in order.
    pub pieces: Vec<Hash>,
}

/// Why nobody can begin with a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadInventory {
    /// The head is not certified.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The head commits to no state.
    #[error("the head does not commit to a state")]
    NoState,
    /// The header is that of another block.
    #[error("the header is not that of the block of the head")]
    OtherHeader,
    /// There are more pieces than a limit of [`crate::bounds`].
    #[error("the state has {found} pieces, at most {limit} are allowed")]
    Pieces {
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// The head commits to other pieces.
    #[error("the pieces are not those that the head commits to")]
    OtherState,
}

impl Inventory {
    /// Checks that a quorum of `committee` signed a head that commits to these pieces.
    ///
    /// # Errors
    ///
    /// [`BadInventory`] says what is wrong.
    pub fn check(
        &self,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadInventory> {
        let head = &self.head.head;
        let (found, limit) = (self.pieces.len(), PIECES_MAX);
        if found > limit {
            return Err(BadInventory::Pieces { limit, found });
        }
        let state = head.state.ok_or(BadInventory::NoState)?;
        if hash_value(Tag::Block, &self.header) != head.block {
            return Err(BadInventory::OtherHeader);
        }
        if merkle::root(&self.pieces) != state {
            return Err(BadInventory::OtherState);
        }
        Ok(self.head.verify(committee, check)?)
    }
}
