//! What `like` may cost.
//!
//! Cedar matches a pattern by going back to its last `*`, so that `"*aaaaab"` may compare each letter of an argument with
//! as many of its own as stand between two stars. Whoever chooses the argument chooses how often that happens.

use std::collections::BTreeMap;

use serde_json::Value;

use super::scan::Token;
use crate::types::text;

/// Most comparisons of letters that one decision may need in the worst case: about a fifth of a second.
const MOST_COMPARED: u64 = 128 << 20;

/// The patterns of policies, by what they cost for each byte that they are compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Patterns {
    /// Those that an argument as a whole is compared with.
    by_argument: BTreeMap<String, u64>,
    /// Those for a part of an argument, and for everything else.
    others: u64,
}

impl Patterns {
    /// Finds the patterns in the text of a policy.
    pub(super) fn of(tokens: &[Token<'_>]) -> Self {
        let mut patterns = Self::default();
        for (at, pair) in tokens.windows(2).enumerate() {
            let [like, pattern] = pair else { continue };
            if like.text != "like" || !pattern.text.starts_with('"') {
                continue;
            }
            let cost = cost(pattern.text);
            match argument(tokens.get(..at).unwrap_or_default()) {
                Some(name) => *patterns.by_argument.entry(name.to_owned()).or_default() += cost,
                None => patterns.others += cost,
            }
        }
        patterns
    }

    /// Takes the patterns of one more policy.
    pub(super) fn add(&mut self, other: &Patterns) {
        self.others += other.others;
        for (name, cost) in &other.by_argument {
            *self.by_argument.entry(name.clone()).or_default() += cost;
        }
    }

    /// Checks that these arguments, which are asked for only if they matter, can be compared with all of them in time.
    ///
    /// # Errors
    ///
    /// Why not, in words.
    pub(super) fn bear<'a>(&self, arguments: impl FnOnce() -> &'a Value) -> Result<(), String> {
        if *self == Self::default() {
            return Ok(());
        }
        let arguments = arguments();
        let others = match self.others {
            0 => 0,
            cost => cost.saturating_mul(bytes(arguments)),
        };
        let worst = self.by_argument.iter().map(|(name, cost)| {
            let argument = arguments.get(name);
            (
                name.as_str(),
                cost.saturating_mul(argument.map_or(0, bytes)),
            )
        });
        let mut all = others;
        let mut largest = ("", others);
        for (name, compared) in worst {
            all = all.saturating_add(compared);
            if compared > largest.1 {
                largest = (name, compared);
            }
        }
        if all <= MOST_COMPARED {
            return Ok(());
        }
        let what = match largest.0 {
            "" => "its arguments are".to_owned(),
            name => format!("the argument `{}` is", text::line(name, 100)),
        };
        Err(format!(
            "{what} too long for the patterns of the policies: comparing might take {all} steps, over {MOST_COMPARED}"
        ))
    }
}

/// The argument before a `like`, where that is one as a whole: `context.args.NAME`.
fn argument<'a>(before: &[Token<'a>]) -> Option<&'a str> {
    let [rest @ .., context, one, args, two, name] = before else {
        return None;
    };
    let words = [context.text, one.text, args.text, two.text];
    let is_whole =
        words == ["context", ".", "args", "."] && rest.last().is_none_or(|token| token.text != ".");
    name.name().filter(|_| is_whole)
}

/// How many letters of a pattern may be compared for each letter of a text: the longest part after a `*`, and the star.
///
/// What stands before the first `*` is compared once.
fn cost(pattern: &str) -> u64 {
    let mut parts = vec![0_u64];
    let inner = pattern
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut chars = inner.unwrap_or(pattern).chars();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            ('*', _) => parts.push(1),
            (_, Some(part)) => {
                *part += 1;
                if c == '\\' {
                    chars.next();
                }
            }
            (_, None) => {}
        }
    }
    parts.into_iter().skip(1).max().unwrap_or_default()
}

/// How many bytes all texts in a value have.
fn bytes(value: &Value) -> u64 {
    match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(fields) => fields.values().map(bytes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests;
