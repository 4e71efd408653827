//! What clients ask a node, and what it answers.
//!
//! A wallet asks over the network, in one exchange for each question. Nothing in an answer is to be
//! believed because a node says so: a [`CertifiedResult`] brings its proof, an object is named by
//! what it contains, and the rest is a hint that a wrong decision of the shard would refute.
//!
//! The types are here, below both sides, so that a client links no node.

mod peers;

use serde::{Deserialize, Serialize};

use crate::encoding::{self, DecodeError};
use crate::epoch::{EpochChange, Plan};
use crate::founding::Consent;
use crate::hash::{Hash, Tag, hash, hash_parts};
use crate::head::HeadCertificate;
use crate::id::{NetworkId, NodeId, ObjectId, ShardId, TransactionId};
use crate::key::{PublicKey, Signature};
use crate::malpractice::Malpractice;
use crate::membership::ShardRecord;
use crate::object::Object;
use crate::receipt::{CertifiedResult, CertifiedResults};
use crate::statement::{Epoch, Height};
use crate::time::Time;
use crate::transaction::Transaction;

pub use peers::{BannedPeer, PeerConnection, PeerDirection, PeerList, PeerRow};

/// The longest encoding of a [`Request`], in bytes: a transaction, with room for what comes later.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// The longest encoding of a [`Response`], in bytes. Lists are cut into pages that fit.
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

/// Transactions in one [`Request::SubmitAll`]. The longest list of payments of a few hundred bytes
/// that fits into a request.
pub const SUBMIT_MAX: usize = 256;

/// How long a node lets a client wait for something to happen, in milliseconds. Longer wishes are
/// shortened to this.
pub const WAIT_MS_MAX: u32 = 60_000;

/// Shards in one [`Request::Changes`].
pub const SHARDS_ASKED_MAX: usize = 1_024;

/// Objects on one page of [`Response::Labelled`].
pub const PAGE_OBJECTS_MAX: usize = 256;

/// Bytes of encoded objects on one page of [`Response::Labelled`]. One object may exceed it alone.
pub const PAGE_BYTES_AIM: usize = 512 * 1024;

/// Proofs on one page of [`Response::Evidence`], each of a few kilobytes at most.
pub const PAGE_EXHIBITS_MAX: usize = 32;

/// Characters of the reason in [`Refused::Malformed`]: it may quote what a stranger sent.
pub const REASON_CHARS_MAX: usize = 200;

/// The label under which a node lists the objects that the owner of `key` can spend.
///
/// It is the key itself: whoever knows the one knows the other.
#[must_use]
pub const fn owner_label(key: &PublicKey) -> Hash {
    Hash::from_bytes(*key.as_bytes())
}

/// The label under which a node lists the records of all shards, and beside them the token.
#[must_use]
pub fn shards_label() -> Hash {
    hash(Tag::Label, b"shards")
}

/// The label under which a node lists the record of one shard.
#[must_use]
pub fn shard_label(shard: ShardId) -> Hash {
    hash_parts(Tag::Label, &[b"shard", &shard.number().to_le_bytes()])
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Who are you, and how are you? Answered by [`Response::Status`].
    Status,
    /// The highest head that a quorum signed. Answered by [`Response::Head`].
    Head,
    /// Take this transaction. Answered by [`Response::Accepted`] or [`Response::Decided`].
    Submit(Transaction),
    /// What became of a transaction, once a quorum has signed it. Answered by
    /// [`Response::Outcome`], or [`Refused::NotYet`] or [`Refused::UnderWay`] when the time is up.
    Outcome {
        /// The transaction.
        transaction: TransactionId,
        /// How long to wait for the decision, in milliseconds, at most [`WAIT_MS_MAX`].
        wait_ms: u32,
    },
    /// A decided transaction. Answered by [`Response::Transaction`], or [`Refused::Unknown`] or
    /// [`Refused::UnderWay`].
    Transaction(TransactionId),
    /// An active object. Answered by [`Response::Object`].
    Object(ObjectId),
    /// The active objects with a label, such as [`owner_label`], ascending by identifier. Answered
    /// by [`Response::Labelled`], or [`Refused::NotYet`] when the time is up.
    Labelled {
        /// The label.
        label: Hash,
        /// Only objects after this one: the last one of the page before.
        after: Option<ObjectId>,
        /// The answer is to reflect at least the block at this height.
        at_least: Height,
        /// How long to wait for that block, in milliseconds, at most [`WAIT_MS_MAX`].
        wait_ms: u32,
    },
    /// Take these transactions, at most [`SUBMIT_MAX`]: what [`Request::Submit`] is for one, for
    /// those who have many. Answered by [`Response::Taken`].
    SubmitAll(Vec<Transaction>),
    /// All decisions of the block at a height, once a quorum has signed its head: what
    /// [`Request::Outcome`] is for one transaction, for those who follow all. Answered by
    /// [`Response::Results`], or [`Refused::NotYet`] when the time is up.
    Results {
        /// The height, from one on.
        height: Height,
        /// How long to wait for the signatures, in milliseconds, at most [`WAIT_MS_MAX`].
        wait_ms: u32,
    },
    /// Agree to a seat in this shard. Answered by [`Response::Consent`], or [`Refused::NotAllowed`] if
    /// the operator of the node does not want it.
    Consent(ShardRecord),
    /// The lies that the node holds proofs of, in the order in which it came to them. Answered by
    /// [`Response::Evidence`].
    Evidence {
        /// So many of the first are left out: those of the pages before.
        after: u32,
    },
    /// How the epochs of shards have changed since these, which the asker knows; at most
    /// [`SHARDS_ASKED_MAX`]. Answered by [`Response::Changes`].
    Changes(Vec<(ShardId, Epoch)>),
    /// What the root shard has committed about shards, in the order in which the node came to it.
    /// Answered by [`Response::Acts`].
    ///
    /// A node forgets those in whose place later ones have come, all at once and seldom. Then the others move
    /// up: who finds another act than before where it left off asks from the first one again.
    Acts {
        /// So many of the first are left out: those of the pages before.
        after: u32,
    },
    /// Be for this list of nodes to follow when the epoch ends. Answered by [`Response::Accepted`], or
    /// [`Refused::NotApproved`] if the operator of the node does not want it.
    Approve(Plan),
    /// Sign once more the head that ended this epoch of the shard of the node: the root shard may have
    /// excluded somebody whose signature is on it. Answered by [`Response::Cosigned`].
    Cosign(Epoch),
    /// Whom are you connected with? Answered by [`Response::Peers`], or [`Refused::NotLocal`]: a node says
    /// so to its own machine and to nobody else.
    Peers,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// To [`Request::Status`].
    Status(Status),
    /// To [`Request::Head`].
    Head(HeadCertificate),
    /// To [`Request::Submit`]: the transaction waits to be decided. The node may still lose it, if
    /// it is stopped; submitting again is safe and does nothing twice.
    Accepted,
    /// To [`Request::Submit`]: the block at this height has decided the transaction already.
    Decided(Height),
    /// To [`Request::Outcome`].
    Outcome(CertifiedResult),
    /// To [`Request::Transaction`].
    Transaction(Found),
    /// To [`Request::Object`].
    Object {
        /// The object.
        object: Object,
        /// The height at which it was active.
        height: Height,
    },
    /// To [`Request::Labelled`].
    Labelled(Page),
    /// To any request that the node does not fulfil.
    Refused(Refused),
    /// To [`Request::SubmitAll`]: one answer for each transaction, in their order.
    Taken(Vec<Taken>),
    /// To [`Request::Results`].
    Results(CertifiedResults),
    /// To [`Request::Consent`].
    Consent(Consent),
    /// To [`Request::Evidence`].
    Evidence(EvidencePage),
    /// To [`Request::Changes`]: of each shard ascending by epoch, as many as fit.
    Changes(Vec<EpochChange>),
    /// To [`Request::Acts`]: as many as fit.
    Acts(Vec<Act>),
    /// To [`Request::Cosign`].
    Cosigned(Signature),
    /// To [`Request::Peers`].
    Peers(PeerList),
}

/// A transaction of the contract that manages shards, committed by the root shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The transaction.
    pub transaction: Transaction,
    /// The decision with its proof.
    pub result: CertifiedResult,
}

/// What became of a transaction that was submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// As [`Response::Accepted`].
    Waits,
    /// As [`Response::Decided`].
    Decided(Height),
    /// The node does not take it.
    Refused(Refused),
}

/// A decided transaction as a node finds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The transaction.
    pub transaction: Transaction,
    /// The height of the block that decided it.
    pub height: Height,
    /// The decision with its proof, once a quorum has signed the head of that block.
    pub result: Option<CertifiedResult>,
}

/// Some of the objects with a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The objects, ascending by identifier.
    pub objects: Vec<Object>,
    /// The height at which all of them were active.
    pub height: Height,
    /// Whether there are objects after the last of these.
    pub more: bool,
}

/// Some of the lies that a node holds proofs of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidencePage {
    /// The proofs, each to be checked by whoever reads it.
    pub exhibits: Vec<Exhibit>,
    /// Whether there are more after the last of these.
    pub more: bool,
}

/// The proof of a lie, and when a node came to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhibit {
    /// How far the shard of the node was.
    pub seen: Progress,
    /// The proof.
    pub record: Malpractice,
}

/// Who a node is and how it fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The name that its operator gave it.
    pub name: String,
    /// Its member key.
    pub node: NodeId,
    /// The network it belongs to.
    pub network: NetworkId,
    /// The shard it is a member of; the root shard if it is a member of none, see
    /// [`NotReady::NoSeat`].
    pub shard: ShardId,
    /// The version of its software.
    pub version: String,
    /// The last block it applied.
    pub tip: Progress,
    /// The hash of the head after that block.
    pub head: Hash,
    /// The highest head that it knows to be signed by a quorum.
    pub certified: Height,
    /// The other members it has a link to right now.
    pub linked: u32,
    /// The seats of its shard, its own included.
    pub committee: u32,
    /// Transactions that wait at it to be decided.
    pub waiting: u64,
    /// Why it cannot decide transactions right now. Empty if it is ready.
    pub not_ready: Vec<NotReady>,
}

/// How far a shard is, as one node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The height of the last applied block.
    pub height: Height,
    /// The block time of that block. A transaction with an earlier deadline that is neither decided nor
    /// under way now never will be.
    pub time: Time,
}

/// Why a node is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotReady {
    /// It reaches fewer members than a quorum needs.
    #[error("linked to {linked} other members of the shard, {needed} are needed")]
    TooFewLinks {
        /// The other members it has a link to.
        linked: u32,
        /// How many it needs.
        needed: u32,
    },
    /// It is fetching blocks that the others have decided.
    #[error("catching up with the other members of the shard")]
    CatchingUp,
    /// It is about to stop.
    #[error("stopping")]
    Stopping,
    /// No shard lists it, or the one that does has not handed over to it yet.
    #[error("without a seat in the shard: it waits until one lists it, and follows until then")]
    NoSeat,
}

/// Why a node does not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refused {
    /// Too much waits already.
    #[error("the node is busy, try again in {retry_ms} ms")]
    Busy {
        /// When to try again, in milliseconds.
        retry_ms: u32,
    },
    /// The request, or the transaction in it, is not well-formed.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The transaction does not concern the shard of this node.
    #[error("the node votes only on transactions that concern shard {shard}")]
    NotServed {
        /// The shard of this node.
        shard: ShardId,
    },
    /// The deadline of the transaction is over, or lies too far ahead.
    #[error(
        "the deadline of the transaction is over or too far ahead: block time is {} ms, at most \
         {} ms more are allowed",
        .0.time.as_ms(), crate::bounds::VALIDITY_MS_MAX
    )]
    OutOfTime(Progress),
    /// It has not happened in the time that the client wanted to wait.
    #[error("not yet at height {}", .0.height)]
    NotYet(Progress),
    /// The node does not have it.
    #[error("unknown at height {}", .0.height)]
    Unknown(Progress),
    /// The node cannot read what it has kept, or is stopping. Another node may answer.
    #[error("the node cannot answer, ask another one")]
    Unavailable,
    /// The shard has begun the transaction and not decided it. It may be decided long after its
    /// deadline: a shard that has voted to commit waits for the decision however long it takes.
    ///
    /// Paper: Section IV-C, Process Prepared.
    #[error("under way at height {}, not decided yet", .0.height)]
    UnderWay(Progress),
    /// The operator has not allowed the node to agree to the shard with these
    /// [`ShardRecord::terms`].
    #[error(
        "its operator has not allowed it to agree; the configuration would have to say: \
         consents = [\"{0}\"]"
    )]
    NotAllowed(Hash),
    /// The operator has not allowed the node to be for a list of nodes with these
    /// [`ShardRecord::terms`].
    #[error(
        "its operator has not allowed it to approve; the configuration would have to say: \
         approves = [\"{0}\"]"
    )]
    NotApproved(Hash),
    /// The node does not have it, and knows nothing of what was over before it began.
    #[error("unknown at height {}, to a node that knows nothing from before {} ms", .progress.height, .since.as_ms())]
    UnknownSince {
        /// How far the node is.
        progress: Progress,
        /// The block time of the state that it began with. If the deadline of a transaction is earlier,
        /// it may have been decided all the same.
        since: Time,
    },
    /// Only those on its own machine are told.
    #[error("the node says that to its own machine alone: ask from there")]
    NotLocal,
}

impl Refused {
    /// A refusal with this reason, shortened to [`REASON_CHARS_MAX`].
    #[must_use]
    pub fn malformed(reason: impl core::fmt::Display) -> Self {
        Self::Malformed(reason.to_string().chars().take(REASON_CHARS_MAX).collect())
    }
}

impl Request {
    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The request in these bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are not a canonical encoding, or longer than [`REQUEST_BYTES_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, REQUEST_BYTES_MAX)
    }
}

impl Response {
    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// The response in these bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if they are not a canonical encoding, or longer than [`RESPONSE_BYTES_MAX`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        encoding::decode(bytes, RESPONSE_BYTES_MAX)
    }
}
