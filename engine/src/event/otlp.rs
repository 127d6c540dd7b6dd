use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry::trace::{
    Event as Moment, SpanContext, SpanId, SpanKind, Status as SpanStatus, TraceFlags,
    TraceId as Trace, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{
    BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _,
};

use super::{Audit, Event, EventKind, Lane, Scope, Sink, Source};
use crate::types::{Fault, Status, TraceId};

/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(5);
/// Spans that are open at once; further ones are not sent.
const MOST_OPEN: usize = 10_000;
/// Moments of one span.
const MOST_MOMENTS: usize = 128;

/// Sends what happens to an OpenTelemetry collector: spans, metrics and logs, by OTLP over HTTP.
///
/// A workflow, a run and a call are spans, each inside the one before; all that one workflow caused is one
/// trace. Each event is a log record with the trace it belongs to. Exports run on threads of their own, and
/// what a collector does not take is dropped: telemetry never holds up a run, and is no journal.
pub struct Otlp {
    audit: Audit,
    spans: BatchSpanProcessor,
    logs: SdkLoggerProvider,
    logger: SdkLogger,
    meters: SdkMeterProvider,
    calls: Counter<u64>,
    fuel: Counter<u64>,
    seconds: Histogram<f64>,
    open: Mutex<HashMap<SpanId, Open>>,
}

/// A span that has begun.
struct Open {
    name: String,
    started: SystemTime,
    parent: SpanId,
    moments: Vec<Moment>,
}

impl Otlp {
    /// Starts to send to a collector, such as `http://localhost:4318`; arguments and outputs go as lengths
    /// and digests alone unless `audit` is [`Audit::Full`].
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if the address is not one of plain HTTP.
    pub fn start(endpoint: &str, audit: Audit) -> Result<Self, Fault> {
        let endpoint = endpoint.trim_end_matches('/');
        let refused = |reason: String| {
            Fault::config(format!(
                "cannot send telemetry to `{}`: {reason}",
                crate::types::text::line(endpoint, 200)
            ))
            .hint("give the address of a collector for OTLP over HTTP, such as `http://localhost:4318`")
        };
        if !endpoint.starts_with("http://") {
            return Err(refused("only plain HTTP is supported".to_owned()));
        }
        let resource = Resource::builder()
            .with_service_name("engine")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let at = |signal: &str| format!("{endpoint}/v1/{signal}");
        let spans = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("traces"))
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let mut spans = BatchSpanProcessor::builder(spans).build();
        spans.set_resource(&resource);
        let logs = LogExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("logs"))
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let logs = SdkLoggerProvider::builder()
            .with_batch_exporter(logs)
            .with_resource(resource.clone())
            .build();
        let meters = MetricExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(at("metrics"))
            .build()
            .map_err(|error| refused(error.to_string()))?;
        let meters = SdkMeterProvider::builder()
            .with_periodic_exporter(meters)
            .with_resource(resource)
            .build();
        let meter = meters.meter("engine");
        Ok(Self {
            audit,
            spans,
            logger: logs.logger("engine"),
            logs,
            calls: meter
                .u64_counter("engine.calls")
                .with_description("Calls that ended, by status")
                .build(),
            fuel: meter
                .u64_counter("engine.fuel")
                .with_description("Fuel used by calls")
                .build(),
            seconds: meter
                .f64_histogram("engine.call.duration")
                .with_unit("s")
                .with_description("Time from instantiation to the end of a call")
                .build(),
            meters,
            open: Mutex::default(),
        })
    }

    /// Sends what waits, for at most five seconds for each of the three.
    ///
    /// # Errors
    ///
    /// A fault if the collector did not take all of it.
    pub fn shutdown(&self) -> Result<(), Fault> {
        let sent = [
            self.spans.shutdown_with_timeout(LAST_EXPORT),
            self.logs.shutdown_with_timeout(LAST_EXPORT),
            self.meters.shutdown_with_timeout(LAST_EXPORT),
        ];
        sent.into_iter().try_for_each(|sent| {
            sent.map_err(|error| Fault::system("sending telemetry").caused_by(error))
        })
    }

    /// Begins, goes on with, or ends the spans that an event is about.
    fn trace(&self, event: &Event) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let path = path(event);
        let Some(span) = path.last().copied() else {
            return;
        };
        let at = SystemTime::from(event.ts);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others are moments of a span"
        )]
        let begins = match &event.kind {
            EventKind::WorkflowStarted { workflow_type, .. } => Some(workflow_type.clone()),
            EventKind::RunStarted { component, .. } => Some(format!("run {component}")),
            EventKind::CallStarted { function, .. } => Some(function.clone()),
            _ => None,
        };
        if let Some(name) = begins
            && open.len() < MOST_OPEN
        {
            let parent = path.iter().rev().nth(1).copied().unwrap_or(SpanId::INVALID);
            open.insert(
                span,
                Open {
                    name,
                    started: at,
                    parent,
                    moments: Vec::new(),
                },
            );
        }
        if let Some(begun) = open.get_mut(&span)
            && begun.moments.len() < MOST_MOMENTS
        {
            begun
                .moments
                .push(Moment::new(event.kind.name().to_owned(), at, Vec::new(), 0));
        }
        let Some((status, mut attributes)) = ending(&event.kind) else {
            return;
        };
        if let Some(begun) = open.remove(&span) {
            attributes.push(KeyValue::new("engine.status", status.to_owned()));
            self.spans.on_end(SpanData {
                span_context: context(event.trace_id, span),
                parent_span_id: begun.parent,
                parent_span_is_remote: false,
                span_kind: SpanKind::Internal,
                name: begun.name.into(),
                start_time: begun.started,
                end_time: at,
                attributes,
                dropped_attributes_count: 0,
                events: moments(begun.moments),
                links: SpanLinks::default(),
                status: if status == "ok" || status == "completed" {
                    SpanStatus::Ok
                } else {
                    SpanStatus::error(status)
                },
                instrumentation_scope: InstrumentationScope::builder("engine").build(),
            });
        }
    }

    fn count(&self, event: &Event) {
        if let EventKind::CallCompleted { status, usage, .. } = &event.kind {
            let status = [KeyValue::new("status", status.as_str())];
            self.calls.add(1, &status);
            self.fuel.add(usage.fuel, &[]);
            self.seconds.record(usage.wall.as_secs_f64(), &status);
        }
    }

    fn log(&self, event: &Event) {
        let mut record = self.logger.create_log_record();
        record.set_timestamp(SystemTime::from(event.ts));
        let (severity, word) = severity(&event.kind);
        record.set_severity_number(severity);
        record.set_severity_text(word);
        record.set_body(AnyValue::from(self.audit.json(event)));
        record.add_attribute("engine.kind", event.kind.name().to_owned());
        record.add_attribute("engine.source", event.source.to_string());
        if let Some(span) = path(event).last() {
            record.set_trace_context(
                Trace::from_bytes(*event.trace_id.as_bytes()),
                *span,
                Some(TraceFlags::SAMPLED),
            );
        }
        self.logger.emit(record);
    }
}

impl Sink for Otlp {
    fn emit(&self, event: &Arc<Event>) {
        self.trace(event);
        self.count(event);
        self.log(event);
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp")
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}

/// The spans that an event lies in, outermost first. Steps have none of their own: their runs are theirs.
fn path(event: &Event) -> Vec<SpanId> {
    let mut path = Vec::new();
    for scope in &event.scope {
        match scope {
            Scope::Workflow(id) => path.push(second_half(TraceId::from(*id))),
            Scope::Run(id) => path.push(second_half(TraceId::from(*id))),
            Scope::Call(id) => path.push(second_half(TraceId::from(*id))),
            Scope::Step(_) => {}
        }
    }
    if path.is_empty()
        && let Source::Workflow { workflow_id } = &event.source
    {
        path.push(second_half(TraceId::from(*workflow_id)));
    }
    path
}

/// The random half of a UUID of version 7.
fn second_half(id: TraceId) -> SpanId {
    let mut half = [0; 8];
    half.copy_from_slice(id.as_bytes().split_at(8).1);
    SpanId::from_bytes(half)
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(
        Trace::from_bytes(*trace.as_bytes()),
        span,
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    )
}

fn moments(events: Vec<Moment>) -> SpanEvents {
    let mut all = SpanEvents::default();
    all.events = events;
    all
}

/// How the span of an event ends with it, if it does.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the terminal kinds end a span"
)]
fn ending(kind: &EventKind) -> Option<(&'static str, Vec<KeyValue>)> {
    match kind {
        EventKind::CallCompleted { status, usage, .. } => {
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            let used = vec![
                KeyValue::new("engine.fuel", number(usage.fuel)),
                KeyValue::new("engine.memory_peak_bytes", number(usage.memory_peak.get())),
                KeyValue::new("engine.file_operations", number(usage.fs_operations)),
            ];
            Some((status.as_str(), used))
        }
        EventKind::RunCompleted { status, .. } => Some((status.as_str(), Vec::new())),
        EventKind::WorkflowCompleted { error, .. } => {
            let status = if error.is_none() {
                "completed"
            } else {
                "failed"
            };
            Some((status, Vec::new()))
        }
        _ => None,
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is neither refused nor failed is information"
)]
fn severity(kind: &EventKind) -> (Severity, &'static str) {
    match kind {
        EventKind::CallCompleted { status, .. } | EventKind::RunCompleted { status, .. }
            if *status != Status::Ok =>
        {
            (Severity::Error, "ERROR")
        }
        EventKind::PermitDenied { .. }
        | EventKind::AccessDenied(_)
        | EventKind::VerdictDenied(_)
        | EventKind::VerdictKilled(_)
        | EventKind::LimitReached { .. }
        | EventKind::StreamTruncated { .. } => (Severity::Warn, "WARN"),
        kind if kind.lane() == Lane::Descriptive => (Severity::Debug, "DEBUG"),
        _ => (Severity::Info, "INFO"),
    }
}
