//! Who listens to the events of runs.

#[cfg(feature = "otel")]
use std::sync::Arc;

use std::path::PathBuf;

#[cfg(feature = "otel")]
use engine::data::{Audit, Otlp};
use engine::data::{EngineBuilder, JournalOptions};
use engine::{Fault, Journal};

use crate::render::{EventThread, EventWriter, Printer};
use crate::settings::Events;

/// Where a collector listens, in OpenTelemetry's own words.
#[cfg(feature = "otel")]
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// All listeners that have to be waited for. Their engine must be gone by then.
pub(super) struct Listeners {
    writing: Option<EventThread>,
    /// Whether events are written where people are told other things.
    on_stderr: bool,
    written: Result<(), Fault>,
    journal: Option<Journal>,
    #[cfg(feature = "otel")]
    telemetry: Option<Arc<Otlp>>,
}

impl Listeners {
    /// Lets them listen to an engine.
    pub(super) fn open(
        mut builder: EngineBuilder,
        events: Option<&Events>,
        journal: Option<(PathBuf, Option<PathBuf>)>,
    ) -> Result<(EngineBuilder, Self), Fault> {
        let mut writing = None;
        if let Some(events) = events {
            let (writer, thread) = EventWriter::start(events)?;
            builder = builder.sink(writer);
            writing = Some(thread);
        }
        let mut journaling = None;
        if let Some((file, key)) = journal {
            let options = JournalOptions::new();
            let options = match key {
                Some(key) => options.key(key),
                None => options,
            };
            let journal = options.open(file)?;
            builder = builder.sink(journal.clone());
            journaling = Some(journal);
        }
        #[cfg(feature = "otel")]
        let telemetry = match std::env::var(COLLECTOR) {
            Ok(address) if !address.is_empty() => {
                let otlp = Arc::new(Otlp::start(&address, Audit::Metadata)?);
                builder = builder.shared_sink(otlp.clone());
                Some(otlp)
            }
            _ => None,
        };
        let listeners = Self {
            writing,
            on_stderr: events.is_some_and(Events::are_on_stderr),
            written: Ok(()),
            journal: journaling,
            #[cfg(feature = "otel")]
            telemetry,
        };
        Ok((builder, listeners))
    }

    /// Whether nothing has to be waited for.
    pub(super) fn are_none(&self) -> bool {
        #[cfg(feature = "otel")]
        if self.telemetry.is_some() {
            return false;
        }
        self.writing.is_none() && self.journal.is_none()
    }

    pub(super) fn journal(&self) -> Option<&Journal> {
        self.journal.as_ref()
    }

    /// Waits for events on standard error: what else is told there comes after them.
    pub(super) fn before_telling(&mut self) {
        if self.on_stderr {
            self.finish_writing();
        }
    }

    /// Waits until everything is durable.
    pub(super) fn durable(&mut self) -> Result<(), Fault> {
        self.journal
            .take()
            .map_or(Ok(()), |journal| journal.close())
    }

    /// Waits for all that is left.
    pub(super) fn end(mut self, printer: &Printer) -> Result<(), Fault> {
        let kept = self.durable();
        self.finish_writing();
        #[cfg(feature = "otel")]
        if let Some(Err(unsent)) = self.telemetry.take().map(|otlp| otlp.shutdown()) {
            // Telemetry is for whoever watches; the run is none the worse for it.
            printer.fault(&unsent);
        }
        #[cfg(not(feature = "otel"))]
        let _ = printer;
        kept.and(self.written)
    }

    fn finish_writing(&mut self) {
        if let Some(thread) = self.writing.take() {
            self.written = thread.finish();
        }
    }
}
