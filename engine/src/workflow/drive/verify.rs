//! Looks at success criteria; some take a call.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::CrewAndStore;
use super::calls::Done;
use super::driving::Driving;
use crate::session::Call;
use crate::types::{Limits, Status, Usage, text};
use crate::workflow::criteria;
use crate::workflow::machine::Evidence;
use crate::workflow::plan::{Criterion, Plan};

impl Driving {
    /// Begins to look at the success criteria.
    pub(super) fn verify(&mut self) {
        let wanted = match self.state.plan().map(Plan::spec) {
            Some(spec) if !spec.success.is_empty() => spec.success.clone(),
            _ => vec![Criterion::Completed(Vec::new())],
        };
        let mut outputs: HashMap<usize, Result<Arc<Value>, String>> = HashMap::new();
        for criterion in &wanted {
            if let Criterion::Value { step, .. } = criterion
                && let Some(position) = self.state.position(step)
            {
                let output = self.output(position).map_err(|failure| failure.message);
                outputs.insert(position, output);
            }
        }
        let mut calls = Vec::new();
        let mut evidence = Vec::new();
        for criterion in &wanted {
            let looked = criteria::look(criterion, &self.state, &|position| match outputs
                .get(&position)
            {
                Some(output) => output.clone().map(|output| Value::clone(&output)),
                None => Err("it was not read".to_owned()),
            });
            match (looked, criterion) {
                (
                    None,
                    Criterion::Holds {
                        capability,
                        function,
                        args,
                    },
                ) => {
                    let labels = self.arriving(args);
                    let args = self.resolved(args, "").map_err(|failure| failure.message);
                    let target = (capability.clone(), function.clone());
                    calls.push((evidence.len(), target, args, labels));
                    evidence.push(Evidence {
                        met: Some(false),
                        found: String::new(),
                    });
                }
                (Some(looked), _) => evidence.push(looked),
                (None, _) => {}
            }
        }
        self.verifications += 1;
        let number = self.verifications;
        let crew = self.workflows.crew.clone();
        let (workflow, principal) = (self.state.id(), self.state.principal().clone());
        let tally = self.tally.clone();
        let prepare = move |call: Call, number: usize, limits: Limits| {
            call.principal(principal.clone()).tally(tally.clone()).step(
                workflow,
                format!("success.{number}"),
                None,
                Some(limits),
            )
        };
        let lease = self.lease.clone();
        self.calls.spawn(async move {
            let _held = lease;
            let (mut usage, mut made) = (Usage::default(), 0);
            for (position, (capability, function), args, labels) in calls {
                let found = match args {
                    Ok(args) => {
                        let target = (capability.as_str(), function.as_deref());
                        let prepare = |call: Call, limits: Limits| {
                            prepare(call, position, limits).labels(labels.clone())
                        };
                        holds(&crew, target, args, &prepare).await
                    }
                    Err(why) => Looked::not(why),
                };
                usage = usage.and(&found.usage);
                made += found.calls;
                if let Some(evidence) = evidence.get_mut(position) {
                    *evidence = Evidence {
                        met: Some(found.met),
                        found: text::line(&format!("`{capability}` {}", found.found), 1024),
                    };
                }
            }
            Done::Verified {
                number,
                evidence,
                usage,
                calls: made,
            }
        });
    }
}

/// What came of one call.
struct Looked {
    met: bool,
    found: String,
    usage: Usage,
    calls: u64,
}

impl Looked {
    fn not(why: String) -> Self {
        Self {
            met: false,
            found: why,
            usage: Usage::default(),
            calls: 0,
        }
    }
}

/// Calls a pure function that has to return `true`.
async fn holds(
    crew: &CrewAndStore,
    (capability, function): (&str, Option<&str>),
    args: Value,
    prepare: &(dyn Fn(Call, Limits) -> Call + Sync),
) -> Looked {
    let (component, call, found) = match crew.crew.call(capability, function, args) {
        Ok(made) => made,
        Err(fault) => return Looked::not(fault.to_string()),
    };
    let call = prepare(call, found.limits);
    let outcome = crew.crew.engine.run(&component, call).await;
    let met = outcome.status() == Status::Ok && outcome.value().as_str() == "true";
    let found = match outcome.fault() {
        Some(fault) => format!("failed: {fault}"),
        None => format!("returned {}", outcome.value()),
    };
    Looked {
        met,
        found,
        usage: outcome.usage().as_written(),
        calls: u64::from(outcome.began()),
    }
}
