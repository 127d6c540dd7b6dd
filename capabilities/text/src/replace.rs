//! Replaces what matches.

use regex::{Captures, Regex};
use regex_automata::util::interpolate;

use crate::exports::engine::text::analysis::Replaced;

/// How to look for matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// The most matches to replace; all of them if left out.
    pub(crate) limit: Option<u32>,
    /// Whether the pattern and the replacement are plain text.
    pub(crate) literal: bool,
}

pub(crate) fn replace(
    text: &str,
    pattern: &str,
    replacement: &str,
    how: How,
) -> Result<Replaced, String> {
    crate::bounded("the text", text)?;
    crate::bounded("the replacement", replacement)?;
    if how.limit == Some(0) {
        return Err(
            "a limit of 0 replaces nothing; leave it out to replace every match".to_owned(),
        );
    }
    let pattern = if how.literal {
        Regex::new(&regex::escape(pattern))
    } else {
        Regex::new(pattern)
    };
    let pattern = pattern.map_err(|error| error.to_string())?;

    let mut replaced = Replaced {
        text: String::new(),
        count: 0,
    };
    let mut kept_to = 0;
    let limit = how.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    for groups in pattern.captures_iter(text).take(limit) {
        let found = groups.get_match();
        let before = text.get(kept_to..found.start()).unwrap_or_default();
        push(&mut replaced.text, before)?;
        if how.literal {
            push(&mut replaced.text, replacement)?;
        } else {
            expand(&pattern, &groups, replacement, &mut replaced.text)?;
        }
        kept_to = found.end();
        replaced.count = replaced.count.saturating_add(1);
    }
    push(&mut replaced.text, text.get(kept_to..).unwrap_or_default())?;
    Ok(replaced)
}

/// Adds a part, as long as the whole stays inside its bound.
fn push(text: &mut String, part: &str) -> Result<(), String> {
    if text.len().saturating_add(part.len()) > crate::MOST_BYTES {
        return Err(too_long());
    }
    text.push_str(part);
    Ok(())
}

fn too_long() -> String {
    format!(
        "the result would have more than {} bytes, which is the most",
        crate::MOST_BYTES
    )
}

/// Adds the replacement with its groups filled in.
///
/// Not by [`Captures::expand`]: that has no bound, and takes a group that is not there for an empty one.
fn expand(
    pattern: &Regex,
    groups: &Captures<'_>,
    replacement: &str,
    text: &mut String,
) -> Result<(), String> {
    let mut problem: Option<String> = None;
    let unknown = std::cell::RefCell::new(None);
    interpolate::string(
        replacement,
        |group, text| {
            if group >= pattern.captures_len() {
                unknown
                    .borrow_mut()
                    .get_or_insert_with(|| group.to_string());
            } else if let Some(group) = groups.get(group)
                && problem.is_none()
            {
                problem = push(text, group.as_str()).err();
            }
        },
        |name| {
            let group = pattern
                .capture_names()
                .position(|known| known == Some(name));
            if group.is_none() {
                unknown.borrow_mut().get_or_insert_with(|| name.to_owned());
            }
            group
        },
        text,
    );
    if let Some(group) = unknown.into_inner() {
        return Err(format!(
            "the replacement has the group `{group}`, and the pattern does not; write `${{1}}a` for group 1 \
             followed by a letter, and `$$` for a dollar sign"
        ));
    }
    match problem {
        Some(problem) => Err(problem),
        None if text.len() > crate::MOST_BYTES => Err(too_long()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
