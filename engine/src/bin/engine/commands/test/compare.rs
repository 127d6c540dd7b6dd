use engine::data::Failure;
use engine::{Fault, Outcome};
use serde_json::Value;

use super::snapshots::{Snapshots, shown};
use crate::cases::{Case, Expected};
use crate::render::Mismatch;

/// Finds all that is not as it has to be.
pub(super) fn compare(
    case: &Case,
    outcome: &Outcome,
    kinds: &[String],
    snapshots: &mut Snapshots,
) -> Result<Vec<Mismatch>, Fault> {
    let mut found = Vec::new();
    match (&case.expected, outcome.fault()) {
        (Expected::Failure { .. }, None) => found.push(Mismatch::told(
            "outcome",
            failure_of(&case.expected),
            succeeded(outcome),
        )),
        (
            Expected::Failure {
                code,
                message,
                value,
            },
            Some(fault),
        ) => {
            let told = told(fault);
            if fault.code() != *code {
                found.push(Mismatch::told("error", code.to_string(), told).hint(hints(fault)));
            } else {
                if let Some(message) = message
                    && !told.contains(message.as_str())
                {
                    found.push(Mismatch::told("message", format!("… {message} …"), told));
                }
                if let Some(value) = value {
                    found.extend(differs("value", value, &self::value(outcome)?));
                }
            }
        }
        (expected, Some(fault)) => found
            .push(Mismatch::told("outcome", failure_of(expected), told(fault)).hint(hints(fault))),
        (Expected::Success, None) => {}
        (Expected::Nothing, None) if outcome.has_value() => found.push(Mismatch::told(
            "outcome",
            failure_of(&case.expected),
            succeeded(outcome),
        )),
        (Expected::Nothing, None) => {}
        (Expected::Value(_) | Expected::Snapshot(_), None) if !outcome.has_value() => {
            found.push(Mismatch::told(
                "outcome",
                failure_of(&case.expected),
                succeeded(outcome),
            ));
        }
        (Expected::Value(value), None) => {
            found.extend(differs("value", value, &self::value(outcome)?));
        }
        (Expected::Snapshot(file), None) => {
            let new = value(outcome)?;
            let old = snapshots.read(file)?;
            let mismatch = match &old {
                Some(old) => differs("snapshot", old, &new),
                None => Some(Mismatch::told(
                    "snapshot",
                    format!("(there is no `{}`)", shown(file)),
                    pretty(&new),
                )),
            };
            if let Some(mismatch) = mismatch
                && !snapshots.take(file, old.as_ref(), &new)?
            {
                let hint = format!("if it is right, take it: `{}`", snapshots.command);
                found.push(mismatch.hint(hint));
            }
        }
    }
    let mut left = kinds.iter();
    let missing = case
        .events
        .iter()
        .find(|wanted| !left.any(|kind| kind == *wanted));
    if missing.is_some() {
        found.push(Mismatch::told(
            "events",
            case.events.join(", "),
            kinds.join(", "),
        ));
    }
    Ok(found)
}

fn value(outcome: &Outcome) -> Result<Value, Fault> {
    outcome
        .value()
        .parse()
        .map_err(|error| Fault::system("reading a result").caused_by(error))
}

/// Two values, if they are not the same.
fn differs(what: &'static str, expected: &Value, found: &Value) -> Option<Mismatch> {
    (!same(expected, found)).then(|| Mismatch::told(what, pretty(expected), pretty(found)))
}

/// Whether two values are the same: the order of an object's members does not count, and a whole number is the same with
/// and without a fraction of zero.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other
                || ((one.is_f64() || other.is_f64())
                    && one.as_f64().is_some_and(|one| Some(one) == other.as_f64()))
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
        (
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_),
            _,
        ) => one == other,
    }
}

/// A value on lines of its own, with the members of objects by name.
fn pretty(value: &Value) -> String {
    // A value has a text by construction.
    serde_json::to_string_pretty(&sorted(value)).unwrap_or_default()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(values) => Value::Array(values.iter().map(sorted).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            Value::Object(
                members
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect(),
            )
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// What has to come, in words.
fn failure_of(expected: &Expected) -> String {
    match expected {
        Expected::Failure { code, .. } => code.to_string(),
        Expected::Value(value) => pretty(value),
        Expected::Snapshot(_) => "a value, for the snapshot".to_owned(),
        Expected::Nothing => "success, without a value".to_owned(),
        Expected::Success => "success".to_owned(),
    }
}

fn succeeded(outcome: &Outcome) -> String {
    if outcome.has_value() {
        let value = outcome.value().parse::<Value>();
        value.map_or_else(|_| outcome.value().to_string(), |value| pretty(&value))
    } else {
        "success, without a value".to_owned()
    }
}

/// A failure with its causes.
fn told(fault: &Fault) -> String {
    let failure = Failure::from(fault);
    let causes = failure.source.causes.iter();
    let causes = causes.map(|cause| format!("\n  caused by: {cause}"));
    format!(
        "{}: {}{}",
        failure.code,
        failure.message,
        causes.collect::<String>()
    )
}

fn hints(fault: &Fault) -> String {
    fault.hints().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_value_can_be_written_in_several_ways() {
        for (one, other, alike) in [
            (json!(1), json!(1.0), true),
            (json!(1), json!(2), false),
            (json!(0.1), json!(0.1), true),
            (json!(u64::MAX), json!(u64::MAX - 1), false),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
                false,
            ),
            (json!({"a": 1, "b": [2]}), json!({"b": [2.0], "a": 1}), true),
            (json!({"a": 1}), json!({"a": 1, "b": null}), false),
            (json!([1, 2]), json!([2, 1]), false),
            (json!("1"), json!(1), false),
            (json!(null), json!(false), false),
        ] {
            assert_eq!(same(&one, &other), alike, "{one} {other}");
            assert_eq!(same(&other, &one), alike, "{other} {one}");
        }
    }

    #[test]
    fn members_are_shown_by_name() {
        let shown = pretty(&json!({"b": {"d": 1, "c": 2}, "a": []}));
        let wanted = "{\n  \"a\": [],\n  \"b\": {\n    \"c\": 2,\n    \"d\": 1\n  }\n}";
        assert_eq!(shown, wanted);
    }
}
