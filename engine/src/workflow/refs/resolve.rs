use std::io;

use serde_json::{Map, Value};

use super::place::Place;
use super::problem::Problem;
use super::template::{Part, Reference, Template};
use super::walk::{check_depth, check_key, head};
use super::yields::index;
use crate::types::Bytes;
use crate::types::text::{closest, quoted};

/// The largest text of arguments, 64 MiB: as much as the engine's reader takes.
pub(super) const LARGEST: Bytes = Bytes::mib(64);

/// Puts values in the place of all references. What `lookup` returns is not searched for references.
///
/// # Errors
///
/// The first reference that cannot be read or has no value, a value that cannot be part of a text, and a
/// result of more than 64 MiB of text or more than 127 arrays and objects in each other.
pub(crate) fn resolve(
    arguments: &Value,
    lookup: &dyn Fn(&Reference) -> Result<Value, Problem>,
) -> Result<Value, Problem> {
    let most = usize::try_from(LARGEST.get()).unwrap_or(usize::MAX);
    Resolver { lookup, left: most }.value(&Place::WHOLE, arguments)
}

/// Follows a path into a value as the engine writes it.
///
/// # Errors
///
/// The first step of the path that the value does not have. The pointer is left empty.
pub(crate) fn at<'a>(value: &'a Value, path: &[String]) -> Result<&'a Value, Problem> {
    let mut reached = value;
    for segment in path {
        reached = match reached {
            Value::Object(fields) => fields.get(segment).ok_or_else(|| {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                let found = match known.as_slice() {
                    [] => "an empty object".to_owned(),
                    known => format!("an object with {}", quoted(known)),
                };
                Problem::new(format_args!("`{segment}`"), found).meant(closest(&known, segment))
            })?,
            Value::Array(values) => index(segment)
                .and_then(|index| values.get(index))
                .ok_or_else(|| {
                    let found = format!("an array of {}", values.len());
                    Problem::new(format_args!("an element `{segment}`"), found)
                })?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(Problem::new(format_args!("`{segment}`"), kind(reached)));
            }
        };
    }
    Ok(reached)
}

/// How many bytes the text of a value takes, as far as they are not more than `most`.
pub(super) fn size(value: &Value, most: usize) -> Option<usize> {
    let mut count = Count { left: most };
    serde_json::to_writer(&mut count, value).ok()?;
    Some(most - count.left)
}

/// Writes nothing, and fails beyond a bound.
struct Count {
    left: usize,
}

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                Ok(bytes.len())
            }
            None => Err(io::ErrorKind::FileTooLarge.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a value is, in a word or two.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", head(text)),
        Value::Array(values) => format!("an array of {}", values.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

struct Resolver<'a> {
    lookup: &'a dyn Fn(&Reference) -> Result<Value, Problem>,
    /// The bytes of text that the result may still take.
    left: usize,
}

impl Resolver<'_> {
    fn value(&mut self, place: &Place<'_>, value: &Value) -> Result<Value, Problem> {
        check_depth(place, value)?;
        match value {
            Value::String(text) if text.contains("${") => self.string(place, text),
            Value::Array(values) => {
                self.spend(place, 2 + values.len().saturating_sub(1))?;
                let values = values.iter().enumerate();
                values
                    .map(|(index, value)| self.value(&place.index(index), value))
                    .collect::<Result<_, _>>()
                    .map(Value::Array)
            }
            Value::Object(fields) => {
                self.spend(place, 2 + fields.len().saturating_sub(1))?;
                let mut resolved = Map::new();
                for (key, value) in fields {
                    check_key(place, key)?;
                    let inside = place.key(key);
                    self.take(&inside, &Value::from(key.as_str()))?;
                    self.spend(&inside, 1)?;
                    resolved.insert(key.clone(), self.value(&inside, value)?);
                }
                Ok(Value::Object(resolved))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.take(place, value)?;
                Ok(value.clone())
            }
        }
    }

    fn string(&mut self, place: &Place<'_>, text: &str) -> Result<Value, Problem> {
        let template = Template::parse(text).map_err(|problems| {
            let first = problems.into_iter().next();
            first
                .unwrap_or_else(|| Problem::new("references", kind(&Value::from(text))))
                .at(place)
        })?;
        let value = match template.whole() {
            Some(reference) => {
                let value = self.look_up(place, reference)?;
                check_depths(place, &value)?;
                value
            }
            None => Value::String(self.text(place, &template)?),
        };
        self.take(place, &value)?;
        Ok(value)
    }

    fn text(&self, place: &Place<'_>, template: &Template) -> Result<String, Problem> {
        let mut text = String::new();
        for part in template.parts() {
            let looked_up;
            let more = match part {
                Part::Text(text) => text,
                Part::Reference(reference) => {
                    looked_up = match self.look_up(place, reference)? {
                        Value::String(text) => text,
                        Value::Number(number) => number.to_string(),
                        Value::Bool(truth) => truth.to_string(),
                        other @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
                            return Err(Problem::new(
                                "a string, a number, true or false",
                                kind(&other),
                            )
                            .of(reference)
                            .at(place));
                        }
                    };
                    &looked_up
                }
            };
            if more.len() > self.left.saturating_sub(text.len()) {
                return Err(too_large(place));
            }
            text.push_str(more);
        }
        Ok(text)
    }

    fn look_up(&self, place: &Place<'_>, reference: &Reference) -> Result<Value, Problem> {
        (self.lookup)(reference).map_err(|problem| problem.of(reference).at(place))
    }

    fn take(&mut self, place: &Place<'_>, value: &Value) -> Result<(), Problem> {
        let size = size(value, self.left).ok_or_else(|| too_large(place))?;
        self.spend(place, size)
    }

    fn spend(&mut self, place: &Place<'_>, bytes: usize) -> Result<(), Problem> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| too_large(place))?;
        Ok(())
    }
}

fn too_large(place: &Place<'_>) -> Problem {
    Problem::new(format_args!("at most {LARGEST} of arguments"), "more").at(place)
}

/// Refuses a value that reaches too deep from here.
fn check_depths(place: &Place<'_>, value: &Value) -> Result<(), Problem> {
    check_depth(place, value)?;
    match value {
        Value::Array(values) => {
            let mut values = values.iter().enumerate();
            values.try_for_each(|(index, value)| check_depths(&place.index(index), value))
        }
        Value::Object(fields) => {
            let mut fields = fields.iter();
            fields.try_for_each(|(key, value)| check_depths(&place.key(key), value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
