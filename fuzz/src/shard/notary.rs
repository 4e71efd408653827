//! Signatures of members: as hard to forge for a liar as real ones, and a thousand times cheaper.
//!
//! A fuzzer wants to run the replica and not the curve. The signature of a member is a hash of its key
//! and the message, which only those can compute whom the harness lets. Those of users are real.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use consensus::Signer;
use model::hash::{Tag, hash};
use model::key::{self, PublicKey, Signature, SignatureCheck};

use super::world::World;

/// What is to be known about a signature of a user: the key, the message, the signature.
type Question = (PublicKey, Vec<u8>, Signature);

/// Answers that are remembered. Then all are forgotten, which bounds the memory of a long run.
const REMEMBERED: usize = 1 << 12;

static ANSWERS: LazyLock<Mutex<BTreeMap<Question, bool>>> = LazyLock::new(Mutex::default);

/// Signs for all members and checks what anybody signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notary;

impl Notary {
    /// A member's signature.
    pub(crate) fn sign(index: usize, message: &[u8]) -> Signature {
        seal(&World::get().member_key(index), message)
    }
}

fn seal(key: &PublicKey, message: &[u8]) -> Signature {
    let sealed = hash(Tag::Record, &[key.as_bytes(), message].concat());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(sealed.as_bytes());
    Signature::from_bytes(signature)
}

impl SignatureCheck for Notary {
    fn check(&mut self, key: &PublicKey, message: &[u8], signature: &Signature) -> bool {
        if World::get().is_member(key) {
            return seal(key, message) == *signature;
        }
        let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= REMEMBERED {
            answers.clear();
        }
        let question = (*key, message.to_vec(), *signature);
        let answer = answers.entry(question);
        *answer.or_insert_with(|| key::verify(key, message, signature))
    }
}

/// Signs for one member.
pub(crate) struct Scribe(pub(crate) usize);

impl Signer for Scribe {
    fn sign(&self, message: &[u8]) -> Signature {
        Notary::sign(self.0, message)
    }
}
