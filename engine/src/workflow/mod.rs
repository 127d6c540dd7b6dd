//! Workflows: a goal, a plan that is checked as a whole, and a way to its end that survives a crash.

mod check;
pub(crate) mod criteria;
pub(crate) mod doom;
mod machine;
mod plan;
pub(crate) mod refs;
pub(crate) mod stall;

pub use check::{Checked, Foreseen, Row};
pub use machine::{
    About, Act, Approval, CallEnd, Effect, Evidence, Input, Known, Most, Output, Proposal,
    Question, Remedy, Stalled, State, StepState, StepStatus, Transition, What, has_ended, may_go,
    step,
};
pub use plan::{
    Backoff, Criterion, Plan, PlanSpec, Preferences, Problem, ResourceLimits, Retry, RetrySpec,
    Step, StepGrants, StepSpec, Unanswered, UndoSpec, WorkflowType,
};
