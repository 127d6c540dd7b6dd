//! Canonical JSON, as values of Cedar.
//!
//! | WIT | Cedar |
//! | --- | --- |
//! | `bool`, `char`, `string`, `enum` | `Bool`, `String` |
//! | integers | `Long`; a `u64` beyond it becomes the greatest one |
//! | `f32`, `f64` | `decimal`, rounded to four digits and clamped to its range; NaN is refused |
//! | `option<T>` | an optional attribute; `{some?}` where it is not one |
//! | `list<T>`; `list<u8>` | `{len, items}`, the items as a set; `{len}` |
//! | `record`, `tuple` | a record, the tuple's attributes named `0`, `1`, … |
//! | `variant` | `{tag, case?…}`; a case `tag` is the attribute `tag_` |
//! | `result` | `{ok?, err?}`, with `true` where there is no payload |
//! | `flags` | a set of names |

use cedar_policy::RestrictedExpression;
use serde_json::Value;

use super::schema::{Shape, case_name};
use crate::types::{Case, WitType};

/// The ends of Cedar's decimals.
const GREATEST: &str = "922337203685477.5807";
const LEAST: &str = "-922337203685477.5808";

/// The first number whose four digits would pass them; the next smaller number of this size ends in `.5`.
const BEYOND: f64 = 922_337_203_685_477.6;

/// Why a value cannot be given to policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// It is NaN.
    #[error("is NaN, which no policy can compare")]
    NotANumber,
    /// It is not of its type. Only a mistake in this engine can make one.
    #[error("is not of its type")]
    WrongType,
}

/// A value as an attribute of a record; `None` for one that is left out.
pub(super) fn attribute(
    value: &Value,
    ty: &WitType,
) -> Result<Option<RestrictedExpression>, Unfit> {
    if let WitType::Option(inner) = ty {
        if value.is_null() {
            return Ok(None);
        }
        return plain(held(value, inner)?, inner);
    }
    plain(value, ty)
}

/// The words of a command, as a value.
pub(super) fn words(value: &Value) -> Result<RestrictedExpression, Unfit> {
    list(value, &WitType::String)
}

/// A value where an optional one cannot be left out; `None` for one of an opaque type.
fn plain(value: &Value, ty: &WitType) -> Result<Option<RestrictedExpression>, Unfit> {
    let expression = match ty {
        WitType::Bool => RestrictedExpression::new_bool(value.as_bool().ok_or(Unfit::WrongType)?),
        WitType::S8
        | WitType::U8
        | WitType::S16
        | WitType::U16
        | WitType::S32
        | WitType::U32
        | WitType::S64
        | WitType::U64 => RestrictedExpression::new_long(integer(value)?),
        WitType::F32 | WitType::F64 => RestrictedExpression::new_decimal(decimal(value)?),
        WitType::Char | WitType::String | WitType::Enum(_) => string(value)?,
        WitType::Flags(_) => RestrictedExpression::new_set(
            array(value)?
                .iter()
                .map(string)
                .collect::<Result<Vec<_>, _>>()?,
        ),
        WitType::List(inner) => list(value, inner)?,
        WitType::Record(fields) => record(fields.iter().map(|field| {
            // A field that is an option may have been left out.
            let value = value.get(&field.name).unwrap_or(&Value::Null);
            Ok((field.name.clone(), attribute(value, &field.ty)?))
        }))?,
        WitType::Tuple(types) => {
            let values = array(value)?;
            if values.len() != types.len() {
                return Err(Unfit::WrongType);
            }
            record(
                values
                    .iter()
                    .zip(types.iter())
                    .enumerate()
                    .map(|(at, (value, ty))| Ok((at.to_string(), attribute(value, ty)?))),
            )?
        }
        WitType::Variant(cases) => variant(value, cases)?,
        // Without this, `none` of something opaque would be there, though the schema has no place for it.
        WitType::Option(inner) if Shape::of(inner).is_none() => return Ok(None),
        WitType::Option(inner) => {
            let some = if value.is_null() {
                None
            } else {
                plain(held(value, inner)?, inner)?
            };
            record([Ok(("some".to_owned(), some))].into_iter())?
        }
        WitType::Result { ok, err } => {
            let (name, value, ty) = match (value.get("ok"), value.get("err")) {
                (Some(value), None) => ("ok", value, ok),
                (None, Some(value)) => ("err", value, err),
                _ => return Err(Unfit::WrongType),
            };
            let payload = match ty {
                Some(ty) => plain(value, ty)?,
                None => None,
            };
            let payload = payload.unwrap_or_else(|| RestrictedExpression::new_bool(true));
            record([Ok((name.to_owned(), Some(payload)))].into_iter())?
        }
        WitType::Opaque(_) => return Ok(None),
    };
    Ok(Some(expression))
}

/// What an option that is there holds: where it holds an option, it is wrapped.
fn held<'a>(value: &'a Value, inner: &WitType) -> Result<&'a Value, Unfit> {
    if matches!(inner, WitType::Option(_)) {
        value.get("some").ok_or(Unfit::WrongType)
    } else {
        Ok(value)
    }
}

fn variant(value: &Value, cases: &[Case]) -> Result<RestrictedExpression, Unfit> {
    let tag = value.get("tag").ok_or(Unfit::WrongType)?;
    let case = cases
        .iter()
        .find(|case| tag.as_str() == Some(&case.name))
        .ok_or(Unfit::WrongType)?;
    let payload = match &case.ty {
        Some(ty) => plain(value.get("value").ok_or(Unfit::WrongType)?, ty)?,
        None => None,
    };
    let fields = [
        Ok(("tag".to_owned(), Some(string(tag)?))),
        Ok((case_name(&case.name).to_owned(), payload)),
    ];
    record(fields.into_iter())
}

fn list(value: &Value, inner: &WitType) -> Result<RestrictedExpression, Unfit> {
    let length = |length: usize| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        Ok((
            "len".to_owned(),
            Some(RestrictedExpression::new_long(length)),
        ))
    };
    if let (WitType::U8, Value::String(base64)) = (inner, value) {
        let padding = base64
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'=')
            .count();
        let bytes = (base64.len() / 4 * 3).saturating_sub(padding);
        return record([length(bytes)].into_iter());
    }
    let values = array(value)?;
    let mut fields = vec![length(values.len())];
    if *inner != WitType::U8 {
        let items: Vec<Option<RestrictedExpression>> = values
            .iter()
            .map(|value| plain(value, inner))
            .collect::<Result<_, _>>()?;
        // An opaque type has no items, and an empty list of it has no set of them either.
        if Shape::of(inner).is_some() {
            let items = RestrictedExpression::new_set(items.into_iter().flatten());
            fields.push(Ok(("items".to_owned(), Some(items))));
        }
    }
    record(fields.into_iter())
}

fn record(
    fields: impl Iterator<Item = Result<(String, Option<RestrictedExpression>), Unfit>>,
) -> Result<RestrictedExpression, Unfit> {
    let mut present = Vec::new();
    for field in fields {
        if let (name, Some(value)) = field? {
            present.push((name, value));
        }
    }
    RestrictedExpression::new_record(present).map_err(|_| Unfit::WrongType)
}

fn array(value: &Value) -> Result<&Vec<Value>, Unfit> {
    value.as_array().ok_or(Unfit::WrongType)
}

fn string(value: &Value) -> Result<RestrictedExpression, Unfit> {
    let text = value.as_str().ok_or(Unfit::WrongType)?;
    Ok(RestrictedExpression::new_string(text.to_owned()))
}

/// An integer: a number, or a string where a number would not be exact for every reader.
fn integer(value: &Value) -> Result<i64, Unfit> {
    let number = match value.as_str() {
        Some(text) => text.parse().ok(),
        None => {
            let signed = value.as_i64().map(i128::from);
            signed.or_else(|| value.as_u64().map(i128::from))
        }
    };
    let number = number.ok_or(Unfit::WrongType)?;
    let clamped = number.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(clamped).map_err(|_| Unfit::WrongType)
}

fn decimal(value: &Value) -> Result<String, Unfit> {
    let number = match value.as_str() {
        Some("NaN") => return Err(Unfit::NotANumber),
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        Some(_) => return Err(Unfit::WrongType),
        None => value.as_f64().ok_or(Unfit::WrongType)?,
    };
    Ok(if number >= BEYOND {
        GREATEST.to_owned()
    } else if number <= -BEYOND {
        LEAST.to_owned()
    } else {
        format!("{number:.4}")
    })
}

#[cfg(test)]
pub(super) mod tests;
