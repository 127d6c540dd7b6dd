//! Faults that others make: the program, and embedders with checks of their own.

use super::{Fault, FaultKind};
use crate::types::text;

impl Fault {
    /// Makes a fault of a setting that makes no sense, for embedders' own checks.
    #[cold]
    #[must_use]
    pub fn config(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Config { what: what.into() })
    }

    /// Makes a fault of the machine under the engine: what it could not do.
    #[cold]
    #[must_use]
    pub fn system(what: &'static str) -> Self {
        Self::new(FaultKind::System { what })
    }

    /// Makes a fault of a component that is not signed as it has to be.
    #[cold]
    #[must_use]
    pub fn unsigned(name: &str, why: impl Into<String>) -> Self {
        Self::new(FaultKind::Unsigned {
            name: text::line(name, 128),
            why: why.into(),
        })
    }

    /// Makes a fault of a component that asks for more than somebody agreed to.
    #[cold]
    #[must_use]
    pub fn widened(component: &str) -> Self {
        let component = text::line(component, 256);
        let hint = format!("if that is wanted, `engine lock --accept {component}`");
        Self::new(FaultKind::Widened { component }).hint(hint)
    }

    /// Makes a fault of a capability's name that is none of those that are known; a close one is hinted at.
    #[cold]
    #[must_use]
    pub fn unknown_capability<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Self {
        let fault = Self::new(FaultKind::UnknownCapability {
            name: text::line(name, 128),
        });
        let close = known
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .min();
        match close {
            Some((distance, known)) if distance <= 3 => {
                fault.hint(format!("did you mean `{known}`?"))
            }
            _ => fault.hint(
                "give its component with `--component FILE` where a command takes that, or configure it with `engine add FILE`",
            ),
        }
    }

    /// Makes a fault of a command line that cannot be understood.
    #[cold]
    #[must_use]
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Usage { what: what.into() })
    }

    /// Makes a fault of a project that cannot be built.
    #[cold]
    #[must_use]
    pub fn build(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Build { what: what.into() })
    }

    /// Makes a fault of a tool that a build needs and does not find.
    #[cold]
    #[must_use]
    pub fn missing_tool(what: impl Into<String>) -> Self {
        Self::new(FaultKind::MissingTool { what: what.into() })
    }

    /// Makes a fault of bytes that are not a component, found before the engine saw them.
    #[cold]
    #[must_use]
    pub fn malformed(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(FaultKind::Malformed {
            name: name.into(),
            reason: reason.into(),
        })
    }

    /// Makes a fault of arguments that are not JSON.
    #[cold]
    #[must_use]
    pub fn arguments(error: &serde_json::Error) -> Self {
        Self::new(FaultKind::ArgumentSyntax {
            reason: text::line(&error.to_string(), 400),
        })
    }
}
