//! What people want of workflows: left as wishes in the store, and granted or refused by whoever drives.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "an act that gives no value has none to be typed"
)]

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::driving::{Driving, blocking};
use super::{WorkflowStore, Workflows, unfit};
use crate::types::{
    Declared, Effect, Fault, Function, Parameter, Principal, WitType, WorkflowId, text,
};
use crate::workflow::check::{Finding as _, narrowed};
use crate::workflow::machine::{About, Act, Known, State, What};
use crate::workflow::plan::StepSpec;
use crate::workflow::refs::{self, Reference, Yields};
use crate::workflow::resume;
use crate::workflow::summary::Summary;

/// How long somebody who drives a workflow has to reply.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether there is a reply.
const LOOK: Duration = Duration::from_millis(20);
/// The largest wish.
const LARGEST: usize = 1 << 20;

/// A wish, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    by: Principal,
    token: Option<String>,
    act: Act,
}

/// What came of a wish.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    refused: Option<String>,
    value: Value,
}

/// Leaves a wish, and waits for the reply if somebody drives the workflow.
pub(super) async fn wish(
    workflows: &Workflows,
    workflow: WorkflowId,
    by: Principal,
    (token, act): (Option<String>, Act),
) -> Result<Option<Value>, Fault> {
    let state = workflows.state(workflow)?;
    if matches!(act, Act::InspectState {}) && token.is_none() {
        return Ok(Some(Summary::of(&state, &*workflows.crew.store).to_value()));
    }
    ended(&state)?;
    let wish = Wish { by, token, act };
    let written = serde_json::to_string(&wish).unwrap_or_default();
    if written.len() > LARGEST {
        return Err(unfit(format!(
            "the action has {} bytes, over {LARGEST}",
            written.len()
        )));
    }
    let store = workflows.crew.store.clone();
    let number = blocking({
        let store = store.clone();
        move || store.wish(workflow, &written)
    })
    .await?;
    let mut waited = Duration::ZERO;
    loop {
        let reply = blocking({
            let store = store.clone();
            move || store.replied(workflow, number)
        })
        .await?;
        if let Some(reply) = reply {
            let reply: Reply = serde_json::from_str(&reply)
                .map_err(|error| unfit("the reply cannot be read").caused_by(error))?;
            return match reply.refused {
                None => Ok(Some(reply.value)),
                Some(reason) => Err(unfit(reason)),
            };
        }
        if resume::attended(workflows, workflow).await? {
            // It may have ended before anybody read the wish.
            if workflows.state(workflow)?.has_ended() && is_open(&store, workflow, number).await? {
                ended(&workflows.state(workflow)?)?;
            }
            continue;
        }
        if waited >= PATIENCE {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
        waited += LOOK;
    }
}

/// Whether a wish waits for a reply.
async fn is_open(
    store: &Arc<dyn WorkflowStore>,
    workflow: WorkflowId,
    number: u64,
) -> Result<bool, Fault> {
    let store = store.clone();
    blocking(move || store.replied(workflow, number).map(|reply| reply.is_none())).await
}

/// Refuses what is wanted of a workflow that has ended.
fn ended(state: &State) -> Result<(), Fault> {
    if state.has_ended() {
        return Err(unfit(format!(
            "the workflow has ended: it is {}",
            super::driving::word(state.phase())
        )));
    }
    Ok(())
}

impl Driving {
    /// Grants the wishes that end or pause the workflow, before anything of it begins.
    pub(crate) async fn grant_first(&mut self) -> Result<(), Fault> {
        let (store, workflow) = (self.store().clone(), self.state.id());
        let wishes = blocking(move || store.wishes(workflow)).await?;
        for (number, body) in wishes {
            let first = serde_json::from_str::<Wish>(&body)
                .is_ok_and(|wish| matches!(wish.act, Act::Stop { .. } | Act::Pause { .. }));
            if first {
                self.consider(number, &body).await?;
            }
            if self.state.has_ended() {
                break;
            }
        }
        Ok(())
    }

    /// Whether the workflow is ending, and something that ran has not come back.
    pub(crate) fn leftovers(&self) -> bool {
        let mut left = self.state.running().chain(self.state.undoing());
        self.state.is_ending() && !self.state.has_ended() && left.next().is_some()
    }

    /// Grants or refuses one wish, and says which.
    async fn consider(&mut self, number: u64, body: &str) -> Result<(), Fault> {
        let refused = match serde_json::from_str::<Wish>(body) {
            // Whoever granted it was gone before the reply was kept.
            Ok(_) if self.state.has_granted(number) => None,
            Ok(wish) => self.grant(number, wish).await?,
            Err(error) => Some(format!("the wish cannot be read: {error}")),
        };
        let value = match refused {
            None => Summary::of(&self.state, &**self.store()).to_value(),
            Some(_) => Value::Null,
        };
        let reply = json!(Reply { refused, value }).to_string();
        let (store, workflow) = (self.store().clone(), self.state.id());
        blocking(move || store.reply(workflow, number, &reply)).await
    }

    /// Grants or refuses every wish that waits.
    pub(crate) async fn wishes(&mut self) -> Result<(), Fault> {
        let (store, workflow) = (self.store().clone(), self.state.id());
        let wishes = blocking(move || store.wishes(workflow)).await?;
        for (number, body) in wishes {
            self.consider(number, &body).await?;
            if self.state.has_ended() {
                break;
            }
        }
        Ok(())
    }

    /// Does what a person wants, or says why not.
    async fn grant(&mut self, number: u64, wish: Wish) -> Result<Option<String>, Fault> {
        let Wish { by, token, act } = wish;
        let known = match self.fitting(&act, token.as_deref()) {
            Ok(known) => known,
            Err(reason) => return Ok(Some(reason)),
        };
        self.feed(What::Acted {
            by,
            token,
            act,
            known,
            wish: Some(number),
            undriven: self.only_steers,
        })
        .await
    }

    /// Types what a person gives to a workflow, as plans are typed before they run.
    fn fitting(&self, act: &Act, token: Option<&str>) -> Result<Option<Known>, String> {
        match act {
            Act::AddAction { step } => self.added(step).map(Some),
            Act::ModifyParameters {
                step: Some(step),
                args: Some(args),
                ..
            } => {
                let (function, _) = self.function(self.spec(step)?)?;
                self.fit(&function, args)?;
                Ok(None)
            }
            Act::OverrideResult { step, value } => {
                let position = self.position(step)?;
                self.is_result(position, value)?;
                Ok(None)
            }
            Act::MarkDone { value } => {
                let about = self
                    .state
                    .questions()
                    .find(|question| Some(question.token.as_str()) == token)
                    .map(|question| question.about.clone());
                if let Some(About::Uncertain { step }) = about {
                    self.is_result(step, value)?;
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn position(&self, step: &str) -> Result<usize, String> {
        self.state
            .position(step)
            .ok_or_else(|| format!("there is no step `{}`", text::line(step, 100)))
    }

    fn spec(&self, step: &str) -> Result<&StepSpec, String> {
        let position = self.position(step)?;
        let found = self.state.steps().get(position);
        found
            .map(|found| &found.step.spec)
            .ok_or_else(|| format!("there is no step `{}`", text::line(step, 100)))
    }

    fn function(&self, spec: &StepSpec) -> Result<(Function, (Known, Option<Declared>)), String> {
        self.look_up(&spec.capability, spec.function.as_deref())
    }

    fn look_up(
        &self,
        capability: &str,
        function: Option<&str>,
    ) -> Result<(Function, (Known, Option<Declared>)), String> {
        let crew = &self.workflows.crew.crew;
        crew.find(capability, function)
            .map(|found| (found.function, (found.known, found.declared)))
            .map_err(|fault| {
                if self.only_steers {
                    format!(
                        "nobody drives the workflow, and `{}` is not at hand to check this: \
                         go on with it first, with `engine workflow resume`",
                        text::line(capability, 128)
                    )
                } else {
                    fault.to_string()
                }
            })
    }

    fn added(&self, spec: &StepSpec) -> Result<Known, String> {
        if let Some(plan) = self.state.plan()
            && !plan.allows(&spec.capability)
        {
            return Err(format!(
                "`{}` is not among the `allowed_capabilities` of the plan",
                text::line(&spec.capability, 128)
            ));
        }
        let (function, known) = self.function(spec)?;
        self.fit(&function, &spec.args)?;
        let effects = known.1.iter().flat_map(|declared| &declared.effects);
        let destroys = effects
            .into_iter()
            .any(|effect| *effect == Effect::Destructive);
        if destroys && spec.undo.is_none() && spec.approval.is_none() {
            return Err("a destructive action needs `undo` or `approval`".to_owned());
        }
        if let Some(undo) = &spec.undo {
            let capability = undo.capability.as_ref().unwrap_or(&spec.capability);
            let (function, _) = self.look_up(capability, undo.function.as_deref())?;
            let problems = refs::fit(&undo.args, &function, &|reference| match reference {
                Reference::Output { step, path } if *step == spec.id => self.yields_of(spec, path),
                reference => self.yields(reference),
            });
            if let Some(problem) = problems.first() {
                return Err(format!("the arguments of its undo do not fit: {problem}"));
            }
        }
        Ok(narrowed(known.0, spec))
    }

    /// Types arguments against the function of a step and the results of others.
    fn fit(&self, function: &Function, args: &Value) -> Result<(), String> {
        let problems = refs::fit(args, function, &|reference| self.yields(reference));
        problems.first().map_or(Ok(()), |problem| {
            Err(format!("the arguments do not fit: {problem}"))
        })
    }

    fn yields(&self, reference: &Reference) -> Result<Yields, refs::Problem> {
        match reference {
            Reference::Output { step, path } => match self.spec(step) {
                Ok(spec) => self.yields_of(spec, path),
                Err(why) => Err(refs::Problem::new("a step of the plan", why)),
            },
            Reference::Input { .. } => Ok(Yields::unknown()),
            Reference::IdempotencyKey => Ok(Yields::known(WitType::String)),
        }
    }

    fn yields_of(&self, spec: &StepSpec, path: &[String]) -> Result<Yields, refs::Problem> {
        match self.function(spec) {
            Ok((function, _)) => refs::yields(refs::output(&function), path),
            Err(why) => Err(refs::Problem::new("a function that is at hand", why)),
        }
    }

    /// Types a value as the result of a step.
    fn is_result(&self, step: usize, value: &Value) -> Result<(), String> {
        let found = self.state.steps().get(step);
        let Some(ty) = found.and_then(|found| found.known.result.as_ref()) else {
            return if value.is_null() {
                Ok(())
            } else {
                Err("the function has no result: give null".to_owned())
            };
        };
        let holder = Function {
            interface: None,
            name: "result".to_owned(),
            parameters: vec![Parameter {
                name: "value".to_owned(),
                ty: ty.clone(),
            }],
            result: None,
        };
        let problems = refs::fit(&json!([value]), &holder, &|_| {
            Err(refs::Problem::new("a value", "a reference"))
        });
        problems.first().map_or(Ok(()), |problem| {
            Err(format!(
                "the value does not fit `{ty}`: expected {}, found {}",
                problem.expected, problem.found
            ))
        })
    }
}
