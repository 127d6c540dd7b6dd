//! How a workflow goes on after whoever drove it was gone, and when it stalls.

use super::Effect;
use super::input::{CallEnd, Known, Remedy, Stalled};
use super::question::About;
use super::state::StepStatus;
use super::step::{Refused, Turn};
use crate::event::{EventKind, WorkflowState};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Failure, RunId, Status, Usage, text};

impl Turn {
    /// Takes up what was running: what is known to have ended has, what has not begun begins again, and the rest
    /// is uncertain.
    pub(super) fn recovered(
        &mut self,
        (uncertain, runs): (&[usize], Vec<(usize, RunId)>),
        not_started: &[usize],
        ended: Vec<(usize, u32, CallEnd)>,
        known: Vec<(usize, Known)>,
    ) -> Result<(), Refused> {
        let undoing = self.state.undoing;
        self.accounted(uncertain, not_started, &ended)?;
        if let Some((step, _)) = known
            .iter()
            .find(|(step, _)| *step >= self.state.steps.len())
        {
            return Err(format!("there is no step at position {step}"));
        }
        for (step, known) in known {
            let found = self.at(step)?;
            // What ran was the old component: both have to say that to repeat it does no harm.
            let repeatable = found.known.repeatable && known.repeatable;
            let pure = found.known.pure && known.pure;
            found.known = Known {
                repeatable,
                pure,
                ..known
            };
        }
        if let Some((step, _)) = runs.iter().find(|(step, _)| !uncertain.contains(step)) {
            return Err(format!("the step at position {step} is not uncertain"));
        }
        for (step, run) in runs {
            self.at(step)?.runs.push(run);
        }
        for (step, attempt, end) in ended {
            if undoing == Some(step) {
                self.undone(step, end)?;
            } else {
                // Whoever cancelled it was the one who drives, on the way out.
                self.at(step)?.interrupted |= end.status == Status::Cancelled;
                self.ended(step, attempt, end)?;
            }
        }
        for step in not_started {
            let undoes = self
                .state
                .ending
                .as_ref()
                .is_none_or(|ending| ending.undoes);
            if undoing == Some(*step) && undoes {
                self.effects.push(Effect::Undo { step: *step });
            } else if undoing == Some(*step) {
                self.undone(*step, never_undone())?;
            } else {
                self.not_begun(*step)?;
                if self.state.ending.is_none() {
                    self.state.ready.insert(*step);
                }
            }
        }
        for step in uncertain {
            self.was_running(*step, undoing == Some(*step))?;
        }
        if self.state.evidence.is_empty() {
            // Whoever looked at the criteria is gone.
            self.state.verifying = false;
        }
        Ok(())
    }

    /// Makes sure that everything that ran is accounted for, once, and nothing else.
    fn accounted(
        &mut self,
        uncertain: &[usize],
        not_started: &[usize],
        ended: &[(usize, u32, CallEnd)],
    ) -> Result<(), Refused> {
        let undoing = self.state.undoing;
        let mut left = self.state.running.clone();
        left.extend(undoing);
        let told = uncertain.iter().chain(not_started);
        for step in told.chain(ended.iter().map(|(step, ..)| step)) {
            if !left.remove(step) {
                return Err(format!(
                    "the step at position {step} did not run, or is named twice"
                ));
            }
        }
        if let Some(step) = left.first() {
            return Err(format!(
                "nothing is said about the step at position {step}, which ran"
            ));
        }
        for (step, attempt, _) in ended {
            let found = self.at(*step)?;
            if undoing != Some(*step) && found.attempts != *attempt {
                return Err(format!(
                    "attempt {attempt} of the step `{}` does not run",
                    found.id()
                ));
            }
        }
        Ok(())
    }

    /// A step had begun, and its end is not known.
    fn was_running(&mut self, step: usize, undoing: bool) -> Result<(), Refused> {
        let why = "its end was lost in a crash, and it may have had its effect";
        if undoing {
            let end = CallEnd {
                status: Status::Uncertain,
                started: true,
                killed: false,
                output: None,
                failure: Some(Failure::plain(Code::Uncertain, why)),
                usage: Usage::default(),
                run: None,
                cached: None,
            };
            return self.undone(step, end);
        }
        let ending = self.state.ending.is_some();
        let found = self.at(step)?;
        let most = found.most.take();
        let (repeatable, action) = (found.known.repeatable, found.known.action.clone());
        self.state.running.remove(&step);
        self.state.tallied.started(&action);
        self.state.budgets.spend(most, &Usage::default(), None);
        if ending {
            self.at(step)?.ended = None;
            self.fail_alone(step, Failure::plain(Code::Uncertain, why));
        } else if repeatable {
            let found = self.at(step)?;
            let action = found.known.action.clone();
            let arguments = Bounded::new(&found.step.spec.args.to_string(), MOST_IN_EVENT);
            self.tell_of(step, EventKind::ReplayUncertain { action, arguments });
            self.again(step)?;
        } else {
            self.doubt(step);
        }
        Ok(())
    }

    /// There is no progress.
    pub(super) fn stalled(&mut self, stalled: Stalled) -> Result<(), Refused> {
        self.expect(&[WorkflowState::Executing], "stall")?;
        if self.state.ending.is_some() {
            return Err("cannot stall: the workflow is ending".to_owned());
        }
        let Stalled {
            issue,
            count,
            evidence,
            remedies,
            asked,
        } = stalled;
        self.state.stalls += 1;
        self.tell(EventKind::StallDetected {
            issue: text::line(&issue, 64),
            count,
            evidence: text::line(&evidence, 1024),
        });
        for remedy in remedies {
            match remedy {
                Remedy::FewerAtOnce => self.state.parallel = (self.state.parallel / 2).max(1),
            }
        }
        if let Some(suggested) = asked {
            self.go(
                WorkflowState::Paused,
                "Workflow paused for intervention: there is no progress",
            );
            let prompt = text::line(&format!("{evidence}; {suggested}"), 2048);
            let event = self.state.ask(About::Paused, prompt);
            self.tell(event);
        }
        Ok(())
    }
}

/// The end of an undo that had not begun when it was forbidden.
fn never_undone() -> CallEnd {
    CallEnd {
        status: Status::Cancelled,
        started: false,
        killed: false,
        output: None,
        failure: Some(Failure::plain(
            Code::Cancelled,
            "the workflow was stopped by force",
        )),
        usage: Usage::default(),
        run: None,
        cached: None,
    }
}

impl super::StepStatus {
    /// Whether a person can still change the step's arguments.
    pub(super) fn can_change(self) -> bool {
        match self {
            StepStatus::Pending | StepStatus::Ready | StepStatus::Retrying | StepStatus::Asking => {
                true
            }
            StepStatus::Running
            | StepStatus::Uncertain
            | StepStatus::Completed
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Cancelled
            | StepStatus::Removed => false,
        }
    }
}
