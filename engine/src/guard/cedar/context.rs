//! What policies see of an action.

use std::collections::BTreeSet;

use cedar_policy::{Context, RestrictedExpression};
use serde_json::Value;

use super::slice::Reads;
use super::values;
use crate::guard::{Counters, Facts, HostFact, PathFact, Question};
use crate::types::text;

/// Makes the parts of the context that policies look at.
///
/// # Errors
///
/// Why some of it cannot be given to them, in words.
pub(super) fn context(question: &Question<'_>, reads: &Reads) -> Result<Context, String> {
    let action = question.action();
    let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let mut parts = Vec::new();
    if reads.part("args") {
        parts.push(("args", arguments(question, reads)?));
    }
    if reads.part("facts") {
        parts.push(("facts", facts(question.facts(), reads)?));
    }
    if reads.part("calls") {
        parts.push(("calls", calls(question.counters(), reads)?));
    }
    if reads.part("labels") {
        parts.push(("labels", strings(&action.labels)));
    }
    if reads.part("via") {
        parts.push(("via", string(action.via.as_str())));
    }
    if let Some((workflow, step)) = &action.step {
        if reads.part("workflow") {
            parts.push(("workflow", string(&workflow.to_string())));
        }
        if reads.part("step") {
            parts.push(("step", string(step)));
        }
    }
    let parts = parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    Context::from_pairs(parts).map_err(|error| error.to_string())
}

fn arguments(question: &Question<'_>, reads: &Reads) -> Result<RestrictedExpression, String> {
    let unfit =
        |name: &str, why: values::Unfit| format!("the argument `{}` {why}", text::line(name, 100));
    let mut fields = Vec::new();
    let parameters = question
        .function()
        .map(|function| function.parameters.as_slice());
    for parameter in parameters.unwrap_or_default() {
        let name = parameter.name.as_str();
        if reads.attribute("args", name) {
            // An argument that is an option may have been left out.
            let value = question.arguments().get(name).unwrap_or(&Value::Null);
            let value = values::attribute(value, &parameter.ty).map_err(|why| unfit(name, why))?;
            fields.extend(value.map(|value| (name, value)));
        }
    }
    if parameters.is_none() && reads.attribute("args", "words") {
        let words = values::words(question.arguments()).map_err(|why| unfit("words", why))?;
        fields.push(("words", words));
    }
    record(fields)
}

fn facts(facts: &Facts, reads: &Reads) -> Result<RestrictedExpression, String> {
    type Make = fn(&Facts) -> RestrictedExpression;
    let fields: [(&str, Make); 12] = [
        ("paths", |facts| paths(facts, |_| true)),
        ("outside", |facts| {
            paths(facts, |path| path.named && !path.inside)
        }),
        ("unwritable", |facts| {
            paths(facts, |path| path.named && !(path.inside && path.writable))
        }),
        ("blocked", |facts| paths(facts, |path| path.blocked)),
        ("hosts", |facts| hosts(facts, |_| true)),
        ("private_hosts", |facts| hosts(facts, |host| host.private)),
        ("userinfo", |facts| {
            RestrictedExpression::new_bool(facts.hosts.iter().any(|host| host.userinfo))
        }),
        ("secrets", |facts| strings(&facts.secrets)),
        ("commands", |facts| strings(&facts.commands)),
        ("shell", |facts| RestrictedExpression::new_bool(facts.shell)),
        ("bytes", |facts| long(facts.bytes)),
        ("incomplete", |facts| {
            RestrictedExpression::new_bool(facts.incomplete)
        }),
    ];
    let read = fields
        .iter()
        .filter(|(name, _)| reads.attribute("facts", name));
    record(read.map(|(name, make)| (*name, make(facts))))
}

fn calls(counters: &Counters, reads: &Reads) -> Result<RestrictedExpression, String> {
    let counts = [
        ("all", counters.calls),
        ("denied", counters.denials),
        ("same", counters.of_this),
        ("repeats", counters.repeats),
    ];
    let read = counts
        .into_iter()
        .filter(|(name, _)| reads.attribute("calls", name));
    record(read.map(|(name, count)| (name, long(count))))
}

fn record<'a>(
    fields: impl IntoIterator<Item = (&'a str, RestrictedExpression)>,
) -> Result<RestrictedExpression, String> {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

fn paths(facts: &Facts, wanted: fn(&PathFact) -> bool) -> RestrictedExpression {
    strings(
        facts
            .paths
            .iter()
            .filter(|path| wanted(path))
            .map(|path| &path.normal),
    )
}

fn hosts(facts: &Facts, wanted: fn(&HostFact) -> bool) -> RestrictedExpression {
    strings(
        facts
            .hosts
            .iter()
            .filter(|host| wanted(host))
            .map(|host| &host.host),
    )
}

fn strings(texts: impl IntoIterator<Item = impl AsRef<str>>) -> RestrictedExpression {
    let texts: BTreeSet<String> = texts
        .into_iter()
        .map(|text| text.as_ref().to_owned())
        .collect();
    RestrictedExpression::new_set(texts.into_iter().map(RestrictedExpression::new_string))
}

/// A count; one that is beyond Cedar's integers becomes the greatest.
fn long(count: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(count).unwrap_or(i64::MAX))
}
