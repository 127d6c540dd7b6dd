//! What records, tuples and the arguments of a function have in common.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess};

use super::item::Read;
use super::path::Cursor;
use super::typed::Typed;
use crate::types::text::{closest, quoted};
use crate::types::{Expected, WitType};

/// One value of a known type, whatever it is read into.
struct Reading<'a, T>(Typed<'a>, PhantomData<T>);

impl<'a, T> Reading<'a, T> {
    fn new(cursor: &'a Cursor, ty: &'a WitType) -> Self {
        Self(Typed { cursor, ty }, PhantomData)
    }
}

impl<'de, T: Read> DeserializeSeed<'de> for Reading<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<T, D::Error> {
        T::read(self.0, json)
    }
}

/// Reads named values in any order, and returns them in the order of their declaration.
pub(super) fn named<'de, T: Read, M: MapAccess<'de>>(
    cursor: &Cursor,
    kind: &str,
    fields: &[(&str, &WitType)],
    mut map: M,
) -> Result<Vec<T>, M::Error> {
    let mut values: Vec<Option<T>> = fields.iter().map(|_| None).collect();
    while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
        cursor.count_search(fields.len())?;
        let position = fields.iter().position(|(name, _)| *name == key);
        let Some((slot, (_, ty))) =
            position.and_then(|at| Some((values.get_mut(at)?, fields.get(at)?)))
        else {
            let known: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            let hint = closest(&known, &key).map(|name| format!("did you mean `{name}`?"));
            let expected = match known.as_slice() {
                [] => format!("no {kind}"),
                [_] => format!("the {kind} {}", quoted(&known)),
                known => format!("the {kind}s {}", quoted(known)),
            };
            return Err(cursor.wrong_with(
                expected,
                format_args!("an unknown {kind} {key:?}"),
                hint,
            ));
        };
        if slot.is_some() {
            return Err(cursor.wrong(
                format_args!("each {kind} once"),
                format_args!("{key:?} twice"),
            ));
        }
        *slot = Some(cursor.in_key(&key, || map.next_value_seed(Reading::new(cursor, ty)))?);
    }
    fields
        .iter()
        .zip(values)
        .map(|((name, ty), value)| match value {
            Some(value) => Ok(value),
            None => T::absent(ty).ok_or_else(|| {
                cursor.wrong(
                    format_args!("the {kind} `{name}`: {}", Expected(ty)),
                    "nothing",
                )
            }),
        })
        .collect()
}

/// Whether values at the end may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// None of them.
    Needed,
    /// Those that are options, as in an object.
    Optional,
}

/// Reads as many values as there are types.
pub(super) fn positional<'de, T: Read, S: SeqAccess<'de>>(
    cursor: &Cursor,
    types: &[&WitType],
    rest: Rest,
    mut seq: S,
    expected: &dyn fmt::Display,
) -> Result<Vec<T>, S::Error> {
    let mut values = Vec::with_capacity(types.len());
    for (index, ty) in types.iter().enumerate() {
        match cursor.in_index(index, || seq.next_element_seed(Reading::new(cursor, ty)))? {
            Some(value) => values.push(value),
            None => match T::absent(ty) {
                Some(absent) if rest == Rest::Optional => values.push(absent),
                Some(_) | None => {
                    return Err(cursor.wrong(expected, format_args!("an array of {index}")));
                }
            },
        }
    }
    if seq.next_element::<de::IgnoredAny>()?.is_some() {
        return Err(cursor.wrong(
            expected,
            format_args!("an array of more than {}", types.len()),
        ));
    }
    Ok(values)
}
