//! Many signatures at once, at less than half the cost of one by one.
//!
//! A batch checks one random linear combination of the equations of all its items. With
//! coefficients of 128 bits a combination of equations of which one is false holds with
//! probability `2^-128`, provided that the coefficients could not be known when the items were
//! made. This crate draws no randomness, so the coefficients come from a hash of all the items
//! (Fiat and Shamir): whoever changes an item to suit the coefficients changes the coefficients.
//! An attacker who tries `w` batches has a chance of about `w * 2^-128`. Which coefficient goes to
//! which item does not matter, as long as the coefficients have no say in it.
//!
//! Under the rule of ZIP-215 a batch of true equations always holds, as both sides are multiplied
//! by the cofactor. (Without it, items with components of small order pass or fail as the
//! coefficients fall, and two honest nodes that batch differently disagree.) So a batch says what
//! single checks say.

#[cfg(test)]
mod tests;

use core::convert::Infallible;

use ed25519_zebra::batch::{Item, Verifier};
use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

use super::{PublicKey, Signature};

/// Batches smaller than this cost more than single checks.
const WORTHWHILE: usize = 3;

/// Signatures that wait to be checked together.
#[derive(Default)]
pub struct Batch {
    items: Vec<Item>,
    transcript: Sha256,
}

impl Batch {
    /// A batch with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a signature to check. The message is not kept.
    pub fn queue(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) {
        // Each item is self-delimiting, so the transcript fixes all of them and their order.
        self.transcript.update(key.as_bytes());
        self.transcript.update(signature.as_bytes());
        self.transcript.update((message.len() as u64).to_le_bytes());
        self.transcript.update(message);
        self.items.push(Item::from((
            (*key.as_bytes()).into(),
            (*signature.as_bytes()).into(),
            message,
        )));
    }

    /// How many signatures wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether no signature waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether [`super::verify`] says of each signature that it is valid.
    ///
    /// It costs the same whatever is in the batch. Who made up one signature may have made up all of them, so
    /// it is left to the caller how far to look for the culprits.
    #[must_use]
    pub fn verify_all(&self) -> bool {
        if self.items.len() >= WORTHWHILE {
            return self.holds();
        }
        let mut items = self.items.iter();
        items.all(|item| item.clone().verify_single().is_ok())
    }

    fn holds(&self) -> bool {
        let mut verifier = Verifier::new();
        for item in &self.items {
            verifier.queue(item.clone());
        }
        verifier.verify(Coefficients::new(&self.transcript)).is_ok()
    }
}

/// SHA-256 in counter mode over the hash of a transcript.
struct Coefficients {
    seed: [u8; 32],
    counter: u64,
}

impl Coefficients {
    fn new(transcript: &Sha256) -> Self {
        Self {
            seed: transcript.clone().finalize().into(),
            counter: 0,
        }
    }

    fn next_block(&mut self) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(b"chainspace/v1/batch");
        sha.update(self.seed);
        sha.update(self.counter.to_le_bytes());
        self.counter += 1;
        sha.finalize().into()
    }
}

impl TryRng for Coefficients {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            chunk.copy_from_slice(&self.next_block()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Coefficients {}
