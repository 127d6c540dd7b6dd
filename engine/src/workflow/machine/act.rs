//! What people do to workflows.

use super::Act;
use super::Effect;
use super::change::{result, within};
use super::input::Known;
use super::question::About;
use super::state::StepStatus;
use super::step::{Refused, Turn};
use crate::event::{EventKind, WorkflowState};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Failure, Principal, text};

impl Turn {
    /// A person does something, perhaps as the answer to a question.
    pub(super) fn acted(
        &mut self,
        by: &Principal,
        token: Option<&str>,
        act: Act,
        known: Option<Known>,
    ) -> Result<(), Refused> {
        let question = token.map(|token| self.answered(token, &act)).transpose()?;
        if question.is_none() && is_answer(&act) {
            return Err(format!("`{}` needs the token of a question", act.name()));
        }
        let detail = serde_json::to_string(&act).unwrap_or_default();
        let (name, asks_again) = (act.name(), !matches!(act, Act::InspectState {}));
        let at = self.effects.len();
        let about = question.and_then(|number| {
            let question = self.state.questions.get(&number)?;
            Some((question.about.clone(), question.token.clone()))
        });
        self.act(act, about.as_ref().map(|(about, _)| about), known)?;
        // What a person did comes before what follows from it.
        self.effects.insert(
            at,
            Effect::Tell {
                step: None,
                kind: Box::new(EventKind::UserActed {
                    principal: by.as_str().to_owned(),
                    action: name.to_owned(),
                    detail: Bounded::new(&detail, MOST_IN_EVENT),
                }),
            },
        );
        if let (Some(number), Some((about, token)), true) = (question, about, asks_again) {
            self.state.questions.remove(&number);
            self.tell(EventKind::WorkflowResumed { token });
            self.after_answer(&about);
        }
        let waits = self.state.phase == WorkflowState::Paused && self.state.ending.is_none();
        if waits && self.state.questions.is_empty() {
            self.ask_paused();
        }
        Ok(())
    }

    /// The open question with this token, if the act answers it.
    fn answered(&self, token: &str, act: &Act) -> Result<u64, Refused> {
        let number = self.state.question(token).ok_or_else(|| {
            "no question with this token waits for an answer: it was answered, expired or never asked"
                .to_owned()
        })?;
        let about = self
            .state
            .questions
            .get(&number)
            .filter(|question| question.expires_ms > self.state.time.now_ms)
            .map(|question| &question.about);
        match about {
            Some(about) if about.takes(act) => Ok(number),
            Some(about) => Err(format!(
                "`{}` does not answer this question: it takes {}",
                act.name(),
                about.actions().join(", ")
            )),
            None => Err("the question has expired".to_owned()),
        }
    }

    /// Asks again how a paused workflow is to go on, or goes on, after one answer.
    fn after_answer(&mut self, about: &About) {
        if self.state.has_ended() || self.state.ending.is_some() {
            return;
        }
        match about {
            About::Paused if self.state.phase == WorkflowState::Paused => self.ask_paused(),
            About::Paused => {}
            About::Uncertain { .. } => self.unpause("Every question is answered"),
            About::Criterion { .. } => self.conclude_if_answered(),
        }
    }

    fn ask_paused(&mut self) {
        let goal = self
            .state
            .plan
            .as_ref()
            .map(|plan| text::line(&plan.spec().goal, 200))
            .unwrap_or_default();
        let prompt = format!("the workflow is paused: how does it go on? Its goal is: {goal}");
        let event = self.state.ask(About::Paused, prompt);
        self.tell(event);
    }

    fn act(
        &mut self,
        act: Act,
        about: Option<&About>,
        known: Option<Known>,
    ) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        let fits_an_end = matches!(act, Act::Stop { .. } | Act::InspectState {});
        if self.state.ending.is_some() && !fits_an_end {
            return Err(format!("cannot {}: the workflow is ending", act.name()));
        }
        match act {
            Act::Stop { force } => self.stop(force),
            Act::InspectState {} => {}
            Act::Continue {} => {
                self.expect(&[Paused], "continue")?;
                let others = self
                    .state
                    .questions
                    .values()
                    .filter(|question| question.about != About::Paused)
                    .count();
                if others > 0 {
                    return Err(format!(
                        "cannot continue: {others} questions wait for answers"
                    ));
                }
                self.close_pause(about.is_some());
                self.resume("Resumed");
            }
            Act::Pause { interrupt } => {
                self.expect(&[Executing], "pause")?;
                self.go(Paused, "Workflow paused for intervention");
                self.ask_paused();
                if interrupt {
                    for step in self.state.running.clone() {
                        self.at(step)?.interrupted = true;
                    }
                    self.interrupt_all();
                }
            }
            Act::ModifyParameters {
                step,
                args,
                timeout_ms,
                max_parallel_executions,
            } => self.modify(step.as_deref(), args, timeout_ms, max_parallel_executions)?,
            Act::AddAction { step } => self.add(*step, known)?,
            Act::RemoveAction { step } => self.remove(&step)?,
            Act::OverrideResult { step, value } => self.override_result(&step, &value)?,
            Act::Escalate { reason } => {
                self.expect(&[Executing, Paused], "escalate")?;
                if self.state.phase == Executing {
                    let reason = text::line(&reason, 512);
                    self.go(Paused, &format!("Escalated to a person: {reason}"));
                    self.ask_paused();
                }
            }
            Act::IncreaseTimeout { by_ms } => {
                self.expect(&[Executing, Paused], "increase the timeout")?;
                within(by_ms, 1, "by_ms")?;
                self.state.time.most_ms = self.state.time.most_ms.saturating_add(by_ms);
            }
            Act::Restart { step } => self.restart(step.as_deref())?,
            Act::Retry {} => {
                let step = self.uncertain(about)?;
                self.again(step)?;
            }
            Act::MarkDone { value } => {
                let step = self.uncertain(about)?;
                self.complete(step, result(&value)?);
            }
            Act::Skip {} => {
                let step = self.uncertain(about)?;
                self.skip(step)?;
            }
            Act::Fail {} => {
                let step = self.uncertain(about)?;
                let why = "a person said that it failed";
                self.fail(step, Failure::plain(Code::Uncertain, why));
            }
            Act::Confirm { met, reason } => {
                let Some(About::Criterion { criterion }) = about else {
                    return Err("the question is about something else".to_owned());
                };
                if let Some(evidence) = self.state.evidence.get_mut(*criterion) {
                    let word = if met { "yes" } else { "no" };
                    let because = text::line(&reason, 512);
                    evidence.met = Some(met);
                    evidence.found = format!("{}: {word} {because}", evidence.found)
                        .trim_end()
                        .to_owned();
                }
            }
        }
        Ok(())
    }

    fn stop(&mut self, force: bool) {
        let why = Failure::plain(Code::Cancelled, "Stopped by user");
        self.wind_up(WorkflowState::Cancelled, why, !force);
        self.interrupt_all();
        if force && let Some(step) = self.state.undoing {
            self.effects.push(Effect::Interrupt { step });
        }
    }

    /// Takes the questions of a pause back that is over; the one that was answered is told of elsewhere.
    fn close_pause(&mut self, answered: bool) {
        let questions = std::mem::take(&mut self.state.questions);
        for question in questions.into_values().filter(|_| !answered) {
            self.tell(EventKind::WorkflowResumed {
                token: question.token,
            });
        }
    }

    /// The step that a question asks about: whether it had its effect.
    fn uncertain(&mut self, about: Option<&About>) -> Result<usize, Refused> {
        let Some(About::Uncertain { step }) = about else {
            return Err("the question is about something else".to_owned());
        };
        let found = self.at(*step)?;
        if found.status != StepStatus::Uncertain {
            return Err(format!("the step `{}` is not uncertain", found.id()));
        }
        Ok(*step)
    }

    fn skip(&mut self, step: usize) -> Result<(), Refused> {
        let now = self.state.time.now_ms;
        let found = self.at(step)?;
        found.status = StepStatus::Skipped;
        found.ended_ms = Some(now);
        let id = found.id().to_owned();
        self.state.open = self.state.open.saturating_sub(1);
        let reason = "a person skipped it".to_owned();
        self.tell_of(step, EventKind::StepSkipped { reason });
        self.skip_after(step, &format!("`{id}` was skipped"));
        Ok(())
    }
}

/// Whether an act is only understood as the answer to a question.
fn is_answer(act: &Act) -> bool {
    matches!(
        act,
        Act::Retry {} | Act::MarkDone { .. } | Act::Skip {} | Act::Fail {} | Act::Confirm { .. }
    )
}
