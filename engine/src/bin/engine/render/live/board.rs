use std::time::Duration;

use engine::data::{WorkflowState, line};
use engine::workflow::{Plan, State, StepState, StepStatus};
use engine::{Event, EventKind, Status};

use crate::render::lines::progressed;
use crate::render::progress::{actions, approve_command, step, workflow};
use crate::render::summary::{answer_command, state_word, status_word};
use crate::render::took;

/// What is known of a workflow while it runs, for somebody who watches.
pub(crate) struct Board {
    goal: String,
    state: WorkflowState,
    longest_ms: u64,
    calls: u64,
    most_calls: Option<u64>,
    fuel: u64,
    most_fuel: Option<u64>,
    /// What was said about the whole workflow last.
    said: String,
    /// The command that answers what waits for an answer.
    answer: String,
    /// The option that names the journal, if it has to be named.
    told: String,
    steps: Vec<Row>,
}

/// One step.
struct Row {
    id: String,
    status: StepStatus,
    /// When it began, and how long it took.
    began: Option<Duration>,
    took: Option<Duration>,
    attempts: u32,
    after: Vec<String>,
    note: String,
}

impl Board {
    /// A plan of which nothing has happened.
    pub(crate) fn of_plan(plan: &Plan, told: String) -> Self {
        let limits = &plan.spec().resource_limits;
        Self {
            goal: line(&plan.spec().goal, 400),
            state: WorkflowState::Initializing,
            longest_ms: plan.timeout_ms(),
            calls: 0,
            most_calls: limits.max_calls,
            fuel: 0,
            most_fuel: limits.max_fuel,
            said: String::new(),
            answer: String::new(),
            told,
            steps: plan
                .steps()
                .iter()
                .map(|step| Row {
                    id: step.spec.id.clone(),
                    status: StepStatus::Pending,
                    began: None,
                    took: None,
                    attempts: 0,
                    after: step.spec.depends_on.iter().cloned().collect(),
                    note: String::new(),
                })
                .collect(),
        }
    }

    /// A workflow that was driven before; `None` if it has no plan.
    pub(crate) fn of_state(state: &State, told: String) -> Option<Self> {
        let mut board = Self::of_plan(state.plan()?, told.clone());
        board.state = state.phase();
        board.calls = state.calls();
        board.fuel = state.usage().fuel;
        for found in state.steps() {
            let row = board.row(found.id());
            row.status = found.status;
            row.attempts = found.attempts;
            row.took = length(found);
            if let (StepStatus::Asking, Some((question, _))) = (found.status, &found.question) {
                let approvers = found.step.spec.approval.as_deref().unwrap_or_default();
                row.note = approve_command(question, approvers, &told);
            }
        }
        Some(board)
    }

    fn row(&mut self, id: &str) -> &mut Row {
        let position = self.steps.iter().position(|row| row.id == id);
        let position = position.unwrap_or_else(|| {
            self.steps.push(Row {
                id: id.to_owned(),
                status: StepStatus::Pending,
                began: None,
                took: None,
                attempts: 0,
                after: Vec::new(),
                note: String::new(),
            });
            self.steps.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the position was found or made above"
        )]
        &mut self.steps[position]
    }

    /// Takes what happened, so long after the board was made.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else is on the board"
    )]
    pub(crate) fn hear(&mut self, event: &Event, now: Duration) {
        let told = self.told.clone();
        if matches!(&event.kind, EventKind::CallStarted { .. }) {
            self.calls += 1;
        }
        if let EventKind::CallCompleted { usage, .. } = &event.kind {
            self.fuel = self.fuel.saturating_add(usage.fuel);
        }
        if let Some(step) = step(event) {
            self.hear_of_step(step, event, (now, &told));
            return;
        }
        match &event.kind {
            EventKind::WorkflowStateChanged { to, reason, .. } => {
                self.state = *to;
                self.said = line(reason, 200);
            }
            EventKind::WorkflowSuspended {
                prompt,
                token,
                answer_schema,
                ..
            } => {
                let id = workflow(event).unwrap_or_default();
                // As much of the id as is sure to be one workflow's.
                let id = id.get(..18).unwrap_or(&id);
                let token = token.get(..12).unwrap_or(token);
                self.said = line(&prompt.text, 200);
                self.answer = answer_command(id, token, &actions(&answer_schema.text), &told);
            }
            EventKind::WorkflowResumed { .. } => self.answer.clear(),
            EventKind::StallDetected {
                issue, evidence, ..
            } => self.said = format!("stall: {}: {}", line(issue, 64), line(evidence, 200)),
            EventKind::BudgetWarned {
                budget,
                used,
                maximum,
                ..
            }
            | EventKind::BudgetExceeded {
                budget,
                used,
                maximum,
                ..
            } => self.said = format!("budget {}: {used} of {maximum}", line(budget, 64)),
            _ => {}
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "nothing else is on the board"
    )]
    fn hear_of_step(&mut self, step: &str, event: &Event, (now, told): (Duration, &str)) {
        let row = self.row(step);
        match &event.kind {
            EventKind::StepStarted { attempt, .. } => {
                row.status = StepStatus::Running;
                row.began.get_or_insert(now);
                row.attempts = *attempt;
                row.note.clear();
            }
            EventKind::Progressed {
                done,
                total,
                message,
            } => row.note = progressed(*done, *total, &message.text),
            EventKind::StepCompleted(end) => {
                row.status = match end.status {
                    Status::Ok => StepStatus::Completed,
                    Status::Cancelled => StepStatus::Cancelled,
                    Status::Error
                    | Status::Denied
                    | Status::Limit
                    | Status::Trap
                    | Status::Invalid
                    | Status::Uncertain
                    | Status::Internal => StepStatus::Failed,
                };
                row.took = Some(now.saturating_sub(row.began.unwrap_or(now)));
                row.attempts = end.attempts;
                row.note = end
                    .error
                    .as_ref()
                    .map_or_else(String::new, |error| line(&error.message, 200));
            }
            EventKind::StepSkipped { reason } => {
                row.status = StepStatus::Skipped;
                row.note = line(reason, 200);
            }
            EventKind::StepUndone(end) => row.note = format!("taken back: {}", end.status),
            EventKind::RetryScheduled {
                selected_delay_ms,
                error,
                ..
            } => {
                row.status = StepStatus::Retrying;
                row.note = format!(
                    "again in {}: {}",
                    took(*selected_delay_ms),
                    line(&error.message, 200)
                );
            }
            EventKind::ApprovalRequested {
                token, approvers, ..
            } => {
                row.status = StepStatus::Asking;
                row.note = approve_command(token, approvers, told);
            }
            EventKind::ApprovalResolved { .. } | EventKind::ApprovalExpired { .. } => {
                row.note.clear();
            }
            EventKind::ReplayUncertain { .. } => row.status = StepStatus::Uncertain,
            _ => {}
        }
    }

    /// The board as lines that fit a terminal.
    pub(crate) fn lines(&self, now: Duration, width: usize, height: usize) -> Vec<String> {
        let cut = |text: &str| -> String {
            let fits: String = text.chars().take(width.saturating_sub(1)).collect();
            fits.trim_end().to_owned()
        };
        let of = |used: u64, most: Option<u64>| match most {
            Some(most) => format!("{used}/{most}"),
            None => used.to_string(),
        };
        let mut lines = vec![
            cut(&self.goal),
            cut(&format!(
                "{}  {}/{}  calls {}  fuel {}",
                state_word(self.state),
                took(ms(now)),
                took(self.longest_ms),
                of(self.calls, self.most_calls),
                of(self.fuel, self.most_fuel),
            )),
        ];
        if !self.said.is_empty() {
            lines.push(cut(&self.said));
        }
        if !self.answer.is_empty() {
            lines.push(cut(&self.answer));
        }
        // One line stays free for the cursor, and one for what does not fit.
        let room = height.saturating_sub(lines.len() + 2).max(1);
        let names = self.steps.iter().map(|row| row.id.chars().count()).max();
        let names = names.unwrap_or_default().min(24);
        let mut chosen: Vec<&Row> = self.steps.iter().collect();
        let hidden = chosen.len().saturating_sub(room);
        if hidden > 0 {
            // What goes on now matters most, then what is to come.
            chosen.sort_by_key(|row| match row.status {
                StepStatus::Running
                | StepStatus::Retrying
                | StepStatus::Asking
                | StepStatus::Uncertain => 0,
                StepStatus::Failed => 1,
                StepStatus::Ready | StepStatus::Pending => 2,
                StepStatus::Completed
                | StepStatus::Skipped
                | StepStatus::Cancelled
                | StepStatus::Removed => 3,
            });
            chosen.truncate(room);
        }
        lines.extend(
            chosen
                .into_iter()
                .map(|row| cut(&self.row_line(row, names, now))),
        );
        if hidden > 0 {
            let ended = self
                .steps
                .iter()
                .filter(|row| row.status.has_ended())
                .count();
            lines.push(cut(&format!(
                "… {hidden} more; {ended} of {} have ended",
                self.steps.len()
            )));
        }
        lines
    }

    fn row_line(&self, row: &Row, names: usize, now: Duration) -> String {
        let elapsed = match (row.took, row.began) {
            (Some(took), _) => Some(took),
            (None, Some(began)) => Some(now.saturating_sub(began)),
            (None, None) => None,
        };
        let elapsed = elapsed.map_or_else(String::new, |elapsed| took(ms(elapsed)));
        let attempts = if row.attempts > 1 {
            format!("{} attempts  ", row.attempts)
        } else {
            String::new()
        };
        let waits = || {
            let open: Vec<&str> = row
                .after
                .iter()
                .filter(|id| {
                    let mut rows = self.steps.iter();
                    rows.any(|other| other.id == **id && !other.status.has_ended())
                })
                .map(String::as_str)
                .collect();
            if open.is_empty() {
                String::new()
            } else {
                format!("after {}", open.join(", "))
            }
        };
        let note = if row.status == StepStatus::Pending && row.note.is_empty() {
            waits()
        } else {
            row.note.clone()
        };
        let id: String = row.id.chars().take(names).collect();
        format!(
            "  {id:<names$}  {:<9}  {elapsed:>8}  {attempts}{note}",
            status_word(row.status)
        )
        .trim_end()
        .to_owned()
    }
}

fn length(step: &StepState) -> Option<Duration> {
    let length = step.ended_ms?.saturating_sub(step.began_ms?);
    Some(Duration::from_millis(length))
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
