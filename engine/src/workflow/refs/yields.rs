#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard over types refuses"
)]

use std::fmt;
use std::sync::Arc;

use super::problem::Problem;
use super::takes::takes;
use super::walk::head;
use crate::types::text::{closest, quoted};
use crate::types::{Case, Expected, Function, WitType};

/// What is known of a reference's value before the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Yields {
    ty: Option<WitType>,
    may_be_missing: bool,
}

impl Yields {
    /// A value of a known type.
    pub(crate) fn known(ty: WitType) -> Self {
        Self {
            ty: Some(ty),
            may_be_missing: false,
        }
    }

    /// A value of which only the run tells the type.
    pub(crate) fn unknown() -> Self {
        Self {
            ty: None,
            may_be_missing: true,
        }
    }

    /// The type, if it is known.
    pub(crate) fn ty(&self) -> Option<&WitType> {
        self.ty.as_ref()
    }

    /// Whether the run may find nothing there: an option, a list or a variant lies on the way.
    #[cfg(test)]
    pub(crate) fn may_be_missing(&self) -> bool {
        self.may_be_missing
    }

    /// Whether a value like this can stand where `to` is expected. Where an option yields a value, and
    /// where the type is unknown, the run decides.
    pub(super) fn fits(&self, to: &WitType) -> bool {
        let Some(from) = &self.ty else { return true };
        takes(to, from) || inner(from).is_some_and(|inner| takes(to, inner))
    }

    /// Whether a value like this can be part of a text.
    pub(super) fn prints(&self) -> bool {
        let Some(ty) = &self.ty else { return true };
        matches!(
            inner(ty).unwrap_or(ty),
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
        )
    }

    /// The names of a record's fields that would fit.
    pub(super) fn fields_that_fit(&self, to: &WitType) -> Vec<&str> {
        match &self.ty {
            Some(WitType::Record(fields)) => fields
                .iter()
                .filter(|field| takes(to, &field.ty))
                .map(|field| field.name.as_str())
                .take(3)
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Yields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ty {
            Some(ty) => ty.fmt(f),
            None => f.write_str("a type that only the run tells"),
        }
    }
}

/// What an option holds whose value is written as it is.
fn inner(ty: &WitType) -> Option<&WitType> {
    match ty {
        WitType::Option(inner) if !matches!(**inner, WitType::Option(_)) => Some(inner),
        _ => None,
    }
}

/// The type of the output of a step that calls a function; `None` if there is none.
///
/// A function's own `result` is taken apart: its error is no output.
pub(crate) fn output(function: &Function) -> Option<&WitType> {
    match function.result.as_ref()? {
        WitType::Result { ok, .. } => ok.as_deref(),
        ty => Some(ty),
    }
}

/// Finds what the path leads to in values of a type; `None` is the output of a step without one.
///
/// # Errors
///
/// A path that no value of the type has, with a hint where a name is misspelt. The pointer is left empty.
pub(crate) fn yields(ty: Option<&WitType>, path: &[String]) -> Result<Yields, Problem> {
    let Some(ty) = ty else {
        return Err(Problem::new("a step with an output", "a step without one"));
    };
    let mut reached = Yields::known(ty.clone());
    for segment in path {
        let Some(ty) = reached.ty else {
            return Ok(Yields::unknown());
        };
        let next = enter(&ty, segment)?;
        reached = Yields {
            may_be_missing: reached.may_be_missing || next.may_be_missing,
            ty: next.ty,
        };
    }
    Ok(reached)
}

/// One step of a path.
fn enter(ty: &WitType, segment: &str) -> Result<Yields, Problem> {
    let maybe = |ty: &WitType| Yields {
        ty: Some(ty.clone()),
        may_be_missing: true,
    };
    let named = |expected: String| Problem::new(expected, format_args!("{:?}", head(segment)));
    match ty {
        WitType::Option(inner) if matches!(**inner, WitType::Option(_)) => match segment {
            "some" => Ok(maybe(inner)),
            _ => Err(named(format!("`some` of {}", Expected(ty)))
                .hint("an option that holds an option is written as {\"some\": …}")),
        },
        WitType::Option(inner) => enter(inner, segment).map(|inside| Yields {
            may_be_missing: true,
            ..inside
        }),
        WitType::Record(fields) => match fields.iter().find(|field| field.name == segment) {
            Some(field) => Ok(Yields::known(field.ty.clone())),
            None => {
                let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
                let expected = format!("a field of the record, one of {}", quoted(&known));
                Err(named(expected).meant(closest(&known, segment)))
            }
        },
        WitType::List(inner) if **inner == WitType::U8 => Err(named(format!("all of the {ty}"))
            .hint("bytes are written as base64, which has no parts")),
        WitType::List(inner) => match index(segment) {
            Some(_) => Ok(maybe(inner)),
            None => Err(named(format!("an index into the {ty}, from 0"))),
        },
        WitType::Tuple(types) => match index(segment).and_then(|index| types.get(index)) {
            Some(ty) => Ok(Yields::known(ty.clone())),
            None => Err(named(format!(
                "an index into the {ty}, from 0 and below {}",
                types.len()
            ))),
        },
        WitType::Variant(cases) => match segment {
            "tag" => {
                let names: Arc<[String]> = cases.iter().map(|case| case.name.clone()).collect();
                Ok(Yields::known(WitType::Enum(names)))
            }
            "value" => value(cases).ok_or_else(|| named(format!("`tag` of the {ty}"))),
            _ => Err(named(format!("`tag` or `value` of the {ty}"))
                .meant(closest(&["tag", "value"], segment))),
        },
        WitType::Result { ok, err } => match (segment, ok, err) {
            ("ok", Some(payload), _) | ("err", _, Some(payload)) => Ok(maybe(payload)),
            ("ok" | "err", ..) => Err(named(format!("a payload of the {ty}"))),
            _ => Err(named(format!("`ok` or `err` of the {ty}"))),
        },
        _ => Err(named(format!(
            "the end of the reference: {ty} has no parts"
        ))),
    }
}

/// What the `value` of a variant can be; nothing if no case has one.
fn value(cases: &[Case]) -> Option<Yields> {
    let mut payloads = cases.iter().filter_map(|case| case.ty.as_ref());
    let first = payloads.next()?;
    if payloads.any(|other| other != first) {
        return Some(Yields::unknown());
    }
    Some(Yields {
        ty: Some(first.clone()),
        may_be_missing: cases.iter().any(|case| case.ty.is_none()),
    })
}

/// An index into a list or a tuple, in its one canonical form.
pub(super) fn index(segment: &str) -> Option<usize> {
    let index: usize = segment.parse().ok()?;
    (index.to_string() == segment).then_some(index)
}
