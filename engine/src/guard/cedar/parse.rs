//! From text to rules: policies with their places and annotations.

use std::str::FromStr;

use cedar_policy::{Policy, PolicyId, PolicySet};
use miette::Diagnostic;

use super::annotations::Annotations;
use super::patterns::Patterns;
use super::problem::{Problem, Source};
use super::scan::{self, MOST_CHAINED, MOST_NESTED, Token, TooDeep};
use super::slice::Reads;
use crate::guard::PolicyRef;
use crate::types::Bytes;

/// The largest file of policies.
pub(super) const MOST_BYTES: Bytes = Bytes::new(256 << 10);

/// Most policies in all files together.
pub(super) const MOST_POLICIES: usize = 2_000;

/// One policy.
#[derive(Debug)]
pub(super) struct Rule {
    /// As Cedar has it; its id is that of `place`.
    pub(super) policy: Policy,
    /// As it is asked: its scope leaves out the action and the resource, which are known to fit.
    pub(super) asked: Policy,
    /// Its name, and where it is written.
    pub(super) place: PolicyRef,
    pub(super) annotations: Annotations,
    /// What it looks at.
    pub(super) reads: Reads,
    /// What it compares texts with.
    pub(super) patterns: Patterns,
    /// The file, by position.
    pub(super) file: usize,
    /// The bytes of the file that it takes.
    pub(super) span: std::ops::Range<usize>,
}

impl Rule {
    /// The words of the policy, with their places in its file.
    pub(super) fn words<'a>(&self, tokens: &'a [Token<'a>]) -> &'a [Token<'a>] {
        let start = tokens.partition_point(|token| token.at < self.span.start);
        let end = tokens.partition_point(|token| token.at < self.span.end);
        tokens.get(start..end).unwrap_or_default()
    }
}

/// Reads all files.
pub(super) fn rules(files: &[Source]) -> Result<Vec<Rule>, Vec<Problem>> {
    let mut rules: Vec<Rule> = Vec::new();
    let mut problems = Vec::new();
    for (position, file) in files.iter().enumerate() {
        match rules_of(file, position, MOST_POLICIES - rules.len()) {
            Ok(more) => rules.extend(more),
            Err(more) => problems.extend(more),
        }
    }
    problems.extend(name(&mut rules, files));
    if problems.is_empty() {
        Ok(rules)
    } else {
        problems.sort();
        Err(problems)
    }
}

fn rules_of(file: &Source, position: usize, most: usize) -> Result<Vec<Rule>, Vec<Problem>> {
    let size = Bytes::new(file.text.len() as u64);
    if size > MOST_BYTES {
        let message = format!("the file has {size}, over the limit of {MOST_BYTES}");
        let help = "move some of its policies to another file";
        return Err(vec![file.problem_of_all(message).help(help)]);
    }
    let tokens = scan::tokens(&file.text);
    if let Some(problem) = too_deep(file, &tokens) {
        return Err(vec![problem]);
    }
    // A string has its quotes: what is only `;` ends a policy.
    if tokens.iter().filter(|token| token.text == ";").count() > most {
        let message = format!("there are more than {MOST_POLICIES} policies in all files together");
        return Err(vec![file.problem_of_all(message)]);
    }
    let set = PolicySet::from_str(&file.text).map_err(|errors| {
        errors
            .iter()
            .map(|error| of_cedar(file, error))
            .collect::<Vec<_>>()
    })?;
    if set.num_of_templates() > 0 {
        let slots = tokens.iter().filter(|token| token.text.starts_with('?'));
        let problem = |slot: &Token<'_>| {
            file.problem(
                *slot,
                format!("`{}` makes a template, which is never used", slot.text),
            )
            .help("write the policy out for those that it is meant for")
        };
        return Err(slots.map(problem).collect());
    }

    let mut rules = Vec::new();
    let mut problems = Vec::new();
    for policy in set.policies() {
        let place = policy.as_ref().loc();
        let mut rule = Rule {
            policy: policy.clone(),
            asked: policy.clone(),
            place: PolicyRef {
                id: String::new(),
                file: Some(file.name.clone()),
                line: None,
            },
            annotations: Annotations::default(),
            reads: Reads::default(),
            patterns: Patterns::default(),
            file: position,
            span: place.map_or(0..file.text.len(), |place| place.start()..place.end()),
        };
        let words = rule.words(&tokens);
        rule.reads = Reads::of(words);
        rule.patterns = Patterns::of(words);
        rule.place.line = u64::try_from(file.line(rule.span.start)).ok();
        match Annotations::of(policy, file, words) {
            Ok(annotations) => {
                rule.annotations = annotations;
                rules.push(rule);
            }
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    rules.sort_by_key(|rule| rule.span.start);
    Ok(rules)
}

/// The place that is too deep for Cedar.
fn too_deep(file: &Source, tokens: &[Token<'_>]) -> Option<Problem> {
    Some(match scan::too_deep(tokens)? {
        TooDeep::Nested(bracket) => file
            .problem(
                bracket,
                format!("more than {MOST_NESTED} brackets are open here"),
            )
            .help("split the policy, or take brackets away"),
        TooDeep::Chained(word) => file
            .problem(
                word,
                format!("more than {MOST_CHAINED} operators hang on each other here"),
            )
            .help("split the policy, or compare with a set: `[…].contains(…)`"),
    })
}

/// Gives every rule its id.
fn name(rules: &mut [Rule], files: &[Source]) -> Vec<Problem> {
    let mut taken = std::collections::HashMap::new();
    let mut problems = Vec::new();
    // Written ids first: a made one can give way.
    let (written, made): (Vec<_>, Vec<_>) = rules
        .iter_mut()
        .partition(|rule| rule.annotations.id.is_some());
    for rule in written.into_iter().chain(made) {
        let Some(file) = files.get(rule.file) else {
            continue;
        };
        let line = file.line(rule.span.start);
        let mut id = match &rule.annotations.id {
            Some(id) => id.clone(),
            None => format!("{}:{line}", file.name),
        };
        if rule.annotations.id.is_none() && taken.contains_key(&id) {
            id = format!("{id}:{}", file.column(rule.span.start));
        }
        if let Some(other) = taken.get(&id) {
            let tokens = scan::tokens(&file.text);
            let message = format!("the id `{id}` is taken by {other}");
            problems.push(match scan::annotation(rule.words(&tokens), "id") {
                Some(word) => file.problem(word, message),
                None => file.problem_at(rule.span.start, 1, message),
            });
            continue;
        }
        taken.insert(id.clone(), format!("the policy at {}:{line}", file.name));
        rule.policy = rule.policy.new_id(PolicyId::new(&id));
        rule.asked = unscoped(&rule.policy).unwrap_or_else(|| rule.policy.clone());
        rule.place.id = id;
    }
    problems
}

/// A policy for any action and resource; to compare them costs more than many a condition.
fn unscoped(policy: &Policy) -> Option<Policy> {
    let mut json = policy.to_json().ok()?;
    for part in ["action", "resource"] {
        *json.get_mut(part)? = serde_json::json!({ "op": "All" });
    }
    Policy::from_json(Some(policy.id().clone()), json).ok()
}

/// A problem that Cedar found, at the smallest place that it names.
pub(super) fn of_cedar(file: &Source, error: &dyn Diagnostic) -> Problem {
    let labels: Vec<_> = error.labels().into_iter().flatten().collect();
    let smallest = labels.iter().min_by_key(|label| label.len());
    let (at, bytes) = smallest.map_or((0, 0), |label| (label.offset(), label.len()));
    let problem = file.problem_at(at, bytes, without_id(&error.to_string()));
    let help = error
        .help()
        .map(|help| without_id(&help.to_string()).to_owned());
    match help.or_else(|| smallest?.label().map(str::to_owned)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// What Cedar says, without the id that it begins with: the place says as much.
fn without_id(said: &str) -> &str {
    let rest = said.strip_prefix("for policy `");
    rest.and_then(|rest| rest.split_once("`, "))
        .map_or(said, |(_, said)| said)
}

#[cfg(test)]
mod tests;
