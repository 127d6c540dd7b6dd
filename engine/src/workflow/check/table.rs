use std::collections::BTreeSet;

use serde::Serialize;

use crate::types::{Decision, Digest, Effect, Principal};
use crate::workflow::machine::{Known, Other};
use crate::workflow::plan::{Plan, Problem};

/// What came of checking a plan.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Checked {
    /// Names the plan that was checked: a run has to be of this very one.
    pub hash: Digest,
    /// One row for each step.
    pub rows: Vec<Row>,
    /// What is wrong, worst first; warnings do not keep a plan from running.
    pub problems: Vec<Problem>,
    /// The steps that wait for a person.
    pub approvals: Vec<String>,
    /// The most that all steps may use together: calls, fuel, milliseconds and bytes.
    pub worst: Worst,
    #[serde(skip)]
    pub(crate) principal: Principal,
    #[serde(skip)]
    pub(crate) plan: Plan,
    #[serde(skip)]
    pub(crate) known: Vec<Known>,
    #[serde(skip)]
    pub(crate) others: Vec<Other>,
}

/// The most that all steps of a plan may use together, retries included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// Calls.
    pub calls: u64,
    /// Units of computation.
    pub fuel: u64,
    /// Milliseconds, one step after another.
    pub wall_ms: u64,
    /// Bytes of results and output.
    pub output_bytes: u64,
}

/// One step, as far as it can be told before it runs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// The step.
    pub step: String,
    /// What policies call its action; empty if it is unknown.
    pub action: String,
    /// What it may do.
    pub effects: BTreeSet<Effect>,
    /// What the guard will say.
    pub foreseen: Foreseen,
    /// The policies that decide.
    pub policies: Vec<String>,
    /// What the data in its arguments is to be treated as.
    pub labels: BTreeSet<String>,
    /// The steps that it waits for.
    pub after: Vec<String>,
    /// The most attempts.
    pub attempts: u32,
    /// The most fuel of one attempt.
    pub fuel: u64,
    /// The longest time of one attempt.
    pub wall_ms: u64,
}

/// What the guard will say about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Foreseen {
    /// It is allowed.
    Allow,
    /// It is allowed, and somebody should look at it.
    Warn,
    /// Somebody has to approve it.
    Ask,
    /// It is denied.
    Deny,
    /// That depends on results of other steps.
    WhenItRuns,
}

impl From<Decision> for Foreseen {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => Foreseen::Allow,
            Decision::Warn => Foreseen::Warn,
            Decision::Ask => Foreseen::Ask,
            Decision::Deny | Decision::Kill => Foreseen::Deny,
        }
    }
}

impl Checked {
    /// Whether the plan may run.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.problems.iter().all(|problem| problem.warning)
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}
