//! Questions to people: tokens, schemas, answers, and what happens without one.

use serde_json::json;

use super::*;

fn paused() -> Run {
    let mut run = Run::begun(plan(
        &["a", "b: a", "c"],
        json!({ "preferences": { "continue_on_error": true } }),
    ));
    run.fails("c", Code::GuestError);
    run.acts(act(json!({ "action": "pause" })));
    run
}

fn uncertain() -> Run {
    let mut run = Run::begun_with(plan(&["a", "b: a"], json!({})), &|_| once_only());
    run.feed(What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: vec![0],
        not_started: vec![],
        ended: vec![],
    });
    run
}

fn to_confirm() -> Run {
    let mut run = Run::begun(plan(
        &["a"],
        json!({ "success": [{ "confirmed": "is it good?" }] }),
    ));
    run.ok("a").looked(vec![None]);
    run
}

/// The schema of the one question of a run.
fn schema(run: &Run) -> jsonschema::Validator {
    let question = run.state.questions().next().unwrap();
    assert_eq!(question.schema, question.about.schema());
    jsonschema::draft202012::new(&question.schema).unwrap()
}

/// What anybody could write as an answer: good ones of every kind, and bad ones.
fn answers() -> Vec<Value> {
    let mut answers = vec![json!(null), json!("continue"), json!([]), json!({})];
    let alone = [
        "continue",
        "stop",
        "escalate",
        "inspect_state",
        "restart",
        "retry",
        "skip",
        "fail",
        "pause",
        "nonsense",
        "modify_parameters",
        "add_action",
        "remove_action",
        "override_result",
        "increase_timeout",
        "mark_done",
        "confirm",
    ];
    for action in alone {
        answers.push(json!({ "action": action }));
        answers.push(json!({ "action": action, "surplus": 1 }));
    }
    answers.extend([
        json!({ "action": "stop", "force": true }),
        json!({ "action": "stop", "force": "yes" }),
        json!({ "action": "escalate", "reason": "why" }),
        json!({ "action": "escalate", "reason": 1 }),
        json!({ "action": "restart", "step": "c" }),
        json!({ "action": "restart", "step": 1 }),
        json!({ "action": "modify_parameters", "step": "b", "args": {} }),
        json!({ "action": "modify_parameters", "step": "b", "args": [] }),
        json!({ "action": "modify_parameters", "step": "b", "args": null }),
        json!({ "action": "modify_parameters", "step": "b", "args": 1 }),
        json!({ "action": "modify_parameters", "step": "b", "timeout_ms": 1 }),
        json!({ "action": "modify_parameters", "step": "b", "timeout_ms": 0 }),
        json!({ "action": "modify_parameters", "step": "b", "timeout_ms": 3_600_000 }),
        json!({ "action": "modify_parameters", "step": "b", "timeout_ms": 3_600_001 }),
        json!({ "action": "modify_parameters", "step": "b", "max_parallel_executions": 1 }),
        json!({ "action": "modify_parameters", "step": "b" }),
        json!({ "action": "modify_parameters", "args": {} }),
        json!({ "action": "modify_parameters", "timeout_ms": 999 }),
        json!({ "action": "modify_parameters", "timeout_ms": 1_000 }),
        json!({ "action": "modify_parameters", "timeout_ms": 3_600_001 }),
        json!({ "action": "modify_parameters", "max_parallel_executions": 0 }),
        json!({ "action": "modify_parameters", "max_parallel_executions": 1 }),
        json!({ "action": "modify_parameters", "max_parallel_executions": 64 }),
        json!({ "action": "modify_parameters", "max_parallel_executions": 65 }),
        json!({ "action": "modify_parameters", "timeout_ms": 2_000, "max_parallel_executions": 2 }),
        json!({ "action": "add_action", "step": { "id": "d", "capability": "x" } }),
        json!({ "action": "add_action", "step": { "id": "d" } }),
        json!({ "action": "add_action", "step": "d" }),
        json!({ "action": "remove_action", "step": "b" }),
        json!({ "action": "override_result", "step": "b", "value": null }),
        json!({ "action": "override_result", "step": "b" }),
        json!({ "action": "override_result", "value": 1 }),
        json!({ "action": "increase_timeout", "by_ms": 0 }),
        json!({ "action": "increase_timeout", "by_ms": 1 }),
        json!({ "action": "increase_timeout", "by_ms": -1 }),
        json!({ "action": "increase_timeout", "by_ms": 3_600_000 }),
        json!({ "action": "increase_timeout", "by_ms": 3_600_001 }),
        json!({ "action": "mark_done", "value": { "n": [1] } }),
        json!({ "action": "mark_done", "value": null }),
        json!({ "action": "confirm", "met": true, "reason": "fine" }),
        json!({ "action": "confirm", "met": false }),
        json!({ "action": "confirm", "met": 1 }),
    ]);
    answers
}

/// The schema of a question accepts exactly the answers that the machine takes.
#[test]
fn schemas_accept_what_the_machine_takes() {
    for (run, at_least) in [(paused(), 21), (uncertain(), 5), (to_confirm(), 2)] {
        let (schema, token) = (schema(&run), run.token());
        let mut accepted = 0;
        for answer in answers() {
            let taken = serde_json::from_value::<Act>(answer.clone())
                .is_ok_and(|act| run.clone().give(acted(Some(&token), act)));
            assert_eq!(schema.is_valid(&answer), taken, "{answer}");
            accepted += usize::from(taken);
        }
        assert!(accepted >= at_least, "only {accepted} answers were taken");
    }
}

/// Every action that a question names is in its schema, and is one that there is.
#[test]
fn actions_and_schemas_agree() {
    for about in [
        About::Paused,
        About::Uncertain { step: 0 },
        About::Criterion { criterion: 0 },
    ] {
        let schema = about.schema();
        let named = schema["oneOf"].as_array().unwrap().iter();
        let mut named: Vec<&str> = named
            .map(|one| one["properties"]["action"]["const"].as_str().unwrap())
            .collect();
        named.dedup();
        assert_eq!(named, about.actions());
    }
}

#[test]
fn answers_need_the_right_token_once() {
    let mut run = paused();
    let token = run.token();
    let go_on = || act(json!({ "action": "continue" }));
    for wrong in ["", "0000", &token[1..], &token.to_uppercase()] {
        let why = run.refused(acted(Some(wrong), go_on()));
        assert!(why.contains("no question with this token"), "{why}");
    }
    for name in ["retry", "skip", "fail"] {
        let why = run.refused(acted(Some(&token), act(json!({ "action": name }))));
        assert!(
            why.contains("does not answer this question: it takes continue"),
            "{why}"
        );
        let why = run.refused(acted(None, act(json!({ "action": name }))));
        assert!(why.contains("needs the token"), "{why}");
    }
    run.answers(&token, go_on());
    assert_eq!(
        run.told_names(),
        [
            "user_acted",
            "workflow_state_changed",
            "workflow_resumed",
            "step_started"
        ][..3]
    );
    run.refused(acted(Some(&token), go_on()));
}

/// Tokens come from the seed: nobody guesses them, and replays give the same.
#[test]
fn tokens_differ() {
    let mut run = Run::begun_with(plan(&["a", "b", "c"], json!({})), &|_| once_only());
    run.feed(What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: vec![0, 1, 2],
        not_started: vec![],
        ended: vec![],
    });
    let mut tokens = run.tokens();
    assert!(tokens.iter().all(|token| token.len() == 64), "{tokens:?}");
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    run.replays();
}

#[test]
fn an_answer_about_an_uncertain_step_does_what_it_says() {
    let mut run = uncertain();
    assert_eq!(run.phase(), WorkflowState::Paused);
    assert!(run.called().is_empty());
    run.answers(&run.token(), act(json!({ "action": "retry" })));
    assert_eq!(run.phase(), WorkflowState::Executing);
    assert_eq!(run.called(), ["a"]);
    assert_eq!(run.step("a").attempts, 2);

    let mut run = uncertain();
    run.answers(
        &run.token(),
        act(json!({ "action": "mark_done", "value": [1] })),
    );
    assert_eq!(
        run.step("a").output.as_ref().unwrap().json.as_deref(),
        Some("[1]")
    );
    assert_eq!(run.called(), ["b"]);

    let mut run = uncertain();
    run.answers(&run.token(), act(json!({ "action": "skip" })));
    assert_eq!(
        (run.status("a"), run.status("b")),
        (StepStatus::Skipped, StepStatus::Skipped)
    );
    assert_eq!(run.did(), [Effect::Verify]);

    let mut run = uncertain();
    run.answers(&run.token(), act(json!({ "action": "fail" })));
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(run.reason().0, Code::Uncertain);
    assert_eq!(run.step("a").ended, Some(Status::Uncertain));

    let mut run = uncertain();
    let large = Value::from("x".repeat(Output::INLINE));
    run.refused(acted(Some(&run.token()), Act::MarkDone { value: large }));
    for other in ["remove_action", "override_result"] {
        let written = json!({ "action": other, "step": "a" });
        let mut written = written;
        if other == "override_result" {
            written["value"] = json!(1);
        }
        run.refused(acted(None, act(written)));
    }
}

/// A step whose effect is there although its end was lost is taken back like any other.
#[test]
fn a_step_that_was_marked_done_is_undone() {
    let written = with_step(plan(&["a", "b: a"], json!({})), "a", json!({ "undo": {} }));
    let mut run = Run::begun_with(written, &|_| once_only());
    run.feed(What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: vec![0],
        not_started: vec![],
        ended: vec![],
    });
    run.answers(
        &run.token(),
        act(json!({ "action": "mark_done", "value": 1 })),
    );
    run.fails("b", Code::GuestError);
    assert_eq!(run.did(), [Effect::Undo { step: 0 }]);
}

/// An answer comes too late from the very moment on at which the question expires.
#[test]
fn an_expired_question_takes_no_answer() {
    let preferences = json!({ "preferences": { "answer_timeout_ms": 5_000 } });
    let mut run = Run::begun(plan(&["a"], preferences));
    run.acts(act(json!({ "action": "pause" })));
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 5_000));
    let token = run.token();
    let mut in_time = run.clone();
    in_time.now_ms += 4_999;
    in_time.answers(&token, act(json!({ "action": "continue" })));
    run.now_ms += 5_000;
    let why = run.refused(acted(Some(&token), act(json!({ "action": "continue" }))));
    assert!(why.contains("expired"), "{why}");
}

#[test]
fn an_unanswered_pause_ends_as_the_plan_says() {
    for (word, phase, told) in [
        ("stop", WorkflowState::Cancelled, "approval_expired"),
        ("continue", WorkflowState::Executing, "approval_expired"),
    ] {
        let preferences =
            json!({ "preferences": { "answer_timeout_ms": 1_000, "on_unanswered": word } });
        let mut run = Run::begun(plan(&["a", "b: a"], preferences));
        run.acts(act(json!({ "action": "pause" }))).ok("a");
        run.tick(1_000);
        assert_eq!(run.phase(), phase);
        assert_eq!(run.told_names()[0], told);
        assert_eq!(run.called().is_empty(), word == "stop");
    }
}

/// A pause that nobody answers does not go on over the head of a question about a step.
#[test]
fn an_unanswered_pause_waits_for_other_questions() {
    let preferences =
        json!({ "preferences": { "answer_timeout_ms": 1_000, "on_unanswered": "continue" } });
    let mut run = Run::begun_with(plan(&["a", "b"], preferences), &|_| once_only());
    run.acts(act(json!({ "action": "pause", "interrupt": true })));
    run.now_ms += 500;
    run.fails("a", Code::Cancelled);
    run.tick(500);
    assert_eq!(run.phase(), WorkflowState::Paused);
    assert_eq!(run.tokens().len(), 1);
    run.answers(&run.token(), act(json!({ "action": "retry" })));
    assert_eq!(run.phase(), WorkflowState::Executing);
    assert_eq!(run.called(), ["a"]);
}

#[test]
fn an_unanswered_question_about_a_step_fails_it() {
    let mut run = uncertain();
    run.tick(24 * 3_600_000 - 1);
    assert_eq!(run.phase(), WorkflowState::Paused);
    run.tick(1);
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(run.reason().0, Code::Uncertain);
    assert_eq!(run.status("a"), StepStatus::Failed);
    assert_eq!(run.status("b"), StepStatus::Skipped);
}

#[test]
fn a_person_confirms_the_result_or_does_not() {
    let mut run = to_confirm();
    assert_eq!(run.phase(), WorkflowState::Paused);
    run.answers(
        &run.token(),
        act(json!({ "action": "confirm", "met": true, "reason": "fine" })),
    );
    assert_eq!(run.phase(), WorkflowState::Completed);
    assert_eq!(run.state.evidence()[0].found, "criterion 0: yes fine");
    assert_eq!(run.told_names().last().unwrap(), "workflow_completed");

    let mut run = to_confirm();
    run.answers(
        &run.token(),
        act(json!({ "action": "confirm", "met": false })),
    );
    assert_eq!(run.reason().0, Code::CriterionUnmet);

    let mut run = to_confirm();
    run.tick(24 * 3_600_000);
    assert_eq!(run.phase(), WorkflowState::Failed);
    let found = &run.state.evidence()[0].found;
    assert_eq!(found, "criterion 0: nobody answered in time");
}

#[test]
fn every_question_about_the_result_has_to_be_answered() {
    let success = json!({ "success": [{ "confirmed": "one?" }, { "completed": [] }, { "confirmed": "two?" }] });
    let mut run = Run::begun(plan(&["a"], success));
    run.ok("a").looked(vec![None, Some(true), None]);
    let tokens = run.tokens();
    assert_eq!(tokens.len(), 2);
    run.answers(&tokens[1], act(json!({ "action": "confirm", "met": true })));
    assert_eq!(run.phase(), WorkflowState::Paused);
    run.answers(&tokens[0], act(json!({ "action": "confirm", "met": true })));
    assert_eq!(run.phase(), WorkflowState::Completed);
}
