//! How a command ends: the table of exit codes, and what is said about a failure.

use client::Class;
use client::file::BadFile;
use serde_json::{Value, json};
use testnet::local::LocalError;

use crate::near::nearest;

/// The end of a command. The numbers and the names are an interface: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done; for a payment: committed.
    Done,
    /// What no other code says.
    Failed,
    /// The command line is wrong, or names what does not exist.
    Usage,
    /// A shard aborted the transaction.
    Aborted,
    /// The time was up before the outcome was known. The same command again is safe.
    OutcomeUnknown,
    /// There is not enough money.
    InsufficientFunds,
    /// The network, or the node that was named, cannot be reached.
    Unreachable,
    /// The nodes are of another network.
    WrongNetwork,
    /// There is no key to sign with.
    Locked,
    /// A proof does not verify.
    VerificationFailed,
}

impl Exit {
    /// The exit code of the process.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Aborted => 10,
            Self::OutcomeUnknown => 11,
            Self::InsufficientFunds => 12,
            Self::Unreachable => 13,
            Self::WrongNetwork => 14,
            Self::Locked => 15,
            Self::VerificationFailed => 20,
        }
    }

    /// The error code in the envelope.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Aborted => "aborted",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Unreachable => "unreachable",
            Self::WrongNetwork => "wrong_network",
            Self::Locked => "locked",
            Self::VerificationFailed => "verification_failed",
        }
    }
}

impl From<Class> for Exit {
    fn from(class: Class) -> Self {
        match class {
            Class::Aborted => Self::Aborted,
            Class::Unknown => Self::OutcomeUnknown,
            Class::Funds => Self::InsufficientFunds,
            Class::Unreachable => Self::Unreachable,
            Class::WrongNetwork => Self::WrongNetwork,
            Class::Locked => Self::Locked,
            Class::Verification => Self::VerificationFailed,
            Class::Usage => Self::Usage,
            Class::Internal => Self::Failed,
        }
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// The cause.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// What there is to say on stdout all the same, for people and pipes.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) data: Box<Value>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
            text: String::new(),
            data: Box::new(json!({})),
        }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        let meant = match &error {
            client::Error::NoSuchAccount { text, known }
            | client::Error::NoSuchNode { text, known } => nearest(text, known),
            _ => None,
        };
        let meant = meant.map(|name| format!("did you mean {name}?"));
        Self {
            hint: meant.or_else(|| error.hint().map(Into::into)),
            ..Self::new(error.class().into(), error.to_string())
        }
    }
}

impl From<BadFile> for Failure {
    fn from(bad: BadFile) -> Self {
        let exit = match bad.is_mistake() {
            true => Exit::Usage,
            false => Exit::VerificationFailed,
        };
        Self::new(exit, bad.to_string()).hint(bad.hint())
    }
}

impl From<LocalError> for Failure {
    fn from(error: LocalError) -> Self {
        let exit = match &error {
            LocalError::Client(error) => error.class().into(),
            LocalError::NoNetwork(_) | LocalError::NotRunning { .. } => Exit::Unreachable,
            LocalError::Shards { .. } | LocalError::Nodes(_) | LocalError::UnknownNode { .. } => {
                Exit::Usage
            }
            LocalError::OtherGenesis { .. } => Exit::WrongNetwork,
            _ => Exit::Failed,
        };
        Self {
            hint: error.hint(),
            ..Self::new(exit, error.to_string())
        }
    }
}
