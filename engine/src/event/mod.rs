//! What happened, as data: the kinds of events, their envelope, and the sinks that take them.

mod audit;
mod broadcast;
mod emitter;
mod envelope;
mod kind;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "otel")]
mod otlp;
mod parts;
mod queue;
mod sink;
mod teller;

pub use audit::Audit;
pub use broadcast::{Broadcast, Lagged, Room, Subscription};
pub use envelope::{Event, EventError, Scope, ScopeError, Source};
pub use kind::EventKind;
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
#[cfg(feature = "otel")]
pub use otlp::Otlp;
pub use parts::{
    Access, Answer, Breaker, Cache, Component, Gap, Health, Judged, Lane, Level, LoopKind, PlanRef,
    StepEnd, Stream, WorkflowState,
};
pub use sink::{Commit, Memory, Sink};

pub(crate) use emitter::Emitter;
#[cfg(feature = "store-sqlite")]
pub(crate) use queue::{Lost, Queue, Taken};
pub(crate) use teller::Teller;
