//! Looks whether the success criteria of a plan make sense.

use super::settle::Settling;
use super::{Criterion, PlanSpec, Problem};
use crate::types::text;
use crate::workflow::criteria;

impl Settling {
    pub(super) fn criterion(&mut self, position: usize, criterion: &Criterion, spec: &PlanSpec) {
        let at = format!("/success/{position}");
        let mut steps = Vec::new();
        match criterion {
            Criterion::Completed(named) => steps.extend(named),
            Criterion::Ended { step, status } => {
                const WAYS: [&str; 6] = ["ok", "error", "denied", "limit", "trap", "skipped"];
                steps.push(step);
                if !WAYS.contains(&status.as_str()) {
                    self.object(
                        Problem::new(
                            format!("{at}/ended/status"),
                            format!("`{}` is no way to end", text::line(status, 100)),
                        )
                        .hint(format!("a step ends as one of {}", WAYS.join(", "))),
                    );
                }
            }
            Criterion::Value {
                step,
                path,
                equals,
                matches,
                at_least,
                at_most,
            } => {
                steps.push(step);
                let asked = [
                    equals.is_some(),
                    matches.is_some(),
                    at_least.is_some(),
                    at_most.is_some(),
                ];
                if !asked.contains(&true) {
                    self.object(
                        Problem::new(format!("{at}/value"), "nothing is asked of the value")
                            .hint("add `equals`, `matches`, `at_least` or `at_most`"),
                    );
                }
                if let Some(pattern) = matches
                    && let Err(error) = criteria::pattern(pattern)
                {
                    self.object(Problem::new(
                        format!("{at}/value/matches"),
                        format!("not a regular expression: {error}"),
                    )
.hint("see the syntax of the Rust crate `regex`; a literal bracket is written `\\(`"));
                }
                if let Err(problem) = criteria::path(path) {
                    self.object(Problem::about(&format!("{at}/value/path"), &problem));
                }
            }
            Criterion::Within {
                calls,
                fuel,
                wall_ms,
            } => {
                if calls.or(*fuel).or(*wall_ms).is_none() {
                    self.object(
                        Problem::new(format!("{at}/within"), "no budget is named")
                            .hint("add `calls`, `fuel` or `wall_ms`"),
                    );
                }
            }
            Criterion::Holds { args, .. } => {
                self.references(&format!("{at}/holds/args"), args, spec, None);
            }
            Criterion::Confirmed(question) => {
                if question.trim().is_empty() || question.len() > 2_000 {
                    self.object(
                        Problem::new(
                            format!("{at}/confirmed"),
                            format!(
                                "the question has {} bytes, outside 1 to 2000",
                                question.len()
                            ),
                        )
                        .hint("ask something that a person can answer with yes or no"),
                    );
                }
            }
        }
        for step in steps {
            if !self.positions.contains_key(step) {
                let problem = self.unknown_step(&at, step);
                self.object(problem);
            }
        }
    }
}
