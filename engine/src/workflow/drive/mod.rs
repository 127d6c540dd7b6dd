//! Drives workflows: does what the machine wants done, and tells it what came of it.

mod calls;
mod crew;
mod driving;
mod results;
mod verify;
mod watch;
mod wishes;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::guard::Policies;
use crate::guard::{Explanation, Grants};
use crate::session::{Compiled, Engine};
use crate::types::{
    Blobs, Claims, Fault, FaultKind, Inputs, Limits, Principal, Roster, RosterEntry, WorkflowId,
};
use crate::workflow::check::{Checked, Draft, Finding, Found, Probe};
use crate::workflow::machine::{Act, State};
use crate::workflow::plan::{Plan, PlanSpec, Problem};
use crate::workflow::resume;
use crate::workflow::summary::Summary;
use crew::Crew;
pub(crate) use driving::{Driving, replayed, verdict};

/// Keeps what workflows need durable.
pub trait WorkflowStore: Inputs + Blobs + Claims + Roster + Send + Sync {}

impl<S: Inputs + Blobs + Claims + Roster + Send + Sync> WorkflowStore for S {}

/// Runs workflows on an engine.
///
/// Cheap to clone. Its futures run on a tokio runtime with time enabled; steps that compute share its threads.
///
/// # Example
///
/// ```no_run
/// use std::sync::Arc;
///
/// use engine::workflow::{Plan, Start, Workflows};
/// use engine::{Engine, Source};
/// use engine::data::JournalOptions;
///
/// # async fn run(plan: Plan) -> Result<(), engine::Fault> {
/// let journal = JournalOptions::new().open("journal.db")?;
/// let engine = Engine::builder().sink(journal.clone()).build()?;
/// let text = engine.load(Source::file("text.wasm")?).await?;
/// let workflows = Workflows::new(engine, Arc::new(journal)).component(text);
/// let checked = workflows.check(&plan).await;
/// let summary = workflows.run(checked, Start::default()).await?;
/// println!("{}", summary.to_json());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Workflows {
    pub(crate) crew: Arc<CrewAndStore>,
}

pub(crate) struct CrewAndStore {
    crew: Crew,
    pub(crate) store: Arc<dyn WorkflowStore>,
}

impl std::fmt::Debug for Workflows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workflows")
            .field("components", &self.crew.crew.components.keys())
            .finish_non_exhaustive()
    }
}

/// How a workflow is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// For whom it runs. Default: `local`.
    pub principal: Principal,
    /// Who wrote the plan. Default: nobody in particular.
    pub planner: String,
    /// The workflow's id. Default: a fresh one.
    pub workflow: Option<WorkflowId>,
}

impl Workflows {
    /// The policies in force.
    pub(crate) fn policies(&self) -> Policies {
        self.crew.crew.engine.policies()
    }

    /// Runs workflows on an engine, and keeps them in a store, such as a [`Journal`](crate::Journal) that is a
    /// sink of the engine as well. Questions about approvals are left at the engine's desk.
    #[must_use]
    pub fn new(engine: Engine, store: Arc<dyn WorkflowStore>) -> Self {
        Self {
            crew: Arc::new(CrewAndStore {
                crew: Crew {
                    engine,
                    components: BTreeMap::new(),
                    own: (None, None),
                },
                store,
            }),
        }
    }

    /// Lets plans use a component, by its name and by the names of the capabilities that it is pinned to; and other
    /// components whose calls of its actions are granted ([`Engine::offer`]).
    ///
    /// Of two components with the same name the later one takes the place of the earlier.
    #[must_use]
    pub fn component(self, component: Compiled) -> Self {
        let mut crew = self.crew.crew.clone();
        let name = component.describe().name().to_owned();
        crew.engine.offer(&component);
        crew.components.insert(name, component);
        Self {
            crew: Arc::new(CrewAndStore {
                crew,
                store: self.crew.store.clone(),
            }),
        }
    }

    /// Narrows what every call is given and may use, within what the engine's configuration gives: whoever runs
    /// plans wants no more. Default: all of it.
    #[must_use]
    pub fn within(self, grants: Option<Grants>, limits: Option<Limits>) -> Self {
        let mut crew = self.crew.crew.clone();
        crew.own = (grants, limits);
        Self {
            crew: Arc::new(CrewAndStore {
                crew,
                store: self.crew.store.clone(),
            }),
        }
    }

    /// Checks a whole plan: types, policies, budgets and data flow. Nothing runs.
    ///
    /// # Cancellation
    ///
    /// Nothing remains.
    pub async fn check(&self, plan: &Plan) -> Checked {
        self.check_for(plan, &Principal::default()).await
    }

    /// Checks a whole plan as [`check`](Workflows::check) does, for somebody else than `local`.
    ///
    /// # Cancellation
    ///
    /// Nothing remains.
    pub async fn check_for(&self, plan: &Plan, principal: &Principal) -> Checked {
        let crew = &self.crew.crew;
        let draft = Draft::new(plan.clone(), crew);
        let mut answers = Vec::with_capacity(draft.probes().len());
        for probe in draft.probes() {
            answers.push(self.foresee(plan, probe, principal).await);
        }
        draft.conclude(answers, &crew.engine.policies(), principal.clone())
    }

    /// What the guard would say about a call of a plan.
    async fn foresee(
        &self,
        plan: &Plan,
        probe: &Probe,
        principal: &Principal,
    ) -> Result<Explanation, Fault> {
        let crew = &self.crew.crew;
        let (capability, function) = &probe.target;
        let (component, call, found) =
            crew.call(capability, function.as_deref(), probe.args.clone())?;
        let step = probe.step.and_then(|step| plan.steps().get(step));
        let call = call
            .principal(principal.clone())
            .labels(probe.labels.iter().cloned())
            .step(
                WorkflowId::fresh(),
                step.map_or("success", |step| step.spec.id.as_str()),
                None,
                Some(found.limits),
            );
        // An undo and a criterion are given what everybody is: `grants` are about the step's own call.
        let call = match step
            .filter(|_| probe.is_step())
            .and_then(|step| step.spec.grants.as_ref())
        {
            Some(grants) => call.only(
                grants.dirs.clone(),
                grants.env.clone(),
                grants.actions.clone(),
            ),
            None => call,
        };
        crew.engine.explain(&component, call).await
    }

    /// Runs a plan that was checked, to its end.
    ///
    /// # Errors
    ///
    /// - `E-WORKFLOW-STATE` if it was checked for another principal than it is to run for.
    /// - [`FaultKind::PlanRejected`] if the plan was not accepted; that is recorded as a workflow that failed.
    /// - A fault of the store; then nothing more is begun, and [`resume`](Workflows::resume) goes on later.
    ///
    /// A workflow that fails is no error: the summary says so.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops every running call, and leaves the workflow to be resumed.
    pub async fn run(&self, checked: Checked, start: Start) -> Result<Summary, Fault> {
        if checked.principal != start.principal {
            return Err(unfit(format!(
                "the plan was checked for `{}`, and is to run for `{}`",
                checked.principal, start.principal
            )));
        }
        let accepted = checked.is_accepted();
        let problems = checked.problems.clone();
        let driving = Driving::begin(self.clone(), checked, start).await?;
        let (state, store) = driving.finish().await?;
        if !accepted {
            return Err(rejected(&problems));
        }
        Ok(Summary::of(&state, &*store))
    }

    /// Goes on with a workflow that nobody drives: it crashed, or its driver was stopped.
    ///
    /// # Errors
    ///
    /// - `E-WORKFLOW-STATE` if somebody drives it, or it is unknown.
    /// - `E-DENIED-STALE` if a component that its steps use is another one now, unless `accept` says that this is
    ///   wanted.
    /// - A fault of the store.
    ///
    /// # Cancellation
    ///
    /// As for [`run`](Workflows::run).
    pub async fn resume(&self, workflow: WorkflowId, accept: bool) -> Result<Summary, Fault> {
        let driving = resume::taken_up(self, workflow, accept).await?;
        let (state, store) = driving.finish().await?;
        Ok(Summary::of(&state, &*store))
    }

    /// The state of a workflow, made from its inputs.
    ///
    /// # Errors
    ///
    /// `E-WORKFLOW-STATE` if it is unknown; a fault of the store.
    pub fn state(&self, workflow: WorkflowId) -> Result<State, Fault> {
        replayed(&*self.crew.store, workflow).map(|(state, _)| state)
    }

    /// What came of a workflow until now.
    ///
    /// # Errors
    ///
    /// Those of [`state`](Workflows::state).
    pub fn summary(&self, workflow: WorkflowId) -> Result<Summary, Fault> {
        let state = self.state(workflow)?;
        Ok(Summary::of(&state, &*self.crew.store))
    }

    /// Workflows, newest first, at most so many.
    ///
    /// # Errors
    ///
    /// A fault of the store.
    pub fn list(&self, most: usize) -> Result<Vec<RosterEntry>, Fault> {
        self.crew.store.entries(most)
    }

    /// Does something to a workflow, whoever drives it, and waits for what came of it.
    ///
    /// Where nobody drives it, it is done here, and nothing of the workflow runs. `None` means that somebody
    /// drives it and has not replied for 10 s: it is done, or refused, when they do.
    ///
    /// # Errors
    ///
    /// `E-WORKFLOW-STATE` with the reason if it is refused, or the workflow is unknown; a fault of the store.
    ///
    /// # Cancellation
    ///
    /// What was asked for is done all the same.
    pub async fn act(
        &self,
        workflow: WorkflowId,
        by: Principal,
        token: Option<String>,
        act: Act,
    ) -> Result<Option<Value>, Fault> {
        wishes::wish(self, workflow, by, (token, act)).await
    }
}

impl Finding for Workflows {
    fn find(&self, capability: &str, function: Option<&str>) -> Result<Found, Fault> {
        self.crew.crew.find(capability, function)
    }

    fn names(&self) -> Vec<String> {
        self.crew.crew.names()
    }
}

/// Reads a plan from its JSON.
///
/// # Errors
///
/// What the reader says, with line and column.
pub fn read_plan(text: &str) -> Result<PlanSpec, Problem> {
    serde_json::from_str(text).map_err(|error| Problem::new("", error.to_string()))
}

/// The fault of a plan that was not accepted, for these reasons.
#[must_use]
pub fn rejected(problems: &[Problem]) -> Fault {
    let errors = || problems.iter().filter(|problem| !problem.warning);
    Fault::new(FaultKind::PlanRejected {
        count: errors().count(),
        first: errors().next().map(Problem::to_string).unwrap_or_default(),
    })
}

/// The fault of a workflow that cannot do what is asked for now.
pub(crate) fn unfit(what: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Workflow { what: what.into() })
}
