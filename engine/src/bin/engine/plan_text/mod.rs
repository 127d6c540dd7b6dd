//! Plans as they are written in files, and where in them something is.

mod json;
mod toml;

use std::path::Path;

use engine::workflow::{PlanSpec, Problem};
use engine::{Code, Fault};
use serde::Serialize;

use crate::config;

/// The longest plan that is read.
const MOST: u64 = 16 << 20;

/// The text of a plan.
pub(crate) struct PlanText {
    /// The file, safe to show.
    pub(crate) name: String,
    /// `None` for one that is too large to be read.
    text: Option<String>,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Toml,
}

/// An objection, with its place in the file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Placed {
    #[serde(flatten)]
    pub(crate) problem: Problem,
    pub(crate) file: String,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
    /// The line itself.
    #[serde(skip)]
    pub(crate) source: String,
}

impl PlanText {
    /// Reads a plan: a file, or JSON from standard input for `-`.
    pub(crate) fn read(typed: &str) -> Result<Self, Fault> {
        if typed == "-" {
            return Ok(Self {
                name: "standard input".to_owned(),
                text: from_stdin()?,
                form: Form::Json,
            });
        }
        let path = Path::new(typed);
        let toml = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
        Ok(Self {
            name: engine::data::line(typed, 256),
            text: config::read_within(path, "the plan", MOST).map_err(|fault| {
                if path.exists() {
                    fault
                } else {
                    fault.hint("check the path; relative ones begin at the working directory")
                }
            })?,
            form: if toml { Form::Toml } else { Form::Json },
        })
    }

    /// What is written.
    ///
    /// # Errors
    ///
    /// Why it is no plan, with the place.
    pub(crate) fn spec(&self) -> Result<PlanSpec, Vec<Placed>> {
        let Some(text) = &self.text else {
            let message = format!("the plan is over {}", engine::Bytes::new(MOST));
            let problem = problem(
                &message,
                "do it in parts, a plan for each, and leave data in files",
            );
            return Err(vec![self.placed(problem, 0)]);
        };
        let read = match self.form {
            Form::Json => json::read(text),
            Form::Toml => toml::read(text),
        };
        read.map_err(|unread| {
            unread
                .into_iter()
                .map(|Unread { byte, message }| {
                    let (message, hint) = match message.split_once(", expected ") {
                        Some((what, expected)) if what.starts_with("unknown") => {
                            (what.to_owned(), format!("expected {expected}"))
                        }
                        _ => (
                            message,
                            "`engine plan schema` has the form of a plan".to_owned(),
                        ),
                    };
                    self.placed(problem(&message, &hint), byte)
                })
                .collect()
        })
    }

    /// Finds the place of an objection; that of the nearest thing around it if it is about something that is not
    /// written.
    pub(crate) fn place(&self, problem: Problem) -> Placed {
        let words: Vec<String> = problem
            .pointer
            .split('/')
            .skip(1)
            .map(|word| word.replace("~1", "/").replace("~0", "~"))
            .collect();
        let text = self.text.as_deref().unwrap_or_default();
        let byte = match self.form {
            Form::Json => json::find(text, &words),
            Form::Toml => toml::find(text, &words),
        };
        self.placed(problem, byte)
    }

    fn placed(&self, problem: Problem, byte: usize) -> Placed {
        let text = self.text.as_deref().unwrap_or_default();
        Placed::in_text(&self.name, text, byte, problem)
    }
}

impl Placed {
    /// Finds the line and the column of an objection in the text of a file.
    pub(crate) fn in_text(file: &str, text: &str, byte: usize, problem: Problem) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let source = text.get(start..).unwrap_or_default();
        Self {
            problem,
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            source: source.lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// Why a text is no plan.
struct Unread {
    byte: usize,
    message: String,
}

/// An objection to the plan as a text.
fn problem(message: &str, hint: &str) -> Problem {
    Problem {
        code: Code::InvalidPlan,
        pointer: String::new(),
        message: engine::data::line(message, 2048),
        hint: engine::data::line(hint, 2048),
        warning: false,
    }
}

/// Reads standard input, unless there is too much.
fn from_stdin() -> Result<Option<String>, Fault> {
    config::text_within(std::io::stdin().lock(), MOST)
        .map_err(|error| Fault::usage("cannot read the plan from standard input").caused_by(error))
}

#[cfg(test)]
mod tests;
