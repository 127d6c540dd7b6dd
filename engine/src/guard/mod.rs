//! Decides what one call may do: grants that only narrow, limits, policies, and the permit that carries
//! what came of it.

mod approvals;
mod ask;
mod bundles;
#[cfg(feature = "guard-cedar")]
mod cedar;
mod counters;
mod current;
mod decide;
mod explain;
mod facts;
mod glob;
mod grants;
mod hosts;
mod judge;
mod lesson;
mod paths;
mod permit;
mod policies;
mod rules;
mod suggest;
mod tally;
#[cfg(test)]
mod tests;

pub use approvals::{ApprovalDesk, ApprovalStore, Approver};
pub use bundles::Bundle;
#[cfg(feature = "guard-cedar")]
pub use cedar::{CedarPolicies, Known, Named, Problem, schema};
pub use counters::Counters;
pub use explain::{Change, Explanation};
pub use facts::{Facts, PathFact};
pub use glob::Glob;
pub use grants::{Grants, GrantsBuilder};
pub use hosts::{HostFact, HostPattern};
pub use judge::{Ban, Force, Guard, Judgement, Permission, Question};
pub use lesson::Lesson;
pub use policies::{Policies, PoliciesBuilder};
pub use rules::{Rule, RuleDecision, Sign};
pub use suggest::{Broader, Suggestion, suggest};
pub use tally::Tally;

#[cfg(feature = "guard-cedar")]
pub(crate) use crate::types::PolicyRef;
pub(crate) use approvals::{Answered, check_approver, expired, request as approval_request};
pub(crate) use ask::{Ask, Keep, Layer, Policy, Target};
pub(crate) use current::Current;
pub(crate) use decide::Draft;
pub(crate) use grants::DirGrant;
pub(crate) use hosts::host_of;
pub(crate) use permit::{Decided, Permit, Permitted, Refusal, Waiting};
