//! CSCoin: the value that pays for the work of shards, and for whatever contracts sell.
//!
//! A coin is an account object with an owner and a balance. [`Transfer`] consumes accounts, all of
//! whose owners signed the transaction, and creates new ones for payees and for the change;
//! [`Merge`] makes one account of several, and [`Move`] takes accounts to another shard. None touches an account of somebody who did not sign,
//! so nobody can lock another's money, and two payments to one payee do not contend. The supply is
//! what genesis says, for ever.
//!
//! Other contracts find a payment among their dependencies and rely on its [`Flows`].
//!
//! Paper: Section VI-A, Payments for processing transactions. Deviation: decision D17, a transfer
//! creates accounts for its payees instead of consuming the accounts that they have.

mod checker;
mod procedures;
mod types;

pub use checker::{CsCoin, refusal};
pub use procedures::{CannotRun, Merge, Move, Transfer};
pub use types::{Account, CSC, Flows, Payment, SupplyOverflow};

use model::{ContractId, Mapping, ShardId};

/// The name of the contract, from which its identifier follows.
pub const NAME: &str = "CSCoin";

/// The name of the procedure [`Transfer`].
pub const TRANSFER: &str = "transfer";

/// The name of the procedure [`Merge`].
pub const MERGE: &str = "merge";

/// The name of the procedure [`Move`].
pub const MOVE: &str = "move";

/// The identifier of the contract, the same on every network.
#[must_use]
pub fn id() -> ContractId {
    ContractId::system(NAME)
}

/// The contract.
#[must_use]
pub const fn contract() -> CsCoin {
    CsCoin
}

/// The mapping by which `shards` may hold accounts and decide about them.
///
/// Each of them could make money out of nothing: what lives in a shard is what the shard says lives
/// there. So it is for the genesis document of a network to say how far founders are trusted.
#[must_use]
pub fn mapping(shards: Vec<ShardId>) -> Mapping {
    Mapping {
        homes: shards.clone(),
        deciders: shards,
        frozen: Vec::new(),
    }
}
