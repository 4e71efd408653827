//! What an audit finds, and whom to blame for it.

use model::epoch::BadEnding;
use model::outbox::BadParcel;
use model::statement::Height;
use model::{Malpractice, NodeId, NotAFact, ShardId, TransactionId};

/// Something in a chain that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at height {height}: {problem}")]
pub struct Finding {
    /// The height of the block, or of the head, that the problem is with.
    pub height: Height,
    /// What is wrong.
    pub problem: Problem,
    /// The members that signed it. Empty if whoever handed the chain in may have altered it.
    pub signers: Vec<NodeId>,
    /// What shows it to anybody, without the chain, of those members of whom it can be shown.
    pub proofs: Vec<Malpractice>,
}

/// What can be wrong with a block of a chain, or with what two chains say together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It is of another network, shard or epoch.
    #[error("the block is of another network, shard or epoch")]
    OtherScope,
    /// It does not extend the block before it.
    #[error("the block does not extend the one before it")]
    Gap,
    /// It is not later than the block before it.
    #[error("the block is not later than the one before it")]
    Time,
    /// Its payload is not the one that its header names.
    #[error("the payload is not the one that the header names")]
    Payload,
    /// Its payload is not a list of well-formed entries.
    #[error("the payload is malformed: {0}")]
    Malformed(String),
    /// A user's signature in it does not verify.
    #[error("transaction {0} is not signed by whom it says")]
    Forged(TransactionId),
    /// Promises of another shard in it are not what that shard promised this one.
    #[error("promises of another shard prove nothing: {0}")]
    Unproven(#[from] BadParcel),
    /// The epoch ends with a list of nodes that cannot follow, or that too few members are for.
    #[error("the epoch cannot end like that: {0}")]
    Ending(#[from] BadEnding),
    /// The end of the epoch is not the last entry of its block.
    #[error("the end of the epoch is not the last entry of its block")]
    AfterEnd,
    /// It goes on after the end of an epoch, and nobody shows that the members handed over.
    #[error("the epoch has ended, and no quorum has signed the head that says who follows")]
    NotHandedOver,
    /// What it says of the epochs of another shard is not so, or the history of its own epochs is not
    /// the one that is known.
    #[error("what is said of the epochs of a shard is not so: {0}")]
    Epochs(#[from] NotAFact),
    /// A certificate in it does not verify, or is about something else.
    #[error("a certificate of the block proves nothing")]
    Certificate,
    /// The chain ends with blocks that no certificate makes final.
    #[error("no certificate makes the last blocks of the chain final")]
    NotFinal,
    /// A quorum signed a head that does not follow from the chain.
    #[error("a quorum signed another head than the one that follows from the chain")]
    OtherHead,
    /// The head that a quorum signed is the one that follows, but for the decisions under it.
    #[error("a quorum signed other decisions than those that follow from the chain")]
    OtherResults,
    /// The head that a quorum signed is the one that follows, but for the promises under it.
    #[error("a quorum signed other promises than those that follow from the chain")]
    OtherOutbox,
    /// The head that a quorum signed is the one that follows, but for the state that it commits to.
    #[error("a quorum signed another state than the one that follows from the chain")]
    OtherState,
    /// Two heads of one shard are at one height: it has a history for each of those it speaks to.
    #[error("shard {0} has two heads at this height")]
    TwoHeads(ShardId),
    /// A shard has gone on in an epoch after the head with which it had ended it.
    #[error("shard {0} has gone on after the end of an epoch")]
    PastEnd(ShardId),
    /// A shard has promised both to commit a transaction and to abort it.
    #[error("shard {shard} has promised both to commit and to abort transaction {transaction}")]
    TwoPromises {
        /// The shard.
        shard: ShardId,
        /// The transaction.
        transaction: TransactionId,
    },
    /// One shard has committed a transaction that the other one has aborted.
    #[error("one shard has committed transaction {0}, and the other one has aborted it")]
    Split(TransactionId),
}
