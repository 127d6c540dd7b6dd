//! Plans as they are written in files, and where in them something is.

mod json;
mod toml;

use std::io::Read as _;
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
    text: String,
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
            text: config::read_bounded(path, "the plan", MOST).map_err(|fault| {
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
        let read = match self.form {
            Form::Json => json::read(&self.text),
            Form::Toml => toml::read(&self.text),
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
                    let problem = Problem {
                        code: Code::InvalidPlan,
                        pointer: String::new(),
                        message: engine::data::line(&message, 2048),
                        hint: engine::data::line(&hint, 2048),
                        warning: false,
                    };
                    self.placed(problem, byte)
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
        let byte = match self.form {
            Form::Json => json::find(&self.text, &words),
            Form::Toml => toml::find(&self.text, &words),
        };
        self.placed(problem, byte)
    }

    fn placed(&self, problem: Problem, byte: usize) -> Placed {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let source = self.text.get(start..).unwrap_or_default();
        Placed {
            problem,
            file: self.name.clone(),
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

fn from_stdin() -> Result<String, Fault> {
    let mut text = String::new();
    let length = std::io::stdin()
        .lock()
        .take(MOST + 1)
        .read_to_string(&mut text)
        .map_err(|error| {
            Fault::usage("cannot read the plan from standard input").caused_by(error)
        })?;
    if length as u64 > MOST {
        return Err(Fault::usage(format!(
            "the plan is over {}",
            engine::Bytes::new(MOST)
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
