//! Keys and signatures, and the one rule by which a signature is valid.
//!
//! Ed25519 libraries differ on inputs that no honest signer makes, and a signature that one honest
//! node accepts and another refuses splits a shard. The rule here is **ZIP-215**: `s` is less than
//! the group order, `A` and `R` are any encodings of points, canonical or not, and
//! `[8][s]B = [8]R + [8][k]A`. It is the only rule under which a batch and a single check always
//! agree, and it is part of the protocol: every path on which nodes must agree goes through
//! [`verify`] or [`Batch`].
//!
//! The rule lets a key of small order "sign" everything, so such keys are refused where a key is
//! registered ([`PublicKey::check_registrable`]), and no identifier covers the bytes of a
//! signature.
//!
//! Paper: Section IV-A.

mod batch;
#[cfg(test)]
mod tests;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use thiserror::Error;
use zeroize::Zeroize;

use crate::hash::byte_newtype;

pub use batch::Batch;

byte_newtype! {
    /// The public key of a user or a node: an Ed25519 point as it was sent, not yet decoded.
    ///
    /// Two keys are equal if their bytes are.
    pub struct PublicKey[32];
}

byte_newtype! {
    /// An Ed25519 signature as it was sent: the encoding of `R`, then `s`.
    ///
    /// Whoever has the secret can make any number of valid signatures of one message. A signature
    /// is evidence and never a name.
    pub struct Signature[64];
}

/// Why a key must not be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WeakKey {
    /// The bytes are not the encoding of a point: no signature verifies under this key.
    #[error("the key is not a point of the curve")]
    NotAPoint,
    /// The point has small order: signatures of any message can be made without a secret.
    #[error("the key is of small order, anyone can sign for it")]
    SmallOrder,
}

impl PublicKey {
    /// Whether signatures under this key say something about who made them.
    ///
    /// Ask this wherever a key becomes the key of a node, an account or a meter.
    ///
    /// # Errors
    ///
    /// [`WeakKey`] says why not.
    pub fn check_registrable(&self) -> Result<(), WeakKey> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| WeakKey::NotAPoint)?;
        if key.is_weak() {
            Err(WeakKey::SmallOrder)
        } else {
            Ok(())
        }
    }
}

/// A secret key. It can sign, and it is wiped from memory when it is dropped.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// The key that a seed of 32 random bytes stands for (RFC 8032). The caller wipes its own copy
    /// of the seed.
    #[must_use]
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let key = SigningKey::from_bytes(&seed);
        seed.zeroize();
        Self(key)
    }

    /// The public key that verifies what this key signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message. The same message always gets the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

/// Whether `signature` is one of `message` under `key`, by the rule of ZIP-215.
#[must_use]
pub fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
    ed25519_zebra::VerificationKey::try_from(key.0)
        .is_ok_and(|key| key.verify(&signature.0.into(), message).is_ok())
}

/// Something that answers [`verify`], perhaps from memory.
///
/// Its answers are those of [`verify`], always: implementations differ in cost only.
pub trait SignatureCheck {
    /// Whether `signature` is one of `message` under `key`.
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool;
}

impl<T: SignatureCheck + ?Sized> SignatureCheck for &mut T {
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        (**self).check(key, message, signature)
    }
}

/// The plain [`SignatureCheck`]: computes each answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zip215;

impl SignatureCheck for Zip215 {
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        verify(key, message, signature)
    }
}
