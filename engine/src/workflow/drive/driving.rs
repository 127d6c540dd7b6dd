use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use super::calls::Done;
use super::watch::Watch;
use super::{Start, WorkflowStore, Workflows, unfit};
use crate::event::{LoopKind, Teller, WorkflowState};
use crate::guard::Tally;
use crate::session::Cancel;
use crate::types::{
    Clock, Code, Digest, Failure, Fault, FaultKind, Lease, Principal, QuestionState, RosterEntry,
    Status, Usage, WorkflowId, named_point, text,
};
use crate::workflow::check::Checked;
use crate::workflow::doom;
use crate::workflow::machine::{
    Approval, CallEnd, Effect, Input, Most, Proposal, State, StepStatus, Tallied, What, step,
};

/// How often the driver looks for wishes and answers.
const POLL: Duration = Duration::from_millis(25);
/// How often it is tried to take the place of the one who drives.
const TRIES: u32 = 20;

/// One workflow that is being driven.
pub(crate) struct Driving {
    pub(super) workflows: Workflows,
    pub(crate) state: State,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) calls: JoinSet<Done>,
    /// How to stop the calls that run.
    pub(super) cancels: HashMap<usize, Cancel>,
    /// Inputs that follow from what was done.
    pub(super) pending: VecDeque<What>,
    pub(super) outputs: HashMap<usize, Arc<Value>>,
    pub(super) labels: HashMap<usize, BTreeSet<String>>,
    pub(super) tally: Tally,
    pub(super) watch: Watch,
    /// Whether it changes the workflow, and runs nothing of it.
    pub(crate) only_steers: bool,
    /// How often the success criteria were looked at.
    pub(super) verifications: u64,
    doom: doom::Detector,
    /// Calls of each batch that have not ended, and whether all that have succeeded.
    batches: Vec<(BTreeSet<usize>, bool)>,
    teller: Teller,
    /// Shared with everything that this driver has begun: the place is free when the last of it is gone, so that
    /// nothing a dropped driver left behind writes into what the next one does.
    pub(super) lease: Arc<dyn Lease>,
}

impl Driving {
    /// Begins a workflow: its plan and what was found about it are durable then.
    pub(super) async fn begin(
        workflows: Workflows,
        checked: Checked,
        start: Start,
    ) -> Result<Self, Fault> {
        let Start {
            principal,
            planner,
            workflow,
        } = start;
        let workflow = workflow.unwrap_or_else(WorkflowId::fresh);
        let mut driving = Self::take(workflows, workflow).await?;
        if !driving.store().inputs(workflow)?.is_empty() {
            return Err(unfit(format!("there is a workflow {workflow} already"))
                .hint("go on with it, or begin another one under an id of its own"));
        }
        let policies = driving.workflows.policies();
        driving
            .must(What::Proposed(Box::new(Proposal {
                plan: checked.plan.spec().clone(),
                hash: checked.hash,
                planner,
                principal,
                seed: seed()?,
                known: checked.known.clone(),
                others: checked.others.clone(),
                policy_set: Some(policies.digest()),
            })))
            .await?;
        driving.watch_for_loops();
        // Whoever takes it up finds the first event before any call, or knows that none has begun.
        driving.told().await?;
        driving.must(verdict(checked)).await?;
        Ok(driving)
    }

    /// Takes the place of the one who drives a workflow.
    pub(crate) async fn take(workflows: Workflows, workflow: WorkflowId) -> Result<Self, Fault> {
        // Whoever only steers it, or looks whether somebody drives it, holds the place for a moment.
        for _ in 0..TRIES {
            if let Some(driving) = Self::take_free(&workflows, workflow).await? {
                return Ok(driving);
            }
            tokio::time::sleep(POLL).await;
        }
        Err(unfit(format!(
            "the workflow {workflow} is driven by somebody already"
        ))
        .hint(
            "look at it with `engine workflow show`, and steer it with `pause`, `answer` or `stop`",
        ))
    }

    /// Takes the place of the one who drives a workflow, if nobody has it.
    pub(crate) async fn take_free(
        workflows: &Workflows,
        workflow: WorkflowId,
    ) -> Result<Option<Self>, Fault> {
        let store = workflows.crew.store.clone();
        let Some(lease) = blocking(move || store.lease(workflow)).await? else {
            return Ok(None);
        };
        let engine = &workflows.crew.crew.engine;
        let (clock, sinks) = (engine.clock(), engine.sinks());
        // What an earlier driver in this process told has to be written before it is counted.
        Teller::new(workflow, sinks.clone(), 0).commit().await?;
        let told = workflows.crew.store.told(workflow)?;
        Ok(Some(Self {
            teller: Teller::new(workflow, sinks, told),
            watch: Watch::default(),
            verifications: 0,
            doom: doom::Detector::new(doom::Config::default()),
            batches: Vec::new(),
            calls: JoinSet::new(),
            cancels: HashMap::new(),
            pending: VecDeque::new(),
            outputs: HashMap::new(),
            labels: HashMap::new(),
            tally: Tally::new(),
            lease: lease.into(),
            state: State::new(workflow),
            clock,
            workflows: workflows.clone(),
            only_steers: false,
        }))
    }

    pub(super) fn store(&self) -> &Arc<dyn WorkflowStore> {
        &self.workflows.crew.store
    }

    /// Counts events that follow from inputs which were replayed, and tells those that nobody has heard.
    pub(crate) fn retell(&mut self, at_ms: u64, state: &State, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Tell { step, kind } = effect {
                let step = step.and_then(|step| state.steps().get(step));
                self.teller.tell(at_ms, step.map(|step| step.id()), *kind);
            }
        }
    }

    /// Waits until everything that was told is kept.
    pub(crate) async fn told(&self) -> Result<(), Fault> {
        self.teller.commit().await
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.state.has_ended()
    }

    pub(crate) fn principal(&self) -> &Principal {
        self.state.principal()
    }

    /// Takes a state that was made from all inputs.
    pub(crate) fn restore(&mut self, state: State) {
        self.state = state;
        self.watch_for_loops();
    }

    /// Counts equal actions as the plan says.
    fn watch_for_loops(&mut self) {
        let Some(plan) = self.state.plan() else {
            return;
        };
        let preferences = &plan.spec().preferences;
        let loops = doom::Config::new(
            preferences.max_identical_calls,
            preferences.max_fuzzy_identical_calls,
        );
        // The plan was settled with these numbers.
        self.doom = doom::Detector::new(loops.unwrap_or_default());
    }

    /// Drives the workflow until it has ended.
    pub(super) async fn finish(mut self) -> Result<(State, Arc<dyn WorkflowStore>), Fault> {
        let mut polled = self.clock.elapsed();
        loop {
            while let Some(what) = self.pending.pop_front() {
                self.feed(what).await?;
            }
            if self.state.has_ended() {
                break;
            }
            // However fast steps come and go, wishes and answers are looked for.
            if self.clock.elapsed().saturating_sub(polled) >= POLL {
                self.poll().await?;
                polled = self.clock.elapsed();
                continue;
            }
            let wait = self.until_due();
            tokio::select! {
                done = self.calls.join_next(), if !self.calls.is_empty() => {
                    if let Some(done) = done {
                        self.ended(done)?;
                    }
                }
                () = tokio::time::sleep(wait) => {
                    self.poll().await?;
                    polled = self.clock.elapsed();
                }
            }
        }
        // What was interrupted has said so by now, or says it while it is dropped.
        self.calls.shutdown().await;
        self.teller.commit().await?;
        let store = self.store().clone();
        Ok((self.state, store))
    }

    fn until_due(&self) -> Duration {
        let now = self.now_ms();
        self.state.wakes_at_ms().map_or(POLL, |at| {
            Duration::from_millis(at.saturating_sub(now)).min(POLL)
        })
    }

    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.timestamp().as_millisecond()).unwrap_or(0)
    }

    /// Feeds an input that the machine has to take.
    pub(crate) async fn must(&mut self, what: What) -> Result<(), Fault> {
        match self.feed(what).await? {
            None => Ok(()),
            Some(reason) => Err(unfit(reason)),
        }
    }

    /// Feeds an input: it is durable before its effects are done. Returns why it was refused, if it was; then
    /// nothing has changed.
    pub(super) async fn feed(&mut self, what: What) -> Result<Option<String>, Fault> {
        let input = Input {
            at_ms: self.now_ms(),
            what,
        };
        let written = serde_json::to_string(&input).map_err(|error| {
            Fault::new(FaultKind::Bug {
                at: "the text of a workflow's input",
            })
            .caused_by(error)
        })?;
        let (workflow, before) = (self.state.id(), self.state.phase());
        let at_ms = input.at_ms;
        let recovers = matches!(input.what, What::Recovered { .. });
        let state = std::mem::replace(&mut self.state, State::new(workflow));
        let (state, effects) = step(state, input);
        self.state = state;
        if let [Effect::Refuse { reason }] = effects.as_slice() {
            return Ok(Some(reason.clone()));
        }
        if recovers {
            // What is lost counts as a call, before anything begins again.
            let Tallied { calls, denials, of } = self.state.tallied().clone();
            self.tally = Tally::after(calls, denials, of);
        }
        named_point("before-input");
        let (store, lease) = (self.store().clone(), self.lease.clone());
        blocking(move || {
            let _held = lease;
            store.append(workflow, &written)
        })
        .await?;
        named_point("after-input");
        if self.state.phase() != before {
            self.watch.moved(at_ms);
            let entry = self.entry(at_ms);
            let (store, lease) = (self.store().clone(), self.lease.clone());
            blocking(move || {
                let _held = lease;
                store.enter(&entry)
            })
            .await?;
        }
        self.perform(at_ms, effects).await?;
        Ok(None)
    }

    fn entry(&self, at_ms: u64) -> RosterEntry {
        let steps = self.state.steps();
        let goal = self.state.plan().map(|plan| plan.spec().goal.as_str());
        RosterEntry {
            workflow: self.state.id(),
            goal: text::line(goal.unwrap_or_default(), 200),
            state: word(self.state.phase()),
            ended: self.state.ended_steps(),
            steps: steps.len() as u64,
            began_ms: self.state.began_ms(),
            changed_ms: at_ms,
        }
    }

    /// Does what the machine wants done.
    pub(crate) async fn perform(&mut self, at_ms: u64, effects: Vec<Effect>) -> Result<(), Fault> {
        let mut batch = Vec::new();
        for effect in effects {
            match effect {
                Effect::Tell { step, kind } => {
                    let step = step.and_then(|step| self.state.steps().get(step));
                    self.teller.tell(at_ms, step.map(|step| step.id()), *kind);
                }
                // Whoever goes on with the workflow finds that it has not begun.
                _ if self.only_steers => {}
                Effect::Call {
                    step,
                    attempt,
                    most,
                } => batch.push((step, attempt, most)),
                Effect::Undo { step } => self.undo(step)?,
                Effect::Interrupt { step } => {
                    if let Some(cancel) = self.cancels.get(&step) {
                        cancel.cancel();
                    }
                }
                Effect::Verify => self.verify(),
                Effect::Refuse { .. } => {}
            }
        }
        if !batch.is_empty() {
            self.watch.moved(at_ms);
            self.begin_batch(batch)?;
        }
        Ok(())
    }

    /// Begins calls that the machine wants at the same time, unless the same ones come again and again.
    fn begin_batch(&mut self, batch: Vec<(usize, u32, Most)>) -> Result<(), Fault> {
        let mut ready = Vec::new();
        for (step, attempt, most) in batch {
            match self.arguments(step) {
                Ok(args) => ready.push((step, attempt, most, args)),
                Err(failure) => self.pending.push_back(ended_early(step, attempt, failure)),
            }
        }
        // A retry is a decision of the plan, and no loop.
        let fresh: Vec<doom::Call> = ready
            .iter()
            .filter(|(_, attempt, ..)| *attempt == 1)
            .filter_map(|(step, _, _, args)| {
                let found = self.state.steps().get(*step)?;
                Some(doom::Call {
                    name: found.known.action.clone(),
                    arguments: Digest::of(args.to_string().as_bytes()),
                })
            })
            .collect();
        if !fresh.is_empty() {
            let open = u32::try_from(self.batches.len()).unwrap_or(u32::MAX);
            let verdict = self.doom.record(&fresh, open);
            if let Some(refusal) = verdict.refusal() {
                let actions = fresh
                    .iter()
                    .map(|call| text::line(&call.name, 128))
                    .collect();
                for (step, attempt, ..) in ready {
                    let failure = Failure::plain(Code::DeniedLoop, &refusal);
                    self.pending.push_back(ended_early(step, attempt, failure));
                }
                self.pending.push_front(looped(&verdict, actions));
                return Ok(());
            }
            let steps = ready.iter().map(|(step, ..)| *step).collect();
            self.batches.push((steps, true));
        }
        for (step, attempt, most, args) in ready {
            self.call(step, attempt, most, args);
        }
        Ok(())
    }

    /// Notes how a call of a batch ended.
    pub(super) fn batch_ended(&mut self, step: usize, status: Status) {
        let doom = &mut self.doom;
        self.batches.retain_mut(|(steps, succeeded)| {
            if steps.remove(&step) {
                *succeeded &= status == Status::Ok;
                if steps.is_empty() {
                    doom.ended(*succeeded);
                }
            }
            !steps.is_empty()
        });
    }

    /// Looks for what comes from outside: time, wishes, answers, stalls.
    async fn poll(&mut self) -> Result<(), Fault> {
        let now = self.now_ms();
        if self.state.wakes_at_ms().is_some_and(|at| at <= now) {
            self.pending.push_back(What::Ticked);
        }
        self.wishes().await?;
        self.answers().await?;
        if let Some(stalled) = self.watch.look(&self.state, now) {
            self.pending.push_back(What::Stalled(Box::new(stalled)));
        }
        Ok(())
    }

    /// Looks whether somebody answered the questions that steps wait for.
    async fn answers(&mut self) -> Result<(), Fault> {
        let Some(desk) = self.workflows.crew.crew.engine.desk().cloned() else {
            return Ok(());
        };
        let asked: BTreeMap<usize, String> = self
            .state
            .steps()
            .iter()
            .enumerate()
            .filter(|(_, step)| step.status == StepStatus::Asking)
            .filter_map(|(at, step)| Some((at, step.question.as_ref()?.0.clone())))
            .collect();
        if asked.is_empty() || self.state.is_ending() {
            return Ok(());
        }
        let clock = self.clock.clone();
        let found = blocking(move || {
            asked
                .into_iter()
                .map(|(step, id)| Ok((step, desk.state(&id, &*clock)?, id)))
                .collect::<Result<Vec<_>, Fault>>()
        })
        .await?;
        for (step, state, question) in found {
            let approval = match state {
                QuestionState::Waiting => continue,
                QuestionState::Approved => Approval::Approved,
                QuestionState::Denied { by, reason } => Approval::Denied {
                    by: by.as_str().to_owned(),
                    reason,
                },
                // What was used up was used by somebody else: it is asked again.
                QuestionState::Used | QuestionState::Late => Approval::Approved,
                QuestionState::Expired | QuestionState::Unknown => Approval::Expired,
            };
            self.pending.push_back(What::Decided {
                step,
                question,
                approval,
            });
        }
        Ok(())
    }
}

/// What a check means for the workflow.
pub(crate) fn verdict(checked: Checked) -> What {
    if checked.is_accepted() {
        What::Checked {
            approvals: checked.approvals,
        }
    } else {
        What::Rejected {
            problems: checked.problems,
        }
    }
}

/// The end of a call that was never made.
pub(super) fn ended_early(step: usize, attempt: u32, failure: Failure) -> What {
    What::Ended {
        step,
        attempt,
        end: Box::new(CallEnd {
            status: failure.code.status(),
            started: false,
            killed: false,
            output: None,
            failure: Some(failure),
            usage: Usage::default(),
            run: None,
            cached: None,
        }),
    }
}

fn looped(verdict: &doom::Verdict, actions: Vec<String>) -> What {
    let (kind, count, maximum, hard) = match verdict {
        doom::Verdict::Soft {
            kind,
            count,
            threshold,
        } => (*kind, *count, *threshold, false),
        doom::Verdict::Hard {
            kind,
            count,
            threshold,
        } => (*kind, *count, *threshold, true),
        doom::Verdict::Go => (LoopKind::Exact, 0, 0, false),
    };
    What::Looped {
        kind,
        count: count.into(),
        maximum: maximum.into(),
        actions,
        hard,
    }
}

/// A state in one word.
pub(crate) fn word(state: WorkflowState) -> String {
    serde_json::to_string(&state)
        .unwrap_or_default()
        .trim_matches('"')
        .to_owned()
}

/// Does something that waits for a disk, on a thread where that harms nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panicked| {
            Fault::new(FaultKind::Bug {
                at: "the store of workflows",
            })
            .caused_by(panicked)
        })?
}

/// Something that nobody can guess, to make tokens and waits from.
fn seed() -> Result<Digest, Fault> {
    let mut bytes = [0; 32];
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(32) => Ok(Digest::of(&bytes)),
        Ok(_) => Err(Fault::system("reading random bytes")),
        Err(error) => Err(Fault::system("reading random bytes").caused_by(error)),
    }
}

/// When inputs came, and the effects that followed.
pub(crate) type Retold = Vec<(u64, Vec<Effect>)>;

/// The state of a workflow, made from its inputs, and the events that follow from them: when, about which step,
/// and what.
pub(crate) fn replayed(
    store: &dyn WorkflowStore,
    workflow: WorkflowId,
) -> Result<(State, Retold), Fault> {
    let inputs = store.inputs(workflow)?;
    if inputs.is_empty() {
        return Err(unfit(format!("there is no workflow {workflow}"))
            .hint("`engine workflow ls` lists those that there are"));
    }
    let mut state = State::new(workflow);
    let mut all = Vec::with_capacity(inputs.len());
    for (number, body) in inputs.iter().enumerate() {
        let input: Input = serde_json::from_str(body).map_err(|error| {
            unfit(format!(
                "the input {number} of the workflow {workflow} cannot be read"
            ))
            .caused_by(error)
        })?;
        let at_ms = input.at_ms;
        let (next, effects) = step(state, input);
        state = next;
        if let [Effect::Refuse { reason }] = effects.as_slice() {
            return Err(unfit(format!(
                "the input {number} of the workflow {workflow} does not fit: {reason}"
            ))
            .hint("the store was changed, or written by another version"));
        }
        all.push((at_ms, effects));
    }
    Ok((state, all))
}
