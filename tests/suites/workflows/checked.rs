//! Plans are checked as a whole before anything runs.

use engine::data::{Policies, Rule, RuleDecision};
use engine::workflow::{Plan, Problem};
use engine_tests::Flow;
use serde_json::{Value, json};

/// A plan that is right, and uses about everything that a plan can have.
fn sound() -> Value {
    json!({
        "version": 1,
        "goal": "make, write, and look at it",
        "workflow_type": "simple",
        "max_steps": 10,
        "timeout_ms": 60_000,
        "inputs": {"name": "report", "times": 3},
        "allowed_capabilities": ["steps", "text"],
        "resource_limits": {"max_calls": 20, "max_parallel_executions": 2},
        "preferences": {"continue_on_error": true, "answer_timeout_ms": 5_000},
        "steps": [
            {
                "id": "make", "capability": "steps", "function": "make",
                "args": {"name": "${inputs.name}", "count": 7},
            },
            {
                "id": "say", "capability": "steps", "function": "echo",
                "args": {"text": "${steps.make.output.name} x ${steps.make.output.count}"},
                "timeout_ms": 1_000, "retry": {"max_retries": 2, "backoff": "jittered"},
            },
            {
                "id": "write", "capability": "steps", "function": "append",
                "args": {"path": "work/log", "line": "${steps.say.output}"},
                "undo": {"function": "append", "args": {"path": "work/log", "line": "undone ${steps.write.output}"}},
                "limits": {"fuel": 1_000_000}, "grants": {"dirs": {"work": "rw"}},
            },
            {
                "id": "words", "capability": "text", "function": "count-words",
                "args": {"text": "${steps.say.output}"}, "depends_on": ["write"], "labels": ["checked"],
            },
        ],
        "success": [
            {"completed": ["make", "write"]},
            {"value": {"step": "make", "path": "count", "equals": 7}},
            {"holds": {"capability": "steps", "function": "is", "args": {"answer": true}}},
        ],
    })
}

/// Changes one place of a plan.
fn with(pointer: &str, value: Value) -> Value {
    let mut plan = sound();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match plan.pointer_mut(parent).unwrap() {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(items) => {
            let at: usize = key.parse().unwrap();
            if at == items.len() {
                items.push(value);
            } else {
                items[at] = value;
            }
        }
        _ => panic!("{parent} has no parts"),
    }
    plan
}

async fn problems(flow: &Flow, plan: &Value) -> Vec<Problem> {
    let spec = serde_json::from_value(plan.clone())
        .map_err(|error| panic!("{error}: {plan}"))
        .unwrap();
    match Plan::new(spec, Default::default()) {
        Ok(plan) => flow.workflows.check(&plan).await.problems,
        Err(problems) => problems,
    }
}

fn policies() -> Policies {
    let mut rule = Rule::new("no-secrets", RuleDecision::Deny);
    rule.argument = Some(engine::data::Glob::new("*secret*"));
    Policies::builder().rule(rule).build().unwrap()
}

#[tokio::test]
async fn a_sound_plan_has_no_problems() {
    let flow = Flow::builder().policies(policies()).build().await;
    let checked = flow.check(&sound()).await;
    assert!(checked.problems.is_empty(), "{:#?}", checked.problems);
    assert_eq!(checked.rows.len(), 4);
    assert_eq!(checked.worst.calls, 1 + 3 + 1 + 1);
    let summary = flow.run(&sound()).await;
    let value: Value = serde_json::from_str(&summary.to_json()).unwrap();
    assert_eq!(value["state"], "completed", "{value}");
    assert_eq!(flow.file("work/log"), "report x 7\n");
}

/// Each of these faults is found, at its place, with something to try.
#[tokio::test]
async fn seeded_faults_are_found_where_they_are() {
    let flow = Flow::builder().policies(policies()).build().await;
    let step = |id: &str| json!({"id": id, "capability": "steps", "function": "echo", "args": {"text": "x"}});
    let args = |number: usize| format!("/steps/{number}/args");
    let mut too_few = with("/workflow_type", json!("complex_orchestration"));
    too_few["max_steps"] = json!(9);
    let faults: Vec<(&str, Value, String)> = vec![
        (
            "a version that is not known",
            with("/version", json!(2)),
            "/version".into(),
        ),
        ("no goal", with("/goal", json!("  ")), "/goal".into()),
        (
            "a goal that is too long",
            with("/goal", json!("x".repeat(10_001))),
            "/goal".into(),
        ),
        (
            "too many steps allowed",
            with("/max_steps", json!(1_001)),
            "/max_steps".into(),
        ),
        ("too few for its type", too_few, "/max_steps".into()),
        (
            "a timeout that is too short",
            with("/timeout_ms", json!(999)),
            "/timeout_ms".into(),
        ),
        (
            "a timeout that is too long",
            with("/timeout_ms", json!(3_600_001)),
            "/timeout_ms".into(),
        ),
        (
            "an input that cannot be named",
            with("/inputs/a b", json!(1)),
            "/inputs/a b".into(),
        ),
        (
            "too much at once",
            with("/resource_limits/max_parallel_executions", json!(65)),
            "/resource_limits/max_parallel_executions".into(),
        ),
        (
            "an answer that comes too soon",
            with("/preferences/answer_timeout_ms", json!(1)),
            "/preferences/answer_timeout_ms".into(),
        ),
        ("no steps", with("/steps", json!([])), "/steps".into()),
        (
            "an id that is none",
            with("/steps/0/id", json!("a step")),
            "/steps/0/id".into(),
        ),
        (
            "the same id twice",
            with("/steps/4", step("say")),
            "/steps/4/id".into(),
        ),
        (
            "a dependency that is not there",
            with("/steps/3/depends_on", json!(["writes"])),
            "/steps/3/depends_on".into(),
        ),
        (
            "a circle",
            with("/steps/0/depends_on", json!(["words"])),
            "/steps/0".into(),
        ),
        (
            "a reference to nothing",
            with("/steps/3/args/text", json!("${steps.sya.output}")),
            args(3) + "/text",
        ),
        (
            "a reference that is cut off",
            with("/steps/3/args/text", json!("${steps.say.output")),
            args(3) + "/text",
        ),
        (
            "a root that is none",
            with("/steps/3/args/text", json!("${step.say}")),
            args(3) + "/text",
        ),
        (
            "an input that cannot be part of a text",
            {
                let mut plan = with("/inputs/times", json!([1]));
                plan["steps"][3]["args"]["text"] = json!("${inputs.times} x ${steps.say.output}");
                plan
            },
            args(3) + "/text",
        ),
        (
            "a budget of what no step uses",
            with("/resource_limits/max_calls_of", json!({"stebs": 3})),
            "/resource_limits/max_calls_of/stebs".into(),
        ),
        (
            "an input that is not given",
            with("/steps/0/args/name", json!("${inputs.nmae}")),
            args(0) + "/name",
        ),
        (
            "a field that the result does not have",
            with("/steps/1/args/text", json!("${steps.make.output.names}")),
            args(1) + "/text",
        ),
        (
            "a result of another type",
            with("/steps/3/args/text", json!("${steps.make.output.count}")),
            args(3) + "/text",
        ),
        (
            "an argument of another type",
            with("/steps/0/args/count", json!("seven")),
            args(0) + "/count",
        ),
        (
            "a number out of its range",
            with("/steps/0/args/count", json!(-1)),
            args(0) + "/count",
        ),
        (
            "a misspelt argument",
            with("/steps/2/args/lin", json!("x")),
            args(2),
        ),
        (
            "a capability that is not there",
            with("/steps/0/capability", json!("stops")),
            "/steps/0/capability".into(),
        ),
        (
            "a capability that the plan forbids itself",
            with("/allowed_capabilities", json!(["text"])),
            "/steps/0/capability".into(),
        ),
        (
            "a function that is not there",
            with("/steps/0/function", json!("maker")),
            "/steps/0/function".into(),
        ),
        (
            "no function",
            with("/steps/0/function", Value::Null),
            "/steps/0/function".into(),
        ),
        (
            "an action that policy denies",
            with("/steps/1/args/text", json!("a secret")),
            "/steps/1".into(),
        ),
        (
            "a path outside the grants",
            with("/steps/2/args", json!({"path": "/etc/x", "line": "x"})),
            "/steps/2".into(),
        ),
        (
            "a grant that nobody gives",
            with("/steps/2/grants", json!({"dirs": {"etc": "ro"}})),
            "/steps/2".into(),
        ),
        (
            "a destructive step without a way back",
            with(
                "/steps/4",
                json!({
                    "id": "rm", "capability": "steps", "function": "destroy", "args": {"path": "work/log"},
                }),
            ),
            "/steps/4".into(),
        ),
        (
            "an undo that refers to another step",
            with("/steps/2/undo/args/line", json!("${steps.say.output}")),
            "/steps/2/undo/args/line".into(),
        ),
        (
            "an undo of another type",
            with("/steps/2/undo/args/line", json!(7)),
            "/steps/2/undo/args/line".into(),
        ),
        (
            "waits that shrink",
            with(
                "/steps/1/retry",
                json!({"base_delay_ms": 500, "max_delay_ms": 100}),
            ),
            "/steps/1/retry/base_delay_ms".into(),
        ),
        (
            "too many retries",
            with("/steps/1/retry", json!({"max_retries": 101})),
            "/steps/1/retry/max_retries".into(),
        ),
        (
            "a label that is none",
            with("/steps/1/labels", json!(["Not So"])),
            "/steps/1/labels".into(),
        ),
        (
            "a step without time",
            with("/steps/1/timeout_ms", json!(0)),
            "/steps/1/timeout_ms".into(),
        ),
        (
            "a criterion about nothing",
            with("/success/0", json!({"completed": ["maker"]})),
            "/success/0".into(),
        ),
        (
            "a criterion that asks nothing",
            with("/success/1", json!({"value": {"step": "make"}})),
            "/success/1/value".into(),
        ),
        (
            "a part that the result does not have",
            with(
                "/success/1",
                json!({"value": {"step": "make", "path": "cuont", "equals": 7}}),
            ),
            "/success/1/value/path".into(),
        ),
        (
            "a pattern that is none",
            with(
                "/success/1",
                json!({"value": {"step": "say", "matches": "("}}),
            ),
            "/success/1/value/matches".into(),
        ),
        (
            "a way to end that is none",
            with(
                "/success/1",
                json!({"ended": {"step": "say", "status": "fine"}}),
            ),
            "/success/1/ended/status".into(),
        ),
        (
            "a criterion that is not pure",
            with(
                "/success/2",
                json!({"holds": {"capability": "steps", "function": "nap", "args": {"ms": 1}}}),
            ),
            "/success/2/holds".into(),
        ),
        (
            "a criterion that is not true or false",
            with(
                "/success/2",
                json!({"holds": {"capability": "steps", "function": "echo", "args": {"text": "x"}}}),
            ),
            "/success/2/holds".into(),
        ),
    ];
    assert!(faults.len() >= 25);
    for (what, plan, place) in faults {
        let found = problems(&flow, &plan).await;
        let problem = found
            .iter()
            .find(|problem| problem.pointer == place && !problem.warning)
            .unwrap_or_else(|| panic!("{what}: nothing at {place}, but {found:#?}"));
        assert!(!problem.message.is_empty());
        assert!(!problem.hint.is_empty(), "{what}: {problem:?}");
    }
}

/// A key that nobody knows is refused by its name.
#[test]
fn unknown_keys_are_refused() {
    for pointer in [
        "/gaol",
        "/steps/0/arguments",
        "/preferences/verbose",
        "/resource_limits/cpu",
        "/steps/1/retry/times",
    ] {
        let plan = with(pointer, json!(1));
        let error = serde_json::from_value::<engine::workflow::PlanSpec>(plan).unwrap_err();
        let key = pointer.rsplit('/').next().unwrap();
        assert!(error.to_string().contains(key), "{error}");
    }
}

/// A run has to be of the very plan that was checked.
#[tokio::test]
async fn a_plan_has_a_hash_that_everything_in_it_changes() {
    let hash = |plan: &Value| Flow::understood(plan).hash();
    let one = hash(&sound());
    assert_eq!(one, hash(&sound()));
    for (pointer, value) in [
        ("/goal", json!("another")),
        ("/steps/0/args/count", json!(8)),
        ("/inputs/times", json!(4)),
        ("/steps/3/labels", json!(["other"])),
    ] {
        assert_ne!(one, hash(&with(pointer, value)), "{pointer}");
    }
}
