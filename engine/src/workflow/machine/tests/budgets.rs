//! Budgets: spent to the last unit, and never passed.

use serde_json::json;

use super::*;

fn limited(steps: &[&str], limits: Value) -> Value {
    let preferences = json!({ "continue_on_error": true });
    plan(
        steps,
        json!({ "resource_limits": limits, "preferences": preferences }),
    )
}

fn used(fuel: u64) -> CallEnd {
    CallEnd {
        usage: Usage {
            fuel,
            ..Usage::default()
        },
        ..end(Status::Ok)
    }
}

/// The most that the calls of the last input may use.
fn mosts(run: &Run) -> Vec<Most> {
    let calls = run.effects.iter().filter_map(|effect| {
        let Effect::Call { most, .. } = effect else {
            return None;
        };
        Some(*most)
    });
    calls.collect()
}

/// Counts the events of a name in everything that was taken.
fn count(run: &Run, wanted: &str) -> usize {
    let all = run.taken.iter().flat_map(|(_, effects)| told(effects));
    all.filter(|kind| name(kind) == wanted).count()
}

#[test]
fn a_limit_of_three_calls_lets_three_run() {
    for parallel in [1, 4] {
        let limits = json!({ "max_calls": 3, "max_parallel_executions": parallel });
        let mut run = Run::begun(limited(&["a", "b", "c", "d"], limits));
        for id in ["a", "b", "c"] {
            assert_eq!(run.status(id), StepStatus::Running);
            run.ok(id);
        }
        assert_eq!(run.status("d"), StepStatus::Failed);
        assert_eq!(
            run.step("d").failure.as_ref().unwrap().code,
            Code::DeniedBudget
        );
        assert_eq!(run.step("d").ended, Some(Status::Denied));
        assert_eq!(run.step("d").attempts, 0);
        assert_eq!(run.state.calls(), 3);
        assert_eq!(count(&run, "budget_warned"), 1, "{parallel} at once");
        assert_eq!(count(&run, "budget_exceeded"), 1);
        run.replays();
    }
}

/// The budget that a retry has no more of is why the step failed, not what failed before.
#[test]
fn a_retry_without_budget_is_denied() {
    let written = with_step(
        limited(&["a"], json!({ "max_calls": 1 })),
        "a",
        json!({ "retry": { "base_delay_ms": 1 } }),
    );
    let mut run = Run::begun(written);
    run.fails("a", Code::LimitTime).tick(1);
    assert_eq!(run.status("a"), StepStatus::Failed);
    assert_eq!(run.step("a").ended, Some(Status::Denied));
    assert_eq!(
        run.step("a").failure.as_ref().unwrap().code,
        Code::DeniedBudget
    );
}

#[test]
fn calls_of_one_capability_are_counted_by_themselves() {
    let limits = json!({ "max_calls_of": { "test.act.v1": 1, "other.act.v1": 0 } });
    let written = with_step(
        limited(&["a", "b", "c"], limits),
        "c",
        json!({ "capability": "other.act.v1" }),
    );
    let run = Run::begun(written);
    assert_eq!(run.called(), ["a"]);
    assert_eq!(
        (run.status("b"), run.status("c")),
        (StepStatus::Failed, StepStatus::Failed)
    );
    let exceeded: Vec<(String, u64, u64)> = run
        .told()
        .into_iter()
        .filter_map(|kind| {
            let EventKind::BudgetExceeded {
                budget,
                used,
                maximum,
                ..
            } = kind
            else {
                return None;
            };
            Some((budget.clone(), *used, *maximum))
        })
        .collect();
    let expected = [
        ("calls of `test.act.v1`".to_owned(), 1, 1),
        ("calls of `other.act.v1`".to_owned(), 0, 0),
    ];
    assert_eq!(exceeded, expected);
}

/// Calls at the same time share what is left, so that together they cannot pass a budget.
#[test]
fn parallel_calls_share_a_budget() {
    let mut run = Run::begun(limited(&["a", "b", "c", "d"], json!({ "max_fuel": 250 })));
    let fuel: Vec<u64> = mosts(&run).iter().map(|most| most.fuel).collect();
    assert_eq!(fuel, [100, 100, 50], "the fourth waits");
    assert_eq!(run.status("d"), StepStatus::Ready);
    run.ends("a", used(10));
    assert_eq!(run.called(), ["d"]);
    assert_eq!(mosts(&run)[0].fuel, 90);
    run.ends("b", used(100))
        .ends("c", used(50))
        .ends("d", used(90));
    assert_eq!(run.state.usage().fuel, 250, "spent to the last unit");
    assert_eq!(run.did(), [Effect::Verify]);
}

#[test]
fn a_spent_budget_refuses_what_comes_next() {
    let limits = json!({ "max_fuel": 100, "max_parallel_executions": 1 });
    let mut run = Run::begun(limited(&["a", "b", "c"], limits));
    run.ends("a", used(99));
    assert_eq!(run.called(), ["b"]);
    assert_eq!(mosts(&run)[0].fuel, 1, "what is left may be spent");
    run.ends("b", used(1));
    assert_eq!(run.status("c"), StepStatus::Failed);
    assert_eq!(count(&run, "budget_warned"), 1);
    assert_eq!(count(&run, "budget_exceeded"), 1);
}

#[test]
fn time_and_output_have_budgets_too() {
    let limits = json!({ "max_wall_ms": 40_000, "max_output_bytes": 1_500_000 });
    let mut run = Run::begun(limited(&["a", "b"], limits));
    let most: Vec<(u64, u64)> = mosts(&run)
        .iter()
        .map(|most| (most.wall_ms, most.output_bytes))
        .collect();
    assert_eq!(most, [(30_000, 1_048_576), (10_000, 451_424)]);
    let mut ended = end(Status::Ok);
    ended.usage.wall = std::time::Duration::from_micros(39_999_999);
    ended.usage.stdout = crate::types::Bytes::new(700_000);
    ended.usage.stderr = crate::types::Bytes::new(700_000);
    run.ends("a", ended).ok("b");
    assert_eq!(run.state.usage().wall.as_millis(), 39_999);
    let warned: Vec<String> = run
        .taken
        .iter()
        .flat_map(|(_, effects)| told(effects))
        .filter_map(|kind| {
            let EventKind::BudgetWarned { budget, .. } = kind else {
                return None;
            };
            Some(budget.clone())
        })
        .collect();
    assert_eq!(warned, ["wall_ms", "output_bytes"]);
}

/// Whatever is reported, nothing overflows, and the text of an input gives the same state.
#[test]
fn absurd_usage_is_survived() {
    let limits = json!({ "max_output_bytes": 10, "max_fuel": 10, "max_wall_ms": 10 });
    let mut run = Run::begun(limited(&["a", "b: a"], limits));
    let mut ended = end(Status::Ok);
    let most = crate::types::Bytes::new(u64::MAX);
    ended.usage = Usage {
        fuel: u64::MAX,
        memory_peak: most,
        wall: std::time::Duration::new(1, 234_567_891),
        cpu: std::time::Duration::new(0, 1_499),
        stdout: most,
        stderr: most,
        fs_operations: u64::MAX,
        http_requests: u64::MAX,
    };
    ended.output.as_mut().unwrap().bytes = u64::MAX;
    run.ends("a", ended);
    assert_eq!(run.status("b"), StepStatus::Failed);
    run.replays();
}

/// A call that never was gives everything back.
#[test]
fn an_attempt_that_waits_for_an_approval_uses_nothing() {
    let limits = json!({ "max_calls": 1, "max_fuel": 100, "max_calls_of": { "test.act.v1": 1 } });
    let mut run = Run::begun(limited(&["a"], limits));
    for question in ["one", "two"] {
        run.feed(What::Asked {
            step: 0,
            question: question.to_owned(),
            expires_ms: None,
        });
        assert_eq!((run.state.calls(), run.step("a").attempts), (0, 0));
        assert_eq!(run.status("a"), StepStatus::Asking);
        run.refused(What::Decided {
            step: 0,
            question: "other".to_owned(),
            approval: Approval::Approved,
        });
        run.feed(What::Decided {
            step: 0,
            question: question.to_owned(),
            approval: Approval::Approved,
        });
        assert_eq!(run.called(), ["a"]);
        assert_eq!(mosts(&run)[0].fuel, 100);
    }
    run.ok("a").verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
}

#[test]
fn what_is_not_approved_is_denied() {
    let denied = Approval::Denied {
        by: "grace".to_owned(),
        reason: "too late".to_owned(),
    };
    for (approval, code, message) in [
        (denied, Code::ApprovalDenied, "`grace` denied it: too late"),
        (
            Approval::Expired,
            Code::ApprovalExpired,
            "nobody approved it in time",
        ),
    ] {
        let mut run = Run::begun(with_step(
            plan(&["a"], json!({})),
            "a",
            json!({ "retry": {} }),
        ));
        run.feed(What::Asked {
            step: 0,
            question: "q".to_owned(),
            expires_ms: Some(2_000_000),
        });
        run.feed(What::Decided {
            step: 0,
            question: "q".to_owned(),
            approval,
        });
        let failure = run.step("a").failure.clone().unwrap();
        assert_eq!((failure.code, failure.message.as_str()), (code, message));
        assert_eq!(run.step("a").ended, Some(Status::Denied));
        assert_eq!(run.phase(), WorkflowState::Failed);
    }
}

/// Looking at criteria counts, too.
#[test]
fn calls_that_look_at_criteria_are_counted() {
    let mut run = Run::begun(limited(&["a"], json!({ "max_calls": 5 })));
    run.ok("a");
    let mut looked = looked(vec![Some(true)]);
    if let What::Verified { calls, usage, .. } = &mut looked {
        (*calls, usage.fuel) = (3, 7);
    }
    run.feed(looked);
    assert_eq!((run.state.calls(), run.state.usage().fuel), (4, 7));
    assert_eq!(count(&run, "budget_warned"), 1);
    assert_eq!(run.told_names().last().unwrap(), "workflow_completed");
}
