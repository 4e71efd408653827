//! What can go wrong, and what to do about it.

use core::fmt;

use model::genesis::BadGenesis;
use model::transaction::Malformed;
use model::{NetworkId, NodeId, ObjectId, Refusal, ShardId, TransactionId};
use system_contracts::cscoin::CannotRun;
use system_contracts::manage_shards;

use crate::address::{AddressError, Named};
use crate::amount::{Amount, AmountError};
use crate::api::{Api, AskError};
use crate::connection::Client;
use crate::keys::NoSecret;
use crate::outcome::OutcomeUnknown;
use crate::paper::PaperError;
use crate::receipt::ReceiptError;
use crate::wallet::JournalError;

/// What an error means for whoever called: one exit code each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A shard aborted the transaction, or would.
    Aborted,
    /// The outcome is not known. Doing the same again is safe.
    Unknown,
    /// There is not enough money.
    Funds,
    /// Nobody can be reached.
    Unreachable,
    /// The nodes are of another network.
    WrongNetwork,
    /// There is no key to sign with, or it is locked.
    Locked,
    /// A proof does not verify.
    Verification,
    /// The user asked for something that does not exist or makes no sense.
    Usage,
    /// This machine is in the way: a disk, a damaged file.
    Internal,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text is not an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A text is not an amount.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A text is neither a known name nor an address.
    #[error("there is no account `{text}`; known names are: {}", .known.join(", "))]
    NoSuchAccount {
        /// The text.
        text: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A text is no known node.
    #[error("there is no node `{text}`; known nodes are: {}", .known.join(", "))]
    NoSuchNode {
        /// The text.
        text: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A transaction concerns a shard that the network does not have.
    #[error("the network has no shard {0}")]
    NoSuchShard(ShardId),
    /// The genesis document cannot start a network.
    #[error("the genesis document is not in order: {0}")]
    Genesis(#[from] BadGenesis),
    /// No node of a shard answers.
    #[error("no node of shard {shard} can be reached: {}", list(.troubles))]
    Unreachable {
        /// The shard.
        shard: ShardId,
        /// What is the matter with each node.
        troubles: Vec<Trouble>,
    },
    /// The nodes are of another network.
    #[error("wrong network: the nodes are of network {theirs}, this is network {ours}")]
    WrongNetwork {
        /// Our network.
        ours: NetworkId,
        /// Theirs.
        theirs: NetworkId,
    },
    /// A shard does not take the transaction.
    #[error("shard {shard} does not take the transaction: {reason}")]
    Refused {
        /// The shard.
        shard: ShardId,
        /// What its nodes say.
        reason: String,
    },
    /// There is no secret key to sign with.
    #[error(transparent)]
    NoSecret(#[from] NoSecret),
    /// There is less money than is needed.
    #[error("there is not enough money: {have} are there, {need} are needed")]
    InsufficientFunds {
        /// What there is.
        have: Amount,
        /// What is needed.
        need: Amount,
    },
    /// The money is there, and a payment that is not decided yet holds it.
    #[error("the money is held by transaction {transaction}, which is not decided yet")]
    Held {
        /// The transaction.
        transaction: Named<TransactionId>,
    },
    /// The object to spend is not active.
    #[error("object {object} is not active: it is spent, or was never there")]
    NotActive {
        /// The object.
        object: Named<ObjectId>,
    },
    /// The object to spend is no account, or somebody else's.
    #[error("object {object} is not an account of the payer")]
    NotAnAccount {
        /// The object.
        object: Named<ObjectId>,
    },
    /// The procedure of the contract cannot be run like this.
    #[error(transparent)]
    CannotRun(CannotRun),
    /// A shard cannot be founded or changed like that.
    #[error(transparent)]
    CannotManage(#[from] manage_shards::CannotRun),
    /// Nodes do not agree to be members of a shard.
    #[error("shard {shard} cannot be like that, not all of its nodes agree: {}", list(.troubles))]
    NotAgreed {
        /// The number that it would have.
        shard: ShardId,
        /// What is the matter with each node.
        troubles: Vec<Trouble>,
    },
    /// What the nodes say of the shards contradicts itself.
    #[error(
        "what the nodes of shard {root} list as the shards of the network cannot be true: {reason}"
    )]
    ShardList {
        /// The shard that keeps the records.
        root: ShardId,
        /// Why not.
        reason: String,
    },
    /// A paper that founders hand to each other is none, or is not to be believed.
    #[error("{0}")]
    Paper(#[from] PaperError),
    /// The transaction would not be well-formed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A checker refuses the transaction. Nothing has been sent.
    #[error("the contract's checker refuses the transaction: {0}")]
    CheckerRefuses(Refusal),
    /// It is not known what became of a transaction.
    #[error(transparent)]
    Unknown(#[from] OutcomeUnknown),
    /// The clocks are too far apart for a transaction to be in time.
    #[error(
        "the nodes find the deadline of transaction {transaction} over or too far ahead, and this \
         machine does not: their clocks differ"
    )]
    Clock {
        /// The transaction.
        transaction: Named<TransactionId>,
    },
    /// The deadline of a transaction is over and it was not decided: it never will be.
    #[error("transaction {transaction} was not decided before its deadline, and never will be")]
    Expired {
        /// The transaction.
        transaction: Named<TransactionId>,
    },
    /// A transaction is decided, and nobody who knows it shows it.
    #[error("transaction {transaction} is decided, but no node that answers shows it")]
    Withheld {
        /// The transaction.
        transaction: Named<TransactionId>,
    },
    /// A transaction is decided, and that cannot be recorded.
    #[error("transaction {transaction} is decided, but that cannot be recorded: {reason}")]
    Unrecorded {
        /// The transaction.
        transaction: Named<TransactionId>,
        /// Why not.
        reason: JournalError,
    },
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A receipt cannot be read, written or believed.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// This machine does not do what every program needs.
    #[error("{0}")]
    Internal(String),
}

impl From<CannotRun> for Error {
    fn from(reason: CannotRun) -> Self {
        match reason {
            CannotRun::InsufficientFunds { available, needed } => Self::InsufficientFunds {
                have: Amount::from_ncsc(available),
                need: Amount::from_ncsc(needed),
            },
            other => Self::CannotRun(other),
        }
    }
}

/// Evidence or a hand-over that proves nothing is a proof that does not verify; the rest is what the user
/// asked for.
const fn class_of(reason: &manage_shards::CannotRun) -> Class {
    match reason {
        manage_shards::CannotRun::HandOver(_)
        | manage_shards::CannotRun::Consent(_)
        | manage_shards::CannotRun::NoMalpractice(_) => Class::Verification,
        manage_shards::CannotRun::Inputs(_)
        | manage_shards::CannotRun::Exhausted
        | manage_shards::CannotRun::Follows
        | manage_shards::CannotRun::Record(_)
        | manage_shards::CannotRun::Committee(_)
        | manage_shards::CannotRun::NoSeat(_)
        | manage_shards::CannotRun::OtherShard { .. } => Class::Usage,
    }
}

/// What is the matter with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The name of the node.
    pub node: String,
    /// Why it is of no help.
    pub reason: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.node, self.reason)
    }
}

fn list(troubles: &[Trouble]) -> String {
    if troubles.is_empty() {
        return "none has answered".to_owned();
    }
    let texts: Vec<String> = troubles.iter().map(Trouble::to_string).collect();
    texts.join("; ")
}

impl Error {
    /// What it means for whoever called.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Unknown(_) | Self::Unrecorded { .. } | Self::Clock { .. } => Class::Unknown,
            Self::InsufficientFunds { .. } | Self::Held { .. } => Class::Funds,
            Self::Unreachable { .. } | Self::Withheld { .. } => Class::Unreachable,
            Self::WrongNetwork { .. } => Class::WrongNetwork,
            Self::NoSecret(_) => Class::Locked,
            Self::NotActive { .. }
            | Self::Refused { .. }
            | Self::CheckerRefuses(_)
            | Self::NotAgreed { .. }
            | Self::Expired { .. } => Class::Aborted,
            Self::ShardList { .. } => Class::Verification,
            Self::Paper(error) => error.class(),
            Self::CannotManage(error) => class_of(error),
            Self::Address(_)
            | Self::Amount(_)
            | Self::NoSuchAccount { .. }
            | Self::NoSuchNode { .. }
            | Self::NoSuchShard(_)
            | Self::Genesis(_)
            | Self::NotAnAccount { .. }
            | Self::CannotRun(_)
            | Self::Malformed(_) => Class::Usage,
            Self::Journal(error) => error.class(),
            Self::Receipt(error) => error.class(),
            Self::Internal(_) => Class::Internal,
        }
    }

    /// What to do about it, as a sentence; `None` where the error itself says so.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(_) => Some(
                "the transaction is recorded in the journal; it is safe to run the same command \
                 again, it will not be paid twice",
            ),
            Self::Unrecorded { reason, .. } => reason.hint(),
            Self::Clock { .. } => {
                Some("set the clock of this machine; it is safe to run the same command again")
            }
            Self::Unreachable { .. } => Some(
                "start the network, or check the addresses of its nodes; a node that is asked by many \
                 from one address takes no more of them for a minute",
            ),
            Self::Withheld { .. } => Some("ask other nodes, or try again in a moment"),
            Self::WrongNetwork { .. } => {
                Some("use the genesis document of the network that the nodes belong to")
            }
            Self::NoSecret(_) => Some("pay from an account whose key is in this wallet"),
            Self::InsufficientFunds { .. } => Some("send less, or receive something first"),
            Self::Held { .. } => Some(
                "run the command of that payment again to settle it, or try this one again in a \
                 minute",
            ),
            Self::NotActive { .. } => Some("nothing has been sent; choose another account object"),
            Self::Refused { .. } => {
                Some("nothing has been paid; the nodes may be of another version")
            }
            Self::Expired { .. } => Some("nothing has been paid; run the command again"),
            Self::CheckerRefuses(_) => Some("nothing has been sent"),
            Self::NotAgreed { .. } => Some(
                "nothing has been sent; the operator of each node has to allow it, or to hand in its \
                 consent: see `chainspace shard create --help`",
            ),
            Self::ShardList { .. } => Some("ask other nodes; these, or some of them, lie"),
            Self::Paper(error) => error.hint(),
            Self::CannotManage(_) => Some("nothing has been sent"),
            Self::NotAnAccount { .. } => Some("choose one of the payer's account objects"),
            Self::Journal(error) => error.hint(),
            Self::Receipt(error) => error.hint(),
            Self::Address(_)
            | Self::Amount(_)
            | Self::NoSuchAccount { .. }
            | Self::NoSuchNode { .. }
            | Self::NoSuchShard(_)
            | Self::Genesis(_)
            | Self::CannotRun(_)
            | Self::Malformed(_)
            | Self::Internal(_) => None,
        }
    }

    /// An error of this machine.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Self::Internal(error.to_string())
    }
}

impl<A: Api> Client<A> {
    /// No node of `shard` was of any help, and why.
    pub(crate) fn unreachable<'a>(
        &self,
        shard: ShardId,
        troubles: impl IntoIterator<Item = (&'a NodeId, &'a AskError)>,
    ) -> Error {
        let mut list = Vec::new();
        for (node, error) in troubles {
            if let AskError::WrongNetwork { ours, theirs } = *error {
                return Error::WrongNetwork { ours, theirs };
            }
            list.push(Trouble {
                node: self.name_of(node),
                reason: error.to_string(),
            });
        }
        Error::Unreachable {
            shard,
            troubles: list,
        }
    }
}
