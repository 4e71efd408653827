//! Files that people hand to each other, and what is wrong with one that is not what it should be: in a
//! sentence, and with what to do.

#[cfg(test)]
mod tests;

use core::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use model::bounds::GENESIS_BYTES_MAX;
use model::encoding::{self, DecodeError};
use model::genesis::BadGenesis;
use model::{Genesis, Malpractice, Receipt};

use crate::paper::EVIDENCE_BYTES_MAX;

/// What a file can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The genesis document of a network.
    Network,
    /// The proof of a decision.
    Receipt,
    /// The proof of a lie.
    Evidence,
    /// How a node describes itself.
    Descriptor,
    /// The record of a shard that nodes are to agree to.
    Proposal,
    /// The consent of a node to its seat.
    Consent,
    /// What an operator tells a node.
    Configuration,
}

/// What the texts of papers begin with, and what they are.
const PAPERS: [(&str, Kind); 3] = [
    ("csd1", Kind::Descriptor),
    ("csp1", Kind::Proposal),
    ("csc1", Kind::Consent),
];

/// A key that every configuration has.
const CONFIGURED: &str = "member_key";

impl Kind {
    /// What it is called, as in "this is no ..." and "it is a ...".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Network => "network file",
            Self::Receipt => "receipt",
            Self::Evidence => "proof of a lie",
            Self::Descriptor => "descriptor of a node",
            Self::Proposal => "proposal of a shard",
            Self::Consent => "consent of a node",
            Self::Configuration => "configuration of a node",
        }
    }

    /// Where one gets such a file, as a sentence.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Network => {
                "the network file is the genesis document: ask somebody who has a node for it, or fetch \
                 it from a node's /network"
            }
            Self::Receipt => "`chainspace send` writes receipts, files that end in .csr",
            Self::Evidence => "`chainspace evidence save` writes evidence",
            Self::Descriptor => "`chainspace node descriptor` writes descriptors",
            Self::Proposal => "`chainspace shard propose` writes proposals",
            Self::Consent => "`chainspace node consent` writes consents",
            Self::Configuration => {
                "`chainspace join` and `chainspace node init` write configurations"
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a file is not what is wanted.
#[derive(Debug, thiserror::Error)]
#[error("{} {problem}", .path.display())]
pub struct BadFile {
    /// The file.
    pub path: PathBuf,
    /// What is wanted.
    pub wanted: Kind,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// There is none.
    #[error("is not there")]
    Missing,
    /// It is a folder.
    #[error("is a folder, not a file")]
    Folder,
    /// The system does not let it be read.
    #[error("cannot be read: {0}")]
    Disk(io::Error),
    /// Nothing is in it.
    #[error("is empty")]
    Empty,
    /// It is longer than any file of its kind.
    #[error("is no {wanted}: it has more than {limit} bytes")]
    TooLong {
        /// What is wanted.
        wanted: Kind,
        /// The bytes that one has at most.
        limit: usize,
    },
    /// It is something else.
    #[error("is no {wanted}: it is a {found}")]
    Other {
        /// What is wanted.
        wanted: Kind,
        /// What it is.
        found: Kind,
    },
    /// It is nothing that is known here.
    #[error("is no {wanted}: it does not begin as one does")]
    Unknown {
        /// What is wanted.
        wanted: Kind,
    },
    /// It begins well, and does not end.
    #[error("is a {wanted} that was cut off after {length} bytes")]
    CutOff {
        /// What is wanted.
        wanted: Kind,
        /// What is left of it.
        length: usize,
    },
    /// It begins well, and something in it was changed.
    #[error("is a damaged {wanted}: {reason}")]
    Damaged {
        /// What is wanted.
        wanted: Kind,
        /// What is wrong with it.
        reason: String,
    },
}

impl BadFile {
    /// What to do about it, as a sentence.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self.problem {
            Problem::Missing | Problem::Other { .. } | Problem::Unknown { .. } => {
                self.wanted.source()
            }
            Problem::Folder => "name a file in it",
            Problem::Disk(_) => "see to it that you may read it",
            Problem::Empty
            | Problem::TooLong { .. }
            | Problem::CutOff { .. }
            | Problem::Damaged { .. } => "ask for another copy",
        }
    }

    /// Whether the user has named the wrong file, rather than a file that somebody has spoilt.
    #[must_use]
    pub const fn is_mistake(&self) -> bool {
        match self.problem {
            Problem::Missing | Problem::Folder | Problem::Disk(_) | Problem::Other { .. } => true,
            Problem::Empty
            | Problem::TooLong { .. }
            | Problem::Unknown { .. }
            | Problem::CutOff { .. }
            | Problem::Damaged { .. } => false,
        }
    }
}

/// What a file holds, if it is not empty and has at most `limit` bytes.
///
/// # Errors
///
/// [`BadFile`] says what is wrong with it.
pub fn read(path: &Path, wanted: Kind, limit: usize) -> Result<Vec<u8>, BadFile> {
    let bad = |problem| BadFile {
        path: path.to_owned(),
        wanted,
        problem,
    };
    let disk = |reason: io::Error| match reason.kind() {
        ErrorKind::NotFound => bad(Problem::Missing),
        ErrorKind::IsADirectory => bad(Problem::Folder),
        _ => bad(Problem::Disk(reason)),
    };
    let mut bytes = Vec::new();
    let mut limited = File::open(path).map_err(disk)?.take(limit as u64 + 1);
    limited.read_to_end(&mut bytes).map_err(disk)?;
    match bytes.len() {
        0 => Err(bad(Problem::Empty)),
        length if length > limit => Err(bad(Problem::TooLong { wanted, limit })),
        _ => Ok(bytes),
    }
}

/// What is wrong with these bytes, which could not be decoded as what is `wanted`.
#[must_use]
pub fn refuse(path: &Path, wanted: Kind, bytes: &[u8], reason: &DecodeError) -> BadFile {
    let problem = match (bytes, reason) {
        ([], _) => Problem::Empty,
        (_, DecodeError::TooLong { limit, found: _ }) => Problem::TooLong {
            wanted,
            limit: *limit,
        },
        _ => match (kind_of(bytes), reason) {
            (Some(found), _) if found != wanted => Problem::Other { wanted, found },
            (_, DecodeError::CutOff { at }) => Problem::CutOff {
                wanted,
                length: *at,
            },
            (_, DecodeError::Malformed { at: 0, .. }) => Problem::Unknown { wanted },
            (_, reason) => Problem::Damaged {
                wanted,
                reason: reason.to_string(),
            },
        },
    };
    BadFile {
        path: path.to_owned(),
        wanted,
        problem,
    }
}

/// What is wrong with a file that could not be used as what is `wanted`, if one look says it: whoever
/// tried may have had no words for it.
#[must_use]
pub fn diagnose(path: &Path, wanted: Kind) -> Option<BadFile> {
    let bytes = match read(path, wanted, GENESIS_BYTES_MAX) {
        Ok(bytes) => bytes,
        // An empty configuration lacks its keys, and that says more.
        Err(bad) if matches!(bad.problem, Problem::Empty) => {
            return (wanted != Kind::Configuration).then_some(bad);
        }
        Err(bad) => return Some(bad),
    };
    let problem = match (kind_of(&bytes), wanted) {
        (Some(found), _) if found != wanted => Problem::Other { wanted, found },
        (_, Kind::Network) => match Genesis::from_bytes(&bytes) {
            Err(BadGenesis::Encoding(reason)) => {
                return Some(refuse(path, wanted, &bytes, &reason));
            }
            _ => return None,
        },
        (_, Kind::Configuration) if core::str::from_utf8(&bytes).is_err() => {
            Problem::Unknown { wanted }
        }
        _ => return None,
    };
    Some(BadFile {
        path: path.to_owned(),
        wanted,
        problem,
    })
}

/// What these bytes are, if that is known.
#[must_use]
pub fn kind_of(bytes: &[u8]) -> Option<Kind> {
    if let Ok(text) = core::str::from_utf8(bytes) {
        let begins = |(prefix, _): &&(&str, Kind)| text.trim_start().starts_with(prefix);
        let paper = PAPERS.iter().find(begins).map(|(_, kind)| *kind);
        return paper.or_else(|| text.contains(CONFIGURED).then_some(Kind::Configuration));
    }
    if Genesis::from_bytes(bytes).is_ok() {
        Some(Kind::Network)
    } else if Receipt::from_bytes(bytes).is_ok() {
        Some(Kind::Receipt)
    } else if encoding::decode::<Malpractice>(bytes, EVIDENCE_BYTES_MAX).is_ok() {
        Some(Kind::Evidence)
    } else {
        None
    }
}
