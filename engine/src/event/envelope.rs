use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::EventKind;
use crate::types::{
    CallId, EventId, JournalId, RunId, StreamId, Timestamp, TraceId, WorkflowId, text,
};

/// One fact about one run, workflow or journal.
///
/// Its JSON form is
/// `{"id":"…","seq":0,"ts":"…","source":{"type":"run","run_id":"…"},"scope":["run:…"],"trace_id":"…","type":"…","data":{…}}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Event {
    /// The event's own id.
    pub id: EventId,
    /// Position in the events of its source, from 0, without gaps.
    pub seq: u64,
    /// The time of day, UTC; never before that of an earlier event of its source.
    #[serde(serialize_with = "nanoseconds")]
    #[cfg_attr(feature = "schema", schemars(with = "Timestamp"))]
    pub ts: Timestamp,
    /// Who speaks.
    pub source: Source,
    /// What it is about: outermost first.
    pub scope: Vec<Scope>,
    /// What all of it was caused by.
    pub trace_id: TraceId,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// RFC 3339 in UTC, always with nine digits of a second.
fn nanoseconds<S: Serializer>(ts: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{ts:.9}"))
}

impl Event {
    /// The event on one line of JSON. Characters that act on a terminal are escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Every part of an event has a JSON form, so this cannot fail.
        let plain = serde_json::to_string(self).unwrap_or_default();
        text::json(&plain).into_owned()
    }

    /// Reads an event of this version, the previous one or a later one.
    ///
    /// A kind that this version does not know becomes [`EventKind::Other`], a descriptive word that it
    /// does not know stays as it is, and fields that it does not know are left out.
    ///
    /// # Errors
    ///
    /// If the text is not an event, or says a status, decision, source or scope that is unknown.
    pub fn from_json(text: &str) -> Result<Event, EventError> {
        #[derive(Deserialize)]
        struct Envelope {
            id: EventId,
            seq: u64,
            ts: Timestamp,
            source: Source,
            scope: Vec<Scope>,
            trace_id: Option<TraceId>,
            #[serde(rename = "type")]
            name: String,
        }
        #[derive(Deserialize)]
        struct Unknown {
            data: serde_json::Value,
        }
        let envelope: Envelope = serde_json::from_str(text).map_err(EventError)?;
        let kind = if EventKind::NAMES.contains(&envelope.name.as_str()) {
            serde_json::from_str(text).map_err(EventError)?
        } else {
            let Unknown { data } = serde_json::from_str(text).map_err(EventError)?;
            EventKind::Other {
                name: text::line(&envelope.name, 128),
                data,
            }
        };
        Ok(Event {
            id: envelope.id,
            seq: envelope.seq,
            ts: envelope.ts,
            // Version 1 of the format had no traces.
            trace_id: envelope
                .trace_id
                .unwrap_or_else(|| envelope.source.own_trace()),
            source: envelope.source,
            scope: envelope.scope,
            kind,
        })
    }

    /// The JSON Schema of every event: the envelope, and one alternative for each kind.
    ///
    /// A reader of events takes kinds, fields and descriptive words that the schema does not have, because a
    /// later engine may write them.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Event).into()
    }

    /// The one order of all events: by time, then source, then position, then id.
    ///
    /// Two events of one source are always in the order in which they happened, because the time of
    /// a source never goes back.
    #[must_use]
    pub fn order(&self, other: &Event) -> Ordering {
        (self.ts, &self.source, self.seq, self.id).cmp(&(
            other.ts,
            &other.source,
            other.seq,
            other.id,
        ))
    }
}

/// A text that is not an event.
#[derive(Debug, thiserror::Error)]
#[error("not an event: {0}")]
pub struct EventError(serde_json::Error);

/// Who speaks in an event.
///
/// Nothing else says so: a name in a text is never read as a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Source {
    /// A run.
    Run {
        /// Which one.
        run_id: RunId,
    },
    /// A workflow.
    Workflow {
        /// Which one.
        workflow_id: WorkflowId,
    },
    /// The stream of events to one listener; it speaks only about that stream.
    Stream {
        /// Which one.
        stream_id: StreamId,
    },
    /// A journal, about itself.
    Journal {
        /// Which one.
        journal_id: JournalId,
    },
    /// Another system, under a name that it gave itself.
    External {
        /// The name.
        name: String,
    },
}

impl Source {
    fn own_trace(&self) -> TraceId {
        match self {
            Source::Run { run_id } => TraceId::from(*run_id),
            Source::Workflow { workflow_id } => TraceId::from(*workflow_id),
            Source::Stream { .. } | Source::Journal { .. } | Source::External { .. } => {
                TraceId::from(RunId::fresh())
            }
        }
    }
}

/// `run:<id>`, `workflow:<id>`, `stream:<id>`, `journal:<id>` or `external:<name>`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Run { run_id } => write!(f, "run:{run_id}"),
            Source::Workflow { workflow_id } => write!(f, "workflow:{workflow_id}"),
            Source::Stream { stream_id } => write!(f, "stream:{stream_id}"),
            Source::Journal { journal_id } => write!(f, "journal:{journal_id}"),
            Source::External { name } => write!(f, "external:{}", text::line(name, 128)),
        }
    }
}

/// One step of the path from the outermost thing an event is about to the innermost.
///
/// Text form: `workflow:<id>`, `step:<name>`, `run:<id>` and `call:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
#[non_exhaustive]
pub enum Scope {
    /// A workflow.
    Workflow(WorkflowId),
    /// A step of a workflow, by its name in the plan.
    Step(String),
    /// A run.
    Run(RunId),
    /// A call within a run.
    Call(CallId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Workflow(id) => write!(f, "workflow:{id}"),
            Scope::Step(name) => write!(f, "step:{name}"),
            Scope::Run(id) => write!(f, "run:{id}"),
            Scope::Call(id) => write!(f, "call:{id}"),
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let refused = || ScopeError {
            text: text::line(text, 160),
        };
        let (kind, name) = text.split_once(':').ok_or_else(refused)?;
        match kind {
            "workflow" => name.parse().map(Scope::Workflow).map_err(|_| refused()),
            "step" if !name.is_empty() => Ok(Scope::Step(name.to_owned())),
            "run" => name.parse().map(Scope::Run).map_err(|_| refused()),
            "call" => name.parse().map(Scope::Call).map_err(|_| refused()),
            _ => Err(refused()),
        }
    }
}

/// A text that is not a scope.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a scope: expected `workflow:ID`, `step:NAME`, `run:ID` or `call:ID`")]
pub struct ScopeError {
    text: String,
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests read golden files")]
mod tests;
