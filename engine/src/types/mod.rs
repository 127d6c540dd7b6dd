//! Plain data that every other module speaks: ids, quantities, faults, descriptors, outcomes.
//!
//! Nothing here knows wasmtime, files, clocks or policies, and nothing here imports another module.

mod clock;
mod code;
mod denial;
mod descriptor;
mod fault;
mod grant;
mod id;
mod json;
mod limits;
mod open;
mod outcome;
mod quantity;
#[cfg(feature = "schema")]
mod schema;
pub(crate) mod secrets;
mod store;
pub(crate) mod text;
mod wit;

pub use clock::{Clock, Timestamp};
pub use code::{Blame, Code, Status};
pub use denial::Denial;
pub use descriptor::{Descriptor, Function, Import, Parameter};
pub use fault::{Budget, Fault, FaultKind, Frame, Phase};
pub use grant::{Grant, Rights};
pub use id::{
    CallId, Digest, DigestError, EventId, JournalId, RunId, StreamId, TraceId, TraceIdError,
    WorkflowId,
};
pub use json::Json;
pub use limits::{Limits, LimitsBuilder, LimitsError};
pub use open::Open;
pub use outcome::{ComponentName, Decision, Failure, FailureSource, Outcome, Usage, Verdict};
pub use quantity::{Bytes, Fuel, QuantityError, WallTime};
pub use store::{Approvals, Claimed, Claims, Inputs, Nonces};
pub use text::{Bounded, block, line};
pub use wit::{Case, Field, WitType};
