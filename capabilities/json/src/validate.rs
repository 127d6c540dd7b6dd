//! Checks a document against a JSON Schema.

use jsonschema::ValidationError;

use crate::document;
use crate::exports::engine::json::documents::{Error, Problem, Verdict};

/// The most bytes of a schema.
const MOST_SCHEMA: usize = 262_144;
/// The most problems that are told of.
const MOST_PROBLEMS: usize = 100;
/// The most characters of a message.
const MOST_MESSAGE: usize = 500;

pub(crate) fn validate(text: &str, schema: &str, formats: bool) -> Result<Verdict, Error> {
    let document = document::read("the document", text)?;
    if schema.len() > MOST_SCHEMA {
        return Err(Error::Invalid(format!(
            "the schema has {} bytes, and the most is {MOST_SCHEMA}",
            schema.len()
        )));
    }
    let schema = document::read("the schema", schema)?;
    let validator = jsonschema::options()
        .offline()
        .should_validate_formats(formats)
        .build(&schema)
        .map_err(|error| Error::Invalid(about_schema(&error)))?;

    let mut problems: Vec<Problem> = validator
        .iter_errors(&document)
        .map(|error| Problem {
            path: error.instance_path().as_str().to_owned(),
            schema_path: error.schema_path().as_str().to_owned(),
            message: cut(&error.to_string()),
        })
        .collect();
    problems.sort_by(|a, b| (&a.path, &a.schema_path).cmp(&(&b.path, &b.schema_path)));
    let truncated = problems.len() > MOST_PROBLEMS;
    let valid = problems.is_empty();
    problems.truncate(MOST_PROBLEMS);
    Ok(Verdict {
        valid,
        problems,
        truncated,
    })
}

fn about_schema(error: &ValidationError<'_>) -> String {
    let place = error.instance_path().as_str();
    let message = cut(&error.to_string());
    if place.is_empty() {
        return format!("the schema is no JSON Schema: {message}");
    }
    format!("the schema is no JSON Schema at `{place}`: {message}")
}

/// A message may quote the whole document.
fn cut(message: &str) -> String {
    match message.char_indices().nth(MOST_MESSAGE) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
