//! Plain data that every other module speaks: ids, quantities, faults, descriptors, outcomes.
//!
//! Nothing here knows wasmtime, files, clocks or policies, and nothing here imports another module.

mod action;
mod approval;
mod artifact;
mod bulk;
mod clock;
mod code;
mod denial;
mod descriptor;
mod fault;
mod grant;
mod id;
mod json;
mod limits;
mod manifest;
mod open;
mod outcome;
mod place;
mod point;
mod quantity;
#[cfg(feature = "schema")]
mod schema;
pub(crate) mod secrets;
mod shape;
mod store;
pub(crate) mod text;
pub(crate) mod thrift;
mod verdict;
mod wit;

pub use action::{Action, Declared, Effect, Principal, Via, is_label};
pub use approval::{ApprovalAnswer, ApprovalRefused, ApprovalRequest, QuestionState, Token};
pub use artifact::Artifact;
pub(crate) use bulk::{Gives, Kind};
pub use clock::{Clock, Timestamp};
pub use code::{Blame, Code, Status};
pub use denial::Denial;
pub use descriptor::{Descriptor, Function, Import, Parameter};
pub use fault::{Fault, FaultKind};
pub use grant::{Grant, Rights};
pub use id::{
    CallId, Digest, DigestError, EventId, JournalId, RunId, StreamId, TraceId, TraceIdError,
    WorkflowId,
};
pub use json::Json;
pub use limits::{Limits, LimitsBuilder, LimitsError};
pub(crate) use manifest::is_action;
pub use manifest::{AskedLimits, Asks, Example, FunctionManifest, Manifest, is_capability};
pub use open::Open;
pub use outcome::{ComponentName, Failure, FailureSource, Outcome, Usage};
pub use place::{Budget, CompileBound, Frame, Phase};
pub(crate) use point::named_point;
pub use quantity::{Bytes, Fuel, QuantityError, WallTime};
pub use shape::{FunctionShape, Shape, ShapeChange};
pub use store::{
    Approvals, Asked, Begun, Blobs, Claimed, Claims, Inputs, Lease, Nonces, Roster, RosterEntry,
};
pub use text::{Bounded, acts, block, distance, line};
pub use verdict::{Decision, Mode, PolicyRef, Verdict};
pub use wit::{Case, Field, WitType};

pub(crate) use wit::Expected;
