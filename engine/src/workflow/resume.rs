//! Goes on with workflows whose driver is gone: the inputs are replayed, and what had begun is looked up in the
//! events.

use crate::event::{Event, EventKind, WorkflowState};
use crate::types::{Begun, Fault, FaultKind, Phase, Status, WorkflowId, text};
use crate::workflow::check::{Finding as _, narrowed};
use crate::workflow::drive::{Driving, Workflows, replayed, unfit, verdict};
use crate::workflow::machine::{CallEnd, Known, Output, State, StepStatus, What};

/// Takes a workflow up. Nothing runs until it is driven.
pub(crate) async fn taken_up(
    workflows: &Workflows,
    workflow: WorkflowId,
    accept: bool,
) -> Result<Driving, Fault> {
    replayed(&*workflows.crew.store, workflow)?;
    // The place is taken before anything is read that counts, so that nobody adds inputs meanwhile.
    let mut driving = Driving::take(workflows.clone(), workflow).await?;
    let (state, effects) = replayed(&*workflows.crew.store, workflow)?;
    for (at_ms, effects) in effects {
        driving.retell(at_ms, &state, effects);
    }
    if state.has_ended() {
        driving.told().await?;
        return Err(unfit(format!("the workflow {workflow} has ended"))
            .hint("`engine workflow show` tells how"));
    }
    let known = if accept {
        changed(workflows, &state)
    } else {
        unchanged(workflows, &state)?;
        as_it_was_checked(workflows, &state).await?;
        Vec::new()
    };
    let begun = workflows.crew.store.begun(workflow)?;
    let unchecked = (state.phase() == WorkflowState::Planning).then(|| state.plan().cloned());
    let recovered = recovered(&state, begun.as_deref(), known);
    driving.restore(state);
    // Whoever wants it stopped or paused wants nothing begun before.
    driving.grant_first().await?;
    if !driving.has_ended() {
        driving.must(recovered).await?;
    }
    if let Some(plan) = unchecked.flatten()
        && !driving.has_ended()
    {
        let principal = driving.principal().clone();
        let checked = workflows.check_for(&plan, &principal).await;
        driving.told().await?;
        driving.must(verdict(checked)).await?;
    }
    Ok(driving)
}

/// Grants what people want of a workflow that nobody drives; nothing of it runs. `false` if somebody drives it.
pub(crate) async fn attended(workflows: &Workflows, workflow: WorkflowId) -> Result<bool, Fault> {
    let Some(mut driving) = Driving::take_free(workflows, workflow).await? else {
        return Ok(false);
    };
    driving.only_steers = true;
    let (state, effects) = replayed(&*workflows.crew.store, workflow)?;
    for (at_ms, effects) in effects {
        driving.retell(at_ms, &state, effects);
    }
    driving.restore(state);
    driving.wishes().await?;
    if driving.leftovers() {
        // It ends as far as it can without anything that runs.
        let begun = workflows.crew.store.begun(workflow)?;
        let recovered = recovered(&driving.state, begun.as_deref(), Vec::new());
        driving.must(recovered).await?;
    }
    driving.told().await?;
    Ok(true)
}

/// Refuses to go on with other components than the plan was checked against.
fn unchanged(workflows: &Workflows, state: &State) -> Result<(), Fault> {
    for step in state.steps() {
        let spec = &step.step.spec;
        let undoes = step.status == StepStatus::Completed && spec.undo.is_some();
        if step.status.has_ended() && !undoes {
            continue;
        }
        let found = workflows.find(&spec.capability, spec.function.as_deref())?;
        if found.known.digest != step.known.digest {
            let whose = format!("the step `{}`", text::line(step.id(), 64));
            return Err(stale("the component of a step", &spec.capability, &whose));
        }
    }
    for other in state.others() {
        let found = workflows.find(&other.capability, other.function.as_deref())?;
        if found.known.digest != other.digest {
            let whose = "an undo or a criterion";
            return Err(stale("a component of the plan", &other.capability, whose));
        }
    }
    Ok(())
}

/// Refuses to go on under other policies than the plan was checked with, and with less than its steps need: one option
/// that was forgotten must neither let more run nor end the workflow.
async fn as_it_was_checked(workflows: &Workflows, state: &State) -> Result<(), Fault> {
    let policies = workflows.policies().digest();
    if state.policy_set().is_some_and(|then| then != policies) {
        return Err(Fault::new(FaultKind::Stale {
            what: "the policies of the workflow",
        })
        .hint("give the options about policies that it began with, or say `--accept-changes`; an answer for always \
             changes them, too"));
    }
    let Some(plan) = state
        .plan()
        .filter(|_| state.phase() != WorkflowState::Planning)
    else {
        return Ok(());
    };
    let checked = workflows.check_for(plan, state.principal()).await;
    let is_open = |pointer: &str| {
        let position = pointer.strip_prefix("/steps/")?.split('/').next()?;
        let id = plan
            .steps()
            .get(position.parse::<usize>().ok()?)?
            .spec
            .id
            .as_str();
        let step = state.steps().iter().find(|step| step.id() == id)?;
        Some(!step.status.has_ended())
    };
    let problem = checked
        .problems
        .iter()
        .find(|problem| !problem.warning && is_open(&problem.pointer) == Some(true));
    match problem {
        None => Ok(()),
        Some(problem) => Err(unfit(format!(
            "the plan does not pass its check any more: {problem}"
        ))
        .hint(problem.hint.clone())
        .hint("give the options that it began with, or say `--accept-changes`")),
    }
}

fn stale(what: &'static str, capability: &str, whose: &str) -> Fault {
    Fault::new(FaultKind::Stale { what }).hint(format!(
        "`{}` of {whose} is another component now; say `--accept-changes` if that is wanted",
        text::line(capability, 128)
    ))
}

/// What is known now of steps that have not ended, and whose component is another one.
fn changed(workflows: &Workflows, state: &State) -> Vec<(usize, Known)> {
    let open = state.steps().iter().enumerate();
    open.filter(|(_, step)| !step.status.has_ended())
        .filter_map(|(position, step)| {
            let spec = &step.step.spec;
            // One that cannot be found fails when it begins, and says why.
            let found = workflows
                .find(&spec.capability, spec.function.as_deref())
                .ok()?;
            (found.known.digest != step.known.digest)
                .then(|| (position, narrowed(found.known, spec)))
        })
        .collect()
}

/// What became of the steps that ran when the driver was gone.
fn recovered(state: &State, begun: Option<&[Begun]>, known: Vec<(usize, Known)>) -> What {
    let (mut uncertain, mut runs) = (Vec::new(), Vec::new());
    let (mut not_started, mut ended) = (Vec::new(), Vec::new());
    for position in state.running().chain(state.undoing()) {
        let Some(step) = state.steps().get(position) else {
            continue;
        };
        let Some(begun) = begun else {
            // Nobody kept what had begun.
            uncertain.push(position);
            continue;
        };
        // The newest call that has not come back as an input.
        let call = begun
            .iter()
            .rev()
            .find(|call| call.step == step.id() && !step.runs.contains(&call.run));
        match call {
            None => not_started.push(position),
            Some(call) => match known_end(call) {
                Some(end) => ended.push((position, step.attempts, end)),
                None => {
                    uncertain.push(position);
                    runs.push((position, call.run));
                }
            },
        }
    }
    What::Recovered {
        uncertain,
        runs,
        not_started,
        ended,
        known,
    }
}

/// The end of a call whose last event was kept, with its whole result.
fn known_end(call: &Begun) -> Option<CallEnd> {
    let event = Event::from_json(call.ended.as_deref()?).ok()?;
    let EventKind::CallCompleted {
        status,
        usage,
        value,
        error,
        ..
    } = event.kind
    else {
        return None;
    };
    // A driver that was stopped in an orderly way cancels its calls: whether they had their effect is not known.
    if status == Status::Cancelled || (status == Status::Ok && value.truncated) {
        return None;
    }
    let started = error
        .as_ref()
        .and_then(|error| error.source.phase.as_ref())
        .is_none_or(|phase| {
            !matches!(
                phase,
                crate::types::Open::Known(Phase::Load | Phase::Decide)
            )
        });
    Some(CallEnd {
        status,
        started,
        killed: false,
        output: (status == Status::Ok).then(|| Output::inline(&value.text)),
        failure: error,
        usage,
        run: Some(call.run),
        cached: None,
    })
}
