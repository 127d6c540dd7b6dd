//! Says what would have to change for an action to be allowed, and no more than that.

mod reach;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

pub(super) use self::reach::Reach;
use super::{Facts, Judgement, Question};
use crate::types::{
    Action, Decision, Declared, Digest, Grant, Limits, Parameter, PolicyRef, Verdict, WitType, text,
};

/// A decision with all that it was made of.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation {
    /// What was decided about.
    pub action: Action,
    /// What it would be given.
    pub grants: Vec<Grant>,
    /// What outer layers grant and the component has no use for.
    pub unused: Vec<Grant>,
    /// What it might use at most.
    pub limits: Limits,
    /// What was found in its arguments.
    pub facts: Facts,
    /// Who permits it and who bans it.
    pub judgement: Judgement,
    /// What came of that.
    pub verdict: Verdict,
    /// The smallest changes that would allow it, all of them together and in this order; empty if it is allowed, or
    /// if nothing but other policies would allow it.
    pub changes: Vec<Change>,
}

/// Something that would have to be different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "text", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// One more option of `engine exec`, such as `--dir out:rw`.
    Flag(String),
    /// One more policy, in Cedar, for a file that `--policy` names.
    Policy(String),
    /// A clause for the end of the policy at this place, before its `;`.
    Exception {
        /// The policy.
        policy: PolicyRef,
        /// The clause.
        clause: String,
    },
    /// The rule at this place would have to go, or to apply to less.
    Rule(PolicyRef),
    /// Somebody has to approve the call.
    Approval,
    /// A command that makes a directory, which has to be there to be granted, such as `mkdir -p out`.
    Directory(String),
    /// A line of the operator's configuration, in the place of the one that is there.
    Grants {
        /// The configuration.
        file: String,
        /// The section of it, such as `[grants]`.
        section: String,
        /// The line, such as `dirs = ["out:rw"]`.
        line: String,
    },
    /// Something that is no change of grants or policies alone, in words.
    Otherwise(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Flag(flag) => write!(f, "add `{flag}`"),
            Change::Policy(policy) => write!(f, "permit it, in a file for `--policy`: `{policy}`"),
            Change::Exception { policy, clause } => {
                write!(f, "before the `;` of {policy}, add `{clause}`")
            }
            Change::Rule(rule) => write!(f, "remove the rule {rule}, or let it apply to less"),
            Change::Approval => f.write_str("have it approved"),
            Change::Directory(command) => write!(f, "make the directory with `{command}`"),
            Change::Grants {
                file,
                section,
                line,
            } => write!(f, "in `{section}` of {file}, let it be `{line}`"),
            Change::Otherwise(words) => f.write_str(words),
        }
    }
}

/// The smallest changes that would allow an action; empty where nothing but other policies would.
pub(super) fn changes(
    question: &Question<'_>,
    judgement: &Judgement,
    verdict: &Verdict,
    reach: &Reach<'_>,
) -> Vec<Change> {
    match verdict.decision {
        Decision::Allow | Decision::Warn => Vec::new(),
        Decision::Ask => vec![Change::Approval],
        Decision::Deny | Decision::Kill => {
            let permit = || Change::Policy(permit(question));
            match (&judgement.ban, &judgement.permission) {
                (None, _) => vec![permit()],
                (Some(ban), permission) => {
                    // Of a path that is not written plainly the other policies say nothing that lasts.
                    let mut changes = plainly(question, &ban.policies);
                    if !changes.is_empty() {
                        return changes;
                    }
                    for policy in &ban.policies {
                        let lifted = lift(question, policy, reach);
                        // One ban that nothing lifts is enough.
                        if lifted.is_empty() {
                            return Vec::new();
                        }
                        changes.extend(lifted);
                    }
                    if permission.is_none() {
                        changes.push(permit());
                    }
                    changes.dedup();
                    changes
                }
            }
        }
    }
}

/// What would take an action out of the reach of a policy that bans it.
fn lift(question: &Question<'_>, policy: &PolicyRef, reach: &Reach<'_>) -> Vec<Change> {
    match &policy.file {
        Some(file) if file.ends_with(".cedar") => vec![Change::Exception {
            policy: policy.clone(),
            clause: format!("unless {{ {} }}", this_call(question)),
        }],
        Some(_) => vec![Change::Rule(policy.clone())],
        None if policy.id.ends_with(".outside-grants") => {
            let declared = question.action().declared.as_ref();
            reach.changes(question, declared.is_none_or(Declared::writes))
        }
        None => Vec::new(),
    }
}

/// How the paths of a call would be written plainly, if they are banned for that; empty if nobody can say.
fn plainly(question: &Question<'_>, policies: &[PolicyRef]) -> Vec<Change> {
    let bans = |policy: &PolicyRef| policy.file.is_none() && policy.id.ends_with(".spelling");
    if !policies.iter().any(bans) {
        return Vec::new();
    }
    let odd = question.facts().paths.iter();
    let changes = odd.filter(|path| path.named && !path.plain).map(|path| {
        (path.is_odd_by_parts()).then(|| {
            Change::Otherwise(format!(
                "write `{}` in the place of `{}`",
                text::line(&path.normal, 256),
                path.written
            ))
        })
    });
    changes.collect::<Option<_>>().unwrap_or_default()
}

/// The narrowest Cedar policy that permits an action; a remark names the arguments that it cannot compare.
pub(super) fn permit(question: &Question<'_>) -> String {
    let action = question.action();
    let head = format!(
        "permit (principal == Principal::{}, action == Action::{}, resource == Component::{})",
        quoted(action.principal.as_str()),
        quoted(&action.name),
        quoted(&action.component),
    );
    let remark = match uncompared(question).as_slice() {
        [] => String::new(),
        these => format!(" // with any {}", these.join(", ")),
    };
    let conditions = conditions(question).join(" && ");
    format!("{head} when {{ {conditions} }};{remark}")
}

/// The condition that only a component of these bytes fulfils.
pub(super) fn this_component(digest: &Digest) -> String {
    format!("resource.digest == {}", quoted(&digest.to_string()))
}

/// The conditions that only this very call fulfils, as far as policies can say it.
fn this_call(question: &Question<'_>) -> String {
    let action = question.action();
    let mut all = vec![
        format!(
            "principal == Principal::{}",
            quoted(action.principal.as_str())
        ),
        // By `==` it would be told apart from what the same function is called when it is configured.
        format!("action in Action::{}", quoted(&action.name)),
    ];
    all.extend(conditions(question));
    all.join(" && ")
}

/// What only this component with these arguments fulfils, with data of these labels.
fn conditions(question: &Question<'_>) -> Vec<String> {
    let mut all = vec![this_component(&question.action().digest)];
    all.extend(arguments(question));
    let labels: Vec<String> = question
        .action()
        .labels
        .iter()
        .map(|label| quoted(label))
        .collect();
    if !labels.is_empty() {
        all.push(format!("context.labels == [{}]", labels.join(", ")));
    }
    all
}

/// The arguments that can be compared whole: texts, numbers, booleans and names.
fn arguments(question: &Question<'_>) -> Vec<String> {
    let parameters = question
        .function()
        .map_or(&[][..], |function| &function.parameters);
    let values = question.arguments();
    let comparisons = parameters.iter().filter_map(|Parameter { name, ty }| {
        let place = attribute(name);
        let value = values.get(name).unwrap_or(&Value::Null);
        let WitType::Option(inner) = ty else {
            return Some(format!("context.args{place} == {}", literal(value, ty)?));
        };
        if value.is_null() {
            return Some(format!("!(context.args has {})", quoted(name)));
        }
        let value = literal(value, inner)?;
        Some(format!(
            "context.args has {} && context.args{place} == {value}",
            quoted(name)
        ))
    });
    comparisons.collect()
}

/// The arguments that policies cannot compare, so that a policy is about any of them.
fn uncompared(question: &Question<'_>) -> Vec<String> {
    let Some(function) = question.function() else {
        return vec!["words".to_owned()];
    };
    let parameters = &function.parameters;
    let values = question.arguments();
    let left = parameters.iter().filter(|parameter| {
        let value = values.get(&parameter.name).unwrap_or(&Value::Null);
        let WitType::Option(inner) = &parameter.ty else {
            return literal(value, &parameter.ty).is_none();
        };
        !value.is_null() && literal(value, inner).is_none()
    });
    left.map(|parameter| format!("`{}`", text::line(&parameter.name, 64)))
        .collect()
}

fn literal(value: &Value, ty: &WitType) -> Option<String> {
    match (ty, value) {
        (WitType::Bool, Value::Bool(value)) => Some(value.to_string()),
        (
            WitType::S8
            | WitType::U8
            | WitType::S16
            | WitType::U16
            | WitType::S32
            | WitType::U32
            | WitType::S64
            | WitType::U64,
            Value::Number(number),
        ) => number.as_i64().map(|number| number.to_string()),
        (WitType::String | WitType::Char | WitType::Enum(_), Value::String(text))
            if text.len() <= 1024 =>
        {
            Some(quoted(text))
        }
        _ => None,
    }
}

/// How a field is reached: `.name`, or `["na-me"]` where the name is no identifier.
pub(super) fn attribute(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic());
    if plain && !RESERVED.contains(&name) {
        format!(".{name}")
    } else {
        format!("[{}]", quoted(name))
    }
}

/// Words of Cedar that are no attribute names without quotes.
const RESERVED: [&str; 9] = [
    "true", "false", "if", "then", "else", "in", "is", "like", "has",
];

/// A string of Cedar. Its escapes are those of Rust.
pub(super) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

#[cfg(test)]
mod tests;
