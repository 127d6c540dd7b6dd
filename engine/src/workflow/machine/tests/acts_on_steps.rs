//! What people do to single steps: change, add, remove, restart, or give them a result.

use serde_json::json;

use super::*;

fn goes_on() -> Value {
    json!({ "preferences": { "continue_on_error": true } })
}

fn wants(written: Value) -> What {
    acted(None, act(written))
}

#[test]
fn arguments_and_timeouts_of_a_step_that_has_not_begun_change() {
    let mut run = Run::begun(plan(
        &["a", "b: a", "c", "d: b c"],
        json!({ "inputs": { "x": 1 } }),
    ));
    let modify = |step: &str, args: Value| {
        wants(json!({ "action": "modify_parameters", "step": step, "args": args, "timeout_ms": 7 }))
    };
    run.feed(modify(
        "b",
        json!({ "x": "${inputs.x}", "y": "${steps.a.output}" }),
    ));
    assert_eq!(run.step("b").step.spec.args["y"], "${steps.a.output}");
    assert_eq!(run.step("b").step.spec.timeout_ms, Some(7));
    for (step, args, why) in [
        ("a", json!({}), "has begun"),
        ("z", json!({}), "no step `z`"),
        (
            "b",
            json!({ "x": "${steps.c.output}" }),
            "need the step `c`",
        ),
        ("b", json!({ "x": "${steps.z.output}" }), "no step `z`"),
        ("b", json!({ "x": "${inputs.z}" }), "no input `z`"),
        ("b", json!({ "x": "${nonsense" }), ""),
        ("b", json!("text"), "neither an object nor an array"),
        ("b", Value::Null, "neither an object nor an array"),
    ] {
        let found = run.refused(modify(step, args));
        assert!(found.contains(why), "{found}");
    }
    // What has completed may be referred to, even where the plan knows nothing of it.
    run.ok("c");
    run.feed(modify("b", json!({ "x": "${steps.c.output}" })));
}

#[test]
fn what_holds_for_the_workflow_changes_within_bounds() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.tick(1_500);
    let modify = |fields: Value| {
        let mut all = json!({ "action": "modify_parameters" });
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        wants(all)
    };
    for wrong in [
        json!({}),
        json!({ "timeout_ms": 999 }),
        json!({ "timeout_ms": 1_500 }),
        json!({ "timeout_ms": 3_600_001 }),
        json!({ "max_parallel_executions": 0 }),
        json!({ "max_parallel_executions": 65 }),
        json!({ "args": {} }),
        json!({ "step": "a", "max_parallel_executions": 2 }),
        json!({ "step": "a" }),
    ] {
        run.refused(modify(wrong));
    }
    run.feed(modify(
        json!({ "timeout_ms": 2_000, "max_parallel_executions": 64 }),
    ));
    assert_eq!(run.state.parallel(), 64);
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 500));
}

#[test]
fn an_added_step_runs_after_what_it_needs() {
    let mut run = Run::begun(plan(&["a"], json!({ "allowed_capabilities": ["test.*"] })));
    let add = |step: Value| wants(json!({ "action": "add_action", "step": step }));
    let spec =
        json!({ "id": "b", "capability": "test.act.v1", "args": { "x": "${steps.a.output}" } });
    run.feed(add(spec.clone()));
    assert!(run.called().is_empty());
    for (wrong, why) in [
        (spec, "`b` already"),
        (
            json!({ "id": "c c", "capability": "test.act.v1" }),
            "cannot name a step",
        ),
        (
            json!({ "id": "c", "capability": "net.get.v1" }),
            "allowed_capabilities",
        ),
        (
            json!({ "id": "c", "capability": "test.act.v1", "undo": { "capability": "net.get.v1" } }),
            "allowed_capabilities",
        ),
        (
            json!({ "id": "c", "capability": "test.act.v1", "depends_on": ["c"] }),
            "no step `c`",
        ),
        (
            json!({ "id": "c", "capability": "test.act.v1", "timeout_ms": 0 }),
            "outside",
        ),
    ] {
        let found = run.refused(add(wrong));
        assert!(found.contains(why), "{found}");
    }
    let mut unknown = add(json!({ "id": "c", "capability": "test.act.v1" }));
    if let What::Acted { known, .. } = &mut unknown {
        *known = None;
    }
    run.refused(unknown);
    run.ok("a");
    assert_eq!(run.called(), ["b"]);
    run.feed(add(
        json!({ "id": "c", "capability": "test.act.v1", "depends_on": ["a"] }),
    ));
    assert_eq!(run.called(), ["c"], "`a` has completed");
    run.ok("b").ok("c");
    assert_eq!(run.did(), [Effect::Verify]);
    // While the criteria are looked at, a step can still be added; they are looked at again.
    run.feed(add(json!({ "id": "d", "capability": "test.act.v1" })));
    run.refused(looked(vec![Some(true)]));
    run.ok("d");
    assert_eq!(run.did(), [Effect::Verify]);
    run.verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
}

#[test]
fn a_removed_step_takes_its_dependents_along() {
    let mut run = Run::begun(plan(&["a", "b: a", "c: b", "d"], json!({})));
    run.feed(wants(json!({ "action": "remove_action", "step": "b" })));
    assert_eq!(run.status("b"), StepStatus::Removed);
    assert_eq!(run.status("c"), StepStatus::Skipped);
    for step in ["a", "b", "c", "z"] {
        run.refused(wants(json!({ "action": "remove_action", "step": step })));
    }
    run.ok("a").ok("d");
    assert_eq!(run.did(), [Effect::Verify]);
}

/// A step that waits for a retry or an approval can be removed, and does not come back.
#[test]
fn waiting_steps_can_be_removed() {
    let written = with_step(
        plan(&["a", "b", "c"], json!({})),
        "a",
        json!({ "retry": {} }),
    );
    let mut run = Run::begun(written);
    run.fails("a", Code::LimitTime);
    run.feed(What::Asked {
        step: 1,
        question: "q".to_owned(),
        expires_ms: Some(2_000_000),
    });
    for step in ["a", "b"] {
        run.feed(wants(json!({ "action": "remove_action", "step": step })));
    }
    run.tick(10_000);
    assert!(run.called().is_empty());
    run.refused(What::Decided {
        step: 1,
        question: "q".to_owned(),
        approval: Approval::Approved,
    });
    run.ok("c");
    assert_eq!(run.did(), [Effect::Verify]);
}

#[test]
fn a_persons_result_takes_the_place_of_a_steps_own() {
    let written = with_step(
        plan(&["a", "b: a", "c"], goes_on()),
        "a",
        json!({ "undo": {} }),
    );
    let mut run = Run::begun(written);
    let give = |step: &str| {
        wants(json!({ "action": "override_result", "step": step, "value": { "n": 1 } }))
    };
    let why = run.refused(give("a"));
    assert!(why.contains("runs"), "{why}");
    run.feed(give("b"));
    assert_eq!(
        run.step("b").output.as_ref().unwrap().json.as_deref(),
        Some("{\"n\":1}")
    );
    run.fails("a", Code::GuestError);
    run.feed(give("a"));
    assert_eq!(run.step("a").ended, Some(Status::Ok));
    assert!(run.step("a").failure.is_none());
    run.refused(give("a"));
    let large =
        json!({ "action": "override_result", "step": "c", "value": "x".repeat(Output::INLINE) });
    run.refused(wants(large));
    // What a person made up has no effect that could be taken back.
    run.feed(wants(json!({ "action": "stop" })));
    run.fails("c", Code::Cancelled);
    assert!(run.did().is_empty());
    assert_eq!(run.phase(), WorkflowState::Cancelled);
}

/// Others run after a step that has a result of a person's own.
#[test]
fn a_persons_result_lets_others_begin() {
    let mut run = Run::begun(plan(&["x", "a: x", "b: a"], json!({})));
    run.feed(wants(
        json!({ "action": "override_result", "step": "a", "value": 1 }),
    ));
    assert_eq!(run.called(), ["b"]);
    run.ok("x").ok("b");
    assert_eq!(run.did(), [Effect::Verify]);
    assert_eq!(run.step("a").attempts, 0);
}

#[test]
fn failed_and_skipped_steps_run_again() {
    let mut run = Run::begun(plan(&["a", "b: a", "c", "d: b c"], goes_on()));
    run.fails("a", Code::GuestError);
    run.refused(wants(json!({ "action": "restart", "step": "c" })));
    let why = run.refused(wants(json!({ "action": "restart", "step": "b" })));
    assert!(why.contains("needs `a`"), "{why}");
    run.feed(wants(json!({ "action": "restart", "step": "a" })));
    assert_eq!(run.called(), ["a"]);
    assert_eq!(run.status("b"), StepStatus::Pending);
    assert_eq!(run.status("d"), StepStatus::Pending);
    run.ok("a").ok("c").ok("b").ok("d").verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
    run.replays();
}

/// A step that needs two failed ones waits until both are made again.
#[test]
fn a_restart_leaves_out_what_cannot_begin() {
    let mut run = Run::begun(plan(&["a", "b", "c: a b", "d", "e: d"], goes_on()));
    run.fails("a", Code::GuestError)
        .fails("b", Code::GuestError);
    run.feed(wants(json!({ "action": "restart", "step": "a" })));
    assert_eq!(run.called(), ["a"]);
    assert_eq!(run.status("c"), StepStatus::Skipped);
    run.feed(wants(json!({ "action": "restart", "step": "b" })));
    assert_eq!(run.status("c"), StepStatus::Pending);
    run.ok("a").ok("b");
    assert_eq!(run.called(), ["c"]);
}

/// A removed step is no obstacle to a restart of all others.
#[test]
fn a_restart_of_all_leaves_out_what_needs_a_removed_step() {
    let mut run = Run::begun(plan(&["a", "b: a", "c: b", "d"], goes_on()));
    run.feed(wants(json!({ "action": "remove_action", "step": "b" })));
    let why = run.refused(wants(json!({ "action": "restart" })));
    assert!(why.contains("removed"), "{why}");
    run.fails("d", Code::GuestError);
    run.feed(wants(json!({ "action": "restart" })));
    assert_eq!(run.called(), ["d"]);
    assert_eq!(run.status("c"), StepStatus::Skipped);
}

/// Changes while a person is asked about a criterion ask the criteria again, later, and leave nobody waiting.
#[test]
fn a_change_takes_questions_about_the_result_back() {
    let confirmed = json!({ "success": [{ "confirmed": "is it good?" }] });
    let mut run = Run::begun(plan(&["a"], confirmed));
    run.ok("a").looked(vec![None]);
    let old = run.token();
    run.feed(wants(
        json!({ "action": "add_action", "step": { "id": "b", "capability": "x" } }),
    ));
    assert_eq!(run.phase(), WorkflowState::Paused);
    let new = run.token();
    assert_ne!(old, new, "how it goes on is asked now");
    run.refused(acted(
        Some(&old),
        act(json!({ "action": "confirm", "met": true })),
    ));
    run.answers(&new, act(json!({ "action": "continue" })));
    assert_eq!(run.called(), ["b"]);
    run.ok("b");
    assert_eq!(run.did(), [Effect::Verify]);
}

/// A workflow has at most 1,000 steps, however they came.
#[test]
fn steps_are_not_added_without_end() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    for number in 1..1_000 {
        let spec = json!({ "id": format!("n{number}"), "capability": "x", "depends_on": ["a"] });
        let (state, effects) = step(
            run.state,
            Input {
                at_ms: run.now_ms,
                what: wants(json!({ "action": "add_action", "step": spec })),
            },
        );
        assert!(
            !matches!(effects.as_slice(), [Effect::Refuse { .. }]),
            "{effects:?}"
        );
        run.state = state;
    }
    run.refused(wants(
        json!({ "action": "add_action", "step": { "id": "z", "capability": "x" } }),
    ));
}
