//! What objects and locals hold, as typed values instead of bytes.
//!
//! The paper leaves the form of state to the contract. Here it is the canonical encoding of
//! [`model::encoding`], so that what two checkers read is the same value or no value at all.

use std::sync::Arc;

use model::{Call, ContractId, Object, ObjectType, Output, Refusal, ShardId, bounds, encoding};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An object has another type than the procedure asks for.
pub const OTHER_TYPE: Refusal = Refusal("an object is not of the type that belongs in its place");

/// Bytes are not the canonical encoding of what they should be.
pub const UNREADABLE: Refusal = Refusal("a content, a parameter or a return cannot be decoded");

/// What an object of one type holds.
pub trait Content: Serialize + DeserializeOwned {
    /// The name of the type within its contract.
    const TYPE: &'static str;

    /// An output that holds this, to be managed by `home`.
    fn output(&self, home: ShardId) -> Output {
        Output {
            type_name: Self::TYPE.to_owned(),
            home,
            content: encoding::encode(self).into(),
        }
    }

    /// What `object` holds, if it is of this type of `contract`.
    ///
    /// # Errors
    ///
    /// [`OTHER_TYPE`] or [`UNREADABLE`].
    fn read(contract: ContractId, object: &Object) -> Result<Self, Refusal> {
        Self::decode(contract, &object.object_type, &object.content)
    }

    /// What an object of type `object_type` with this content holds, if it is of this type of
    /// `contract`.
    ///
    /// # Errors
    ///
    /// [`OTHER_TYPE`] or [`UNREADABLE`].
    fn decode(
        contract: ContractId,
        object_type: &ObjectType,
        content: &[u8],
    ) -> Result<Self, Refusal> {
        if object_type.contract != contract || object_type.name != Self::TYPE {
            return Err(OTHER_TYPE);
        }
        decode(content)
    }

    /// What each of `objects` holds, if all are of this type of `contract`.
    ///
    /// # Errors
    ///
    /// As [`Content::read`], for the first object that is not.
    fn read_all(contract: ContractId, objects: &[Arc<Object>]) -> Result<Vec<Self>, Refusal> {
        objects
            .iter()
            .map(|object| Self::read(contract, object))
            .collect()
    }
}

/// `lpar` of a call.
///
/// # Errors
///
/// [`UNREADABLE`].
pub fn local_parameters<T: Serialize + DeserializeOwned>(call: &Call<'_>) -> Result<T, Refusal> {
    decode(call.local_parameters)
}

/// `lret` of a call.
///
/// # Errors
///
/// [`UNREADABLE`].
pub fn local_returns<T: Serialize + DeserializeOwned>(call: &Call<'_>) -> Result<T, Refusal> {
    decode(call.local_returns)
}

fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    encoding::decode(bytes, bounds::TRANSACTION_BYTES_MAX).map_err(|_| UNREADABLE)
}
