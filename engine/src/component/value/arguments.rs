use std::fmt::{self, Display as _};
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use wasmtime::component::Val;

use super::encode::encode_until;
use super::item::{Item, Read};
use super::parts::{Rest, named, positional};
use super::path::Cursor;
use crate::types::text::{self, quoted};
use crate::types::{Bytes, Digest, Fault, FaultKind, Function, Gives, Parameter, Phase, WitType};

/// The largest text of arguments, 64 MiB.
const LARGEST: Bytes = Bytes::mib(64);

/// The arguments of one call, of the types its function takes.
#[derive(Debug)]
pub(crate) struct Arguments {
    given: Given,
    words: Vec<String>,
    digest: Digest,
}

/// What a function is called with.
#[derive(Debug)]
pub(in crate::component) enum Given {
    /// Values of any type.
    Values(Vec<Val>),
    /// Text and bytes, for a function whose values cross in bulk, with what it gives back.
    Bulk(Vec<Item>, Gives),
}

impl Arguments {
    /// Reads arguments from JSON: an object by parameter name, or an array by position.
    ///
    /// # Errors
    ///
    /// Faults with the code `E-INVALID-ARGS`, which name the place, what is expected there and what was
    /// found; `E-INVALID-FUNCTION` if the function cannot be called with JSON at all.
    pub(crate) fn decode(function: &Function, json: &str) -> Result<Self, Fault> {
        decode(function, json).map_err(|fault| fault.at(Phase::Decide))
    }

    pub(in crate::component) fn given(&self) -> &Given {
        &self.given
    }

    fn new(given: Given, words: Vec<String>) -> Self {
        let digest = super::digest::digest(&given, &words);
        Self {
            given,
            words,
            digest,
        }
    }

    /// The arguments of a command: its words, which are no values of a function. The first is the program's own name.
    pub(crate) fn words(words: Vec<String>) -> Self {
        Self::new(Given::Values(Vec::new()), words)
    }

    /// The optional parameters that have no value.
    pub(crate) fn absent(&self, function: Option<&Function>) -> Vec<String> {
        let parameters = function.map_or(&[][..], |function| &function.parameters);
        let Given::Values(values) = &self.given else {
            // Only options can be left out, and none of them crosses in bulk.
            return Vec::new();
        };
        let given = parameters.iter().zip(values);
        given
            .filter(|(_, value)| matches!(value, Val::Option(None)))
            .map(|(parameter, _)| parameter.name.clone())
            .collect()
    }

    /// The digest of the very values that are handed to the guest, the name of a program with them: some do one thing
    /// under one name and another under another.
    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// The arguments in their one canonical form: an object by parameter name, every field there; for a
    /// command the list of its words, without the program's own name.
    pub(crate) fn canonical(&self, function: Option<&Function>) -> Value {
        let Some(function) = function else {
            return Value::from(self.words.get(1..).unwrap_or_default());
        };
        let names = function.parameters.iter().map(|parameter| &parameter.name);
        let values: Vec<Value> = match &self.given {
            Given::Values(values) => {
                let parameters = function.parameters.iter().zip(values);
                parameters
                    .map(|(parameter, value)| canonical(value, &parameter.ty))
                    .collect()
            }
            Given::Bulk(items, _) => items
                .iter()
                .map(|item| match item {
                    Item::Text(text) => Value::from(text.as_str()),
                    Item::Bytes(bytes) => Value::from(STANDARD.encode(bytes)),
                })
                .collect(),
        };
        Value::Object(names.cloned().zip(values).collect())
    }
}

/// One value in its canonical form.
fn canonical(value: &Val, ty: &WitType) -> Value {
    if let Val::String(text) = value {
        return Value::from(text.as_str());
    }
    // Values that were read from JSON have a JSON form.
    let text = encode_until(value, ty, usize::MAX, || None::<()>);
    text.ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or(Value::Null)
}

fn decode(function: &Function, json: &str) -> Result<Arguments, Fault> {
    if let Some(reason) = function.obstacle() {
        return Err(Fault::new(FaultKind::Uncallable {
            function: function.full_name(),
            reason,
        })
        .hint("it can be called by other components, but not with JSON"));
    }
    if Bytes::of_len(json.len()) > LARGEST {
        return Err(Fault::new(FaultKind::Argument {
            pointer: String::new(),
            expected: format!("at most {LARGEST} of arguments"),
            found: format!("{} bytes", json.len()),
        }));
    }
    let given = match function.in_bulk() {
        Some(gives) => whole(function, json).map(|items| Given::Bulk(items, gives)),
        None => whole(function, json).map(Given::Values),
    };
    given.map(|given| Arguments::new(given, Vec::new()))
}

fn whole<T: Read>(function: &Function, json: &str) -> Result<Vec<T>, Fault> {
    let cursor = Cursor::default();
    let mut json = serde_json::Deserializer::from_str(json);
    let read = Whole {
        cursor: &cursor,
        function,
        read: PhantomData,
    }
    .deserialize(&mut json)
    .and_then(|values| json.end().map(|()| values));
    read.map_err(|error| {
        cursor
            .fault(&error)
            .hint(format!("`{}`", text::line(&function.to_string(), 400)))
    })
}

/// All arguments of a function.
struct Whole<'a, T> {
    cursor: &'a Cursor,
    function: &'a Function,
    read: PhantomData<T>,
}

impl<'de, T: Read> DeserializeSeed<'de> for Whole<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<T>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a, T> Whole<'a, T> {
    fn expected(&self) -> impl fmt::Display + use<'a, T> {
        let parameters = &self.function.parameters;
        let names: Vec<&str> = parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        match names.as_slice() {
            [] => "no arguments: `{}` or `[]`".to_owned(),
            names => format!(
                "an object with {} or an array of {}",
                quoted(names),
                names.len()
            ),
        }
    }
}

impl<'de, T: Read> Visitor<'de> for Whole<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected().fmt(f)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Vec<T>, M::Error> {
        let fields: Vec<(&str, &WitType)> = self
            .function
            .parameters
            .iter()
            .map(|Parameter { name, ty }| (name.as_str(), ty))
            .collect();
        named(self.cursor, "parameter", &fields, map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Vec<T>, S::Error> {
        let types: Vec<&WitType> = self
            .function
            .parameters
            .iter()
            .map(|parameter| &parameter.ty)
            .collect();
        positional(self.cursor, &types, Rest::Optional, seq, &self.expected())
    }

    fn visit_bool<E: de::Error>(self, found: bool) -> Result<Vec<T>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_i64<E: de::Error>(self, found: i64) -> Result<Vec<T>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_u64<E: de::Error>(self, found: u64) -> Result<Vec<T>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_f64<E: de::Error>(self, found: f64) -> Result<Vec<T>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Vec<T>, E> {
        Err(self
            .cursor
            .wrong(self.expected(), format_args!("{found:?}")))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<T>, E> {
        Err(self.cursor.wrong(self.expected(), "null"))
    }
}

#[cfg(test)]
mod tests;
