use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;

/// A plan of one step, with other fields.
fn written(fields: Value) -> Value {
    let mut plan = json!({
        "version": 1,
        "goal": "test plans",
        "steps": [{ "id": "a", "capability": "fs.read.v1" }],
    });
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    plan.as_object_mut().unwrap().extend(fields);
    plan
}

/// A plan of steps such as `"c: a b"`, which waits for `a` and `b`.
fn steps(steps: &[&str]) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            let (id, needs) = step.split_once(':').unwrap_or((step, ""));
            let needs: Vec<&str> = needs.split_whitespace().collect();
            json!({ "id": id, "capability": "fs.read.v1", "depends_on": needs })
        })
        .collect();
    written(json!({ "steps": steps }))
}

/// A plan whose one step has other fields.
fn step(fields: Value) -> Value {
    let mut plan = written(json!({}));
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    plan["steps"][0].as_object_mut().unwrap().extend(fields);
    plan
}

fn settled(plan: Value) -> Result<Plan, Vec<Problem>> {
    Plan::new(serde_json::from_value(plan).unwrap(), BTreeMap::new())
}

/// The pointers of all objections to a plan.
fn objections(plan: Value) -> Vec<String> {
    let problems = settled(plan).err().unwrap_or_default();
    problems
        .into_iter()
        .map(|problem| problem.pointer)
        .collect()
}

/// The one objection to a plan, as people read it.
fn objection(plan: Value) -> String {
    let problems = settled(plan).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

/// What a table says of a field: the values that are taken, and those that are not.
type Bounds<'a> = (&'a str, &'a [u64], &'a [u64]);

#[test]
fn every_number_of_a_plan_has_its_bounds() {
    let table: &[Bounds] = &[
        ("/max_steps", &[1, 1_000], &[0, 1_001, u64::MAX]),
        ("/timeout_ms", &[1_000, 3_600_000], &[0, 999, 3_600_001]),
        (
            "/resource_limits/max_parallel_executions",
            &[1, 64],
            &[0, 65],
        ),
        ("/resource_limits/max_calls", &[1, u64::MAX], &[0]),
        ("/resource_limits/max_fuel", &[1, u64::MAX], &[0]),
        ("/resource_limits/max_wall_ms", &[1, u64::MAX], &[0]),
        ("/resource_limits/max_output_bytes", &[1, u64::MAX], &[0]),
        ("/resource_limits/max_retries", &[0, u64::MAX], &[]),
        (
            "/preferences/answer_timeout_ms",
            &[1_000, 2_592_000_000],
            &[0, 999, 2_592_000_001],
        ),
        (
            "/preferences/stall_detection_ms",
            &[100, 3_600_000],
            &[0, 99, 3_600_001],
        ),
        ("/steps/0/timeout_ms", &[1, 3_600_000], &[0, 3_600_001]),
        ("/steps/0/retry/max_retries", &[0, 100], &[101]),
        (
            "/steps/0/retry/base_delay_ms",
            &[0, 3_600_000],
            &[3_600_001],
        ),
        ("/steps/0/retry/max_delay_ms", &[0, 3_600_000], &[3_600_001]),
    ];
    for (pointer, good, bad) in table {
        let with = |value: &u64| {
            let mut plan = step(json!({ "retry": {} }));
            plan["resource_limits"] = json!({});
            plan["preferences"] = json!({});
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            plan.pointer_mut(parent).unwrap()[name] = json!(value);
            plan
        };
        for value in *good {
            assert_eq!(objections(with(value)), [""; 0], "{pointer} = {value}");
        }
        for value in *bad {
            let found = objections(with(value));
            assert!(
                found.contains(&(*pointer).to_owned()),
                "{pointer} = {value}: {found:?}"
            );
        }
    }
}

/// A goal is counted in characters, not bytes, and is not only space.
#[test]
fn a_goal_has_one_to_ten_thousand_characters() {
    for (goal, fits) in [
        (String::new(), false),
        ("   ".to_owned(), false),
        ("g".to_owned(), true),
        ("ö".repeat(10_000), true),
        ("g".repeat(10_001), false),
    ] {
        let found = objections(written(json!({ "goal": goal })));
        assert_eq!(
            found.is_empty(),
            fits,
            "{} characters",
            goal.chars().count()
        );
        assert!(fits || found == ["/goal"]);
    }
}

#[test]
fn larger_types_need_room_for_more_steps() {
    for (kind, most, fits) in [
        ("simple", 1, true),
        ("research_and_planning", 4, false),
        ("research_and_planning", 5, true),
        ("complex_orchestration", 9, false),
        ("complex_orchestration", 10, true),
    ] {
        let found = objections(written(json!({ "workflow_type": kind, "max_steps": most })));
        assert_eq!(found.is_empty(), fits, "{kind} with {most}");
        assert!(fits || found == ["/max_steps"]);
    }
    let unsaid = written(json!({ "workflow_type": "complex_orchestration" }));
    assert_eq!(settled(unsaid).unwrap().max_steps(), 1_000);
}

/// What is left out of limits and preferences has its own default.
#[test]
fn limits_and_preferences_may_be_partial() {
    let plan = settled(written(json!({}))).unwrap();
    assert_eq!((plan.max_steps(), plan.timeout_ms()), (1_000, 3_600_000));
    assert_eq!((plan.parallel(), plan.retries()), (4, 100));
    assert_eq!(plan.answer_timeout_ms(), 24 * 3_600_000);
    assert_eq!(plan.on_unanswered(), Unanswered::Stop);
    assert!(plan.pause_stops_clock());
    assert!(!plan.steps()[0].goes_on && plan.steps()[0].retry.is_none());

    let partial = written(json!({
        "resource_limits": { "max_parallel_executions": 2 },
        "preferences": { "continue_on_error": true },
    }));
    let plan = settled(partial).unwrap();
    assert_eq!((plan.parallel(), plan.retries()), (2, 100));
    assert_eq!(plan.spec().resource_limits.max_calls, None);
    assert!(plan.steps()[0].goes_on);
    assert_eq!(plan.on_unanswered(), Unanswered::Stop);
    let own = step(json!({ "continue_on_error": false }));
    assert!(!settled(own).unwrap().steps()[0].goes_on);
}

/// A retry policy can say one of its delays alone; the default of the other gives way.
#[test]
fn retry_policies_may_be_partial() {
    for (retry, expected) in [
        (json!({}), (3, 1_000, 30_000)),
        (json!({ "max_delay_ms": 500 }), (3, 500, 500)),
        (json!({ "base_delay_ms": 60_000 }), (3, 60_000, 60_000)),
        (json!({ "base_delay_ms": 5, "max_delay_ms": 5 }), (3, 5, 5)),
        (json!({ "max_retries": 0 }), (0, 1_000, 30_000)),
    ] {
        let plan = settled(step(json!({ "retry": retry }))).unwrap();
        let found = plan.steps()[0].retry.clone().unwrap();
        assert_eq!(
            (found.max, found.base_ms, found.most_ms),
            expected,
            "{retry}"
        );
        assert_eq!((found.backoff, found.on), (Backoff::Exponential, None));
    }
    let crossed = step(json!({ "retry": { "base_delay_ms": 6, "max_delay_ms": 5 } }));
    assert_eq!(
        objection(crossed),
        "at `/steps/0/retry/base_delay_ms`: the first wait of 6 ms is longer than the longest, 5 ms"
    );
}

/// Whatever a plan holds that nobody knows is refused, wherever it is.
#[test]
fn unknown_fields_are_refused() {
    for (pointer, plan) in [
        ("", written(json!({}))),
        (
            "/resource_limits",
            written(json!({ "resource_limits": {} })),
        ),
        ("/preferences", written(json!({ "preferences": {} }))),
        ("/steps/0", step(json!({}))),
        ("/steps/0/retry", step(json!({ "retry": {} }))),
        ("/steps/0/undo", step(json!({ "undo": {} }))),
        ("/steps/0/grants", step(json!({ "grants": {} }))),
        ("/steps/0/limits", step(json!({ "limits": {} }))),
        (
            "/success/0/within",
            written(json!({ "success": [{ "within": { "calls": 1 } }] })),
        ),
        (
            "/success/0",
            written(json!({ "success": [{ "completed": [] }] })),
        ),
    ] {
        assert!(
            serde_json::from_value::<PlanSpec>(plan.clone()).is_ok(),
            "{pointer}"
        );
        let mut surplus = plan;
        surplus.pointer_mut(pointer).unwrap()["surplus"] = json!(1);
        assert!(
            serde_json::from_value::<PlanSpec>(surplus).is_err(),
            "{pointer}"
        );
    }
}

#[test]
fn what_a_plan_cannot_do_without_is_asked_for() {
    for field in ["version", "goal", "steps"] {
        let mut plan = written(json!({}));
        plan.as_object_mut().unwrap().remove(field);
        assert!(serde_json::from_value::<PlanSpec>(plan).is_err(), "{field}");
    }
    assert_eq!(objections(written(json!({ "version": 2 }))), ["/version"]);
    assert_eq!(objections(steps(&[])), ["/steps"]);
}

#[test]
fn ids_are_names_and_each_is_one_steps() {
    for (id, fits) in [
        ("a".repeat(64), true),
        ("A-z_9".to_owned(), true),
        (String::new(), false),
        ("a".repeat(65), false),
        ("a b".to_owned(), false),
        ("a.b".to_owned(), false),
        ("ä".to_owned(), false),
    ] {
        let found = objections(step(json!({ "id": id })));
        assert_eq!(found.is_empty(), fits, "{id}");
    }
    let twice = objection(steps(&["a", "b", "a"]));
    assert_eq!(twice, "at `/steps/2/id`: two steps have the id `a`");
}

#[test]
fn an_unknown_dependency_is_told_with_the_closest_name() {
    let problems = settled(steps(&["fetch", "b: fetsh nothing-like-it"])).unwrap_err();
    let told: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.message.as_str(), problem.hint.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("there is no step `fetsh`", "did you mean `fetch`?"),
            (
                "there is no step `nothing-like-it`",
                "there is `b`, `fetch`"
            ),
        ]
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.pointer == "/steps/1/depends_on")
    );
}

/// A circle is told in the order in which its steps wait for each other, whether by name or by reference.
#[test]
fn circles_are_told() {
    for (written, told) in [
        (&["a: a"][..], "steps wait for each other: a → a"),
        (
            &["a: b", "b: a"][..],
            "steps wait for each other: a → b → a",
        ),
        (
            &["x", "a: x c", "b: a", "c: b", "y: c"][..],
            "steps wait for each other: a → c → b → a",
        ),
    ] {
        let found = objection(steps(written));
        assert!(found.ends_with(told), "{found}");
    }
    let mut plan = steps(&["a", "b: a"]);
    plan["steps"][0]["args"] = json!({ "x": "${steps.b.output}" });
    assert!(objection(plan).ends_with("a → b → a"));
    let long: Vec<String> = (0..100)
        .map(|n| format!("s{n}: s{}", (n + 1) % 100))
        .collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    assert!(objection(steps(&long)).ends_with("s18 → s19 → … → s0"));
}

/// Arguments, keys and undos refer to what there is.
#[test]
fn references_are_dependencies() {
    let mut plan = steps(&["a", "b", "c"]);
    plan["inputs"] = json!({ "x": 1 });
    plan["steps"][1]["args"] = json!({ "x": "${inputs.x}", "y": ["${steps.a.output}"] });
    plan["steps"][2]["args"] = json!({ "x": "key-${steps.b.output}" });
    plan["steps"][2]["undo"] = json!({ "args": { "z": "${steps.c.output}" } });
    let good = settled(plan.clone()).unwrap();
    assert_eq!(good.graph().needs(1), [0]);
    assert_eq!(good.graph().needs(2), [1]);

    for (pointer, value) in [
        ("/steps/1/args", json!({ "x": "${inputs.y}" })),
        ("/steps/1/args", json!({ "x": "${steps.z.output}" })),
        ("/steps/1/args", json!({ "x": "${steps." })),
        ("/steps/2/args", json!({ "x": "${steps.z.output}" })),
        ("/steps/2/undo/args", json!({ "z": "${steps.a.output}" })),
    ] {
        let mut wrong = plan.clone();
        *wrong.pointer_mut(pointer).unwrap() = value.clone();
        let found = objections(wrong);
        assert!(
            found.len() == 1 && found[0].starts_with(pointer),
            "{value}: {found:?}"
        );
    }
}

#[test]
fn given_inputs_take_the_place_of_the_plans_own() {
    let spec: PlanSpec = serde_json::from_value(written(json!({ "inputs": { "x": 1 } }))).unwrap();
    let given = |name: &str| BTreeMap::from([(name.to_owned(), json!(2))]);
    let plan = Plan::new(spec.clone(), given("x")).unwrap();
    assert_eq!(plan.spec().inputs["x"], 2);
    let own = Plan::new(spec.clone(), BTreeMap::new()).unwrap();
    assert_ne!(plan.hash(), own.hash(), "other inputs are another plan");
    let problems = Plan::new(spec, given("y")).unwrap_err();
    assert_eq!(problems[0].message, "the plan has no input `y`");
}

#[test]
fn criteria_have_to_make_sense() {
    for (criterion, pointer) in [
        (json!({ "completed": ["z"] }), "/success/0"),
        (
            json!({ "ended": { "step": "a", "status": "fine" } }),
            "/success/0/ended/status",
        ),
        (
            json!({ "ended": { "step": "z", "status": "ok" } }),
            "/success/0",
        ),
        (json!({ "value": { "step": "a" } }), "/success/0/value"),
        (
            json!({ "value": { "step": "a", "matches": "(" } }),
            "/success/0/value/matches",
        ),
        (
            json!({ "value": { "step": "a", "path": "..", "equals": 1 } }),
            "/success/0/value/path",
        ),
        (json!({ "within": {} }), "/success/0/within"),
        (
            json!({ "holds": { "capability": "x", "args": { "y": "${steps.z.output}" } } }),
            "/success/0/holds/args/y",
        ),
        (json!({ "confirmed": " " }), "/success/0/confirmed"),
        (
            json!({ "confirmed": "x".repeat(2_001) }),
            "/success/0/confirmed",
        ),
    ] {
        let found = objections(written(json!({ "success": [criterion] })));
        assert!(
            found.len() == 1 && found[0].starts_with(pointer),
            "{criterion}: {found:?}"
        );
    }
    for criterion in [
        json!({ "completed": [] }),
        json!({ "ended": { "step": "a", "status": "skipped" } }),
        json!({ "value": { "step": "a", "equals": null } }),
        json!({ "value": { "step": "a", "path": "b.0.c", "at_most": 1.5 } }),
        json!({ "within": { "fuel": 0 } }),
        json!({ "confirmed": "x".repeat(2_000) }),
    ] {
        let many = |count: usize| written(json!({ "success": vec![criterion.clone(); count] }));
        assert_eq!(objections(many(100)), [""; 0], "{criterion}");
        assert_eq!(objections(many(101)), ["/success"], "{criterion}");
    }
}

/// What is read back from a plan's text is the same plan.
#[test]
fn plans_survive_their_text() {
    let plan = written(json!({
        "inputs": { "x": 0.1, "y": [1e300, -0.0, 18_446_744_073_709_551_615_u64] },
        "success": [
            { "value": { "step": "a", "equals": null, "at_least": 0.30000000000000004 } },
            { "value": { "step": "a", "equals": { "x": 1.0 } } },
        ],
        "steps": [{
            "id": "a", "capability": "fs.read.v1", "args": { "z": 1, "a": { "y": 2, "b": null } },
            "retry": { "on": ["E-LIMIT-TIME"] }, "limits": { "fuel": 7 }, "labels": ["b", "a"],
            "grants": { "dirs": { "docs": "ro" }, "env": ["HOME"] },
        }],
    }));
    let first = settled(plan).unwrap();
    let text = serde_json::to_string(first.spec()).unwrap();
    let second = Plan::new(serde_json::from_str(&text).unwrap(), BTreeMap::new()).unwrap();
    assert_eq!(first, second);
    assert_eq!(first.hash(), second.hash());
    let null = &second.spec().success[0];
    assert!(
        matches!(
            null,
            Criterion::Value {
                equals: Some(Value::Null),
                ..
            }
        ),
        "{null:?}"
    );
}

#[test]
fn a_plan_is_not_too_long() {
    let many: Vec<String> = (0..=1_000).map(|n| format!("s{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(settled(steps(&many[..1_000])).is_ok());
    assert_eq!(objections(steps(&many)), ["/steps"]);
    let large = written(json!({ "inputs": { "x": "x".repeat(8 << 20) } }));
    assert!(objection(large).contains("bytes, over 8388608"));
}

/// However much is wrong, so many objections are told, and only some of them look for the closest name.
#[test]
fn objections_have_a_bound() {
    let many: Vec<String> = (0..1_000)
        .map(|n| format!("s{n}: {}{n}", "x".repeat(60)))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let problems = settled(steps(&many)).unwrap_err();
    assert_eq!(problems.len(), 200);
    let hinted = problems.iter().filter(|problem| !problem.hint.is_empty());
    assert_eq!(hinted.count(), 20);
    let endless = "x".repeat(1 << 20);
    let problems = settled(steps(&["a", &format!("b: {endless}")])).unwrap_err();
    assert!(problems[0].message.len() < 200, "{}", problems[0].message);
}

#[test]
fn every_objection_is_told_at_once() {
    let mut plan = written(json!({ "goal": "", "max_steps": 0, "timeout_ms": 1 }));
    plan["steps"][0]["depends_on"] = json!(["z"]);
    plan["steps"][0]["labels"] = json!(["Not A Label"]);
    let expected = [
        "/goal",
        "/max_steps",
        "/timeout_ms",
        "/steps/0/labels",
        "/steps/0/depends_on",
    ];
    assert_eq!(objections(plan), expected);
}

#[test]
fn allowed_capabilities_are_patterns() {
    let plan = settled(written(
        json!({ "allowed_capabilities": ["fs.*", "net.get.v1"] }),
    ))
    .unwrap();
    for (capability, allowed) in [
        ("fs.read.v1", true),
        ("net.get.v1", true),
        ("net.get.v10", false),
        ("xfs.read.v1", false),
    ] {
        assert_eq!(plan.allows(capability), allowed, "{capability}");
    }
    assert!(settled(written(json!({}))).unwrap().allows("anything"));
    let nothing = written(json!({ "allowed_capabilities": [] }));
    assert!(!settled(nothing).unwrap().allows("fs.read.v1"));
}
