//! Calls of steps: made from plans, and brought back as inputs.
#![expect(
    clippy::result_large_err,
    reason = "a failure is made once in a call, and ends it"
)]

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinError;

use super::WorkflowStore;
use super::crew::limits;
use super::driving::{Driving, ended_early};
use super::results::{Kept, result_key};
use crate::session::{Call, Cancel};
use crate::types::{
    Code, Decision, Digest, Failure, Fault, Outcome, Status, Usage, Verdict, named_point,
};
use crate::workflow::check::Finding as _;
use crate::workflow::machine::{CallEnd, Evidence, Most, Output, StepState, What};
use crate::workflow::refs::{self, Reference};

/// What came back.
pub(super) enum Done {
    Call {
        step: usize,
        attempt: u32,
        outcome: Box<Outcome>,
    },
    /// A kept result stands for the call.
    Kept {
        step: usize,
        attempt: u32,
        output: Output,
        key: String,
    },
    Undo {
        step: usize,
        outcome: Box<Outcome>,
    },
    Verified {
        /// Which of the driver's looks at the criteria this was.
        number: u64,
        evidence: Vec<Evidence>,
        usage: Usage,
        calls: u64,
    },
}

impl Driving {
    /// The result of a completed step.
    pub(super) fn output(&mut self, step: usize) -> Result<Arc<Value>, Failure> {
        if let Some(output) = self.outputs.get(&step) {
            return Ok(output.clone());
        }
        let output = self
            .state
            .steps()
            .get(step)
            .and_then(|step| step.output.as_ref());
        let output = output.ok_or_else(|| lost("the step has no result"))?;
        let value = Arc::new(read(output, &**self.store())?);
        self.outputs.insert(step, value.clone());
        Ok(value)
    }

    /// The arguments of a step, with everything that they refer to.
    pub(super) fn arguments(&mut self, step: usize) -> Result<Value, Failure> {
        let found = self.state.steps().get(step);
        let args = found.map(|found| found.step.spec.args.clone());
        let args = args.ok_or_else(|| lost("the step is gone"))?;
        let key = self.key(step)?;
        self.resolved(&args, &key)
    }

    /// Puts values in the place of references.
    pub(super) fn resolved(&mut self, args: &Value, key: &str) -> Result<Value, Failure> {
        let references = refs::references(args)
            .map_err(|problems| misfit(problems.first().map(ToString::to_string)))?;
        for (_, reference) in &references {
            if let Reference::Output { step, .. } = reference
                && let Some(position) = self.state.position(step)
            {
                self.output(position)?;
            }
        }
        let inputs = self.state.plan().map(|plan| &plan.spec().inputs);
        let resolved = refs::resolve(args, &|reference| match reference {
            Reference::Output { step, path } => {
                let output = self
                    .state
                    .position(step)
                    .and_then(|position| self.outputs.get(&position));
                let output = output
                    .ok_or_else(|| refs::Problem::new("the result of a step", "a step without"))?;
                refs::at(output, path).cloned()
            }
            Reference::Input { name, path } => {
                let input = inputs.and_then(|inputs| inputs.get(name));
                refs::at(input.unwrap_or(&Value::Null), path).cloned()
            }
            Reference::IdempotencyKey => Ok(Value::from(key)),
        });
        resolved.map_err(|problem| misfit(Some(problem.to_string())))
    }

    /// A key that names this very step of this very workflow, the same for every attempt.
    fn key(&self, step: usize) -> Result<String, Failure> {
        let found = self.state.steps().get(step);
        let found = found.ok_or_else(|| lost("the step is gone"))?;
        let own = Digest::of_parts([
            "idempotency 1".as_bytes(),
            self.state.id().to_string().as_bytes(),
            found.id().as_bytes(),
        ]);
        let own = own.to_string();
        let hex = own.trim_start_matches("sha256:");
        Ok(format!("idem_{}", hex.get(..16).unwrap_or(hex)))
    }

    /// What the data in arguments is to be treated as: the labels of all the steps that it is made from.
    pub(super) fn arriving(&mut self, args: &Value) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        let mut next = self.sources(args);
        let mut seen: BTreeSet<usize> = next.iter().copied().collect();
        // A list of what is left and not recursion: people can make results refer to each other in circles.
        while let Some(step) = next.pop() {
            let (own, sources) = self.leaving(step);
            labels.extend(own);
            next.extend(sources.into_iter().filter(|source| seen.insert(*source)));
        }
        labels
    }

    /// The steps whose results are in arguments.
    fn sources(&self, args: &Value) -> Vec<usize> {
        let references = refs::references(args).unwrap_or_default();
        references
            .into_iter()
            .filter_map(|(_, reference)| match reference {
                Reference::Output { step, .. } => self.state.position(&step),
                Reference::Input { .. } | Reference::IdempotencyKey => None,
            })
            .collect()
    }

    /// What a step's result is to be treated as by itself, and the steps that it is made from.
    fn leaving(&mut self, step: usize) -> (BTreeSet<String>, Vec<usize>) {
        let Some(found) = self.state.steps().get(step) else {
            return (BTreeSet::new(), Vec::new());
        };
        let spec = &found.step.spec;
        let sources = self.sources(&spec.args);
        if let Some(own) = self.labels.get(&step) {
            return (own.clone(), sources);
        }
        let crew = &self.workflows.crew.crew;
        let mut own = spec.labels.clone();
        if let Ok(found) = crew.find(&spec.capability, spec.function.as_deref()) {
            own.extend(found.labels);
        }
        self.labels.insert(step, own.clone());
        (own, sources)
    }

    /// Makes the call of a step.
    pub(super) fn call(&mut self, step: usize, attempt: u32, most: Most, args: Value) {
        let Some(found) = self.state.steps().get(step).cloned() else {
            return;
        };
        let spec = &found.step.spec;
        let labels = self.arriving(&spec.args);
        let args_text = args.to_string();
        let made = self
            .workflows
            .crew
            .crew
            .call(&spec.capability, spec.function.as_deref(), args);
        let (component, call, looked_up) = match made {
            Ok(made) => made,
            Err(fault) => {
                self.pending
                    .push_back(ended_early(step, attempt, Failure::from(&fault)));
                return;
            }
        };
        let mut outer = spec.limits.narrow(&looked_up.limits);
        if let Ok(left) = limits(
            Most {
                wall_ms: spec.timeout_ms.unwrap_or(u64::MAX).min(most.wall_ms),
                ..most
            },
            &outer,
        ) {
            outer = outer.narrowed_by(&left);
        }
        let call = call.step(self.state.id(), spec.id.clone(), None, Some(outer));
        let call = match &spec.approval {
            Some(approvers) => call.asking(approvers.clone()),
            None => call,
        };
        let call = match &spec.grants {
            Some(grants) => call.only(
                grants.dirs.clone(),
                grants.env.clone(),
                grants.actions.clone(),
            ),
            None => call,
        };
        let call = self.for_this(call.labels(labels), step);
        let engine = self.workflows.crew.crew.engine.clone();
        // What other actions gave may be another thing tomorrow.
        let shape = looked_up.component.describe();
        let alone = !shape.imports_any("engine:host/actions");
        let kept = self.reuses(&found).filter(|()| alone).map(|()| Kept {
            store: self.store().clone(),
            key: result_key(&looked_up, &args_text, self.state.principal()),
        });
        let lease = self.lease.clone();
        self.calls.spawn(async move {
            let _held = lease;
            if let Some(kept) = &kept
                && let Some(output) = kept.find(&engine, &component, &call).await
            {
                return Done::Kept {
                    step,
                    attempt,
                    output,
                    key: kept.key.clone(),
                };
            }
            named_point("before-call");
            let outcome = engine.run(&component, call).await;
            named_point("after-call");
            if let Some(kept) = kept {
                kept.keep(&outcome).await;
            }
            Done::Call {
                step,
                attempt,
                outcome: Box::new(outcome),
            }
        });
    }

    /// Whether a kept result may stand for the call of a step.
    fn reuses(&self, found: &StepState) -> Option<()> {
        let wanted = self.state.plan()?.spec().preferences.reuse_results;
        (wanted && found.known.pure).then_some(())
    }

    /// What all calls of this workflow have in common.
    fn for_this(&mut self, call: Call, step: usize) -> Call {
        let cancel = Cancel::new();
        self.cancels.insert(step, cancel.clone());
        call.principal(self.state.principal().clone())
            .tally(self.tally.clone())
            .cancelled_by(cancel)
            .redeem_answered()
    }

    /// Takes the effect of a step back.
    pub(super) fn undo(&mut self, step: usize) -> Result<(), Fault> {
        let Some(found) = self.state.steps().get(step).cloned() else {
            return Ok(());
        };
        let Some(undo) = &found.step.spec.undo else {
            return Ok(());
        };
        let undone = |failure: Failure| What::Undone {
            step,
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
        };
        let made = self
            .key(step)
            .and_then(|key| self.resolved(&undo.args, &key))
            .and_then(|args| {
                let capability = undo
                    .capability
                    .as_ref()
                    .unwrap_or(&found.step.spec.capability);
                self.workflows
                    .crew
                    .crew
                    .call(capability, undo.function.as_deref(), args)
                    .map_err(|fault| Failure::from(&fault))
            });
        let (component, call, looked_up) = match made {
            Ok(made) => made,
            Err(failure) => {
                self.pending.push_back(undone(failure));
                return Ok(());
            }
        };
        // Its arguments may hold the step's own result, and what that is made from.
        let mut labels = self.arriving(&undo.args);
        labels.extend(self.arriving(&found.step.spec.args));
        let call = call
            .step(self.state.id(), found.id(), None, Some(looked_up.limits))
            .labels(labels);
        let call = self.for_this(call, step);
        let engine = self.workflows.crew.crew.engine.clone();
        let lease = self.lease.clone();
        self.calls.spawn(async move {
            let _held = lease;
            named_point("before-undo");
            let outcome = engine.run(&component, call).await;
            Done::Undo {
                step,
                outcome: Box::new(outcome),
            }
        });
        Ok(())
    }

    /// Brings back what a task has done.
    pub(super) fn ended(&mut self, done: Result<Done, JoinError>) -> Result<(), Fault> {
        let done = done.map_err(|panicked| {
            Fault::new(crate::types::FaultKind::Bug {
                at: "a call of a workflow",
            })
            .caused_by(panicked)
        })?;
        let now = self.now_ms();
        self.watch.moved(now);
        match done {
            Done::Call {
                step,
                attempt,
                outcome,
            } => {
                self.cancels.remove(&step);
                if let Some(question) = outcome.fault().and_then(Fault::question) {
                    let question = question.to_owned();
                    self.pending.push_back(What::Asked {
                        step,
                        question,
                        expires_ms: None,
                    });
                    return Ok(());
                }
                let end = call_end(&outcome, &**self.store())?;
                self.batch_ended(step, end.status);
                self.watch.ended(now, end.code(), end.usage.memory_peak);
                self.pending.push_back(What::Ended {
                    step,
                    attempt,
                    end: Box::new(end),
                });
            }
            Done::Kept {
                step,
                attempt,
                output,
                key,
            } => {
                self.cancels.remove(&step);
                self.batch_ended(step, Status::Ok);
                let mut end = kept_end(output);
                end.cached = Some(key.get(..12).unwrap_or(&key).to_owned());
                self.pending.push_back(What::Ended {
                    step,
                    attempt,
                    end: Box::new(end),
                });
            }
            Done::Undo { step, outcome } => {
                self.cancels.remove(&step);
                let end = Box::new(call_end(&outcome, &**self.store())?);
                self.pending.push_back(What::Undone { step, end });
            }
            // An older look tells nothing about steps that were added since.
            Done::Verified { number, .. } if number != self.verifications => {}
            Done::Verified {
                evidence,
                usage,
                calls,
                ..
            } => self.pending.push_back(What::Verified {
                evidence,
                usage,
                calls,
            }),
        }
        Ok(())
    }
}

/// The end of a step whose result is known already.
fn kept_end(output: Output) -> CallEnd {
    CallEnd {
        status: Status::Ok,
        started: false,
        killed: false,
        output: Some(output),
        failure: None,
        usage: Usage::default(),
        run: None,
        cached: None,
    }
}

/// An outcome as an input; a large result is kept aside.
fn call_end(outcome: &Outcome, store: &dyn WorkflowStore) -> Result<CallEnd, Fault> {
    let failure = outcome.fault().map(Failure::from);
    let output = match &failure {
        Some(_) => None,
        None => Some(kept(outcome.value().as_str(), store)?),
    };
    Ok(CallEnd {
        status: outcome.status(),
        started: outcome.began(),
        killed: killed(outcome.verdict(), outcome.began()),
        output,
        failure,
        usage: outcome.usage().as_written(),
        run: Some(outcome.run()),
        cached: None,
    })
}

/// A policy that is only observed kills nothing.
fn killed(verdict: Option<&Verdict>, began: bool) -> bool {
    !began && verdict.is_some_and(|verdict| verdict.decision == Decision::Kill)
}

/// Keeps a result: a small one with the state, a large one aside.
pub(crate) fn kept(json: &str, store: &dyn WorkflowStore) -> Result<Output, Fault> {
    if json.len() <= Output::INLINE {
        return Ok(Output::inline(json));
    }
    store.put(json)?;
    Ok(Output::aside(json))
}

/// Reads a result.
pub(crate) fn read(output: &Output, store: &dyn WorkflowStore) -> Result<Value, Failure> {
    let aside;
    let json = match &output.json {
        Some(json) => json,
        None => {
            aside = store
                .get(output.digest)
                .map_err(|fault| Failure::from(&fault))?;
            &aside
        }
    };
    serde_json::from_str(json).map_err(|error| lost(&error.to_string()))
}

fn lost(what: &str) -> Failure {
    Failure::plain(Code::Internal, what)
}

fn misfit(problem: Option<String>) -> Failure {
    let what = problem.unwrap_or_else(|| "the references cannot be read".to_owned());
    Failure::plain(Code::InvalidArgs, &what)
}
