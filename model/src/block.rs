//! Blocks: what a shard agrees on, one after the other.
//!
//! Paper: Section IV-A; every block is a checkpoint block (decision D8).

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::certificate::Certificate;
use crate::encoding::{self, Bytes, DecodeError};
use crate::epoch::{Ending, EpochChange};
use crate::hash::{Hash, Tag, hash, hash_value};
use crate::head::HeadCertificate;
use crate::id::NetworkId;
use crate::membership::ShardRecord;
use crate::outbox::Delivery;
use crate::statement::{Height, Scope, Slot};
use crate::time::Time;
use crate::transaction::Transaction;

/// A block named by the slot it was proposed in and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// The slot.
    pub slot: Slot,
    /// The hash of the header.
    pub hash: Hash,
}

impl BlockRef {
    /// The block before the first: it has slot 0 and height 0, and is final from the start.
    #[must_use]
    pub fn genesis(network: &NetworkId) -> Self {
        Self {
            slot: Slot::ZERO,
            hash: hash(Tag::Genesis, network.as_bytes()),
        }
    }
}

/// What the hash of a block covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Network, shard and epoch.
    pub scope: Scope,
    /// The slot it is proposed in.
    pub slot: Slot,
    /// The block it extends: its digest, not only its slot.
    pub parent: BlockRef,
    /// One more than the parent's.
    pub height: Height,
    /// Block time, later than the parent's. All time in the ledger is block time.
    pub time: Time,
    /// The hash of the payload.
    pub payload: Hash,
}

/// A block: a header and its payload, which the agreement does not look into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What the hash covers.
    pub header: Header,
    /// The encoding of the entries.
    pub payload: Bytes,
}

impl Block {
    /// The hash of the header, and through it of everything in the block and before it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_value(Tag::Block, &self.header)
    }

    /// How other blocks and votes name this one.
    #[must_use]
    pub fn name(&self) -> BlockRef {
        BlockRef {
            slot: self.header.slot,
            hash: self.hash(),
        }
    }

    /// Whether the payload is the one that the header names, and not too long.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.payload.len() <= bounds::PAYLOAD_BYTES_MAX
            && payload_hash(&self.payload) == self.header.payload
    }
}

/// The hash by which a header names its payload.
#[must_use]
pub fn payload_hash(payload: &[u8]) -> Hash {
    hash(Tag::Payload, payload)
}

/// A word that a shard sequences and an auditor replays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// `prepare(T)`. For a transaction that concerns this shard alone it is the decision and the
    /// acceptance as well (decision D11).
    ///
    /// Paper: Section IV-C.
    Prepare(Transaction),
    /// What another shard promises: votes, decisions, and what goes with them.
    ///
    /// Paper: Section IV-C, Process Prepared and Process Accept.
    Deliver(Delivery),
    /// Another shard has begun an epoch: from now on it is heard in no earlier one.
    ///
    /// Paper: Section VI-A, `MS.update`.
    Change(EpochChange),
    /// The epoch of this shard ends with this block. It is the last entry of its block.
    ///
    /// Paper: Section VI-A, `MS.update`.
    End(Ending),
    /// The root shard has founded another shard, whose first record this is: from now on this shard has
    /// to do with it. Whoever votes for the block knows so from the root shard.
    ///
    /// Paper: Section VI-A, `MS.create`.
    Found(ShardRecord),
}

/// An [`Entry`] whose parts are elsewhere, to be encoded without a copy.
#[derive(Serialize)]
pub enum EntryRef<'a> {
    /// See [`Entry::Prepare`].
    Prepare(&'a Transaction),
    /// See [`Entry::Deliver`].
    Deliver(&'a Delivery),
    /// See [`Entry::Change`].
    Change(&'a EpochChange),
    /// See [`Entry::End`].
    End(&'a Ending),
    /// See [`Entry::Found`].
    Found(&'a ShardRecord),
}

/// The payload of a block with these entries.
#[must_use]
pub fn encode_entries(entries: &[Entry]) -> Bytes {
    Bytes::from(encoding::encode(entries))
}

/// The payload of a block with these entries, none of which is copied.
#[must_use]
pub fn encode_borrowed(entries: &[EntryRef<'_>]) -> Bytes {
    Bytes::from(encoding::encode(entries))
}

/// The entries of a payload.
///
/// # Errors
///
/// [`DecodeError`] if the bytes are not the canonical encoding of a list of entries, or longer than
/// [`bounds::PAYLOAD_BYTES_MAX`].
pub fn decode_entries(payload: &[u8]) -> Result<Vec<Entry>, DecodeError> {
    encoding::decode(payload, bounds::PAYLOAD_BYTES_MAX)
}

/// A block and the certificate that makes it final: of itself, or of a descendant of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalized {
    /// The block.
    pub block: Block,
    /// The finalization of the block itself, where there was one; the blocks between two
    /// certificates are final through the later one.
    pub certificate: Option<Certificate>,
    /// The certificate of the head after the block, where the answerer holds it.
    pub head: Option<HeadCertificate>,
}
