//! Goes through JSON and its WIT types together, and finds every string and byte list.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::types::{Field, Function, WitType};

/// Text or bytes, where the walk ends.
pub(super) enum Leaf<'a> {
    /// A `string`.
    Text(&'a str),
    /// A `list<u8>`, decoded.
    Bytes(Vec<u8>),
}

impl Leaf<'_> {
    /// In bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Leaf::Text(text) => text.len(),
            Leaf::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Where a leaf was found: what names say about it.
///
/// Lists, options, tuples and results hand the name on; a field of a record has its own.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// The parameter or field.
    name: Option<&'a str>,
    /// The case, in a variant.
    case: Option<&'a str>,
    /// Whether it is a word of a command.
    word: bool,
}

impl<'a> Place<'a> {
    fn named(name: &'a str) -> Self {
        Self {
            name: Some(name),
            ..Self::default()
        }
    }

    pub(super) fn names(self) -> impl Iterator<Item = &'a str> {
        [self.name, self.case].into_iter().flatten()
    }

    fn speaks_of(self, words: &[&str]) -> bool {
        self.names()
            .flat_map(|name| name.split(['-', '_']))
            .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    }

    /// Whether the name says that its text is a path.
    pub(super) fn means_path(self, text: &str) -> bool {
        let path = [
            "path",
            "paths",
            "filename",
            "filenames",
            "dir",
            "dirs",
            "directory",
            "directories",
        ];
        // Several lines are what is in a file.
        let content = || text.trim_end().contains(['\n', '\r']);
        self.speaks_of(&path) || (self.speaks_of(&["file", "files"]) && !content())
    }

    /// Whether its text may reach a shell.
    pub(super) fn is_for_shell(self) -> bool {
        self.word
            || self.speaks_of(&[
                "command", "commands", "cmd", "shell", "args", "script", "scripts",
            ])
    }
}

/// One value that is still to be looked at.
struct Step<'a> {
    value: &'a Value,
    ty: Option<&'a WitType>,
    place: Place<'a>,
}

/// Calls `visit` with every string and byte list, in the order of the types.
pub(super) fn leaves<'a>(
    arguments: &'a Value,
    function: Option<&'a Function>,
    mut visit: impl FnMut(Leaf<'a>, Place<'a>),
) {
    // A stack of its own: arguments may be as deep as they like.
    let mut steps = first(arguments, function);
    steps.reverse();
    while let Some(step) = steps.pop() {
        let known = steps.len();
        let leaf = match step.value {
            Value::String(text) => string(text, step.ty),
            Value::Array(_)
            | Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_) => inner(&step, &mut steps),
        };
        if let Some(leaf) = leaf {
            visit(leaf, step.place);
        }
        if let Some(added) = steps.get_mut(known..) {
            added.reverse();
        }
    }
}

fn first<'a>(arguments: &'a Value, function: Option<&'a Function>) -> Vec<Step<'a>> {
    let parameters = function.map_or(&[][..], |function| &function.parameters);
    match arguments {
        Value::Object(values) => fields(
            values,
            parameters
                .iter()
                .map(|parameter| (parameter.name.as_str(), &parameter.ty)),
        ),
        Value::Array(values) if function.is_some() => {
            let mut parameters = parameters.iter();
            values
                .iter()
                .map(|value| {
                    let parameter = parameters.next();
                    Step {
                        value,
                        ty: parameter.map(|parameter| &parameter.ty),
                        place: parameter
                            .map(|parameter| Place::named(&parameter.name))
                            .unwrap_or_default(),
                    }
                })
                .collect()
        }
        Value::Array(_) | Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            vec![Step {
                value: arguments,
                ty: None,
                place: Place {
                    word: function.is_none(),
                    ..Place::default()
                },
            }]
        }
    }
}

/// The values of an object: those that have a type in its order, then the others.
fn fields<'a>(
    values: &'a Map<String, Value>,
    types: impl Iterator<Item = (&'a str, &'a WitType)> + Clone,
) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> = types
        .clone()
        .filter_map(|(name, ty)| {
            Some(Step {
                value: values.get(name)?,
                ty: Some(ty),
                place: Place::named(name),
            })
        })
        .collect();
    if steps.len() < values.len() {
        let known: BTreeSet<&str> = types.map(|(name, _)| name).collect();
        steps.extend(
            values
                .iter()
                .filter(|(name, _)| !known.contains(name.as_str()))
                .map(|(name, value)| Step {
                    value,
                    ty: None,
                    place: Place::named(name),
                }),
        );
    }
    steps
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not known to be a name or a number is text"
)]
fn string<'a>(text: &'a str, ty: Option<&WitType>) -> Option<Leaf<'a>> {
    let Some(ty) = unwrapped(ty) else {
        return Some(Leaf::Text(text));
    };
    match ty {
        WitType::List(inner) if **inner == WitType::U8 => match STANDARD.decode(text) {
            Ok(bytes) => Some(Leaf::Bytes(bytes)),
            Err(_) => Some(Leaf::Text(text)),
        },
        // Names out of the type, numbers and a single character: none is text.
        WitType::Enum(_)
        | WitType::Char
        | WitType::S64
        | WitType::U64
        | WitType::F32
        | WitType::F64 => None,
        _ => Some(Leaf::Text(text)),
    }
}

/// The type of a value that is there: an option that is not around another one leaves no trace in JSON.
fn unwrapped(mut ty: Option<&WitType>) -> Option<&WitType> {
    while let Some(WitType::Option(inner)) = ty {
        ty = Some(inner);
    }
    ty
}

/// Adds what is inside an array or an object; an array of bytes is a leaf itself.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what does not fit its type is looked at without one"
)]
fn inner<'a>(step: &Step<'a>, steps: &mut Vec<Step<'a>>) -> Option<Leaf<'a>> {
    let place = step.place;
    match (step.value, step.ty) {
        (value, Some(WitType::Option(some))) => {
            let within = match **some {
                WitType::Option(_) => value.get("some"),
                _ => None,
            };
            steps.push(Step {
                value: within.unwrap_or(value),
                ty: Some(some),
                place,
            });
        }
        (Value::Array(_), Some(WitType::Flags(_))) => {}
        (Value::Array(values), Some(WitType::Tuple(types))) => {
            let mut types = types.iter();
            steps.extend(values.iter().map(|value| Step {
                value,
                ty: types.next(),
                place,
            }));
        }
        (Value::Array(values), ty) => {
            let ty = match ty {
                Some(WitType::List(of)) => Some(&**of),
                _ => None,
            };
            if let (Some(WitType::U8), Some(bytes)) = (ty, bytes(values)) {
                return Some(Leaf::Bytes(bytes));
            }
            steps.extend(values.iter().map(|value| Step { value, ty, place }));
        }
        (Value::Object(values), Some(WitType::Record(types))) => {
            let types = types.iter().map(|Field { name, ty }| (name.as_str(), ty));
            steps.extend(fields(values, types));
        }
        (Value::Object(values), Some(WitType::Variant(cases))) => {
            let tag = values.get("tag").and_then(Value::as_str);
            let case = cases.iter().find(|case| Some(case.name.as_str()) == tag);
            steps.extend(values.get("value").map(|value| Step {
                value,
                ty: case.and_then(|case| case.ty.as_ref()),
                place: Place {
                    case: case.map(|case| case.name.as_str()),
                    ..place
                },
            }));
        }
        (Value::Object(values), Some(WitType::Result { ok, err })) => {
            for (name, ty) in [("ok", ok), ("err", err)] {
                steps.extend(values.get(name).map(|value| Step {
                    value,
                    ty: ty.as_deref(),
                    place,
                }));
            }
        }
        (Value::Object(values), _) => steps.extend(fields(values, std::iter::empty())),
        _ => {}
    }
    None
}

fn bytes(values: &[Value]) -> Option<Vec<u8>> {
    values
        .iter()
        .map(|value| u8::try_from(value.as_u64()?).ok())
        .collect()
}

#[cfg(test)]
mod tests;
