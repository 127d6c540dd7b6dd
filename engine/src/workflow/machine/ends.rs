//! How steps end: with a result, without one, or with another attempt.

use super::budget::as_written;
use super::input::{Approval, CallEnd, Output};
use super::question::About;
use super::state::StepStatus;
use super::step::{Refused, Turn};
use crate::event::{Cache, EventKind, StepEnd, WorkflowState};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Digest, Failure, Open, Status, text};

impl Turn {
    /// An attempt of a step ended.
    pub(super) fn ended(&mut self, step: usize, attempt: u32, end: CallEnd) -> Result<(), Refused> {
        let ending = self.state.ending.is_some();
        let found = self.at(step)?;
        if found.status != StepStatus::Running || found.attempts != attempt {
            return Err(format!(
                "attempt {attempt} of the step `{}` does not run",
                found.id()
            ));
        }
        let most = found.most.take();
        let interrupted = std::mem::take(&mut found.interrupted);
        let usage = as_written(&end.usage);
        found.usage = found.usage.and(&usage);
        found.ended = Some(end.status);
        found.runs.extend(end.run);
        let (repeatable, capability) = (found.known.repeatable, found.step.spec.capability.clone());
        let action = found.known.action.clone();
        self.state.running.remove(&step);
        self.state.tallied.ended(&action, end.started, end.status);
        let budgets = &mut self.state.budgets;
        match most {
            // What was refused before it began is no call.
            Some(most) if !end.started => {
                budgets.untake(&capability, most);
                budgets.spend(None, &usage, None);
            }
            most => budgets.spend(most, &usage, end.output.as_ref()),
        }
        if let Some(key_prefix) = end.cached {
            let cache = Open::Known(Cache::Result);
            self.tell_of(step, EventKind::CacheHit { cache, key_prefix });
        }
        self.warn();
        let failure = end.failure.unwrap_or_else(unexplained);
        match end.status {
            _ if end.killed => {
                let why = failure.clone();
                self.fail_alone(step, failure);
                self.wind_up(WorkflowState::Failed, why, false);
                self.interrupt_all();
            }
            Status::Ok => {
                let output = end.output.unwrap_or_else(|| Output::inline("null"));
                self.complete(step, output);
            }
            Status::Cancelled if ending => self.cancel(step, failure),
            Status::Cancelled if interrupted && (repeatable || !end.started) => {
                self.again(step)?;
            }
            Status::Cancelled | Status::Uncertain if end.started && !repeatable && !ending => {
                self.doubt(step);
            }
            Status::Error
            | Status::Denied
            | Status::Limit
            | Status::Trap
            | Status::Invalid
            | Status::Cancelled
            | Status::Uncertain
            | Status::Internal => self.retry_or_fail(step, attempt, failure),
        }
        Ok(())
    }

    /// Plans another attempt, if there is to be one.
    fn retry_or_fail(&mut self, step: usize, attempt: u32, failure: Failure) {
        let now = self.state.time.now_ms;
        let left = self
            .state
            .time
            .most_ms
            .saturating_sub(self.state.time.active_ms);
        let seed = self.state.seed;
        let allowed = self.state.ending.is_none() && self.state.retries > 0;
        let Ok(found) = self.at(step) else { return };
        let retry = found.step.retry.clone().filter(|retry| {
            allowed
                && found.retried < retry.max
                && retry.takes(failure.code, found.known.repeatable)
        });
        let Some(retry) = retry else {
            self.fail(step, failure);
            return;
        };
        let chance = Digest::of_parts([
            "wait 1".as_bytes(),
            seed.as_bytes(),
            found.id().as_bytes(),
            &attempt.to_le_bytes(),
        ]);
        let chance = chance
            .as_bytes()
            .iter()
            .take(8)
            .fold(0_u64, |chance, byte| (chance << 8) | u64::from(*byte));
        found.retried += 1;
        let computed = retry.delay_ms(found.retried, chance);
        let selected = computed.min(left);
        let because = if selected < computed {
            "the workflow's time ends before"
        } else {
            ""
        };
        found.status = StepStatus::Retrying;
        self.state.retries -= 1;
        self.state.due.insert((now.saturating_add(selected), step));
        self.tell_of(
            step,
            EventKind::RetryScheduled {
                attempt,
                max_retries: retry.max,
                computed_delay_ms: computed,
                selected_delay_ms: selected,
                adjusted_because: because.to_owned(),
                error: failure,
            },
        );
    }

    /// A step waits for an approval; its attempt has not begun.
    pub(super) fn asked(
        &mut self,
        step: usize,
        question: String,
        expires_ms: Option<u64>,
    ) -> Result<(), Refused> {
        self.not_begun(step)?;
        let found = self.at(step)?;
        found.status = StepStatus::Asking;
        found.question = Some((question, expires_ms));
        Ok(())
    }

    /// Takes back the attempt of a running step that has not begun after all.
    pub(super) fn not_begun(&mut self, step: usize) -> Result<(), Refused> {
        let found = self.at(step)?;
        if found.status != StepStatus::Running {
            return Err(format!("the step `{}` does not run", found.id()));
        }
        let most = found.most.take();
        found.attempts = found.attempts.saturating_sub(1);
        found.status = StepStatus::Ready;
        let (first, capability) = (found.attempts == 0, found.step.spec.capability.clone());
        if let Some(most) = most {
            self.state.budgets.untake(&capability, most);
        }
        if first {
            self.state.actions = self.state.actions.saturating_sub(1);
        }
        self.state.running.remove(&step);
        Ok(())
    }

    pub(super) fn decided(
        &mut self,
        step: usize,
        question: &str,
        approval: Approval,
    ) -> Result<(), Refused> {
        let found = self.at(step)?;
        let asked = found.question.as_ref().map(|(asked, _)| asked.as_str());
        if found.status != StepStatus::Asking || asked != Some(question) {
            return Err(format!(
                "the step `{}` does not wait for this answer",
                found.id()
            ));
        }
        found.question = None;
        match approval {
            Approval::Approved => {
                found.status = StepStatus::Ready;
                self.state.ready.insert(step);
            }
            Approval::Denied { by, reason } => {
                found.ended = Some(Status::Denied);
                let because = if reason.is_empty() {
                    String::new()
                } else {
                    format!(": {}", text::line(&reason, 512))
                };
                let by = text::line(&by, 128);
                let message = format!("`{by}` denied it{because}");
                self.fail(step, Failure::plain(Code::ApprovalDenied, &message));
            }
            Approval::Expired => {
                found.ended = Some(Status::Denied);
                let message = "nobody approved it in time";
                self.fail(step, Failure::plain(Code::ApprovalExpired, message));
            }
        }
        Ok(())
    }

    /// A step had its effect.
    pub(super) fn complete(&mut self, step: usize, output: Output) {
        if self
            .at(step)
            .is_ok_and(|found| found.step.spec.undo.is_some())
        {
            self.state.undo.push(step);
        }
        self.give(step, output);
    }

    /// Gives a step its result, and lets those begin that waited for it.
    pub(super) fn give(&mut self, step: usize, output: Output) {
        let now = self.state.time.now_ms;
        let Ok(found) = self.at(step) else { return };
        found.status = StepStatus::Completed;
        found.output = Some(output);
        found.failure = None;
        found.ended = Some(Status::Ok);
        found.ended_ms = Some(now);
        self.state.open = self.state.open.saturating_sub(1);
        self.step_ended(step, Status::Ok);
        for after in self.state.graph.needed_by(step).to_vec() {
            let Ok(waiting) = self.at(after) else {
                continue;
            };
            waiting.blocked = waiting.blocked.saturating_sub(1);
            if waiting.blocked == 0 && waiting.status == StepStatus::Pending {
                waiting.status = StepStatus::Ready;
                self.state.ready.insert(after);
            }
        }
    }

    /// A step failed for good, and with it what depends on it, and the workflow unless it goes on.
    pub(super) fn fail(&mut self, step: usize, failure: Failure) {
        let goes_on = self.at(step).is_ok_and(|found| found.step.goes_on);
        let id = self.at(step).map(|found| found.id().to_owned());
        let id = id.unwrap_or_default();
        self.fail_alone(step, failure.clone());
        if !goes_on {
            let message = format!("the step `{id}` failed: {}", failure.message);
            let why = Failure {
                message: text::line(&message, 4096),
                ..failure
            };
            self.wind_up(WorkflowState::Failed, why, true);
        }
    }

    pub(super) fn fail_alone(&mut self, step: usize, failure: Failure) {
        let now = self.state.time.now_ms;
        let Ok(found) = self.at(step) else { return };
        let status = failure.code.status();
        found.status = StepStatus::Failed;
        found.ended.get_or_insert(status);
        found.failure = Some(failure);
        found.ended_ms = Some(now);
        let (id, status) = (found.id().to_owned(), found.ended.unwrap_or(status));
        self.state.open = self.state.open.saturating_sub(1);
        self.step_ended(step, status);
        self.skip_after(step, &format!("`{id}` failed"));
    }

    fn step_ended(&mut self, step: usize, status: Status) {
        let Ok(found) = self.at(step) else { return };
        let end = StepEnd {
            status,
            attempts: found.attempts,
            usage: found.usage,
            error: found.failure.clone(),
        };
        self.tell_of(step, EventKind::StepCompleted(end));
    }

    /// Skips all that depends on a step which has no result.
    pub(super) fn skip_after(&mut self, step: usize, reason: &str) {
        let now = self.state.time.now_ms;
        let mut next = self.state.graph.needed_by(step).to_vec();
        while let Some(after) = next.pop() {
            let Ok(waiting) = self.at(after) else {
                continue;
            };
            if waiting.status != StepStatus::Pending {
                continue;
            }
            waiting.status = StepStatus::Skipped;
            waiting.ended_ms = Some(now);
            self.state.open = self.state.open.saturating_sub(1);
            self.tell_of(
                after,
                EventKind::StepSkipped {
                    reason: reason.to_owned(),
                },
            );
            next.extend(self.state.graph.needed_by(after));
        }
    }

    /// Puts a step whose attempt was interrupted back among those that can begin.
    pub(super) fn again(&mut self, step: usize) -> Result<(), Refused> {
        self.at(step)?.status = StepStatus::Ready;
        self.state.ready.insert(step);
        Ok(())
    }

    /// Asks whether a step had its effect.
    pub(super) fn doubt(&mut self, step: usize) {
        let Ok(found) = self.at(step) else { return };
        found.status = StepStatus::Uncertain;
        found.ended = None;
        let (id, action) = (found.id().to_owned(), found.known.action.clone());
        let arguments = Bounded::new(&found.step.spec.args.to_string(), MOST_IN_EVENT);
        self.tell_of(
            step,
            EventKind::ReplayUncertain {
                action: action.clone(),
                arguments,
            },
        );
        let prompt = format!(
            "the step `{id}` ({}) had begun, and it is not known whether it had its effect: retry it, mark it done \
             with a value, skip it or fail it",
            text::line(&action, 200)
        );
        self.go(
            WorkflowState::Paused,
            &format!("It is not known whether `{id}` had its effect"),
        );
        let event = self.state.ask(About::Uncertain { step }, prompt);
        self.tell_of(step, event);
    }
}

/// Stands for the failure of a call that says nothing about why it failed.
pub(super) fn unexplained() -> Failure {
    Failure::plain(Code::Internal, "the call ended without a reason")
}
