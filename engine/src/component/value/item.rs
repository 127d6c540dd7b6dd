//! Values that cross in bulk: text, and bytes, which would be 40 times as large as values of wasmtime.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use wasmtime::component::Val;

use super::typed::Typed;
use crate::types::{Kind, WitType};

/// Text or bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::component) enum Item {
    Text(String),
    Bytes(Vec<u8>),
}

/// What can be read from JSON, given its type.
pub(super) trait Read: Sized {
    fn read<'de, D: Deserializer<'de>>(typed: Typed<'_>, json: D) -> Result<Self, D::Error>;

    /// The value of this type that may be left out.
    fn absent(ty: &WitType) -> Option<Self>;
}

impl Read for Val {
    fn read<'de, D: Deserializer<'de>>(typed: Typed<'_>, json: D) -> Result<Self, D::Error> {
        typed.deserialize(json)
    }

    fn absent(ty: &WitType) -> Option<Self> {
        matches!(ty, WitType::Option(_)).then_some(Val::Option(None))
    }
}

impl Read for Item {
    fn read<'de, D: Deserializer<'de>>(typed: Typed<'_>, json: D) -> Result<Self, D::Error> {
        if Kind::of(typed.ty) == Some(Kind::Bytes) {
            typed.cursor.count(1)?;
            return json.deserialize_any(BytesOf(typed)).map(Item::Bytes);
        }
        let value = typed.deserialize(json)?;
        if let Val::String(text) = value {
            Ok(Item::Text(text))
        } else {
            Err(typed.wrong("another value"))
        }
    }

    fn absent(_: &WitType) -> Option<Self> {
        None
    }
}

/// Reads bytes: from base64, or from an array of numbers as any other list.
struct BytesOf<'a>(Typed<'a>);

impl BytesOf<'_> {
    fn bytes<E: de::Error>(&self, value: Val) -> Result<Vec<u8>, E> {
        let wrong = || self.0.wrong("another value");
        let Val::List(values) = value else {
            return Err(wrong());
        };
        values
            .into_iter()
            .map(|value| {
                if let Val::U8(byte) = value {
                    Ok(byte)
                } else {
                    Err(wrong())
                }
            })
            .collect()
    }
}

impl<'de> Visitor<'de> for BytesOf<'_> {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Vec<u8>, E> {
        STANDARD
            .decode(found)
            .map_err(|_| self.0.wrong(format_args!("{found:?}")))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Vec<u8>, S::Error> {
        let value = self.0.visit_seq(seq)?;
        self.bytes(value)
    }

    fn visit_bool<E: de::Error>(self, found: bool) -> Result<Vec<u8>, E> {
        let value = self.0.visit_bool(found)?;
        self.bytes(value)
    }

    fn visit_i64<E: de::Error>(self, found: i64) -> Result<Vec<u8>, E> {
        let value = self.0.visit_i64(found)?;
        self.bytes(value)
    }

    fn visit_u64<E: de::Error>(self, found: u64) -> Result<Vec<u8>, E> {
        let value = self.0.visit_u64(found)?;
        self.bytes(value)
    }

    fn visit_f64<E: de::Error>(self, found: f64) -> Result<Vec<u8>, E> {
        let value = self.0.visit_f64(found)?;
        self.bytes(value)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<u8>, E> {
        let value = self.0.visit_unit()?;
        self.bytes(value)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Vec<u8>, M::Error> {
        let value = self.0.visit_map(map)?;
        self.bytes(value)
    }
}
