use std::sync::Arc;

use tracing::Instrument as _;

use super::engine::Inner;
use super::request::{Call, CallTarget};
use crate::component::{
    Arguments, Captured, Compiled, Context, Instance, Record, Returned, Streams,
};
use crate::event::{Emitter, EventKind};
use crate::guard::{Ask, Permit, Target, decide, verdict};
use crate::types::text::{MOST_IN_EVENT, line};
use crate::types::{
    Bounded, CallId, ComponentName, Decision, Descriptor, Digest, Failure, Fault, FaultKind, Grant,
    Json, Limits, Outcome, Phase, RunId, Status, Usage, Verdict,
};

/// Names listed in one event.
const NAMES_IN_EVENT: usize = 256;

/// One run, from its first event to its last.
///
/// Dropped before its end, it ends as cancelled: there is a last event whatever happens.
pub(super) struct Run<'a> {
    engine: &'a Inner,
    emitter: Arc<Emitter>,
    component: ComponentName,
    function: Option<String>,
    limits: Limits,
    grants: Vec<Grant>,
    verdict: Option<Verdict>,
    stage: Stage,
    /// Whether the intent of the call is durable: from then on the guest may have had an effect.
    durable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begun,
    Calling,
    Ended,
}

impl<'a> Run<'a> {
    pub(super) fn begin(engine: &'a Inner, component: &str, call: &Call) -> Self {
        let emitter = Emitter::new(RunId::fresh(), engine.clock.clone(), engine.sinks.clone());
        let component = line(component, 128);
        emitter.emit(|| EventKind::RunStarted {
            component: component.clone(),
            function: match &call.target {
                CallTarget::Function { name, .. } => Some(line(name, 256)),
                CallTarget::Command { .. } => None,
            },
        });
        Self {
            engine,
            emitter: Arc::new(emitter),
            component: ComponentName {
                name: component,
                digest: None,
            },
            function: None,
            limits: *engine.policy.limits(),
            grants: Vec::new(),
            verdict: None,
            stage: Stage::Begun,
            durable: false,
        }
    }

    /// Ends a run whose component could not be loaded.
    pub(super) fn refuse(mut self, digest: Option<Digest>, fault: Fault) -> Outcome {
        self.component.digest = digest;
        self.end(Ended::refused(fault))
    }

    /// Goes the whole way from a loaded component.
    pub(super) async fn go(mut self, component: &Compiled, call: Call) -> Outcome {
        let shape = component.describe();
        let digest = shape.digest();
        self.component.digest = Some(digest);
        self.emitter.emit(|| loaded(shape));
        let span = tracing::info_span!(
            "call",
            run = %self.emitter.run(),
            %digest,
            function = tracing::field::Empty,
            status = tracing::field::Empty,
            fuel = tracing::field::Empty,
        );
        let ended = match self.decide(shape, call) {
            Ok(decided) => self.call(component, decided).instrument(span.clone()).await,
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

    /// Chooses the function, reads the arguments, asks the guard.
    fn decide(&mut self, shape: &Descriptor, call: Call) -> Result<Decided, Fault> {
        let Call {
            target,
            grants,
            limits,
            cancel,
            forward,
        } = call;
        let (target, streams, arguments, shown) = self.choose(shape, target)?;
        let ask = Ask {
            target,
            grants,
            limits,
        };
        let permit =
            decide(shape, ask, &self.engine.policy).inspect_err(|fault| self.denied(fault))?;
        let permitted = permit.peek();
        self.limits = permitted.limits;
        self.grants = permitted.grants.list();
        self.verdict = Some(permitted.verdict.clone());
        self.emitter.emit(|| EventKind::PermitIssued {
            digest: permitted.digest,
            function: target.function(shape).map(|function| function.full_name()),
            limits: permitted.limits,
            grants: permitted.grants.list(),
            verdict: permitted.verdict.clone(),
        });
        let clock = self.engine.clock.clone();
        let record = Record::new(
            self.emitter.clone(),
            clock.clone(),
            permitted.limits.output(),
            forward,
        );
        Ok(Decided {
            permit,
            streams,
            arguments,
            shown,
            context: Context {
                clock,
                cancel,
                record: Arc::new(record),
            },
        })
    }

    fn choose(
        &mut self,
        shape: &Descriptor,
        target: CallTarget,
    ) -> Result<(Target, Streams, Arguments, Bounded), Fault> {
        match target {
            CallTarget::Function { name, arguments } => {
                let position = shape.find(&name)?;
                let function = shape.functions().get(position).ok_or_else(|| {
                    Fault::new(FaultKind::Bug {
                        at: "the position of a function",
                    })
                })?;
                self.function = Some(function.full_name());
                let values = Arguments::decode(function, arguments.as_str())?;
                let shown = Bounded::new(arguments.as_str(), MOST_IN_EVENT);
                Ok((
                    Target::Function(position),
                    Streams::default(),
                    values,
                    shown,
                ))
            }
            CallTarget::Command { .. } if !shape.is_command() => Err(not_a_command(shape)),
            CallTarget::Command { args, stdin } => {
                self.function = shape
                    .functions()
                    .iter()
                    .filter(|function| {
                        function
                            .interface
                            .as_deref()
                            .is_some_and(|name| name.starts_with("wasi:cli/run@"))
                    })
                    .map(|function| function.full_name())
                    .next();
                // A list of strings always has a JSON form.
                let shown = Bounded::new(
                    &serde_json::to_string(&args).unwrap_or_default(),
                    MOST_IN_EVENT,
                );
                Ok((
                    Target::Command,
                    Streams { args, stdin },
                    Arguments::none(),
                    shown,
                ))
            }
        }
    }

    /// Reports what the guard refused.
    fn denied(&self, fault: &Fault) {
        if let FaultKind::Denied(denials) = fault.kind() {
            self.emitter.emit(|| EventKind::PermitDenied {
                denials: denials.clone(),
                verdict: verdict(Decision::Deny),
            });
        }
    }

    async fn call(&mut self, component: &Compiled, decided: Decided) -> Ended {
        let Decided {
            permit,
            streams,
            arguments,
            shown,
            context,
        } = decided;
        let record = context.record.clone();
        self.emitter.enter(CallId::fresh());
        self.stage = Stage::Calling;
        self.emitter.emit(|| EventKind::CallStarted {
            function: self.function.clone().unwrap_or_default(),
            arguments: shown,
        });
        // What is about to happen is known, whatever comes.
        if let Err(fault) = self.emitter.commit().await {
            return Ended::refused(fault.at(Phase::Start));
        }
        self.durable = true;
        let returned = match Instance::start(component, permit, streams, context).await {
            Ok(instance) => instance.call(arguments).await,
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
        let usage = Usage {
            stdout: captured.stdout_bytes,
            stderr: captured.stderr_bytes,
            fs_operations: captured.fs_operations,
            ..usage
        };
        let denials = match fault.as_ref().map(Fault::kind) {
            Some(FaultKind::Denied(refused)) => {
                self.verdict = Some(verdict(Decision::Deny));
                refused.clone()
            }
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
            exit_code,
            stdout: captured.stdout,
            stderr: captured.stderr,
            denials,
            grants: std::mem::take(&mut self.grants),
            verdict: self.verdict.take(),
            fault,
        };
        self.last_events(&outcome, captured.denied);
        outcome
    }

    fn last_events(&mut self, outcome: &Outcome, denied: u64) {
        let failure = || outcome.fault().map(Failure::from);
        if self.stage == Stage::Calling {
            self.emitter.emit(|| EventKind::CallCompleted {
                status: outcome.status(),
                usage: *outcome.usage(),
                exit_code: outcome.exit_code(),
                value: Bounded::new(outcome.value().as_str(), MOST_IN_EVENT),
                denials: denied,
                error: failure(),
            });
            self.emitter.leave();
        }
        self.emitter.emit(|| EventKind::RunCompleted {
            status: outcome.status(),
            error: failure(),
        });
        self.stage = Stage::Ended;
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
struct Decided {
    permit: Permit,
    streams: Streams,
    arguments: Arguments,
    shown: Bounded,
    context: Context,
}

/// All that is left of a call.
struct Ended {
    returned: Returned,
    captured: Captured,
}

impl Ended {
    fn refused(fault: Fault) -> Self {
        Self {
            returned: Returned {
                value: None,
                exit_code: None,
                fault: Some(fault),
                usage: Usage::default(),
            },
            captured: Captured::default(),
        }
    }
}

fn loaded(shape: &Descriptor) -> EventKind {
    EventKind::ComponentLoaded {
        name: shape.name().to_owned(),
        digest: shape.digest(),
        size: shape.size(),
        imports: names(shape.imports().iter().map(|import| import.name.clone())),
        functions: names(
            shape
                .functions()
                .iter()
                .map(|function| function.full_name()),
        ),
    }
}

/// The first names, few and short enough for an event.
fn names(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut length = 0;
    all.take(NAMES_IN_EVENT)
        .map(|name| line(&name, 1024))
        .take_while(|name| {
            length += name.len();
            length <= MOST_IN_EVENT / 4
        })
        .collect()
}

fn not_a_command(shape: &Descriptor) -> Fault {
    let names: Vec<String> = shape
        .functions()
        .iter()
        .take(20)
        .map(|function| format!("`{}`", function.name))
        .collect();
    let fault = Fault::new(FaultKind::NoCommand {
        component: shape.name().to_owned(),
    });
    if names.is_empty() {
        fault.hint("it exports no functions either")
    } else {
        fault.hint(format!("it has {}", names.join(", ")))
    }
}
