//! Compares the rules of the configuration with what there is to speak about.

use engine::data::{Known, Problem, Rule, distance, line};

/// The most letters by which a misspelt name is still recognised.
const NEAR: usize = 3;

/// What is wrong with the rules of a configuration, whose text this is.
///
/// A name that nothing has is an error, as it is in a policy; a pattern that nothing fits may be meant for
/// capabilities to come, and is a warning.
pub(super) fn check(rules: &[Rule], known: &[Known], text: &str) -> Vec<Problem> {
    rules
        .iter()
        .filter(|rule| {
            !known
                .iter()
                .any(|known| rule.capability.matches(&known.name))
        })
        .filter_map(|rule| {
            let pattern = rule.capability.as_str();
            let is_pattern = pattern.contains('*');
            let (file, table) = rule.place.clone()?;
            let (number, source, column) = place(text, usize::try_from(table).ok()?);
            Some(Problem {
                file,
                line: number,
                column,
                warning: is_pattern,
                message: if is_pattern {
                    format!(
                        "the rule `{}` applies to nothing: no capability is like `{}`",
                        line(&rule.id, 64),
                        line(pattern, 200)
                    )
                } else {
                    format!(
                        "the rule `{}` is about `{}`, and there is no such capability",
                        line(&rule.id, 64),
                        line(pattern, 200)
                    )
                },
                help: help(pattern, known),
                length: source
                    .chars()
                    .count()
                    .saturating_sub(column.saturating_sub(1)),
                source_line: source,
            })
        })
        .collect()
}

/// The line where a rule says what it is about, or where it begins: its number, its text, and the character where
/// the name begins.
fn place(text: &str, table: usize) -> (usize, String, usize) {
    let mut lines = text.lines().zip(1..).skip(table.saturating_sub(1));
    let first = lines.next();
    let about = lines
        .take_while(|(line, _)| !line.trim_start().starts_with('['))
        .find(|(line, _)| line.trim_start().starts_with("capability"));
    let (written, number) = about.or(first).unwrap_or_default();
    let shown = line(written, 400);
    let column = shown.split_once('=').map_or(1, |(before, after)| {
        let space = after.chars().take_while(|c| c.is_whitespace()).count();
        before.chars().count() + 1 + space + 1
    });
    (number, shown, column)
}

fn help(pattern: &str, known: &[Known]) -> Option<String> {
    let names = known.iter().map(|known| known.name.as_str());
    let near = names
        .clone()
        .map(|name| (distance(name, pattern), name))
        .filter(|(far, _)| *far <= NEAR)
        .min();
    if let Some((_, name)) = near {
        return Some(format!("did you mean `{name}`?"));
    }
    let names: Vec<String> = names.take(10).map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("there is {}", names.join(", ")))
}
