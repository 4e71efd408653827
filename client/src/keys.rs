//! Keys: who can sign here.
//!
//! On a local network ten named accounts have keys that everybody knows: each seed is the ASCII text
//! `chainspace-local-<name>`, filled up with dots to 32 bytes. They make trying things out simple
//! and are worthless anywhere else, so they exist only where the genesis document says `local`.

#[cfg(test)]
mod tests;

use model::{Genesis, PublicKey, SecretKey};

use crate::address::NetworkKind;

/// The accounts of a local network.
pub const LOCAL_NAMES: [&str; 10] = [
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy",
];

/// Keys by name.
pub trait Keystore: Send + Sync {
    /// The names, in the order in which they are shown.
    fn names(&self) -> Vec<String>;

    /// The public key with a name.
    fn public(&self, name: &str) -> Option<PublicKey>;

    /// The secret of a public key.
    ///
    /// # Errors
    ///
    /// [`NoSecret`] if this keystore cannot sign for the key.
    fn secret(&self, owner: &PublicKey) -> Result<SecretKey, NoSecret>;
}

/// There is no secret key to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no secret key here for the account {0}")]
pub struct NoSecret(pub PublicKey);

/// The ten accounts that everybody can sign for, on a local network; none on any other.
#[derive(Clone, Debug)]
pub struct LocalKeys {
    accounts: Vec<(&'static str, PublicKey)>,
}

impl LocalKeys {
    /// The keys for the network of this document.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        let names: &[&str] = match NetworkKind::of(genesis) {
            NetworkKind::Local => &LOCAL_NAMES,
            NetworkKind::Main | NetworkKind::Test => &[],
        };
        Self {
            accounts: names
                .iter()
                .map(|name| (*name, local_secret(name).public()))
                .collect(),
        }
    }
}

impl Keystore for LocalKeys {
    fn names(&self) -> Vec<String> {
        let names = self.accounts.iter();
        names.map(|(name, _)| (*name).to_owned()).collect()
    }

    fn public(&self, name: &str) -> Option<PublicKey> {
        let mut accounts = self.accounts.iter();
        accounts
            .find(|(known, _)| *known == name)
            .map(|(_, key)| *key)
    }

    fn secret(&self, owner: &PublicKey) -> Result<SecretKey, NoSecret> {
        let mut accounts = self.accounts.iter();
        accounts
            .find(|(_, key)| key == owner)
            .map(|(name, _)| local_secret(name))
            .ok_or(NoSecret(*owner))
    }
}

/// The key that a name stands for on every local network: for making a genesis document. It is
/// public, and worthless elsewhere.
#[must_use]
pub fn local_secret(name: &str) -> SecretKey {
    let words = format!("chainspace-local-{name}");
    let mut seed = [b'.'; 32];
    for (byte, word) in seed.iter_mut().zip(words.bytes()) {
        *byte = word;
    }
    SecretKey::from_seed(seed)
}
