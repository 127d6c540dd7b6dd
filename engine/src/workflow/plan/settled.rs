use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::settle::{RETRIES, STEPS, Settling, TIMEOUT_MS};
use super::{Backoff, Graph, PlanSpec, Problem, StepSpec, Unanswered};
use crate::guard::Glob;
use crate::types::{Code, Digest};

/// A plan that makes sense by itself: every value is in its range, every name is known, and no step waits for
/// itself. Whether it fits the capabilities and policies is [checked](crate::workflow::Workflows::check) later.
///
/// Cheap to clone.
///
/// # Example
///
/// ```
/// use engine::workflow::{Plan, PlanSpec};
///
/// let spec: PlanSpec = serde_json::from_str(r#"{
///     "version": 1,
///     "goal": "count the words of a file",
///     "steps": [
///         {"id": "read", "capability": "fs.read.v1", "args": {"path": "docs/guide.md"}},
///         {"id": "count", "capability": "text", "function": "count-words",
///          "args": {"text": "${steps.read.output.content.value}"}}
///     ]
/// }"#)?;
/// let plan = Plan::new(spec, Default::default()).map_err(|problems| problems[0].to_string())?;
/// assert_eq!(plan.steps().len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan(Arc<Inner>);

#[derive(Debug, PartialEq)]
pub(super) struct Inner {
    pub(super) spec: PlanSpec,
    pub(super) hash: Digest,
    pub(super) steps: Vec<Step>,
    pub(super) graph: Graph,
    pub(super) allowed: Option<Vec<Glob>>,
}

/// One action of a plan, with what follows from the rest of the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// As it is written.
    pub spec: StepSpec,
    /// When a failed attempt is repeated.
    pub retry: Option<Retry>,
    /// Whether the workflow goes on if the step fails.
    pub goes_on: bool,
}

/// When a failed attempt is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often after the first attempt.
    pub max: u32,
    /// How the wait grows.
    pub backoff: Backoff,
    /// The first wait.
    pub base_ms: u64,
    /// The longest wait.
    pub most_ms: u64,
    /// After which failures; `None` for those that are safe to repeat.
    pub on: Option<BTreeSet<String>>,
}

impl Retry {
    /// The wait after an attempt, from 1. `chance` decides where between its bounds a jittered wait is.
    #[must_use]
    pub fn delay_ms(&self, attempt: u32, chance: u64) -> u64 {
        let exponential = || {
            let doubled = 1_u64
                .checked_shl(attempt.saturating_sub(1))
                .unwrap_or(u64::MAX);
            self.base_ms.saturating_mul(doubled).min(self.most_ms)
        };
        let wait = match self.backoff {
            Backoff::Fixed => self.base_ms,
            Backoff::Linear => self.base_ms.saturating_mul(attempt.into()),
            Backoff::Exponential => exponential(),
            Backoff::Jittered => {
                let whole = exponential();
                let half = whole / 2;
                half + chance % (whole - half + 1)
            }
        };
        wait.min(self.most_ms)
    }

    /// Whether a failure with this code is worth another attempt; `repeatable` if the action is declared
    /// idempotent or pure.
    #[must_use]
    pub fn takes(&self, code: Code, repeatable: bool) -> bool {
        match &self.on {
            Some(codes) => codes.contains(code.as_str()),
            None => {
                repeatable && matches!(code, Code::LimitTime | Code::LimitBusy | Code::Internal)
            }
        }
    }
}

impl Plan {
    /// Understands a plan. `given` takes the place of the plan's own inputs of the same names.
    ///
    /// # Errors
    ///
    /// Every objection, so that one round of fixing is enough; at most 200.
    pub fn new(spec: PlanSpec, given: BTreeMap<String, Value>) -> Result<Self, Vec<Problem>> {
        Self::within(spec, given, *STEPS.end())
    }

    /// Understands a plan of any length. For measurements.
    #[doc(hidden)]
    pub fn within(
        spec: PlanSpec,
        given: BTreeMap<String, Value>,
        most_steps: u64,
    ) -> Result<Self, Vec<Problem>> {
        let (plan, problems) = Settling::settle(spec, given, most_steps);
        match plan {
            Some(plan) if problems.is_empty() => Ok(Self(Arc::new(plan))),
            _ => Err(problems),
        }
    }

    /// The plan as it was written, with the inputs it is run with.
    #[must_use]
    pub fn spec(&self) -> &PlanSpec {
        &self.0.spec
    }

    /// Names this very plan, inputs included.
    #[must_use]
    pub fn hash(&self) -> Digest {
        self.0.hash
    }

    /// The steps, in the order of the plan.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0.steps
    }

    /// The position of a step.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<usize> {
        self.0.steps.iter().position(|step| step.spec.id == id)
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.0.graph
    }

    /// Whether steps may use a capability.
    pub(crate) fn allows(&self, capability: &str) -> bool {
        self.0
            .allowed
            .as_ref()
            .is_none_or(|allowed| allowed.iter().any(|glob| glob.matches(capability)))
    }

    /// The most actions that may run.
    #[must_use]
    pub fn max_steps(&self) -> u64 {
        self.0.spec.max_steps.unwrap_or(*STEPS.end())
    }

    /// The longest the workflow may take, in milliseconds.
    #[must_use]
    pub fn timeout_ms(&self) -> u64 {
        self.0.spec.timeout_ms.unwrap_or(*TIMEOUT_MS.end())
    }

    /// How many steps run at the same time.
    #[must_use]
    pub fn parallel(&self) -> usize {
        self.0
            .spec
            .resource_limits
            .max_parallel_executions
            .unwrap_or(4) as usize
    }

    /// Retries of all steps together.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.0.spec.resource_limits.max_retries.unwrap_or(RETRIES)
    }

    /// How long a question to a person lasts, in milliseconds.
    #[must_use]
    pub fn answer_timeout_ms(&self) -> u64 {
        self.0
            .spec
            .preferences
            .answer_timeout_ms
            .unwrap_or(24 * 3_600_000)
    }

    /// What an unanswered question means for a paused workflow.
    #[must_use]
    pub fn on_unanswered(&self) -> Unanswered {
        self.0.spec.preferences.on_unanswered.unwrap_or_default()
    }

    /// Whether the workflow's time stands still while it is paused.
    #[must_use]
    pub fn pause_stops_clock(&self) -> bool {
        self.0.spec.preferences.pause_stops_clock.unwrap_or(true)
    }
}
