use serde_json::Value;

use super::place::Place;
use super::problem::Problem;
use super::template::{Reference, Template};

/// The most references in the arguments of one step: each is checked against a whole type.
pub(super) const MOST_REFERENCES: usize = 4096;
/// The most problems that are told; each takes memory, and a plan may be wrong everywhere.
pub(super) const MOST_PROBLEMS: usize = 256;
/// In how many arrays and objects a value may lie: as many as the engine's reader takes.
pub(super) const DEEPEST: usize = 127;

/// Finds all references in the strings of a value, each with the JSON pointer of its string.
///
/// # Errors
///
/// Every string whose references cannot be read and every key with a reference; at most 256 of them.
pub(crate) fn references(value: &Value) -> Result<Vec<(String, Reference)>, Vec<Problem>> {
    let mut found = Found::default();
    found.visit(&Place::WHOLE, value);
    if found.problems.is_empty() {
        Ok(found.references)
    } else {
        found.problems.truncate(MOST_PROBLEMS);
        Err(found.problems)
    }
}

/// Refuses what does not stand for itself in a key.
pub(super) fn check_key(place: &Place<'_>, key: &str) -> Result<(), Problem> {
    if key.contains("${") {
        let found = format!("a reference in the key {:?}", head(key));
        return Err(Problem::new("keys that stand for themselves", found)
            .hint("references stand in values only")
            .at(place));
    }
    Ok(())
}

/// Refuses a value that lies too deep to be read.
pub(super) fn check_depth(place: &Place<'_>, value: &Value) -> Result<(), Problem> {
    if place.depth() >= DEEPEST && (value.is_array() || value.is_object()) {
        let expected = format_args!("at most {DEEPEST} arrays and objects in each other");
        return Err(Problem::new(expected, "more").at(place));
    }
    Ok(())
}

/// The start of a text, enough to recognise it by.
pub(super) fn head(text: &str) -> &str {
    crate::types::text::prefix(text, 256)
}

#[derive(Default)]
struct Found {
    references: Vec<(String, Reference)>,
    problems: Vec<Problem>,
}

impl Found {
    fn visit(&mut self, place: &Place<'_>, value: &Value) {
        if self.problems.len() >= MOST_PROBLEMS || self.references.len() > MOST_REFERENCES {
            return;
        }
        if let Err(problem) = check_depth(place, value) {
            self.problems.push(problem);
            return;
        }
        match value {
            Value::String(text) => self.string(place, text),
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.visit(&place.index(index), value);
                }
            }
            Value::Object(fields) => {
                for (key, value) in fields {
                    self.problems.extend(check_key(place, key).err());
                    self.visit(&place.key(key), value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn string(&mut self, place: &Place<'_>, text: &str) {
        if !text.contains("${") {
            return;
        }
        match Template::parse(text) {
            Ok(template) => {
                let pointer = place.pointer();
                let references = template.references().cloned();
                self.references
                    .extend(references.map(|reference| (pointer.clone(), reference)));
                if self.references.len() > MOST_REFERENCES {
                    let expected = format_args!("at most {MOST_REFERENCES} references");
                    self.problems.push(Problem::new(expected, "more").at(place));
                }
            }
            Err(problems) => {
                let problems = problems.into_iter().map(|problem| problem.at(place));
                self.problems.extend(problems);
            }
        }
    }
}
