//! Retries: which failures, how often, and how long after.

use serde_json::json;

use super::*;

/// A plan of one step with a retry policy.
fn retried(retry: Value) -> Value {
    let others = json!({ "preferences": { "continue_on_error": true } });
    with_step(plan(&["a"], others), "a", json!({ "retry": retry }))
}

/// The computed and the selected delay of the retry that the last input planned.
fn delays(run: &Run) -> Option<(u64, u64)> {
    run.told().into_iter().find_map(|kind| {
        let EventKind::RetryScheduled {
            computed_delay_ms,
            selected_delay_ms,
            ..
        } = kind
        else {
            return None;
        };
        Some((*computed_delay_ms, *selected_delay_ms))
    })
}

/// Fails until there is no retry any more; returns the delays, each of which is kept to the millisecond.
fn all_delays(run: &mut Run) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        run.fails("a", Code::LimitTime);
        let Some((computed, selected)) = delays(run) else {
            return all;
        };
        assert_eq!(computed, selected);
        assert_eq!(run.status("a"), StepStatus::Retrying);
        assert!(run.called().is_empty());
        all.push(selected);
        if selected == 0 {
            continue;
        }
        assert_eq!(run.state.wakes_at_ms(), Some(run.now_ms + selected));
        if selected > 1 {
            run.tick(selected - 1);
            assert!(run.called().is_empty(), "it is too early");
            run.tick(1);
        } else {
            run.tick(selected);
        }
        assert_eq!(run.called(), ["a"]);
    }
}

#[test]
fn delays_grow_as_the_plan_says() {
    let table = [
        ("fixed", [100, 100, 100, 100, 100]),
        ("linear", [100, 200, 300, 400, 450]),
        ("exponential", [100, 200, 400, 450, 450]),
    ];
    for (backoff, expected) in table {
        let mut run = Run::begun(retried(json!({
            "backoff": backoff, "max_retries": 5, "base_delay_ms": 100, "max_delay_ms": 450
        })));
        assert_eq!(all_delays(&mut run), expected, "{backoff}");
        assert_eq!(run.step("a").attempts, 6, "one more than there are retries");
        assert_eq!(run.status("a"), StepStatus::Failed);
    }
}

#[test]
fn jittered_delays_are_in_the_upper_half() {
    let retry = json!({
        "backoff": "jittered", "max_retries": 6, "base_delay_ms": 1_000, "max_delay_ms": 8_000
    });
    let mut run = Run::begun(retried(retry));
    let delays = all_delays(&mut run);
    let whole = [1_000, 2_000, 4_000, 8_000, 8_000, 8_000];
    assert_eq!(delays.len(), whole.len());
    for (delay, whole) in delays.iter().zip(whole) {
        assert!((whole / 2..=whole).contains(delay), "{delay} of {whole}");
    }
    let (last, same) = (delays[5], delays[3] == delays[4] && delays[4] == delays[5]);
    assert!(!same, "every attempt has its own chance: {last}");
}

#[test]
fn defaults_are_three_retries_from_a_second_on() {
    let mut run = Run::begun(retried(json!({})));
    assert_eq!(all_delays(&mut run), [1_000, 2_000, 4_000]);
}

/// The delay arithmetic at its edges.
#[test]
fn no_delay_overflows_or_passes_its_bound() {
    use crate::workflow::plan::{Backoff, Retry};
    for backoff in [
        Backoff::Fixed,
        Backoff::Linear,
        Backoff::Exponential,
        Backoff::Jittered,
    ] {
        for (base_ms, most_ms) in [
            (0, 0),
            (0, 7),
            (1, 1),
            (3_600_000, 3_600_000),
            (u64::MAX, u64::MAX - 1),
        ] {
            let retry = Retry {
                max: 100,
                backoff,
                base_ms,
                most_ms,
                on: None,
            };
            for attempt in [0, 1, 2, 63, 64, 65, 66, u32::MAX] {
                for chance in [0, 1, u64::MAX] {
                    assert!(
                        retry.delay_ms(attempt, chance) <= most_ms,
                        "{retry:?} {attempt}"
                    );
                }
            }
        }
    }
}

/// Whether a failure is worth another attempt depends on its code, and on whether a repetition does harm.
#[test]
fn failures_are_classified_by_their_codes() {
    let table = [
        // The code, whether it is repeatable, `on`, and whether there is a retry.
        (Code::LimitTime, true, None, true),
        (Code::Internal, true, None, true),
        (Code::GuestError, true, None, false),
        (Code::DeniedPolicy, true, None, false),
        (Code::LimitTime, false, None, false),
        (
            Code::GuestError,
            false,
            Some(json!(["E-GUEST-ERROR"])),
            true,
        ),
        (Code::LimitTime, true, Some(json!(["E-GUEST-ERROR"])), false),
        (Code::LimitTime, true, Some(json!([])), false),
    ];
    for (code, repeatable, on, retries) in table {
        let retry = match &on {
            Some(on) => json!({ "on": on }),
            None => json!({}),
        };
        let mut run = Run::begun_with(retried(retry), &|_| Known {
            repeatable,
            ..once_only()
        });
        run.fails("a", code);
        assert_eq!(
            delays(&run).is_some(),
            retries,
            "{code:?} {repeatable} {on:?}"
        );
        if !retries {
            assert_eq!(run.step("a").attempts, 1);
            assert_eq!(run.status("a"), StepStatus::Failed);
        }
    }
}

#[test]
fn a_plan_without_retries_has_none() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    run.fails("a", Code::LimitTime);
    assert_eq!(run.phase(), WorkflowState::Failed);
}

/// All steps together have so many retries.
#[test]
fn retries_have_a_budget() {
    let mut written = plan(
        &["a", "b"],
        json!({ "resource_limits": { "max_retries": 2 }, "preferences": { "continue_on_error": true } }),
    );
    for id in ["a", "b"] {
        let retry = json!({ "retry": { "base_delay_ms": 0, "max_delay_ms": 0, "max_retries": 9 } });
        written = with_step(written, id, retry);
    }
    let mut run = Run::begun(written);
    run.fails("a", Code::LimitTime);
    assert_eq!(run.called(), ["a"], "a wait of 0 ms is none");
    run.fails("b", Code::LimitTime).fails("b", Code::LimitTime);
    assert_eq!(run.status("b"), StepStatus::Failed);
    run.fails("a", Code::LimitTime);
    assert_eq!(run.status("a"), StepStatus::Failed);
    assert_eq!((run.step("a").attempts, run.step("b").attempts), (2, 2));
}

/// A wait ends with the workflow's time.
#[test]
fn a_wait_is_no_longer_than_the_workflow() {
    let retry = json!({ "retry": { "base_delay_ms": 5_000, "backoff": "fixed" } });
    let mut run = Run::begun(with_step(
        plan(&["a"], json!({ "timeout_ms": 3_000 })),
        "a",
        retry,
    ));
    run.now_ms += 1_000;
    run.fails("a", Code::LimitTime);
    assert_eq!(delays(&run), Some((5_000, 2_000)));
    run.tick(2_000);
    assert!(run.called().is_empty());
    assert_eq!(run.reason().0, Code::LimitTime);
}

/// An attempt that a person interrupted is not one that failed: it does not use a retry up.
#[test]
fn interrupted_attempts_use_no_retries_up() {
    let mut run = Run::begun(retried(json!({ "max_retries": 1, "base_delay_ms": 10 })));
    run.acts(act(json!({ "action": "pause", "interrupt": true })));
    run.fails("a", Code::Cancelled);
    assert_eq!(run.status("a"), StepStatus::Ready);
    run.acts(act(json!({ "action": "continue" })));
    run.fails("a", Code::LimitTime);
    assert_eq!(delays(&run), Some((10, 10)));
}

/// A restarted step has its retries again.
#[test]
fn a_restart_begins_anew() {
    let written = with_step(
        plan(
            &["a", "b"],
            json!({ "preferences": { "continue_on_error": true } }),
        ),
        "a",
        json!({ "retry": { "max_retries": 1, "base_delay_ms": 10 } }),
    );
    let mut run = Run::begun(written);
    run.fails("a", Code::LimitTime)
        .tick(10)
        .fails("a", Code::LimitTime);
    assert_eq!(run.status("a"), StepStatus::Failed);
    run.acts(act(json!({ "action": "restart", "step": "a" })));
    assert_eq!(run.called(), ["a"]);
    run.fails("a", Code::LimitTime);
    assert_eq!(delays(&run), Some((10, 10)));
    assert_eq!(run.step("a").attempts, 3, "attempts are numbered on");
}
