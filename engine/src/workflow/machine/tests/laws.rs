//! What holds for every workflow, whatever happens to it.

use proptest::prelude::*;
use serde_json::json;

use super::model::{Model, legal};
use super::moves::{Drawn, Move, moves, plans, take, waiting};
use super::*;

/// Brings a workflow to its end, as a driver and a person of good will would.
fn finish(watched: &mut (Run, Model)) {
    for _ in 0..2_000 {
        let state = watched.0.state.clone();
        if state.has_ended() {
            return;
        }
        let next = next(&state, &mut watched.0.now_ms);
        assert!(
            take(watched, next.clone()),
            "{next:?}: {:?}",
            watched.0.effects
        );
    }
    panic!("it does not end: {:?}", watched.0.state);
}

/// What a driver and a person of good will would do next.
fn next(state: &State, now_ms: &mut u64) -> What {
    // Questions last until they are answered.
    *now_ms = state.now_ms();
    if let Some(step) = state.undoing() {
        return What::Undone {
            step,
            end: Box::new(end(Status::Ok)),
        };
    }
    if let Some(step) = state.running().next() {
        return What::Ended {
            step,
            attempt: state.steps()[step].attempts,
            end: Box::new(end(Status::Ok)),
        };
    }
    if let Some(question) = state.questions().next() {
        let answer = match question.about {
            About::Paused => json!({ "action": "continue" }),
            About::Uncertain { .. } => json!({ "action": "skip" }),
            About::Criterion { .. } => json!({ "action": "confirm", "met": true }),
        };
        // How it goes on is said last.
        let others = state
            .questions()
            .find(|question| question.about != About::Paused);
        if let (About::Paused, Some(other)) = (&question.about, others) {
            let answer = match other.about {
                About::Criterion { .. } => json!({ "action": "confirm", "met": true }),
                About::Paused | About::Uncertain { .. } => json!({ "action": "skip" }),
            };
            return acted(Some(&other.token), act(answer));
        }
        return acted(Some(&question.token), act(answer));
    }
    if state.is_verifying() {
        let wanted = state.plan().unwrap().spec().success.len().max(1);
        return looked(vec![Some(true); wanted]);
    }
    if let Some(step) = waiting(state, StepStatus::Asking) {
        let (question, _) = state.steps()[step].question.clone().unwrap();
        return What::Decided {
            step,
            question,
            approval: Approval::Approved,
        };
    }
    *now_ms = state.wakes_at_ms().unwrap();
    What::Ticked
}

/// Counts the ends that are told of in a whole run.
fn ends(run: &Run) -> usize {
    let all = run.taken.iter().flat_map(|(_, effects)| told(effects));
    all.filter(|kind| matches!(kind, EventKind::WorkflowCompleted { .. }))
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The model objects to nothing; then the workflow comes to an end, which is told once; and the inputs give
    /// the same state and the same effects again.
    #[test]
    fn nothing_illegal_ever_happens(
        plan in plans(), moves in proptest::collection::vec(moves(), 0..80),
    ) {
        let mut watched = plan.begin();
        for turn in moves {
            turn.make(&mut watched);
        }
        finish(&mut watched);
        let run = watched.0;
        prop_assert_eq!(ends(&run), 1);
        run.replays();
    }

    /// After every prefix, a recovery with any split of what ran leads to a legal state, asks about each
    /// uncertain step that cannot be repeated, once, and comes to an end.
    #[test]
    fn every_prefix_can_be_recovered(
        plan in plans(), moves in proptest::collection::vec(moves(), 0..40), splits in recoveries(),
    ) {
        let mut watched = plan.begin();
        recovers(&watched, &splits);
        for turn in moves {
            turn.make(&mut watched);
            if watched.0.state.has_ended() {
                break;
            }
            recovers(&watched, &splits);
        }
    }

    /// A workflow in which nothing goes wrong calls each step once, and completes.
    #[test]
    fn a_workflow_in_which_nothing_goes_wrong_completes(mut plan in plans()) {
        for limit in ["max_calls", "max_fuel", "max_calls_of"] {
            plan.plan["resource_limits"].as_object_mut().unwrap().remove(limit);
        }
        plan.plan["max_steps"] = json!(plan.repeatable.len());
        let mut watched = plan.begin();
        finish(&mut watched);
        let run = watched.0;
        prop_assert_eq!(run.phase(), WorkflowState::Completed);
        prop_assert!(run.state.steps().iter().all(|step| step.attempts == 1));
    }
}

fn recoveries() -> impl Strategy<Value = Vec<Move>> {
    proptest::collection::vec(moves(), 3)
}

/// Recovers copies of a workflow, each with another split.
fn recovers(watched: &(Run, Model), splits: &[Move]) {
    for split in splits {
        let mut copy = watched.clone();
        let what = split.recovery(&copy.0.state);
        let before = copy.0.state.clone();
        assert!(take(&mut copy, what.clone()), "{:?}", copy.0.effects);
        let What::Recovered {
            uncertain, ended, ..
        } = what
        else {
            panic!("a recovery")
        };
        let after = &copy.0.state;
        legal(after);
        if !after.is_ending() && !after.has_ended() {
            for step in uncertain {
                let asked = after
                    .questions()
                    .filter(|question| question.about == About::Uncertain { step });
                let once = usize::from(!before.steps()[step].known.repeatable);
                assert_eq!(asked.count(), once, "the step {step}");
            }
        }
        for (step, attempt, end) in ended {
            let ok = end.status == Status::Ok && before.undoing() != Some(step);
            if ok {
                assert_eq!(after.steps()[step].status, StepStatus::Completed);
                assert_eq!(after.steps()[step].attempts, attempt);
            }
        }
        finish(&mut copy);
        assert_eq!(ends(&copy.0), 1);
    }
}

/// The model has teeth: it objects when it is shown something that did not happen.
#[test]
fn the_model_objects() {
    let drawn = Drawn {
        plan: plan(&["a", "b: a"], json!({})),
        repeatable: vec![true, true],
    };
    let (run, model) = drawn.begin();
    let ticked = Input {
        at_ms: run.now_ms,
        what: What::Ticked,
    };
    let call = |step| Effect::Call {
        step,
        attempt: 1,
        most: Most {
            fuel: 1,
            wall_ms: 1,
            output_bytes: 1,
        },
    };
    for effects in [
        vec![call(0)],
        vec![call(1)],
        vec![Effect::Undo { step: 0 }],
        vec![Effect::Verify],
    ] {
        let (mut model, state) = (model.clone(), run.state.clone());
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            model.see(&state, &ticked, &effects, &state);
        }));
        assert!(seen.is_err(), "no objection to {effects:?}");
    }
}
