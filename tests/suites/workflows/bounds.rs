//! What limits a workflow: time, retries, budgets, loops, grants.

use std::time::{Duration, Instant};

use engine::EventKind;
use engine::data::{Policies, Rule, RuleDecision};
use engine::workflow::StepStatus;
use engine_tests::Flow;
use serde_json::{Value, json};

use super::{error, none, state, status};

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

/// What policies count holds for steps that begin at the same time, and after a crash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn policies_count_all_calls_of_a_workflow() {
    let mut rule = Rule::new("two-calls", RuleDecision::Deny);
    rule.after_calls = Some(2);
    let policies = Policies::builder().rule(rule).build().unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    let ids: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), "nap", json!({"ms": 20}), none()))
        .collect();
    let at_once = json!({
        "resource_limits": {"max_parallel_executions": 8},
        "preferences": {"continue_on_error": true},
    });
    let summary = flow.run(&Flow::plan(&steps, at_once)).await;
    let ran = |summary: &engine::workflow::Summary| {
        let done = summary.steps.iter();
        done.filter(|step| step.status == StepStatus::Completed)
            .count()
    };
    assert_eq!(ran(&summary), 2, "{summary:?}");

    let chain = [
        ("a", "nap", json!({"ms": 10}), none()),
        ("b", "nap", json!({"ms": 800}), json!({"depends_on": ["a"]})),
        ("c", "nap", json!({"ms": 10}), json!({"depends_on": ["b"]})),
    ];
    let (id, running) = flow.begin(&Flow::plan(&chain, none())).await;
    flow.until(id, |state| state.steps()[1].status == StepStatus::Running)
        .await;
    running.abort();
    running.await.unwrap_err();
    // Two calls were made before: the one that was lost counts.
    let summary = flow.workflows.resume(id, false).await.unwrap();
    assert_eq!(state(&summary), "failed");
    assert_eq!(ran(&summary), 1, "{summary:?}");
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
    assert_eq!(
        summary.steps[0].usage.fuel, summary.usage.fuel,
        "what a failure used is counted"
    );
    assert!(summary.usage.fuel > 4_000_000, "{}", summary.usage.fuel);
    assert_eq!(error(&summary, "again"), "E-DENIED-BUDGET");
}

/// F2: what is split into small results is added up: the one that passes the sum is refused, and so is all after it.
#[tokio::test]
async fn small_results_add_up() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (0..5).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), "big", json!({"bytes": 200_000}), none()))
        .collect();
    let limits = json!({
        "resource_limits": {"max_output_bytes": 500_000, "max_parallel_executions": 1},
        "preferences": {"continue_on_error": true},
    });
    let summary = flow.run(&Flow::plan(&steps, limits)).await;
    assert_eq!(state(&summary), "failed");
    assert_eq!(status(&summary, "s1"), StepStatus::Completed);
    assert_eq!(error(&summary, "s2"), "E-LIMIT-OUTPUT");
    let told = flow.told();
    assert!(
        told.iter().any(|told| told.starts_with("budget_warned")),
        "{told:?}"
    );

    // The time of all calls together.
    let naps = [
        ("a", "nap", json!({"ms": 400}), none()),
        ("b", "nap", json!({"ms": 60_000}), none()),
    ];
    let limits = json!({"resource_limits": {"max_wall_ms": 1_000, "max_parallel_executions": 1}});
    let summary = flow.run(&Flow::plan(&naps, limits)).await;
    assert_eq!(status(&summary, "a"), StepStatus::Completed);
    assert_eq!(error(&summary, "b"), "E-LIMIT-TIME");
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

/// Row 40: the same action with other arguments again and again, where it does not help; a success ends the row, and
/// successes are none.
#[tokio::test]
async fn actions_that_fail_with_other_arguments_are_a_loop() {
    let flow = Flow::builder().build().await;
    let ids: Vec<String> = (1..=6).map(|number| format!("s{number}")).collect();
    let steps = |failures: &dyn Fn(usize) -> u32| -> Vec<_> {
        let numbered = ids.iter().enumerate();
        numbered
            .map(|(number, id)| {
                let args = json!({"path": format!("work/{number}"), "failures": failures(number)});
                (id.as_str(), "flaky", args, none())
            })
            .collect()
    };
    let watched = json!({
        "resource_limits": {"max_parallel_executions": 1},
        "preferences": {
            "continue_on_error": true, "max_identical_calls": 3, "max_fuzzy_identical_calls": 3,
        },
    });
    let loops = || -> Vec<(Value, u64)> {
        let events = flow.events();
        let loops = events.iter().filter_map(|event| match &event.kind {
            EventKind::LoopDetected {
                loop_kind, count, ..
            } => Some((json!(loop_kind), *count)),
            _ => None,
        });
        loops.collect()
    };
    let helps = flow.run(&Flow::plan(&steps(&|_| 0), watched.clone())).await;
    assert_eq!(state(&helps), "completed");
    assert_eq!(loops(), []);

    // The row begins anew after the second: the fifth is the third of it.
    let one_helps = |number| if number == 1 { 0 } else { 9 };
    let other = flow
        .run(&Flow::plan(&steps(&one_helps), watched.clone()))
        .await;
    assert_eq!(state(&other), "failed");
    assert_eq!(status(&other, "s2"), StepStatus::Completed);
    assert_eq!(error(&other, "s4"), "E-GUEST-ERROR");
    assert_eq!(error(&other, "s5"), "E-DENIED-LOOP");
    assert_eq!(loops(), [(json!("fuzzy"), 3), (json!("fuzzy"), 4)]);

    let none_helps = flow.run(&Flow::plan(&steps(&|_| 9), watched)).await;
    assert_eq!(
        none_helps.error.as_ref().unwrap().code.as_str(),
        "E-DENIED-LOOP"
    );
    assert_eq!(error(&none_helps, "s1"), "E-GUEST-ERROR");
    let last: Vec<_> = loops().into_iter().skip(2).collect();
    assert_eq!(
        last,
        [
            (json!("fuzzy"), 3),
            (json!("fuzzy"), 4),
            (json!("fuzzy"), 5)
        ]
    );
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
