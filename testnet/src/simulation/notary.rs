//! Signatures in a simulated world: real ones, each computed once.
//!
//! Signing is a pure function, and so is [`model::key::verify`]; all members of a world share one
//! memory of both, which makes thousands of worlds affordable. What nobody in the world signed is
//! verified for real.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use consensus::Signer;
use model::key;
use model::{PublicKey, SecretKey, Signature, SignatureCheck};

/// What was signed, and by whom.
type Signed = (PublicKey, Box<[u8]>);

#[derive(Default)]
struct Memory {
    /// Looked up, never iterated over.
    made: HashMap<Signed, Signature>,
    checked: HashMap<(Signed, Signature), bool>,
}

/// The memory that all members of a world share.
#[derive(Clone, Default)]
pub struct Notary(Arc<Mutex<Memory>>);

impl Notary {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a signature that its maker vouches for.
    pub fn vouch(&self, public: PublicKey, message: &[u8], signature: Signature) {
        let signed = (public, Box::from(message));
        self.memory().made.insert(signed, signature);
    }

    /// The key's signature over the message.
    #[must_use]
    pub fn sign(&self, key: &SecretKey, public: PublicKey, message: &[u8]) -> Signature {
        let signed = (public, Box::from(message));
        *self
            .memory()
            .made
            .entry(signed)
            .or_insert_with(|| key.sign(message))
    }
}

impl SignatureCheck for Notary {
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        let signed = (*key, Box::from(message));
        let memory = &mut *self.memory();
        if memory.made.get(&signed) == Some(signature) {
            return true;
        }
        *memory
            .checked
            .entry((signed, *signature))
            .or_insert_with(|| key::verify(key, message, signature))
    }
}

/// What one member has signed and nobody has looked at yet.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<Vec<u8>>>>);

impl Journal {
    /// Takes what was signed since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Signs for one member, and writes down what.
pub struct Scribe {
    key: SecretKey,
    public: PublicKey,
    notary: Notary,
    journal: Journal,
}

impl Scribe {
    /// The scribe with this key.
    #[must_use]
    pub fn new(key: SecretKey, notary: Notary, journal: Journal) -> Self {
        Self {
            public: key.public(),
            key,
            notary,
            journal,
        }
    }
}

impl Signer for Scribe {
    fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.notary.sign(&self.key, self.public, message);
        let mut journal = self
            .journal
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        journal.push(message.to_vec());
        signature
    }
}
