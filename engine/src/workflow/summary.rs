use serde::{Serialize, Serializer};
use serde_json::Value;

use super::drive::WorkflowStore;
use super::machine::{Evidence, Question, State, StepState, StepStatus, Transition};
use super::plan::Plan;
use crate::event::WorkflowState;
use crate::types::{Digest, Failure, Status, Usage, WorkflowId, text};

/// What came of a workflow: at its end, or until now.
///
/// Its sums are those of its events: [`usage`](Summary::usage) is the sum over every call that its steps, its undoing
/// and its success criteria made.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The workflow.
    pub workflow: WorkflowId,
    /// What it is to reach.
    pub goal: String,
    /// Its state.
    pub state: WorkflowState,
    /// Why it did not reach its goal.
    pub error: Option<Failure>,
    /// Names its plan.
    pub plan: Option<Digest>,
    /// Every step, in the order of the plan.
    pub steps: Vec<StepSummary>,
    /// What was found about the success criteria.
    pub criteria: Vec<Evidence>,
    /// The sum over all calls.
    pub usage: Usage,
    /// How many calls there were.
    pub calls: u64,
    /// How long it was driven, pauses left out where the plan says so.
    pub active_ms: u64,
    /// Every change of its state.
    pub history: Vec<Transition>,
    /// What waits for an answer.
    pub questions: Vec<Question>,
}

/// What came of a step.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StepSummary {
    /// The step.
    pub id: String,
    /// What policies call its action.
    pub action: String,
    /// How far it is.
    pub status: StepStatus,
    /// How many attempts there were.
    pub attempts: u32,
    /// The sum over all of them.
    pub usage: Usage,
    /// Its result as JSON, cut to 4 KiB; `None` if it has none. In the summary's JSON it is the value itself,
    /// and a text if it was cut.
    #[serde(serialize_with = "as_json")]
    pub value: Option<String>,
    /// Whether the result was cut.
    pub value_cut: bool,
    /// Why it has none.
    pub error: Option<Failure>,
    /// How taking its effect back ended.
    pub undone: Option<Status>,
    /// When it began, in milliseconds since 1970, UTC.
    pub began_ms: Option<u64>,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// The question that it waits for.
    pub question: Option<String>,
    /// Who may answer that, where the plan says so.
    pub approvers: Option<String>,
}

/// Writes the text of a JSON value as the value, and any other as a text.
fn as_json<S: Serializer>(value: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    match value.as_deref().map(serde_json::from_str::<Value>) {
        Some(Ok(value)) => value.serialize(serializer),
        Some(Err(_)) | None => value.serialize(serializer),
    }
}

/// The most of a result that a summary shows.
const MOST_VALUE: usize = 4 << 10;

impl Summary {
    /// Sums a workflow up.
    pub(crate) fn of(state: &State, store: &dyn WorkflowStore) -> Self {
        Self {
            workflow: state.id(),
            goal: state
                .plan()
                .map(|plan| plan.spec().goal.clone())
                .unwrap_or_default(),
            state: state.phase(),
            error: state.failure().cloned(),
            plan: state.plan().map(Plan::hash),
            steps: state
                .steps()
                .iter()
                .map(|step| summed(step, store))
                .collect(),
            criteria: state.evidence().to_vec(),
            usage: state.usage(),
            calls: state.calls(),
            active_ms: state.active_ms(),
            history: state.history().to_vec(),
            questions: state.questions().cloned().collect(),
        }
    }

    /// The summary as one JSON document on one line. Characters that act on a terminal are escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        text::json(&self.to_value().to_string()).into_owned()
    }

    pub(crate) fn to_value(&self) -> Value {
        // Every part of a summary has a JSON form.
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn summed(step: &StepState, store: &dyn WorkflowStore) -> StepSummary {
    let mut cut = false;
    let value = step.output.as_ref().map(|output| {
        let json = match &output.json {
            Some(json) => json.clone(),
            None => store
                .get(output.digest)
                .unwrap_or_else(|fault| format!("cannot be read: {fault}")),
        };
        let shown = text::prefix(&json, MOST_VALUE);
        if shown.len() < json.len() {
            cut = true;
            format!("{shown}… ({} bytes)", json.len())
        } else {
            json
        }
    });
    StepSummary {
        id: step.id().to_owned(),
        action: step.known.action.clone(),
        status: step.status,
        attempts: step.attempts,
        usage: step.usage,
        value,
        value_cut: cut,
        error: step.failure.clone(),
        undone: step.undone,
        began_ms: step.began_ms,
        ended_ms: step.ended_ms,
        question: step.question.as_ref().map(|(question, _)| question.clone()),
        approvers: step.step.spec.approval.clone(),
    }
}
