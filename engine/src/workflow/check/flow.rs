//! Where the results of steps go, and what they are to be treated as.

use std::collections::BTreeSet;

use crate::workflow::plan::Plan;
use crate::workflow::refs::{self, Reference};

/// The labels of the data in every step's arguments, and of its result: its own and those of all it is made from.
///
/// Labels only ever spread: a step cannot take one away.
pub(super) fn labels(
    plan: &Plan,
    own: &[BTreeSet<String>],
) -> (Vec<BTreeSet<String>>, Vec<BTreeSet<String>>) {
    let count = plan.steps().len();
    let sources: Vec<Vec<usize>> = plan
        .steps()
        .iter()
        .map(|step| sources(plan, &step.spec.args))
        .collect();
    let mut into = vec![BTreeSet::new(); count];
    let mut out = own.to_vec();
    // Steps wait for those that they refer to, so labels stand still after as many rounds as there are steps.
    for _ in 0..count {
        let mut changed = false;
        for (step, sources) in sources.iter().enumerate() {
            let arriving: BTreeSet<String> = sources
                .iter()
                .filter_map(|source| out.get(*source))
                .flatten()
                .cloned()
                .collect();
            let (Some(into), Some(out)) = (into.get_mut(step), out.get_mut(step)) else {
                continue;
            };
            let before = out.len();
            out.extend(arriving.iter().cloned());
            changed |= out.len() > before || *into != arriving;
            *into = arriving;
        }
        if !changed {
            break;
        }
    }
    (into, out)
}

/// The steps whose results are in arguments.
pub(super) fn sources(plan: &Plan, args: &serde_json::Value) -> Vec<usize> {
    let references = refs::references(args).unwrap_or_default();
    references
        .into_iter()
        .filter_map(|(_, reference)| match reference {
            Reference::Output { step, .. } => plan.position(&step),
            Reference::Input { .. } | Reference::IdempotencyKey => None,
        })
        .collect()
}
