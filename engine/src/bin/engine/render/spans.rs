use std::collections::HashMap;

use engine::Scope;
use engine::data::{CallId, RunId, Source, Timestamp};
use engine::{Event, EventKind, Status};
use serde_json::{Value, json};

/// Runs that are put together at once; further ones are left out.
const MOST_RUNS: usize = 10_000;
/// Events of one run that become events of its span.
const MOST_EVENTS: usize = 1_000;

/// Makes spans of OTLP from events: one for each run, with one inside it for each call.
///
/// Source of the form: OpenTelemetry Protocol 1.x, JSON encoding of `ExportTraceServiceRequest`.
pub(crate) struct Spans {
    open: HashMap<RunId, Open>,
}

struct Open {
    started: Timestamp,
    trace: String,
    name: String,
    call: Option<(CallId, Timestamp, String)>,
    spans: Vec<Value>,
    events: Vec<Value>,
}

impl Spans {
    pub(crate) fn new() -> Self {
        Self {
            open: HashMap::new(),
        }
    }

    /// Takes an event; returns a request once a run has ended.
    pub(crate) fn add(&mut self, event: Event) -> Option<String> {
        let Source::Run { run_id } = event.source else {
            return None;
        };
        if self.open.len() >= MOST_RUNS && !self.open.contains_key(&run_id) {
            return None;
        }
        let run = self.open.entry(run_id).or_insert_with(|| Open {
            started: event.ts,
            trace: event.trace_id.to_string(),
            name: "run".to_owned(),
            call: None,
            spans: Vec::new(),
            events: Vec::new(),
        });
        if run.events.len() < MOST_EVENTS {
            run.events.push(json!({
                "timeUnixNano": nanos(event.ts),
                "name": event.kind.name(),
            }));
        }
        // Of actions that call each other the innermost is meant.
        let call = event.scope.iter().rev().find_map(|scope| {
            if let Scope::Call(call) = scope {
                Some(*call)
            } else {
                None
            }
        });
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others are events of a span"
        )]
        match &event.kind {
            EventKind::RunStarted { component, .. } => run.name = format!("run {component}"),
            EventKind::CallStarted { function, .. } => {
                run.call = call.map(|call| (call, event.ts, function.clone()));
            }
            EventKind::CallCompleted { status, usage, .. } => {
                if let Some((call, started, function)) = run.call.take() {
                    run.spans.push(json!({
                        "traceId": run.trace,
                        "spanId": span(&call.to_string()),
                        "parentSpanId": span(&run_id.to_string()),
                        "name": function,
                        "kind": 1,
                        "startTimeUnixNano": nanos(started),
                        "endTimeUnixNano": nanos(event.ts),
                        "attributes": [
                            attribute("engine.call", &call.to_string()),
                            attribute("engine.status", status.as_str()),
                            { "key": "engine.fuel", "value": { "intValue": usage.fuel.to_string() } },
                        ],
                        "status": code(*status),
                    }));
                }
            }
            EventKind::RunCompleted { status, .. } => {
                let (status, at) = (*status, event.ts);
                return self
                    .open
                    .remove(&run_id)
                    .map(|run| run.close(run_id, status, at));
            }
            _ => {}
        }
        None
    }
}

impl Open {
    fn close(mut self, run: RunId, status: Status, ended: Timestamp) -> String {
        self.spans.insert(
            0,
            json!({
                "traceId": self.trace,
                "spanId": span(&run.to_string()),
                "name": self.name,
                "kind": 1,
                "startTimeUnixNano": nanos(self.started),
                "endTimeUnixNano": nanos(ended),
                "attributes": [
                    attribute("engine.run", &run.to_string()),
                    attribute("engine.status", status.as_str()),
                ],
                "events": self.events,
                "status": code(status),
            }),
        );
        json!({
            "resourceSpans": [{
                "resource": { "attributes": [attribute("service.name", "engine")] },
                "scopeSpans": [{
                    "scope": { "name": "engine", "version": env!("CARGO_PKG_VERSION") },
                    "spans": self.spans,
                }],
            }],
        })
        .to_string()
    }
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// 1 is OK, 2 an error.
fn code(status: Status) -> Value {
    if status == Status::Ok {
        json!({ "code": 1 })
    } else {
        json!({ "code": 2, "message": status.as_str() })
    }
}

/// Nanoseconds since 1970, as a string: JSON numbers are too small for them.
fn nanos(ts: Timestamp) -> String {
    ts.as_nanosecond().to_string()
}

/// The last 16 digits of an id, its random part.
fn span(id: &str) -> String {
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .chars()
        .skip(digits.len().saturating_sub(16))
        .collect()
}
