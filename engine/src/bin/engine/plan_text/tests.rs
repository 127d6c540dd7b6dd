use super::*;

const JSON: &str = r#"{
  "version": 1, "goal": "a \"quoted\" } goal",
  "steps": [
    {"id": "a", "args": {"x/y": [1, {"deep": "ä"}], "~": true}},
    {"id": "b",   "retry": {"max_retries": 900}}
  ],
  "empty": [], "none": {}
}"#;

const TOML: &str = r#"version = 1
goal = "count"

[inputs]
topic = "wasm"

[[steps]]
id = "a"
args = { path = ["x", "yy"] }
limits.fuel = 3

[[steps]]
id = "b"
[steps.retry]
max_retries = 900
[steps.args]
"x/y" = true
"#;

fn text(form: Form, text: &str) -> PlanText {
    PlanText {
        name: "plan".to_owned(),
        text: Some(text.to_owned()),
        form,
    }
}

fn at(plan: &PlanText, pointer: &str) -> String {
    let problem = Problem {
        code: Code::InvalidPlan,
        pointer: pointer.to_owned(),
        message: String::new(),
        hint: String::new(),
        warning: false,
    };
    let placed = plan.place(problem);
    let rest: String = placed.source.chars().skip(placed.column - 1).collect();
    let shown: String = rest.chars().take(8).collect();
    format!("{}:{} {shown}", placed.line, placed.column)
}

/// A pointer leads to the value, and to what is around it where the value is not written.
#[test]
fn pointers_have_places_in_json() {
    let plan = text(Form::Json, JSON);
    for (pointer, place) in [
        ("", "1:1 {"),
        ("/goal", r#"2:25 "a \"quo"#),
        ("/steps/0", r#"4:5 {"id": ""#),
        ("/steps/0/args/x~1y/0", "4:34 1, {\"dee"),
        ("/steps/0/args/x~1y/1/deep", r#"4:46 "ä"}], ""#),
        ("/steps/0/args/~0", "4:58 true}},"),
        ("/steps/1/retry/max_retries", "5:44 900}}"),
        ("/steps/1/function", r#"5:5 {"id": ""#),
        ("/steps/2", "3:12 ["),
        ("/empty/0", r#"7:12 [], "non"#),
        ("/none/x", "7:24 {}"),
        ("/goal/x", r#"2:25 "a \"quo"#),
        ("/missing/x", "1:1 {"),
    ] {
        assert_eq!(at(&plan, pointer), place, "{pointer}");
    }
}

/// The same in TOML, where tables are written in three ways.
#[test]
fn pointers_have_places_in_toml() {
    let plan = text(Form::Toml, TOML);
    for (pointer, place) in [
        ("", "1:1 version "),
        ("/goal", "2:8 \"count\""),
        ("/inputs", "4:2 inputs]"),
        ("/inputs/topic", "5:9 \"wasm\""),
        ("/steps/0", "7:1 [[steps]"),
        ("/steps/0/args/path/1", "9:23 \"yy\"] }"),
        ("/steps/0/limits/fuel", "10:15 3"),
        ("/steps/1", "12:1 [[steps]"),
        ("/steps/1/function", "12:1 [[steps]"),
        ("/steps/1/retry", "14:8 retry]"),
        ("/steps/1/retry/max_retries", "15:15 900"),
        ("/steps/1/args/x~1y", "17:9 true"),
        ("/missing", "1:1 version "),
    ] {
        assert_eq!(at(&plan, pointer), place, "{pointer}");
    }
}

/// What is no plan is told with its place: syntax, unknown keys, wrong types, values that JSON does not have.
#[test]
fn what_cannot_be_read_has_its_place() {
    for (form, written, place, message) in [
        (
            Form::Json,
            "{\n  \"version\": 1,\n  !",
            "3:3",
            "key must be a string",
        ),
        (Form::Json, "", "1:1", "EOF while parsing a value"),
        (
            Form::Json,
            "{\"version\": 1, \"gaol\": \"x\"}",
            "1:21",
            "unknown field `gaol`",
        ),
        (
            Form::Toml,
            "version = 1\ngoal = \n",
            "2:8",
            "string values must be quoted",
        ),
        (
            Form::Toml,
            "version = 1\ngoal = \"x\"\n\n[[steps]]\nid = \"a\"\ncapability = \"t\"\nargz = 1\n",
            "7:1",
            "unknown field `argz`",
        ),
        (
            Form::Toml,
            "version = \"one\"\n",
            "1:11",
            "invalid type: string \"one\", expected u32",
        ),
        (
            Form::Toml,
            "version = 1\ninputs = { day = 2026-11-25 }\n",
            "2:18",
            "a plan has no dates: write it as a text",
        ),
        (
            Form::Toml,
            "inputs = { a = [1.5, nan] }\n",
            "1:22",
            "a plan has numbers that are finite",
        ),
    ] {
        let found = text(form, written).spec().unwrap_err();
        let first = &found[0];
        assert_eq!(
            format!("{}:{}", first.line, first.column),
            place,
            "{written}"
        );
        assert!(
            first.problem.message.starts_with(message),
            "{written}: {}",
            first.problem.message
        );
    }
}
