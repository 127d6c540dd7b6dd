#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard over types refuses"
)]

use std::fmt::{self, Display as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde::de::{self, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use wasmtime::component::Val;

use super::parts::{Rest, named, positional};
use super::path::Cursor;
use crate::types::text::{closest, quoted};
use crate::types::{Case, Expected, WitType};

/// One value of a known type.
#[derive(Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) cursor: &'a Cursor,
    pub(super) ty: &'a WitType,
}

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Val;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Val, D::Error> {
        self.cursor.count(1)?;
        match self.ty {
            WitType::Option(_) => json.deserialize_option(self),
            // Read from the text itself: through a double an `f32` could be rounded twice, and a number
            // that is too large has to be refused with its place.
            WitType::F32 | WitType::F64 => {
                let raw = <&RawValue>::deserialize(json)?;
                if !raw
                    .get()
                    .starts_with(|c: char| c == '-' || c.is_ascii_digit())
                {
                    return serde_json::Deserializer::from_str(raw.get())
                        .deserialize_any(self)
                        .map_err(D::Error::custom);
                }
                let number = match self.ty {
                    WitType::F32 => raw.get().parse().ok().map(Val::Float32),
                    _ => raw.get().parse().ok().map(Val::Float64),
                };
                match number {
                    Some(Val::Float32(number)) if number.is_finite() => Ok(Val::Float32(number)),
                    Some(Val::Float64(number)) if number.is_finite() => Ok(Val::Float64(number)),
                    _ => Err(self.wrong(raw.get())),
                }
            }
            _ => json.deserialize_any(self),
        }
    }
}

impl<'a> Typed<'a> {
    fn of<'b>(&self, ty: &'b WitType) -> Typed<'b>
    where
        'a: 'b,
    {
        Typed {
            cursor: self.cursor,
            ty,
        }
    }

    pub(super) fn wrong<E: de::Error>(&self, found: impl fmt::Display) -> E {
        self.cursor.wrong(Expected(self.ty), found)
    }

    /// The integer types, from whatever number was read.
    fn integer<E: de::Error>(&self, number: i128) -> Result<Val, E> {
        fn fit<T: TryFrom<i128>>(number: i128, wrap: fn(T) -> Val) -> Option<Val> {
            T::try_from(number).ok().map(wrap)
        }
        let value = match self.ty {
            WitType::U8 => fit(number, Val::U8),
            WitType::U16 => fit(number, Val::U16),
            WitType::U32 => fit(number, Val::U32),
            WitType::U64 => fit(number, Val::U64),
            WitType::S8 => fit(number, Val::S8),
            WitType::S16 => fit(number, Val::S16),
            WitType::S32 => fit(number, Val::S32),
            WitType::S64 => fit(number, Val::S64),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest double is what JSON means"
            )]
            WitType::F64 => Some(Val::Float64(number as f64)),
            _ => None,
        };
        value.ok_or_else(|| self.wrong(number))
    }

    /// A 64-bit integer written as a string, in its one canonical form.
    fn integer_text<E: de::Error>(&self, digits: &str) -> Result<Val, E> {
        match digits.parse::<i128>() {
            Ok(number) if number.to_string() == digits => self.integer(number),
            _ => Err(self.wrong(format_args!("{digits:?}"))),
        }
    }

    fn one_of<E: de::Error>(&self, names: Names<'_>, found: &str) -> Result<String, E> {
        self.cursor.count_search(names.len())?;
        if names.iter().any(|name| name == found) {
            return Ok(found.to_owned());
        }
        let known: Vec<&str> = names.iter().collect();
        let hint = closest(&known, found).map(|name| format!("did you mean `{name}`?"));
        Err(self.cursor.wrong_with(
            format_args!("one of {}", quoted(&known)),
            format_args!("{found:?}"),
            hint,
        ))
    }
}

impl<'de> Visitor<'de> for Typed<'_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Expected(self.ty).fmt(f)
    }

    fn visit_bool<E: de::Error>(self, found: bool) -> Result<Val, E> {
        match self.ty {
            WitType::Bool => Ok(Val::Bool(found)),
            _ => Err(self.wrong(found)),
        }
    }

    fn visit_i64<E: de::Error>(self, found: i64) -> Result<Val, E> {
        self.integer(found.into())
    }

    fn visit_u64<E: de::Error>(self, found: u64) -> Result<Val, E> {
        self.integer(found.into())
    }

    fn visit_f64<E: de::Error>(self, found: f64) -> Result<Val, E> {
        // JSON does not tell `1.0` from `1`, and neither do its schemas. Beyond 2^53 a double stands for
        // several integers, so there it is refused.
        if found.fract() == 0.0 && found.abs() <= 9_007_199_254_740_991.0 {
            return self.integer(whole(found));
        }
        Err(self.wrong(format_args!("{found:?}")))
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Val, E> {
        let wrong = || self.wrong(format_args!("{found:?}"));
        match self.ty {
            WitType::String => Ok(Val::String(found.to_owned())),
            WitType::Char => {
                let mut characters = found.chars();
                match (characters.next(), characters.next()) {
                    (Some(one), None) => Ok(Val::Char(one)),
                    _ => Err(wrong()),
                }
            }
            WitType::Enum(names) => self.one_of(Names::Plain(names), found).map(Val::Enum),
            WitType::S64 | WitType::U64 => self.integer_text(found),
            WitType::F32 => special(found).map(Val::Float32).ok_or_else(wrong),
            WitType::F64 => special(found)
                .map(|number| Val::Float64(number.into()))
                .ok_or_else(wrong),
            WitType::List(inner) if **inner == WitType::U8 => {
                let bytes = STANDARD.decode(found).map_err(|_| wrong())?;
                self.cursor.count(bytes.len())?;
                Ok(Val::List(bytes.into_iter().map(Val::U8).collect()))
            }
            _ => Err(wrong()),
        }
    }

    fn visit_unit<E: de::Error>(self) -> Result<Val, E> {
        match self.ty {
            WitType::Option(_) => Ok(Val::Option(None)),
            _ => Err(self.wrong("null")),
        }
    }

    fn visit_none<E: de::Error>(self) -> Result<Val, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, json: D) -> Result<Val, D::Error> {
        let WitType::Option(inner) = self.ty else {
            return Err(self.wrong("a value"));
        };
        let value = if matches!(**inner, WitType::Option(_)) {
            json.deserialize_any(Some_(self.of(inner), self))?
        } else {
            self.of(inner).deserialize(json)?
        };
        Ok(Val::Option(Some(Box::new(value))))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Val, S::Error> {
        match self.ty {
            WitType::List(inner) => {
                let mut values = Vec::new();
                while let Some(value) = self
                    .cursor
                    .in_index(values.len(), || seq.next_element_seed(self.of(inner)))?
                {
                    values.push(value);
                }
                Ok(Val::List(values))
            }
            WitType::Tuple(types) => {
                let types: Vec<&WitType> = types.iter().collect();
                positional(self.cursor, &types, Rest::Needed, seq, &Expected(self.ty))
                    .map(Val::Tuple)
            }
            WitType::Flags(names) => {
                let mut set: Vec<String> = Vec::new();
                let names = Names::Plain(names);
                while let Some(name) = self
                    .cursor
                    .in_index(set.len(), || seq.next_element_seed(Flag(self, names)))?
                {
                    self.cursor.count_search(set.len())?;
                    if set.contains(&name) {
                        return Err(self
                            .cursor
                            .wrong("each flag once", format_args!("{name:?} twice")));
                    }
                    set.push(name);
                }
                Ok(Val::Flags(set))
            }
            _ => Err(self.wrong("an array")),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Val, M::Error> {
        match self.ty {
            WitType::Record(fields) => {
                let fields: Vec<(&str, &WitType)> = fields
                    .iter()
                    .map(|field| (field.name.as_str(), &field.ty))
                    .collect();
                let values = named(self.cursor, "field", &fields, map)?;
                let names = fields.into_iter().map(|(name, _)| name.to_owned());
                Ok(Val::Record(names.zip(values).collect()))
            }
            WitType::Variant(_) => self.variant(map),
            WitType::Result { ok, err } => self.result(ok.as_deref(), err.as_deref(), map),
            _ => Err(self.wrong("an object")),
        }
    }
}

impl<'a> Typed<'a> {
    fn variant<'de, M: MapAccess<'de>>(self, mut map: M) -> Result<Val, M::Error> {
        let WitType::Variant(cases) = self.ty else {
            return Err(self.wrong("an object"));
        };
        let names = Names::Cases(cases);
        let mut tag: Option<String> = None;
        // The value may come first, before its type is known.
        let mut value: Option<&RawValue> = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match &*key {
                "tag" if tag.is_none() => {
                    tag = Some(
                        self.cursor
                            .in_key("tag", || map.next_value_seed(Flag(self, names)))?,
                    );
                }
                "value" if value.is_none() => value = Some(map.next_value()?),
                "tag" | "value" => {
                    return Err(self
                        .cursor
                        .wrong("each key once", format_args!("{key:?} twice")));
                }
                other => return Err(self.wrong(format_args!("an unknown key {other:?}"))),
            }
        }
        let Some(tag) = tag else {
            return Err(self.wrong("an object without \"tag\""));
        };
        let payload = cases
            .iter()
            .find(|case| case.name == tag)
            .and_then(|case| case.ty.as_ref());
        let value = match (payload, value) {
            (None, None) => None,
            (None, Some(raw)) if raw.get() == "null" => None,
            (None, Some(_)) => {
                return Err(self
                    .cursor
                    .wrong(format_args!("no value for `{tag}`"), "a value"));
            }
            (Some(ty), Some(raw)) => Some(Box::new(self.later(ty, "value", raw)?)),
            (Some(WitType::Option(_)), None) => Some(Box::new(Val::Option(None))),
            (Some(ty), None) => {
                return Err(self.cursor.wrong(
                    format_args!("\"value\" for `{tag}`: {}", Expected(ty)),
                    "nothing",
                ));
            }
        };
        Ok(Val::Variant(tag, value))
    }

    fn result<'de, M: MapAccess<'de>>(
        self,
        ok: Option<&WitType>,
        err: Option<&WitType>,
        mut map: M,
    ) -> Result<Val, M::Error> {
        let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? else {
            return Err(self.wrong("an empty object"));
        };
        let (key, payload) = match &*key {
            "ok" => ("ok", ok),
            "err" => ("err", err),
            other => return Err(self.wrong(format_args!("an unknown key {other:?}"))),
        };
        let value = self.cursor.in_key(key, || match payload {
            Some(ty) => map
                .next_value_seed(self.of_any(ty))
                .map(|value| Some(Box::new(value))),
            None => match map.next_value::<&RawValue>()?.get() {
                "null" => Ok(None),
                found => Err(self.cursor.wrong("null: there is no payload", found)),
            },
        })?;
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(self.wrong("more than one key"));
        }
        Ok(Val::Result(if key == "ok" {
            Ok(value)
        } else {
            Err(value)
        }))
    }

    fn of_any<'b>(&self, ty: &'b WitType) -> Typed<'b>
    where
        'a: 'b,
    {
        Typed {
            cursor: self.cursor,
            ty,
        }
    }

    /// Reads a value whose text was set aside.
    fn later<E: de::Error>(&self, ty: &WitType, key: &str, raw: &RawValue) -> Result<Val, E> {
        self.cursor.in_key(key, || {
            let mut json = serde_json::Deserializer::from_str(raw.get());
            Typed {
                cursor: self.cursor,
                ty,
            }
            .deserialize(&mut json)
            .map_err(E::custom)
        })
    }
}

/// `{"some": …}`: an option directly inside an option, and the outer one for messages.
struct Some_<'a>(Typed<'a>, Typed<'a>);

impl<'de> Visitor<'de> for Some_<'_> {
    type Value = Val;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Expected(self.1.ty).fmt(f)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Val, M::Error> {
        match map.next_key::<std::borrow::Cow<'_, str>>()?.as_deref() {
            Some("some") => {}
            Some(other) => return Err(self.1.wrong(format_args!("an unknown key {other:?}"))),
            None => return Err(self.1.wrong("an empty object")),
        }
        let value = self
            .1
            .cursor
            .in_key("some", || map.next_value_seed(self.0))?;
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(self.1.wrong("more than one key"));
        }
        Ok(value)
    }

    fn visit_bool<E: de::Error>(self, found: bool) -> Result<Val, E> {
        Err(self.1.wrong(found))
    }

    fn visit_i64<E: de::Error>(self, found: i64) -> Result<Val, E> {
        Err(self.1.wrong(found))
    }

    fn visit_u64<E: de::Error>(self, found: u64) -> Result<Val, E> {
        Err(self.1.wrong(found))
    }

    fn visit_f64<E: de::Error>(self, found: f64) -> Result<Val, E> {
        Err(self.1.wrong(found))
    }

    fn visit_str<E: de::Error>(self, found: &str) -> Result<Val, E> {
        Err(self.1.wrong(format_args!("{found:?}")))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, _: S) -> Result<Val, S::Error> {
        Err(self.1.wrong("an array"))
    }
}

/// The names of an enumeration, of flags, or of the cases of a variant.
#[derive(Clone, Copy)]
enum Names<'a> {
    Plain(&'a [String]),
    Cases(&'a [Case]),
}

impl<'a> Names<'a> {
    fn len(self) -> usize {
        match self {
            Names::Plain(names) => names.len(),
            Names::Cases(cases) => cases.len(),
        }
    }

    fn iter(self) -> impl Iterator<Item = &'a str> {
        let (names, cases): (&[String], &[Case]) = match self {
            Names::Plain(names) => (names, &[]),
            Names::Cases(cases) => (&[], cases),
        };
        let cases = cases.iter().map(|case| case.name.as_str());
        names.iter().map(String::as_str).chain(cases)
    }
}

/// One name out of a list.
struct Flag<'a>(Typed<'a>, Names<'a>);

impl<'de> DeserializeSeed<'de> for Flag<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<String, D::Error> {
        self.0.cursor.count(1)?;
        let raw = <&RawValue>::deserialize(json)?;
        match serde_json::from_str::<String>(raw.get()) {
            Ok(name) => self.0.one_of(self.1, &name),
            Err(_) => Err(self.0.wrong(raw.get())),
        }
    }
}

/// A double without a fraction, as an integer.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it has no fraction and is far inside the range"
)]
fn whole(number: f64) -> i128 {
    number as i128
}

/// The numbers that JSON has no words for.
fn special(text: &str) -> Option<f32> {
    match text {
        "NaN" => Some(f32::NAN),
        "Infinity" => Some(f32::INFINITY),
        "-Infinity" => Some(f32::NEG_INFINITY),
        _ => None,
    }
}
