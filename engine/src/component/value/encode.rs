use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wasmtime::component::Val;

use super::item::Item;
use crate::types::{Case, WitType, text};

/// The largest integers that every JSON reader keeps exact: 2^53 − 1.
pub(super) const EXACT: u64 = (1 << 53) - 1;

/// Why a value has no JSON.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::component) enum NoJson<S> {
    /// The text passed its bound.
    TooLong,
    /// The value is not of the type. Only a mistake in this engine can make one.
    WrongType,
    /// Somebody wants it to stop.
    Stopped(S),
}

/// Values that are written between two looks at the clock.
const BETWEEN_LOOKS: u32 = 1024;

/// Writes a value as JSON of at most `most` bytes, unless `stop` says to stop; it is asked now and then.
pub(in crate::component) fn encode_until<S>(
    value: &Val,
    ty: &WitType,
    most: usize,
    stop: impl Fn() -> Option<S>,
) -> Result<String, NoJson<S>> {
    let mut writer = Writer {
        text: String::new(),
        most,
        cases: HashMap::new(),
        written: 0,
        stop: &|| stop().map_or(Ok(()), |stop| Err(NoJson::Stopped(stop))),
    };
    writer.value(value, ty)?;
    Ok(writer.text)
}

/// Writes text or bytes as JSON of at most `most` bytes.
pub(in crate::component) fn encode_item<S>(item: &Item, most: usize) -> Result<String, NoJson<S>> {
    match item {
        Item::Text(text) => {
            let mut quoted = String::new();
            quote(text, most, &mut quoted)?;
            Ok(quoted)
        }
        Item::Bytes(bytes) => {
            let length =
                base64::encoded_len(bytes.len(), true).and_then(|length| length.checked_add(2));
            let length = length
                .filter(|length| *length <= most)
                .ok_or(NoJson::TooLong)?;
            let mut text = String::with_capacity(length);
            text.push('"');
            STANDARD.encode_string(bytes, &mut text);
            text.push('"');
            Ok(text)
        }
    }
}

/// Writes text as a JSON string at the end of `to`, which then has at most `most` bytes.
fn quote<S>(text: &str, most: usize, to: &mut String) -> Result<(), NoJson<S>> {
    // Checked before anything is copied: a guest chooses how long its text is.
    let room = most.saturating_sub(to.len());
    let least = text.len().saturating_add(2);
    if least > room {
        return Err(NoJson::TooLong);
    }
    if text::is_written_plain(text) {
        to.reserve(least);
        to.push('"');
        to.push_str(text);
        to.push('"');
        return Ok(());
    }
    let quoted = serde_json::to_string(text).map_err(|_| NoJson::WrongType)?;
    if quoted.len() > room {
        return Err(NoJson::TooLong);
    }
    if to.is_empty() {
        *to = quoted;
    } else {
        to.push_str(&quoted);
    }
    Ok(())
}

/// Writes a value as JSON without anybody to stop it.
#[cfg(test)]
pub(in crate::component) fn encode(
    value: &Val,
    ty: &WitType,
    most: usize,
) -> Result<String, NoJson<()>> {
    encode_until(value, ty, most, || None)
}

struct Writer<'a, S> {
    text: String,
    most: usize,
    /// The cases of each variant type by name: a guest chooses how many there are.
    cases: HashMap<*const Case, HashMap<&'a str, &'a Case>>,
    written: u32,
    stop: &'a dyn Fn() -> Result<(), NoJson<S>>,
}

/// What a float is, for JSON.
enum Float {
    Finite(Option<String>),
    Nan,
    Infinite { negative: bool },
}

impl<'a, S> Writer<'a, S> {
    fn push(&mut self, text: &str) -> Result<(), NoJson<S>> {
        if text.len() > self.most.saturating_sub(self.text.len()) {
            return Err(NoJson::TooLong);
        }
        self.text.push_str(text);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), NoJson<S>> {
        quote(text, self.most, &mut self.text)
    }

    fn integer(&mut self, number: impl Into<i128>) -> Result<(), NoJson<S>> {
        let number = number.into();
        if number.unsigned_abs() > u128::from(EXACT) {
            self.push(&format!("\"{number}\""))
        } else {
            self.push(&number.to_string())
        }
    }

    fn float(&mut self, float: Float) -> Result<(), NoJson<S>> {
        match float {
            Float::Finite(shortest) => self.push(&shortest.ok_or(NoJson::WrongType)?),
            Float::Nan => self.push("\"NaN\""),
            Float::Infinite { negative: false } => self.push("\"Infinity\""),
            Float::Infinite { negative: true } => self.push("\"-Infinity\""),
        }
    }

    /// The case of a variant that a value names.
    fn case(&mut self, cases: &'a [Case], tag: &str) -> Option<&'a Case> {
        if cases.len() <= 16 {
            return cases.iter().find(|case| case.name == tag);
        }
        self.cases
            .entry(cases.as_ptr())
            .or_insert_with(|| {
                cases
                    .iter()
                    .map(|case| (case.name.as_str(), case))
                    .collect()
            })
            .get(tag)
            .copied()
    }

    fn value(&mut self, value: &Val, ty: &'a WitType) -> Result<(), NoJson<S>> {
        self.written = self.written.wrapping_add(1);
        if self.written.is_multiple_of(BETWEEN_LOOKS) {
            (self.stop)()?;
        }
        match (value, ty) {
            (Val::Bool(value), WitType::Bool) => self.push(if *value { "true" } else { "false" }),
            (Val::S8(number), WitType::S8) => self.integer(*number),
            (Val::U8(number), WitType::U8) => self.integer(*number),
            (Val::S16(number), WitType::S16) => self.integer(*number),
            (Val::U16(number), WitType::U16) => self.integer(*number),
            (Val::S32(number), WitType::S32) => self.integer(*number),
            (Val::U32(number), WitType::U32) => self.integer(*number),
            (Val::S64(number), WitType::S64) => self.integer(*number),
            (Val::U64(number), WitType::U64) => self.integer(*number),
            (Val::Float32(number), WitType::F32) => self.float(match number {
                number if number.is_finite() => Float::Finite(serde_json::to_string(number).ok()),
                number if number.is_nan() => Float::Nan,
                number => Float::Infinite {
                    negative: *number < 0.0,
                },
            }),
            (Val::Float64(number), WitType::F64) => self.float(match number {
                number if number.is_finite() => Float::Finite(serde_json::to_string(number).ok()),
                number if number.is_nan() => Float::Nan,
                number => Float::Infinite {
                    negative: *number < 0.0,
                },
            }),
            (Val::Char(one), WitType::Char) => self.string(one.encode_utf8(&mut [0; 4])),
            (Val::String(text), WitType::String) => self.string(text),
            (Val::Enum(name), WitType::Enum(_)) => self.string(name),
            (Val::List(values), WitType::List(inner)) if **inner == WitType::U8 => {
                self.bytes(values)
            }
            (Val::List(values), WitType::List(inner)) => {
                self.array(values.iter().map(|value| (value, &**inner)))
            }
            (Val::Tuple(values), WitType::Tuple(types)) if values.len() == types.len() => {
                self.array(values.iter().zip(types.iter()))
            }
            (Val::Flags(names), WitType::Flags(declared)) => {
                // In the order of the declaration, whatever the guest's was.
                self.push("[")?;
                let set: HashSet<&str> = names.iter().map(String::as_str).collect();
                for (i, name) in declared
                    .iter()
                    .filter(|name| set.contains(name.as_str()))
                    .enumerate()
                {
                    self.comma(i)?;
                    self.string(name)?;
                }
                self.push("]")
            }
            (Val::Record(values), WitType::Record(fields)) if values.len() == fields.len() => {
                self.push("{")?;
                for (i, ((_, value), field)) in values.iter().zip(fields.iter()).enumerate() {
                    self.comma(i)?;
                    self.string(&field.name)?;
                    self.push(":")?;
                    self.value(value, &field.ty)?;
                }
                self.push("}")
            }
            (Val::Variant(tag, payload), WitType::Variant(cases)) => {
                let case = self.case(cases, tag).ok_or(NoJson::WrongType)?;
                self.push("{\"tag\":")?;
                self.string(tag)?;
                if let (Some(payload), Some(ty)) = (payload, &case.ty) {
                    self.push(",\"value\":")?;
                    self.value(payload, ty)?;
                }
                self.push("}")
            }
            (Val::Option(None), WitType::Option(_)) => self.push("null"),
            (Val::Option(Some(value)), WitType::Option(inner))
                if matches!(**inner, WitType::Option(_)) =>
            {
                self.push("{\"some\":")?;
                self.value(value, inner)?;
                self.push("}")
            }
            (Val::Option(Some(value)), WitType::Option(inner)) => self.value(value, inner),
            (Val::Result(result), WitType::Result { ok, err }) => {
                let (key, payload, ty) = match result {
                    Ok(payload) => ("{\"ok\":", payload, ok),
                    Err(payload) => ("{\"err\":", payload, err),
                };
                self.push(key)?;
                match (payload, ty) {
                    (Some(payload), Some(ty)) => self.value(payload, ty)?,
                    _ => self.push("null")?,
                }
                self.push("}")
            }
            _ => Err(NoJson::WrongType),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a wildcard over values refuses"
    )]
    fn bytes(&mut self, values: &[Val]) -> Result<(), NoJson<S>> {
        if values.len() > self.most {
            return Err(NoJson::TooLong);
        }
        let bytes: Vec<u8> = values
            .iter()
            .map(|value| match value {
                Val::U8(byte) => Ok(*byte),
                _ => Err(NoJson::WrongType),
            })
            .collect::<Result<_, _>>()?;
        self.push("\"")?;
        self.push(&STANDARD.encode(bytes))?;
        self.push("\"")
    }

    fn array<'v>(
        &mut self,
        items: impl Iterator<Item = (&'v Val, &'a WitType)>,
    ) -> Result<(), NoJson<S>> {
        self.push("[")?;
        for (i, (value, ty)) in items.enumerate() {
            self.comma(i)?;
            self.value(value, ty)?;
        }
        self.push("]")
    }

    fn comma(&mut self, position: usize) -> Result<(), NoJson<S>> {
        if position > 0 { self.push(",") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
