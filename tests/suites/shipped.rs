//! The capabilities that come with the engine.

use engine::{Call, Rights};
use engine_tests::{TestEngine, guest, repository};

/// The shipped `fs` does what its WIT says, inside its limits.
#[tokio::test]
async fn the_fs_capability_reads_writes_lists_and_searches() {
    use serde_json::json;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.txt"), "first line\nsecond line\n").unwrap();
    let (engine, _) = TestEngine::new()
        .unguarded()
        .dir(dir.path(), "data", Rights::ReadWrite)
        .build();
    let files = engine.load(guest("fs")).await.unwrap();
    let value = async |function: &str, arguments: serde_json::Value| -> serde_json::Value {
        let outcome = engine
            .run(&files, Call::function(function, arguments))
            .await;
        outcome.value().parse().unwrap()
    };
    assert_eq!(
        value(
            "read",
            json!({ "path": "data/a.txt", "offset": 6, "length": 4 })
        )
        .await,
        json!({ "content": { "tag": "text", "value": "line" }, "size": 23, "next": 10 })
    );
    assert_eq!(
        value("read", json!({ "path": "data/a.txt" })).await["next"],
        json!(null),
        "a short file is read whole"
    );
    assert_eq!(
        value(
            "write",
            json!({ "path": "data/b.bin", "content": { "tag": "bytes", "value": "AP8=" } })
        )
        .await,
        json!(2)
    );
    assert_eq!(std::fs::read(dir.path().join("b.bin")).unwrap(), [0, 255]);
    assert_eq!(
        value("write", json!({ "path": "data/b.bin", "content": { "tag": "text", "value": "é" }, "mode": "append" })).await,
        json!(2)
    );
    assert_eq!(
        value("write", json!({ "path": "data/b.bin", "content": { "tag": "text", "value": "" }, "mode": "create" })).await["tag"],
        "already-exists"
    );
    let names: Vec<serde_json::Value> = value("list", json!(["data"]))
        .await
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        names.iter().map(|entry| &entry["name"]).collect::<Vec<_>>(),
        ["a.txt", "b.bin"]
    );
    assert_eq!(value("stat", json!(["data/a.txt"])).await["size"], 23);
    let found = value("search", json!(["data", "l.ne"])).await;
    assert_eq!(
        (
            &found["hits"][1]["line"],
            &found["hits"][1]["column"],
            &found["skipped"]
        ),
        (&json!(2), &json!(8), &json!(1))
    );
    for (arguments, tag) in [
        (json!({ "path": "data/a.txt", "length": 0 }), "invalid"),
        (
            json!({ "path": "data/a.txt", "length": 1_048_577 }),
            "invalid",
        ),
        (json!({ "path": "" }), "invalid"),
        (json!({ "path": "data" }), "invalid"),
        (json!({ "path": "data/none" }), "not-found"),
        (json!({ "path": "data/../b" }), "not-permitted"),
    ] {
        assert_eq!(
            value("read", arguments.clone()).await["tag"],
            tag,
            "{arguments}"
        );
    }
    for name in ["a b", "..", "CON", "com1.txt", "a:b", "", &"x".repeat(256)] {
        let written = value(
            "write",
            json!({ "path": format!("data/{name}"), "content": { "tag": "text", "value": "x" } }),
        )
        .await;
        assert_eq!(written["tag"], "invalid", "{name}");
    }
    let large = "x".repeat((1 << 20) + 1);
    let written = value(
        "write",
        json!({ "path": "data/large", "content": { "tag": "text", "value": large } }),
    )
    .await;
    assert_eq!(written["tag"], "too-large");
}

/// What the repository itself holds can be searched, as the README shows.
#[tokio::test]
async fn a_real_directory_can_be_searched() {
    let run = TestEngine::new()
        .dir(&repository().join("wit"), "wit", Rights::ReadOnly)
        .call(
            guest("fs"),
            "search",
            serde_json::json!(["wit", "count-words"]),
        )
        .await;
    let found: serde_json::Value = run.outcome.value().parse().unwrap();
    assert_eq!(found["hits"][0]["path"], "wit/text/text.wit");
}

/// Words are found by the rules of Unicode and counted as they are written.
#[tokio::test]
async fn the_text_capability_counts_words_and_searches() {
    use serde_json::{Value, json};
    let (engine, _) = TestEngine::new().build();
    let text = engine.load(guest("text")).await.unwrap();
    let call = async |function: &str, arguments: Value| -> Value {
        let outcome = engine.run(&text, Call::function(function, arguments)).await;
        outcome.value().parse().unwrap()
    };
    assert_eq!(
        call(
            "count-words",
            json!(["Don't panic, don't. Größe: größe! 42 3.5"])
        )
        .await,
        json!([
            { "word": "3.5", "count": 1 },
            { "word": "42", "count": 1 },
            { "word": "Don't", "count": 1 },
            { "word": "Größe", "count": 1 },
            { "word": "don't", "count": 1 },
            { "word": "größe", "count": 1 },
            { "word": "panic", "count": 1 },
        ])
    );
    assert_eq!(call("count-words", json!([""])).await, json!([]));
    assert_eq!(
        call("search", json!(["é é\nxé", "é"])).await,
        json!([
            { "line": 1, "column": 1, "text": "é" },
            { "line": 1, "column": 3, "text": "é" },
            { "line": 2, "column": 2, "text": "é" },
        ])
    );
    let many = call("search", json!(["a".repeat(20_000), "a"])).await;
    assert_eq!(many.as_array().unwrap().len(), 10_000);
}
