use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::LoopKind;
use crate::types::{Code, Digest, Failure, Principal, RunId, Status, Usage, WitType};
use crate::workflow::plan::{self, PlanSpec, Problem, StepSpec};

/// Something that happened to a workflow, and when. Inputs are all that a workflow's state is made of: whoever
/// replays them gets the same state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// What happened.
    pub what: What,
}

/// What happened to a workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Somebody wants a plan to be run. Comes first, once.
    Proposed(Box<Proposal>),
    /// The plan passed every check.
    Checked {
        /// The steps that wait for a person.
        approvals: Vec<String>,
    },
    /// The plan was refused.
    Rejected {
        /// Every objection.
        problems: Vec<Problem>,
    },
    /// An attempt of a step ended.
    Ended {
        /// Which step.
        step: usize,
        /// Which attempt, from 1.
        attempt: u32,
        /// How.
        end: Box<CallEnd>,
    },
    /// A step waits until somebody approves it.
    Asked {
        /// Which step.
        step: usize,
        /// The question's name.
        question: String,
        /// When the question expires.
        expires_ms: Option<u64>,
    },
    /// Somebody answered a step's question, or nobody did in time.
    Decided {
        /// Which step.
        step: usize,
        /// The question's name.
        question: String,
        /// What came of it.
        approval: Approval,
    },
    /// The effect of a step was taken back, or could not be.
    Undone {
        /// Which step.
        step: usize,
        /// How.
        end: Box<CallEnd>,
    },
    /// The success criteria were looked at.
    Verified {
        /// What was found for each.
        evidence: Vec<Evidence>,
        /// What looking used.
        usage: Usage,
        /// How many calls it took.
        calls: u64,
    },
    /// Time passed until something is due.
    Ticked,
    /// A person wants something.
    Acted {
        /// Who.
        by: Principal,
        /// The token of the question that it answers, if it answers one.
        token: Option<String>,
        /// What.
        act: Act,
        /// What is known of the action of a step that is added.
        known: Option<Known>,
        /// The number of the wish, by which it is granted once; `None` if it was none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wish: Option<u64>,
        /// Whether nobody drove the workflow: time that passed is not counted then.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        undriven: bool,
    },
    /// There is no progress.
    Stalled(Box<Stalled>),
    /// The same actions come again and again, and that ends the workflow.
    Looped {
        /// How equal they are.
        kind: LoopKind,
        /// How many times in a row.
        count: u64,
        /// The limit that this reached.
        maximum: u64,
        /// The actions.
        actions: Vec<String>,
        /// Whether it ends the workflow; otherwise the actions were refused.
        hard: bool,
    },
    /// The workflow is driven again, after whoever drove it was gone.
    Recovered {
        /// Steps that had begun and whose end is not known.
        uncertain: Vec<usize>,
        /// The runs of those.
        #[serde(default)]
        runs: Vec<(usize, RunId)>,
        /// Steps that were to begin and have not.
        not_started: Vec<usize>,
        /// Attempts whose end is known all the same.
        ended: Vec<(usize, u32, CallEnd)>,
        /// What is known now of the actions of steps whose component is another one, which somebody accepted.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        known: Vec<(usize, Known)>,
    },
}

/// What is to be run, and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// The plan, with the inputs that it is run with.
    pub plan: PlanSpec,
    /// Names the plan.
    pub hash: Digest,
    /// Who wrote it.
    pub planner: String,
    /// For whom it runs.
    pub principal: Principal,
    /// Chosen at random: tokens and jittered waits are made from it.
    pub seed: Digest,
    /// What is known of every step's action, in the order of the plan.
    pub known: Vec<Known>,
    /// What is called besides the steps: to take effects back, and to look at success criteria.
    pub others: Vec<Other>,
    /// The policies that it was checked with; `None` in inputs of a version that did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_set: Option<Digest>,
}

/// A function that a plan calls besides its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// The capability.
    pub capability: String,
    /// The function of it.
    pub function: Option<String>,
    /// What policies call it.
    pub action: String,
    /// The digest of the component.
    pub digest: Option<Digest>,
}

/// What is known of the action of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What policies call it.
    pub action: String,
    /// The digest of the component.
    pub digest: Option<Digest>,
    /// Whether it is declared pure or idempotent: to repeat it does no harm.
    pub repeatable: bool,
    /// Whether it is declared pure: equal arguments give equal results, and nothing else happens.
    #[serde(default)]
    pub pure: bool,
    /// The most fuel that one attempt may use.
    pub fuel: u64,
    /// The longest one attempt may take.
    pub wall_ms: u64,
    /// The most output of one attempt.
    pub output_bytes: u64,
    /// The type of the result; `None` if there is no result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<WitType>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallEnd {
    /// How.
    pub status: Status,
    /// Whether the guest may have had an effect: its call had begun.
    pub started: bool,
    /// Whether the guard ended the whole workflow.
    pub killed: bool,
    /// The result, if there is one.
    pub output: Option<Output>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// What was used.
    pub usage: Usage,
    /// The run; `None` if there was none.
    pub run: Option<RunId>,
    /// The start of the key of a kept result that was taken instead of a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<String>,
}

impl Output {
    /// The longest result that is kept with the state, 256 KiB; longer ones are kept aside.
    pub const INLINE: usize = 256 << 10;

    /// A result that is kept with the state.
    #[must_use]
    pub fn inline(json: &str) -> Self {
        Self {
            digest: Digest::of(json.as_bytes()),
            bytes: json.len() as u64,
            json: Some(json.to_owned()),
        }
    }

    /// A result that is kept aside.
    #[must_use]
    pub fn aside(json: &str) -> Self {
        Self {
            json: None,
            ..Self::inline(json)
        }
    }
}

impl CallEnd {
    /// The code of the failure.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        self.failure.as_ref().map(|failure| failure.code)
    }
}

/// A result that later steps may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The result as JSON; `None` if it is kept aside, under its digest.
    pub json: Option<String>,
    /// The digest of the JSON.
    pub digest: Digest,
    /// How long the JSON is.
    pub bytes: u64,
}

/// What came of a question about an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Approval {
    /// It may run.
    Approved,
    /// Somebody said no.
    Denied {
        /// Who.
        by: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Nobody answered in time.
    Expired,
}

/// What was found about one success criterion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Whether it is met; `None` if a person has to say.
    pub met: Option<bool>,
    /// What was found, in words.
    pub found: String,
}

/// A lack of progress, and what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stalled {
    /// What kind of stall.
    pub issue: String,
    /// For how long, or how often.
    pub count: u64,
    /// What was seen.
    pub evidence: String,
    /// What is done at once.
    pub remedies: Vec<Remedy>,
    /// Whether a person is to look at it, with what is suggested.
    pub asked: Option<String>,
}

/// What a stall is answered with at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Remedy {
    /// Fewer steps run at the same time.
    FewerAtOnce,
}

/// What a person can do to a workflow.
///
/// Its JSON form is `{"action": "continue"}`, with the fields of the action beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Act {
    /// Goes on.
    Continue {},
    /// Starts nothing new.
    Pause {
        /// Whether running steps are interrupted; otherwise they finish.
        #[serde(default)]
        interrupt: bool,
    },
    /// Ends the workflow as cancelled, and takes effects back.
    Stop {
        /// Whether it ends at once, and nothing is taken back.
        #[serde(default)]
        force: bool,
    },
    /// Changes a step that has not begun, or what holds for the workflow.
    ModifyParameters {
        /// The step whose arguments or timeout change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
        /// Its new arguments.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "plan::present"
        )]
        args: Option<Value>,
        /// Its new timeout, or the new timeout of the workflow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_ms: Option<u64>,
        /// How many steps run at the same time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_parallel_executions: Option<u32>,
    },
    /// Adds a step.
    AddAction {
        /// The step.
        step: Box<StepSpec>,
    },
    /// Takes a step that has not begun out of the plan; steps that need it are skipped.
    RemoveAction {
        /// The step.
        step: String,
    },
    /// Gives a step that has not completed a result of a person's own.
    OverrideResult {
        /// The step.
        step: String,
        /// The result.
        value: Value,
    },
    /// Pauses the workflow and asks for somebody else.
    Escalate {
        /// Why.
        #[serde(default)]
        reason: String,
    },
    /// Shows the state, and changes nothing.
    InspectState {},
    /// Lets the workflow take longer.
    IncreaseTimeout {
        /// By how much.
        by_ms: u64,
    },
    /// Runs steps again that failed or were skipped; completed ones stay.
    Restart {
        /// The step; left out, all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<String>,
    },
    /// An answer about a step of which it is not known whether it had its effect: run it again.
    Retry {},
    /// The same: it had its effect, with this result.
    MarkDone {
        /// The result.
        value: Value,
    },
    /// The same: leave it out, with all that needs it.
    Skip {},
    /// The same: it failed.
    Fail {},
    /// An answer about a success criterion.
    Confirm {
        /// Whether it is met.
        met: bool,
        /// Why; may be empty.
        #[serde(default)]
        reason: String,
    },
}

impl Act {
    /// The action's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Act::Continue {} => "continue",
            Act::Pause { .. } => "pause",
            Act::Stop { .. } => "stop",
            Act::ModifyParameters { .. } => "modify_parameters",
            Act::AddAction { .. } => "add_action",
            Act::RemoveAction { .. } => "remove_action",
            Act::OverrideResult { .. } => "override_result",
            Act::Escalate { .. } => "escalate",
            Act::InspectState {} => "inspect_state",
            Act::IncreaseTimeout { .. } => "increase_timeout",
            Act::Restart { .. } => "restart",
            Act::Retry {} => "retry",
            Act::MarkDone { .. } => "mark_done",
            Act::Skip {} => "skip",
            Act::Fail {} => "fail",
            Act::Confirm { .. } => "confirm",
        }
    }
}
