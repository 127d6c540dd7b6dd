//! The shipped `markdown`, on documents that are made to be deep or slow, inside its sandbox.

use engine::Call;
use engine_tests::{TestEngine, guest};
use serde_json::{Value, json};

/// However deep a document is nested, it has HTML, an outline and links.
#[tokio::test]
async fn deep_documents_do_not_trap() {
    let (engine, _) = TestEngine::new().build();
    let markdown = engine.load(guest("markdown")).await.unwrap();
    for (what, text) in [
        ("quotes", ">".repeat(10_000)),
        ("quotes with text", ">".repeat(10_000) + " x"),
        ("brackets", "[".repeat(10_000)),
        ("images", "![a".repeat(1_000) + &"](b)".repeat(1_000)),
        ("lists", "- ".repeat(10_000) + "x"),
        ("emphasis", "*a **b ".repeat(10_000)),
        ("tags", "<a ".repeat(10_000) + ">"),
    ] {
        for (function, arguments) in [
            ("to-html", json!([text, null])),
            ("to-html", json!([text, "remove"])),
            ("outline", json!([text])),
            ("links", json!([text])),
        ] {
            let outcome = engine
                .run(&markdown, Call::function(function, arguments))
                .await;
            assert!(outcome.fault().is_none(), "{what}: {}", outcome.to_json());
            let value: Value = outcome.value().parse().unwrap();
            assert_eq!(value.is_string(), function == "to-html", "{what}");
        }
    }
}

/// A document over the bound is an error that says so.
#[tokio::test]
async fn a_document_over_the_bound_is_an_error() {
    let run = TestEngine::new()
        .call(
            guest("markdown"),
            "outline",
            json!(["x".repeat((1 << 20) + 1)]),
        )
        .await;
    assert_eq!(
        run.outcome.value().parse::<Value>().unwrap(),
        "1048577 bytes of Markdown, over the limit of 1048576"
    );
}
