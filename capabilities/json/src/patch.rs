//! Changes a document by a JSON Patch, RFC 6902.

mod apply;
mod pointer;

use serde_json::{Map, Value};

use crate::document;
use crate::exports::engine::json::documents::Error;
use apply::{Document, Failure};
use pointer::Pointer;

/// The most operations of a patch.
const MOST_OPERATIONS: usize = 1_000;

/// One change.
enum Operation {
    Add(Pointer, Value),
    Remove(Pointer),
    Replace(Pointer, Value),
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test(Pointer, Value),
}

pub(crate) fn patch(text: &str, patch: &str) -> Result<String, Error> {
    let document = document::read("the document", text)?;
    let operations = operations(document::read("the patch", patch)?).map_err(Error::Invalid)?;
    let mut document = Document::new(document);
    for (number, operation) in operations.into_iter().enumerate() {
        document.apply(operation).map_err(|failure| match failure {
            Failure::Impossible(why) => Error::Failed(format!("operation {number}: {why}")),
            Failure::TooLarge(why) => Error::TooLarge(format!("operation {number}: {why}")),
        })?;
    }
    document::write(document.value())
}

fn operations(patch: Value) -> Result<Vec<Operation>, String> {
    let Value::Array(operations) = patch else {
        return Err("the patch is no array of operations".to_owned());
    };
    if operations.len() > MOST_OPERATIONS {
        return Err(format!(
            "the patch has {} operations, and the most is {MOST_OPERATIONS}",
            operations.len()
        ));
    }
    operations
        .into_iter()
        .enumerate()
        .map(|(number, written)| {
            operation(written).map_err(|why| format!("operation {number}: {why}"))
        })
        .collect()
}

fn operation(written: Value) -> Result<Operation, String> {
    let Value::Object(mut fields) = written else {
        return Err("it is no object".to_owned());
    };
    let kind = string(&fields, "op")?.to_owned();
    let path = pointer(&fields, "path")?;
    Ok(match kind.as_str() {
        "add" => Operation::Add(path, value(&mut fields)?),
        "remove" => Operation::Remove(path),
        "replace" => Operation::Replace(path, value(&mut fields)?),
        "move" => Operation::Move {
            from: pointer(&fields, "from")?,
            path,
        },
        "copy" => Operation::Copy {
            from: pointer(&fields, "from")?,
            path,
        },
        "test" => Operation::Test(path, value(&mut fields)?),
        other => {
            return Err(format!(
                "`{}` is no operation; known are `add`, `remove`, `replace`, `move`, `copy` and `test`",
                pointer::shown(other)
            ));
        }
    })
}

fn string<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    match fields.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("its `{name}` is no string")),
        None => Err(format!("it has no `{name}`")),
    }
}

fn pointer(fields: &Map<String, Value>, name: &str) -> Result<Pointer, String> {
    Pointer::read(string(fields, name)?)
}

fn value(fields: &mut Map<String, Value>) -> Result<Value, String> {
    fields
        .get_mut("value")
        .map(Value::take)
        .ok_or_else(|| "it has no `value`".to_owned())
}

#[cfg(test)]
mod tests;
