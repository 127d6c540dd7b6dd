use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::types::{AskedLimits, Code, Rights};

/// A plan as it is written, in JSON or TOML: what a planner proposes.
///
/// Nothing in it is believed before it was [settled](super::Plan::new) and checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanSpec {
    /// The version of this format: 1.
    pub version: u32,
    /// What is to be reached, in 1 to 10,000 characters.
    pub goal: String,
    /// How large the work is; some types need room for more steps. Default: `simple`.
    #[serde(default)]
    pub workflow_type: WorkflowType,
    /// The most actions that may run, from 1 to 1,000; undoing is not counted. `research_and_planning` needs at
    /// least 5, `complex_orchestration` at least 10. Default: 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_steps: Option<u64>,
    /// The longest the workflow may take, from 1,000 to 3,600,000 ms. Default: 3,600,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Values that steps refer to as `${inputs.NAME}`; whoever runs the plan may give others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Value>,
    /// The only capabilities that steps may use, as names or patterns such as `fs.*`. Default: all that policy
    /// allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_capabilities: Option<Vec<String>>,
    /// The most that all steps may use together.
    #[serde(default)]
    pub resource_limits: ResourceLimits,
    /// How the workflow is driven.
    #[serde(default)]
    pub preferences: Preferences,
    /// The actions.
    pub steps: Vec<StepSpec>,
    /// What has to be true at the end, at most 100 things. Default: every step is completed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub success: Vec<Criterion>,
}

#[cfg(feature = "schema")]
impl PlanSpec {
    /// The JSON Schema of plans.
    #[must_use]
    pub fn schema() -> Value {
        schemars::schema_for!(PlanSpec).into()
    }
}

/// How large the work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum WorkflowType {
    /// A few actions.
    #[default]
    Simple,
    /// Looks around before it acts.
    ResearchAndPlanning,
    /// Many actions that depend on each other.
    ComplexOrchestration,
}

impl WorkflowType {
    /// The type's name in plans and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WorkflowType::Simple => "simple",
            WorkflowType::ResearchAndPlanning => "research_and_planning",
            WorkflowType::ComplexOrchestration => "complex_orchestration",
        }
    }

    /// The fewest steps that `max_steps` must allow.
    #[must_use]
    pub fn fewest_steps(self) -> u64 {
        match self {
            WorkflowType::Simple => 1,
            WorkflowType::ResearchAndPlanning => 5,
            WorkflowType::ComplexOrchestration => 10,
        }
    }
}

/// The most that all steps of a workflow may use together. What is left out has no limit of its own, but for
/// retries and parallel calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ResourceLimits {
    /// Calls, every attempt of every step counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_calls: Option<u64>,
    /// Units of computation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fuel: Option<u64>,
    /// Real time of all calls together, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_wall_ms: Option<u64>,
    /// Bytes of results and output of all calls together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_bytes: Option<u64>,
    /// Retries of all steps together. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u64>,
    /// Steps that run at the same time, from 1 to 64. Default: 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_executions: Option<u32>,
    /// Calls of single capabilities, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub max_calls_of: BTreeMap<String, u64>,
}

/// How a workflow is driven.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Preferences {
    /// Whether steps that do not depend on a failed one still run. Default: no.
    #[serde(skip_serializing_if = "is_false")]
    pub continue_on_error: bool,
    /// How long there may be no progress before a stall is looked for, at least 100 ms. Default: 30,000; 45,000
    /// from 21 steps on, 60,000 from 51 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_detection_ms: Option<u64>,
    /// Whether a workflow that stalled three times is paused, so that a person looks at it. Default: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_escalation: Option<bool>,
    /// How long a question to a person lasts, from 1,000 ms to 30 days. Default: 24 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_timeout_ms: Option<u64>,
    /// What an unanswered question means for a paused workflow. Default: `stop`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unanswered: Option<Unanswered>,
    /// Whether `timeout_ms` stands still while the workflow is paused. Default: yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_stops_clock: Option<bool>,
    /// Whether results of pure actions are taken from earlier calls of the same component, function and arguments,
    /// in this workflow and others of the same store. Default: no.
    #[serde(skip_serializing_if = "is_false")]
    pub reuse_results: bool,
    /// How many times in a row the same actions with the same arguments may be asked for; two more end the
    /// workflow. Default: not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_identical_calls: Option<u32>,
    /// The same for the same actions with any arguments, where they do not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_fuzzy_identical_calls: Option<u32>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(word: &bool) -> bool {
    !*word
}

/// What becomes of a paused workflow that nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Unanswered {
    /// It is stopped.
    #[default]
    Stop,
    /// It goes on.
    Continue,
}

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepSpec {
    /// Names the step: letters, digits, `_` and `-`, at most 64.
    pub id: String,
    /// A configured capability such as `fs.read.v1`, or the name of a component that the operator gives to the
    /// plan, such as `text`.
    pub capability: String,
    /// The function; left out for a configured capability, which is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The arguments: an object by parameter name, or an array by position. A string such as
    /// `"${steps.read.output.content}"` stands for a result of an earlier step, with its type.
    #[serde(default = "no_arguments")]
    pub args: Value,
    /// Steps that have to be completed before, besides those that the arguments refer to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub depends_on: BTreeSet<String>,
    /// The longest one attempt may take, from 1 ms on. Default: the limit of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Whether and when a failed attempt is repeated. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetrySpec>,
    /// Who has to approve every attempt, besides what policy says; empty for anybody but the workflow itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// What takes the effect back when the workflow fails later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoSpec>,
    /// Limits of one attempt; they can only lower others.
    #[serde(default, skip_serializing_if = "AskedLimits::is_empty")]
    pub limits: AskedLimits,
    /// What the step is given of all that others grant; left out, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<StepGrants>,
    /// What its result is to be treated as, such as `untrusted` or `secret`, besides what is known of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Whether the workflow goes on if this step fails, as in `preferences`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_on_error: Option<bool>,
}

/// Reads a value that is there, even if it is `null`: what is written comes back as it was.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn no_arguments() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Whether and when a failed attempt is repeated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RetrySpec {
    /// How often after the first attempt, at most 100. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<u32>,
    /// How the wait grows. Default: `exponential`.
    pub backoff: Backoff,
    /// The first wait. Default: 1,000 ms, or the longest if that is shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_delay_ms: Option<u64>,
    /// The longest wait, at most an hour. Default: 30,000 ms, or the first if that is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_delay_ms: Option<u64>,
    /// The codes of failures that are worth another attempt. Without it, an attempt is repeated after
    /// `E-LIMIT-TIME`, `E-LIMIT-BUSY` and `E-INTERNAL`, and only where the action is declared idempotent or pure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<Code>>,
}

/// How the wait before a retry grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Backoff {
    /// Always the base.
    Fixed,
    /// The base times the number of the attempt.
    Linear,
    /// Twice as long every time.
    #[default]
    Exponential,
    /// Between half of the exponential wait and all of it.
    Jittered,
}

/// What takes a step's effect back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UndoSpec {
    /// The capability. Default: the step's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// The function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The arguments, which may refer to the step's own output.
    #[serde(default = "no_arguments")]
    pub args: Value,
}

/// What a step is given of all that others grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepGrants {
    /// Directories by the names that guests see, with the most that may be done there: `ro` or `rw`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dirs: BTreeMap<String, Rights>,
    /// Names of environment variables.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub env: BTreeSet<String>,
    /// Names of actions that may be called.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub actions: BTreeSet<String>,
}

/// Something that has to be true at the end of a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Criterion {
    /// These steps are completed; an empty list means all.
    Completed(Vec<String>),
    /// A step ended in this way.
    Ended {
        /// The step.
        step: String,
        /// How: `ok`, `error`, `denied`, `limit`, `trap` or `skipped`.
        status: String,
    },
    /// A step's result, or a part of it, is as it should be.
    Value {
        /// The step.
        step: String,
        /// The part, such as `entries.0.name`; empty for the whole.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        path: String,
        /// It is this value, which may be `null`.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "present"
        )]
        equals: Option<Value>,
        /// It is a text in which this regular expression matches.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        matches: Option<String>,
        /// It is a number, or a list of a length, of at least this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_least: Option<f64>,
        /// It is a number, or a list of a length, of at most this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_most: Option<f64>,
    },
    /// No more than this was used.
    Within {
        /// Calls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calls: Option<u64>,
        /// Units of computation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fuel: Option<u64>,
        /// Real time of the whole workflow, pauses left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wall_ms: Option<u64>,
    },
    /// A pure function of a capability returns `true`.
    Holds {
        /// The capability.
        capability: String,
        /// The function.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        function: Option<String>,
        /// The arguments.
        #[serde(default = "no_arguments")]
        args: Value,
    },
    /// A person says yes to this question.
    Confirmed(String),
}
