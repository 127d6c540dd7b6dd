//! People steer workflows while they run.

use std::time::{Duration, Instant};

use engine::data::{ApprovalAnswer, Policies, Principal, Rule, RuleDecision, SystemClock};
use engine::workflow::StepStatus;
use engine::{Clock as _, EventKind};
use engine_tests::Flow;
use serde_json::{Value, json};

use super::{none, state};

/// Row 38: stopping ends a guest that computes within 100 ms, and nothing comes after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_ends_a_busy_guest() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[
            ("busy", "spin", json!({}), none()),
            (
                "after",
                "append",
                json!({"path": "work/log", "line": "x"}),
                json!({"depends_on": ["busy"]}),
            ),
        ],
        none(),
    );
    // Beside other tests a thread may have to wait for its turn: the shortest of a few counts.
    let mut took = Duration::MAX;
    let mut stopped = None;
    for _ in 0..5 {
        let (id, running) = flow.begin_running(&plan).await;
        let asked = Instant::now();
        flow.act(id, None, json!({"action": "stop"})).await.unwrap();
        let summary = running.await.unwrap().unwrap();
        took = took.min(asked.elapsed());
        assert_eq!(state(&summary), "cancelled");
        assert_eq!(summary.steps[0].status, StepStatus::Cancelled);
        assert_eq!(flow.file("work/log"), "");
        stopped = Some(id);
    }
    assert!(took < Duration::from_millis(100), "{took:?}");
    let id = stopped.unwrap();
    let ended = flow
        .act(id, None, json!({"action": "continue"}))
        .await
        .unwrap_err();
    assert_eq!(ended.code().as_str(), "E-WORKFLOW-STATE");
}

/// Row 39: a wait that the plan asks for is no stall, however long it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_that_waits_is_no_stall() {
    let flow = Flow::builder().build().await;
    let retry = json!({"retry": {"max_retries": 1, "backoff": "fixed", "base_delay_ms": 1_500, "on": ["E-GUEST-ERROR"]}});
    let plan = Flow::plan(
        &[(
            "flaky",
            "flaky",
            json!({"path": "work/f", "failures": 1}),
            retry,
        )],
        json!({"preferences": {"stall_detection_ms": 100}}),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(summary.steps[0].attempts, 2);
    let events = flow.events();
    let stalls = events
        .iter()
        .filter(|event| event.kind.name() == "stall_detected");
    assert_eq!(stalls.count(), 0);
    let at = |name: &str, nth: usize| {
        let mut found = events.iter().filter(|event| event.kind.name() == name);
        found.nth(nth).unwrap().ts.as_millisecond()
    };
    // Row 31: the retry is told before the wait, and the wait is as long as was told.
    assert!(at("step_started", 1) - at("retry_scheduled", 0) >= 1_500);
}

/// Row 42: a paused workflow begins nothing, and goes on where it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_begins_nothing_and_loses_nothing() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (0..6).map(|number| format!("s{number}")).collect();
    let chain: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(number, id)| {
            let before = number
                .checked_sub(1)
                .map(|before| vec![ids[before].clone()]);
            (
                id.as_str(),
                "append",
                json!({"path": "work/log", "line": id}),
                json!({"depends_on": before.unwrap_or_default()}),
            )
        })
        .collect();
    let mut steps = vec![("nap", "nap", json!({"ms": 300}), none())];
    steps.extend(chain.into_iter().map(|(id, function, args, mut more)| {
        more["depends_on"]
            .as_array_mut()
            .unwrap()
            .push(json!("nap"));
        (id, function, args, more)
    }));
    let (id, running) = flow.begin(&Flow::plan(&steps, none())).await;
    flow.until(id, |state| state.steps()[0].status == StepStatus::Running)
        .await;
    flow.act(id, None, json!({"action": "pause"}))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(600)).await;
    let paused = flow.workflows.state(id).unwrap();
    assert_eq!(
        paused.steps()[0].status,
        StepStatus::Completed,
        "what ran has finished"
    );
    assert_eq!(flow.file("work/log"), "");
    let question = paused.questions().next().unwrap().clone();
    assert!(question.expires_ms > paused.now_ms());

    // A wrong token, a wrong action, then the answer; a second one is refused.
    let wrong = flow
        .act(id, Some("0".repeat(64)), json!({"action": "continue"}))
        .await;
    assert_eq!(wrong.unwrap_err().code().as_str(), "E-WORKFLOW-STATE");
    let token = Some(question.token.clone());
    let unfit = flow
        .act(id, token.clone(), json!({"action": "confirm", "met": true}))
        .await;
    assert!(unfit.unwrap_err().to_string().contains("does not answer"));
    flow.act(id, token.clone(), json!({"action": "continue"}))
        .await
        .unwrap();
    let second = flow.act(id, token, json!({"action": "continue"})).await;
    assert!(second.is_err());

    let summary = running.await.unwrap().unwrap();
    assert_eq!(state(&summary), "completed");
    assert_eq!(flow.file("work/log"), "s0\ns1\ns2\ns3\ns4\ns5\n");
}

/// Row 41: every action does what it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_action_does_what_it_says() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[
            ("hold", "nap", json!({"ms": 200}), none()),
            (
                "say",
                "append",
                json!({"path": "work/log", "line": "written"}),
                json!({"depends_on": ["hold"]}),
            ),
            (
                "gone",
                "append",
                json!({"path": "work/log", "line": "gone"}),
                json!({"depends_on": ["say"]}),
            ),
            (
                "made",
                "echo",
                json!({"text": "made"}),
                json!({"depends_on": ["say"]}),
            ),
            (
                "use",
                "append",
                json!({"path": "work/log", "line": "${steps.made.output}"}),
                none(),
            ),
        ],
        json!({"success": [{"completed": ["say", "use", "more"]}]}),
    );
    // The plan names a step that is added later.
    let refused = serde_json::from_value(plan.clone()).unwrap();
    assert!(engine::workflow::Plan::new(refused, Default::default()).is_err());
    let mut plan = plan;
    plan["success"] = json!([{"completed": ["say", "use"]}]);

    let (id, running) = flow.begin(&plan).await;
    flow.act(id, None, json!({"action": "pause"}))
        .await
        .unwrap();
    let act = |act: Value| flow.act(id, None, act);
    act(json!({"action": "modify_parameters", "step": "say", "args": {"path": "work/log", "line": "changed"}}))
        .await
        .unwrap();
    let misfit =
        act(json!({"action": "modify_parameters", "step": "say", "args": {"path": 7}})).await;
    assert!(misfit.unwrap_err().to_string().contains("do not fit"));
    act(json!({"action": "remove_action", "step": "gone"}))
        .await
        .unwrap();
    act(json!({"action": "override_result", "step": "made", "value": "by hand"}))
        .await
        .unwrap();
    let untyped =
        act(json!({"action": "override_result", "step": "use", "value": "not a number"})).await;
    assert!(untyped.unwrap_err().to_string().contains("does not fit"));
    act(json!({"action": "add_action", "step": {
        "id": "more", "capability": "steps", "function": "append",
        "args": {"path": "work/log", "line": "more"}, "depends_on": ["use"],
    }}))
    .await
    .unwrap();
    let twice = act(json!({"action": "add_action", "step": {
        "id": "more", "capability": "steps", "function": "echo", "args": {"text": "x"},
    }}))
    .await;
    assert!(twice.unwrap_err().to_string().contains("already"));
    act(json!({"action": "increase_timeout", "by_ms": 1000}))
        .await
        .unwrap();
    act(json!({"action": "escalate", "reason": "look at this"}))
        .await
        .unwrap();
    let seen = act(json!({"action": "inspect_state"}))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(seen["state"], "paused");
    act(json!({"action": "continue"})).await.unwrap();
    let summary = running.await.unwrap().unwrap();
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    let mut lines: Vec<String> = flow.file("work/log").lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["by hand", "changed", "more"]);
    assert_eq!(
        summary
            .steps
            .iter()
            .find(|step| step.id == "gone")
            .unwrap()
            .status,
        StepStatus::Removed
    );
}

/// Row 41: failed steps can be restarted while the workflow goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_steps_can_be_restarted() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[
            (
                "flaky",
                "flaky",
                json!({"path": "work/f", "failures": 1}),
                none(),
            ),
            (
                "after",
                "echo",
                json!({"text": "x"}),
                json!({"depends_on": ["flaky"]}),
            ),
            ("hold", "nap", json!({"ms": 400}), none()),
        ],
        json!({"preferences": {"continue_on_error": true}}),
    );
    let (id, running) = flow.begin(&plan).await;
    flow.until(id, |state| state.steps()[1].status == StepStatus::Skipped)
        .await;
    flow.act(id, None, json!({"action": "restart", "step": "flaky"}))
        .await
        .unwrap();
    let summary = running.await.unwrap().unwrap();
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(summary.steps[0].attempts, 2);
}

/// A person confirms what no machine can check; silence is a no.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_confirm_what_no_machine_can() {
    let flow = Flow::builder().build().await;
    let plan = |timeout: u64| {
        Flow::plan(
            &[("a", "echo", json!({"text": "a"}), none())],
            json!({
                "success": [{"confirmed": "does it read well?"}],
                "preferences": {"answer_timeout_ms": timeout},
            }),
        )
    };
    for (met, wanted) in [(true, "completed"), (false, "failed")] {
        let (id, running) = flow.begin(&plan(60_000)).await;
        let asked = flow
            .until(id, |state| state.questions().next().is_some())
            .await;
        let question = asked.questions().next().unwrap();
        assert_eq!(question.prompt, "does it read well?");
        flow.act(
            id,
            Some(question.token.clone()),
            json!({"action": "confirm", "met": met}),
        )
        .await
        .unwrap();
        assert_eq!(state(&running.await.unwrap().unwrap()), wanted);
    }
    let silent = flow.run(&plan(1_000)).await;
    assert_eq!(state(&silent), "failed");
}

/// A policy asks somebody; the step waits, other steps go on, and it runs once it is approved.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_waits_until_it_is_approved() {
    let mut rule = Rule::new("ask-first", RuleDecision::Ask);
    rule.capability = engine::data::Glob::new("*.append");
    let policies = Policies::builder().rule(rule).build().unwrap();
    for (approved, by_plan) in [(true, false), (false, false), (true, true)] {
        let flow = if by_plan {
            Flow::builder().journaled().build().await
        } else {
            Flow::builder()
                .policies(policies.clone())
                .journaled()
                .build()
                .await
        };
        let asks = if by_plan {
            json!({"approval": ""})
        } else {
            none()
        };
        let plan = Flow::plan(
            &[
                (
                    "write",
                    "append",
                    json!({"path": "work/log", "line": "written"}),
                    asks,
                ),
                ("other", "echo", json!({"text": "x"}), none()),
            ],
            none(),
        );
        let checked = flow.check(&plan).await;
        assert_eq!(checked.approvals, ["write"]);
        let (id, running) = flow.begin(&plan).await;
        let waits = flow
            .until(id, |state| {
                state.steps()[0].status == StepStatus::Asking
                    && state.steps()[1].status == StepStatus::Completed
            })
            .await;
        let question = waits.steps()[0].question.clone().unwrap().0;
        assert_eq!(flow.file("work/log"), "");
        let answer = ApprovalAnswer {
            approved,
            principal: Principal::new("boss"),
            reason: String::new(),
            at: SystemClock::new().timestamp(),
        };
        let desk = flow.desk.as_ref().unwrap();
        desk.answer(&question, &answer, &SystemClock::new())
            .unwrap();
        let summary = running.await.unwrap().unwrap();
        if approved {
            assert_eq!(state(&summary), "completed", "{:?}", summary.error);
            assert_eq!(flow.file("work/log"), "written\n");
            assert_eq!(summary.steps[0].attempts, 1);
        } else {
            assert_eq!(state(&summary), "failed");
            assert_eq!(flow.file("work/log"), "");
            let why = summary.steps[0].error.as_ref().unwrap();
            assert_eq!(why.code.as_str(), "E-APPROVAL-DENIED");
        }
    }
}

/// Row 39: a healthy action that is quiet for long raises nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_quiet_action_is_no_stall() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[("quiet", "nap", json!({"ms": 2_000}), none())],
        json!({"preferences": {"stall_detection_ms": 300}}),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed");
    assert!(
        !flow
            .told()
            .iter()
            .any(|told| told.starts_with("stall_detected"))
    );
}

/// Row 39: an action that fails again and again is told as a cascade while its retries go on, and nothing is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_in_a_row_are_a_cascade() {
    let flow = Flow::builder().build().await;
    let retry = json!({"retry": {"max_retries": 9, "backoff": "fixed", "base_delay_ms": 100, "on": ["E-GUEST-ERROR"]}});
    let flaky = json!({"path": "work/f", "failures": 8});
    let plan = Flow::plan(
        &[("flaky", "flaky", flaky, retry)],
        json!({"preferences": {"stall_detection_ms": 200}}),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(summary.steps[0].attempts, 9);
    let kinds: Vec<String> = (flow.events().iter())
        .filter_map(|event| match &event.kind {
            EventKind::StallDetected { issue, .. } => Some(issue.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["error_cascade"]);
}

/// Row 39: a step that waits too long for an answer is a stall; it is told, and nothing is paused over it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_wait_is_a_stall() {
    let flow = Flow::builder().journaled().build().await;
    let plan = Flow::plan(
        &[(
            "write",
            "append",
            json!({"path": "work/log", "line": "x"}),
            json!({"approval": "boss"}),
        )],
        json!({"preferences": {"stall_detection_ms": 200}}),
    );
    let (id, running) = flow.begin(&plan).await;
    let waits = flow
        .until(id, |_| {
            flow.told()
                .iter()
                .any(|told| told.starts_with("stall_detected"))
        })
        .await;
    assert_eq!(waits.steps()[0].status, StepStatus::Asking);
    assert_eq!(waits.questions().count(), 0);
    flow.act(id, None, json!({"action": "stop"})).await.unwrap();
    assert_eq!(state(&running.await.unwrap().unwrap()), "cancelled");
}
