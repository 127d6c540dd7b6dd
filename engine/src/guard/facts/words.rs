//! Commands and shell characters in text.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::RegexSet;

use crate::types::thrift::Thrift;

/// What stands between two words: white space, the `", "` of a list of words, or `$IFS`.
const GAP: &str = r#"(?:[\s"',\\]|\$\{?IFS\}?)+"#;

/// The commands that are looked for, with their patterns. `_` stands for a gap, and `\b` is one of ASCII,
/// with which the pattern stays fast.
const COMMANDS: [(&str, &str); 4] = [
    (
        "rm -rf",
        r"\brm_(?:-[a-zA-Z-]+_)*(?:-[a-zA-Z]*(?:[rR][a-zA-Z]*f|f[a-zA-Z]*[rR])[a-zA-Z]*\b|(?:-[a-zA-Z]*[rR][a-zA-Z]*|--recursive)_(?:-[a-zA-Z-]+_)*(?:-[a-zA-Z]*f[a-zA-Z]*|--force)\b|(?:-[a-zA-Z]*f[a-zA-Z]*|--force)_(?:-[a-zA-Z-]+_)*(?:-[a-zA-Z]*[rR][a-zA-Z]*|--recursive)\b)",
    ),
    ("sudo", r"\bsudo\b"),
    ("chmod 777", r"\bchmod_(?:-[a-zA-Z-]+_)*[0-7]?777\b"),
    ("dd if=", r"\bdd_(?:[a-z]+=[^\s]*_)*if="),
];

/// One pass over the text for all of them.
static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    let patterns =
        COMMANDS.map(|(_, pattern)| pattern.replace('_', GAP).replace(r"\b", r"(?-u:\b)"));
    RegexSet::new(patterns).ok()
});

static THRIFT: Thrift = Thrift::new();

/// Whether any of the patterns can match, without them: each begins with a word of its own.
fn can_match(text: &str) -> bool {
    let in_word =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    ["rm", "sudo", "chmod", "dd"].iter().any(|word| {
        text.match_indices(word).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| text.as_bytes().get(at));
            !in_word(before) && !in_word(text.as_bytes().get(at + word.len()))
        })
    })
}

/// The blocked commands in a text.
pub(super) fn commands(text: &str) -> BTreeSet<&'static str> {
    if THRIFT.is_without(text, can_match) {
        return BTreeSet::new();
    }
    // The patterns are constants, and a test compiles them.
    let Some(patterns) = PATTERNS.as_ref() else {
        return BTreeSet::new();
    };
    let found = patterns.matches(text);
    found
        .iter()
        .filter_map(|at| COMMANDS.get(at))
        .map(|(name, _)| *name)
        .collect()
}

/// Whether a line has a character that acts in a shell.
pub(super) fn act_in_shell(text: &str) -> bool {
    text.contains([';', '|', '&', '$', '`', '>', '<', '\n'])
}

/// The words of a line for a shell, without their quotes, and for `--name=value` the value.
///
/// Nothing if the line is one word without either.
pub(super) fn of_line(text: &str) -> impl Iterator<Item = &str> {
    const AROUND: [char; 3] = ['"', '\'', '`'];
    text.split([' ', '\t', '\n', '\r', ';', '|', '&', '<', '>', '(', ')'])
        .flat_map(|word| {
            let value = word.split_once('=').map(|(_, value)| value);
            [Some(word), value].into_iter().flatten()
        })
        .map(|word| word.trim_matches(AROUND))
        .filter(move |word| !word.is_empty() && *word != text)
}

#[cfg(test)]
mod tests;
