//! Success criteria: what has to be true at the end of a workflow.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::machine::{Evidence, State, StepState, StepStatus};
use super::plan::Criterion;
use super::refs::{self, Reference, Template};
use crate::types::text;

/// The largest compiled form of a pattern, 1 MiB.
const LARGEST_PATTERN: usize = 1 << 20;

/// Understands a regular expression, within bounds. Matching takes time linear in the text.
pub(super) fn pattern(written: &str) -> Result<Regex, String> {
    RegexBuilder::new(written)
        .size_limit(LARGEST_PATTERN)
        .build()
        .map_err(|error| text::line(&error.to_string(), 400))
}

/// Understands the way to a part of a result, such as `entries.0.name`; empty for the whole.
pub(super) fn path(written: &str) -> Result<Vec<String>, refs::Problem> {
    if written.is_empty() {
        return Ok(Vec::new());
    }
    // Paths are written as in references.
    let template = Template::parse(&format!("${{inputs.it.{written}}}"));
    let template = template.map_err(|problems| {
        let first = problems.into_iter().next();
        first.unwrap_or_else(|| refs::Problem::new("a path", written))
    })?;
    match template.whole() {
        Some(Reference::Input { path, .. }) => Ok(path.clone()),
        Some(Reference::Output { .. } | Reference::IdempotencyKey) | None => {
            Err(refs::Problem::new("a path", written))
        }
    }
}

/// Looks at one criterion; `None` for one that takes a call to look at. `output` gives the result of a step.
pub(super) fn look(
    criterion: &Criterion,
    state: &State,
    output: &dyn Fn(usize) -> Result<Value, String>,
) -> Option<Evidence> {
    let (met, found) = match criterion {
        Criterion::Completed(named) => completed(named, state),
        Criterion::Ended { step, status } => match find(state, step) {
            Some((_, found)) => {
                let ended = way(found);
                (
                    ended == status,
                    format!("the step `{step}` ended as {ended}, and {status} is wanted"),
                )
            }
            None => missing(step),
        },
        Criterion::Value { step, path, .. } => match find(state, step) {
            Some((position, found)) if found.status == StepStatus::Completed => {
                let whole = output(position);
                let part = whole.and_then(|whole| {
                    self::path(path)
                        .and_then(|path| refs::at(&whole, &path).cloned())
                        .map_err(|problem| problem.to_string())
                });
                match part {
                    Ok(part) => value(criterion, step, &part),
                    Err(why) => (false, format!("the value of the step `{step}`: {why}")),
                }
            }
            Some(_) => (false, format!("the step `{step}` has no value")),
            None => missing(step),
        },
        Criterion::Within {
            calls,
            fuel,
            wall_ms,
        } => within(*calls, *fuel, *wall_ms, state),
        Criterion::Confirmed(question) => {
            return Some(Evidence {
                met: None,
                found: text::line(question, 2000),
            });
        }
        Criterion::Holds { .. } => return None,
    };
    Some(Evidence {
        met: Some(met),
        found: text::line(&found, 1024),
    })
}

fn find<'a>(state: &'a State, id: &str) -> Option<(usize, &'a StepState)> {
    state
        .steps()
        .iter()
        .enumerate()
        .find(|(_, step)| step.id() == id)
}

fn missing(step: &str) -> (bool, String) {
    (false, format!("there is no step `{step}`"))
}

/// How a step ended, in the words of plans.
fn way(step: &StepState) -> &'static str {
    match step.status {
        StepStatus::Completed => "ok",
        StepStatus::Skipped | StepStatus::Removed | StepStatus::Cancelled => "skipped",
        StepStatus::Failed => step.ended.map_or("error", |ended| ended.as_str()),
        StepStatus::Pending
        | StepStatus::Ready
        | StepStatus::Running
        | StepStatus::Retrying
        | StepStatus::Asking
        | StepStatus::Uncertain => "not ended",
    }
}

fn completed(named: &[String], state: &State) -> (bool, String) {
    let wanted = |step: &&StepState| named.is_empty() || named.iter().any(|id| id == step.id());
    let open: Vec<String> = state
        .steps()
        .iter()
        .filter(wanted)
        .filter(|step| step.status != StepStatus::Completed)
        // What was removed is in the plan no more, but somebody may ask for it by name.
        .filter(|step| step.status != StepStatus::Removed || !named.is_empty())
        .map(|step| format!("`{}` ended as {}", step.id(), way(step)))
        .collect();
    if !open.is_empty() {
        return (false, open.join(", "));
    }
    let found = if named.is_empty() {
        "every step completed".to_owned()
    } else {
        let named: Vec<String> = named.iter().map(|id| format!("`{id}`")).collect();
        format!("completed: {}", text::line(&named.join(", "), 512))
    };
    (true, found)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "lists are shorter than a double is exact"
)]
fn value(criterion: &Criterion, step: &str, part: &Value) -> (bool, String) {
    let Criterion::Value {
        path,
        equals,
        matches,
        at_least,
        at_most,
        ..
    } = criterion
    else {
        return (false, String::new());
    };
    let place = if path.is_empty() {
        format!("the value of `{step}`")
    } else {
        format!("`{path}` of `{step}`")
    };
    let shown = text::line(&part.to_string(), 200);
    let amount = match part {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        Value::Array(items) => Some(items.len() as f64),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    };
    let mut wrong = Vec::new();
    if let Some(wanted) = equals
        && !same(wanted, part)
    {
        wrong.push(format!("is not {}", text::line(&wanted.to_string(), 200)));
    }
    if let Some(written) = matches {
        let fits = part
            .as_str()
            .zip(pattern(written).ok())
            .is_some_and(|(text, pattern)| pattern.is_match(text));
        if !fits {
            wrong.push(format!("does not match `{}`", text::line(written, 200)));
        }
    }
    if let Some(least) = at_least
        && amount.is_none_or(|amount| amount < *least)
    {
        wrong.push(format!("is not at least {least}"));
    }
    if let Some(most) = at_most
        && amount.is_none_or(|amount| amount > *most)
    {
        wrong.push(format!("is not at most {most}"));
    }
    if wrong.is_empty() {
        (true, format!("{place} is {shown}"))
    } else {
        (
            false,
            format!("{place} is {shown}: it {}", wrong.join(" and ")),
        )
    }
}

/// Whether two values are equal; `1` and `1.0` are the same number.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() != other.is_f64() && one.as_f64() == other.as_f64())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

fn within(
    calls: Option<u64>,
    fuel: Option<u64>,
    wall_ms: Option<u64>,
    state: &State,
) -> (bool, String) {
    let used = [
        ("calls", calls, state.calls()),
        ("fuel", fuel, state.usage().fuel),
        ("wall_ms", wall_ms, state.active_ms()),
    ];
    let asked = used
        .iter()
        .filter_map(|(name, most, used)| Some((name, (*most)?, used)));
    let (mut met, mut found) = (true, Vec::new());
    for (name, most, used) in asked {
        met &= *used <= most;
        found.push(format!("{used} of {most} {name}"));
    }
    (met, format!("used {}", found.join(", ")))
}

#[cfg(test)]
mod tests;
