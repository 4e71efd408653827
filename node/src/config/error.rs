//! Why a configuration cannot be used: which source said it, and what would be right.

use std::io;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The file is not TOML.
    #[error("{file}: {reason}")]
    Syntax {
        /// The file.
        file: String,
        /// Where and what.
        reason: toml::de::Error,
    },
    /// A variable of the environment is not text.
    #[error("{variable}: its value is not text")]
    NotText {
        /// The variable.
        variable: String,
    },
    /// The configuration cannot be shown as TOML: a path is not text, or a number is too large.
    #[error("the configuration cannot be shown: {0}")]
    Unwritable(toml::ser::Error),
    /// A key that has no default is nowhere.
    #[error("{file}: `{key}` is missing")]
    Missing {
        /// The file, where it should be.
        file: String,
        /// The key.
        key: String,
    },
    /// There is no such key.
    #[error("{origin}: there is no key `{key}`, expected one of {}", known.join(", "))]
    Unknown {
        /// The file, variable or flag that sets it.
        origin: String,
        /// The key.
        key: String,
        /// The keys that could stand there.
        known: &'static [&'static str],
    },
    /// A value is of the wrong type, or makes no sense.
    #[error("{origin}: `{key}` {problem}")]
    Value {
        /// The file, variable or flag that sets it.
        origin: String,
        /// The key.
        key: String,
        /// What is wrong with the value, and what would be right.
        problem: String,
    },
}
