use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, EventKind, Scope, Sink, Source};
use crate::types::{CallId, Clock, EventId, Fault, RunId, Timestamp, TraceId, WorkflowId};

/// Numbers the events of one run and hands them to every sink.
pub(crate) struct Emitter {
    run: RunId,
    /// What the run is a part of, from the outermost.
    outer: Vec<Scope>,
    trace: TraceId,
    clock: Arc<dyn Clock>,
    sinks: Arc<[Arc<dyn Sink>]>,
    state: Mutex<State>,
}

struct State {
    next: u64,
    call: Option<CallId>,
    latest: Timestamp,
}

impl Emitter {
    pub(crate) fn new(run: RunId, clock: Arc<dyn Clock>, sinks: Arc<[Arc<dyn Sink>]>) -> Self {
        Self {
            run,
            outer: Vec::new(),
            trace: run.into(),
            clock,
            sinks,
            state: Mutex::new(State {
                next: 0,
                call: None,
                latest: Timestamp::MIN,
            }),
        }
    }

    /// The run is one of a step of a workflow.
    pub(crate) fn within(self, step: Option<(WorkflowId, String)>) -> Self {
        let Some((workflow, step)) = step else {
            return self;
        };
        Self {
            outer: vec![Scope::Workflow(workflow), Scope::Step(step)],
            trace: workflow.into(),
            ..self
        }
    }

    /// The run is a part of the call that another one makes now.
    pub(crate) fn inside(self, parent: &Emitter) -> Self {
        Self {
            outer: parent.scope(parent.lock().call),
            trace: parent.trace,
            ..self
        }
    }

    /// The path to the run, and to its call.
    fn scope(&self, call: Option<CallId>) -> Vec<Scope> {
        let run = std::iter::once(Scope::Run(self.run));
        let own = run.chain(call.map(Scope::Call));
        self.outer.iter().cloned().chain(own).collect()
    }

    pub(crate) fn run(&self) -> RunId {
        self.run
    }

    /// Whether anybody listens now.
    pub(crate) fn is_heard(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_heard())
    }

    /// All events from here on are about this call.
    pub(crate) fn enter(&self, call: CallId) {
        self.lock().call = Some(call);
    }

    /// All events from here on are about the run as a whole.
    pub(crate) fn leave(&self) {
        self.lock().call = None;
    }

    /// Makes the event only if somebody listens; it has its number all the same.
    pub(crate) fn emit(&self, kind: impl FnOnce() -> EventKind) {
        if self.sinks.is_empty() {
            return;
        }
        // Held while the sinks are called, so that they see the events in order.
        let mut state = self.lock();
        let seq = state.next;
        state.next += 1;
        if !self.is_heard() {
            return;
        }
        // A clock that is set back does not turn the order of a run around.
        state.latest = state.latest.max(self.clock.timestamp());
        let event = Arc::new(Event {
            id: EventId::fresh(),
            seq,
            ts: state.latest,
            source: Source::Run { run_id: self.run },
            scope: self.scope(state.call),
            trace_id: self.trace,
            kind: kind(),
        });
        for sink in self.sinks.iter() {
            sink.emit(&event);
        }
    }

    /// Waits until every sink has made durable what it keeps.
    ///
    /// # Errors
    ///
    /// That of the first sink that could not.
    pub(crate) async fn commit(&self) -> Result<(), Fault> {
        let source = Source::Run { run_id: self.run };
        for sink in self.sinks.iter() {
            sink.commit(&source).await?;
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // A sink that panicked leaves a state that is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}
