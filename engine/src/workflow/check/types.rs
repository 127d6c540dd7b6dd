//! Arguments and references of a plan against the types of functions.

use serde_json::Value;

use super::Found;
use super::sample::sample;
use crate::types::WitType;
use crate::workflow::criteria;
use crate::workflow::plan::{Criterion, Plan, Problem};
use crate::workflow::refs::{self, Reference, Yields};

/// What references of a plan stand for.
pub(super) struct Typing<'a> {
    pub(super) plan: &'a Plan,
    pub(super) found: &'a [Option<Found>],
}

impl Typing<'_> {
    fn output(&self, position: usize) -> Option<Option<&WitType>> {
        let found = self.found.get(position)?.as_ref()?;
        Some(refs::output(&found.function))
    }

    /// The type that a reference stands for.
    fn yields(&self, reference: &Reference) -> Result<Yields, refs::Problem> {
        match reference {
            Reference::Output { step, path } => {
                let position = self.plan.position(step);
                match position.and_then(|position| self.output(position)) {
                    Some(ty) => refs::yields(ty, path),
                    // What is wrong with that step is told there.
                    None => Ok(Yields::unknown()),
                }
            }
            // The value itself is looked at where nothing else is unknown.
            Reference::Input { .. } => Ok(Yields::unknown()),
            Reference::IdempotencyKey => Ok(Yields::known(WitType::String)),
        }
    }

    /// Types the arguments of a call; objections begin at `at`.
    pub(super) fn fit(&self, at: &str, args: &Value, found: &Found) -> Vec<Problem> {
        refs::fit(args, &found.function, &|reference| self.yields(reference))
            .iter()
            .map(|problem| Problem::about(at, problem))
            .collect()
    }

    /// The arguments with inputs in their places, and samples in those of results; the second part says whether
    /// there are no samples among them.
    ///
    /// # Errors
    ///
    /// An input that cannot be part of a text, or lacks what is asked of it; `at` is where the arguments are.
    pub(super) fn filled(
        &self,
        at: &str,
        args: &Value,
        key: &str,
    ) -> Result<(Value, bool), Problem> {
        let whole = std::cell::Cell::new(true);
        let inputs = &self.plan.spec().inputs;
        let filled = refs::resolve(args, &|reference| match reference {
            Reference::Input { name, path } => {
                let input = inputs.get(name).unwrap_or(&Value::Null);
                refs::at(input, path).cloned()
            }
            Reference::IdempotencyKey => Ok(Value::from(key)),
            Reference::Output { .. } => {
                whole.set(false);
                let yields = self.yields(reference)?;
                Ok(yields.ty().map_or(Value::from(""), sample))
            }
        });
        filled
            .map(|filled| (filled, whole.get()))
            .map_err(|problem| Problem::about(at, &problem))
    }

    /// Types the parts of results that success criteria look at.
    pub(super) fn criterion(&self, position: usize, criterion: &Criterion) -> Option<Problem> {
        let Criterion::Value { step, path, .. } = criterion else {
            return None;
        };
        let ty = self.plan.position(step).and_then(|at| self.output(at))?;
        let path = criteria::path(path).ok()?;
        let at = format!("/success/{position}/value/path");
        refs::yields(ty, &path)
            .err()
            .map(|problem| Problem::about(&at, &problem))
    }
}
