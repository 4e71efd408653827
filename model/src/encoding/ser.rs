//! Values to bytes: a serde serializer over the primitives of cbor4ii.

use core::convert::Infallible;
use core::fmt::Display;

use cbor4ii::core::enc::{Encode, Write};
use cbor4ii::core::types;
use serde::ser::{self, Serialize};
use thiserror::Error;

/// Appends the encoding of `value`. On an error `out` holds a part of it.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    value.serialize(Serializer { out })
}

/// What a type asked for that the canonical encoding does not have.
#[derive(Debug, Error)]
pub(super) enum EncodeError {
    #[error("{0} have no canonical encoding")]
    Unsupported(&'static str),
    #[error("a type announced another number of elements than it has")]
    Count,
    #[error("{0}")]
    Custom(String),
}

impl ser::Error for EncodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

struct Serializer<'a> {
    out: &'a mut Vec<u8>,
}

/// The end of a `Vec`, which takes whatever is written.
struct Tail<'a>(&'a mut Vec<u8>);

impl Write for Tail<'_> {
    type Error = Infallible;

    fn push(&mut self, input: &[u8]) -> Result<(), Infallible> {
        self.0.extend_from_slice(input);
        Ok(())
    }
}

impl<'a> Serializer<'a> {
    fn put(self, item: impl Encode) -> Result<(), EncodeError> {
        item.encode(&mut Tail(self.out)).map_err(ser::Error::custom)
    }

    /// Begins an array of exactly `len` elements.
    fn array(self, len: usize) -> Result<Elements<'a>, EncodeError> {
        types::Array::bounded(len, &mut Tail(self.out))
            .map_err(<EncodeError as ser::Error>::custom)?;
        Ok(Elements {
            out: self.out,
            left: len,
        })
    }

    /// Begins the array of a variant with `len` fields.
    fn variant(self, index: u32, len: usize) -> Result<Elements<'a>, EncodeError> {
        let mut elements = self.array(1 + len)?;
        elements.push(&index)?;
        Ok(elements)
    }
}

/// An array that has been begun and waits for `left` more elements.
struct Elements<'a> {
    out: &'a mut Vec<u8>,
    left: usize,
}

impl Elements<'_> {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.left = self.left.checked_sub(1).ok_or(EncodeError::Count)?;
        value.serialize(Serializer { out: self.out })
    }

    fn finish(self) -> Result<(), EncodeError> {
        if self.left == 0 {
            Ok(())
        } else {
            Err(EncodeError::Count)
        }
    }
}

macro_rules! put {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.put(value)
        })*
    };
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Elements<'a>;
    type SerializeTuple = Elements<'a>;
    type SerializeTupleStruct = Elements<'a>;
    type SerializeTupleVariant = Elements<'a>;
    type SerializeMap = ser::Impossible<(), EncodeError>;
    type SerializeStruct = Elements<'a>;
    type SerializeStructVariant = Elements<'a>;

    put! {
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_str: &str,
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.put(types::Bytes(value))
    }

    fn serialize_i128(self, _value: i128) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("128-bit integers"))
    }

    fn serialize_u128(self, _value: u128) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("128-bit integers"))
    }

    fn serialize_f32(self, _value: f32) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("floats"))
    }

    fn serialize_f64(self, _value: f64) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("floats"))
    }

    fn serialize_char(self, _value: char) -> Result<(), EncodeError> {
        Err(EncodeError::Unsupported("characters"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Self::SerializeMap, EncodeError> {
        Err(EncodeError::Unsupported("maps"))
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.array(0)?.finish()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let mut elements = self.array(1)?;
        elements.push(value)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.array(0)?.finish()
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), EncodeError> {
        self.array(0)?.finish()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.variant(index, 0)?.finish()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(index, 1)?.push(value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Elements<'a>, EncodeError> {
        self.array(len.ok_or(EncodeError::Unsupported("sequences of unknown length"))?)
    }

    fn serialize_tuple(self, len: usize) -> Result<Elements<'a>, EncodeError> {
        self.array(len)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Elements<'a>, EncodeError> {
        self.array(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        len: usize,
    ) -> Result<Elements<'a>, EncodeError> {
        self.variant(index, len)
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        len: usize,
    ) -> Result<Elements<'a>, EncodeError> {
        self.array(len)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        len: usize,
    ) -> Result<Elements<'a>, EncodeError> {
        self.variant(index, len)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The arrays of serde that have no field names differ in the name of one method only.
macro_rules! elements {
    ($($trait:ident: $method:ident),* $(,)?) => {
        $(impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.push(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        })*
    };
}

elements! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

/// And those with field names, in whose place the order stands.
macro_rules! fields {
    ($($trait:ident),* $(,)?) => {
        $(impl ser::$trait for Elements<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.push(value)
            }

            // An array has no holes: a field that is sometimes left out would shift the others.
            fn skip_field(&mut self, _name: &'static str) -> Result<(), EncodeError> {
                Err(EncodeError::Unsupported("skipped fields"))
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        })*
    };
}

fields!(SerializeStruct, SerializeStructVariant);
