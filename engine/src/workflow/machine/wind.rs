//! How workflows end.

use super::Effect;
use super::budget::as_written;
use super::ends::unexplained;
use super::input::{CallEnd, Evidence};
use super::question::About;
use super::state::{Ending, StepStatus};
use super::step::{Refused, Turn};
use crate::event::{EventKind, StepEnd, WorkflowState};
use crate::types::{Code, Failure, Status, Usage, text};
use crate::workflow::plan::{Plan, Unanswered};

impl Turn {
    /// Begins to end the workflow: nothing new starts. What is decided first stays, but for taking effects back,
    /// which any later reason can forbid.
    pub(super) fn wind_up(&mut self, to: WorkflowState, why: Failure, undoes: bool) {
        match &mut self.state.ending {
            Some(ending) => ending.undoes &= undoes,
            none => {
                *none = Some(Ending {
                    to,
                    why,
                    undoes,
                    late: false,
                });
            }
        }
        self.state.due.clear();
        self.state.ready.clear();
        self.state.questions.clear();
        self.state.verifying = false;
    }

    /// Stops every call that runs.
    pub(super) fn interrupt_all(&mut self) {
        for step in &self.state.running {
            self.effects.push(Effect::Interrupt { step: *step });
        }
    }

    /// Takes the next effect back, or ends the workflow, once nothing runs any more.
    pub(super) fn wind_down(&mut self) {
        if !self.state.running.is_empty() || self.state.undoing.is_some() {
            return;
        }
        let Some(ending) = &self.state.ending else {
            return;
        };
        if ending.undoes
            && let Some(step) = self.state.undo.pop()
        {
            self.state.undoing = Some(step);
            self.effects.push(Effect::Undo { step });
            return;
        }
        let (to, why) = (ending.to, ending.why.clone());
        self.end(to, why, true);
    }

    /// Ends the workflow without its goal.
    pub(super) fn end(&mut self, to: WorkflowState, why: Failure, tells_steps: bool) {
        let now = self.state.time.now_ms;
        for step in 0..self.state.steps.len() {
            let Ok(found) = self.at(step) else { continue };
            if found.status.has_ended() {
                continue;
            }
            found.status = StepStatus::Cancelled;
            found.ended_ms = Some(now);
            if tells_steps {
                self.tell_of(
                    step,
                    EventKind::StepSkipped {
                        reason: "the workflow ended before".to_owned(),
                    },
                );
            }
        }
        self.state.open = 0;
        self.state.questions.clear();
        let reason = if to == WorkflowState::Failed {
            format!("Workflow failed: {}", why.message)
        } else {
            why.message.clone()
        };
        self.state.reason = Some(why);
        self.go(to, &reason);
        self.completed();
    }

    fn completed(&mut self) {
        let steps = self
            .state
            .steps
            .iter()
            .filter(|step| step.attempts > 0)
            .count();
        self.tell(EventKind::WorkflowCompleted {
            state: self.state.phase,
            usage: self.state.usage(),
            steps: steps as u64,
            error: self.state.reason.clone(),
        });
    }

    /// A step that was interrupted because the workflow ends.
    pub(super) fn cancel(&mut self, step: usize, failure: Failure) {
        let now = self.state.time.now_ms;
        let Ok(found) = self.at(step) else { return };
        found.status = StepStatus::Cancelled;
        found.failure = Some(failure.clone());
        found.ended_ms = Some(now);
        let end = StepEnd {
            status: Status::Cancelled,
            attempts: found.attempts,
            usage: found.usage,
            error: Some(failure),
        };
        self.state.open = self.state.open.saturating_sub(1);
        self.tell_of(step, EventKind::StepCompleted(end));
    }

    /// The effect of a step was taken back, or could not be.
    pub(super) fn undone(&mut self, step: usize, end: CallEnd) -> Result<(), Refused> {
        if self.state.undoing != Some(step) {
            return Err(format!("the step at position {step} is not being undone"));
        }
        self.state.undoing = None;
        let usage = as_written(&end.usage);
        self.state.budgets.spend(None, &usage, end.output.as_ref());
        if end.started {
            self.state.budgets.count(1, &Usage::default());
        }
        self.warn();
        let action = self.undo_action(step);
        self.state.tallied.ended(&action, end.started, end.status);
        let found = self.at(step)?;
        found.undone = Some(end.status);
        found.usage = found.usage.and(&usage);
        found.runs.extend(end.run);
        self.tell_of(
            step,
            EventKind::StepUndone(StepEnd {
                status: end.status,
                attempts: 1,
                usage,
                error: end.failure.clone(),
            }),
        );
        if end.killed {
            let why = end.failure.unwrap_or_else(unexplained);
            self.wind_up(WorkflowState::Failed, why, false);
        }
        Ok(())
    }

    /// What policies call the action that takes the effect of a step back.
    fn undo_action(&self, step: usize) -> String {
        let spec = self.state.steps.get(step).map(|found| &found.step.spec);
        let undo = spec.and_then(|spec| Some((spec.undo.as_ref()?, &spec.capability)));
        let other = undo.and_then(|(undo, own)| {
            let capability = undo.capability.as_ref().unwrap_or(own);
            let mut others = self.state.others.iter();
            others.find(|other| other.capability == *capability && other.function == undo.function)
        });
        other.map(|other| other.action.clone()).unwrap_or_default()
    }

    /// The success criteria were looked at.
    pub(super) fn verified(
        &mut self,
        evidence: Vec<Evidence>,
        usage: &Usage,
        calls: u64,
    ) -> Result<(), Refused> {
        if !self.state.verifying || !self.state.evidence.is_empty() {
            return Err("nobody asked whether the criteria are met".to_owned());
        }
        let criteria = self.state.plan.as_ref().map(|plan| &plan.spec().success);
        // Where the plan says nothing, one is looked at: that every step is completed.
        let wanted = criteria.map_or(1, |criteria| criteria.len().max(1));
        if evidence.len() != wanted {
            return Err(format!(
                "{} of {wanted} criteria were looked at",
                evidence.len()
            ));
        }
        self.state.budgets.count(calls, &as_written(usage));
        self.state.tallied.calls = self.state.tallied.calls.saturating_add(calls);
        self.warn();
        if self.state.phase != WorkflowState::Executing {
            // Paused meanwhile: they are looked at again when it goes on.
            self.state.verifying = false;
            return Ok(());
        }
        self.state.evidence = evidence;
        let open: Vec<(usize, String)> = self
            .state
            .evidence
            .iter()
            .enumerate()
            .filter(|(_, evidence)| evidence.met.is_none())
            .map(|(at, evidence)| (at, evidence.found.clone()))
            .collect();
        if open.is_empty() {
            self.conclude();
            return Ok(());
        }
        self.go(WorkflowState::Paused, "A person has to confirm the result");
        for (criterion, prompt) in open {
            let event = self.state.ask(About::Criterion { criterion }, prompt);
            self.tell(event);
        }
        Ok(())
    }

    /// Completes the workflow if every criterion is met.
    pub(super) fn conclude(&mut self) {
        let unmet: Vec<String> = self
            .state
            .evidence
            .iter()
            .filter(|evidence| evidence.met == Some(false))
            .map(|evidence| evidence.found.clone())
            .collect();
        if unmet.is_empty() {
            self.go(
                WorkflowState::Completed,
                "All actions completed successfully",
            );
            self.completed();
            return;
        }
        let message = format!("success criteria are not met: {}", unmet.join("; "));
        let why = Failure::plain(Code::CriterionUnmet, &text::line(&message, 4096));
        self.wind_up(WorkflowState::Failed, why, false);
    }

    /// Answers questions whose time is over, as the plan says.
    pub(super) fn expire(&mut self) {
        let now = self.state.time.now_ms;
        let over: Vec<u64> = self
            .state
            .questions
            .iter()
            .filter(|(_, question)| question.expires_ms <= now)
            .map(|(number, _)| *number)
            .collect();
        for number in over {
            let Some(question) = self.state.questions.remove(&number) else {
                continue;
            };
            self.tell(EventKind::ApprovalExpired {
                token: question.token.clone(),
            });
            match question.about {
                About::Paused => {
                    let unanswered = self
                        .state
                        .plan
                        .as_ref()
                        .map_or(Unanswered::Stop, Plan::on_unanswered);
                    match unanswered {
                        Unanswered::Continue => self.unpause("Nobody answered in time"),
                        Unanswered::Stop => {
                            let why = "nobody answered in time";
                            self.wind_up(
                                WorkflowState::Cancelled,
                                Failure::plain(Code::Cancelled, why),
                                true,
                            );
                            self.interrupt_all();
                        }
                    }
                }
                About::Uncertain { step } => {
                    let why = "nobody said in time whether it had its effect";
                    self.fail(step, Failure::plain(Code::Uncertain, why));
                    self.unpause("Every question is answered");
                }
                About::Criterion { criterion } => {
                    if let Some(evidence) = self.state.evidence.get_mut(criterion) {
                        evidence.met = Some(false);
                        evidence.found.push_str(": nobody answered in time");
                    }
                    self.conclude_if_answered();
                }
            }
        }
    }

    pub(super) fn conclude_if_answered(&mut self) {
        if self
            .state
            .evidence
            .iter()
            .all(|evidence| evidence.met.is_some())
        {
            self.conclude();
        }
    }

    /// Goes on after a pause.
    pub(super) fn resume(&mut self, reason: &str) {
        self.go(WorkflowState::Executing, reason);
    }

    /// Goes on if the last question is answered, and nobody paused the workflow otherwise.
    pub(super) fn unpause(&mut self, reason: &str) {
        if self.state.phase == WorkflowState::Paused
            && self.state.questions.is_empty()
            && self.state.ending.is_none()
        {
            self.resume(reason);
        }
    }
}
