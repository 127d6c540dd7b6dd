//! How people change the steps of a workflow.

use std::collections::BTreeSet;

use serde_json::Value;

use super::input::{Known, Output};
use super::question::About;
use super::state::{StepState, StepStatus};
use super::step::{Refused, Turn};
use crate::event::{EventKind, WorkflowState};
use crate::types::text;
use crate::workflow::plan::{Plan, Step, StepSpec};
use crate::workflow::refs::{self, Reference};

/// The most that a timeout is changed by, or to, in milliseconds.
pub(super) const MOST_MS: u64 = 3_600_000;
/// The least timeout of a workflow, in milliseconds.
pub(super) const LEAST_MS: u64 = 1_000;
/// The most steps of a workflow, those that were added included.
const MOST_STEPS: usize = 1_000;

impl Turn {
    fn named(&self, step: &str) -> Result<usize, Refused> {
        self.state
            .position(step)
            .ok_or_else(|| format!("there is no step `{}`", text::line(step, 100)))
    }

    pub(super) fn modify(
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
        if args
            .as_ref()
            .is_some_and(|args| !args.is_object() && !args.is_array())
        {
            return Err("`args` is neither an object nor an array".to_owned());
        }
        if let Some(timeout_ms) = timeout_ms {
            let least = if step.is_some() { 1 } else { LEAST_MS };
            within(timeout_ms, least, "timeout_ms")?;
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

    pub(super) fn add(&mut self, spec: StepSpec, known: Option<Known>) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "add an action")?;
        let known = known.ok_or_else(|| "nothing is known of the action".to_owned())?;
        let plan = self.state.plan.as_ref().ok_or("there is no plan")?;
        let undoes = spec.undo.as_ref().and_then(|undo| undo.capability.as_ref());
        for capability in std::iter::once(&spec.capability).chain(undoes) {
            if !plan.allows(capability) {
                return Err(format!(
                    "`{}` is not among the `allowed_capabilities` of the plan",
                    text::line(capability, 128)
                ));
            }
        }
        if self.state.steps.len() >= MOST_STEPS {
            return Err(format!("the workflow has {MOST_STEPS} steps already"));
        }
        // The step is understood as the only one of a plan of its own, so that the same rules hold for it.
        let mut alone = plan.spec().clone();
        let (args, depends_on) = (spec.args.clone(), spec.depends_on.clone());
        let mut bare = spec.clone();
        bare.args = Value::Object(serde_json::Map::new());
        bare.depends_on = BTreeSet::new();
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
        let needs = self.needs(&args, &depends_on)?;
        let mut blocked = 0;
        for step in &needs {
            let found = self.at(*step)?;
            if found.status == StepStatus::Completed {
                continue;
            }
            if found.status.has_ended() {
                return Err(format!(
                    "it needs the step `{}`, which has no result",
                    found.id()
                ));
            }
            blocked += 1;
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

    pub(super) fn remove(&mut self, step: &str) -> Result<(), Refused> {
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

    pub(super) fn override_result(&mut self, step: &str, value: &Value) -> Result<(), Refused> {
        use WorkflowState::{Executing, Paused};
        self.expect(&[Executing, Paused], "override a result")?;
        let output = result(value)?;
        let at = self.named(step)?;
        let status = self.at(at)?.status;
        let obstacle = match status {
            StepStatus::Running => Some("runs"),
            StepStatus::Uncertain => Some("is asked about"),
            StepStatus::Completed => Some("has a result"),
            StepStatus::Pending
            | StepStatus::Ready
            | StepStatus::Retrying
            | StepStatus::Asking
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Cancelled
            | StepStatus::Removed => None,
        };
        if let Some(obstacle) = obstacle {
            return Err(format!("the step `{step}` {obstacle}"));
        }
        if status.has_ended() {
            self.state.open += 1;
        }
        self.state.ready.remove(&at);
        self.state.due.retain(|(_, step)| *step != at);
        // What a person made up has no effect that could be taken back.
        self.give(at, output);
        self.unverify();
        Ok(())
    }

    /// What a step needs that has no result, and is not to be made again either.
    fn stuck(&self, step: usize, again: &BTreeSet<usize>) -> Option<usize> {
        let hopeless = |need: &usize| {
            let status = self.state.steps.get(*need).map(|step| step.status);
            !again.contains(need)
                && status != Some(StepStatus::Completed)
                && status.is_none_or(StepStatus::has_ended)
        };
        self.state.graph.needs(step).iter().copied().find(hopeless)
    }

    /// Leaves out steps that could not begin, and those that wait for them.
    fn leave_stuck(&self, again: &mut BTreeSet<usize>) {
        let mut next: Vec<usize> = again.iter().copied().collect();
        while let Some(step) = next.pop() {
            if again.contains(&step) && self.stuck(step, again).is_some() {
                again.remove(&step);
                next.extend(self.state.graph.needed_by(step));
            }
        }
    }

    /// Puts steps that have no result back into the plan.
    pub(super) fn restart(&mut self, step: Option<&str>) -> Result<(), Refused> {
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
        self.leave_stuck(&mut again);
        if let Some(step) = step
            && let Some(need) = self.stuck(self.named(step)?, &again)
        {
            return Err(format!(
                "the step `{step}` needs `{}`, which has no result: restart that first",
                self.id(need)
            ));
        }
        if again.is_empty() {
            return Err("every such step needs one that was removed".to_owned());
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
            found.retried = 0;
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
}

/// A result that a person gives.
pub(super) fn result(value: &Value) -> Result<Output, Refused> {
    let json = value.to_string();
    if json.len() > Output::INLINE {
        return Err(format!(
            "the result has {} bytes, over {}",
            json.len(),
            Output::INLINE
        ));
    }
    Ok(Output::inline(&json))
}

pub(super) fn within(ms: u64, least: u64, what: &str) -> Result<(), Refused> {
    if (least..=MOST_MS).contains(&ms) {
        return Ok(());
    }
    Err(format!("`{what}` is {ms}, outside {least} to {MOST_MS}"))
}
