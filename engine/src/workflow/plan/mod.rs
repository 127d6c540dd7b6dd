//! Plans: as they are written, and as they are understood.

mod graph;
mod problem;
mod settle;
mod settled;
mod spec;
mod success;

pub use problem::Problem;
pub use settled::{Plan, Retry, Step};
pub use spec::{
    Backoff, Criterion, PlanSpec, Preferences, ResourceLimits, RetrySpec, StepGrants, StepSpec,
    Unanswered, UndoSpec, WorkflowType,
};

pub(crate) use graph::Graph;
pub(crate) use settle::close;
pub(crate) use spec::present;

#[cfg(test)]
mod tests;
