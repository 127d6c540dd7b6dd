use serde_json::json;

use super::*;
use crate::types::{Code, Failure, Status, Usage};
use crate::workflow::machine::{Act, CallEnd, Effect, Input, Known, Output, Proposal, What, step};
use crate::workflow::plan::{Plan, PlanSpec};

/// A workflow in which `good` completed, `bad` ended as a status says, `late` was skipped because of it, and `gone`
/// was removed.
fn state(bad: Status) -> State {
    let spec: PlanSpec = serde_json::from_value(json!({
        "version": 1, "goal": "test criteria",
        "preferences": { "continue_on_error": true },
        "steps": [
            { "id": "good", "capability": "x" },
            { "id": "bad", "capability": "x" },
            { "id": "late", "capability": "x", "depends_on": ["bad"] },
            { "id": "gone", "capability": "x", "depends_on": ["bad"] },
        ],
    }))
    .unwrap();
    let plan = Plan::new(spec.clone(), Default::default()).unwrap();
    let ended = |step, status: Status| What::Ended {
        step,
        attempt: 1,
        end: Box::new(CallEnd {
            status,
            started: true,
            killed: false,
            output: Some(Output::inline("null")),
            failure: Some(Failure::plain(Code::Internal, "it failed")),
            usage: Usage {
                fuel: 50,
                ..Usage::default()
            },
            run: None,
            cached: None,
        }),
    };
    let removed = Act::RemoveAction {
        step: "gone".to_owned(),
    };
    let inputs = [
        What::Proposed(Box::new(Proposal {
            known: vec![Known::default(); spec.steps.len()],
            hash: plan.hash(),
            plan: spec,
            planner: "test".to_owned(),
            principal: Default::default(),
            seed: crate::types::Digest::of(b"seed"),
            others: Vec::new(),
            policy_set: None,
        })),
        What::Checked { approvals: vec![] },
        What::Acted {
            by: Default::default(),
            token: None,
            act: removed,
            known: None,
            wish: None,
            undriven: false,
        },
        ended(0, Status::Ok),
        ended(1, bad),
    ];
    let id = "018f4d2e-0000-7000-8000-000000000001".parse().unwrap();
    let mut state = State::new(id);
    for (at_ms, what) in (1_000..).step_by(100).zip(inputs) {
        let (next, effects) = step(state, Input { at_ms, what });
        assert!(
            !matches!(effects.as_slice(), [Effect::Refuse { .. }]),
            "{effects:?}"
        );
        state = next;
    }
    state
}

/// What is found about a criterion, where the step `good` gave this value.
fn looked(criterion: &Value, value: &Value, bad: Status) -> Evidence {
    let criterion: Criterion = serde_json::from_value(criterion.clone()).unwrap();
    let output = |step: usize| {
        assert_eq!(step, 0, "only the value of the named step is read");
        Ok(value.clone())
    };
    look(&criterion, &state(bad), &output).unwrap()
}

fn of_good(fields: Value) -> Value {
    let mut value = json!({ "step": "good" });
    value
        .as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json!({ "value": value })
}

#[test]
fn values_are_compared() {
    let table = [
        // The criterion, the value, and whether it is met.
        (
            json!({ "equals": { "a": [1, 2] } }),
            json!({ "a": [1, 2] }),
            true,
        ),
        (
            json!({ "equals": { "a": [1, 2] } }),
            json!({ "a": [2, 1] }),
            false,
        ),
        (
            json!({ "equals": { "a": 1, "b": 2 } }),
            json!({ "b": 2, "a": 1 }),
            true,
        ),
        (
            json!({ "equals": { "a": 1 } }),
            json!({ "a": 1, "b": 2 }),
            false,
        ),
        (json!({ "equals": null }), json!(null), true),
        (json!({ "equals": null }), json!(0), false),
        (json!({ "equals": 1 }), json!(1.0), true),
        (json!({ "equals": [1.0] }), json!([1]), true),
        (json!({ "equals": 1 }), json!("1"), false),
        (json!({ "equals": u64::MAX }), json!(u64::MAX - 1), false),
        (json!({ "equals": true }), json!(1), false),
        (json!({ "matches": "^ok( .*)?$" }), json!("ok then"), true),
        (json!({ "matches": "^ok$" }), json!("not ok"), false),
        (json!({ "matches": "1" }), json!(1), false),
        (json!({ "at_least": 3.0 }), json!(3), true),
        (json!({ "at_least": 3.0 }), json!(2.999), false),
        (json!({ "at_most": 3.0 }), json!(3), true),
        (json!({ "at_most": 3.0 }), json!(4), false),
        (
            json!({ "at_least": 2.0, "at_most": 2.0 }),
            json!(["a", "b"]),
            true,
        ),
        (json!({ "at_least": 3.0 }), json!(["a", "b"]), false),
        (json!({ "at_least": 3.0 }), json!("12"), true),
        // What a guest calls a number is one only if it can be compared.
        (json!({ "at_least": 3.0 }), json!("NaN"), false),
        (json!({ "at_most": 3.0 }), json!("NaN"), false),
        (json!({ "at_least": 3.0 }), json!("inf"), false),
        (json!({ "at_most": 3.0 }), json!("-inf"), false),
        (json!({ "at_most": 3.0 }), json!({}), false),
        (json!({ "at_most": 3.0 }), json!(null), false),
        (json!({ "at_most": 3.0 }), json!(false), false),
        (
            json!({ "path": "a.1", "equals": "x" }),
            json!({ "a": ["y", "x"] }),
            true,
        ),
        (
            json!({ "path": "a.2", "equals": "x" }),
            json!({ "a": ["y", "x"] }),
            false,
        ),
        (
            json!({ "path": "a.b", "equals": "x" }),
            json!("text"),
            false,
        ),
        (json!({ "equals": 1, "at_most": 0.0 }), json!(1), false),
    ];
    for (asked, value, met) in table {
        let found = looked(&of_good(asked.clone()), &value, Status::Error);
        assert_eq!(found.met, Some(met), "{asked} of {value}: {}", found.found);
    }
}

#[test]
fn what_is_wrong_is_said() {
    let asked = json!({ "path": "n", "equals": 1, "at_least": 5.0 });
    let found = looked(&of_good(asked), &json!({ "n": 2 }), Status::Error);
    assert_eq!(
        found.found,
        "`n` of `good` is 2: it is not 1 and is not at least 5"
    );
    let large = json!("x".repeat(100_000));
    let found = looked(
        &of_good(json!({ "equals": "y".repeat(100_000) })),
        &large,
        Status::Error,
    );
    assert!(found.found.len() < 1_100, "{}", found.found.len());
    // What a guest returned does not act on a terminal.
    let found = looked(
        &of_good(json!({ "matches": "x" })),
        &json!("\u{1b}[31m"),
        Status::Error,
    );
    assert!(!found.found.contains('\u{1b}'));
}

#[test]
fn a_step_without_a_value_has_none() {
    for (step, told) in [
        ("bad", "the step `bad` has no value"),
        ("late", "the step `late` has no value"),
        ("nobody", "there is no step `nobody`"),
    ] {
        let criterion = json!({ "value": { "step": step, "at_least": 0.0 } });
        let found = looked(&criterion, &json!(1), Status::Error);
        assert_eq!((found.met, found.found.as_str()), (Some(false), told));
    }
    // A value that cannot be read is not met either.
    let criterion: Criterion = serde_json::from_value(of_good(json!({ "equals": 1 }))).unwrap();
    let lost = look(&criterion, &state(Status::Error), &|_| {
        Err("it is lost".to_owned())
    })
    .unwrap();
    assert_eq!(lost.met, Some(false));
    assert_eq!(lost.found, "the value of the step `good`: it is lost");
}

#[test]
fn steps_end_in_the_ways_of_plans() {
    let ended = |step: &str, status: &str, bad| {
        let criterion = json!({ "ended": { "step": step, "status": status } });
        looked(&criterion, &json!(1), bad).met.unwrap()
    };
    for (status, way) in [
        (Status::Error, "error"),
        (Status::Denied, "denied"),
        (Status::Limit, "limit"),
        (Status::Trap, "trap"),
    ] {
        for asked in ["ok", "error", "denied", "limit", "trap", "skipped"] {
            assert_eq!(
                ended("bad", asked, status),
                asked == way,
                "{asked} of {way}"
            );
        }
    }
    assert!(ended("good", "ok", Status::Error));
    assert!(!ended("good", "error", Status::Error));
    assert!(ended("late", "skipped", Status::Error));
    assert!(ended("gone", "skipped", Status::Error));
    assert!(!ended("nobody", "ok", Status::Error));
}

/// A removed step is in the plan no more, but whoever asks for it by name does not get it.
#[test]
fn completed_means_completed() {
    let completed =
        |named: &[&str]| looked(&json!({ "completed": named }), &json!(1), Status::Error);
    assert_eq!(completed(&["good"]).met, Some(true));
    assert_eq!(completed(&["good"]).found, "completed: `good`");
    assert_eq!(completed(&["gone"]).met, Some(false));
    assert_eq!(completed(&["good", "bad"]).found, "`bad` ended as error");
    let all = completed(&[]);
    assert_eq!(all.met, Some(false));
    assert_eq!(all.found, "`bad` ended as error, `late` ended as skipped");
}

#[test]
fn budgets_are_met_to_the_last_unit() {
    // Two calls, each of 50 units; 300 ms between the plan and now.
    for (asked, met, told) in [
        (json!({ "calls": 2 }), true, "used 2 of 2 calls"),
        (json!({ "calls": 1 }), false, "used 2 of 1 calls"),
        (json!({ "fuel": 100 }), true, "used 100 of 100 fuel"),
        (json!({ "fuel": 99 }), false, "used 100 of 99 fuel"),
        (json!({ "wall_ms": 400 }), true, "used 400 of 400 wall_ms"),
        (
            json!({ "wall_ms": 399, "calls": 9 }),
            false,
            "used 2 of 9 calls, 400 of 399 wall_ms",
        ),
    ] {
        let found = looked(&json!({ "within": asked }), &json!(1), Status::Error);
        assert_eq!((found.met, found.found.as_str()), (Some(met), told));
    }
}

/// A person's word and a call's are not made up.
#[test]
fn others_have_to_look_at_some_criteria() {
    let asked = looked(
        &json!({ "confirmed": "is it good?" }),
        &json!(1),
        Status::Error,
    );
    assert_eq!((asked.met, asked.found.as_str()), (None, "is it good?"));
    let holds: Criterion =
        serde_json::from_value(json!({ "holds": { "capability": "x" } })).unwrap();
    let found = look(&holds, &state(Status::Error), &|_| {
        Err("nothing is read".to_owned())
    });
    assert_eq!(found, None);
}

#[test]
fn patterns_and_paths_have_bounds() {
    assert!(pattern("a{1000}{1000}{1000}").is_err());
    assert!(pattern("(").is_err());
    let nested = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(pattern(&nested).is_err());
    // A match takes time linear in the text.
    assert!(
        !pattern("(a+)+$")
            .unwrap()
            .is_match(&format!("{}b", "a".repeat(100_000)))
    );
    assert_eq!(path("").unwrap(), Vec::<String>::new());
    assert_eq!(path("entries.0.name").unwrap(), ["entries", "0", "name"]);
    for wrong in [".", "a..b", "a}", "${steps.a.output}", "a b}${inputs.x"] {
        assert!(path(wrong).is_err(), "{wrong}");
    }
}
