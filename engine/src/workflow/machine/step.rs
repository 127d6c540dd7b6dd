use super::budget::Short;
use super::input::{Input, Proposal, What};
use super::state::{State, StepState, StepStatus};
use super::{Effect, may_go};
use crate::event::{EventKind, LoopKind, PlanRef, WorkflowState};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Failure, Open, text};
use crate::workflow::plan::{Plan, Problem};

/// Advances a workflow by one input. The same arguments give the same result, always.
///
/// An input that makes no sense in the state changes nothing, and the one effect says why it was refused.
#[must_use]
pub fn step(state: State, input: Input) -> (State, Vec<Effect>) {
    let mut turn = Turn {
        state,
        effects: Vec::new(),
    };
    let time = turn.state.time;
    turn.pass(input.at_ms, &input.what);
    if let Err(reason) = turn.take(input.what) {
        turn.state.time = time;
        return (turn.state, vec![Effect::Refuse { reason }]);
    }
    turn.expire();
    turn.go_on();
    (turn.state, turn.effects)
}

/// Why an input is refused.
pub(super) type Refused = String;

/// One input on its way through the machine.
pub(super) struct Turn {
    pub(super) state: State,
    pub(super) effects: Vec<Effect>,
}

impl Turn {
    /// Lets time pass. A clock that was set back stands still, and time in which nobody drove the workflow is
    /// not counted.
    fn pass(&mut self, at_ms: u64, what: &What) {
        let passed = at_ms.saturating_sub(self.state.time.now_ms);
        let driven = !matches!(
            what,
            What::Recovered { .. } | What::Proposed(_) | What::Acted { undriven: true, .. }
        );
        if driven && self.state.clock_runs() {
            self.state.time.active_ms = self.state.time.active_ms.saturating_add(passed);
        }
        self.state.time.now_ms = self.state.time.now_ms.max(at_ms);
    }

    /// Takes the input, or refuses it before anything has changed.
    fn take(&mut self, what: What) -> Result<(), Refused> {
        if self.state.has_ended() {
            return Err(format!(
                "the workflow has ended: it is {}",
                self.phase_name()
            ));
        }
        match what {
            What::Proposed(proposal) => self.propose(*proposal),
            What::Checked { approvals } => self.check(approvals),
            What::Rejected { problems } => self.reject(problems),
            What::Ended { step, attempt, end } => self.ended(step, attempt, *end),
            What::Asked {
                step,
                question,
                expires_ms,
            } => self.asked(step, question, expires_ms),
            What::Decided {
                step,
                question,
                approval,
            } => self.decided(step, &question, approval),
            What::Undone { step, end } => self.undone(step, *end),
            What::Verified {
                evidence,
                usage,
                calls,
            } => self.verified(evidence, &usage, calls),
            What::Ticked => Ok(()),
            What::Acted {
                by,
                token,
                act,
                known,
                wish,
                undriven: _,
            } => self
                .acted(&by, token.as_deref(), act, known)
                .map(|()| self.state.granted.extend(wish)),
            What::Stalled(stalled) => self.stalled(*stalled),
            What::Looped {
                kind,
                count,
                maximum,
                actions,
                hard,
            } => self.looped((kind, hard), count, maximum, actions),
            What::Recovered {
                uncertain,
                runs,
                not_started,
                ended,
                known,
            } => self.recovered((&uncertain, runs), &not_started, ended, known),
        }
    }

    pub(super) fn phase_name(&self) -> String {
        // A state is one word in JSON.
        serde_json::to_string(&self.state.phase)
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned()
    }

    pub(super) fn tell(&mut self, kind: EventKind) {
        self.effects.push(Effect::Tell {
            step: None,
            kind: Box::new(kind),
        });
    }

    pub(super) fn tell_of(&mut self, step: usize, kind: EventKind) {
        self.effects.push(Effect::Tell {
            step: Some(step),
            kind: Box::new(kind),
        });
    }

    /// Goes to another state; whoever calls it has made sure that it may.
    pub(super) fn go(&mut self, to: WorkflowState, reason: &str) {
        let from = self.state.phase;
        if !may_go(from, to) {
            return;
        }
        let reason = text::line(reason, 1024);
        self.state.phase = to;
        self.state.history.push(super::Transition {
            at_ms: self.state.time.now_ms,
            from,
            to,
            reason: reason.clone(),
        });
        self.tell(EventKind::WorkflowStateChanged { from, to, reason });
    }

    pub(super) fn expect(&self, phases: &[WorkflowState], what: &str) -> Result<(), Refused> {
        if phases.contains(&self.state.phase) {
            return Ok(());
        }
        Err(format!(
            "cannot {what}: the workflow is {}",
            self.phase_name()
        ))
    }

    pub(super) fn at(&mut self, step: usize) -> Result<&mut StepState, Refused> {
        self.state
            .steps
            .get_mut(step)
            .ok_or_else(|| format!("there is no step at position {step}"))
    }

    fn propose(&mut self, proposal: Proposal) -> Result<(), Refused> {
        self.expect(&[WorkflowState::Initializing], "take a plan")?;
        let Proposal {
            plan,
            hash,
            planner,
            principal,
            seed,
            known,
            others,
            policy_set,
        } = proposal;
        let plan = Plan::new(plan, Default::default()).map_err(|problems| {
            problems
                .first()
                .map_or_else(String::new, Problem::to_string)
        })?;
        if plan.hash() != hash {
            return Err(format!("the plan is {}, not {hash}", plan.hash()));
        }
        if plan.steps().len() != known.len() {
            return Err(format!(
                "{} of {} steps are known",
                known.len(),
                plan.steps().len()
            ));
        }
        let state = &mut self.state;
        state.take_plan(&plan, known);
        state.principal = principal;
        state.seed = seed;
        state.others = others;
        state.policy_set = policy_set;
        self.tell(EventKind::WorkflowStarted {
            goal: Bounded::new(&plan.spec().goal, MOST_IN_EVENT),
            workflow_type: plan.spec().workflow_type.as_str().to_owned(),
        });
        self.go(WorkflowState::Planning, "Starting planning phase");
        self.tell(EventKind::PlanProposed {
            plan: named(&plan),
            planner: text::line(&planner, 128),
        });
        Ok(())
    }

    fn check(&mut self, approvals: Vec<String>) -> Result<(), Refused> {
        self.expect(&[WorkflowState::Planning], "begin")?;
        if let Some(plan) = &self.state.plan {
            let plan = named(plan);
            self.tell(EventKind::PlanChecked { plan, approvals });
        }
        self.go(WorkflowState::Executing, "Beginning action execution");
        Ok(())
    }

    fn reject(&mut self, problems: Vec<Problem>) -> Result<(), Refused> {
        self.expect(&[WorkflowState::Planning], "refuse the plan")?;
        let objections = || problems.iter().filter(|problem| !problem.warning);
        let first = objections().next().map(|problem| {
            let more = match objections().count() {
                0 | 1 => String::new(),
                count => format!(", and {} more", count - 1),
            };
            format!(": {}{more}", text::line(&problem.to_string(), 400))
        });
        let first = first.unwrap_or_default();
        if let Some(plan) = &self.state.plan {
            let plan = named(plan);
            let problems = problems
                .iter()
                .map(|problem| {
                    Failure::plain(problem.code, &problem.to_string()).with_hint(&problem.hint)
                })
                .collect();
            self.tell(EventKind::PlanRejected { plan, problems });
        }
        let why = Failure::plain(Code::InvalidPlan, &format!("the plan was rejected{first}"));
        self.end(WorkflowState::Failed, why, false);
        Ok(())
    }

    fn looped(
        &mut self,
        (kind, hard): (LoopKind, bool),
        count: u64,
        maximum: u64,
        actions: Vec<String>,
    ) -> Result<(), Refused> {
        self.expect(&[WorkflowState::Executing], "stop a loop")?;
        self.tell(EventKind::LoopDetected {
            loop_kind: Open::Known(kind),
            count,
            maximum,
            actions,
        });
        if hard {
            let message = format!("the same actions came {count} times in a row");
            self.wind_up(
                WorkflowState::Failed,
                Failure::plain(Code::DeniedLoop, &message),
                true,
            );
            self.interrupt_all();
        }
        Ok(())
    }

    /// Begins what can begin, and ends what is at its end.
    fn go_on(&mut self) {
        if self.state.has_ended() {
            return;
        }
        let late = self.state.time.active_ms >= self.state.time.most_ms;
        if self.state.plan.is_some() && self.state.ending.is_none() && late {
            let message = format!("Workflow timeout after {} ms", self.state.time.most_ms);
            let why = Failure::plain(Code::LimitTime, &message);
            self.wind_up(WorkflowState::Failed, why, true);
        }
        if let Some(ending) = &mut self.state.ending {
            if late && !ending.late {
                ending.late = true;
                self.interrupt_all();
            }
            self.wind_down();
            return;
        }
        if self.state.phase != WorkflowState::Executing {
            return;
        }
        while let Some((at, step)) = self.state.due.first().copied()
            && at <= self.state.time.now_ms
        {
            self.state.due.remove(&(at, step));
            if let Ok(found) = self.at(step) {
                found.status = StepStatus::Ready;
                self.state.ready.insert(step);
            }
        }
        while self.state.running.len() < self.state.parallel
            && let Some(step) = self.state.ready.first().copied()
        {
            if !self.start(step) {
                break;
            }
            if self.state.ending.is_some() {
                self.wind_down();
                return;
            }
        }
        if self.state.open == 0 && !self.state.verifying {
            self.state.verifying = true;
            self.effects.push(Effect::Verify);
        }
    }

    /// Begins an attempt of a step; `false` if it has to wait for others that run.
    fn start(&mut self, step: usize) -> bool {
        let now = self.state.time.now_ms;
        let most_actions = self.state.plan.as_ref().map_or(0, Plan::max_steps);
        let Some(found) = self.state.steps.get_mut(step) else {
            return false;
        };
        if found.attempts == 0 && self.state.actions >= most_actions {
            let message = format!("Exceeded maximum steps: {most_actions}");
            let why = Failure::plain(Code::DeniedBudget, &message);
            self.wind_up(WorkflowState::Failed, why, true);
            return true;
        }
        let most = match self
            .state
            .budgets
            .take(&found.step.spec.capability, &found.known)
        {
            Ok(most) => most,
            Err(Short::ForNow) => return false,
            Err(Short::Spent {
                budget,
                used,
                maximum,
            }) => {
                self.state.ready.remove(&step);
                found.ended = None;
                let event = self.state.budgets.exceeded(&budget, used, maximum);
                self.tell_of(step, event);
                let message = format!("the budget of {maximum} {budget} is spent");
                self.fail(step, Failure::plain(Code::DeniedBudget, &message));
                return true;
            }
        };
        self.state.ready.remove(&step);
        if found.attempts == 0 {
            self.state.actions += 1;
        }
        found.attempts += 1;
        found.status = StepStatus::Running;
        found.began_ms.get_or_insert(now);
        found.most = Some(most);
        found.interrupted = false;
        let (attempt, action) = (found.attempts, found.known.action.clone());
        self.state.running.insert(step);
        self.warn();
        self.tell_of(step, EventKind::StepStarted { action, attempt });
        self.effects.push(Effect::Call {
            step,
            attempt,
            most,
        });
        true
    }

    /// Warns of budgets that are close to their end.
    pub(super) fn warn(&mut self) {
        for warning in self.state.budgets.warnings() {
            self.tell(warning);
        }
    }
}

fn named(plan: &Plan) -> PlanRef {
    PlanRef {
        hash: plan.hash(),
        steps: plan.steps().len() as u64,
    }
}
