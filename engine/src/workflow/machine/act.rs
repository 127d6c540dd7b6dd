//! What people do to workflows.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Act;
use super::Effect;
use super::input::{Known, Output};
use super::question::About;
use super::state::{StepState, StepStatus};
use super::step::{Refused, Turn};
use crate::event::{EventKind, WorkflowState};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Failure, Principal, Status, text};
use crate::workflow::plan::{Plan, Step, StepSpec};
use crate::workflow::refs::{self, Reference};

/// The most that a timeout is changed by, or to, in milliseconds.
const MOST_MS: u64 = 3_600_000;

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
            .map(|question| &question.about);
        match about {
            Some(about) if about.takes(act) => Ok(number),
            Some(about) => Err(format!(
                "`{}` does not answer this question: it takes {}",
                act.name(),
                about.actions().join(", ")
            )),
            None => Err("the question is gone".to_owned()),
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
            About::Uncertain { .. } => self.unpause(),
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
        match act {
            Act::Stop { force } => {
                self.stop(force);
                return Ok(());
            }
            Act::InspectState {} => return Ok(()),
            _ if self.state.ending.is_some() => {
                return Err(format!("cannot {}: the workflow is ending", act.name()));
            }
            _ => {}
        }
        match act {
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
                self.close_pause();
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
                within(by_ms, "by_ms")?;
                self.state.time.most_ms = self.state.time.most_ms.saturating_add(by_ms);
            }
            Act::Restart { step } => self.restart(step.as_deref())?,
            Act::Retry {} | Act::MarkDone { .. } | Act::Skip {} | Act::Fail {} => {
                let Some(About::Uncertain { step }) = about else {
                    return Err("the question is about something else".to_owned());
                };
                self.decide_uncertain(*step, act)?;
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
            Act::Stop { .. } | Act::InspectState {} => {}
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

    /// The question of a pause that is over.
    fn close_pause(&mut self) {
        self.state
            .questions
            .retain(|_, question| question.about != About::Paused);
    }

    fn named(&self, step: &str) -> Result<usize, Refused> {
        self.state
            .position(step)
            .ok_or_else(|| format!("there is no step `{}`", text::line(step, 100)))
    }

    fn modify(
        &mut self,
        step: Option<&str>,
        args: Option<Value>,
        timeout_ms: Option<u64>,
        parallel: Option<u32>,
    ) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "modify parameters")?;
        if args.is_none() && timeout_ms.is_none() && parallel.is_none() {
            return Err("nothing is to be changed: say `args`, `timeout_ms` or \
                        `max_parallel_executions`"
                .to_owned());
        }
        if let Some(timeout_ms) = timeout_ms {
            within(timeout_ms, "timeout_ms")?;
        }
        if parallel.is_some_and(|most| !(1..=64).contains(&most)) {
            return Err("`max_parallel_executions` is outside 1 to 64".to_owned());
        }
        match step {
            Some(step) => {
                let at = self.named(step)?;
                if parallel.is_some() {
                    return Err("`max_parallel_executions` is not about a step".to_owned());
                }
                if !self.at(at)?.status.can_change() {
                    return Err(format!("the step `{step}` has begun"));
                }
                if let Some(args) = args {
                    let needs = self.needs(&args, &BTreeSet::new())?;
                    let known: BTreeSet<usize> =
                        self.state.graph.needs(at).iter().copied().collect();
                    let stranger = needs.iter().find(|step| {
                        !known.contains(step)
                            && self
                                .state
                                .steps
                                .get(**step)
                                .is_none_or(|step| step.status != StepStatus::Completed)
                    });
                    if let Some(stranger) = stranger {
                        return Err(format!(
                            "the new arguments need the step `{}`, which has not completed",
                            self.id(*stranger)
                        ));
                    }
                    self.at(at)?.step.spec.args = args;
                }
                if let Some(timeout_ms) = timeout_ms {
                    self.at(at)?.step.spec.timeout_ms = Some(timeout_ms);
                }
            }
            None => {
                if args.is_some() {
                    return Err("`args` needs a `step`".to_owned());
                }
                if let Some(timeout_ms) = timeout_ms {
                    if timeout_ms <= self.state.time.active_ms {
                        return Err(format!(
                            "the workflow has taken {} ms already",
                            self.state.time.active_ms
                        ));
                    }
                    self.state.time.most_ms = timeout_ms;
                }
                if let Some(parallel) = parallel {
                    self.state.parallel = parallel as usize;
                }
            }
        }
        Ok(())
    }

    fn id(&self, step: usize) -> String {
        self.state
            .steps
            .get(step)
            .map(|step| text::line(step.id(), 64))
            .unwrap_or_default()
    }

    /// The steps that arguments and names refer to; all of them have to be there.
    fn needs(&self, args: &Value, names: &BTreeSet<String>) -> Result<BTreeSet<usize>, Refused> {
        let references = refs::references(args).map_err(|problems| {
            problems
                .first()
                .map_or_else(String::new, ToString::to_string)
        })?;
        let inputs = self.state.plan.as_ref().map(|plan| &plan.spec().inputs);
        let mut needs = BTreeSet::new();
        for (_, reference) in references {
            match reference {
                Reference::Output { step, .. } => {
                    needs.insert(self.named(&step)?);
                }
                Reference::Input { name, .. } => {
                    if !inputs.is_some_and(|inputs| inputs.contains_key(&name)) {
                        return Err(format!(
                            "the plan has no input `{}`",
                            text::line(&name, 100)
                        ));
                    }
                }
                Reference::IdempotencyKey => {}
            }
        }
        for name in names {
            needs.insert(self.named(name)?);
        }
        Ok(needs)
    }

    fn add(&mut self, spec: StepSpec, known: Option<Known>) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "add an action")?;
        let known = known.ok_or_else(|| "nothing is known of the action".to_owned())?;
        let plan = self.state.plan.as_ref().ok_or("there is no plan")?;
        // The step is understood as the only one of a plan of its own, so that the same rules hold for it.
        let mut alone = plan.spec().clone();
        let (args, depends_on) = (spec.args.clone(), spec.depends_on.clone());
        let mut bare = spec.clone();
        bare.args = Value::Object(serde_json::Map::new());
        bare.depends_on = BTreeSet::new();
        bare.idempotency_key = None;
        alone.steps = vec![bare];
        alone.success = Vec::new();
        let settled = Plan::new(alone, Default::default()).map_err(|problems| {
            problems
                .first()
                .map_or_else(String::new, ToString::to_string)
        })?;
        if self.state.position(&spec.id).is_some() {
            return Err(format!(
                "there is a step `{}` already",
                text::line(&spec.id, 64)
            ));
        }
        let mut needs = self.needs(&args, &depends_on)?;
        if let Some(key) = &spec.idempotency_key {
            needs.extend(self.needs(&Value::from(key.as_str()), &BTreeSet::new())?);
        }
        let mut blocked = 0;
        for step in &needs {
            let found = self.at(*step)?;
            match found.status {
                StepStatus::Completed => {}
                status if status.has_ended() => {
                    return Err(format!(
                        "it needs the step `{}`, which has no result",
                        found.id()
                    ));
                }
                _ => blocked += 1,
            }
        }
        let settled = settled.steps().first().ok_or("the step is gone")?;
        let step = Step {
            spec,
            ..settled.clone()
        };
        let position = self.state.steps.len();
        let mut state = StepState::new(step, known, blocked);
        if blocked == 0 {
            state.status = StepStatus::Ready;
            self.state.ready.insert(position);
        }
        self.state.steps.push(state);
        self.state.graph.push(needs);
        self.state.open += 1;
        self.unverify();
        Ok(())
    }

    /// There is something to do again: the success criteria are looked at later.
    fn unverify(&mut self) {
        self.state.verifying = false;
        self.state.evidence.clear();
        self.state
            .questions
            .retain(|_, question| !matches!(question.about, About::Criterion { .. }));
    }

    fn remove(&mut self, step: &str) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "remove an action")?;
        let at = self.named(step)?;
        let now = self.state.time.now_ms;
        let found = self.at(at)?;
        if !found.status.can_change() {
            return Err(format!("the step `{step}` has begun"));
        }
        found.status = StepStatus::Removed;
        found.ended_ms = Some(now);
        self.state.ready.remove(&at);
        self.state.due.retain(|(_, step)| *step != at);
        self.state.open = self.state.open.saturating_sub(1);
        self.tell_of(
            at,
            EventKind::StepSkipped {
                reason: "a person removed it".to_owned(),
            },
        );
        self.skip_after(at, &format!("`{step}` was removed"));
        Ok(())
    }

    fn override_result(&mut self, step: &str, value: &Value) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "override a result")?;
        let json = value.to_string();
        if json.len() > Output::INLINE {
            return Err(format!(
                "the result has {} bytes, over {}",
                json.len(),
                Output::INLINE
            ));
        }
        let at = self.named(step)?;
        let found = self.at(at)?;
        match found.status {
            StepStatus::Running => return Err(format!("the step `{step}` runs")),
            StepStatus::Uncertain => {
                return Err(format!(
                    "a question about the step `{step}` waits for an answer"
                ));
            }
            StepStatus::Completed => return Err(format!("the step `{step}` has a result")),
            status if status.has_ended() => self.state.open += 1,
            _ => {}
        }
        self.state.ready.remove(&at);
        self.state.due.retain(|(_, step)| *step != at);
        self.complete(at, Output::inline(&json));
        self.unverify();
        Ok(())
    }

    /// Puts steps that have no result back into the plan.
    fn restart(&mut self, step: Option<&str>) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "restart")?;
        let lacks = |status: StepStatus| {
            matches!(
                status,
                StepStatus::Failed | StepStatus::Skipped | StepStatus::Cancelled
            )
        };
        let mut again: BTreeSet<usize> = BTreeSet::new();
        match step {
            Some(step) => {
                let at = self.named(step)?;
                if !lacks(self.at(at)?.status) {
                    return Err(format!(
                        "the step `{step}` has neither failed nor been skipped"
                    ));
                }
                let mut next = vec![at];
                while let Some(at) = next.pop() {
                    if lacks(self.at(at)?.status) && again.insert(at) {
                        next.extend(self.state.graph.needed_by(at));
                    }
                }
            }
            None => {
                let all = self.state.steps.iter().enumerate();
                again.extend(all.filter(|(_, step)| lacks(step.status)).map(|(at, _)| at));
            }
        }
        if again.is_empty() {
            return Err("no step has failed or been skipped".to_owned());
        }
        let ready =
            |needed: usize| {
                again.contains(&needed)
                    || self.state.steps.get(needed).is_some_and(|step| {
                        !lacks(step.status) && step.status != StepStatus::Removed
                    })
            };
        for at in &again {
            let stuck = self
                .state
                .graph
                .needs(*at)
                .iter()
                .find(|need| !ready(**need));
            if let Some(need) = stuck {
                return Err(format!(
                    "the step `{}` needs `{}`, which has no result: restart that first",
                    self.id(*at),
                    self.id(*need)
                ));
            }
        }
        for at in again {
            let needs = self.state.graph.needs(at).to_vec();
            let blocked = needs
                .iter()
                .filter(|need| {
                    self.state
                        .steps
                        .get(**need)
                        .is_none_or(|step| step.status != StepStatus::Completed)
                })
                .count();
            let found = self.at(at)?;
            found.blocked = blocked;
            found.failure = None;
            found.ended = None;
            found.ended_ms = None;
            found.status = if blocked == 0 {
                StepStatus::Ready
            } else {
                StepStatus::Pending
            };
            if blocked == 0 {
                self.state.ready.insert(at);
            }
            self.state.open += 1;
        }
        self.unverify();
        Ok(())
    }

    /// A person says what became of a step.
    fn decide_uncertain(&mut self, step: usize, act: Act) -> Result<(), Refused> {
        let now = self.state.time.now_ms;
        let found = self.at(step)?;
        if found.status != StepStatus::Uncertain {
            return Err(format!("the step `{}` is not uncertain", found.id()));
        }
        match act {
            Act::MarkDone { value } => {
                let json = value.to_string();
                if json.len() > Output::INLINE {
                    return Err(format!(
                        "the result has {} bytes, over {}",
                        json.len(),
                        Output::INLINE
                    ));
                }
                self.complete(step, Output::inline(&json));
            }
            Act::Skip {} => {
                found.status = StepStatus::Skipped;
                found.ended_ms = Some(now);
                let id = found.id().to_owned();
                self.state.open = self.state.open.saturating_sub(1);
                self.tell_of(
                    step,
                    EventKind::StepSkipped {
                        reason: "a person skipped it".to_owned(),
                    },
                );
                self.skip_after(step, &format!("`{id}` was skipped"));
            }
            Act::Fail {} => {
                found.ended = Some(Status::Uncertain);
                let why = "a person said that it failed";
                self.fail(step, Failure::plain(Code::Uncertain, why));
            }
            _ => self.again(step)?,
        }
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

fn within(ms: u64, what: &str) -> Result<(), Refused> {
    if (1..=MOST_MS).contains(&ms) {
        return Ok(());
    }
    Err(format!("`{what}` is {ms}, outside 1 to {MOST_MS}"))
}
