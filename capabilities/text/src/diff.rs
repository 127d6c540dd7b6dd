//! What two texts differ in, as a unified diff.
//!
//! The lines to keep come from `similar`; they are split and written here, as that crate takes a lone
//! carriage return for the end of a line, and `patch` does not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use crate::exports::engine::text::analysis::Difference;

/// The most equal lines around a change.
const MOST_CONTEXT: u32 = 1_000;
const DEFAULT_CONTEXT: u32 = 3;
/// The most bytes of a name.
const MOST_NAME: usize = 255;

pub(crate) fn diff(
    old: &str,
    new: &str,
    context: Option<u32>,
    name: Option<&str>,
) -> Result<Difference, String> {
    crate::bounded("the old text", old)?;
    crate::bounded("the new text", new)?;
    let context = context.unwrap_or(DEFAULT_CONTEXT);
    if context > MOST_CONTEXT {
        return Err(format!(
            "a context of {context} lines is asked for, and the most is {MOST_CONTEXT}"
        ));
    }
    let heading = heading(name)?;

    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let (old_numbers, new_numbers) = numbered(&old, &new);
    let changes = capture_diff_slices(Algorithm::Myers, &old_numbers, &new_numbers);
    let (removed, added) = changes
        .iter()
        .filter(|change| change.tag() != DiffTag::Equal)
        .fold((0_usize, 0_usize), |(removed, added), change| {
            (
                removed.saturating_add(change.old_range().len()),
                added.saturating_add(change.new_range().len()),
            )
        });
    let mut difference = Difference {
        patch: String::new(),
        added: crate::count(added),
        removed: crate::count(removed),
    };
    if removed == 0 && added == 0 {
        return Ok(difference);
    }
    difference.patch.push_str(&heading);
    let context = usize::try_from(context).unwrap_or(usize::MAX);
    for hunk in group_diff_ops(changes, context) {
        write_hunk(&mut difference.patch, &hunk, &old, &new);
    }
    Ok(difference)
}

/// The two lines before the first change.
fn heading(name: Option<&str>) -> Result<String, String> {
    let Some(name) = name else {
        return Ok("--- old\n+++ new\n".to_owned());
    };
    if name.is_empty() || name.len() > MOST_NAME {
        return Err(format!(
            "the name has {} bytes, and has to have from 1 to {MOST_NAME}",
            name.len()
        ));
    }
    if name.contains(char::is_control) {
        return Err("the name has a control character".to_owned());
    }
    Ok(format!("--- a/{name}\n+++ b/{name}\n"))
}

/// A number for every line, equal lines having the same one: numbers are compared at once.
fn numbered<'a>(old: &[&'a str], new: &[&'a str]) -> (Vec<usize>, Vec<usize>) {
    let mut known: BTreeMap<&'a str, usize> = BTreeMap::new();
    let mut number = |lines: &[&'a str]| {
        let numbers = lines.iter().map(|line| {
            let next = known.len();
            *known.entry(line).or_insert(next)
        });
        numbers.collect()
    };
    let old = number(old);
    (old, number(new))
}

fn write_hunk(patch: &mut String, hunk: &[DiffOp], old: &[&str], new: &[&str]) {
    let whole = |of: fn(&DiffOp) -> Range<usize>| {
        let first = hunk.first().map_or(0, |change| of(change).start);
        first..hunk.last().map_or(first, |change| of(change).end)
    };
    // Writing to a string does not fail.
    let _ = writeln!(
        patch,
        "@@ -{} +{} @@",
        span(&whole(DiffOp::old_range)),
        span(&whole(DiffOp::new_range))
    );
    for change in hunk {
        if change.tag() == DiffTag::Equal {
            write_lines(patch, ' ', old, change.old_range());
        } else {
            write_lines(patch, '-', old, change.old_range());
            write_lines(patch, '+', new, change.new_range());
        }
    }
}

/// First line and number of lines. No line at all is written as after the line before it.
fn span(lines: &Range<usize>) -> String {
    let first = lines.start.saturating_add(1);
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => first.to_string(),
        number => format!("{first},{number}"),
    }
}

fn write_lines(patch: &mut String, mark: char, lines: &[&str], range: Range<usize>) {
    for line in lines.get(range).unwrap_or_default() {
        patch.push(mark);
        patch.push_str(line);
        if !line.ends_with('\n') {
            patch.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests;
