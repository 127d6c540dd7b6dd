use std::fmt;

use serde::{Deserialize, Serialize};

use crate::types::{Code, text};
use crate::workflow::refs;

/// One objection to a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The stable code: `E-INVALID-PLAN` where the plan itself makes no sense, and that of the denial where the
    /// guard objects.
    pub code: Code,
    /// Where in the plan, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, with the value and the bound.
    pub message: String,
    /// What to try; may be empty.
    pub hint: String,
    /// Whether the plan can run all the same.
    pub warning: bool,
}

impl Problem {
    /// Something in the plan makes no sense.
    pub(crate) fn new(pointer: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self {
            code: Code::InvalidPlan,
            pointer: text::line(&pointer.into(), 512),
            message: text::line(message.as_ref(), 2048),
            hint: String::new(),
            warning: false,
        }
    }

    /// A reference or an argument makes no sense; `at` is what its pointer begins with.
    pub(crate) fn about(at: &str, problem: &refs::Problem) -> Self {
        let message = format!("expected {}, found {}", problem.expected, problem.found);
        let objection = Self::new(format!("{at}{}", problem.pointer), message);
        objection.hint(
            problem
                .hint
                .as_deref()
                .unwrap_or("give a value of that type, or a reference to one"),
        )
    }

    /// The guard, or a component, objects.
    pub(crate) fn coded(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = text::line(hint.as_ref(), 2048);
        self
    }

    /// It is worth a look, and no more.
    pub(crate) fn warning(mut self) -> Self {
        self.warning = true;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "at `{}`: {}", self.pointer, self.message)
        }
    }
}
