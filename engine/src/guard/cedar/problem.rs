//! What is wrong with a policy, and where.

use std::fmt;

use super::scan::Token;
use crate::types::text;

/// The longest message, help or line that a problem carries, in bytes.
const MOST_SHOWN: usize = 400;

/// What is wrong with a policy, and where.
///
/// Prints as `file:line:column: message`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// Whether the policy can be used all the same.
    pub warning: bool,
    /// What is wrong.
    pub message: String,
    /// What to try.
    pub help: Option<String>,
    /// The line, or its start: every character stands for one, and none acts on a terminal.
    pub source_line: String,
    /// How many characters of the line are meant.
    pub length: usize,
}

impl Problem {
    /// Adds what to try.
    pub(super) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(text::line(help.as_ref(), MOST_SHOWN));
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem {
            file,
            line,
            column,
            message,
            ..
        } = self;
        write!(f, "{file}:{line}:{column}: {message}")
    }
}

/// A file of policies.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) text: String,
}

impl Source {
    /// A problem at a word.
    pub(super) fn problem(&self, word: Token<'_>, message: impl AsRef<str>) -> Problem {
        self.problem_at(word.at, word.text.len(), message)
    }

    /// A problem at some bytes; of several lines only the first counts.
    pub(super) fn problem_at(&self, at: usize, bytes: usize, message: impl AsRef<str>) -> Problem {
        let before = text::prefix(&self.text, at);
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let lead = self.text.get(start..before.len()).unwrap_or_default();
        let rest = self.text.get(before.len()..).unwrap_or_default();
        let meant = text::prefix(rest, bytes).lines().next().unwrap_or_default();
        let line = self.text.get(start..).unwrap_or_default().lines().next();
        Problem {
            file: self.name.clone(),
            line: self.line(at),
            column: lead.chars().count() + 1,
            warning: false,
            message: text::line(message.as_ref(), MOST_SHOWN),
            help: None,
            source_line: shown(line.unwrap_or_default()),
            length: meant.chars().count().max(1),
        }
    }

    /// A problem of the file as a whole.
    pub(super) fn problem_of_all(&self, message: impl AsRef<str>) -> Problem {
        self.problem_at(0, 0, message)
    }

    /// The line of a byte, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        text::prefix(&self.text, at).matches('\n').count() + 1
    }

    /// The character of a byte in its line, from 1.
    pub(super) fn column(&self, at: usize) -> usize {
        let before = text::prefix(&self.text, at);
        let line = before.rsplit('\n').next().unwrap_or(before);
        line.chars().count() + 1
    }
}

/// A line with one harmless character for each of its own.
fn shown(line: &str) -> String {
    let mut bytes = [0; 4];
    text::prefix(line, MOST_SHOWN)
        .chars()
        .map(|c| match c {
            '\t' => ' ',
            c if text::line(c.encode_utf8(&mut bytes), 4).chars().eq([c]) => c,
            _ => char::REPLACEMENT_CHARACTER,
        })
        .collect()
}
