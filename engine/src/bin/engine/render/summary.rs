//! How workflows are shown that ended, or that somebody looks at.

use std::fmt::Write as _;

use serde::Serialize;

use engine::data::{Failure, RosterEntry, Timestamp, WorkflowState, line};
use engine::workflow::{About, Question, State, StepStatus, StepSummary, Summary};

use super::progress::approve_command;

/// The state of a workflow in one word.
pub(crate) fn state_word(state: WorkflowState) -> &'static str {
    match state {
        WorkflowState::Initializing => "initializing",
        WorkflowState::Planning => "planning",
        WorkflowState::Executing => "executing",
        WorkflowState::Paused => "paused",
        WorkflowState::Completed => "completed",
        WorkflowState::Failed => "failed",
        WorkflowState::Cancelled => "cancelled",
    }
}

/// The state of a step in one word.
pub(crate) fn status_word(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Pending => "pending",
        StepStatus::Ready => "ready",
        StepStatus::Running => "running",
        StepStatus::Retrying => "retrying",
        StepStatus::Asking => "asking",
        StepStatus::Uncertain => "uncertain",
        StepStatus::Completed => "completed",
        StepStatus::Failed => "failed",
        StepStatus::Skipped => "skipped",
        StepStatus::Cancelled => "cancelled",
        StepStatus::Removed => "removed",
    }
}

/// A length of time in words, of so many milliseconds.
pub(crate) fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} min", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// What came of a workflow: one line for each step, and one for the sums.
pub(crate) fn summary(summary: &Summary) -> String {
    let width = summary
        .steps
        .iter()
        .map(|step| step.id.chars().count())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for step in &summary.steps {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", step_line(step, width));
        // What ended the workflow is told below.
        if let Some(failure) = &step.error
            && summary.error.as_ref().map(|error| &error.hint) != Some(&failure.hint)
        {
            text.push_str(&hint(failure));
        }
    }
    for evidence in &summary.criteria {
        let met = match evidence.met {
            Some(true) => "met",
            Some(false) => "not met",
            None => "not known",
        };
        let _ = writeln!(text, "criterion {met}: {}", line(&evidence.found, 400));
    }
    if let Some(failure) = &summary.error {
        let _ = writeln!(text, "why: {}", failed(failure));
        text.push_str(&hint(failure));
    }
    let _ = write!(
        text,
        "{} {}: {} calls in {}, fuel {}",
        state_word(summary.state),
        summary.workflow,
        summary.calls,
        took(summary.active_ms),
        summary.usage.fuel
    );
    text
}

fn step_line(step: &StepSummary, width: usize) -> String {
    let mut text = format!("{:<width$}  {:<9}", step.id, status_word(step.status));
    if let (Some(began), Some(ended)) = (step.began_ms, step.ended_ms) {
        let _ = write!(
            text,
            "  in {}, fuel {}",
            took(ended.saturating_sub(began)),
            step.usage.fuel
        );
    }
    if step.attempts > 1 {
        let _ = write!(text, ", {} attempts", step.attempts);
    }
    if let Some(undone) = step.undone {
        let _ = write!(text, ", taken back: {undone}");
    }
    match (&step.error, &step.value) {
        (Some(failure), _) => {
            let _ = write!(text, "  {}", failed(failure));
        }
        (None, Some(value)) => {
            let _ = write!(text, "  {}", line(value, 60));
        }
        (None, None) => {}
    }
    text.trim_end().to_owned()
}

fn hint(failure: &Failure) -> String {
    if failure.hint.is_empty() {
        return String::new();
    }
    format!("  hint: {}\n", line(&failure.hint, 400))
}

pub(super) fn failed(failure: &Failure) -> String {
    format!("{} [{}]", line(&failure.message, 300), failure.code)
}

/// One workflow for somebody who looks at it.
pub(crate) fn shown(found: &Summary, driven: bool, told: &str) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    row("workflow", &found.workflow.to_string());
    row("goal", &line(&found.goal, 400));
    let driver = match (found.state, driven) {
        (WorkflowState::Completed | WorkflowState::Failed | WorkflowState::Cancelled, _) => "",
        (_, true) => ", driven",
        (_, false) => ", driven by nobody",
    };
    row("state", &format!("{}{driver}", state_word(found.state)));
    if let Some(plan) = found.plan {
        row("plan", &plan.to_string());
    }
    for change in &found.history {
        row(
            &moment(change.at_ms),
            &format!(
                "{} to {}: {}",
                state_word(change.from),
                state_word(change.to),
                line(&change.reason, 200)
            ),
        );
    }
    let _ = writeln!(text, "{}", summary(found));
    for step in &found.steps {
        if let (StepStatus::Asking, Some(question)) = (step.status, &step.question) {
            let approvers = step.approvers.as_deref().unwrap_or_default();
            text.push_str(&approval(&step.id, question, approvers, told));
        }
    }
    for question in &found.questions {
        text.push_str(&asked(question, &found.workflow.to_string(), told));
    }
    text.trim_end().to_owned()
}

/// What a workflow waited for when its driver was gone, which nobody tells again.
pub(crate) fn waiting(state: &State, told: &str) -> String {
    let mut text = String::new();
    for step in state.steps() {
        if let (StepStatus::Asking, Some((question, _))) = (step.status, &step.question) {
            let approvers = step.step.spec.approval.as_deref().unwrap_or_default();
            text.push_str(&approval(step.id(), question, approvers, told));
        }
    }
    let others = |question: &&Question| question.about != About::Paused;
    for question in state.questions().filter(others) {
        text.push_str(&asked(question, &state.id().to_string(), told));
    }
    text
}

fn approval(step: &str, question: &str, approvers: &str, told: &str) -> String {
    format!(
        "{}: waits for approval\n  {}\n",
        line(step, 64),
        approve_command(question, approvers, told)
    )
}

/// What waits for an answer, and how to give it.
fn asked(question: &Question, workflow: &str, told: &str) -> String {
    let actions = question.about.actions();
    let token = question.token.get(..12).unwrap_or(&question.token);
    format!(
        "waits for an answer until {}: {}\n  token    {}\n  actions  {}\n  answer   {}\n",
        moment(question.expires_ms),
        line(&question.prompt, 600),
        question.token,
        actions.join(", "),
        answer_command(workflow, token, actions, told),
    )
}

/// The command that gives the first of these answers; `told` names the journal, if it has to be named.
pub(super) fn answer_command(
    workflow: &str,
    token: &str,
    actions: &[impl AsRef<str>],
    told: &str,
) -> String {
    let answer = match actions.first().map(AsRef::as_ref) {
        Some("confirm") => r#"{"action":"confirm","met":true}"#.to_owned(),
        first => format!(r#"{{"action":"{}"}}"#, first.unwrap_or_default()),
    };
    format!("engine workflow answer {workflow} {token} '{answer}'{told}")
}

/// One workflow of a list: what is kept of it, how it is now, and whether somebody drives it.
#[derive(Serialize)]
pub(crate) struct Listed {
    #[serde(flatten)]
    pub(crate) entry: RosterEntry,
    /// Whether somebody drives it; one that has ended is driven by nobody.
    pub(crate) driven: bool,
}

/// The head of a list of workflows.
pub(crate) fn listed_head() -> String {
    format!(
        "{:<36}  {:<9}  {:<6}  {:>9}  {:<24}  goal",
        "workflow", "state", "driven", "steps", "began"
    )
}

/// One line of a list of workflows.
pub(crate) fn listed(listed: &Listed) -> String {
    let Listed { entry, driven } = listed;
    let steps = format!("{}/{}", entry.ended, entry.steps);
    format!(
        "{}  {:<9}  {:<6}  {steps:>9}  {}  {}",
        entry.workflow,
        entry.state,
        if *driven { "yes" } else { "no" },
        moment(entry.began_ms),
        line(&entry.goal, 100)
    )
}

fn moment(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| "some time".to_owned(), |moment| format!("{moment:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_the_unit_that_fits() {
        for (ms, shown) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (3_599_999, "59 min 59 s"),
            (3_600_000, "1 h 0 min"),
            (u64::MAX, "5124095576030 h 25 min"),
        ] {
            assert_eq!(took(ms), shown);
        }
    }
}
