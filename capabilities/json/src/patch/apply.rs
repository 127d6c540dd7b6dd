//! Does one operation after the other.

use serde_json::Value;

use super::Operation;
use super::pointer::{Pointer, shown};
use crate::{MOST_BYTES, MOST_DEPTH, number};

/// Why an operation is not done.
pub(super) enum Failure {
    Impossible(String),
    TooLarge(String),
}

fn impossible<T>(why: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Impossible(why.into()))
}

/// A document that is being changed.
pub(super) struct Document {
    root: Value,
    /// How many bytes `copy` may still copy: each may double the document.
    to_copy: usize,
}

impl Document {
    pub(super) fn new(root: Value) -> Self {
        Self {
            root,
            to_copy: MOST_BYTES,
        }
    }

    pub(super) fn value(&self) -> &Value {
        &self.root
    }

    pub(super) fn apply(&mut self, operation: Operation) -> Result<(), Failure> {
        match operation {
            Operation::Add(path, value) => self.add(&path, value),
            Operation::Remove(path) => self.remove(&path).map(|_| ()),
            Operation::Replace(path, value) => {
                fits(&path, &value)?;
                *self.find_mut(&path)? = value;
                Ok(())
            }
            Operation::Move { from, path } => {
                if from.holds(&path) {
                    return impossible(format!("`{from}` cannot move into itself, to `{path}`"));
                }
                if from == path {
                    return self.find(&from).map(|_| ());
                }
                let value = self.remove(&from)?;
                self.add(&path, value)
            }
            Operation::Copy { from, path } => {
                let value = self.find(&from)?;
                let bytes = value.to_string().len();
                self.to_copy = self.to_copy.checked_sub(bytes).ok_or_else(|| {
                    Failure::TooLarge(format!(
                        "the patch copies more than {MOST_BYTES} bytes, which is the most"
                    ))
                })?;
                let value = self.find(&from)?.clone();
                self.add(&path, value)
            }
            Operation::Test(path, wanted) => {
                let found = self.find(&path)?;
                if same(found, &wanted) {
                    return Ok(());
                }
                impossible(format!(
                    "`{path}` is `{}` and not `{}`",
                    shown(&found.to_string()),
                    shown(&wanted.to_string())
                ))
            }
        }
    }

    fn find(&self, path: &Pointer) -> Result<&Value, Failure> {
        let found = path
            .steps()
            .iter()
            .try_fold(&self.root, |value, step| match value {
                Value::Object(fields) => fields.get(step),
                Value::Array(items) => items.get(index(step)?),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            });
        found.ok_or_else(|| nothing(path))
    }

    fn find_mut(&mut self, path: &Pointer) -> Result<&mut Value, Failure> {
        at(&mut self.root, path.steps()).ok_or_else(|| nothing(path))
    }

    fn add(&mut self, path: &Pointer, value: Value) -> Result<(), Failure> {
        fits(path, &value)?;
        let Some((last, before)) = path.steps().split_last() else {
            self.root = value;
            return Ok(());
        };
        let Some(place) = at(&mut self.root, before) else {
            return impossible(format!("there is nothing for `{path}` to be in"));
        };
        match place {
            Value::Object(fields) => {
                fields.insert(last.clone(), value);
                Ok(())
            }
            Value::Array(items) => {
                let length = items.len();
                let index = if last == "-" {
                    Some(length)
                } else {
                    index(last)
                };
                match index {
                    Some(index) if index <= length => {
                        items.insert(index, value);
                        Ok(())
                    }
                    Some(_) | None => impossible(format!(
                        "`{path}` is no place in an array of {length}; `-` stands for its end"
                    )),
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                impossible(format!("there is no object or array for `{path}` to be in"))
            }
        }
    }

    fn remove(&mut self, path: &Pointer) -> Result<Value, Failure> {
        let Some((last, before)) = path.steps().split_last() else {
            return impossible("the root cannot be removed");
        };
        let removed = match at(&mut self.root, before) {
            // Not `remove`, which moves the last name to the gap.
            Some(Value::Object(fields)) => fields.shift_remove(last),
            Some(Value::Array(items)) => index(last)
                .filter(|index| *index < items.len())
                .map(|index| items.remove(index)),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => None,
        };
        removed.ok_or_else(|| nothing(path))
    }
}

fn nothing(path: &Pointer) -> Failure {
    Failure::Impossible(format!("there is nothing at `{path}`"))
}

fn at<'a>(root: &'a mut Value, steps: &[String]) -> Option<&'a mut Value> {
    steps.iter().try_fold(root, |value, step| match value {
        Value::Object(fields) => fields.get_mut(step),
        Value::Array(items) => items.get_mut(index(step)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The place in an array, without signs and leading zeros.
fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || !step.starts_with('0');
    let digits = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    (plain && digits).then(|| step.parse().ok()).flatten()
}

/// Refuses a value that would nest too deeply where it goes.
fn fits(path: &Pointer, value: &Value) -> Result<(), Failure> {
    if path.steps().len().saturating_add(depth(value)) > MOST_DEPTH {
        return Err(Failure::TooLarge(format!(
            "at `{path}` the document would nest more than {MOST_DEPTH} levels, which is the most"
        )));
    }
    Ok(())
}

fn depth(value: &Value) -> usize {
    let below = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return 0,
    };
    below.unwrap_or(0).saturating_add(1)
}

/// Whether two values are equal by RFC 6902: numbers by value, objects in any order.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number::same(a.as_str(), b.as_str()),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
