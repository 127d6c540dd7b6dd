//! Workflows: a goal, a plan that is checked as a whole, and a way to its end that survives a crash.

mod check;
pub(crate) mod criteria;
pub(crate) mod doom;
mod drive;
mod machine;
mod memory;
pub(crate) mod plan;
pub(crate) mod refs;
mod resume;
pub(crate) mod stall;
mod summary;

pub use check::{Checked, Foreseen, Row, Worst};
pub use drive::{Start, WorkflowStore, Workflows, read_plan, rejected};
pub use machine::{
    About, Act, Approval, CallEnd, Effect, Evidence, Input, Known, Most, Other, Output, Proposal,
    Question, Remedy, Stalled, State, StepState, StepStatus, Transition, What, has_ended, may_go,
    step,
};
pub use memory::MemoryStore;
pub use plan::{
    Backoff, Criterion, Plan, PlanSpec, Preferences, Problem, ResourceLimits, Retry, RetrySpec,
    Step, StepGrants, StepSpec, Unanswered, UndoSpec, WorkflowType,
};
pub use summary::{StepSummary, Summary};

#[cfg(test)]
#[cfg(feature = "store-sqlite")]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests look at what guests wrote"
)]
mod tests;
