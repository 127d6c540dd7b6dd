//! What one input costs does not grow with the number of steps.

use serde_json::json;

use super::*;

const LONG: usize = 20_000;

/// A workflow with a plan that is longer than a proposal can be, on its way.
fn long(chained: bool) -> (State, Vec<Effect>) {
    let ids: Vec<String> = (0..LONG)
        .map(|step| match step.checked_sub(1).filter(|_| chained) {
            Some(before) => format!("s{step}: s{before}"),
            None => format!("s{step}"),
        })
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let spec: PlanSpec = serde_json::from_value(plan(&ids, json!({ "max_steps": LONG }))).unwrap();
    Plan::new(spec.clone(), Default::default()).unwrap_err();
    let plan = Plan::within(spec, Default::default(), LONG as u64).unwrap();
    let state = State::with(no_id(), &plan, vec![repeatable(); LONG]);
    step(
        state,
        Input {
            at_ms: 1,
            what: What::Checked { approvals: vec![] },
        },
    )
}

/// Ends every step as it runs. Returns the most effects that one input had, and the most steps that the machine
/// had to look through to find the next.
fn driven(chained: bool) -> (State, usize, usize) {
    let (mut state, mut effects) = long(chained);
    let (mut most_effects, mut most_waiting, mut at_ms) = (0, 0, 1);
    while let Some(next) = state.running.first().copied() {
        at_ms += 1;
        let input = Input {
            at_ms,
            what: What::Ended {
                step: next,
                attempt: 1,
                end: Box::new(end(Status::Ok)),
            },
        };
        (state, effects) = step(state, input);
        most_effects = most_effects.max(effects.len());
        most_waiting =
            most_waiting.max(state.running.len() + state.due.len() + state.questions.len());
    }
    assert_eq!(
        effects,
        [
            Effect::Tell {
                step: Some(LONG - 1),
                kind: step_completed(&state)
            },
            Effect::Verify
        ]
    );
    (state, most_effects, most_waiting)
}

/// The event of the last step's end.
fn step_completed(state: &State) -> Box<EventKind> {
    Box::new(EventKind::StepCompleted(crate::event::StepEnd {
        status: Status::Ok,
        attempts: 1,
        usage: state.steps()[LONG - 1].usage,
        error: None,
    }))
}

#[test]
fn a_long_chain_takes_constant_work_for_each_step() {
    let (state, most_effects, most_waiting) = driven(true);
    assert_eq!(state.calls(), LONG as u64);
    assert!(most_effects <= 3, "{most_effects} effects for one input");
    assert_eq!(most_waiting, 1);
    assert_eq!(state.history().len(), 1);
    assert!(state.ready.is_empty() && state.undo.is_empty());
}

#[test]
fn many_independent_steps_take_constant_work_for_each() {
    let (state, most_effects, most_waiting) = driven(false);
    assert_eq!(state.calls(), LONG as u64);
    assert!(most_effects <= 3, "{most_effects} effects for one input");
    assert_eq!(most_waiting, 4);
}

/// A failure at the start of a long chain is told of once for each step, and needs no deep stack.
#[test]
fn a_long_chain_is_skipped_in_one_go() {
    let (state, _) = long(true);
    let input = Input {
        at_ms: 2,
        what: What::Ended {
            step: 0,
            attempt: 1,
            end: Box::new(failed(Code::GuestError)),
        },
    };
    let (state, effects) = step(state, input);
    assert_eq!(state.phase(), WorkflowState::Failed);
    // One for each step, one for the state, and one for the end.
    assert_eq!(effects.len(), LONG + 2);
}
