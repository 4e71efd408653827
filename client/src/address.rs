//! Addresses: how keys, objects, transactions, nodes and heads are written for people.
//!
//! An address is bech32m over a version byte and the 32 bytes of the thing. Its prefix says what it
//! names and on which kind of network, so that a local address pasted into a command for a public
//! network is refused by its first letters. The checksum finds every wrong character up to four.
//!
//! ```text
//! lcs1q...      an account on a local network        csnode1q...   a node on the main network
//! tcstx1q...    a transaction on the test network     csobj1q...    an object on the main network
//! ```

#[cfg(test)]
mod tests;

use core::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use model::{Genesis, Hash, NodeId, ObjectId, PublicKey, TransactionId};

/// The only version of the layout behind the prefix.
const VERSION: u8 = 0;

/// How many characters [`short`] keeps after the prefix, and at the end.
const SHORT_HEAD: usize = 4;
const SHORT_TAIL: usize = 6;

/// How much of a bad text an error repeats.
const QUOTED_CHARS_MAX: usize = 100;

/// What an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The owner of accounts: a public key. `cs1...`
    Account,
    /// An object. `csobj1...`
    Object,
    /// A transaction. `cstx1...`
    Transaction,
    /// A node: its member key. `csnode1...`
    Node,
    /// A head of a shard's chain: its hash. `cschk1...`
    Head,
}

/// Which kind of network an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NetworkKind {
    /// The main network. No letter before the prefix.
    Main,
    /// A public test network: `t` before the prefix.
    Test,
    /// A network on one machine: `l` before the prefix. Its genesis name begins with `local`.
    Local,
}

/// Why a text is not the address that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It begins like no address, and is not 64 hexadecimal digits either.
    #[error(
        "`{text}` is not {wanted}: an address begins with `{prefix}1`, or is 64 hexadecimal digits"
    )]
    NotAnAddress {
        /// The text.
        text: String,
        /// What is wanted.
        wanted: Kind,
        /// The prefix it should have.
        prefix: &'static str,
    },
    /// The checksum does not hold.
    #[error("`{text}` has a typing error: a character is wrong, missing or too many")]
    Typo {
        /// The text.
        text: String,
    },
    /// It names something else.
    #[error("`{text}` is {found}, {wanted} is needed here")]
    WrongKind {
        /// The text.
        text: String,
        /// What it names.
        found: Kind,
        /// What is wanted.
        wanted: Kind,
    },
    /// It is for another kind of network.
    #[error("`{text}` is for {found}, this is {ours}")]
    WrongNetwork {
        /// The text.
        text: String,
        /// What it is for.
        found: NetworkKind,
        /// What this is.
        ours: NetworkKind,
    },
    /// The checksum holds, and what it covers is not a version 0 address.
    #[error("`{text}` is of a version or length that this software does not know")]
    Unsupported {
        /// The text.
        text: String,
    },
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Account,
        Self::Object,
        Self::Transaction,
        Self::Node,
        Self::Head,
    ];

    /// The prefix, up to the `1`.
    const fn prefix(self, network: NetworkKind) -> &'static str {
        match (self, network) {
            (Self::Account, NetworkKind::Main) => "cs",
            (Self::Account, NetworkKind::Test) => "tcs",
            (Self::Account, NetworkKind::Local) => "lcs",
            (Self::Object, NetworkKind::Main) => "csobj",
            (Self::Object, NetworkKind::Test) => "tcsobj",
            (Self::Object, NetworkKind::Local) => "lcsobj",
            (Self::Transaction, NetworkKind::Main) => "cstx",
            (Self::Transaction, NetworkKind::Test) => "tcstx",
            (Self::Transaction, NetworkKind::Local) => "lcstx",
            (Self::Node, NetworkKind::Main) => "csnode",
            (Self::Node, NetworkKind::Test) => "tcsnode",
            (Self::Node, NetworkKind::Local) => "lcsnode",
            (Self::Head, NetworkKind::Main) => "cschk",
            (Self::Head, NetworkKind::Test) => "tcschk",
            (Self::Head, NetworkKind::Local) => "lcschk",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "the address of an account",
            Self::Object => "the id of an object",
            Self::Transaction => "the id of a transaction",
            Self::Node => "the id of a node",
            Self::Head => "the hash of a head",
        })
    }
}

impl NetworkKind {
    const ALL: [Self; 3] = [Self::Main, Self::Test, Self::Local];

    /// The kind of network that the document starts.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        Self::named(&genesis.name)
    }

    /// The kind of network that a genesis document with this name starts: `local...` and
    /// `testnet...` are what they say. The network's id covers the name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        if name.starts_with("local") {
            Self::Local
        } else if name.starts_with("testnet") {
            Self::Test
        } else {
            Self::Main
        }
    }
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main => "the main network",
            Self::Test => "a public test network",
            Self::Local => "a local network",
        })
    }
}

/// The address of 32 bytes.
#[must_use]
pub fn format(kind: Kind, network: NetworkKind, bytes: &[u8; 32]) -> String {
    let hrp = Hrp::parse_unchecked(kind.prefix(network));
    let payload: Vec<u8> = core::iter::once(VERSION).chain(*bytes).collect();
    bech32::encode::<Bech32m>(hrp, &payload)
        .expect("a prefix and 33 bytes are shorter than the longest bech32m text")
}

/// The 32 bytes that `text` names: an address of this kind and network, or 64 hexadecimal digits.
///
/// # Errors
///
/// [`AddressError`] says what is wrong with it.
pub fn parse(kind: Kind, network: NetworkKind, text: &str) -> Result<[u8; 32], AddressError> {
    if let Ok(hash) = text.parse::<Hash>() {
        return Ok(*hash.as_bytes());
    }
    let quoted: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    let Some((found, theirs)) = announced(text) else {
        return Err(AddressError::NotAnAddress {
            text: quoted,
            wanted: kind,
            prefix: kind.prefix(network),
        });
    };
    let Ok(checked) = CheckedHrpstring::new::<Bech32m>(text) else {
        return Err(AddressError::Typo { text: quoted });
    };
    if theirs != network {
        return Err(AddressError::WrongNetwork {
            text: quoted,
            found: theirs,
            ours: network,
        });
    }
    if found != kind {
        return Err(AddressError::WrongKind {
            text: quoted,
            found,
            wanted: kind,
        });
    }
    let payload: Vec<u8> = checked.byte_iter().collect();
    let Some(bytes) = body(&payload) else {
        return Err(AddressError::Unsupported { text: quoted });
    };
    // The last character carries a bit that means nothing. An address has one form.
    if format(kind, network, &bytes).eq_ignore_ascii_case(text) {
        Ok(bytes)
    } else {
        Err(AddressError::Unsupported { text: quoted })
    }
}

/// What the prefix of `text` says it is.
fn announced(text: &str) -> Option<(Kind, NetworkKind)> {
    let (prefix, _) = text.split_once('1')?;
    let networks = NetworkKind::ALL.into_iter();
    networks
        .flat_map(|network| Kind::ALL.into_iter().map(move |kind| (kind, network)))
        .find(|(kind, network)| kind.prefix(*network).eq_ignore_ascii_case(prefix))
}

fn body(payload: &[u8]) -> Option<[u8; 32]> {
    let (version, body) = payload.split_first()?;
    (*version == VERSION)
        .then(|| body.try_into().ok())
        .flatten()
}

/// The short form of an address, for screens: `lcs1qp7h...kujqz6`. It cannot be parsed again.
///
/// What is no address, or not longer than its short form, stays as it is.
#[must_use]
pub fn short(address: &str) -> String {
    if !address.is_ascii() {
        return address.to_owned();
    }
    let head = address.find('1').map_or(0, |at| at + 1) + SHORT_HEAD;
    let tail = address.len().saturating_sub(SHORT_TAIL);
    match (address.get(..head), address.get(tail..)) {
        (Some(first), Some(last)) if head + 3 < tail => format!("{first}...{last}"),
        _ => address.to_owned(),
    }
}

/// Writes and reads the addresses of one kind of network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses(pub NetworkKind);

/// An identifier that is displayed as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named<T> {
    /// The identifier.
    pub id: T,
    addresses: Addresses,
}

impl fmt::Display for Named<ObjectId> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.addresses.object(&self.id))
    }
}

impl fmt::Display for Named<TransactionId> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.addresses.transaction(&self.id))
    }
}

impl Addresses {
    /// An identifier for those who display it.
    #[must_use]
    pub const fn name<T: Copy>(self, id: T) -> Named<T> {
        Named {
            id,
            addresses: self,
        }
    }

    /// The address of the owner of accounts.
    #[must_use]
    pub fn account(self, owner: &PublicKey) -> String {
        format(Kind::Account, self.0, owner.as_bytes())
    }

    /// The address of an object.
    #[must_use]
    pub fn object(self, object: &ObjectId) -> String {
        format(Kind::Object, self.0, object.as_bytes())
    }

    /// The address of a transaction.
    #[must_use]
    pub fn transaction(self, transaction: &TransactionId) -> String {
        format(Kind::Transaction, self.0, transaction.as_bytes())
    }

    /// The address of a node.
    #[must_use]
    pub fn node(self, node: &NodeId) -> String {
        format(Kind::Node, self.0, node.key().as_bytes())
    }

    /// The address of a head.
    #[must_use]
    pub fn head(self, head: &Hash) -> String {
        format(Kind::Head, self.0, head.as_bytes())
    }

    /// The owner of accounts that `text` names.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn parse_account(self, text: &str) -> Result<PublicKey, AddressError> {
        parse(Kind::Account, self.0, text).map(PublicKey::from_bytes)
    }

    /// The object that `text` names.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn parse_object(self, text: &str) -> Result<ObjectId, AddressError> {
        parse(Kind::Object, self.0, text).map(ObjectId::from_bytes)
    }

    /// The transaction that `text` names.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn parse_transaction(self, text: &str) -> Result<TransactionId, AddressError> {
        parse(Kind::Transaction, self.0, text).map(TransactionId::from_bytes)
    }

    /// The node that `text` names.
    ///
    /// # Errors
    ///
    /// As [`parse`].
    pub fn parse_node(self, text: &str) -> Result<NodeId, AddressError> {
        let key = parse(Kind::Node, self.0, text).map(PublicKey::from_bytes)?;
        Ok(NodeId::new(key))
    }
}
