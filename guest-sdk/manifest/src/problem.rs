use std::error::Error;

use wit_parser::{ParseError, Resolve, ResolveError, Span};

/// Why no manifest can be made of a WIT package: what is wrong, where, and what to do.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}{message}{}", at(place), told(hint))]
pub struct Problem {
    location: Option<String>,
    place: String,
    message: String,
    hint: String,
}

fn at(place: &str) -> String {
    if place.is_empty() {
        return String::new();
    }
    format!("`{place}`: ")
}

fn told(hint: &str) -> String {
    if hint.is_empty() {
        return String::new();
    }
    format!("; {hint}")
}

/// What a cause says with the lines that it is about, and where they are; `None` if it is about no lines.
fn located(cause: &(dyn Error + 'static), resolve: &Resolve) -> Option<(String, Span)> {
    let map = &resolve.source_map;
    if let Some(error) = cause.downcast_ref::<ParseError>() {
        return Some((error.render(map), error.kind().span()));
    }
    let error = cause.downcast_ref::<ResolveError>()?;
    Some((error.render(map), error.kind().span()))
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            location: None,
            place: String::new(),
            message: message.into(),
            hint: String::new(),
        }
    }

    /// Says of what it is a problem.
    pub(crate) fn of(self, place: &str) -> Self {
        Self {
            place: place.to_owned(),
            ..self
        }
    }

    /// Says where in the files it is.
    pub(crate) fn at(self, span: Span, resolve: &Resolve) -> Self {
        let known = resolve.source_map.resolve_span(span).is_some();
        Self {
            location: known.then(|| resolve.source_map.render_location(span)),
            ..self
        }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// What the reader of WIT says, with the place in the file.
    pub(crate) fn wit(error: &anyhow::Error, resolve: &Resolve) -> Self {
        let lines = error.chain().find_map(|cause| located(cause, resolve));
        if let Some((shown, span)) = lines {
            return Self::new(shown).at(span, resolve);
        }
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        Self::new(causes.join(": "))
    }

    /// Where it is, as `file:line:column`; `None` if it is not in one place.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Of what it is a problem, such as the name of a function; empty if of nothing that has a name.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong, without a hint.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do; empty if nobody knows.
    #[must_use]
    pub fn what_to_do(&self) -> &str {
        &self.hint
    }
}
