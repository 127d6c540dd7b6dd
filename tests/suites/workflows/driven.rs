//! Plans are driven to their end.

use engine::EventKind;
use engine::data::{Policies, Principal, Rule, RuleDecision};
use engine::workflow::{Start, StepStatus};
use engine_tests::Flow;
use serde_json::{Value, json};

use super::{error, none, state, status};

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

/// A step can hand a key to a service that is the same for every attempt, and no other step's.
#[tokio::test]
async fn every_attempt_of_a_step_has_the_same_key() {
    let flow = Flow::builder().build().await;
    let key = |id: &'static str| {
        (
            id,
            "echo",
            json!({"text": "${step.idempotency_key}"}),
            none(),
        )
    };
    let plan = Flow::plan(&[key("one"), key("two")], none());
    let first = flow.run(&plan).await;
    let second = flow.run(&plan).await;
    let keys: std::collections::BTreeSet<_> = [first, second]
        .into_iter()
        .flat_map(|summary| summary.steps)
        .map(|step| step.value.unwrap())
        .collect();
    assert_eq!(keys.len(), 4, "{keys:?}");
    assert!(
        keys.iter().all(|key| key.starts_with("\"idem_")),
        "{keys:?}"
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
    // Another component is another action, whatever it is called.
    let altered = flow.altered("steps").await;
    let checked = altered.check(&Flow::understood(&plan("a"))).await;
    let other = altered.run(checked, Start::default()).await.unwrap();
    assert_eq!(other.calls, 2, "another component is another call");
    assert_eq!(
        flow.run(&plan("a")).await.calls,
        1,
        "and this one is known still"
    );
    // What was worked out for one principal is not told to another.
    let bob = Principal::new("bob");
    let checked = flow
        .workflows
        .check_for(&Flow::understood(&plan("a")), &bob)
        .await;
    let start = Start {
        principal: bob,
        ..Start::default()
    };
    assert_eq!(flow.workflows.run(checked, start).await.unwrap().calls, 2);
}
