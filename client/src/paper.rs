//! Papers: what founders of a shard hand to each other, as one line of text that stands being mailed.
//!
//! ```text
//! csd1850182...   the descriptor of a node        csp18501...   a proposal: the record to agree to
//! csc1840158...   the consent of a node to it
//! ```
//!
//! After the prefix come hexadecimal digits: the canonical encoding, and a check of four bytes over it
//! which finds what mail programs and people do to text. Line breaks and spaces do no harm.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use model::encoding;
use model::founding::BadPaper;
use model::hash::{Tag, hash_parts};
use model::key::Zip215;
use model::{
    Consent, Invitation, Malpractice, NetworkId, NodeDescriptor, SignedDescriptor, address, bounds,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::address::NetworkKind;
use crate::error::Class;
use crate::file::{self, BadFile, Kind, Problem};

/// Bytes of the check.
const CHECK_BYTES: usize = 4;

/// The longest paper, in bytes before it is written down: a record, and what stands beside it.
const PAPER_BYTES_MAX: usize = bounds::SHARD_RECORD_BYTES_MAX + 1_024;

/// The longest evidence, in bytes: two heads, each with the path of a promise.
pub const EVIDENCE_BYTES_MAX: usize = 64 * 1024;

/// A paper.
pub trait Paper: Serialize + DeserializeOwned {
    /// What its text begins with.
    const PREFIX: &'static str;
    /// What it is.
    const KIND: Kind;
}

impl Paper for SignedDescriptor {
    const PREFIX: &'static str = "csd1";
    const KIND: Kind = Kind::Descriptor;
}

impl Paper for Invitation {
    const PREFIX: &'static str = "csp1";
    const KIND: Kind = Kind::Proposal;
}

impl Paper for Consent {
    const PREFIX: &'static str = "csc1";
    const KIND: Kind = Kind::Consent;
}

/// Why a file or a text is not the paper that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    /// It is not what is wanted, or cannot be read.
    #[error(transparent)]
    File(#[from] BadFile),
    /// It is no text of a paper, or was changed on the way.
    #[error("{} is damaged: a character is wrong, missing or too many", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It says something that is not to be believed, or not on this network.
    #[error("{}: {reason}", .path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: BadPaper,
    },
    /// A node gives an address that means nothing to others.
    #[error("{}: nodes elsewhere cannot reach {address}, and this is {kind}", .path.display())]
    Hidden {
        /// The file.
        path: PathBuf,
        /// The address.
        address: String,
        /// The network.
        kind: NetworkKind,
    },
}

impl PaperError {
    /// What it means for whoever called.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::File(bad) if bad.is_mistake() => Class::Usage,
            Self::Hidden { .. } => Class::Usage,
            Self::Bad { path: _, reason } => match reason {
                BadPaper::OtherNetwork { .. } => Class::WrongNetwork,
                BadPaper::Descriptor(_) => Class::Usage,
                BadPaper::Signature(_) => Class::Verification,
            },
            Self::File(_) | Self::Damaged { .. } => Class::Verification,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File(bad) => Some(bad.hint()),
            Self::Hidden { .. } => {
                Some("its operator has to set `external_addresses`, and to write it again")
            }
            Self::Bad { .. } => Some("ask its operator for another one"),
            Self::Damaged { .. } => Some("ask for another copy"),
        }
    }
}

/// The text of a paper, without an end of line.
#[must_use]
pub fn to_text<P: Paper>(paper: &P) -> String {
    let bytes = encoding::encode(paper);
    let mut text = P::PREFIX.to_owned();
    for byte in bytes.iter().chain(&check_of(P::PREFIX, &bytes)) {
        // A string takes all.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The paper in a file.
///
/// # Errors
///
/// [`PaperError`] says what is wrong with it.
pub fn read<P: Paper>(path: &Path) -> Result<P, PaperError> {
    // Whitespace may be as much again as there are digits.
    let bytes = file::read(path, P::KIND, 4 * (PAPER_BYTES_MAX + CHECK_BYTES))?;
    let wanted = P::KIND;
    match file::kind_of(&bytes) {
        Some(found) if found != wanted => {
            let problem = Problem::Other { wanted, found };
            let path = path.to_owned();
            Err(BadFile {
                path,
                wanted,
                problem,
            }
            .into())
        }
        _ => from_text(&String::from_utf8_lossy(&bytes), path),
    }
}

/// The paper that the text of a file at `path` is.
///
/// # Errors
///
/// As [`read`].
pub fn from_text<P: Paper>(text: &str, path: &Path) -> Result<P, PaperError> {
    let damaged = || PaperError::Damaged {
        path: path.to_owned(),
    };
    let text: String = text.split_whitespace().collect();
    let Some(digits) = text.strip_prefix(P::PREFIX) else {
        let wanted = P::KIND;
        let problem = match file::kind_of(text.as_bytes()) {
            Some(found) if found != wanted => Problem::Other { wanted, found },
            _ => Problem::Unknown { wanted },
        };
        let path = path.to_owned();
        return Err(BadFile {
            path,
            wanted,
            problem,
        }
        .into());
    };
    let bytes = digits_of(digits).ok_or_else(damaged)?;
    let (body, check) = bytes
        .split_last_chunk::<CHECK_BYTES>()
        .ok_or_else(damaged)?;
    if *check != check_of(P::PREFIX, body) {
        return Err(damaged());
    }
    let decoded = encoding::decode(body, PAPER_BYTES_MAX);
    decoded.map_err(|reason| file::refuse(path, P::KIND, text.as_bytes(), &reason).into())
}

/// Whether other nodes of a network of this kind can try an address. On a local network all are at one
/// place.
#[must_use]
pub fn is_reachable(address: &str, kind: NetworkKind) -> bool {
    kind == NetworkKind::Local || address::is_global(address)
}

/// The descriptor in a file, if its node has signed it for this network and others can reach the node.
///
/// # Errors
///
/// [`PaperError`] says what is wrong with it.
pub fn read_descriptor(
    path: &Path,
    network: NetworkId,
    kind: NetworkKind,
) -> Result<NodeDescriptor, PaperError> {
    let signed: SignedDescriptor = read(path)?;
    let verified = signed.verify(network, &mut Zip215);
    let descriptor = verified.map_err(|reason| PaperError::Bad {
        path: path.to_owned(),
        reason,
    })?;
    let mut addresses = descriptor.addresses.iter();
    match addresses.find(|address| !is_reachable(address, kind)) {
        None => Ok(descriptor),
        Some(address) => Err(PaperError::Hidden {
            path: path.to_owned(),
            address: address.clone(),
            kind,
        }),
    }
}

/// The evidence in a file: the canonical encoding of a record of malpractice. What it proves is another
/// question.
///
/// # Errors
///
/// [`PaperError::File`].
pub fn read_evidence(path: &Path) -> Result<Malpractice, PaperError> {
    let bytes = file::read(path, Kind::Evidence, EVIDENCE_BYTES_MAX)?;
    let decoded = encoding::decode(&bytes, EVIDENCE_BYTES_MAX);
    decoded.map_err(|reason| file::refuse(path, Kind::Evidence, &bytes, &reason).into())
}

fn check_of(prefix: &str, bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash = hash_parts(Tag::Paper, &[prefix.as_bytes(), bytes]);
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

fn digits_of(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(16 * digit(*high)? + digit(*low)?),
            _ => None,
        })
        .collect()
}
