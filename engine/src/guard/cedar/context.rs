//! What policies see of an action.

use std::collections::BTreeSet;

use cedar_policy::{Context, RestrictedExpression};
use serde_json::Value;

use super::slice::Reads;
use super::values;
use crate::guard::{Counters, Facts, HostFact, PathFact, Question};
use crate::types::{Bytes, text};

/// The most text that all places have together, 1 MiB.
const MOST_PLACES: Bytes = Bytes::mib(1);

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
    let fields: [(&str, Make); 14] = [
        ("paths", |facts| paths(facts, |_| true)),
        ("odd", |facts| {
            paths(facts, |path| path.named && !path.plain)
        }),
        ("outside", |facts| {
            paths(facts, |path| path.named && !path.inside)
        }),
        ("unwritable", |facts| {
            paths(facts, |path| path.named && !(path.inside && path.writable))
        }),
        ("blocked", |facts| paths(facts, |path| path.blocked)),
        ("hosts", |facts| hosts(facts, |_| true)),
        ("origins", |facts| {
            let origin = |host: &HostFact| format!("{}://{}:{}", host.scheme, host.host, host.port);
            strings(facts.hosts.iter().map(origin))
        }),
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
    let mut made: Vec<_> = read.map(|(name, make)| (*name, make(facts))).collect();
    if reads.attribute("facts", "places") {
        made.push(("places", places(facts)?));
    }
    record(made)
}

/// Every place that a path may mean, and every directory around it, so that `contains` finds what is beneath one.
fn places(facts: &Facts) -> Result<RestrictedExpression, String> {
    let mut all = BTreeSet::new();
    let mut bytes = 0;
    for place in facts.paths.iter().flat_map(PathFact::places) {
        let around = place.match_indices('/').map(|(at, _)| at);
        for end in around.chain([place.len()]) {
            let part = place.get(..end).unwrap_or(place);
            if !part.is_empty() && all.insert(part) {
                bytes += part.len();
            }
        }
        if Bytes::of_len(bytes) > MOST_PLACES {
            return Err(format!(
                "the places of its paths are over {MOST_PLACES} together"
            ));
        }
    }
    Ok(strings(all))
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
