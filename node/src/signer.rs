//! The only place that holds a node's secret keys.
//!
//! A key file has one line, the 32 bytes of the seed as 64 hexadecimal digits, and nobody but its
//! owner may read it. A credential of the service manager is the one exception: systemd lets the service
//! read it by an access list, which shows as a right of the group.

#[cfg(test)]
mod tests;

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use consensus::Signer;
use model::{NodeId, SecretKey, Signature};
use zeroize::Zeroizing;

/// The permissions of a key file: its owner reads and writes it.
const MODE: u32 = 0o600;

/// The variable by which systemd says where it keeps what it lends to a service.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Digits of a seed.
const DIGITS: usize = 64;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("cannot read the key file {file}: {reason}")]
    Read {
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// It cannot be made.
    #[error("cannot make the key file {file}: {reason}")]
    Create {
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Others than its owner may use it.
    #[error("others can read the key file {file} (mode {mode:o}); run: chmod 600 {file}")]
    Open {
        /// The file.
        file: String,
        /// Its permissions.
        mode: u32,
    },
    /// It does not hold a seed.
    #[error("the key file {file} does not hold a key: it should have {DIGITS} hexadecimal digits")]
    Malformed {
        /// The file.
        file: String,
    },
}

/// The member key of a node, which signs its votes and heads. Cheap to clone.
#[derive(Clone)]
pub struct MemberKey(Arc<SecretKey>);

impl MemberKey {
    /// The key in a file.
    ///
    /// # Errors
    ///
    /// [`KeyError`] says what is wrong with the file.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        load_seed(path).map(|seed| Self::from_seed(&seed))
    }

    /// A new key, drawn at random and kept in a new file.
    ///
    /// # Errors
    ///
    /// [`KeyError::Create`], also if the file is there already: no key is ever overwritten.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        create_seed(path).map(|seed| Self::from_seed(&seed))
    }

    fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Arc::new(SecretKey::from_seed(*seed)))
    }

    /// The node that signs with this key.
    #[must_use]
    pub fn node(&self) -> NodeId {
        NodeId::new(self.0.public())
    }

    /// The key as the network wants it, which signs where the node is to be found.
    pub(crate) fn for_network(&self) -> net::Sign {
        let key = self.clone();
        Arc::new(move |message: &[u8]| key.sign(message))
    }
}

impl Signer for MemberKey {
    fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message)
    }
}

/// The seed of the transport key in a file, which is made if it is not there: the transport key is
/// nobody's business but this computer's (decision D21).
pub(crate) fn transport_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    match load_seed(path) {
        Err(KeyError::Read { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => {
            create_seed(path)
        }
        loaded => loaded,
    }
}

/// The name by which peers know a node whose transport key is in a file, which is made if it is not
/// there.
///
/// # Errors
///
/// [`KeyError`] says what is wrong with the file.
pub fn peer_name(path: &Path) -> Result<net::PeerName, KeyError> {
    Ok(net::PeerName::of_transport_seed(&transport_seed(path)?))
}

fn load_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let file = || path.display().to_string();
    let (mode, text) = read(path).map_err(|reason| KeyError::Read {
        file: file(),
        reason,
    })?;
    let credentials = env::var_os(CREDENTIALS).map(PathBuf::from);
    if mode & too_open(path, credentials.as_deref()) != 0 {
        return Err(KeyError::Open { file: file(), mode });
    }
    parse(&text).ok_or_else(|| KeyError::Malformed { file: file() })
}

/// The permissions that the key file at a path must not have, if `credentials` is where the service
/// manager keeps what it lends.
fn too_open(path: &Path, credentials: Option<&Path>) -> u32 {
    match credentials.is_some_and(|folder| path.starts_with(folder)) {
        true => 0o037,
        false => 0o077,
    }
}

/// The permissions of a file, and what it holds, cut off where no key is that long.
fn read(path: &Path) -> io::Result<(u32, Zeroizing<Vec<u8>>)> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o7777;
    let mut text = Zeroizing::new(Vec::with_capacity(2 * DIGITS));
    file.take(2 * DIGITS as u64).read_to_end(&mut text)?;
    Ok((mode, text))
}

fn parse(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let digits: &[u8; DIGITS] = text.trim_ascii().try_into().ok()?;
    let mut seed = Zeroizing::new([0; 32]);
    for (byte, pair) in seed.iter_mut().zip(digits.chunks(2)) {
        *byte = 16 * digit(pair[0])? + digit(pair[1])?;
    }
    Some(seed)
}

fn digit(character: u8) -> Option<u8> {
    let value = char::from(character).to_digit(16)?;
    u8::try_from(value).ok()
}

fn create_seed(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    let drawn = getrandom::fill(&mut *seed).map_err(io::Error::other);
    drawn
        .and_then(|()| write_new(path, &seed))
        .map_err(|reason| KeyError::Create {
            file: path.display().to_string(),
            reason,
        })?;
    Ok(seed)
}

fn write_new(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let mut text = Zeroizing::new(Vec::with_capacity(DIGITS + 1));
    for byte in seed {
        write!(text, "{byte:02x}")?;
    }
    text.push(b'\n');
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(path)?;
    file.write_all(&text)?;
    file.sync_all()
}
