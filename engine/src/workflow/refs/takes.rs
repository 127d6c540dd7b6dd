use std::collections::{HashMap, HashSet};

use crate::types::{Case, Field, WitType};

/// Whether the JSON of every value of one type is taken for the same value of the other.
///
/// So a `u8` fits a `u32`, a `char` a `string`, and an `enum` one with more names; a `list<u8>` fits no
/// `list<u32>`, because it is written as base64.
pub(super) fn takes(to: &WitType, from: &WitType) -> bool {
    use WitType as T;
    match (from, to) {
        (T::Option(from), T::Option(to)) => holds_option(from) == holds_option(to) && takes(to, from),
        (from, T::Option(to)) => !matches!(**to, T::Option(_)) && takes(to, from),
        (T::Bool, T::Bool)
        | (T::Char, T::Char | T::String)
        | (T::String | T::Enum(_), T::String)
        | (T::F32, T::F32 | T::F64)
        | (T::F64, T::F64)
        // Every integer of so many bits is one float, and is written as a number.
        | (T::S8 | T::U8 | T::S16 | T::U16, T::F32)
        | (T::S8 | T::U8 | T::S16 | T::U16 | T::S32 | T::U32, T::F64) => true,
        (T::Enum(from), T::Enum(to)) | (T::Flags(from), T::Flags(to)) => all_in(from, to),
        (T::List(from), T::List(to)) => {
            (**from == T::U8) == (**to == T::U8) && takes(to, from)
        }
        (T::Tuple(from), T::Tuple(to)) => {
            from.len() == to.len() && from.iter().zip(to.iter()).all(|(from, to)| takes(to, from))
        }
        (T::Record(from), T::Record(to)) => fields(from, to),
        (T::Variant(from), T::Variant(to)) => cases(from, to),
        (
            T::Result { ok, err },
            T::Result {
                ok: to_ok,
                err: to_err,
            },
        ) => {
            payload(to_ok.as_deref(), ok.as_deref()) && payload(to_err.as_deref(), err.as_deref())
        }
        (from, to) => match (range(from), range(to)) {
            (Some((least, most)), Some((low, high))) => low <= least && most <= high,
            _ => false,
        },
    }
}

/// Whether the value of an option is written as `{"some": …}`.
fn holds_option(inner: &WitType) -> bool {
    matches!(inner, WitType::Option(_))
}

fn all_in(names: &[String], known: &[String]) -> bool {
    let known: HashSet<&str> = known.iter().map(String::as_str).collect();
    names.iter().all(|name| known.contains(name.as_str()))
}

fn fields(from: &[Field], to: &[Field]) -> bool {
    let mut left: HashMap<&str, &WitType> = to
        .iter()
        .map(|field| (field.name.as_str(), &field.ty))
        .collect();
    let all = from.iter().all(|field| {
        left.remove(field.name.as_str())
            .is_some_and(|to| takes(to, &field.ty))
    });
    all && left.values().all(|ty| matches!(ty, WitType::Option(_)))
}

fn cases(from: &[Case], to: &[Case]) -> bool {
    let known: HashMap<&str, Option<&WitType>> = to
        .iter()
        .map(|case| (case.name.as_str(), case.ty.as_ref()))
        .collect();
    from.iter().all(|case| {
        known
            .get(case.name.as_str())
            .is_some_and(|to| payload(*to, case.ty.as_ref()))
    })
}

fn payload(to: Option<&WitType>, from: Option<&WitType>) -> bool {
    match (to, from) {
        (None, None) => true,
        (Some(to), Some(from)) => takes(to, from),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The least and the most value of an integer type.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard over types says no"
)]
fn range(ty: &WitType) -> Option<(i128, i128)> {
    match ty {
        WitType::S8 => Some((i8::MIN.into(), i8::MAX.into())),
        WitType::U8 => Some((u8::MIN.into(), u8::MAX.into())),
        WitType::S16 => Some((i16::MIN.into(), i16::MAX.into())),
        WitType::U16 => Some((u16::MIN.into(), u16::MAX.into())),
        WitType::S32 => Some((i32::MIN.into(), i32::MAX.into())),
        WitType::U32 => Some((u32::MIN.into(), u32::MAX.into())),
        WitType::S64 => Some((i64::MIN.into(), i64::MAX.into())),
        WitType::U64 => Some((u64::MIN.into(), u64::MAX.into())),
        _ => None,
    }
}
