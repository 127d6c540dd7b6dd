//! States, steps, dependencies and parallel calls.

use serde_json::json;

use super::*;

const ALL: [WorkflowState; 7] = [
    WorkflowState::Initializing,
    WorkflowState::Planning,
    WorkflowState::Executing,
    WorkflowState::Paused,
    WorkflowState::Completed,
    WorkflowState::Failed,
    WorkflowState::Cancelled,
];

/// Every pair of states; rows are where a workflow comes from, in the order of `ALL`.
#[test]
fn only_the_listed_transitions_are_legal() {
    let legal = [
        // I  P  E  P  C  F  C
        [0, 1, 0, 0, 0, 1, 1], // initializing
        [0, 0, 1, 1, 0, 1, 1], // planning
        [0, 1, 0, 1, 1, 1, 1], // executing
        [0, 0, 1, 0, 1, 1, 1], // paused
        [0, 0, 0, 0, 0, 0, 0], // completed
        [0, 0, 0, 0, 0, 0, 0], // failed
        [0, 0, 0, 0, 0, 0, 0], // cancelled
    ];
    for (from, row) in ALL.iter().zip(legal) {
        for (to, legal) in ALL.iter().zip(row) {
            assert_eq!(may_go(*from, *to), legal == 1, "{from:?} to {to:?}");
        }
    }
    for state in ALL {
        let stays = ALL.iter().all(|to| !may_go(state, *to));
        assert_eq!(has_ended(state), stays, "{state:?}");
    }
}

/// A run for every state that a workflow can be in.
fn one_of_each() -> Vec<Run> {
    let two = || plan(&["a", "b: a"], json!({}));
    let mut paused = Run::begun(two());
    paused.acts(act(json!({ "action": "pause" })));
    let mut completed = Run::begun(two());
    completed.ok("a").ok("b").verified();
    let mut failed = Run::begun(two());
    failed.fails("a", Code::GuestError);
    let mut cancelled = Run::proposed(two(), &|_| repeatable());
    cancelled.acts(act(json!({ "action": "stop" })));
    let runs = vec![
        Run::new(),
        Run::proposed(two(), &|_| repeatable()),
        Run::begun(two()),
        paused,
        completed,
        failed,
        cancelled,
    ];
    assert_eq!(runs.iter().map(Run::phase).collect::<Vec<_>>(), ALL);
    runs
}

/// What the machine takes in each state; `give` makes sure that the rest changes nothing.
#[test]
fn inputs_are_taken_in_their_states_alone() {
    let problem = json!({ "code": "E-INVALID-PLAN", "pointer": "", "message": "no", "hint": "", "warning": false });
    let stalled = Stalled {
        issue: "no_progress".to_owned(),
        count: 1,
        evidence: "nothing".to_owned(),
        remedies: Vec::new(),
        asked: None,
    };
    let looped = What::Looped {
        kind: crate::event::LoopKind::Exact,
        count: 3,
        maximum: 3,
        actions: Vec::new(),
        hard: false,
    };
    let ended = |attempt| What::Ended {
        step: 0,
        attempt,
        end: Box::new(end(Status::Ok)),
    };
    let asked = What::Asked {
        step: 0,
        question: "q".to_owned(),
        expires_ms: None,
    };
    let decided = What::Decided {
        step: 0,
        question: "q".to_owned(),
        approval: Approval::Approved,
    };
    let undone = What::Undone {
        step: 0,
        end: Box::new(end(Status::Ok)),
    };
    let recovered = |not_started: &[usize]| What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: Vec::new(),
        not_started: not_started.to_vec(),
        ended: Vec::new(),
    };
    let wants = |written| acted(None, act(written));
    let two = plan(&["a", "b: a"], json!({}));
    let table: Vec<(&str, What, [u8; 7])> = vec![
        // Initializing, planning, executing, paused, and what has ended.
        (
            "proposed",
            proposal(two, &|_| repeatable()),
            [1, 0, 0, 0, 0, 0, 0],
        ),
        (
            "checked",
            What::Checked { approvals: vec![] },
            [0, 1, 0, 0, 0, 0, 0],
        ),
        (
            "rejected",
            What::Rejected {
                problems: vec![serde_json::from_value(problem).unwrap()],
            },
            [0, 1, 0, 0, 0, 0, 0],
        ),
        ("ended", ended(1), [0, 0, 1, 1, 0, 0, 0]),
        ("ended twice", ended(2), [0; 7]),
        ("asked", asked, [0, 0, 1, 1, 0, 0, 0]),
        ("decided", decided, [0; 7]),
        ("undone", undone, [0; 7]),
        ("verified", looked(vec![Some(true)]), [0; 7]),
        ("ticked", What::Ticked, [1, 1, 1, 1, 0, 0, 0]),
        (
            "stalled",
            What::Stalled(Box::new(stalled)),
            [0, 0, 1, 0, 0, 0, 0],
        ),
        ("looped", looped, [0, 0, 1, 0, 0, 0, 0]),
        ("recovered", recovered(&[0]), [0, 0, 1, 1, 0, 0, 0]),
        ("recovered idle", recovered(&[]), [1, 1, 0, 0, 0, 0, 0]),
        (
            "continue",
            wants(json!({ "action": "continue" })),
            [0, 0, 0, 1, 0, 0, 0],
        ),
        (
            "pause",
            wants(json!({ "action": "pause" })),
            [0, 0, 1, 0, 0, 0, 0],
        ),
        (
            "stop",
            wants(json!({ "action": "stop" })),
            [1, 1, 1, 1, 0, 0, 0],
        ),
        (
            "modify",
            wants(json!({ "action": "modify_parameters", "max_parallel_executions": 2 })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        (
            "add",
            wants(json!({ "action": "add_action", "step": { "id": "c", "capability": "x" } })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        (
            "remove",
            wants(json!({ "action": "remove_action", "step": "b" })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        (
            "override",
            wants(json!({ "action": "override_result", "step": "b", "value": 1 })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        (
            "escalate",
            wants(json!({ "action": "escalate" })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        (
            "inspect",
            wants(json!({ "action": "inspect_state" })),
            [1, 1, 1, 1, 0, 0, 0],
        ),
        (
            "increase",
            wants(json!({ "action": "increase_timeout", "by_ms": 1 })),
            [0, 0, 1, 1, 0, 0, 0],
        ),
        ("restart", wants(json!({ "action": "restart" })), [0; 7]),
        ("retry", wants(json!({ "action": "retry" })), [0; 7]),
        (
            "mark done",
            wants(json!({ "action": "mark_done", "value": 1 })),
            [0; 7],
        ),
        ("skip", wants(json!({ "action": "skip" })), [0; 7]),
        ("fail", wants(json!({ "action": "fail" })), [0; 7]),
        (
            "confirm",
            wants(json!({ "action": "confirm", "met": true })),
            [0; 7],
        ),
    ];
    for (name, what, taken) in table {
        for (run, taken) in one_of_each().iter().zip(taken) {
            let (mut run, phase) = (run.clone(), run.phase());
            assert_eq!(
                run.give(what.clone()),
                taken == 1,
                "{name} in {phase:?}: {:?}",
                run.effects
            );
        }
    }
}

#[test]
fn the_history_replays_to_the_state() {
    use WorkflowState::{Completed, Executing, Initializing, Paused, Planning};
    let mut run = Run::begun(plan(&["a", "b: a"], json!({})));
    run.acts(act(json!({ "action": "pause" })));
    run.ok("a");
    run.acts(act(json!({ "action": "continue" })));
    run.ok("b").verified();
    let expected = [
        (Initializing, Planning),
        (Planning, Executing),
        (Executing, Paused),
        (Paused, Executing),
        (Executing, Completed),
    ];
    assert_eq!(run.history(), expected);
    let reasons: Vec<&str> = run
        .state
        .history()
        .iter()
        .map(|change| change.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        [
            "Starting planning phase",
            "Beginning action execution",
            "Workflow paused for intervention",
            "Resumed",
            "All actions completed successfully"
        ]
    );
    run.replays();
}

#[test]
fn a_rejected_plan_fails_before_anything_runs() {
    let mut run = Run::proposed(plan(&["a"], json!({})), &|_| repeatable());
    run.feed(What::Rejected {
        problems: Vec::new(),
    });
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(run.reason().0, Code::InvalidPlan);
    assert_eq!(run.told_names().last().unwrap(), "workflow_completed");
    assert!(run.did().is_empty());
}

#[test]
fn a_proposal_has_to_be_what_it_says() {
    let What::Proposed(good) = proposal(plan(&["a"], json!({})), &|_| repeatable()) else {
        panic!("a proposal")
    };
    let mut other_hash = good.clone();
    other_hash.hash = Digest::of(b"another");
    let mut unknown = good.clone();
    unknown.known.clear();
    let mut nonsense = good;
    nonsense.plan.goal.clear();
    for proposal in [other_hash, unknown, nonsense] {
        Run::new().refused(What::Proposed(proposal));
    }
}

/// The last allowed step may be the last one; one less is not enough.
#[test]
fn steps_are_counted_as_actions() {
    let three = ["a", "b: a", "c: b"];
    let mut run = Run::begun(plan(&three, json!({ "max_steps": 3 })));
    run.ok("a").ok("b").ok("c").verified();
    assert_eq!(run.phase(), WorkflowState::Completed);

    let mut run = Run::begun(plan(&three, json!({ "max_steps": 2 })));
    run.ok("a").ok("b");
    assert!(run.called().is_empty());
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(
        run.reason(),
        (Code::DeniedBudget, "Exceeded maximum steps: 2")
    );
}

/// Retries and restarts of a step are the same action, and so is one that waited for an approval.
#[test]
fn a_repeated_step_is_one_action() {
    let retried = with_step(
        plan(&["a", "b: a"], json!({ "max_steps": 2 })),
        "a",
        json!({ "retry": { "base_delay_ms": 10, "max_retries": 2 } }),
    );
    let mut run = Run::begun(retried);
    run.fails("a", Code::LimitTime).tick(10);
    run.feed(What::Asked {
        step: 0,
        question: "q".to_owned(),
        expires_ms: None,
    });
    run.feed(What::Decided {
        step: 0,
        question: "q".to_owned(),
        approval: Approval::Approved,
    });
    assert_eq!(run.called(), ["a"]);
    assert_eq!(run.step("a").attempts, 2);
    run.ok("a").ok("b").verified();
    assert_eq!(run.phase(), WorkflowState::Completed);
}

#[test]
fn the_deadline_interrupts_what_runs() {
    let mut run = Run::begun(plan(&["a", "b", "c: a"], json!({ "timeout_ms": 1_000 })));
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 1_000));
    run.tick(999);
    assert!(run.did().is_empty());
    run.tick(1);
    let interrupts = [Effect::Interrupt { step: 0 }, Effect::Interrupt { step: 1 }];
    assert_eq!(run.did(), interrupts);
    assert_eq!(run.state.wakes_at_ms(), None, "it is interrupted once");
    run.fails("a", Code::Cancelled).ok("b");
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(
        run.reason(),
        (Code::LimitTime, "Workflow timeout after 1000 ms")
    );
    assert_eq!(run.status("a"), StepStatus::Cancelled);
    assert_eq!(run.status("b"), StepStatus::Completed);
    assert_eq!(run.status("c"), StepStatus::Cancelled);
}

/// A step's failure lets others finish, but not beyond the deadline.
#[test]
fn the_deadline_holds_while_a_workflow_fails() {
    let mut run = Run::begun(plan(&["a", "b"], json!({ "timeout_ms": 1_000 })));
    run.now_ms += 400;
    run.fails("a", Code::GuestError);
    assert!(run.did().is_empty());
    assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + 600));
    run.tick(600);
    assert_eq!(run.did(), [Effect::Interrupt { step: 1 }]);
    run.tick(600);
    assert!(run.did().is_empty(), "it is interrupted once");
    run.fails("b", Code::Cancelled);
    assert_eq!(run.phase(), WorkflowState::Failed);
    assert_eq!(run.reason().0, Code::GuestError, "the first reason stays");
}

/// A clock that is set back stands still, and time without a driver is not counted.
#[test]
fn only_driven_time_counts() {
    let mut run = Run::begun(plan(&["a"], json!({ "timeout_ms": 1_000 })));
    run.tick(500);
    run.now_ms -= 400;
    run.feed(What::Ticked);
    assert_eq!(run.state.active_ms(), 500);
    run.now_ms += 1_000_000;
    run.feed(What::Recovered {
        known: Vec::new(),
        runs: Vec::new(),
        uncertain: vec![],
        not_started: vec![0],
        ended: vec![],
    });
    assert_eq!(run.state.active_ms(), 500);
    assert_eq!(run.called(), ["a"]);
    run.tick(500);
    assert_eq!(run.did(), [Effect::Interrupt { step: 0 }]);
}

#[test]
fn a_diamond_runs_in_its_order() {
    let mut run = Run::begun(plan(&["d: b c", "b: a", "c: a", "a"], json!({})));
    assert_eq!(run.called(), ["a"]);
    run.ok("a");
    assert_eq!(run.called(), ["b", "c"]);
    run.ok("c");
    assert!(run.called().is_empty());
    run.ok("b");
    assert_eq!(run.called(), ["d"]);
    run.ok("d");
    assert_eq!(run.did(), [Effect::Verify]);
}

/// A failed step takes those with it that wait for it, directly or not; others run if the step lets them.
#[test]
fn dependents_of_a_failure_are_skipped() {
    let steps = ["a", "b: a", "c: b", "d", "e: d c"];
    let mut run = Run::begun(with_step(
        plan(&steps, json!({})),
        "a",
        json!({ "continue_on_error": true }),
    ));
    run.fails("a", Code::GuestError);
    assert_eq!(run.phase(), WorkflowState::Executing);
    for id in ["b", "c", "e"] {
        assert_eq!(run.status(id), StepStatus::Skipped, "{id}");
    }
    let skipped = run
        .told_names()
        .into_iter()
        .filter(|name| name == "step_skipped");
    assert_eq!(skipped.count(), 3, "each is told once");
    run.ok("d");
    assert_eq!(run.did(), [Effect::Verify]);
}

/// Without `continue_on_error`, nothing new begins, and what runs may finish.
#[test]
fn a_failure_ends_the_workflow_when_nothing_runs() {
    for (both, phase) in [
        (false, WorkflowState::Failed),
        (true, WorkflowState::Executing),
    ] {
        let preferences = json!({ "preferences": { "continue_on_error": both } });
        let mut run = Run::begun(plan(&["a", "b", "c: b"], preferences));
        run.fails("a", Code::DeniedPolicy);
        assert_eq!(run.status("a"), StepStatus::Failed);
        assert_eq!(run.step("a").ended, Some(Status::Denied));
        assert_eq!(run.phase(), WorkflowState::Executing, "`b` still runs");
        run.ok("b");
        assert_eq!(run.phase(), phase);
        assert_eq!(run.called().is_empty(), !both);
    }
}

#[test]
fn no_more_run_at_the_same_time_than_the_plan_allows() {
    let eight = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut run = Run::begun(plan(&eight, json!({})));
    assert_eq!(run.called(), ["a", "b", "c", "d"], "4 by default");
    run.ok("c");
    assert_eq!(run.called(), ["e"]);
    let limits = json!({ "resource_limits": { "max_parallel_executions": 1 } });
    let mut run = Run::begun(plan(&eight, limits));
    assert_eq!(run.called(), ["a"]);
    run.acts(act(
        json!({ "action": "modify_parameters", "max_parallel_executions": 3 }),
    ));
    assert_eq!(run.called(), ["b", "c"]);
    run.acts(act(
        json!({ "action": "modify_parameters", "max_parallel_executions": 1 }),
    ));
    run.ok("a").ok("b");
    assert!(run.called().is_empty());
    run.ok("c");
    assert_eq!(run.called(), ["d"]);
}
