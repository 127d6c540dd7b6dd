//! What becomes of running steps when whoever drove them is gone.

use serde_json::json;

use super::*;

fn recovered(
    uncertain: &[usize],
    not_started: &[usize],
    ended: Vec<(usize, u32, CallEnd)>,
) -> What {
    What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: uncertain.to_vec(),
        not_started: not_started.to_vec(),
        ended,
    }
}

/// Known ends count, what had not begun begins, what can be repeated is, and a person is asked about the rest.
#[test]
fn every_running_step_is_taken_up() {
    let mut run = Run::begun_with(
        plan(&["done", "fresh", "safe", "unsafe"], json!({})),
        &|step| Known {
            repeatable: step == 2,
            ..once_only()
        },
    );
    run.feed(recovered(&[2, 3], &[1], vec![(0, 1, end(Status::Ok))]));
    assert_eq!(run.status("done"), StepStatus::Completed);
    assert_eq!(run.status("fresh"), StepStatus::Ready);
    assert_eq!(run.status("safe"), StepStatus::Ready);
    assert_eq!(run.status("unsafe"), StepStatus::Uncertain);
    assert!(run.called().is_empty(), "nothing begins before the answer");
    run.answers(&run.token(), act(json!({ "action": "skip" })));
    assert_eq!(run.called(), ["fresh", "safe"]);
    assert_eq!(
        (run.step("fresh").attempts, run.step("safe").attempts),
        (1, 2)
    );
    assert_eq!(
        run.state.calls(),
        5,
        "what had not begun is not counted twice"
    );
}

/// A recovery accounts for what ran, each once; otherwise it is refused as a whole.
#[test]
fn a_recovery_has_to_fit() {
    let mut run = Run::begun_with(plan(&["a", "b", "c: a"], json!({})), &|_| once_only());
    let ok = || end(Status::Ok);
    for wrong in [
        recovered(&[], &[], vec![]),
        recovered(&[0], &[], vec![]),
        recovered(&[0, 1, 2], &[], vec![]),
        recovered(&[0, 1, 9], &[], vec![]),
        recovered(&[0, 0, 1], &[], vec![]),
        recovered(&[0, 1], &[1], vec![]),
        recovered(&[1], &[], vec![(0, 1, ok()), (0, 1, ok())]),
        recovered(&[], &[], vec![(0, 1, ok()), (1, 2, ok())]),
        recovered(&[], &[1], vec![(0, 1, ok()), (1, 1, ok())]),
    ] {
        run.refused(wrong);
    }
    run.feed(recovered(&[], &[], vec![(0, 1, ok()), (1, 1, ok())]));
    assert_eq!(run.called(), ["c"]);
}

/// A call that was cancelled by whoever drove it, on the way out, did not fail.
#[test]
fn a_call_that_its_driver_cancelled_runs_again() {
    let written = || plan(&["a"], json!({}));
    let cancelled = |started| CallEnd {
        started,
        ..failed(Code::Cancelled)
    };
    let mut run = Run::begun(written());
    run.feed(recovered(&[], &[], vec![(0, 1, cancelled(true))]));
    assert_eq!(run.called(), ["a"]);

    let mut run = Run::begun_with(written(), &|_| once_only());
    run.feed(recovered(&[], &[], vec![(0, 1, cancelled(false))]));
    assert_eq!(run.called(), ["a"]);

    let mut run = Run::begun_with(written(), &|_| once_only());
    run.feed(recovered(&[], &[], vec![(0, 1, cancelled(true))]));
    assert_eq!(run.status("a"), StepStatus::Uncertain);
}

/// A workflow that was on its way to an end goes on with it, and asks nobody.
#[test]
fn an_end_is_taken_up_as_well() {
    let written = with_step(
        plan(&["a", "b: a", "c: a"], json!({})),
        "a",
        json!({ "undo": {} }),
    );
    let mut run = Run::begun_with(written, &|_| once_only());
    run.ok("a").fails("b", Code::GuestError);
    run.feed(recovered(&[2], &[], vec![]));
    assert_eq!(run.status("c"), StepStatus::Failed);
    assert_eq!(run.step("c").ended, Some(Status::Uncertain));
    assert!(run.tokens().is_empty());
    assert_eq!(run.did(), [Effect::Undo { step: 0 }]);

    let mut lost = run.clone();
    lost.feed(recovered(&[0], &[], vec![]));
    assert_eq!(lost.step("a").undone, Some(Status::Uncertain));
    assert_eq!(lost.phase(), WorkflowState::Failed);

    let mut fresh = run.clone();
    fresh.feed(recovered(&[], &[0], vec![]));
    assert_eq!(fresh.did(), [Effect::Undo { step: 0 }]);

    run.feed(recovered(&[], &[], vec![(0, 1, end(Status::Ok))]));
    assert_eq!(run.step("a").undone, Some(Status::Ok));
    assert_eq!(run.phase(), WorkflowState::Failed);
}

/// Whoever looked at the criteria is gone, too; in a pause nobody looks.
#[test]
fn criteria_are_looked_at_again() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.ok("a");
    run.feed(recovered(&[], &[], vec![]));
    assert_eq!(run.did(), [Effect::Verify]);
    run.acts(act(json!({ "action": "pause" })));
    run.feed(recovered(&[], &[], vec![]));
    assert!(run.did().is_empty());
    run.acts(act(json!({ "action": "continue" })));
    assert_eq!(run.did(), [Effect::Verify]);
}

/// What a person was asked stays asked.
#[test]
fn questions_survive() {
    let mut run = Run::begun(plan(
        &["a"],
        json!({ "success": [{ "confirmed": "good?" }] }),
    ));
    run.ok("a").looked(vec![None]);
    let token = run.token();
    run.feed(recovered(&[], &[], vec![]));
    assert_eq!(run.token(), token);
    assert!(run.did().is_empty());
    run.answers(&token, act(json!({ "action": "confirm", "met": true })));
    assert_eq!(run.phase(), WorkflowState::Completed);
}

/// Waiting retries and approvals go on waiting.
#[test]
fn waiting_steps_go_on_waiting() {
    let written = with_step(
        plan(&["a", "b"], json!({})),
        "a",
        json!({ "retry": { "base_delay_ms": 500 } }),
    );
    let mut run = Run::begun(written);
    run.fails("a", Code::LimitTime);
    run.feed(What::Asked {
        step: 1,
        question: "q".to_owned(),
        expires_ms: None,
    });
    run.now_ms += 100;
    run.feed(recovered(&[], &[], vec![]));
    assert_eq!(
        (run.status("a"), run.status("b")),
        (StepStatus::Retrying, StepStatus::Asking)
    );
    run.now_ms += 400;
    run.feed(recovered(&[], &[], vec![]));
    assert_eq!(run.called(), ["a"]);
}
