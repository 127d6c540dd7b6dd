//! Runs WebAssembly components that you do not trust.
//!
//! A *capability* is a component whose exported functions are its *actions*. The engine loads it, asks
//! the guard what it may do, starts it with exactly that authority and every limit on, calls one
//! function with JSON, and tells what happened as events.
//!
//! ```text
//!  bytes ─► Source ─► Compiled ─► Descriptor ─► Permit ─► Instance ─► Outcome
//!           load      compile     describe      decide    start       call
//! ```
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//!
//! use engine::{Config, Engine, Limits, Memory, Source, WallTime};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let Some(guests) = std::env::var_os("ENGINE_TEST_GUESTS") else { return Ok(()) };
//! # std::env::set_current_dir(guests)?;
//! let config = Config::new().limits(Limits::builder().wall(WallTime::secs(5)).build()?);
//! let events = Arc::new(Memory::default());
//! let engine = Engine::builder().config(config).shared_sink(events.clone()).build()?;
//! let text = engine.load(Source::file("text.wasm")?).await?;
//! let outcome = engine.call(&text, "count-words", json!({ "text": "to be or not to be" })).await?;
//! println!("{} used {} fuel", outcome.value(), outcome.usage().fuel);
//! assert_eq!(events.events().last().map(|event| event.kind.name()), Some("run_completed"));
//! # Ok(()) }
//! ```
//!
//! # Limits
//!
//! Every limit is on by default ([`Limits`]): fuel, memory summed over all memories and tables, wall
//! time, output. What a component may reach is nothing, until [`Grants`] say otherwise.

mod component;
mod event;
mod guard;
mod host;
#[cfg(feature = "store-sqlite")]
mod journal;
pub mod planner;
mod session;
mod types;
pub mod workflow;

pub use component::{Chunk, Compiled, Forward, Source, Stdin, schema};
pub use event::{Broadcast, Event, EventKind, Memory, Scope, Sink, Stream};
pub use guard::Grants;
#[cfg(feature = "store-sqlite")]
pub use journal::Journal;
pub use session::{Call, Config, Engine};
pub use types::{
    Bytes, Clock, Code, Descriptor, Fault, FaultKind, Fuel, Function, Json, Limits, LimitsError,
    Outcome, Rights, Status, WallTime,
};

/// Plain data that outcomes, events, faults and descriptors are made of.
pub mod data {
    pub use crate::component::{Cancel, CodeCache, CodeEntry, Compiler, Pool};
    #[cfg(feature = "metrics")]
    pub use crate::event::Metrics;
    #[cfg(feature = "otel")]
    pub use crate::event::Otlp;
    pub use crate::event::{
        Access, Answer, Audit, Breaker, Cache, Commit, Component, EventError, Gap, Health, Judged,
        Lagged, Lane, Level, LoopKind, PlanRef, Room, ScopeError, Source, StepEnd, Subscription,
        WorkflowState,
    };
    pub use crate::guard::{
        ApprovalDesk, ApprovalStore, Approver, Ban, Broader, Bundle, Change, Counters, Explanation,
        Facts, Force, Glob, GrantsBuilder, Guard, HostFact, HostPattern, Judgement, Lesson,
        PathFact, Permission, Policies, PoliciesBuilder, Question, Rule, RuleDecision, Sign,
        Suggestion, Tally, suggest,
    };
    #[cfg(feature = "guard-cedar")]
    pub use crate::guard::{CedarPolicies, Known, Named, Problem, schema as cedar_schema};
    #[cfg(feature = "store-sqlite")]
    pub use crate::journal::{
        Expected, Filter, JournalLoad, JournalOptions, JournalReader, Keep, PublicKey,
        PublicKeyError, Retained, Role, Stored, Verified, csv_header, remembered, verify,
    };
    pub use crate::session::{Capability, EngineBuilder, SystemClock};
    pub use crate::types::{
        Action, ApprovalAnswer, ApprovalRefused, ApprovalRequest, Approvals, Artifact, Asked,
        AskedLimits, Asks, Begun, Blame, Blobs, Bounded, Budget, CallId, Case, Claimed, Claims,
        CompileBound, ComponentName, Decision, Declared, Denial, Digest, DigestError, Effect,
        EventId, Example, Failure, FailureSource, Field, Frame, FunctionManifest, FunctionShape,
        Grant, Import, Inputs, JournalId, Lease, LimitsBuilder, Manifest, Mode, Nonces, Open,
        Parameter, Phase, PolicyRef, Principal, QuantityError, QuestionState, Roster, RosterEntry,
        RunId, Shape, ShapeChange, StreamId, Timestamp, Token, TraceId, TraceIdError, Usage,
        Verdict, Via, WitType, WorkflowId, acts, block, distance, is_capability, is_label, line,
    };
}
