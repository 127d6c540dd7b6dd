//! What the kinds of events are made of, where several share it.

use serde::{Deserialize, Serialize};

use super::Source;
use crate::types::{Bounded, Digest, Failure, Status, Usage};

/// What becomes of an event when its listener is too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// It may be left out; a mark says how many were.
    Descriptive,
    /// It is kept: what was decided and what is about to be done.
    Audit,
    /// It is kept: nothing comes after it in its scope.
    Terminal,
}

/// One of the two streams a guest writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How much a message of a guest matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Level {
    /// A step of a computation.
    Trace,
    /// What helps the author.
    Debug,
    /// What somebody may want to know.
    Info,
    /// What somebody should look at.
    Warn,
    /// What went wrong.
    Error,
}

impl Level {
    /// The level's name in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What policy said about one action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Judged {
    /// For whom it would run.
    pub principal: String,
    /// The capability and function, such as `fs.read.v1`.
    pub action: String,
    /// The rules that decided, most telling first.
    pub policies: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// The smallest change that would allow it; empty where it is allowed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
}

/// What a person answered to an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Answer {
    /// Whether the action may run.
    pub approved: bool,
    /// Who answered.
    pub principal: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The arguments, where the person changed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Bounded>,
}

/// One thing that a guest reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Access {
    /// The interface the guest used, such as `wasi:filesystem/types`.
    pub interface: String,
    /// The function of that interface, such as `open-at`.
    pub operation: String,
    /// What it was about: a path, a host, a name of a secret. Escaped and cut to 256 bytes.
    pub target: String,
}

/// Names a plan and its very text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanRef {
    /// The digest of the plan's canonical text.
    pub hash: Digest,
    /// How many steps it has.
    pub steps: u64,
}

/// The state of a workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WorkflowState {
    /// Its inputs are being read.
    Initializing,
    /// A planner works.
    Planning,
    /// Steps run.
    Executing,
    /// Nothing new starts until somebody says so.
    Paused,
    /// It reached its goal.
    Completed,
    /// It did not.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepEnd {
    /// How.
    pub status: Status,
    /// How many attempts there were.
    pub attempts: u32,
    /// The sum over all attempts.
    pub usage: Usage,
    /// Why it failed.
    pub error: Option<Failure>,
}

/// How equal the actions of a loop are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum LoopKind {
    /// The same functions with the same arguments.
    Exact,
    /// The same functions with other arguments.
    Fuzzy,
}

/// A store of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Cache {
    /// Compiled code.
    Code,
    /// Results of calls.
    Result,
}

/// The state of a circuit breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Breaker {
    /// Requests go through.
    Closed,
    /// Requests are refused at once.
    Open,
    /// One request goes through, to see.
    HalfOpen,
}

/// How a part of the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Health {
    /// It works.
    Healthy,
    /// It works, but not as it should.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// A capability in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Component {
    /// Its name, such as `fs.read.v1`.
    pub name: String,
    /// The digest of its bytes.
    pub digest: Digest,
}

/// Events of one source that a listener did not get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Gap {
    /// Whose events.
    pub source: Source,
    /// How many.
    pub lost: u64,
    /// The first of them.
    pub first_seq: u64,
    /// The last of them; not all between the two are lost.
    pub last_seq: u64,
}
