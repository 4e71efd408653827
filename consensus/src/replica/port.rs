//! What goes into a replica and what comes out of it: the only ways in which it meets the world.

use std::sync::Arc;

use model::ShardId;
use model::shard::Seat;
use model::statement::{Epoch, Height};
use model::transaction::Authorized;
use model::{Block, EpochChange, Fact, HeadCertificate, Malpractice, Plan, Time};

use crate::ledger::Applied;
use crate::message::{Admitted, Blocks, BlocksRequest, Message};
use crate::record::Record;
use crate::sbac::letter::{AdmittedLetter, Letter};

/// Everything that can happen to a replica.
#[derive(Clone, Debug)]
pub enum Input {
    /// A member said something. The link proves that it was this member.
    Message {
        /// The member.
        from: Seat,
        /// The epoch in which it said it.
        epoch: Epoch,
        /// What it said.
        message: Admitted,
    },
    /// A member of another shard told this node something. The link proves that it was this member.
    Letter {
        /// The shard.
        shard: ShardId,
        /// The member.
        seat: Seat,
        /// What it said.
        letter: AdmittedLetter,
    },
    /// Users submitted transactions to this node.
    Submitted(Vec<Authorized>),
    /// A member answered [`Output::FetchBlocks`].
    Blocks {
        /// The member.
        from: Seat,
        /// Its answer.
        blocks: Blocks,
    },
    /// A member did not answer [`Output::FetchBlocks`], or cannot be reached.
    FetchFailed {
        /// The member.
        from: Seat,
    },
    /// Somebody has given final blocks to a replica without a seat: see [`Replica::is_retired`](super::Replica::is_retired).
    Final(Blocks),
    /// The operator is for a list of nodes to follow, or the root shard has excluded a member. The plan
    /// has been checked.
    Approve(Plan),
    /// Something has become known of the network, and has been checked.
    Learned(Fact),
    /// A link to a member came up. What was sent to it before may be lost.
    LinkUp(Seat),
    /// The time asked for with [`Output::WakeAt`] has come. Harmless at any other time.
    Tick,
}

/// Everything that a replica can ask for. The shell carries outputs out in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Append to the log. Nothing after this in the order may be sent before the record is written,
    /// and durable where [`Record::is_promise`].
    Persist(Record),
    /// Send to one member. It may get lost; the replica repeats what matters.
    Send {
        /// The member.
        to: Seat,
        /// What to say.
        message: Arc<Message>,
    },
    /// Send to all other members.
    Broadcast(Arc<Message>),
    /// Tell members of another shard. It may get lost.
    Tell {
        /// The shard.
        shard: ShardId,
        /// The member; all members without it.
        to: Option<Seat>,
        /// What to say.
        letter: Arc<Letter>,
    },
    /// Ask a member for final blocks. Answered by [`Input::Blocks`] or [`Input::FetchFailed`].
    FetchBlocks {
        /// The member.
        from: Seat,
        /// What to ask for.
        request: BlocksRequest,
    },
    /// Wake the replica with [`Input::Tick`] at this time of [`crate::Now::timer`]. The newest
    /// request replaces all before it.
    WakeAt(Time),
    /// A block is final and has been applied.
    Applied(AppliedBlock),
    /// A quorum signed the head of an applied block.
    HeadCertified(HeadCertificate),
    /// An epoch of the shard has begun. From here on, members are those of its record.
    Entered(Arc<EpochChange>),
    /// A member was seen to lie.
    Malpractice(Malpractice),
    /// Go no further: what the node holds contradicts what a quorum, or it itself, has signed. An
    /// operator must look.
    Halt(Contradiction),
}

/// A final block with what it did.
#[derive(Clone, Debug, PartialEq)]
pub struct AppliedBlock {
    /// The block.
    pub block: Arc<Block>,
    /// The finalization, if it was of this block itself.
    pub certificate: Option<model::Certificate>,
    /// What it did to the ledger.
    pub applied: Arc<Applied>,
}

/// Why a replica must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The node computed another head than one it had signed before.
    #[error(
        "the state at height {height} gives another head than the one this node signed before; \
         the log or the state is damaged, restore this node's directory or let it sync anew"
    )]
    SignedHead {
        /// The height.
        height: Height,
    },
    /// A quorum signed another head than the one this node computed.
    #[error(
        "a quorum of the shard signed another head at height {height} than this node computed; \
         the state of this node is damaged, or it runs another version of the software"
    )]
    CertifiedHead {
        /// The height.
        height: Height,
    },
    /// The log has a block that this node can never have kept.
    #[error(
        "the log has a block for slot {slot} that is not well-formed; it is damaged, or written by \
         another version of the software"
    )]
    KeptBlock {
        /// The slot.
        slot: model::Slot,
    },
    /// Two conflicting blocks are final: more than `f` members are dishonest.
    #[error(
        "two conflicting blocks were finalized at slot {slot}: more than f members are dishonest"
    )]
    TwoFinalBlocks {
        /// The slot.
        slot: model::Slot,
    },
}
