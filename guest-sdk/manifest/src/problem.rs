use wit_parser::{ParseError, Resolve, ResolveError};

/// Why no manifest can be made of a WIT package: what is wrong, where, and what to do.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}{message}{}", at(place), told(hint))]
pub struct Problem {
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

fn shown(cause: &(dyn std::error::Error + 'static), resolve: &Resolve) -> String {
    let parse = cause.downcast_ref::<ParseError>();
    let parse = parse.map(|error| error.render(&resolve.source_map));
    let resolving = cause.downcast_ref::<ResolveError>();
    let resolving = resolving.map(|error| error.render(&resolve.source_map));
    let shown = parse.or(resolving);
    shown.unwrap_or_else(|| cause.to_string())
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
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

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// What the reader of WIT says, with the place in the file.
    pub(crate) fn wit(error: &anyhow::Error, resolve: &Resolve) -> Self {
        let causes: Vec<String> = error.chain().map(|cause| shown(cause, resolve)).collect();
        Self::new(causes.join(": "))
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
