use std::fmt;

use super::problem::Problem;
use crate::types::text;

/// The longest reference, with its `${` and `}`, in bytes.
const LONGEST: usize = 512;
/// The most references in one string.
const MOST: usize = 64;
/// The longest id of a step and name of an input, in bytes.
const LONGEST_NAME: usize = 64;

/// A string of a plan, taken apart.
///
/// In a run of `$` just before a `{`, each pair stands for one `$`, and one that is left over opens a
/// reference: `$${` is the text `${`, and `$$${inputs.price}` is a `$` and a reference. All other `$`
/// stand for themselves. Prints as a string that means the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// One part of a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that stands for itself; never empty, and never next to another.
    Text(String),
    /// A reference.
    Reference(Reference),
}

/// A name for a value that is known when a step starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reference {
    /// `${steps.ID.output.PATH}`: the output of a step, or a part of it.
    Output {
        /// The id of the step.
        step: String,
        /// Names and indices, from the outside in.
        path: Vec<String>,
    },
    /// `${inputs.NAME.PATH}`: an input of the plan, or a part of it.
    Input {
        /// The name of the input.
        name: String,
        /// Names and indices, from the outside in.
        path: Vec<String>,
    },
    /// `${step.idempotency_key}`: the same for every try of a step, and for no other step.
    IdempotencyKey,
}

impl Template {
    /// Takes a string apart.
    ///
    /// # Errors
    ///
    /// Every reference that is not one; the pointers are left empty.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut parts = Parts::default();
        let mut problems = Vec::new();
        let mut references = 0;
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let plain = before.trim_end_matches('$');
            let dollars = before.len() - plain.len() + 1;
            parts.text(plain);
            parts.text(&"$".repeat(dollars / 2));
            if dollars.is_multiple_of(2) {
                parts.text("{");
                rest = after;
                continue;
            }
            references += 1;
            if references > MOST {
                let found = format_args!("more in {}", shown(text));
                problems.push(Problem::new(
                    format_args!("at most {MOST} references in a string"),
                    found,
                ));
                break;
            }
            let inside = inside(after);
            let closed = after
                .get(inside.len()..)
                .and_then(|end| end.strip_prefix('}'));
            match closed {
                Some(end) => {
                    rest = end;
                    match Reference::parse(inside) {
                        Ok(reference) => parts.list.push(Part::Reference(reference)),
                        Err(problem) => problems.push(problem),
                    }
                }
                None => {
                    rest = after.get(inside.len()..).unwrap_or_default();
                    problems.push(
                        Problem::new("a `}` after `${`", shown(&format!("${{{inside}")))
                            .hint("close the reference, or write `$${` for the text `${`"),
                    );
                }
            }
        }
        parts.text(rest);
        if problems.is_empty() {
            Ok(Self { parts: parts.list })
        } else {
            Err(problems)
        }
    }

    /// A string without references.
    #[cfg(test)]
    pub(crate) fn literal(text: &str) -> Self {
        let mut parts = Parts::default();
        parts.text(text);
        Self { parts: parts.list }
    }

    /// The parts in their order; none for the empty string.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The references in their order.
    pub(crate) fn references(&self) -> impl Iterator<Item = &Reference> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Reference(reference) => Some(reference),
        })
    }

    /// The reference, if the string is one and nothing else.
    pub(crate) fn whole(&self) -> Option<&Reference> {
        match self.parts.as_slice() {
            [Part::Reference(reference)] => Some(reference),
            _ => None,
        }
    }

    /// The text, if the string has no references.
    pub(crate) fn plain(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => {
                    let last = i + 1 == self.parts.len();
                    write_text(f, text, last)?;
                }
                Part::Reference(reference) => reference.fmt(f)?,
            }
        }
        Ok(())
    }
}

/// Writes text, with the `$` doubled that come just before a `{` or, at the end, before a reference.
fn write_text(f: &mut fmt::Formatter<'_>, text: &str, last: bool) -> fmt::Result {
    let mut pieces = text.split('{').peekable();
    while let Some(piece) = pieces.next() {
        let plain = piece.trim_end_matches('$');
        let dollars = piece.len() - plain.len();
        let brace = pieces.peek().is_some();
        f.write_str(plain)?;
        f.write_str(&"$".repeat(if brace || !last { 2 * dollars } else { dollars }))?;
        if brace {
            f.write_str("{")?;
        }
    }
    Ok(())
}

/// Puts neighbouring texts together.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
}

impl Parts {
    fn text(&mut self, more: &str) {
        if more.is_empty() {
            return;
        }
        match self.list.last_mut() {
            Some(Part::Text(text)) => text.push_str(more),
            Some(Part::Reference(_)) | None => self.list.push(Part::Text(more.to_owned())),
        }
    }
}

/// What a reference has inside: all up to the next `}`; up to the next `${` or the end without one.
fn inside(after: &str) -> &str {
    let end = after.find('}').unwrap_or(after.len());
    let inside = after.get(..end).unwrap_or_default();
    inside.split_once("${").map_or(inside, |(before, _)| before)
}

fn shown(found: &str) -> String {
    format!("`{}`", text::line(text::prefix(found, 120), 120))
}

impl Reference {
    /// Reads what stands between `${` and `}`.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the pointer is left empty.
    pub(crate) fn parse(inside: &str) -> Result<Self, Problem> {
        let found = || shown(&format!("${{{}}}", text::prefix(inside, LONGEST)));
        let length = inside.len() + "${}".len();
        if length > LONGEST {
            let expected = format_args!("a reference of at most {LONGEST} bytes");
            return Err(Problem::new(expected, format_args!("{length} bytes")));
        }
        let bad = |c: char| !(is_name(c) || c == '.');
        if let Some(c) = inside.chars().find(|c| bad(*c)) {
            let problem = Problem::new("letters, digits, `-`, `_` and `.` in a reference", found());
            return Err(if c.is_whitespace() {
                problem.hint("leave out the spaces; write `$${` for the text `${`")
            } else {
                problem.hint("write `$${` for the text `${`")
            });
        }
        let segments: Vec<&str> = inside.split('.').collect();
        let path = |rest: &[&str]| rest.iter().map(|name| (*name).to_owned()).collect();
        if !inside.is_empty() && segments.iter().any(|name| name.is_empty()) {
            return Err(Problem::new(
                "a name or an index on each side of a `.`",
                found(),
            ));
        }
        match segments.as_slice() {
            ["step", "idempotency_key"] => Ok(Reference::IdempotencyKey),
            ["steps", step, "output", rest @ ..] => Ok(Reference::Output {
                step: bounded(step, "a step's id", found)?,
                path: path(rest),
            }),
            ["inputs", name, rest @ ..] => Ok(Reference::Input {
                name: bounded(name, "an input's name", found)?,
                path: path(rest),
            }),
            other => Err(Problem::new(
                "`${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`",
                found(),
            )
            .meant(Some(&nearest(other)))),
        }
    }
}

impl Reference {
    /// A field of what this refers to.
    pub(super) fn field(&self, name: &str) -> Self {
        let mut longer = self.clone();
        match &mut longer {
            Reference::Output { path, .. } | Reference::Input { path, .. } => {
                path.push(name.to_owned());
            }
            Reference::IdempotencyKey => {}
        }
        longer
    }
}

fn bounded(name: &str, what: &str, found: impl Fn() -> String) -> Result<String, Problem> {
    if name.len() > LONGEST_NAME {
        let expected = format_args!("{what} of at most {LONGEST_NAME} bytes");
        return Err(Problem::new(expected, found()));
    }
    Ok(name.to_owned())
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// The reference that segments without a known root may have meant.
fn nearest(segments: &[&str]) -> String {
    // What may be written for a root, and the root.
    const ROOTS: [(&str, &str); 7] = [
        ("steps", "steps"),
        ("output", "steps"),
        ("outputs", "steps"),
        ("inputs", "inputs"),
        ("step", "step"),
        ("idempotency_key", "step"),
        ("key", "step"),
    ];
    let (root, rest) = segments.split_first().unwrap_or((&"", &[]));
    let known = ROOTS
        .iter()
        .min_by_key(|(word, _)| text::distance(word, root))
        .map_or("steps", |(_, known)| known);
    let join = |head: &str, rest: &[&str]| {
        let names: Vec<&str> = std::iter::once(head).chain(rest.iter().copied()).collect();
        format!("${{{}}}", names.join("."))
    };
    match (known, rest) {
        ("inputs", []) => "${inputs.NAME}".to_owned(),
        ("inputs", rest) => join("inputs", rest),
        // `step` with another name is more like a misspelt `steps`.
        ("step", [] | ["key" | "idempotency-key" | "idempotency"]) => {
            "${step.idempotency_key}".to_owned()
        }
        (_, []) => "${steps.ID.output}".to_owned(),
        (_, [step, "output" | "outputs", rest @ ..] | [step, rest @ ..]) => {
            join(&format!("steps.{step}.output"), rest)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self {
            Reference::Output { step, path } => {
                write!(f, "${{steps.{step}.output")?;
                path.as_slice()
            }
            Reference::Input { name, path } => {
                write!(f, "${{inputs.{name}")?;
                path.as_slice()
            }
            Reference::IdempotencyKey => {
                f.write_str("${step.idempotency_key")?;
                &[]
            }
        };
        for segment in path {
            write!(f, ".{segment}")?;
        }
        f.write_str("}")
    }
}
