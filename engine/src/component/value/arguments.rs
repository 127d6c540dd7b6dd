use std::fmt::{self, Display as _};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use wasmtime::component::Val;

use super::encode::encode_until;
use super::parts::{Rest, named, positional};
use super::path::Cursor;
use crate::types::text::{self, quoted};
use crate::types::{Bytes, Digest, Fault, FaultKind, Function, Parameter, Phase, WitType};

/// The largest text of arguments, 64 MiB.
const LARGEST: Bytes = Bytes::mib(64);

/// The arguments of one call, of the types its function takes.
#[derive(Debug)]
pub(crate) struct Arguments {
    values: Vec<Val>,
    words: Vec<String>,
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

    pub(in crate::component) fn values(&self) -> &[Val] {
        &self.values
    }

    /// The arguments of a command: its words, which are no values of a function. The first is the program's own name.
    pub(crate) fn words(words: Vec<String>) -> Self {
        Self {
            values: Vec::new(),
            words,
        }
    }

    /// The optional parameters that have no value.
    pub(crate) fn absent(&self, function: Option<&Function>) -> Vec<String> {
        let parameters = function.map_or(&[][..], |function| &function.parameters);
        let given = parameters.iter().zip(&self.values);
        given
            .filter(|(_, value)| matches!(value, Val::Option(None)))
            .map(|(parameter, _)| parameter.name.clone())
            .collect()
    }

    /// The digest of the very values that are handed to the guest, the name of a program with them: some do one thing
    /// under one name and another under another.
    pub(crate) fn digest(&self) -> Digest {
        super::digest::digest(&self.values, &self.words)
    }

    /// The arguments in their one canonical form: an object by parameter name, every field there; for a
    /// command the list of its words, without the program's own name.
    pub(crate) fn canonical(&self, function: Option<&Function>) -> Value {
        let Some(function) = function else {
            return Value::from(self.words.get(1..).unwrap_or_default());
        };
        let parameters = function.parameters.iter().zip(&self.values);
        let fields = parameters.map(|(parameter, value)| {
            // Values that were read from JSON have a JSON form.
            let text = encode_until(value, &parameter.ty, usize::MAX, || None::<()>);
            let value = text
                .ok()
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or(Value::Null);
            (parameter.name.clone(), value)
        });
        Value::Object(fields.collect())
    }
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
    let cursor = Cursor::default();
    let mut json = serde_json::Deserializer::from_str(json);
    let read = Whole {
        cursor: &cursor,
        function,
    }
    .deserialize(&mut json)
    .and_then(|values| json.end().map(|()| values));
    read.map(|values| Arguments {
        values,
        words: Vec::new(),
    })
    .map_err(|error| {
        cursor
            .fault(&error)
            .hint(format!("`{}`", text::line(&function.to_string(), 400)))
    })
}

/// All arguments of a function.
struct Whole<'a> {
    cursor: &'a Cursor,
    function: &'a Function,
}

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Vec<Val>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Vec<Val>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Whole<'a> {
    fn expected(&self) -> impl fmt::Display + use<'a> {
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

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Vec<Val>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expected().fmt(f)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Vec<Val>, M::Error> {
        let fields: Vec<(&str, &WitType)> = self
            .function
            .parameters
            .iter()
            .map(|Parameter { name, ty }| (name.as_str(), ty))
            .collect();
        named(self.cursor, "parameter", &fields, map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Vec<Val>, S::Error> {
        let types: Vec<&WitType> = self
            .function
            .parameters
            .iter()
            .map(|parameter| &parameter.ty)
            .collect();
        positional(self.cursor, &types, Rest::Optional, seq, &self.expected())
    }

    fn visit_bool<E: de::Error>(self, found: bool) -> Result<Vec<Val>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_i64<E: de::Error>(self, found: i64) -> Result<Vec<Val>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_u64<E: de::Error>(self, found: u64) -> Result<Vec<Val>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_f64<E: de::Error>(self, found: f64) -> Result<Vec<Val>, E> {
        Err(self.cursor.wrong(self.expected(), found))
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Vec<Val>, E> {
        Err(self
            .cursor
            .wrong(self.expected(), format_args!("{found:?}")))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Vec<Val>, E> {
        Err(self.cursor.wrong(self.expected(), "null"))
    }
}

#[cfg(test)]
mod tests;
