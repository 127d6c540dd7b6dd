mod told;

use std::sync::Arc;

use tracing::Instrument as _;

use super::approve::approve;
use super::choose::{Chosen, check_unconfigured, choose};
use super::ended::Ended;
use super::engine::{Engine, Inner};
use super::loaded::{kept, loaded};
use super::nested::{Nested, outline};
use super::request::{Asker, Call, CallTarget};
use crate::component::{
    Actions, Arguments, Compiled, Context, Instance, Record, Returned, Streams,
};
use crate::event::{Emitter, EventKind, Sink};
use crate::guard::{Ask, Decided, Draft, Explanation, Layer, Permit, Refusal, Target};
use crate::types::text::{MOST_IN_EVENT, line};
use crate::types::{
    Action, Bounded, CallId, ComponentName, Descriptor, Digest, Failure, Fault, FaultKind,
    FunctionManifest, Grant, Json, Limits, Mode, Outcome, Phase, RunId, Status, Usage, Verdict,
};

/// One run, from its first event to its last.
///
/// Dropped before its end, it ends as cancelled: there is a last event whatever happens.
pub(super) struct Run<'a> {
    engine: &'a Arc<Inner>,
    emitter: Arc<Emitter>,
    component: ComponentName,
    function: Option<String>,
    limits: Limits,
    grants: Vec<Grant>,
    verdict: Option<Verdict>,
    deterministic: bool,
    stage: Stage,
    /// Whether the intent of the call is durable: from then on the guest may have had an effect.
    durable: bool,
    /// Who calls other actions for the guest.
    nested: Option<Arc<Nested>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Calling,
    Ended,
}

impl<'a> Run<'a> {
    pub(super) fn begin(engine: &'a Arc<Inner>, component: &str, call: &Call) -> Self {
        let placed = |emitter: Emitter| emitter.within(call.step.clone());
        Self::started(engine, component, call, placed)
    }

    /// A run that the call of another one asks for.
    pub(super) fn inside(
        engine: &'a Arc<Inner>,
        component: &str,
        call: &Call,
        outer: &Emitter,
    ) -> Self {
        Self::started(engine, component, call, |emitter| emitter.inside(outer))
    }

    fn started(
        engine: &'a Arc<Inner>,
        component: &str,
        call: &Call,
        placed: impl FnOnce(Emitter) -> Emitter,
    ) -> Self {
        let run = Self::new(engine, component, engine.sinks.clone(), placed);
        run.emitter.emit(|| EventKind::RunStarted {
            component: run.component.name.clone(),
            function: match &call.target {
                CallTarget::Function { name, .. } | CallTarget::Capability { name, .. } => {
                    Some(line(name, 256))
                }
                CallTarget::Command { .. } => None,
            },
            deterministic: run.deterministic,
        });
        run
    }

    /// A run that nobody hears of, to look at what would be decided.
    pub(super) fn silent(engine: &'a Arc<Inner>, component: &str) -> Self {
        Self::new(engine, component, Arc::new([]), |emitter| emitter)
    }

    fn new(
        engine: &'a Arc<Inner>,
        component: &str,
        sinks: Arc<[Arc<dyn Sink>]>,
        placed: impl FnOnce(Emitter) -> Emitter,
    ) -> Self {
        let emitter = placed(Emitter::new(RunId::fresh(), engine.clock.clone(), sinks));
        Self {
            engine,
            emitter: Arc::new(emitter),
            component: ComponentName {
                name: line(component, 128),
                digest: None,
            },
            function: None,
            limits: *engine.policy.limits(),
            grants: Vec::new(),
            verdict: None,
            deterministic: engine.runtime.deterministic(),
            stage: Stage::Begun,
            durable: false,
            nested: None,
        }
    }

    /// Ends a run whose component could not be loaded.
    pub(super) fn refuse(mut self, digest: Option<Digest>, fault: Fault) -> Outcome {
        self.component.digest = digest;
        self.end(Ended::refused(fault))
    }

    /// Goes the whole way from a loaded component.
    pub(super) async fn go(mut self, component: &Compiled, call: Box<Call>) -> Outcome {
        let shape = component.describe();
        let digest = shape.digest();
        self.component.digest = Some(digest);
        if let Some(kept) = component.untold().and_then(kept) {
            self.emitter.emit(|| kept);
        }
        self.deterministic = component.deterministic();
        self.emitter.emit(|| component.announced(loaded));
        let span = tracing::info_span!(
            "call",
            run = %self.emitter.run(),
            %digest,
            function = tracing::field::Empty,
            status = tracing::field::Empty,
            fuel = tracing::field::Empty,
        );
        let ended = match self.decide(component, call).await {
            // Where nobody traces, nothing is moved to be traced.
            Ok(ready) if span.is_disabled() => self.call(component, ready).await,
            Ok(ready) => Box::pin(self.call(component, ready).instrument(span.clone())).await,
            Err(fault) => Ended::refused(fault),
        };
        let (emitter, started) = (self.emitter.clone(), self.durable);
        let mut outcome = self.end(ended);
        if started && let Err(fault) = emitter.commit().await {
            let status = outcome.status();
            outcome.fault = Some(Fault::new(FaultKind::Uncertain { status }).caused_by(fault));
        }
        span.record("function", outcome.function().unwrap_or_default());
        span.record("status", tracing::field::debug(outcome.status()));
        span.record("fuel", outcome.usage().fuel);
        outcome
    }

    /// Chooses the function, reads the arguments, asks the guard, waits for room.
    async fn decide(&mut self, component: &Compiled, call: Box<Call>) -> Result<Ready, Fault> {
        let shape = component.describe();
        call.check()?;
        let outline = outline(shape, &call);
        let Call {
            target,
            principal,
            via,
            own,
            step,
            labels,
            inner,
            approvers,
            tally,
            approval,
            misspelt,
            cancel,
            forward,
            depth,
            ..
        } = *call;
        if let (Some(original), CallTarget::Capability { name, .. }) = (misspelt, &target) {
            self.emitter.emit(|| EventKind::NameRepaired {
                original: line(&original, 256),
                repaired: line(name, 256),
            });
        }
        let chosen = choose(self.engine, shape, target, &mut self.function)?;
        let asker = Asker {
            principal,
            via,
            step,
            labels,
        };
        let action = self.action(shape, &chosen, asker);
        if chosen.capability.is_none() {
            check_unconfigured(&action.name).inspect_err(|fault| {
                tally.denied();
                self.denied(fault, self.engine.policies.get().outside_grants());
            })?;
        }
        let Chosen {
            target,
            streams,
            arguments,
            shown,
            capability,
        } = chosen;
        let (counters, counted) = tally.ask(&action);
        let ask = Ask {
            target,
            counters,
            capability: capability.map_or_else(Layer::default, |found| found.layer.clone()),
            layers: vec![own, inner],
            approvers,
            action,
        };
        let policies = self.engine.policies.get();
        #[cfg(feature = "guard-cedar")]
        self.engine.fit(&policies, shape)?;
        let function = target.function(shape);
        let draft = Draft::new(shape, ask, &self.engine.policy).inspect_err(|fault| {
            counted.denied();
            self.denied(fault, policies.outside_grants());
        })?;
        let canonical = || arguments.canonical(function);
        let decided = draft
            .decide(&policies, &*self.engine.clock, &canonical)
            .await;
        let settled = match decided {
            Decided::Permitted(permit) => Ok(permit),
            Decided::Waits(waiting) => {
                let shown = canonical();
                // Few calls come here, and none is to be larger for it.
                let approving = Box::pin(approve(
                    self.engine,
                    &self.emitter,
                    waiting,
                    approval,
                    &shown,
                ));
                tokio::select! {
                    settled = approving => settled,
                    () = cancel.asked() => {
                        Err(Refusal::lost(Fault::new(FaultKind::Cancelled).at(Phase::Decide)))
                    }
                }
            }
            Decided::Refused(refusal) => Err(*refusal),
        };
        let permit = settled.map_err(|refusal| {
            counted.denied();
            self.refused(refusal)
        })?;
        // Its time begins when it starts, and it does not count if there is no room for it.
        let place = component.place(depth > 0, &cancel).await?;
        counted.started();
        self.permitted(&permit, function);
        let permitted = permit.peek();
        self.nested = Nested::new(
            Engine::of(self.engine.clone()),
            outline,
            permitted.action.declared.clone(),
            permitted.grants.actions(),
            self.emitter.clone(),
        );
        let clock = self.engine.clock.clone();
        let absent = arguments.absent(function);
        let record = Record::new(
            self.emitter.clone(),
            clock.clone(),
            permitted.limits.output(),
            forward,
        );
        Ok(Ready {
            permit,
            streams,
            arguments,
            shown,
            absent,
            context: Context {
                clock,
                cancel,
                record: Arc::new(record),
                policies: self.engine.policies.clone(),
                actions: self.nested.clone().map(|nested| nested as Arc<dyn Actions>),
                place,
            },
        })
    }

    /// Says what the guard would decide about a call, without running it.
    pub(super) async fn explain(
        mut self,
        component: &Compiled,
        call: Call,
    ) -> Result<Explanation, Fault> {
        self.stage = Stage::Ended;
        let shape = component.describe();
        call.check()?;
        let Call {
            target,
            principal,
            via,
            own,
            step,
            labels,
            inner,
            approvers,
            tally,
            ..
        } = call;
        let chosen = choose(self.engine, shape, target, &mut self.function)?;
        let (target, capability) = (chosen.target, chosen.capability);
        let asker = Asker {
            principal,
            via,
            step,
            labels,
        };
        let action = self.action(shape, &chosen, asker);
        if capability.is_none() {
            check_unconfigured(&action.name)?;
        }
        let ask = Ask {
            target,
            counters: tally.look(&action),
            capability: capability.map_or_else(Layer::default, |found| found.layer.clone()),
            layers: vec![own, inner],
            approvers,
            action,
        };
        let arguments = chosen.arguments;
        let canonical = || arguments.canonical(target.function(shape));
        let draft = Draft::new(shape, ask, &self.engine.policy)?;
        let policies = self.engine.policies.get();
        #[cfg(feature = "guard-cedar")]
        self.engine.fit(&policies, shape)?;
        Ok(draft
            .explain(&policies, &*self.engine.clock, &canonical)
            .await)
    }

    /// What the guard decides about.
    fn action(&self, shape: &Descriptor, chosen: &Chosen<'_>, asker: Asker) -> Action {
        let Asker {
            principal,
            via,
            step,
            labels,
        } = asker;
        let name = match (chosen.capability, chosen.target) {
            (Some(capability), _) => capability.name.clone(),
            (None, Target::Function(position)) => shape.action(position).unwrap_or_default(),
            (None, Target::Command) => format!("{}.run", shape.name()),
        };
        let also = match (chosen.capability, chosen.target) {
            (Some(_), Target::Function(position)) => shape.action(position),
            (Some(_), Target::Command) | (None, _) => None,
        };
        let declared = match chosen.target {
            Target::Function(position) => shape.about(position).map(FunctionManifest::declared),
            Target::Command => None,
        };
        Action {
            principal,
            via,
            name,
            also,
            component: shape.name().to_owned(),
            version: shape.manifest().map(|manifest| manifest.version.clone()),
            digest: shape.digest(),
            function: self.function.clone().unwrap_or_default(),
            declared,
            arguments: chosen.arguments.digest(),
            step,
            labels,
        }
    }

    async fn call(&mut self, component: &Compiled, ready: Ready) -> Ended {
        let Ready {
            permit,
            streams,
            arguments,
            shown,
            absent,
            context,
        } = ready;
        let record = context.record.clone();
        self.emitter.enter(CallId::fresh());
        self.stage = Stage::Calling;
        self.emitter.emit(|| EventKind::CallStarted {
            function: self.function.clone().unwrap_or_default(),
            arguments: shown,
            absent,
        });
        // What is about to happen is known, whatever comes.
        if let Err(fault) = self.emitter.commit().await {
            return Ended::refused(fault.at(Phase::Start));
        }
        self.durable = true;
        let started = Instance::start(component, permit, arguments, streams, context).await;
        let returned = match started {
            Ok(instance) => instance.call().await,
            Err(failed) => Returned {
                value: None,
                exit_code: None,
                fault: Some(failed.fault),
                usage: failed.usage,
            },
        };
        Ended {
            returned,
            captured: record.finish(),
        }
    }

    /// Emits the last events and makes the outcome.
    fn end(mut self, ended: Ended) -> Outcome {
        let Ended { returned, captured } = ended;
        let Returned {
            value,
            exit_code,
            fault,
            usage,
        } = returned;
        let fault = fault.map(|fault| {
            if captured.files_missed && fault.status() == Status::Error {
                fault.hint("no directory is granted to the guest; `--dir HOST[::GUEST]` grants one")
            } else {
                fault
            }
        });
        let nested = self.nested.take();
        // A caller of what ends the workflow ends with it, whatever it makes of that.
        let fault = match nested.as_ref().and_then(|nested| nested.killed()) {
            Some((fault, verdict)) => {
                self.verdict = Some(verdict);
                Some(fault)
            }
            None => fault.map(|fault| {
                let confided = nested.iter().flat_map(|nested| nested.confided());
                confided.fold(fault, Fault::confide)
            }),
        };
        let usage = Usage {
            stdout: captured.stdout_bytes,
            stderr: captured.stderr_bytes,
            fs_operations: captured.fs_operations,
            ..usage
        };
        // That nobody guards is said of every run, also of one that was refused before anybody would have been asked.
        let policies = self.engine.policies.get();
        let verdict = match self.verdict.take() {
            None if policies.mode() == Mode::Off => Some(policies.unasked()),
            verdict => verdict,
        };
        let denials = match fault.as_ref().map(Fault::kind) {
            Some(FaultKind::Denied(refused)) => refused.clone(),
            _ => captured.denials,
        };
        let outcome = Outcome {
            run: self.emitter.run(),
            has_value: value.is_some(),
            value: value.unwrap_or_else(Json::null),
            component: self.component.clone(),
            function: self.function.take(),
            usage,
            limits: self.limits,
            deterministic: self.deterministic,
            exit_code,
            began: self.durable,
            stdout: captured.stdout,
            stderr: captured.stderr,
            denials,
            grants: std::mem::take(&mut self.grants),
            handed: captured.handed,
            artifacts: captured.artifacts,
            verdict,
            fault,
        };
        self.last_events(&outcome, captured.denied);
        outcome
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Ended {
            return;
        }
        // A panic that passes through here is the engine's own mistake.
        let ended = Fault::new(if std::thread::panicking() {
            FaultKind::Bug { at: "a run" }
        } else {
            FaultKind::Cancelled
        });
        let status = ended.status();
        let cancelled = || Some(Failure::from(&ended));
        if self.stage == Stage::Calling {
            self.emitter.emit(|| EventKind::CallCompleted {
                status,
                usage: Usage::default(),
                exit_code: None,
                value: Bounded::new("null", MOST_IN_EVENT),
                denials: 0,
                error: cancelled(),
            });
            self.emitter.leave();
        }
        self.emitter.emit(|| EventKind::RunCompleted {
            status,
            error: cancelled(),
        });
    }
}

/// A call that the guard allowed.
struct Ready {
    permit: Permit,
    streams: Streams,
    arguments: Arguments,
    shown: Bounded,
    absent: Vec<String>,
    context: Context,
}
