use std::fmt;

use serde::{Deserialize, Serialize};

use super::Digest;

/// What the guard said about one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Verdict {
    /// Whether the call may run.
    pub decision: Decision,
    /// The ids of the policies that decided, most telling first; empty where no policy permits the action.
    pub policies: Vec<String>,
    /// Where those of them are written that did not come with the engine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<PolicyRef>,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was found in the arguments, where that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// How policies were applied; left out where they are enforced.
    #[serde(default, skip_serializing_if = "Mode::is_enforce")]
    pub mode: Mode,
    /// The digest of all policies that were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_set: Option<Digest>,
}

impl Verdict {
    /// A decision of these policies, and nothing more about it.
    #[must_use]
    pub fn new(decision: Decision, policies: &[&str]) -> Self {
        Self {
            decision,
            policies: policies.iter().map(|policy| (*policy).to_owned()).collect(),
            places: Vec::new(),
            reason: String::new(),
            facts: Vec::new(),
            mode: Mode::Enforce,
            policy_set: None,
        }
    }
}

/// Whether a call may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Decision {
    /// It may.
    Allow,
    /// It may, and somebody should look at it.
    Warn,
    /// It may, once a person approves.
    Ask,
    /// It may not.
    Deny,
    /// It may not, and the workflow it belongs to ends.
    Kill,
}

impl Decision {
    /// The decision as it appears in outcomes and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Allow => "allow",
            Decision::Warn => "warn",
            Decision::Ask => "ask",
            Decision::Deny => "deny",
            Decision::Kill => "kill",
        }
    }

    /// Whether the call may run as it is.
    #[must_use]
    pub fn permits(self) -> bool {
        match self {
            Decision::Allow | Decision::Warn => true,
            Decision::Ask | Decision::Deny | Decision::Kill => false,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How policies are applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Mode {
    /// What policy denies does not run.
    #[default]
    Enforce,
    /// What policy denies runs all the same, and an event says so. Grants and limits hold.
    Observe,
    /// No policy is asked. Grants and limits hold. Every result says so.
    Off,
}

impl Mode {
    /// The mode's name in settings, outcomes and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Observe => "observe",
            Mode::Off => "off",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    fn is_enforce(&self) -> bool {
        *self == Mode::Enforce
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a policy, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PolicyRef {
    /// The policy's id.
    pub id: String,
    /// The file it is in; `None` for one that comes with the engine.
    pub file: Option<String>,
    /// The line it begins at, from 1.
    pub line: Option<u64>,
}

impl PolicyRef {
    /// A policy that comes with the engine.
    pub(crate) fn builtin(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            file: None,
            line: None,
        }
    }
}

impl fmt::Display for PolicyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{} ({file}:{line})", self.id),
            (Some(file), None) => write!(f, "{} ({file})", self.id),
            (None, _) => f.write_str(&self.id),
        }
    }
}
