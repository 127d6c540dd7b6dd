//! What all steps of a plan may need together, and what the plan lets them have.

use super::{Draft, known};
use crate::types::text;
use crate::workflow::check::table::Worst;
use crate::workflow::plan::{Problem, Step, close};

impl Draft {
    /// The most that all steps may use.
    pub(super) fn worst(&self) -> Worst {
        let steps = self.plan.steps().iter().zip(&self.found);
        steps.fold(Worst::default(), |worst, (step, found)| {
            let known = known(found);
            let attempts = u64::from(step.retry.as_ref().map_or(1, |retry| retry.max + 1));
            let times = |one: u64| one.saturating_mul(attempts);
            Worst {
                calls: worst.calls.saturating_add(attempts),
                fuel: worst.fuel.saturating_add(times(known.fuel)),
                wall_ms: worst.wall_ms.saturating_add(times(known.wall_ms)),
                output_bytes: worst.output_bytes.saturating_add(times(known.output_bytes)),
            }
        })
    }

    /// Compares the worst case with the budgets: a budget can run out before the end, and that is worth knowing.
    pub(super) fn sums(&mut self, worst: Worst) {
        let limits = &self.plan.spec().resource_limits;
        let steps = self.plan.steps().len() as u64;
        let (mut found, mut unused) = (Vec::new(), Vec::new());
        for (name, most, needed) in [
            ("max_calls", limits.max_calls, worst.calls),
            ("max_fuel", limits.max_fuel, worst.fuel),
            ("max_wall_ms", limits.max_wall_ms, worst.wall_ms),
            (
                "max_output_bytes",
                limits.max_output_bytes,
                worst.output_bytes,
            ),
        ] {
            if let Some(most) = most.filter(|most| *most < needed) {
                found.push((
                    format!("/resource_limits/{name}"),
                    format!("all steps together may need {needed}, over {most}"),
                ));
            }
        }
        let most = self.plan.max_steps();
        if steps > most {
            found.push((
                "/max_steps".to_owned(),
                format!("the plan has {steps} steps, over {most}"),
            ));
        }
        for (name, most) in &limits.max_calls_of {
            let used = |step: &&Step| step.spec.capability == *name;
            let needed = self.plan.steps().iter().filter(used).count() as u64;
            if needed == 0 {
                let steps = self.plan.steps().iter();
                let at = format!("/resource_limits/max_calls_of/{name}");
                let message = format!("no step uses `{}`", text::line(name, 128));
                unused.push(close(
                    Problem::new(at, message).hint("name a capability as a step names it"),
                    name,
                    steps.map(|step| step.spec.capability.as_str()),
                ));
            }
            if needed > *most {
                found.push((
                    format!("/resource_limits/max_calls_of/{name}"),
                    format!("{needed} steps use it, over {most}"),
                ));
            }
        }
        self.problems.extend(unused);
        self.problems.extend(found.into_iter().map(|(at, message)| {
            Problem::new(at, message)
                .hint("raise it, or expect the workflow to fail when it is spent")
                .warning()
        }));
    }
}
