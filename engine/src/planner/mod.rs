//! Planners: who proposes plans. The engine trusts none of them; every plan is checked as a whole before anything
//! runs.

use std::future::ready;
use std::pin::Pin;

use crate::types::Fault;
use crate::workflow::plan::{PlanSpec, Problem};

/// A plan on its way.
pub type Proposed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

/// Turns a goal into a plan.
///
/// # Example
///
/// ```
/// use engine::planner::{Planner, Written};
/// use engine::workflow::PlanSpec;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let spec: PlanSpec = serde_json::from_str(
///     r#"{"version": 1, "goal": "nothing much", "steps": [{"id": "a", "capability": "fs.list.v1"}]}"#,
/// )?;
/// let planner = Written::new("plan.json", spec);
/// assert_eq!(planner.plan("nothing much").await?.steps.len(), 1);
/// # Ok(()) }
/// ```
pub trait Planner: Send + Sync {
    /// Names the planner in events.
    fn name(&self) -> &str;

    /// Proposes a plan for a goal.
    fn plan<'a>(&'a self, goal: &'a str) -> Proposed<'a, PlanSpec>;

    /// Proposes another plan after one was refused, or ended without its goal; `None` if there is no better one.
    fn replan<'a>(
        &'a self,
        plan: &'a PlanSpec,
        problems: &'a [Problem],
    ) -> Proposed<'a, Option<PlanSpec>>;
}

/// A plan that somebody wrote: it is proposed as it is, and there is no other.
#[derive(Clone, Debug)]
pub struct Written {
    name: String,
    spec: PlanSpec,
}

impl Written {
    /// Takes a plan, and the name of where it is written.
    #[must_use]
    pub fn new(name: impl Into<String>, spec: PlanSpec) -> Self {
        Self {
            name: name.into(),
            spec,
        }
    }
}

impl Planner for Written {
    fn name(&self) -> &str {
        &self.name
    }

    fn plan<'a>(&'a self, _goal: &'a str) -> Proposed<'a, PlanSpec> {
        Box::pin(ready(Ok(self.spec.clone())))
    }

    fn replan<'a>(
        &'a self,
        _plan: &'a PlanSpec,
        _problems: &'a [Problem],
    ) -> Proposed<'a, Option<PlanSpec>> {
        Box::pin(ready(Ok(None)))
    }
}
