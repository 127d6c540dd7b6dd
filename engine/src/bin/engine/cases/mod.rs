//! Cases of a capability as they are written in files, and what they mean.

mod read;
mod settle;

use std::path::{Path, PathBuf};

use engine::{Code, Fault, Json, Limits, Rights};
use serde_json::Value;

use crate::config;
use crate::plan_text::Placed;

/// The longest file of cases that is read.
const MOST: u64 = 4 << 20;

/// A call, and what has to come of it.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The file that it is in, as it is shown; empty for an example of the manifest.
    pub(crate) file: String,
    /// The line where it begins, from 1; 0 for an example of the manifest.
    pub(crate) line: usize,
    pub(crate) call: String,
    pub(crate) args: Json,
    pub(crate) expected: Expected,
    /// Kinds of events that have to come, in this order; others may come between them.
    pub(crate) events: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) dirs: Vec<Dir>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) deterministic: bool,
}

impl Case {
    /// Its name with that of its file, or of the manifest.
    pub(crate) fn full_name(&self) -> String {
        let stem = match self.line {
            0 => "example".into(),
            _ => Path::new(&self.file)
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy(),
        };
        format!("{stem}/{}", self.name)
    }
}

/// What has to come of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expected {
    /// This value.
    Value(Value),
    /// What the snapshot in this file has.
    Snapshot(PathBuf),
    /// Success, without a value.
    Nothing,
    /// Success, whatever the value.
    Success,
    /// A failure with this code.
    Failure {
        code: Code,
        /// What its message has in it.
        message: Option<String>,
        /// What the guest's error carries.
        value: Option<Value>,
    },
}

/// A directory of the project that a case is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dir {
    /// Where it is; a directory that may be written is a copy of it, and begins empty if there is none.
    pub(crate) host: PathBuf,
    pub(crate) guest: String,
    pub(crate) rights: Rights,
}

/// A file of cases.
pub(crate) struct CaseFile {
    /// As it is shown.
    pub(crate) name: String,
    /// The directory that host paths begin at, which is that of the file.
    pub(crate) dir: PathBuf,
    /// The directory that a case may reach into: the project.
    pub(crate) root: PathBuf,
    /// Where its snapshots are.
    pub(crate) snapshots: PathBuf,
    text: String,
}

/// What is wrong in a text, and from which byte on.
struct Wrong {
    byte: usize,
    message: String,
    hint: String,
}

impl CaseFile {
    /// Reads a file of a project.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if it cannot be read.
    pub(crate) fn read(path: &Path, root: &Path) -> Result<Self, Fault> {
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let stem = path.file_stem().unwrap_or_default();
        Ok(Self {
            name: engine::data::line(&path.to_string_lossy(), 256),
            snapshots: dir.join("snapshots").join(stem),
            dir,
            root: root.to_owned(),
            text: config::read_bounded(path, "the file of cases", MOST)?,
        })
    }

    /// The line of a byte, from 1.
    fn line(&self, byte: usize) -> usize {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        before.matches('\n').count() + 1
    }

    /// The cases, in their order.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, with its place.
    pub(crate) fn cases(&self) -> Result<Vec<Case>, Vec<Placed>> {
        let mut wrong = Vec::new();
        let written = read::read(&self.text, &mut wrong);
        settle::alike(&written, &mut wrong);
        let cases: Vec<Case> = written
            .into_iter()
            .filter_map(|written| settle::settle(self, written, &mut wrong))
            .collect();
        if wrong.is_empty() {
            return Ok(cases);
        }
        wrong.sort_by_key(|wrong| wrong.byte);
        Err(wrong
            .into_iter()
            .map(
                |Wrong {
                     byte,
                     message,
                     hint,
                 }| {
                    Placed::in_text(
                        &self.name,
                        &self.text,
                        byte,
                        engine::workflow::Problem {
                            code: Code::InvalidConfig,
                            pointer: String::new(),
                            message: engine::data::line(&message, 2048),
                            hint: engine::data::line(&hint, 2048),
                            warning: false,
                        },
                    )
                },
            )
            .collect())
    }
}

impl Wrong {
    fn new(byte: usize, message: impl Into<String>) -> Self {
        Self {
            byte,
            message: message.into(),
            hint: String::new(),
        }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

#[cfg(test)]
mod tests;
