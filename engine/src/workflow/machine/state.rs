use std::collections::{BTreeMap, BTreeSet};

use super::budget::Budgets;
use super::input::{Evidence, Known, Other, Output};
use super::question::Question;
use super::{Most, phase};
use crate::event::WorkflowState;
use crate::types::{Digest, Failure, Principal, RunId, Status, Usage, WorkflowId};
use crate::workflow::plan::{Graph, Plan, Step};

/// All that is known of a workflow. Made of its inputs alone, by [`step`](super::step).
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub(super) id: WorkflowId,
    pub(super) phase: WorkflowState,
    pub(super) plan: Option<Plan>,
    pub(super) principal: Principal,
    pub(super) seed: Digest,
    pub(super) others: Vec<Other>,
    pub(super) policy_set: Option<Digest>,
    pub(super) tallied: Tallied,
    pub(super) steps: Vec<StepState>,
    pub(super) graph: Graph,
    /// Steps that can begin, in the order of the plan.
    pub(super) ready: BTreeSet<usize>,
    /// Steps whose calls run.
    pub(super) running: BTreeSet<usize>,
    /// Steps that are to be repeated, and when.
    pub(super) due: BTreeSet<(u64, usize)>,
    /// Steps that have not ended.
    pub(super) open: usize,
    pub(super) parallel: usize,
    pub(super) actions: u64,
    pub(super) retries: u64,
    pub(super) budgets: Budgets,
    pub(super) time: Time,
    pub(super) history: Vec<Transition>,
    pub(super) questions: BTreeMap<u64, Question>,
    /// How many questions were asked until now.
    pub(super) asked: u64,
    /// The wishes that were granted, by their numbers.
    pub(super) granted: BTreeSet<u64>,
    pub(super) ending: Option<Ending>,
    /// Completed steps whose effect can be taken back, oldest first.
    pub(super) undo: Vec<usize>,
    pub(super) undoing: Option<usize>,
    pub(super) verifying: bool,
    pub(super) evidence: Vec<Evidence>,
    pub(super) stalls: u64,
    pub(super) reason: Option<Failure>,
}

/// One change of a workflow's state.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Transition {
    /// When, in milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// The state before.
    pub from: WorkflowState,
    /// The state after.
    pub to: WorkflowState,
    /// Why.
    pub reason: String,
}

/// How the time of a workflow passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Time {
    /// The newest moment that is known.
    pub(super) now_ms: u64,
    pub(super) began_ms: u64,
    /// How long it has been driven, pauses left out where the plan says so.
    pub(super) active_ms: u64,
    /// How long it may be.
    pub(super) most_ms: u64,
}

/// What policies count of the calls of a workflow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tallied {
    /// Calls that started.
    pub(crate) calls: u64,
    /// Actions that were denied.
    pub(crate) denials: u64,
    /// Calls of each action.
    pub(crate) of: BTreeMap<String, u64>,
}

impl Tallied {
    pub(super) fn started(&mut self, action: &str) {
        self.calls = self.calls.saturating_add(1);
        match self.of.get_mut(action) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.of.insert(action.to_owned(), 1);
            }
        }
    }

    /// Counts a call by how it ended.
    pub(super) fn ended(&mut self, action: &str, started: bool, status: Status) {
        if started {
            self.started(action);
        } else if status == Status::Denied {
            self.denials = self.denials.saturating_add(1);
        }
    }
}

/// A workflow on its way to an end that is not completion.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ending {
    pub(super) to: WorkflowState,
    pub(super) why: Failure,
    /// Whether effects are taken back before.
    pub(super) undoes: bool,
    /// Whether the workflow's time is over, and what ran was interrupted for it.
    pub(super) late: bool,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It waits for other steps.
    Pending,
    /// It can begin.
    Ready,
    /// Its call runs.
    Running,
    /// It waits to be repeated.
    Retrying,
    /// It waits for an approval.
    Asking,
    /// Whether it had its effect is not known, and a person has to say.
    Uncertain,
    /// It has a result.
    Completed,
    /// It has none.
    Failed,
    /// It will not run, because of another step.
    Skipped,
    /// It was interrupted, or the workflow ended before it began.
    Cancelled,
    /// A person took it out of the plan.
    Removed,
}

impl StepStatus {
    /// Whether the step has ended.
    #[must_use]
    pub fn has_ended(self) -> bool {
        match self {
            StepStatus::Pending
            | StepStatus::Ready
            | StepStatus::Running
            | StepStatus::Retrying
            | StepStatus::Asking
            | StepStatus::Uncertain => false,
            StepStatus::Completed
            | StepStatus::Failed
            | StepStatus::Skipped
            | StepStatus::Cancelled
            | StepStatus::Removed => true,
        }
    }
}

/// All that is known of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepState {
    /// The step.
    pub step: Step,
    /// What is known of its action.
    pub known: Known,
    /// How far it is.
    pub status: StepStatus,
    /// How many attempts there were.
    pub attempts: u32,
    /// The sum over all attempts.
    pub usage: Usage,
    /// The result.
    pub output: Option<Output>,
    /// Why there is none.
    pub failure: Option<Failure>,
    /// How the last attempt ended.
    pub ended: Option<Status>,
    /// How taking its effect back ended, if that was tried.
    pub undone: Option<Status>,
    /// When the first attempt began, in milliseconds since 1970, UTC.
    pub began_ms: Option<u64>,
    /// When the step ended.
    pub ended_ms: Option<u64>,
    /// The question that it waits for, with the time when that expires.
    pub question: Option<(String, Option<u64>)>,
    /// The runs of its attempts.
    pub runs: Vec<RunId>,
    /// How many retries there were since it was put into the plan, the last time.
    pub(super) retried: u32,
    /// How many steps it still waits for.
    pub(super) blocked: usize,
    /// What is set aside for its running call.
    pub(super) most: Option<Most>,
    /// Whether a person paused the workflow while its call ran, so that the call was interrupted.
    pub(super) interrupted: bool,
}

impl StepState {
    pub(super) fn new(step: Step, known: Known, blocked: usize) -> Self {
        Self {
            step,
            known,
            status: StepStatus::Pending,
            attempts: 0,
            usage: Usage::default(),
            output: None,
            failure: None,
            ended: None,
            undone: None,
            began_ms: None,
            ended_ms: None,
            question: None,
            runs: Vec::new(),
            retried: 0,
            blocked,
            most: None,
            interrupted: false,
        }
    }

    /// The step's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.step.spec.id
    }
}

impl State {
    /// A workflow that nothing has happened to.
    #[must_use]
    pub fn new(id: WorkflowId) -> Self {
        Self {
            id,
            phase: WorkflowState::Initializing,
            plan: None,
            principal: Principal::default(),
            seed: Digest::of(&[]),
            others: Vec::new(),
            policy_set: None,
            tallied: Tallied::default(),
            steps: Vec::new(),
            graph: Graph::default(),
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            due: BTreeSet::new(),
            open: 0,
            parallel: 1,
            actions: 0,
            retries: 0,
            budgets: Budgets::new(Default::default()),
            time: Time::default(),
            history: Vec::new(),
            questions: BTreeMap::new(),
            asked: 0,
            granted: BTreeSet::new(),
            ending: None,
            undo: Vec::new(),
            undoing: None,
            verifying: false,
            evidence: Vec::new(),
            stalls: 0,
            reason: None,
        }
    }

    /// A workflow that plans, with a plan that was understood already, such as one that is longer than a
    /// [`Proposal`](super::Proposal) can be. For measurements: its inputs do not give it back.
    #[doc(hidden)]
    #[must_use]
    pub fn with(id: WorkflowId, plan: &Plan, known: Vec<Known>) -> Self {
        let mut state = Self::new(id);
        state.take_plan(plan, known);
        state.phase = WorkflowState::Planning;
        state
    }

    /// Lays out the steps of a plan; there is one `known` for each.
    pub(super) fn take_plan(&mut self, plan: &Plan, known: Vec<Known>) {
        self.graph = plan.graph().clone();
        self.steps = plan
            .steps()
            .iter()
            .zip(known)
            .enumerate()
            .map(|(at, (step, known))| {
                StepState::new(step.clone(), known, plan.graph().needs(at).len())
            })
            .collect();
        for (at, step) in self.steps.iter_mut().enumerate() {
            if step.blocked == 0 {
                step.status = StepStatus::Ready;
                self.ready.insert(at);
            }
        }
        self.open = self.steps.len();
        self.parallel = plan.parallel();
        self.retries = plan.retries();
        self.budgets = Budgets::new(plan.spec().resource_limits.clone());
        self.time.most_ms = plan.timeout_ms();
        self.time.began_ms = self.time.now_ms;
        self.plan = Some(plan.clone());
    }

    /// The workflow's id.
    #[must_use]
    pub fn id(&self) -> WorkflowId {
        self.id
    }

    /// The workflow's state.
    #[must_use]
    pub fn phase(&self) -> WorkflowState {
        self.phase
    }

    /// Whether the workflow has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        phase::has_ended(self.phase)
    }

    /// The plan; `None` before there is one.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// For whom it runs.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The policies that it was checked with, if that is known.
    pub(crate) fn policy_set(&self) -> Option<Digest> {
        self.policy_set
    }

    /// What is called besides the steps.
    pub(crate) fn others(&self) -> &[Other] {
        &self.others
    }

    /// What was counted of the calls, as policies count.
    pub(crate) fn tallied(&self) -> &Tallied {
        &self.tallied
    }

    /// The steps, those of the plan first, then those that were added.
    #[must_use]
    pub fn steps(&self) -> &[StepState] {
        &self.steps
    }

    /// The position of a step.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id() == id)
    }

    /// Every change of the state, oldest first.
    #[must_use]
    pub fn history(&self) -> &[Transition] {
        &self.history
    }

    /// What waits for an answer.
    pub fn questions(&self) -> impl Iterator<Item = &Question> {
        self.questions.values()
    }

    /// The sum over all calls.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.budgets.total()
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.budgets.calls()
    }

    /// The newest moment that is known, in milliseconds since 1970, UTC.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.time.now_ms
    }

    /// When it began.
    #[must_use]
    pub fn began_ms(&self) -> u64 {
        self.time.began_ms
    }

    /// How long it has been driven, pauses left out where the plan says so.
    #[must_use]
    pub fn active_ms(&self) -> u64 {
        self.time.active_ms
    }

    /// What was found about the success criteria, once they were looked at.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// Why it did not reach its goal.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.reason.as_ref()
    }

    /// The share of steps that have ended, from 0 to 1.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of steps need not be exact"
    )]
    pub fn progress(&self) -> f64 {
        if self.steps.is_empty() {
            return 0.0;
        }
        (self.steps.len() - self.open) as f64 / self.steps.len() as f64
    }

    /// Steps whose calls run.
    pub fn running(&self) -> impl Iterator<Item = usize> + '_ {
        self.running.iter().copied()
    }

    /// How many steps run at the same time at most.
    #[must_use]
    pub fn parallel(&self) -> usize {
        self.parallel
    }

    /// Whether the workflow is on its way to an end.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether a wish was granted.
    pub(crate) fn has_granted(&self, wish: u64) -> bool {
        self.granted.contains(&wish)
    }

    /// How many steps came to an end of their own: they completed or failed.
    #[must_use]
    pub fn ended_steps(&self) -> u64 {
        let steps = self.steps.iter();
        let ended =
            steps.filter(|step| matches!(step.status, StepStatus::Completed | StepStatus::Failed));
        ended.count() as u64
    }

    /// How many completed steps have effects that can be taken back.
    #[must_use]
    pub fn undoable(&self) -> usize {
        self.undo.len()
    }

    /// The step whose effect is being taken back.
    #[must_use]
    pub fn undoing(&self) -> Option<usize> {
        self.undoing
    }

    /// Whether the success criteria are being looked at.
    #[must_use]
    pub fn is_verifying(&self) -> bool {
        self.verifying
    }

    /// When something is due next; `None` if nothing is.
    #[must_use]
    pub fn wakes_at_ms(&self) -> Option<u64> {
        if self.has_ended() {
            return None;
        }
        let starts = self.phase == WorkflowState::Executing && self.ending.is_none();
        let retry = self.due.first().filter(|_| starts).map(|(at, _)| *at);
        let waits = match &self.ending {
            Some(ending) => !ending.late && !self.running.is_empty(),
            None => true,
        };
        let deadline = (self.clock_runs() && waits).then(|| {
            let left = self.time.most_ms.saturating_sub(self.time.active_ms);
            self.time.now_ms.saturating_add(left)
        });
        let question = self
            .questions
            .values()
            .map(|question| question.expires_ms)
            .min();
        [retry, deadline, question].into_iter().flatten().min()
    }

    /// Whether the workflow's own time passes.
    pub(super) fn clock_runs(&self) -> bool {
        match self.phase {
            WorkflowState::Planning | WorkflowState::Executing => true,
            WorkflowState::Paused => self
                .plan
                .as_ref()
                .is_some_and(|plan| !plan.pause_stops_clock()),
            WorkflowState::Initializing
            | WorkflowState::Completed
            | WorkflowState::Failed
            | WorkflowState::Cancelled => false,
        }
    }
}
