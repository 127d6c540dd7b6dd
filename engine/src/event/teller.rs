use std::sync::Arc;

use super::{Event, EventKind, Scope, Sink, Source};
use crate::types::{EventId, Fault, Timestamp, TraceId, WorkflowId};

/// Numbers the events of one workflow and hands them to every sink.
///
/// A workflow's events follow from its inputs, so their numbers do, too: whoever replays the inputs counts the
/// events again, and tells those that nobody has heard yet.
pub(crate) struct Teller {
    workflow: WorkflowId,
    sinks: Arc<[Arc<dyn Sink>]>,
    next: u64,
    /// Events before this one were told by an earlier process.
    told: u64,
    latest: Timestamp,
}

impl Teller {
    /// `told` is how many events of the workflow are known already.
    pub(crate) fn new(workflow: WorkflowId, sinks: Arc<[Arc<dyn Sink>]>, told: u64) -> Self {
        Self {
            workflow,
            sinks,
            next: 0,
            told,
            latest: Timestamp::MIN,
        }
    }

    /// Tells what happened at a time, in milliseconds since 1970, about the workflow or one of its steps.
    pub(crate) fn tell(&mut self, at_ms: u64, step: Option<&str>, kind: EventKind) {
        let seq = self.next;
        self.next += 1;
        let at = i64::try_from(at_ms)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok());
        self.latest = self.latest.max(at.unwrap_or(self.latest));
        if seq < self.told || !self.sinks.iter().any(|sink| sink.is_heard()) {
            return;
        }
        let event = Arc::new(Event {
            id: EventId::fresh(),
            seq,
            ts: self.latest,
            source: Source::Workflow {
                workflow_id: self.workflow,
            },
            scope: std::iter::once(Scope::Workflow(self.workflow))
                .chain(step.map(|step| Scope::Step(step.to_owned())))
                .collect(),
            trace_id: TraceId::from(self.workflow),
            kind,
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
        let source = Source::Workflow {
            workflow_id: self.workflow,
        };
        for sink in self.sinks.iter() {
            sink.commit(&source).await?;
        }
        Ok(())
    }
}
