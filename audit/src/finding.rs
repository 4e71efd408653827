//! What an audit finds, and whom to blame for it.

use model::statement::Height;
use model::{NodeId, TransactionId};

/// Something in a chain that must not be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at height {height}: {problem}")]
pub struct Finding {
    /// The height of the block.
    pub height: Height,
    /// What is wrong.
    pub problem: Problem,
    /// The members that signed it. Empty if whoever handed the chain in may have altered it.
    pub signers: Vec<NodeId>,
}

/// What can be wrong with a block of a chain.
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
    /// A certificate in it does not verify, or is about something else.
    #[error("a certificate of the block proves nothing")]
    Certificate,
    /// The chain ends with blocks that no certificate makes final.
    #[error("no certificate makes the last blocks of the chain final")]
    NotFinal,
    /// A quorum signed a head that does not follow from the chain.
    #[error("a quorum signed another head than the one that follows from the chain")]
    OtherHead,
}
