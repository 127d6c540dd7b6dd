//! What people do to a workflow as a whole: pause, continue, stop, escalate, take more time, look.

use serde_json::json;

use super::*;

fn pause() -> Act {
    act(json!({ "action": "pause" }))
}

fn interrupt() -> Act {
    act(json!({ "action": "pause", "interrupt": true }))
}

fn go_on() -> Act {
    act(json!({ "action": "continue" }))
}

/// After a pause nothing begins, whatever ends; then everything goes on where it was.
#[test]
fn nothing_begins_in_a_pause() {
    let retry = json!({ "retry": { "base_delay_ms": 10, "backoff": "fixed" } });
    let written = with_step(plan(&["a", "b", "c: a", "d: c"], json!({})), "b", retry);
    let mut run = Run::begun(written);
    run.acts(pause());
    assert_eq!(
        run.told_names(),
        ["user_acted", "workflow_state_changed", "workflow_suspended"]
    );
    run.ok("a");
    assert!(run.did().is_empty());
    run.fails("b", Code::LimitTime).tick(1_000);
    assert!(run.did().is_empty(), "retries wait, too");
    run.acts(go_on());
    assert_eq!(run.called(), ["b", "c"]);
    assert_eq!((run.step("a").attempts, run.step("b").attempts), (1, 2));
    run.ok("b").ok("c").ok("d").verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
    assert_eq!(run.step("c").attempts, 1);
    run.replays();
}

/// A pause that interrupts puts back what can be repeated or had not begun, and asks about the rest.
#[test]
fn an_interrupting_pause_asks_about_what_cannot_be_repeated() {
    let mut run = Run::begun_with(
        plan(&["safe", "late", "unsafe", "done"], json!({})),
        &|step| Known {
            repeatable: step == 0,
            ..once_only()
        },
    );
    run.acts(interrupt());
    let interrupts: Vec<Effect> = (0..4).map(|step| Effect::Interrupt { step }).collect();
    assert_eq!(run.did(), interrupts);
    run.fails("safe", Code::Cancelled);
    let early = CallEnd {
        started: false,
        ..failed(Code::Cancelled)
    };
    run.ends("late", early);
    assert_eq!(run.tokens().len(), 1, "only the pause asks until now");
    run.fails("unsafe", Code::Cancelled);
    assert_eq!(run.told_names(), ["replay_uncertain", "workflow_suspended"]);
    run.ok("done");
    assert_eq!(run.status("safe"), StepStatus::Ready);
    assert_eq!(run.status("late"), StepStatus::Ready);
    assert_eq!(run.status("unsafe"), StepStatus::Uncertain);
    assert_eq!(run.status("done"), StepStatus::Completed);

    let why = run.refused(acted(None, go_on()));
    assert!(why.contains("1 questions wait"), "{why}");
    let token = about(&run, |about| matches!(about, About::Uncertain { step: 2 }));
    run.answers(&token, act(json!({ "action": "retry" })));
    assert_eq!(run.phase(), WorkflowState::Paused, "the pause goes on");
    assert!(run.called().is_empty());
    run.acts(go_on());
    assert_eq!(run.called(), ["safe", "late", "unsafe"]);
}

/// The token of the question about something.
fn about(run: &Run, is: impl Fn(&About) -> bool) -> String {
    let mut found = run.state.questions().filter(|question| is(&question.about));
    let token = found.next().unwrap().token.clone();
    assert!(found.next().is_none());
    token
}

/// A call that was interrupted and ends after the workflow goes on begins again at once.
#[test]
fn an_interruption_can_end_after_the_pause() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.acts(interrupt()).acts(go_on());
    assert!(run.called().is_empty());
    run.fails("a", Code::Cancelled);
    assert_eq!(run.called(), ["a"]);
    assert_eq!(run.step("a").attempts, 2);
}

#[test]
fn the_clock_stands_still_in_a_pause_unless_the_plan_says_otherwise() {
    for (stops, phase) in [
        (true, WorkflowState::Paused),
        (false, WorkflowState::Failed),
    ] {
        let others = json!({ "timeout_ms": 1_000, "preferences": { "pause_stops_clock": stops } });
        let mut run = Run::begun(plan(&["a"], others));
        run.tick(300).acts(pause()).ok("a");
        run.tick(5_000);
        assert_eq!(run.phase(), phase);
        assert_eq!(run.state.active_ms(), if stops { 300 } else { 5_300 });
    }
}

#[test]
fn a_stopped_workflow_takes_its_effects_back() {
    let mut written = plan(&["a", "b: a", "c: b", "d: c"], json!({}));
    for id in ["a", "b"] {
        written = with_step(
            written,
            id,
            json!({ "undo": { "capability": "test.undo.v1" } }),
        );
    }
    let mut run = Run::begun(written);
    run.ok("a").ok("b");
    run.acts(act(json!({ "action": "stop" })));
    assert_eq!(
        run.did(),
        [Effect::Interrupt { step: 2 }],
        "what runs ends first"
    );
    run.refused(acted(None, go_on()));
    run.fails("c", Code::Cancelled);
    assert_eq!(run.did(), [Effect::Undo { step: 1 }], "the newest first");
    run.undone("b");
    assert_eq!(run.did(), [Effect::Undo { step: 0 }]);
    run.undone("a");
    assert_eq!(run.phase(), WorkflowState::Cancelled);
    assert_eq!(run.reason(), (Code::Cancelled, "Stopped by user"));
    assert_eq!(run.step("a").undone, Some(Status::Ok));
    assert_eq!(run.status("d"), StepStatus::Cancelled);
}

#[test]
fn a_forced_stop_takes_nothing_back() {
    let written = with_step(plan(&["a", "b: a"], json!({})), "a", json!({ "undo": {} }));
    let force = || act(json!({ "action": "stop", "force": true }));
    let mut run = Run::begun(written.clone());
    run.ok("a").acts(force());
    run.fails("b", Code::Cancelled);
    assert!(run.did().is_empty());
    assert_eq!(run.phase(), WorkflowState::Cancelled);

    // It also ends the taking back that has begun.
    let mut run = Run::begun(written);
    run.ok("a")
        .acts(act(json!({ "action": "stop" })))
        .fails("b", Code::Cancelled);
    assert_eq!(run.did(), [Effect::Undo { step: 0 }]);
    run.acts(force());
    assert_eq!(run.did(), [Effect::Interrupt { step: 0 }]);
    run.undone("a");
    assert_eq!(run.phase(), WorkflowState::Cancelled);
}

/// An escalation pauses; whatever is done in a pause, a question about it stays.
#[test]
fn an_escalation_pauses_and_asks() {
    let mut run = Run::begun(plan(&["a", "b: a"], json!({})));
    run.acts(act(json!({ "action": "escalate", "reason": "ask Ada" })));
    assert_eq!(run.phase(), WorkflowState::Paused);
    assert_eq!(
        run.state.history().last().unwrap().reason,
        "Escalated to a person: ask Ada"
    );
    let first = run.token();
    run.answers(&first, act(json!({ "action": "escalate" })));
    assert_eq!(run.phase(), WorkflowState::Paused);
    let second = run.token();
    assert_ne!(
        first, second,
        "the answered question is gone, and another one asks"
    );
    run.answers(
        &second,
        act(json!({ "action": "remove_action", "step": "b" })),
    );
    run.answers(&run.token(), go_on());
    assert_eq!(run.phase(), WorkflowState::Executing);
    assert!(run.tokens().is_empty());
}

#[test]
fn more_time_is_more_time() {
    let mut run = Run::begun(plan(&["a"], json!({ "timeout_ms": 1_000 })));
    run.tick(900);
    run.acts(act(json!({ "action": "increase_timeout", "by_ms": 500 })));
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 600));
    run.tick(599);
    assert!(run.did().is_empty());
    for by_ms in [0, 3_600_001, u64::MAX] {
        run.refused(acted(None, Act::IncreaseTimeout { by_ms }));
    }
    run.tick(1);
    assert_eq!(run.did(), [Effect::Interrupt { step: 0 }]);
}

#[test]
fn looking_changes_nothing_and_answers_nothing() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.acts(pause());
    let token = run.token();
    let before = run.state.clone();
    run.answers(&token, act(json!({ "action": "inspect_state" })));
    assert_eq!(run.told_names(), ["user_acted"]);
    assert_eq!(run.state, before);
    run.answers(&token, go_on());
}

/// Remedies of a stall take hold; one that asks pauses the workflow.
#[test]
fn a_stall_is_answered() {
    let mut run = Run::begun(plan(
        &["a", "b", "c", "d", "e"],
        json!({ "timeout_ms": 1_000 }),
    ));
    let stalled = |remedies, asked: Option<&str>| {
        What::Stalled(Box::new(Stalled {
            issue: "no_progress".to_owned(),
            count: 2,
            evidence: "nothing ended in 30 s".to_owned(),
            remedies,
            asked: asked.map(str::to_owned),
        }))
    };
    run.feed(stalled(vec![Remedy::FewerAtOnce], None));
    assert_eq!(run.told_names(), ["stall_detected"]);
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 1_000));
    assert_eq!(run.state.parallel(), 2);
    for _ in 0..3 {
        run.feed(stalled(vec![Remedy::FewerAtOnce], None));
    }
    assert_eq!(run.state.parallel(), 1, "never none");
    run.feed(stalled(Vec::new(), Some("restart it")));
    assert_eq!(run.phase(), WorkflowState::Paused);
    let prompt = &run.state.questions().next().unwrap().prompt;
    assert_eq!(prompt, "nothing ended in 30 s; restart it");
    let token = run.token();
    run.ok("a").answers(&token, go_on());
    assert_eq!(run.phase(), WorkflowState::Executing);
}

#[test]
fn a_loop_is_told_and_a_hard_one_ends_the_workflow() {
    let mut run = Run::begun(plan(&["a", "b: a"], json!({})));
    let looped = |hard| What::Looped {
        kind: crate::event::LoopKind::Fuzzy,
        count: 5,
        maximum: 3,
        actions: vec!["test.act.v1".to_owned()],
        hard,
    };
    run.feed(looped(false));
    assert_eq!(run.told_names(), ["loop_detected"]);
    assert!(run.did().is_empty());
    run.feed(looped(true));
    assert_eq!(run.did(), [Effect::Interrupt { step: 0 }]);
    run.ok("a");
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(run.reason().0, Code::DeniedLoop);
}

/// A pause without a token is over for whoever holds its token, too.
#[test]
fn a_pause_that_is_over_takes_its_question_along() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.acts(pause());
    let token = run.token();
    run.acts(go_on());
    let resumed = run.told().into_iter().find_map(|kind| {
        let EventKind::WorkflowResumed { token } = kind else {
            return None;
        };
        Some(token.clone())
    });
    assert_eq!(resumed, Some(token.clone()));
    run.refused(acted(Some(&token), go_on()));
}
