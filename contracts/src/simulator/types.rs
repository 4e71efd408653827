//! What exists: objects that hold nothing, and objects that belong to somebody.

use model::PublicKey;
use serde::{Deserialize, Serialize};

use crate::environment::content::Content;

/// An object of one byte, which anybody may consume.
///
/// Paper: Section VII; the object `'o'` of the prototype's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plain;

/// An object that only its owner may consume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// Who has to sign.
    pub owner: PublicKey,
}

impl Content for Plain {
    const TYPE: &'static str = "Plain";
}

impl Content for Owned {
    const TYPE: &'static str = "Owned";
}
