//! How workflows end: by a denial, a kill, unmet criteria, and what is taken back.

use serde_json::json;

use super::*;

/// A plan whose first steps can be taken back.
fn undoable(steps: &[&str], others: Value) -> Value {
    let written = plan(steps, others);
    with_step(
        with_step(written, "a", json!({ "undo": {} })),
        "b",
        json!({ "undo": {} }),
    )
}

fn killed() -> CallEnd {
    CallEnd {
        killed: true,
        ..failed(Code::DeniedPolicy)
    }
}

/// A denied action fails its step, and the workflow unless it goes on.
#[test]
fn a_denial_fails_the_step() {
    let mut run = Run::begun(plan(&["a", "b: a"], json!({})));
    run.fails("a", Code::DeniedPolicy);
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(
        run.reason(),
        (Code::DeniedPolicy, "the step `a` failed: it failed")
    );
    let expected = [
        "step_completed",
        "step_skipped",
        "workflow_state_changed",
        "workflow_completed",
    ];
    assert_eq!(run.told_names(), expected);

    let goes_on = json!({ "preferences": { "continue_on_error": true } });
    let mut run = Run::begun(plan(&["a", "b: a", "c"], goes_on));
    run.fails("a", Code::DeniedPolicy).ok("c");
    assert_eq!(run.did(), [Effect::Verify]);
}

/// After a kill nothing runs and nothing is taken back, even where steps go on after errors.
#[test]
fn a_kill_ends_everything() {
    let goes_on = json!({ "preferences": { "continue_on_error": true } });
    for status in [Status::Denied, Status::Ok] {
        let mut run = Run::begun(undoable(
            &["a", "b: a", "c: b", "d: b", "e"],
            goes_on.clone(),
        ));
        run.ok("a").ok("b");
        let end = CallEnd { status, ..killed() };
        run.ends("c", end);
        let interrupts = [Effect::Interrupt { step: 3 }, Effect::Interrupt { step: 4 }];
        assert_eq!(run.did(), interrupts);
        run.ok("d");
        assert!(run.did().is_empty());
        run.fails("e", Code::Cancelled);
        assert!(run.did().is_empty(), "{:?}", run.did());
        assert_eq!(run.phase(), WorkflowState::Failed);
        assert_eq!(run.reason().0, Code::DeniedPolicy);
    }
}

/// A kill forbids the taking back that another end had begun.
#[test]
fn a_kill_ends_the_taking_back() {
    let mut run = Run::begun(undoable(&["a", "b: a", "c: b", "d: b"], json!({})));
    run.ok("a").ok("b").fails("c", Code::GuestError);
    run.ends("d", killed());
    assert!(run.did().is_empty());
    assert_eq!(run.reason().0, Code::GuestError, "the first reason stays");

    let mut run = Run::begun(undoable(&["a", "b: a", "c: b"], json!({})));
    run.ok("a").ok("b").fails("c", Code::GuestError);
    assert_eq!(run.did(), [Effect::Undo { step: 1 }]);
    run.feed(What::Undone {
        step: 1,
        end: Box::new(killed()),
    });
    assert!(run.did().is_empty(), "{:?}", run.did());
    assert_eq!(run.phase(), WorkflowState::Failed);
}

/// Effects are taken back one after the other, the newest first, whatever becomes of it.
#[test]
fn effects_are_taken_back_in_reverse() {
    let mut run = Run::begun(undoable(&["a", "b", "c: a b", "d: a b"], json!({})));
    run.ok("b").ok("a").fails("c", Code::GuestError);
    assert!(run.did().is_empty(), "`d` still runs");
    run.ok("d");
    assert_eq!(run.did(), [Effect::Undo { step: 0 }]);
    run.refused(What::Undone {
        step: 1,
        end: Box::new(end(Status::Ok)),
    });
    run.feed(What::Undone {
        step: 0,
        end: Box::new(failed(Code::GuestError)),
    });
    assert_eq!(run.told_names(), ["step_undone"]);
    assert_eq!(run.did(), [Effect::Undo { step: 1 }]);
    run.undone("b");
    assert_eq!(run.step("a").undone, Some(Status::Error));
    assert_eq!(run.step("b").undone, Some(Status::Ok));
    assert_eq!(run.phase(), WorkflowState::Failed);
}

/// A workflow whose criteria are not met is not completed, and says which and why.
#[test]
fn unmet_criteria_fail_the_workflow() {
    let success = json!({ "success": [{ "completed": [] }, { "within": { "calls": 1 } }, { "completed": ["a"] }] });
    let mut run = Run::begun(plan(&["a"], success));
    run.ok("a");
    for wrong in [0, 2, 4] {
        run.refused(looked(vec![Some(true); wrong]));
    }
    run.looked(vec![Some(true), Some(false), Some(false)]);
    assert_eq!(run.phase(), WorkflowState::Failed);
    let expected = "success criteria are not met: criterion 1; criterion 2";
    assert_eq!(run.reason(), (Code::CriterionUnmet, expected));
    assert_eq!(run.state.evidence().len(), 3);
    assert!(run.state.evidence()[0].met.unwrap());
}

/// Without criteria of its own, a plan has one.
#[test]
fn a_plan_without_criteria_is_looked_at() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.refused(looked(vec![Some(true)]));
    run.ok("a");
    run.refused(looked(vec![]));
    run.looked(vec![Some(false)]);
    assert_eq!(run.reason().0, Code::CriterionUnmet);
}

/// What was found is told once, even while a person is asked about it.
#[test]
fn criteria_are_not_looked_at_twice() {
    let mut run = Run::begun(plan(
        &["a"],
        json!({ "success": [{ "confirmed": "good?" }] }),
    ));
    run.ok("a").looked(vec![None]);
    run.refused(looked(vec![Some(true)]));
    assert_eq!(run.phase(), WorkflowState::Paused);
}

/// Whoever looks at criteria while the workflow is paused looks again afterwards.
#[test]
fn criteria_are_looked_at_again_after_a_pause() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.ok("a").acts(act(json!({ "action": "pause" })));
    run.verified();
    assert_eq!(run.phase(), WorkflowState::Paused);
    run.acts(act(json!({ "action": "continue" })));
    assert_eq!(run.did(), [Effect::Verify]);
    run.verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
}

/// Every step has exactly one last word, and the workflow has the very last.
#[test]
fn a_cancelled_workflow_tells_of_every_step() {
    let mut run = Run::begun(plan(
        &["a", "b", "c: a", "d"],
        json!({ "resource_limits": { "max_parallel_executions": 2 } }),
    ));
    run.ok("a").acts(act(json!({ "action": "stop" })));
    run.fails("b", Code::Cancelled).fails("c", Code::Cancelled);
    let all: Vec<String> = run
        .taken
        .iter()
        .flat_map(|(_, effects)| told(effects))
        .map(name)
        .collect();
    let count = |wanted: &str| all.iter().filter(|name| *name == wanted).count();
    assert_eq!(count("step_completed") + count("step_skipped"), 4);
    assert_eq!(count("workflow_completed"), 1);
    assert_eq!(all.last().unwrap(), "workflow_completed");
    assert!((run.state.progress() - 1.0).abs() < f64::EPSILON);
    run.refused(What::Ticked);
}
