//! The capabilities that work with data: `text`, `json` and `csv`. What each function does is told by the cases in
//! `capabilities/*/tests`; here is what they do under attack, and that the examples in their WIT are true.

use engine::{Call, Compiled};
use engine_tests::{TestEngine, guest};
use serde_json::{Value, json};

/// A capability in an engine of its own.
struct Shipped {
    engine: engine::Engine,
    component: Compiled,
}

impl Shipped {
    async fn load(name: &str) -> Self {
        let (engine, _) = TestEngine::new()
            .limits(|limits| limits.output(engine::Bytes::mib(64)))
            .build();
        let component = engine.load(guest(name)).await.unwrap();
        Self { engine, component }
    }

    /// The status of a call, the code of its fault if there is one, and its value or the payload of its error.
    async fn call(&self, function: &str, arguments: Value) -> (String, String, Value) {
        let outcome = self
            .engine
            .run(&self.component, Call::function(function, arguments))
            .await;
        let outcome: Value = outcome.to_json().parse().unwrap();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            word(at(&outcome, "/status")),
            word(at(&outcome, "/error/code")),
            at(&outcome, "/value").clone(),
        )
    }

    /// The value of a call that has one.
    async fn value(&self, function: &str, arguments: Value) -> Value {
        let (status, code, value) = self.call(function, arguments).await;
        assert_eq!((status.as_str(), code.as_str()), ("ok", ""), "{value}");
        value
    }

    /// The tag and message of a call's own error.
    async fn error(&self, function: &str, arguments: Value) -> (String, String) {
        let (status, code, value) = self.call(function, arguments).await;
        assert_eq!(
            (status.as_str(), code.as_str()),
            ("error", "E-GUEST-ERROR"),
            "{value}"
        );
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (word(at(&value, "/tag")), word(at(&value, "/value")))
    }
}

/// A part of a document; `null` where there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// What the WIT shows is what comes back: in documentation, in `engine inspect`, and to a model.
#[tokio::test]
async fn the_examples_in_the_wit_are_true() {
    let mut shown = 0;
    for name in ["text", "json", "csv"] {
        let shipped = Shipped::load(name).await;
        let descriptor = shipped.component.describe();
        for (position, function) in descriptor.functions().iter().enumerate() {
            let about = descriptor.about(position).unwrap();
            assert!(about.pure, "{name}.{}", function.name);
            assert_eq!(
                about.capability.as_deref(),
                Some(format!("{name}.{}.v1", function.name).as_str())
            );
            assert!(!about.examples.is_empty(), "{name}.{}", function.name);
            for example in &about.examples {
                let value = shipped.value(&function.name, example.args.clone()).await;
                assert_eq!(
                    Some(&value),
                    example.value.as_ref(),
                    "{name}.{}",
                    function.name
                );
                shown += 1;
            }
        }
    }
    assert!(shown >= 14, "{shown} examples");
}

/// A line for each number.
fn lines(numbers: impl Iterator<Item = u32>) -> String {
    numbers.map(|number| format!("line {number}\n")).collect()
}

/// A text as long as it may be, with a line of many matches, and two that differ everywhere.
#[tokio::test]
async fn text_stays_inside_its_limits_on_large_texts() {
    let text = Shipped::load("text").await;
    let line = "ab".repeat(50_000);
    let found = text
        .value("search", json!({ "text": line, "pattern": "a" }))
        .await;
    let found = found.as_array().unwrap();
    assert_eq!(
        (found.len(), &found[9_999]["column"]),
        (10_000, &json!(19_999))
    );

    let ordered = lines(0..50_000);
    for (old, new) in [
        (ordered.clone(), lines(100_000..150_000)),
        (ordered.clone(), lines((0..50_000).rev())),
        (
            ordered.clone(),
            lines((0..50_000).step_by(2).chain((1..50_000).step_by(2))),
        ),
        ("a\nb\n".repeat(20_000), "b\na\nc\n".repeat(20_000)),
        ("\n".repeat(1 << 20), "\n".repeat(1 << 19)),
    ] {
        let difference = text
            .value("diff", json!({ "old": old, "new": new, "context": 0 }))
            .await;
        let (added, removed) = (&difference["added"], &difference["removed"]);
        let count = |text: &str| text.matches('\n').count() as u64;
        assert_eq!(
            count(&old) + added.as_u64().unwrap(),
            count(&new) + removed.as_u64().unwrap()
        );
    }
    let long = "x".repeat((1 << 20) + 1);
    for (function, arguments) in [
        ("diff", json!({ "old": long, "new": "" })),
        (
            "replace",
            json!({ "text": long, "pattern": "x", "replacement": "y" }),
        ),
        (
            "replace",
            json!({ "text": &long[1..], "pattern": "x*", "replacement": "$0$0" }),
        ),
        (
            "replace",
            json!({ "text": &long[1..], "pattern": ".*", "replacement": "$0".repeat(1 << 19) }),
        ),
        (
            "replace",
            json!({ "text": "a", "pattern": "(".repeat(100_000), "replacement": "" }),
        ),
        (
            "replace",
            json!({ "text": "a", "pattern": "((((a{100}){100}){100}){100})", "replacement": "" }),
        ),
        (
            "search",
            json!({ "text": "a", "pattern": "(".repeat(100_000) }),
        ),
    ] {
        let (status, code, value) = text.call(function, arguments).await;
        assert_eq!(
            (status.as_str(), code.as_str()),
            ("error", "E-GUEST-ERROR"),
            "{function} {value}"
        );
    }
    let nested = format!("{}a{}", "(".repeat(200), ")".repeat(200));
    let found = text
        .value("search", json!({ "text": "a", "pattern": nested }))
        .await;
    assert_eq!(found.as_array().unwrap().len(), 1);
}

/// A document of so many levels of arrays.
fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// The deepest document is queried, checked and changed; one level more is refused, and 100,000 are as well.
#[tokio::test]
async fn json_documents_are_as_deep_as_the_wit_says() {
    let shipped = Shipped::load("json").await;
    let deepest = nested(100);
    for filter in [
        ".",
        "[..] | length",
        "tojson | fromjson | . == .",
        "walk(.)",
        "[paths] | length",
        "flatten",
        "[.. | arrays] | sort | length",
        ".. |= .",
        "[tostream?]? // 1",
        "del(.. | select(length == 0))",
        "to_entries",
    ] {
        let (status, code, value) = shipped
            .call(
                "query",
                json!({ "document": deepest, "filter": filter, "limit": 10_000 }),
            )
            .await;
        assert!(
            status == "ok" || code == "E-GUEST-ERROR",
            "{filter}: {status} {code} {value}"
        );
    }
    let schema = r##"{"items": {"$ref": "#"}, "type": "array", "unevaluatedItems": false}"##;
    let verdict = shipped
        .value("validate", json!({ "document": deepest, "schema": schema }))
        .await;
    assert_eq!(verdict["valid"], true);
    let verdict = shipped
        .value(
            "validate",
            json!({ "document": deepest, "schema": r##"{"anyOf": [{"items": {"$ref": "#"}, "minItems": 1}, {"not": {}}]}"## }),
        )
        .await;
    assert_eq!(verdict["valid"], false);
    assert_eq!(
        shipped.value("patch", json!([deepest, "[]"])).await,
        json!(deepest)
    );
    assert_eq!(
        shipped.value("merge", json!(["1", deepest])).await,
        json!(deepest)
    );

    for levels in [101, 10_000, 100_000] {
        for (function, arguments) in [
            (
                "query",
                json!({ "document": nested(levels), "filter": "." }),
            ),
            (
                "validate",
                json!({ "document": nested(levels), "schema": "{}" }),
            ),
            (
                "patch",
                json!({ "document": nested(levels), "patch": "[]" }),
            ),
            ("merge", json!({ "document": "1", "patch": nested(levels) })),
        ] {
            let (tag, message) = shipped.error(function, arguments).await;
            assert_eq!(tag, "malformed");
            assert!(
                message.contains("more than 100 levels at byte 100"),
                "{message}"
            );
        }
    }
}

/// Filters that took the guest's stack up, and ended as a trap.
#[tokio::test]
async fn json_filters_end_as_errors_or_limits() {
    let shipped = Shipped::load("json").await;
    let pipes = |signs: usize| vec!["."; signs.div_ceil(2)].join("|");
    let chained = |sign: &str, signs: usize| vec!["1"; signs.div_ceil(2)].join(sign);
    for (filter, tag) in [
        ("(".repeat(300) + "." + &")".repeat(300), "invalid"),
        (pipes(10_001), "invalid"),
        ("def f: 1 + f; f".to_owned(), "failed"),
        ("def f: f | f; f".to_owned(), "failed"),
        ("def f: [f]; f".to_owned(), "failed"),
        ("def f: {a: f}; f".to_owned(), "failed"),
        ("def f: \"\\(f)\"; f".to_owned(), "failed"),
        ("def f: if f then 1 else 2 end; f".to_owned(), "failed"),
        ("def f: reduce f as $x (0; 1); f".to_owned(), "failed"),
        ("def f: reduce 1 as $x (0; f); f".to_owned(), "failed"),
        ("def f: foreach 1 as $x (f; 1); f".to_owned(), "failed"),
        ("def f: label $x | f; f".to_owned(), "failed"),
        ("def f: f as $x | 1; f".to_owned(), "failed"),
        ("def f: first(f); f".to_owned(), "failed"),
        ("def f: path(f); f".to_owned(), "failed"),
        ("def f: sort_by(f); [1, 2] | f".to_owned(), "failed"),
        ("def f: 1 as [$x, {a: $y}] | -f; f".to_owned(), "failed"),
        ("def f: f; f |= 1".to_owned(), "failed"),
        ("def f: .a | f; f |= 1".to_owned(), "failed"),
        ("recurse(.) |= 1".to_owned(), "failed"),
        (
            "(reduce range(100000) as $i (.; .)) |= 1".to_owned(),
            "failed",
        ),
        ("def f(g): f(g | g); f(.)".to_owned(), "failed"),
        (
            "def f(g): if . > 900 then g else (. + 1 | f(g | . + 1)) end; 0 | f(.)".to_owned(),
            "failed",
        ),
        ("reduce range(100000) as $i (0; [.])".to_owned(), "failed"),
        (
            "[recurse(if . == null then [.] else [.] end)]".to_owned(),
            "failed",
        ),
        ("(\"[\" * 100000) | fromjson".to_owned(), "failed"),
        ("test(\"(\" * 100000)".to_owned(), "failed"),
        (
            "\"\" | test((\"(\" * 1000) + (\")\" * 1000))".to_owned(),
            "failed",
        ),
        (
            "last(limit(100000; path(recurse(.a))))".to_owned(),
            "failed",
        ),
        (
            "[range(100)] | combinations(3)?, 1 | tojson | tojson | tojson".to_owned(),
            "",
        ),
        (
            "[range(300) | (nan, ., -(.), null, \"a\")] | sort | length".to_owned(),
            "",
        ),
    ] {
        let (status, code, value) = shipped
            .call("query", json!({ "document": "null", "filter": filter }))
            .await;
        let shown: String = filter.chars().take(60).collect();
        let wanted = if tag.is_empty() {
            ("ok", "")
        } else {
            ("error", "E-GUEST-ERROR")
        };
        assert_eq!((status.as_str(), code.as_str()), wanted, "{shown}: {value}");
        if !tag.is_empty() {
            assert_eq!(value["tag"], tag, "{shown}: {value}");
        }
    }

    // As large as a filter may be, in each form that the parser, the compiler or the interpreter calls itself for.
    for (form, filter) in [
        ("pipes", pipes(499)),
        ("commas", chained(",", 499)),
        ("sums", chained("+", 499)),
        ("products", chained("*", 499)),
        ("alternatives", chained("/", 499)),
        ("ands", chained(" and ", 499)),
        ("negations", "-".repeat(499) + "1"),
        ("brackets", "[".repeat(32) + "1" + &"]".repeat(32)),
        ("objects", "{a:".repeat(32) + "1" + &"}".repeat(32)),
        ("tries", "try ".repeat(499) + "1"),
        ("questions", ".a".to_owned() + &"?".repeat(495)),
        ("paths", ".a".repeat(249)),
        ("iterations", ".".to_owned() + &"[]?".repeat(120)),
        ("bindings", "1 as $x|".repeat(99) + "$x"),
        ("definitions", "def f:".repeat(80) + "1" + &";1".repeat(80)),
        ("labels", "label $x|".repeat(120) + "1"),
        (
            "conditions",
            "if ".repeat(80) + "1" + &" then 1 else 1 end".repeat(80),
        ),
        (
            "elses",
            "if 1 then 1 else ".repeat(80) + "1" + &" end".repeat(80),
        ),
        (
            "elifs",
            "if 1 then 1 ".to_owned() + &"elif 1 then 1 ".repeat(120) + "end",
        ),
        (
            "reductions",
            "reduce 1 as $x (1;".repeat(32) + "1" + &")".repeat(32),
        ),
        (
            "sources",
            "reduce ".repeat(50) + "1" + &" as $x (1;1)".repeat(50),
        ),
        ("strings", "\"\\(".repeat(32) + "1" + &")\"".repeat(32)),
        ("updates", vec!["."; 166].join("|=")),
        ("assignments", vec!["."; 249].join("=")),
        ("arguments", "first(".repeat(32) + "1" + &")".repeat(32)),
        ("indices", ".[".repeat(32) + "1" + &"]".repeat(32)),
    ] {
        let (status, code, value) = shipped
            .call("query", json!({ "document": "null", "filter": filter }))
            .await;
        assert!(
            status == "ok" || code == "E-GUEST-ERROR",
            "{form}: {status} {code} {value}"
        );
        let message = value["value"].as_str().unwrap_or_default();
        assert!(
            !message.contains("words and signs"),
            "{form} is over the bound: {message}"
        );
    }

    for filter in [
        "def f: f; f",
        "def f: .[f]; f",
        "def f: f, 1; f",
        "[range(1e12)]",
        "[repeat(1)]",
        "[limit(1e9; repeat(1))] | length",
        "until(false; .)",
    ] {
        let (_, code, _) = shipped
            .call("query", json!({ "document": "null", "filter": filter }))
            .await;
        assert!(code.starts_with("E-LIMIT-"), "{filter}: {code}");
    }
}

/// Schemas that refer to themselves without getting anywhere, or that make much of little.
#[tokio::test]
async fn json_schemas_end_as_verdicts_errors_or_limits() {
    let shipped = Shipped::load("json").await;
    let chain = |levels: usize, open: &str, close: &str| {
        format!("{}true{}", open.repeat(levels), close.repeat(levels))
    };
    let definitions: String = (0..300)
        .map(|number| format!(r##""d{number}": {{"$ref": "#/$defs/d{}"}},"##, number + 1))
        .collect();
    for (form, schema) in [
        ("itself", r##"{"$ref": "#"}"##.to_owned()),
        ("each other", r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##.to_owned()),
        ("all of itself", r##"{"allOf": [{"$ref": "#"}]}"##.to_owned()),
        ("any of itself", r##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##.to_owned()),
        ("one of itself", r##"{"oneOf": [{"$ref": "#"}, {"type": "null"}]}"##.to_owned()),
        ("not itself", r##"{"not": {"$ref": "#"}}"##.to_owned()),
        ("if itself", r##"{"if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"}}"##.to_owned()),
        ("dependent on itself", r##"{"dependentSchemas": {"a": {"$ref": "#"}}, "propertyNames": {"$ref": "#"}}"##.to_owned()),
        ("its dynamic self", r##"{"$dynamicAnchor": "a", "allOf": [{"$dynamicRef": "#a"}], "unevaluatedProperties": false}"##.to_owned()),
        ("its recursive self", r##"{"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true, "anyOf": [{"$recursiveRef": "#"}]}"##.to_owned()),
        ("its unevaluated self", r##"{"unevaluatedProperties": {"$ref": "#"}, "allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#"}}}"##.to_owned()),
        ("a chain of references", format!(r##"{{"$ref": "#/$defs/d0", "$defs": {{{definitions} "d300": true}}}}"##)),
        ("deep", chain(98, r#"{"not":"#, "}")),
        ("deep in arrays", chain(49, r#"{"allOf":["#, "]}")),
        ("deep in properties", chain(49, r#"{"properties":{"a":"#, "}}")),
        ("too deep", chain(5_000, r#"{"not":"#, "}")),
        ("a pattern", r#"{"pattern": "(a+)+$"}"#.to_owned()),
        ("a pattern that looks back", r#"{"pattern": "^(?=(a+))\\1b$"}"#.to_owned()),
        ("a nested pattern", format!(r#"{{"pattern": "{}a{}"}}"#, "(".repeat(5_000), ")".repeat(5_000))),
        ("a large pattern", r#"{"pattern": "((a{100}){100}){100}"}"#.to_owned()),
        ("unique", r#"{"uniqueItems": true}"#.to_owned()),
    ] {
        for document in [
            "null".to_owned(),
            r#"{"a": {"a": {}}}"#.to_owned(),
            format!("\"{}c\"", "a".repeat(5_000)),
            format!("[{}0]", "0,".repeat(2_000)),
        ] {
            let (status, code, value) = shipped
                .call("validate", json!({ "document": document, "schema": schema, "formats": true }))
                .await;
            assert!(
                status == "ok" || code == "E-GUEST-ERROR" || code.starts_with("E-LIMIT-"),
                "{form}: {status} {code} {value}"
            );
        }
    }
}

/// Tables at their bounds, and one step over each.
#[tokio::test]
async fn csv_tables_are_as_large_as_the_wit_says() {
    let shipped = Shipped::load("csv").await;
    let rows = |rows: usize| "1,2\n".repeat(rows);
    let table = shipped
        .value("read", json!({ "text": rows(100_000), "header": false }))
        .await;
    assert_eq!(table["rows"].as_array().unwrap().len(), 100_000);
    let grouped = shipped
        .value(
            "group",
            json!({ "table": table, "by": ["column-1"], "aggregates": [
                { "summary": "sum", "column": "column-2" }, { "summary": "mean", "column": "column-2" }, { "summary": "max", "column": "column-2" }
            ] }),
        )
        .await;
    assert_eq!(grouped["rows"], json!([["1", "200000", "2", "2"]]));
    let (tag, message) = shipped
        .error("join", json!({ "left": table, "right": table, "on": [{ "left": "column-1", "right": "column-1" }] }))
        .await;
    assert_eq!(
        (tag.as_str(), message.as_str()),
        (
            "too-large",
            "the result has more than 100000 rows, which is the most"
        )
    );

    for (text, message) in [
        (
            rows(100_001),
            "the text has more than 100000 rows, which is the most",
        ),
        (
            ",".repeat(1_000),
            "the text has 1001 columns, and the most is 1000",
        ),
        (
            format!("{}\n", ",".repeat(999)).repeat(1_001),
            "the text has more than 1000000 cells, which is the most",
        ),
        (
            "x".repeat((8 << 20) + 1),
            "the text has 8388609 bytes, and the most is 8388608",
        ),
    ] {
        let (tag, found) = shipped
            .error("read", json!({ "text": text, "header": false }))
            .await;
        assert_eq!((tag.as_str(), found.as_str()), ("too-large", message));
    }
    for (text, tag) in [
        ("a,b\n\"x", "malformed"),
        ("a\n\"\"\"\n,", "malformed"),
        ("a\n1,2", "malformed"),
    ] {
        let (status, _, value) = shipped.call("read", json!({ "text": text })).await;
        assert_eq!(
            (status.as_str(), &value["tag"]),
            ("error", &json!(tag)),
            "{text:?}"
        );
    }
}
