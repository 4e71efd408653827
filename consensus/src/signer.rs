//! Signing, as a replica asks for it.

use model::{SecretKey, Signature};

/// Signs for one node. Signing is a pure function of the key and the message (Ed25519 draws no
/// randomness), so a replica that signs is still replayed byte for byte.
pub trait Signer: Send {
    /// The node's signature over `message`.
    fn sign(&self, message: &[u8]) -> Signature;
}

impl Signer for SecretKey {
    fn sign(&self, message: &[u8]) -> Signature {
        Self::sign(self, message)
    }
}
