//! How problems and decisions are shown.

use std::fmt::Write as _;

use engine::data::{Ban, Explanation, Force, Mode, Problem, block, line};
use serde_json::{Value, json};

use crate::render::granted;

/// One problem with its line, and a mark under the word.
pub(super) fn problem(problem: &Problem) -> String {
    let kind = if problem.warning { "warning" } else { "error" };
    let lead = " ".repeat(problem.column.saturating_sub(1));
    let mark = "^".repeat(problem.length.max(1));
    let mut text = format!(
        "{kind}: {}\n  --> {}:{}:{}\n   | {}\n   | {lead}{mark}\n",
        problem.message, problem.file, problem.line, problem.column, problem.source_line
    );
    if let Some(help) = &problem.help {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "hint: {help}");
    }
    text
}

pub(super) fn problem_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "length": problem.length,
        "warning": problem.warning,
        "message": problem.message,
        "help": problem.help,
    })
}

/// A decision as a tree.
pub(super) fn explanation(explanation: &Explanation) -> String {
    let action = &explanation.action;
    let verdict = &explanation.verdict;
    let mut branches: Vec<(String, Vec<String>)> = Vec::new();
    let effects = action.declared.as_ref().map_or_else(
        || "unknown: no manifest".to_owned(),
        |declared| declared.in_words(),
    );
    let mut what = vec![
        format!(
            "{} of {} {}",
            line(&action.function, 256),
            line(&action.component, 128),
            action.digest
        ),
        format!("effects: {effects}"),
        format!(
            "for `{}`, {}",
            line(action.principal.as_str(), 128),
            action.via.as_str()
        ),
    ];
    if !action.labels.is_empty() {
        let labels: Vec<&str> = action.labels.iter().map(String::as_str).collect();
        what.push(format!("with data that is {}", labels.join(", ")));
    }
    branches.push(("action".to_owned(), what));
    let mut grants: Vec<String> = explanation.grants.iter().map(granted).collect();
    grants.extend(
        explanation
            .unused
            .iter()
            .map(|grant| format!("not asked for, so not given: {}", granted(grant))),
    );
    branches.push(("given".to_owned(), or_nothing(grants)));
    branches.push(("facts".to_owned(), or_nothing(verdict.facts.clone())));
    let mut policies = Vec::new();
    if let Some(Ban {
        force,
        policies: these,
        reason,
    }) = &explanation.judgement.ban
    {
        let says = match force {
            Force::Ask(who) if who.is_empty() => "asks".to_owned(),
            Force::Ask(who) => format!("asks {}", line(who, 128)),
            Force::Deny => "denies".to_owned(),
            Force::Kill => "denies, and ends the workflow".to_owned(),
        };
        policies.extend(
            these
                .iter()
                .map(|policy| told(&policy.to_string(), &says, reason)),
        );
    }
    if let Some(permission) = &explanation.judgement.permission {
        let says = if permission.warns {
            "permits, with a warning"
        } else {
            "permits"
        };
        policies.extend(
            permission
                .policies
                .iter()
                .map(|policy| told(&policy.to_string(), says, &permission.reason)),
        );
    }
    branches.push(("policies".to_owned(), or_nothing(policies)));
    if !explanation.changes.is_empty() {
        let changes = explanation.changes.iter();
        branches.push((
            "to allow it".to_owned(),
            changes
                .map(|change| block(&change.to_string()).into_owned())
                .collect(),
        ));
    }
    let mode = if verdict.mode == Mode::Enforce {
        String::new()
    } else {
        format!(" (the guard is in mode `{}`)", verdict.mode)
    };
    let reason = if verdict.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", line(&verdict.reason, 512))
    };
    let mut text = format!(
        "{}: {}{reason}{mode}",
        line(&action.name, 256),
        verdict.decision
    );
    let last = branches.len().saturating_sub(1);
    for (at, (name, leaves)) in branches.into_iter().enumerate() {
        let (fork, bar) = if at == last {
            ("└─", "  ")
        } else {
            ("├─", "│ ")
        };
        let _ = write!(text, "\n{fork} {name}");
        let end = leaves.len().saturating_sub(1);
        for (at, leaf) in leaves.into_iter().enumerate() {
            let fork = if at == end { "└─" } else { "├─" };
            let _ = write!(text, "\n{bar} {fork} {leaf}");
        }
    }
    text
}

fn told(policy: &str, says: &str, reason: &str) -> String {
    if reason.is_empty() {
        format!("{} {says}", line(policy, 400))
    } else {
        format!("{} {says}: {}", line(policy, 400), line(reason, 512))
    }
}

fn or_nothing(leaves: Vec<String>) -> Vec<String> {
    if leaves.is_empty() {
        vec!["nothing".to_owned()]
    } else {
        leaves
    }
}

pub(super) fn explanation_json(explanation: &Explanation) -> Value {
    let action = &explanation.action;
    let changes: Vec<Value> = explanation
        .changes
        .iter()
        .map(|change| json!({ "words": change.to_string(), "change": change }))
        .collect();
    json!({
        "action": action.name,
        "component": { "name": action.component, "digest": action.digest, "version": action.version },
        "function": action.function,
        "principal": action.principal,
        "declared": action.declared,
        "grants": explanation.grants,
        "unused": explanation.unused,
        "limits": explanation.limits,
        "verdict": explanation.verdict,
        "changes": changes,
    })
}
