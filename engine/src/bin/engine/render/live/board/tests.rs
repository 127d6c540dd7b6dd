use engine::workflow::PlanSpec;
use serde_json::{Value, json};

use super::*;

fn plan(steps: usize) -> Plan {
    let steps: Vec<Value> = (0..steps)
        .map(|at| {
            let after: Vec<String> = at.checked_sub(1).map(|at| format!("s{at}")).into_iter().collect();
            json!({"id": format!("s{at}"), "capability": "text", "function": "f", "depends_on": after})
        })
        .collect();
    let spec: PlanSpec = serde_json::from_value(json!({
        "version": 1, "goal": "a goal", "timeout_ms": 60_000,
        "resource_limits": {"max_calls": 9}, "steps": steps,
    }))
    .unwrap();
    Plan::new(spec, Default::default()).unwrap()
}

fn event(step: Option<&str>, kind: Value) -> Event {
    let id = "0191b2c3-0000-7000-8000-000000000001";
    let mut scope = vec![format!("workflow:{id}")];
    scope.extend(step.map(|step| format!("step:{step}")));
    let mut event = json!({
        "id": id, "seq": 0, "ts": "2026-11-25T10:00:00Z",
        "source": {"type": "workflow", "workflow_id": id}, "scope": scope,
        "trace_id": "0191b2c3000070008000000000000001",
    });
    let both = event.as_object_mut().unwrap();
    both.extend(kind.as_object().unwrap().clone());
    Event::from_json(&event.to_string()).unwrap()
}

/// A row says how far its step is, for how long, and what it waits for.
#[test]
fn a_row_says_how_far_a_step_is() {
    let mut board = Board::of_plan(&plan(3), String::new());
    let second = Duration::from_secs(1);
    board.hear(
        &event(
            None,
            json!({"type": "workflow_state_changed",
            "data": {"from": "planning", "to": "executing", "reason": "checked"}}),
        ),
        Duration::ZERO,
    );
    board.hear(
        &event(
            Some("s0"),
            json!({"type": "step_started", "data": {"action": "text.f", "attempt": 2}}),
        ),
        second,
    );
    assert_eq!(
        board.lines(second * 3, 80, 24),
        [
            "a goal",
            "executing  3.0 s/1 min 0 s  calls 0/9  fuel 0",
            "checked",
            "  s0  running       2.0 s  2 attempts",
            "  s1  pending              after s0",
            "  s2  pending              after s1",
        ]
    );
    board.hear(
        &event(
            Some("s0"),
            json!({"type": "step_skipped", "data": {"reason": "not wanted"}}),
        ),
        second * 4,
    );
    let lines = board.lines(second * 5, 30, 24);
    assert_eq!(lines[3], "  s0  skipped       4.0 s  2");
    assert_eq!(lines[4], "  s1  pending");
}

/// More steps than the terminal has lines are counted, and those that run are shown.
#[test]
fn what_does_not_fit_is_counted() {
    let mut board = Board::of_plan(&plan(100), String::new());
    board.hear(
        &event(
            Some("s70"),
            json!({"type": "step_started", "data": {"action": "text.f", "attempt": 1}}),
        ),
        Duration::ZERO,
    );
    let lines = board.lines(Duration::ZERO, 80, 10);
    assert_eq!(lines.len(), 9, "{lines:?}");
    assert!(lines[2].starts_with("  s70  running"), "{lines:?}");
    assert_eq!(lines[8], "… 94 more; 0 of 100 have ended");
    // However small it is, there is something to see.
    assert_eq!(board.lines(Duration::ZERO, 1, 1).len(), 4);
}
