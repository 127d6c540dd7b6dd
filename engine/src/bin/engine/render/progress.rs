//! What happens to a workflow, told line by line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::data::{Source, StepEnd, Timestamp, WorkflowState, line};
use engine::{Event, EventKind, Scope, Sink};
use serde_json::Value;

use super::lines::logged;
use super::notes::matters;
use super::summary::{answer_command, failed, state_word};
use super::{Printer, took};

/// Tells a workflow's events as lines on standard error.
pub(crate) struct Progress {
    printer: Printer,
    /// The option that names the journal, if it has to be named.
    told: String,
    /// What is said once the plan has passed its check.
    held: Mutex<Option<String>>,
}

impl Progress {
    pub(crate) fn new(printer: Printer, told: String) -> Self {
        Self {
            printer,
            told,
            held: Mutex::default(),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<String>> {
        // What is held is one text, whole even after a panic.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Progress {
    fn emit(&self, event: &Arc<Event>) {
        let begins = matches!(event.kind, EventKind::WorkflowStarted { .. });
        let text = if matches!(event.kind, EventKind::PlanChecked { .. }) {
            self.held().take()
        } else {
            told(event, &self.told)
        };
        match text {
            Some(text) if begins => *self.held() = Some(text),
            Some(text) => self.printer.note(&format!("{text}\n")),
            None => {}
        }
    }
}

/// The step that an event is about.
pub(super) fn step(event: &Event) -> Option<&str> {
    event.scope.iter().find_map(|scope| {
        if let Scope::Step(step) = scope {
            Some(step.as_str())
        } else {
            None
        }
    })
}

/// One event in words, if people want to know it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "everything else is in the journal"
)]
fn told(event: &Event, journal: &str) -> Option<String> {
    let step = || line(step(event).unwrap_or("the workflow"), 64);
    Some(match &event.kind {
        EventKind::WorkflowStarted { goal, .. } => format!(
            "workflow {} begins: {}",
            workflow(event)?,
            line(&goal.text, 200)
        ),
        EventKind::WorkflowStateChanged {
            from: WorkflowState::Executing | WorkflowState::Paused,
            to,
            reason,
        } => format!("now {}: {}", state_word(*to), line(reason, 300)),
        EventKind::StepStarted { action, attempt } => match attempt {
            1 => format!("{}: begins {}", step(), line(action, 128)),
            _ => format!("{}: attempt {attempt}", step()),
        },
        EventKind::Logged { level, message } if matters(level) => {
            format!("{}: {}", step(), logged(level, &message.text))
        }
        EventKind::StepCompleted(end) => format!("{}: {}", step(), ended(end)),
        EventKind::StepUndone(end) => format!("{}: taken back: {}", step(), ended(end)),
        EventKind::StepSkipped { reason } => {
            format!("{}: skipped: {}", step(), line(reason, 300))
        }
        EventKind::RetryScheduled {
            attempt,
            selected_delay_ms,
            error,
            ..
        } => format!(
            "{}: attempt {attempt} failed, again in {}: {}",
            step(),
            took(*selected_delay_ms),
            failed(error)
        ),
        EventKind::ApprovalRequested {
            token,
            action,
            approvers,
            expires,
        } => format!(
            "{}: waits for approval{}{}: {}\n  {}",
            step(),
            if approvers.is_empty() {
                String::new()
            } else {
                format!(" by {}", line(approvers, 128))
            },
            until(*expires),
            line(&action.reason, 300),
            approve_command(token, approvers, journal)
        ),
        EventKind::ApprovalResolved { answer, .. } => format!(
            "{}: {} by {}",
            step(),
            if answer.approved {
                "approved"
            } else {
                "denied"
            },
            line(&answer.principal, 128)
        ),
        EventKind::ApprovalExpired { .. } => {
            format!("{}: nobody approved it in time", step())
        }
        EventKind::WorkflowSuspended {
            token,
            prompt,
            answer_schema,
            expires,
        } => {
            let actions = actions(&answer_schema.text);
            format!(
                "waits for an answer{}: {}\n  {}\n  it takes {}",
                until(*expires),
                line(&prompt.text, 600),
                answer_command(
                    &workflow(event)?,
                    token.get(..12).unwrap_or(token),
                    &actions,
                    journal
                ),
                line(&actions.join(", "), 300)
            )
        }
        EventKind::ReplayUncertain { action, .. } => format!(
            "{}: began before, and whether {} had its effect is not known",
            step(),
            line(action, 128)
        ),
        EventKind::UserActed {
            principal, action, ..
        } => format!("{} by {}", line(action, 64), line(principal, 128)),
        EventKind::BudgetWarned {
            budget,
            used,
            maximum,
            ..
        } => format!("budget {}: {used} of {maximum}", line(budget, 64)),
        EventKind::BudgetExceeded {
            budget,
            used,
            maximum,
            ..
        } => format!("budget {} is spent: {used} of {maximum}", line(budget, 64)),
        EventKind::StallDetected {
            issue, evidence, ..
        } => format!("stall: {}: {}", line(issue, 64), line(evidence, 300)),
        EventKind::LoopDetected {
            count,
            maximum,
            actions,
            ..
        } => format!(
            "loop: {} came {count} times in a row, and {maximum} are allowed",
            line(&actions.join(", "), 300)
        ),
        _ => return None,
    })
}

fn ended(end: &StepEnd) -> String {
    let ms = u64::try_from(end.usage.wall.as_millis()).unwrap_or(u64::MAX);
    let mut text = format!("{} in {}, fuel {}", end.status, took(ms), end.usage.fuel);
    if end.attempts > 1 {
        text.push_str(&format!(", {} attempts", end.attempts));
    }
    if let Some(error) = &end.error {
        text.push_str(&format!(": {}", failed(error)));
    }
    text
}

pub(super) fn workflow(event: &Event) -> Option<String> {
    if let Source::Workflow { workflow_id } = &event.source {
        Some(workflow_id.to_string())
    } else {
        None
    }
}

fn until(expires: Option<Timestamp>) -> String {
    expires.map_or_else(String::new, |expires| format!(" until {expires:.0}"))
}

/// The command that approves.
pub(super) fn approve_command(question: &str, approvers: &str, journal: &str) -> String {
    let by = match approvers.split(',').map(str::trim).next() {
        None | Some("" | crate::desk::OPERATOR) => String::new(),
        Some(first) => format!(" --as {}", line(first, 64)),
    };
    let question = question.get(..12).unwrap_or(question);
    format!("engine approvals approve {question}{by}{journal}")
}

/// The actions that a schema of answers names.
pub(super) fn actions(schema: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap_or_default();
    let answers = schema.get("oneOf").and_then(Value::as_array);
    answers
        .into_iter()
        .flatten()
        .filter_map(|answer| answer.pointer("/properties/action/const")?.as_str())
        .map(str::to_owned)
        .collect()
}
