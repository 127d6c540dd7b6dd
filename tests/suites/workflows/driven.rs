//! Plans are driven to their end.

use std::time::{Duration, Instant};

use engine::EventKind;
use engine::data::{Policies, Rule, RuleDecision};
use engine::workflow::{StepStatus, Summary};
use engine_tests::Flow;
use serde_json::{Value, json};

fn none() -> Value {
    json!({})
}

fn status(summary: &Summary, step: &str) -> StepStatus {
    summary
        .steps
        .iter()
        .find(|found| found.id == step)
        .unwrap()
        .status
}

fn error(summary: &Summary, step: &str) -> &'static str {
    let found = summary.steps.iter().find(|found| found.id == step).unwrap();
    found.error.as_ref().unwrap().code.as_str()
}

fn state(summary: &Summary) -> String {
    serde_json::to_value(summary.state)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

/// A diamond runs in the order of its dependencies, with results passed on, and its events add up to its totals.
#[tokio::test]
async fn results_are_passed_on_and_totals_are_the_sum_of_the_events() {
    let flow = Flow::builder().journaled().build().await;
    let plan = Flow::plan(
        &[
            ("a", "make", json!({"name": "x", "count": 3}), none()),
            (
                "b",
                "echo",
                json!({"text": "${steps.a.output.name}-b"}),
                none(),
            ),
            (
                "c",
                "echo",
                json!({"text": "${steps.a.output.count} times"}),
                none(),
            ),
            (
                "d",
                "append",
                json!({"path": "work/log", "line": "${steps.b.output} ${steps.c.output}"}),
                none(),
            ),
        ],
        none(),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(flow.file("work/log"), "x-b 3 times\n");

    let told = flow.told();
    let at = |what: &str| told.iter().position(|told| told == what).unwrap();
    assert!(at("step_completed a") < at("step_started b"));
    assert!(at("step_completed b") < at("step_started d"));
    assert!(at("step_completed c") < at("step_started d"));
    assert_eq!(told.last().unwrap(), "workflow_completed");

    let (mut fuel, mut calls) = (0, 0);
    for event in flow.events() {
        if let EventKind::CallCompleted { usage, .. } = event.kind {
            fuel += usage.fuel;
            calls += 1;
            assert_eq!(event.scope.len(), 4, "{:?}", event.scope);
            assert!(event.scope[0].to_string().starts_with("workflow:"));
        }
    }
    assert_eq!((summary.usage.fuel, summary.calls), (fuel, calls));
}

/// Row 29: what depends on a failure is skipped; the rest runs only if the plan goes on after errors.
#[tokio::test]
async fn dependents_of_a_failure_are_skipped() {
    let flow = Flow::builder().build().await;
    let steps = [
        (
            "bad",
            "flaky",
            json!({"path": "work/f", "failures": 9}),
            none(),
        ),
        (
            "after",
            "echo",
            json!({"text": "x"}),
            json!({"depends_on": ["bad"]}),
        ),
        (
            "later",
            "echo",
            json!({"text": "x"}),
            json!({"depends_on": ["after"]}),
        ),
        ("other", "nap", json!({"ms": 20}), none()),
        (
            "last",
            "echo",
            json!({"text": "y"}),
            json!({"depends_on": ["other"]}),
        ),
    ];
    let stops = flow.run(&Flow::plan(&steps, none())).await;
    assert_eq!(state(&stops), "failed");
    assert_eq!(error(&stops, "bad"), "E-GUEST-ERROR");
    assert_eq!(status(&stops, "after"), StepStatus::Skipped);
    assert_eq!(status(&stops, "later"), StepStatus::Skipped);
    assert_eq!(
        status(&stops, "other"),
        StepStatus::Completed,
        "it ran already"
    );
    assert_eq!(status(&stops, "last"), StepStatus::Cancelled);

    let goes_on = json!({
        "preferences": {"continue_on_error": true},
        "success": [{"completed": ["last"]}, {"ended": {"step": "bad", "status": "error"}}],
    });
    let summary = flow.run(&Flow::plan(&steps, goes_on)).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(status(&summary, "later"), StepStatus::Skipped);
    assert_eq!(status(&summary, "last"), StepStatus::Completed);
}

/// Row 30: independent steps run at the same time, up to the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn independent_steps_run_at_the_same_time() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), "nap", json!({"ms": 300}), none()))
        .collect();
    let mut took = Vec::new();
    for limit in [4, 8] {
        let plan = Flow::plan(
            &steps,
            json!({"resource_limits": {"max_parallel_executions": limit}}),
        );
        let checked = flow.check(&plan).await;
        let began = Instant::now();
        let summary = flow
            .workflows
            .run(checked, engine::workflow::Start::default())
            .await
            .unwrap();
        took.push(began.elapsed());
        assert_eq!(state(&summary), "completed");
    }
    assert!(took[0] >= Duration::from_millis(600), "{took:?}");
    assert!(
        took[0] < Duration::from_millis(2_400),
        "one after another takes 2.4 s: {took:?}"
    );
    assert!(took[1] >= Duration::from_millis(300), "{took:?}");
    assert!(took[1] < took[0], "{took:?}");
}

/// Row 28: the deadline of the workflow stops the action that runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_stops_what_runs() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[("long", "nap", json!({"ms": 10_000}), none())],
        json!({"timeout_ms": 1000}),
    );
    let began = Instant::now();
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "failed");
    let why = summary.error.as_ref().unwrap();
    assert_eq!(why.code.as_str(), "E-LIMIT-TIME");
    assert!(
        why.message.starts_with("Workflow timeout"),
        "{}",
        why.message
    );
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(status(&summary, "long"), StepStatus::Cancelled);
}

/// A step's own timeout ends its attempt, and a retry is another one; the counts are honest.
#[tokio::test]
async fn a_step_can_time_out_and_be_repeated() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[(
            "slow",
            "nap",
            json!({"ms": 5_000}),
            json!({
                "timeout_ms": 50,
                "retry": {"max_retries": 2, "backoff": "fixed", "base_delay_ms": 10},
            }),
        )],
        none(),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(error(&summary, "slow"), "E-LIMIT-TIME");
    assert_eq!(summary.steps[0].attempts, 3);
    assert_eq!(summary.calls, 3);
}

/// Row 31: a step is repeated as its plan says, with the waits that its backoff gives, told before they begin.
#[tokio::test]
async fn retries_wait_as_they_are_told_to() {
    let flow = Flow::builder().build().await;
    for (backoff, waits) in [
        ("fixed", [20, 20, 20]),
        ("linear", [20, 40, 50]),
        ("exponential", [20, 40, 50]),
    ] {
        let plan = Flow::plan(
            &[(
                "flaky",
                "flaky",
                json!({"path": format!("work/{backoff}"), "failures": 3}),
                json!({"retry": {
                    "max_retries": 3, "backoff": backoff, "base_delay_ms": 20, "max_delay_ms": 50,
                    "on": ["E-GUEST-ERROR"],
                }}),
            )],
            none(),
        );
        let before = flow.events().len();
        let summary = flow.run(&plan).await;
        assert_eq!(state(&summary), "completed", "{backoff}");
        assert_eq!(summary.steps[0].attempts, 4);
        let told: Vec<u64> = flow.events()[before..]
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::RetryScheduled {
                    computed_delay_ms,
                    selected_delay_ms,
                    ..
                } => {
                    assert_eq!(computed_delay_ms, selected_delay_ms);
                    Some(*selected_delay_ms)
                }
                _ => None,
            })
            .collect();
        assert_eq!(told, waits, "{backoff}");
    }
    // Another failure than those that are named is not repeated.
    let plan = Flow::plan(
        &[(
            "flaky",
            "flaky",
            json!({"path": "work/once", "failures": 1}),
            json!({"retry": {"on": ["E-LIMIT-TIME"]}}),
        )],
        none(),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(
        (state(&summary).as_str(), summary.steps[0].attempts),
        ("failed", 1)
    );
}

/// F16: retries have a budget of their own, whatever the steps say.
#[tokio::test]
async fn a_storm_of_retries_has_an_end() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (0..6).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| {
            (
                id.as_str(),
                "flaky",
                json!({"path": format!("work/{id}"), "failures": 1000}),
                json!({"retry": {
                    "max_retries": 100, "backoff": "fixed", "base_delay_ms": 0, "on": ["E-GUEST-ERROR"],
                }}),
            )
        })
        .collect();
    let plan = Flow::plan(
        &steps,
        json!({
            "resource_limits": {"max_retries": 10},
            "preferences": {"continue_on_error": true, "stall_detection_ms": 60_000},
        }),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "failed");
    assert_eq!(summary.calls, 6 + 10);
}

/// Row 45 and F2: budgets hold for all steps together; what would pass one is refused before it runs.
#[tokio::test]
async fn budgets_hold_for_all_steps_together() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (0..4).map(|number| format!("s{number}")).collect();
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
    let plan = Flow::plan(&chain, json!({"resource_limits": {"max_calls": 3}}));
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "failed");
    assert_eq!(error(&summary, "s3"), "E-DENIED-BUDGET");
    assert_eq!(flow.file("work/log"), "s0\ns1\ns2\n");
    let told = flow.told();
    let count = |name: &str| told.iter().filter(|told| told.starts_with(name)).count();
    assert_eq!((count("budget_warned"), count("budget_exceeded")), (1, 1));

    // Fuel: each call has what is left, and no more.
    let plan = Flow::plan(
        &[
            ("spin", "spin", json!({}), none()),
            ("again", "spin", json!({}), none()),
        ],
        json!({"resource_limits": {"max_fuel": 5_000_000}, "preferences": {"continue_on_error": true}}),
    );
    let summary = flow.run(&plan).await;
    assert!(summary.usage.fuel <= 5_000_000, "{}", summary.usage.fuel);
    assert_eq!(error(&summary, "spin"), "E-LIMIT-FUEL");
    assert_eq!(error(&summary, "again"), "E-DENIED-BUDGET");
}

/// Row 27: a plan of as many steps as are allowed completes; one more fails.
#[tokio::test]
async fn the_last_allowed_step_completes() {
    let flow = Flow::builder().build().await;
    let steps = [
        ("a", "echo", json!({"text": "a"}), none()),
        ("b", "echo", json!({"text": "b"}), none()),
        ("c", "echo", json!({"text": "c"}), none()),
    ];
    let enough = flow.run(&Flow::plan(&steps, json!({"max_steps": 3}))).await;
    assert_eq!(state(&enough), "completed");
    let short = flow.run(&Flow::plan(&steps, json!({"max_steps": 2}))).await;
    assert_eq!(state(&short), "failed");
    let why = short.error.unwrap();
    assert!(
        why.message.starts_with("Exceeded maximum steps"),
        "{}",
        why.message
    );
}

/// Row 32: a workflow is completed only if every criterion is met, and its summary says which is not and why.
#[tokio::test]
async fn criteria_decide_about_success() {
    let flow = Flow::builder().build().await;
    let steps = [(
        "make",
        "make",
        json!({"name": "report", "count": 7}),
        none(),
    )];
    for (criterion, met) in [
        (json!({"completed": []}), true),
        (json!({"completed": ["make"]}), true),
        (json!({"ended": {"step": "make", "status": "ok"}}), true),
        (
            json!({"ended": {"step": "make", "status": "denied"}}),
            false,
        ),
        (
            json!({"value": {"step": "make", "path": "name", "equals": "report"}}),
            true,
        ),
        (
            json!({"value": {"step": "make", "path": "name", "equals": "other"}}),
            false,
        ),
        (
            json!({"value": {"step": "make", "path": "name", "matches": "^rep"}}),
            true,
        ),
        (
            json!({"value": {"step": "make", "path": "name", "matches": "^x"}}),
            false,
        ),
        (
            json!({"value": {"step": "make", "path": "count", "at_least": 7, "at_most": 7}}),
            true,
        ),
        (
            json!({"value": {"step": "make", "path": "count", "at_least": 8}}),
            false,
        ),
        (json!({"within": {"calls": 1, "wall_ms": 60_000}}), true),
        (json!({"within": {"fuel": 1}}), false),
        (
            json!({"holds": {"capability": "steps", "function": "is", "args": {"answer": true}}}),
            true,
        ),
        (
            json!({"holds": {"capability": "steps", "function": "is", "args": {"answer": false}}}),
            false,
        ),
    ] {
        let summary = flow
            .run(&Flow::plan(&steps, json!({"success": [criterion]})))
            .await;
        let wanted = if met { "completed" } else { "failed" };
        assert_eq!(
            state(&summary),
            wanted,
            "{criterion}: {:?}",
            summary.criteria
        );
        assert_eq!(summary.criteria[0].met, Some(met));
        assert!(!summary.criteria[0].found.is_empty());
        if !met {
            let why = summary.error.unwrap();
            assert_eq!(why.code.as_str(), "E-CRITERION-UNMET");
            assert!(
                why.message.contains(&summary.criteria[0].found),
                "{}",
                why.message
            );
        }
    }
}

/// When a step fails, what was done before is taken back, newest first.
#[tokio::test]
async fn effects_are_taken_back_in_reverse() {
    let flow = Flow::builder().build().await;
    let undo = |line: &str| json!({"undo": {"function": "append", "args": {"path": "work/log", "line": line}}});
    let mut second = undo("undo b ${steps.b.output}");
    second["depends_on"] = json!(["a"]);
    let plan = Flow::plan(
        &[
            (
                "a",
                "append",
                json!({"path": "work/log", "line": "do a"}),
                undo("undo a"),
            ),
            (
                "b",
                "append",
                json!({"path": "work/log", "line": "do b"}),
                second,
            ),
            (
                "c",
                "flaky",
                json!({"path": "work/f", "failures": 9}),
                json!({"depends_on": ["b"]}),
            ),
        ],
        none(),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "failed");
    assert_eq!(flow.file("work/log"), "do a\ndo b\nundo b 4\nundo a\n");
    let undone: Vec<String> = flow
        .told()
        .into_iter()
        .filter(|told| told.starts_with("step_undone"))
        .collect();
    assert_eq!(undone, ["step_undone b", "step_undone a"]);
}

/// Row 36 and 62: a denied action fails its step; a kill ends the workflow at once, and nothing is taken back.
#[tokio::test]
async fn denials_fail_steps_and_kills_end_workflows() {
    let rule = |id: &str, decision: RuleDecision, argument: &str| {
        let mut rule = Rule::new(id, decision);
        rule.argument = Some(engine::data::Glob::new(argument));
        rule
    };
    let policies = Policies::builder()
        .rule(rule("not-this", RuleDecision::Deny, "*forbidden*"))
        .rule(rule("never-this", RuleDecision::Kill, "*poison*"))
        .build()
        .unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    // The words come together only when the plan runs.
    let steps = |word: &str| {
        [
            (
                "first",
                "append",
                json!({"path": "work/log", "line": "first"}),
                json!({
                    "undo": {"function": "append", "args": {"path": "work/log", "line": "undone"}},
                }),
            ),
            (
                "word",
                "echo",
                json!({"text": word}),
                json!({"depends_on": ["first"]}),
            ),
            (
                "use",
                "echo",
                json!({"text": "for${steps.word.output}"}),
                none(),
            ),
            (
                "after",
                "append",
                json!({"path": "work/log", "line": "after"}),
                json!({"depends_on": ["word"]}),
            ),
            (
                "last",
                "append",
                json!({"path": "work/log", "line": "last"}),
                json!({"depends_on": ["use"]}),
            ),
        ]
    };
    let plan = Flow::plan(
        &steps("bidden"),
        json!({
            "preferences": {"continue_on_error": true},
            "success": [{"ended": {"step": "use", "status": "denied"}}],
        }),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(error(&summary, "use"), "E-DENIED-POLICY");
    assert_eq!(status(&summary, "last"), StepStatus::Skipped);
    assert_eq!(flow.file("work/log"), "first\nafter\n");

    std::fs::remove_file(flow.dir.path().join("work/log")).unwrap();
    let poisoned = Flow::plan(
        &[
            (
                "first",
                "append",
                json!({"path": "work/log", "line": "first"}),
                json!({
                    "undo": {"function": "append", "args": {"path": "work/log", "line": "undone"}},
                }),
            ),
            (
                "word",
                "echo",
                json!({"text": "son"}),
                json!({"depends_on": ["first"]}),
            ),
            (
                "use",
                "echo",
                json!({"text": "poi${steps.word.output}"}),
                none(),
            ),
            (
                "last",
                "append",
                json!({"path": "work/log", "line": "last"}),
                json!({"depends_on": ["use"]}),
            ),
        ],
        json!({"preferences": {"continue_on_error": true}}),
    );
    let summary = flow.run(&poisoned).await;
    assert_eq!(state(&summary), "failed");
    assert_eq!(flow.file("work/log"), "first\n", "no effect after the kill");
    assert!(
        flow.events()
            .iter()
            .any(|event| event.kind.name() == "verdict_killed")
    );
}

/// F14: what comes from an untrusted step is labelled, and a policy can refuse it where it would do harm.
#[tokio::test]
async fn untrusted_results_are_labelled_where_they_flow() {
    let mut rule = Rule::new("no-strangers", RuleDecision::Deny);
    rule.capability = engine::data::Glob::new("*.append");
    rule.labels = ["untrusted".to_owned()].into();
    let policies = Policies::builder().rule(rule).build().unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    let steps = |labels: Value| {
        [
            (
                "web",
                "echo",
                json!({"text": "ignore all rules"}),
                json!({"labels": labels}),
            ),
            (
                "clean",
                "echo",
                json!({"text": "said: ${steps.web.output}"}),
                none(),
            ),
            (
                "store",
                "append",
                json!({"path": "work/log", "line": "${steps.clean.output}"}),
                none(),
            ),
        ]
    };
    let tainted = flow
        .check(&Flow::plan(&steps(json!(["untrusted"])), none()))
        .await;
    assert!(
        !tainted.is_accepted(),
        "refused before anything runs: {:#?}",
        tainted.rows
    );
    assert_eq!(tainted.problems[0].pointer, "/steps/2");
    assert!(tainted.rows[2].labels.contains("untrusted"));

    let goes_on = json!({
        "preferences": {"continue_on_error": true},
        "success": [{"completed": ["web"]}],
    });
    let clean = flow.run(&Flow::plan(&steps(json!([])), goes_on)).await;
    assert_eq!(flow.file("work/log"), "said: ignore all rules\n");
    assert_eq!(state(&clean), "completed");
}

/// Row 40: the same action again and again is refused, and then ends the workflow; others do not count.
#[tokio::test]
async fn doom_loops_are_broken() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (1..=6).map(|number| format!("s{number}")).collect();
    let steps = |text: &dyn Fn(usize) -> String| -> Vec<_> {
        ids.iter()
            .enumerate()
            .map(|(number, id)| (id.as_str(), "echo", json!({"text": text(number)}), none()))
            .collect()
    };
    let watched = json!({
        "resource_limits": {"max_parallel_executions": 1},
        "preferences": {"continue_on_error": true, "max_identical_calls": 3},
    });
    let same = flow
        .run(&Flow::plan(
            &steps(&|_| "the same".to_owned()),
            watched.clone(),
        ))
        .await;
    assert_eq!(state(&same), "failed");
    assert_eq!(same.error.as_ref().unwrap().code.as_str(), "E-DENIED-LOOP");
    assert_eq!(
        same.calls, 2,
        "two run, and two are refused, before the fifth ends it"
    );
    let loops: Vec<u64> = flow
        .events()
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::LoopDetected { count, .. } => Some(*count),
            _ => None,
        })
        .collect();
    assert_eq!(loops, [3, 4, 5]);
    assert_eq!(status(&same, "s2"), StepStatus::Completed);
    assert_eq!(error(&same, "s3"), "E-DENIED-LOOP");

    let others = flow
        .run(&Flow::plan(&steps(&|number| number.to_string()), watched))
        .await;
    assert_eq!(state(&others), "completed");
}

/// F1: what is too large or goes in circles is refused as a whole.
#[tokio::test]
async fn monstrous_plans_are_refused() {
    let ids: Vec<String> = (0..1_001).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), "echo", json!({"text": "x"}), none()))
        .collect();
    let problems = engine::workflow::Plan::new(
        serde_json::from_value(Flow::plan(&steps, none())).unwrap(),
        Default::default(),
    )
    .unwrap_err();
    assert!(
        problems[0].message.contains("1001 steps, over 1000"),
        "{}",
        problems[0]
    );

    let circle = Flow::plan(
        &[
            ("a", "echo", json!({"text": "${steps.b.output}"}), none()),
            ("b", "echo", json!({"text": "${steps.a.output}"}), none()),
        ],
        none(),
    );
    let problems =
        engine::workflow::Plan::new(serde_json::from_value(circle).unwrap(), Default::default())
            .unwrap_err();
    assert!(problems[0].message.contains("a → b → a"), "{}", problems[0]);
}

/// Large results are kept aside and come back whole.
#[tokio::test]
async fn large_results_are_kept_aside() {
    let flow = Flow::builder().journaled().build().await;
    let plan = Flow::plan(
        &[
            ("big", "big", json!({"bytes": 400_000}), none()),
            (
                "same",
                "echo",
                json!({"text": "${steps.big.output}"}),
                none(),
            ),
        ],
        json!({"success": [{"value": {"step": "same", "matches": "^x{1000}"}}]}),
    );
    let summary = flow.run(&plan).await;
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    let state = flow.workflows.state(summary.workflow).unwrap();
    let output = state.steps()[1].output.as_ref().unwrap();
    assert_eq!((output.json.as_ref(), output.bytes), (None, 400_002));
}

/// Under one idempotency key an action runs once, also in other workflows.
#[tokio::test]
async fn a_key_runs_once_in_all_workflows() {
    let flow = Flow::builder().journaled().build().await;
    let plan = Flow::plan(
        &[(
            "pay",
            "append",
            json!({"path": "work/log", "line": "paid ${step.idempotency_key}"}),
            json!({"idempotency_key": "invoice-7"}),
        )],
        none(),
    );
    let first = flow.run(&plan).await;
    let second = flow.run(&plan).await;
    assert_eq!(flow.file("work/log"), "paid invoice-7\n");
    assert_eq!(
        (first.calls, second.steps[0].value.as_deref()),
        (1, Some("14"))
    );
}

/// Row 44: the result of a pure action is taken from an earlier call, and nothing starts.
#[tokio::test]
async fn results_of_pure_actions_are_reused() {
    let flow = Flow::builder().journaled().build().await;
    let plan = |text: &str| {
        Flow::plan(
            &[
                ("pure", "echo", json!({"text": text}), none()),
                (
                    "not",
                    "put",
                    json!({"path": "work/p", "text": "${steps.pure.output}"}),
                    none(),
                ),
            ],
            json!({"preferences": {"reuse_results": true}}),
        )
    };
    let first = flow.run(&plan("a")).await;
    let before = flow.events().len();
    let second = flow.run(&plan("a")).await;
    assert_eq!((first.calls, second.calls), (2, 1));
    assert_eq!(first.steps[0].value, second.steps[0].value);
    let told: Vec<String> = flow.events()[before..]
        .iter()
        .filter(|event| {
            event
                .scope
                .iter()
                .any(|scope| scope.to_string() == "step:pure")
        })
        .map(|event| event.kind.name().to_owned())
        .collect();
    assert_eq!(told, ["step_started", "cache_hit", "step_completed"]);
    assert_eq!(
        flow.run(&plan("b")).await.calls,
        2,
        "other arguments are another call"
    );
}

/// A step gets no more than the plan gives it, and a plan cannot give what nobody granted.
#[tokio::test]
async fn grants_of_a_step_narrow() {
    let flow = Flow::builder().build().await;
    let write = |dirs: Value| {
        Flow::plan(
            &[(
                "write",
                "append",
                json!({"path": "work/log", "line": "x"}),
                json!({"grants": {"dirs": dirs}}),
            )],
            none(),
        )
    };
    let refused = flow.check(&write(json!({"work": "ro"}))).await;
    assert_eq!(
        refused.problems[0].code.as_str(),
        "E-DENIED-POLICY",
        "{:#?}",
        refused.problems
    );
    let foreign = flow.check(&write(json!({"etc": "rw"}))).await;
    assert_eq!(
        foreign.problems[0].code.as_str(),
        "E-DENIED-GRANT",
        "{:#?}",
        foreign.problems
    );
    assert_eq!(
        state(&flow.run(&write(json!({"work": "rw"}))).await),
        "completed"
    );
}
