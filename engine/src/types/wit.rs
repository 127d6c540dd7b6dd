mod expected;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub(crate) use expected::Expected;

/// The type of a WIT value, as plain data.
///
/// Prints in WIT's own words, a record as `record { word: string, count: u32 }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WitType {
    /// `bool`.
    Bool,
    /// `s8`.
    S8,
    /// `u8`.
    U8,
    /// `s16`.
    S16,
    /// `u16`.
    U16,
    /// `s32`.
    S32,
    /// `u32`.
    U32,
    /// `s64`.
    S64,
    /// `u64`.
    U64,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `char`: one Unicode scalar value.
    Char,
    /// `string`.
    String,
    /// `list` of one type.
    List(Arc<WitType>),
    /// `record`: named fields.
    Record(Arc<[Field]>),
    /// `tuple`: values by position.
    Tuple(Arc<[WitType]>),
    /// `variant`: one of several cases.
    Variant(Arc<[Case]>),
    /// `enum`: one of several names.
    Enum(Arc<[String]>),
    /// `option`: a value or none.
    Option(Arc<WitType>),
    /// `result`: a value or an error.
    Result {
        /// The type of the value, if there is one.
        ok: Option<Arc<WitType>>,
        /// The type of the error, if there is one.
        err: Option<Arc<WitType>>,
    },
    /// `flags`: any of several names.
    Flags(Arc<[String]>),
    /// A type that cannot cross as JSON: a resource, stream, future, map or fixed-length list.
    #[serde(skip)]
    Opaque(Cow<'static, str>),
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name as the WIT spells it.
    pub name: String,
    /// The type of its value.
    pub ty: WitType,
}

/// One case of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The name as the WIT spells it.
    pub name: String,
    /// The type of its payload, if it has one.
    pub ty: Option<WitType>,
}

impl WitType {
    /// The first part of this type that cannot cross as JSON.
    #[must_use]
    pub fn opaque(&self) -> Option<&str> {
        match self {
            WitType::Opaque(what) => Some(what),
            WitType::List(inner) | WitType::Option(inner) => inner.opaque(),
            WitType::Record(fields) => fields.iter().find_map(|field| field.ty.opaque()),
            WitType::Tuple(types) => types.iter().find_map(WitType::opaque),
            WitType::Variant(cases) => cases
                .iter()
                .filter_map(|case| case.ty.as_ref())
                .find_map(WitType::opaque),
            WitType::Result { ok, err } => {
                [ok, err].into_iter().flatten().find_map(|ty| ty.opaque())
            }
            WitType::Bool
            | WitType::S8
            | WitType::U8
            | WitType::S16
            | WitType::U16
            | WitType::S32
            | WitType::U32
            | WitType::S64
            | WitType::U64
            | WitType::F32
            | WitType::F64
            | WitType::Char
            | WitType::String
            | WitType::Enum(_)
            | WitType::Flags(_) => None,
        }
    }
}

impl fmt::Display for WitType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |f: &mut fmt::Formatter<'_>, kind: &str, names: &[String]| {
            write!(f, "{kind} {{ {} }}", names.join(", "))
        };
        match self {
            WitType::Bool => f.write_str("bool"),
            WitType::S8 => f.write_str("s8"),
            WitType::U8 => f.write_str("u8"),
            WitType::S16 => f.write_str("s16"),
            WitType::U16 => f.write_str("u16"),
            WitType::S32 => f.write_str("s32"),
            WitType::U32 => f.write_str("u32"),
            WitType::S64 => f.write_str("s64"),
            WitType::U64 => f.write_str("u64"),
            WitType::F32 => f.write_str("f32"),
            WitType::F64 => f.write_str("f64"),
            WitType::Char => f.write_str("char"),
            WitType::String => f.write_str("string"),
            WitType::List(inner) => write!(f, "list<{inner}>"),
            WitType::Record(fields) => {
                f.write_str("record { ")?;
                separated(f, fields.iter(), |f, field| {
                    write!(f, "{}: {}", field.name, field.ty)
                })?;
                f.write_str(" }")
            }
            WitType::Tuple(types) => {
                f.write_str("tuple<")?;
                separated(f, types.iter(), |f, ty| ty.fmt(f))?;
                f.write_str(">")
            }
            WitType::Variant(cases) => {
                f.write_str("variant { ")?;
                separated(f, cases.iter(), |f, case| match &case.ty {
                    Some(ty) => write!(f, "{}({ty})", case.name),
                    None => f.write_str(&case.name),
                })?;
                f.write_str(" }")
            }
            WitType::Enum(cases) => names(f, "enum", cases),
            WitType::Option(inner) => write!(f, "option<{inner}>"),
            WitType::Result {
                ok: None,
                err: None,
            } => f.write_str("result"),
            WitType::Result {
                ok: Some(ok),
                err: None,
            } => write!(f, "result<{ok}>"),
            WitType::Result {
                ok: None,
                err: Some(err),
            } => write!(f, "result<_, {err}>"),
            WitType::Result {
                ok: Some(ok),
                err: Some(err),
            } => write!(f, "result<{ok}, {err}>"),
            WitType::Flags(flags) => names(f, "flags", flags),
            WitType::Opaque(what) => f.write_str(what),
        }
    }
}

/// Writes items with `, ` between them.
pub(crate) fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
