//! What a workflow may not lose, repeat or pass by.

use std::time::Duration;

use engine::Clock as _;
use engine::data::{
    ApprovalAnswer, Glob, Policies, Principal, Rule, RuleDecision, SystemClock, WorkflowId,
};
use engine::workflow::{About, Start, State, StepStatus};
use engine_tests::Flow;
use serde_json::json;

use super::{none, state};

/// A driver that is dropped leaves what ran uncertain where no events say more: nothing is repeated by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_is_not_repeated_after_its_driver_is_dropped() {
    for journaled in [false, true] {
        let builder = Flow::builder().unguarded();
        let flow = if journaled {
            builder.journaled()
        } else {
            builder
        };
        let flow = flow.build().await;
        let plan = Flow::plan(
            &[
                (
                    "write",
                    "append",
                    json!({"path": "work/log", "line": "once"}),
                    json!({"depends_on": ["hold"]}),
                ),
                (
                    "hold",
                    "flaky",
                    json!({"path": "work/f", "failures": 0}),
                    none(),
                ),
                (
                    "busy",
                    "nap",
                    json!({"ms": 400}),
                    json!({"depends_on": ["write"]}),
                ),
            ],
            none(),
        );
        let (id, running) = flow.begin(&plan).await;
        flow.until(id, |state| state.steps()[0].status == StepStatus::Completed)
            .await;
        running.abort();
        running.await.unwrap_err();
        let summary = flow.workflows.resume(id, false).await.unwrap();
        assert_eq!(state(&summary), "completed", "{:?}", summary.error);
        assert_eq!(flow.file("work/log"), "once\n");
    }
}

/// The same for an action that must not be repeated and was cut off: a person is asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_cut_off_is_asked_about() {
    let flow = Flow::builder().unguarded().build().await;
    let plan = Flow::plan(
        &[("linger", "linger", json!({"ms": 60_000}), none())],
        none(),
    );
    // The intent is durable, and the driver is dropped before anything comes back.
    let id = flow.left_running(&plan).await;
    let workflows = flow.workflows.clone();
    let resumed = tokio::spawn(async move { workflows.resume(id, false).await });
    let asked = flow.until(id, |state| state.questions().count() > 0).await;
    let question = asked.questions().next().unwrap();
    assert!(matches!(question.about, About::Uncertain { step: 0 }));
    let done = json!({"action": "mark_done", "value": 1});
    flow.act(id, Some(question.token.clone()), done)
        .await
        .unwrap();
    let summary = resumed.await.unwrap().unwrap();
    assert_eq!(state(&summary), "completed");
    assert_eq!(summary.steps[0].attempts, 1, "it ran once");
}

/// A workflow's id belongs to it.
#[tokio::test]
async fn an_id_is_used_once() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(&[("a", "echo", json!({"text": "a"}), none())], none());
    let id = WorkflowId::fresh();
    let start = || Start {
        workflow: Some(id),
        ..Start::default()
    };
    let checked = flow.check(&plan).await;
    flow.workflows.run(checked.clone(), start()).await.unwrap();
    let again = flow.workflows.run(checked, start()).await.unwrap_err();
    assert_eq!(again.code().as_str(), "E-WORKFLOW-STATE");
    assert_eq!(state(&flow.workflows.summary(id).unwrap()), "completed");
}

/// A plan is checked for whoever it runs for, and runs for nobody else.
#[tokio::test]
async fn a_plan_is_checked_for_whoever_it_runs_for() {
    let mut rule = Rule::new("not-bob", RuleDecision::Deny);
    rule.principal = Glob::new("bob");
    let policies = Policies::builder().rule(rule).build().unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    let plan = Flow::understood(&Flow::plan(
        &[("a", "echo", json!({"text": "a"}), none())],
        none(),
    ));
    let bob = Principal::new("bob");
    assert!(!flow.workflows.check_for(&plan, &bob).await.is_accepted());
    let checked = flow.workflows.check(&plan).await;
    assert!(checked.is_accepted());
    let start = Start {
        principal: bob,
        ..Start::default()
    };
    let refused = flow.workflows.run(checked, start).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "E-WORKFLOW-STATE");
}

/// Labels reach success criteria, before the run and in it.
#[tokio::test]
async fn labels_reach_criteria() {
    let mut rule = Rule::new("no-strangers", RuleDecision::Deny);
    rule.capability = Glob::new("*.is");
    rule.labels = ["untrusted".to_owned()].into();
    let policies = Policies::builder().rule(rule).build().unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    let plan = |labels: serde_json::Value| {
        Flow::plan(
            &[(
                "said",
                "is",
                json!({"answer": true}),
                json!({"labels": labels}),
            )],
            json!({"success": [{"holds": {
                "capability": "steps", "function": "is", "args": {"answer": "${steps.said.output}"},
            }}]}),
        )
    };
    let tainted = flow.check(&plan(json!(["untrusted"]))).await;
    assert!(!tainted.is_accepted());
    assert_eq!(tainted.problems[0].pointer, "/success/0/holds");
    assert_eq!(state(&flow.run(&plan(json!([]))).await), "completed");
}

/// An undo that somebody would have to approve is no way back, and the plan says so before it runs.
#[tokio::test]
async fn an_undo_cannot_wait_for_an_approval() {
    let mut rule = Rule::new("ask", RuleDecision::Ask);
    rule.capability = Glob::new("*.put");
    let policies = Policies::builder().rule(rule).build().unwrap();
    let flow = Flow::builder().policies(policies).build().await;
    let plan = Flow::plan(
        &[(
            "write",
            "append",
            json!({"path": "work/log", "line": "x"}),
            json!({"undo": {"function": "put", "args": {"path": "work/log", "text": ""}}}),
        )],
        none(),
    );
    let checked = flow.check(&plan).await;
    assert!(!checked.is_accepted());
    assert_eq!(checked.problems[0].pointer, "/steps/0/undo");
    assert_eq!(checked.problems[0].code.as_str(), "E-DENIED-APPROVAL");
}

/// What a plan wants approved is asked about, also where the guard is off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_has_its_approvals_without_policies() {
    let flow = Flow::builder().unguarded().journaled().build().await;
    let plan = Flow::plan(
        &[(
            "write",
            "append",
            json!({"path": "work/log", "line": "x"}),
            json!({"approval": "boss"}),
        )],
        none(),
    );
    let (id, running) = flow.begin(&plan).await;
    flow.until(id, |state| state.steps()[0].status == StepStatus::Asking)
        .await;
    assert_eq!(flow.file("work/log"), "");
    flow.act(id, None, json!({"action": "stop"})).await.unwrap();
    assert_eq!(state(&running.await.unwrap().unwrap()), "cancelled");
    assert_eq!(flow.file("work/log"), "");
}

/// Wishes are heard however fast steps come and go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_is_heard_between_fast_steps() {
    let flow = Flow::builder().unguarded().build().await;
    let ids: Vec<String> = (0..900).map(|number| format!("s{number}")).collect();
    let steps: Vec<_> = ids
        .iter()
        .map(|id| (id.as_str(), "echo", json!({"text": id}), none()))
        .collect();
    let (id, running) = flow.begin(&Flow::plan(&steps, none())).await;
    flow.act(id, None, json!({"action": "stop"})).await.unwrap();
    let summary = running.await.unwrap().unwrap();
    assert_eq!(state(&summary), "cancelled");
    assert!(summary.calls < 900, "{} calls", summary.calls);
}

/// A stop that is asked for while nobody drives is done at once, and nothing begins again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_what_nobody_drives_runs_nothing() {
    let flow = Flow::builder().unguarded().build().await;
    let plan = Flow::plan(
        &[
            ("nap", "nap", json!({"ms": 5_000}), none()),
            (
                "after",
                "append",
                json!({"path": "work/log", "line": "x"}),
                json!({"depends_on": ["nap"]}),
            ),
        ],
        none(),
    );
    let id = flow.left_running(&plan).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    flow.act(id, None, json!({"action": "stop"})).await.unwrap();
    let summary = flow.workflows.summary(id).unwrap();
    assert_eq!(state(&summary), "cancelled");
    assert_eq!(summary.steps[0].attempts, 1, "nothing began again");
    let again = flow.workflows.resume(id, false).await.unwrap_err();
    assert_eq!(again.code().as_str(), "E-WORKFLOW-STATE");
}

/// People can make results refer to each other in circles; labels are found all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circles_that_people_make_do_no_harm() {
    let flow = Flow::builder().unguarded().build().await;
    let plan = Flow::plan(
        &[
            (
                "a",
                "echo",
                json!({"text": "a"}),
                json!({"depends_on": ["hold"]}),
            ),
            ("b", "echo", json!({"text": "${steps.a.output}"}), none()),
            ("hold", "nap", json!({"ms": 300}), none()),
        ],
        none(),
    );
    let (id, running) = flow.begin(&plan).await;
    flow.act(
        id,
        None,
        json!({"action": "override_result", "step": "b", "value": "by hand"}),
    )
    .await
    .unwrap();
    flow.act(
        id,
        None,
        json!({
            "action": "modify_parameters", "step": "a", "args": {"text": "${steps.b.output}"},
        }),
    )
    .await
    .unwrap();
    let summary = running.await.unwrap().unwrap();
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(summary.steps[0].value.as_deref(), Some("\"by hand\""));
}

/// Answers to what nobody drives are checked and taken at once, and one is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_checked_where_nobody_drives() {
    let flow = Flow::builder().unguarded().build().await;
    let plan = Flow::plan(
        &[
            ("linger", "linger", json!({"ms": 60_000}), none()),
            (
                "say",
                "echo",
                json!({"text": "got ${steps.linger.output}"}),
                none(),
            ),
        ],
        none(),
    );
    let id = flow.left_running(&plan).await;
    // It is taken up, so that its question is asked, and left again.
    let workflows = flow.workflows.clone();
    let resumed = tokio::spawn(async move { workflows.resume(id, false).await });
    let asked = flow.until(id, |state| state.questions().count() > 0).await;
    resumed.abort();
    resumed.await.unwrap_err();
    let token = asked
        .questions()
        .next()
        .map(|question| question.token.clone());
    let misfit = json!({"action": "mark_done", "value": {"no": "text"}});
    let refused = flow.act(id, token.clone(), misfit).await.unwrap_err();
    assert!(refused.to_string().contains("does not fit"), "{refused}");
    let done = json!({"action": "mark_done", "value": 7});
    flow.act(id, token.clone(), done.clone()).await.unwrap();
    let second = flow.act(id, token, done).await.unwrap_err();
    assert!(second.to_string().contains("was answered"), "{second}");
    let summary = flow.workflows.resume(id, false).await.unwrap();
    assert_eq!(state(&summary), "completed", "{:?}", summary.error);
    assert_eq!(summary.steps[0].attempts, 1);
}

/// A driver that is dropped in the middle of writing leaves nothing behind that is written into what the next one
/// does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_driver_writes_nothing_more() {
    let flow = Flow::builder().unguarded().slow().build().await;
    let path = json!({"path": "work/a", "text": "x"});
    let plan = Flow::plan(&[("a", "put", path, none())], none());
    for moment in 0..12 {
        let (id, running) = flow.begin(&plan).await;
        tokio::time::sleep(Duration::from_millis(10 * moment)).await;
        running.abort();
        running.await.ok();
        if flow.workflows.state(id).unwrap().has_ended() {
            continue;
        }
        // The last that was written may have been its end.
        flow.workflows.resume(id, false).await.ok();
        let summary = flow.workflows.summary(id).unwrap();
        assert_eq!(state(&summary), "completed", "after {moment}");
    }
}

/// A workflow goes on with the components that its plan was checked with, unless somebody accepts others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_component_is_refused_unless_it_is_accepted() {
    let flow = Flow::builder().unguarded().build().await;
    let plan = Flow::plan(&[("nap", "nap", json!({"ms": 900}), none())], none());
    let id = flow.left_running(&plan).await;
    let altered = flow.altered("steps").await;
    let refused = altered.resume(id, false).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "E-DENIED-STALE");
    assert!(!flow.workflows.state(id).unwrap().has_ended());
    let summary = altered.resume(id, true).await.unwrap();
    assert_eq!(state(&summary), "completed");
    assert_eq!(summary.steps[0].attempts, 2);
}

/// The components of undos and criteria count, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_component_to_take_back_with_is_refused() {
    let flow = Flow::builder().unguarded().build().await;
    let undo = json!({
        "undo": {"capability": "text", "function": "count-words", "args": {"text": "a"}},
    });
    let plan = Flow::plan(&[("nap", "nap", json!({"ms": 900}), undo)], none());
    let id = flow.left_running(&plan).await;
    let altered = flow.altered("text").await;
    let refused = altered.resume(id, false).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "E-DENIED-STALE");
    assert_eq!(state(&altered.resume(id, true).await.unwrap()), "completed");
}

/// Somebody approved in time, and nobody was there to go on until it was too late: then it is asked again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_that_came_too_late_is_asked_for_again() {
    let lasts = Duration::from_millis(700);
    let flow = Flow::builder()
        .unguarded()
        .journaled()
        .questions_last(lasts)
        .build()
        .await;
    let plan = Flow::plan(
        &[(
            "write",
            "append",
            json!({"path": "work/log", "line": "x"}),
            json!({"approval": "boss"}),
        )],
        none(),
    );
    let (id, running) = flow.begin(&plan).await;
    let asks = |state: &State| state.steps()[0].question.clone();
    let waits = flow.until(id, |state| asks(state).is_some()).await;
    running.abort();
    running.await.unwrap_err();
    let approve = |question: &str| {
        let answer = ApprovalAnswer {
            approved: true,
            principal: Principal::new("boss"),
            reason: String::new(),
            at: SystemClock::new().timestamp(),
        };
        let desk = flow.desk.as_ref().unwrap();
        desk.answer(question, &answer, &SystemClock::new()).unwrap();
    };
    let first = asks(&waits).unwrap().0;
    approve(&first);
    tokio::time::sleep(lasts).await;
    let workflows = flow.workflows.clone();
    let resumed = tokio::spawn(async move { workflows.resume(id, false).await });
    let again = flow
        .until(id, |state| {
            state.steps()[0].status == StepStatus::Asking
                && asks(state).is_some_and(|(question, _)| question != first)
        })
        .await;
    assert_eq!(flow.file("work/log"), "");
    approve(&asks(&again).unwrap().0);
    assert_eq!(state(&resumed.await.unwrap().unwrap()), "completed");
    assert_eq!(flow.file("work/log"), "x\n");
}
