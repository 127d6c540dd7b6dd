//! Plans at the command line: their bounds, and what is too large.

use engine_tests::guest;
use serde_json::{Value, json};

use super::registry::Place;

const WITH_STEPS: [&str; 2] = ["--component", "steps.wasm"];

/// A place with the guest `steps`.
fn place() -> Place {
    let place = Place::new();
    place.write("steps.wasm", guest("steps").as_bytes());
    place
}

/// A plan of one step, with some of it changed.
fn plan(changes: &[(&str, Value)]) -> Value {
    let mut plan = json!({
        "version": 1,
        "goal": "say it",
        "steps": [{ "id": "say", "capability": "steps", "function": "echo", "args": { "text": "it" } }],
    });
    let changes = changes
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    plan.as_object_mut().unwrap().extend(changes);
    plan
}

/// Row 26: both ends of every range, by `plan check` and by `run`, in JSON.
#[test]
fn both_ways_in_have_the_same_bounds() {
    let place = place();
    let goal = |letters: usize| json!("ö".repeat(letters));
    /// What it is, how the plan is changed, and whether that is accepted.
    type Row<'a> = (&'a str, &'a [(&'a str, Value)], bool);
    let table: &[Row<'_>] = &[
        ("goal 0", &[("goal", goal(0))], false),
        ("goal 1", &[("goal", goal(1))], true),
        ("goal 10000", &[("goal", goal(10_000))], true),
        ("goal 10001", &[("goal", goal(10_001))], false),
        ("steps 0", &[("max_steps", json!(0))], false),
        ("steps 1", &[("max_steps", json!(1))], true),
        ("steps 1000", &[("max_steps", json!(1_000))], true),
        ("steps 1001", &[("max_steps", json!(1_001))], false),
        ("steps -1", &[("max_steps", json!(-1))], false),
        ("steps 1.5", &[("max_steps", json!(1.5))], false),
        ("timeout 999", &[("timeout_ms", json!(999))], false),
        ("timeout 1000", &[("timeout_ms", json!(1_000))], true),
        ("timeout 3600000", &[("timeout_ms", json!(3_600_000))], true),
        (
            "timeout 3600001",
            &[("timeout_ms", json!(3_600_001))],
            false,
        ),
        (
            "research 4",
            &[
                ("workflow_type", json!("research_and_planning")),
                ("max_steps", json!(4)),
            ],
            false,
        ),
        (
            "research 5",
            &[
                ("workflow_type", json!("research_and_planning")),
                ("max_steps", json!(5)),
            ],
            true,
        ),
        (
            "complex 9",
            &[
                ("workflow_type", json!("complex_orchestration")),
                ("max_steps", json!(9)),
            ],
            false,
        ),
        (
            "complex 10",
            &[
                ("workflow_type", json!("complex_orchestration")),
                ("max_steps", json!(10)),
            ],
            true,
        ),
        (
            "an unknown type",
            &[("workflow_type", json!("huge"))],
            false,
        ),
        ("an unknown field", &[("max_stepps", json!(5))], false),
        (
            "some limits",
            &[("resource_limits", json!({ "max_calls": 1 }))],
            true,
        ),
        ("no limits", &[("resource_limits", json!({}))], true),
        (
            "an unknown limit",
            &[("resource_limits", json!({ "max_call": 1 }))],
            false,
        ),
        (
            "some preferences",
            &[("preferences", json!({ "reuse_results": true }))],
            true,
        ),
        ("no preferences", &[("preferences", json!({}))], true),
    ];
    for (what, changes, is_fine) in table {
        place.write("plan.json", plan(changes).to_string());
        for way in [&["plan", "check"][..], &["run"]] {
            let args = [way, &["plan.json"], &WITH_STEPS].concat();
            let (exit, told) = place.told(&args);
            assert_eq!(
                exit,
                if *is_fine { 0 } else { 6 },
                "{what}, {way:?}: {told}"
            );
            if !is_fine {
                assert!(told.contains("[E-INVALID-PLAN]"), "{what}, {way:?}: {told}");
                assert!(told.contains("--> plan.json:1:"), "{what}, {way:?}: {told}");
            }
        }
    }
}

/// F1: a plan of a million steps is one problem, told at once.
#[test]
fn a_plan_of_a_million_steps_is_one_problem() {
    let place = place();
    let mut text = r#"{"version":1,"goal":"flood","steps":["#.to_owned();
    for number in 0..1_000_000 {
        let comma = if number > 0 { "," } else { "" };
        text.push_str(&format!(
            r#"{comma}{{"id":"s{number}","capability":"a.b.v1"}}"#
        ));
    }
    text.push_str("]}");
    place.write("plan.json", text);
    for way in [&["plan", "check"][..], &["run"]] {
        let args = [way, &["plan.json"], &WITH_STEPS].concat();
        let told = place.fails(&args, 6, "E-INVALID-PLAN");
        assert_eq!(told.matches("error: ").count(), 1, "{told}");
        assert!(told.len() < 2_000, "{} bytes", told.len());
    }
}

/// Row 37, F15: what is larger than a result may be ends its step as a limit, and nothing that needs it begins.
#[test]
fn a_result_that_is_too_large_is_a_limit() {
    let place = place();
    for (bytes, exit) in [(100_000, 0), (1_100_000, 4)] {
        let plan = json!({
            "version": 1,
            "goal": "pass it on",
            "steps": [
                { "id": "big", "capability": "steps", "function": "big", "args": { "bytes": bytes } },
                {
                    "id": "same", "capability": "steps", "function": "echo",
                    "args": { "text": "${steps.big.output}" },
                },
            ],
        });
        place.write("plan.json", plan.to_string());
        let args = [&["run", "plan.json", "--output", "json"], &WITH_STEPS[..]].concat();
        let output = place.run(&args);
        let told = String::from_utf8_lossy(&output.stderr);
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = &summary["steps"];
        if exit == 0 {
            assert!(output.status.success(), "{told}");
            assert_eq!(steps[1]["status"], "completed");
            continue;
        }
        assert!(!output.status.success());
        assert_eq!(steps[0]["error"]["code"], "E-LIMIT-OUTPUT", "{summary:#}");
        assert_eq!(steps[1]["status"], "skipped", "{summary:#}");
        assert!(
            output.stdout.len() < 10_000,
            "the text is not passed on to whoever reads the summary"
        );
    }
}
