//! Objects: the atoms that hold state.
//!
//! Paper: Section II-A. An object is immutable; it is active until a transaction consumes it.

use serde::{Deserialize, Serialize};

use crate::encoding::Bytes;
use crate::hash::{Tag, hash, hash_value};
use crate::id::{ContractId, ObjectId, ShardId, TraceId};

/// `type(o)`: the contract that defines the type, and the type's name within it.
///
/// Paper: Section II-A.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectType {
    /// The contract whose namespace the name belongs to.
    pub contract: ContractId,
    /// The name, at most [`crate::bounds::NAME_BYTES_MAX`] bytes.
    pub name: String,
}

/// An object with everything that its identifier is made of.
///
/// Paper: Section II-A. Deviation: D-1, content and home are bound by the identifier, so that a
/// shard can check the content of an object that it does not manage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Object {
    /// The trace that created it.
    pub trace: TraceId,
    /// Its position among the outputs of that trace: the "unique name" of Section IV-A.
    pub index: u32,
    /// `type(o)`.
    pub object_type: ObjectType,
    /// The shard that manages it: `phi(o)` of Section IV-B.
    pub home: ShardId,
    /// What it holds, in the encoding of its contract.
    pub content: Bytes,
}

impl Object {
    /// `id(o)`.
    ///
    /// Paper: Section IV-A. The content is hashed by itself first, so that a proof about an object
    /// need not carry its content.
    #[must_use]
    pub fn id(&self) -> ObjectId {
        ObjectId::from_hash(hash_value(
            Tag::Object,
            &(
                &self.trace,
                self.index,
                &self.object_type,
                self.home,
                hash(Tag::Content, &self.content),
            ),
        ))
    }
}
