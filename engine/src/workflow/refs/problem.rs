use std::fmt;

use super::place::Place;
use super::template::Reference;
use crate::types::text;

/// What is wrong at one place of a step's arguments.
///
/// Its texts are bounded and escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole.
    pub(crate) pointer: String,
    /// The type or rule, in WIT's words.
    pub(crate) expected: String,
    /// What is there.
    pub(crate) found: String,
    /// What to try.
    pub(crate) hint: Option<String>,
}

impl Problem {
    /// A problem of the whole, until [`at`](Problem::at) moves it.
    pub(crate) fn new(expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            pointer: String::new(),
            expected: text::line(&expected.to_string(), 400),
            found: text::line(&found.to_string(), 200),
            hint: None,
        }
    }

    /// Adds what to try.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(text::line(&hint.to_string(), 400));
        self
    }

    /// Adds the name that a misspelt one may have meant, if there is one.
    pub(super) fn meant(self, name: Option<&str>) -> Self {
        match name {
            Some(name) => self.hint(format_args!("did you mean `{name}`?")),
            None => self,
        }
    }

    pub(super) fn at(mut self, place: &Place<'_>) -> Self {
        self.pointer = text::line(&place.pointer(), 400);
        self
    }

    /// Says which reference has the problem.
    pub(super) fn of(mut self, reference: &Reference) -> Self {
        self.found = text::line(
            &format!("{} in `{reference}`", self.found),
            200 + text::written(&reference.to_string()),
        );
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "at `{}`: ", self.pointer)?;
        }
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}
