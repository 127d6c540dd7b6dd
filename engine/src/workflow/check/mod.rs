//! A whole plan against types, policies and budgets, before anything runs.
//!
//! Two steps of pure work: [`Draft::new`] types the plan and says which calls the guard is to be asked about,
//! [`Draft::conclude`] puts the answers and everything else together. Whoever asks in between is the driver.

mod draft;
mod flow;
mod sample;
mod table;
mod types;

pub(crate) use draft::{Draft, Probe};
pub use table::{Checked, Foreseen, Row, Worst};

use std::collections::BTreeSet;

use crate::types::{Declared, Fault, Function, WallTime};
use crate::workflow::machine::Known;
use crate::workflow::plan::StepSpec;

/// What is known of the action of a step before it runs.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The function that would be called.
    pub(crate) function: Function,
    /// What it is declared to do; `None` without a manifest.
    pub(crate) declared: Option<Declared>,
    /// What its results are to be treated as.
    pub(crate) labels: BTreeSet<String>,
    /// The rest.
    pub(crate) known: Known,
}

/// Finds the actions that plans name.
pub(crate) trait Finding {
    /// Finds a capability's function.
    fn find(&self, capability: &str, function: Option<&str>) -> Result<Found, Fault>;

    /// The names that a step can use, for hints.
    fn names(&self) -> Vec<String>;
}

/// What one attempt of a step may use, its own limits counted.
pub(crate) fn narrowed(known: Known, step: &StepSpec) -> Known {
    let own = step.limits;
    let millis = |time: WallTime| u64::try_from(time.get().as_millis()).unwrap_or(u64::MAX);
    Known {
        fuel: own
            .fuel
            .map_or(known.fuel, |fuel| known.fuel.min(fuel.get())),
        wall_ms: own
            .timeout
            .map_or(known.wall_ms, |most| known.wall_ms.min(millis(most)))
            .min(step.timeout_ms.unwrap_or(u64::MAX)),
        output_bytes: own.output.map_or(known.output_bytes, |most| {
            known.output_bytes.min(most.get())
        }),
        ..known
    }
}

#[cfg(test)]
mod tests;
