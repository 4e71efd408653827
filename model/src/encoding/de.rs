//! Bytes to values: a serde deserializer over the primitives of cbor4ii.
//!
//! The type leads: each call names what must come next, and anything else is an error. Depth is
//! counted where an array is entered. Whether the bytes are the canonical ones is not decided
//! here but by the comparison in [`super::decode`].

use core::convert::Infallible;
use core::fmt::Display;

use cbor4ii::core::dec::{Decode, Error, Read, Reference};
use cbor4ii::core::error::Len;
use cbor4ii::core::types;
use serde::de::value::U64Deserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, Visitor};

use super::{DecodeError, MAX_DEPTH};

/// How many elements a collection may make room for before it has seen one.
const ROOM_MAX: usize = 64;

/// There is less than there has to be.
const CUT_OFF: DecodeError = DecodeError::CutOff { at: 0 };

/// Reads one value, which must be all there is.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut input = Input {
        rest: bytes,
        depth: 0,
    };
    let value = T::deserialize(&mut input).map_err(|error| {
        let read = bytes.len() - input.rest.len();
        error.placed(read, bytes.len())
    })?;
    match input.rest.len() {
        0 => Ok(value),
        left => Err(DecodeError::Trailing { left }),
    }
}

impl de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self::malformed(message)
    }
}

/// What has not been read yet, and how many arrays are open around it.
struct Input<'de> {
    rest: &'de [u8],
    depth: usize,
}

impl<'de> Read<'de> for Input<'de> {
    type Error = Infallible;

    fn fill<'short>(&'short mut self, want: usize) -> Result<Reference<'de, 'short>, Infallible> {
        Ok(Reference::Long(&self.rest[..want.min(self.rest.len())]))
    }

    fn advance(&mut self, n: usize) {
        self.rest = &self.rest[n.min(self.rest.len())..];
    }
}

impl<'de> Input<'de> {
    /// Reads what is no array. What is refused has not been read.
    fn item<T: Decode<'de>>(&mut self) -> Result<T, DecodeError> {
        let before = self.rest;
        T::decode(self).map_err(|error| {
            self.rest = before;
            refused(&error, before)
        })
    }

    /// Enters an array and returns the number of its elements, each of which takes a byte or more.
    fn enter(&mut self) -> Result<usize, DecodeError> {
        let before = self.rest;
        let len = types::Array::<()>::len(self).map_err(|error| {
            self.rest = before;
            refused(&error, before)
        })?;
        let len = len.ok_or(DecodeError::NotCanonical)?;
        if len > self.rest.len() {
            return Err(CUT_OFF);
        }
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        Ok(len)
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Reads an array whose elements the visitor takes one by one, all of them.
    fn array<V: Visitor<'de>>(
        &mut self,
        expected: Option<usize>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let len = self.enter()?;
        if expected.is_some_and(|expected| expected != len) {
            return Err(de::Error::invalid_length(len, &visitor));
        }
        let value = self.elements(len, visitor)?;
        self.leave();
        Ok(value)
    }

    fn elements<V: Visitor<'de>>(
        &mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let mut elements = Elements {
            input: self,
            left: len,
        };
        let value = visitor.visit_seq(&mut elements)?;
        match elements.left {
            0 => Ok(value),
            _ => Err(DecodeError::malformed("more elements than the type has")),
        }
    }
}

/// What is wrong with the first of the bytes that are left.
fn refused(error: &Error<Infallible>, left: &[u8]) -> DecodeError {
    let found = left.first().copied().unwrap_or_default();
    match error {
        Error::RequireLength {
            found: Len::Indefinite,
            ..
        } => DecodeError::NotCanonical,
        // There are fewer bytes than the length says.
        Error::Eof { .. } | Error::RequireLength { .. } => CUT_OFF,
        Error::Mismatch { name, .. } | Error::Unsupported { name, .. } => {
            DecodeError::malformed(format_args!("0x{found:02x} begins no {name}"))
        }
        Error::RequireUtf8 { .. } => DecodeError::malformed("a text is not UTF-8"),
        Error::CastOverflow { .. } | Error::ArithmeticOverflow { .. } => {
            DecodeError::malformed("a number is out of range")
        }
        other => DecodeError::malformed(other),
    }
}

fn unsupported<T>(what: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::malformed(format_args!(
        "{what} have no canonical encoding"
    )))
}

macro_rules! item {
    ($($method:ident: $type:ty => $visit:ident),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(self.item::<$type>()?)
        })*
    };
}

macro_rules! refuse {
    ($($method:ident: $what:literal),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, DecodeError> {
            unsupported($what)
        })*
    };
}

impl<'de> de::Deserializer<'de> for &mut Input<'de> {
    type Error = DecodeError;

    item! {
        deserialize_bool: bool => visit_bool,
        deserialize_i8: i64 => visit_i64,
        deserialize_i16: i64 => visit_i64,
        deserialize_i32: i64 => visit_i64,
        deserialize_i64: i64 => visit_i64,
        deserialize_u8: u64 => visit_u64,
        deserialize_u16: u64 => visit_u64,
        deserialize_u32: u64 => visit_u64,
        deserialize_u64: u64 => visit_u64,
        deserialize_str: &'de str => visit_borrowed_str,
        deserialize_string: &'de str => visit_borrowed_str,
    }

    refuse! {
        deserialize_any: "values that say their own type",
        deserialize_ignored_any: "values to be ignored",
        deserialize_identifier: "field names",
        deserialize_map: "maps",
        deserialize_char: "characters",
        deserialize_f32: "floats",
        deserialize_f64: "floats",
        deserialize_i128: "128-bit integers",
        deserialize_u128: "128-bit integers",
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let types::Bytes(bytes) = self.item::<types::Bytes<&'de [u8]>>()?;
        visitor.visit_borrowed_bytes(bytes)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let value = match self.enter()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(&mut *self),
            _ => Err(DecodeError::malformed("an option of more than one value")),
        }?;
        self.leave();
        Ok(value)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.enter()? {
            0 => {
                self.leave();
                visitor.visit_unit()
            }
            _ => Err(DecodeError::malformed("a unit with elements")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.array(None, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.array(Some(len), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.array(Some(len), visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.array(Some(fields.len()), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let fields = match self.enter()?.checked_sub(1) {
            Some(fields) => fields,
            None => return Err(DecodeError::malformed("a variant without an index")),
        };
        let value = visitor.visit_enum(Variant {
            input: self,
            fields,
        })?;
        self.leave();
        Ok(value)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of an array that have not been read yet.
struct Elements<'a, 'de> {
    input: &'a mut Input<'de>,
    left: usize,
}

impl<'de> de::SeqAccess<'de> for Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        match self.left.checked_sub(1) {
            None => Ok(None),
            Some(left) => {
                self.left = left;
                seed.deserialize(&mut *self.input).map(Some)
            }
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.min(ROOM_MAX))
    }
}

/// A variant whose array has been entered: its index comes next, then its fields.
struct Variant<'a, 'de> {
    input: &'a mut Input<'de>,
    fields: usize,
}

impl Variant<'_, '_> {
    fn expect(&self, fields: usize) -> Result<(), DecodeError> {
        if self.fields == fields {
            Ok(())
        } else {
            Err(DecodeError::malformed(
                "a variant with another number of fields",
            ))
        }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let index: U64Deserializer<DecodeError> = self.input.item::<u64>()?.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        self.expect(0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        self.expect(1)?;
        seed.deserialize(self.input)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.expect(len)?;
        self.input.elements(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.tuple_variant(fields.len(), visitor)
    }
}
