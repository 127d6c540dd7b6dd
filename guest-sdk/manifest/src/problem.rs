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
        let causes: Vec<String> = error.chain().map(|cause| shown(cause, resolve)).collect();
        let problem = Self::new(causes.join(": "));
        let span = error.chain().find_map(|cause| {
            let parse = cause.downcast_ref::<ParseError>();
            let resolving = cause.downcast_ref::<ResolveError>();
            let parse = parse.map(|error| error.kind().span());
            parse.or(resolving.map(|error| error.kind().span()))
        });
        match span {
            Some(span) => problem.at(span, resolve),
            None => problem,
        }
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
