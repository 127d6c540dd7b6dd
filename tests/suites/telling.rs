//! What capabilities tell in the engine's own words.

use engine::EventKind;
use engine::data::Level;
use engine_tests::{Flow, TestEngine, guest, repository};
use serde_json::{Value, json};

/// Every message is an event with its level, in order; of progress the last word is always told.
#[tokio::test]
async fn messages_and_progress_are_events_of_the_call() {
    let run = TestEngine::new()
        .call(guest("steps"), "tell", json!([1_000, 3]))
        .await;
    assert_eq!(run.outcome.fault().map(ToString::to_string), None);
    run.check_events();
    let mut levels = Vec::new();
    let mut done = Vec::new();
    for event in &run.events {
        if let EventKind::Logged { level, message } = &event.kind {
            assert_eq!(message.text, "mmm");
            levels.push(*level.known().unwrap());
        }
        if let EventKind::Progressed {
            done: now,
            total,
            message,
        } = &event.kind
        {
            assert_eq!((*total, message.text.as_str()), (Some(1_000), "telling"));
            done.push(*now);
        }
    }
    assert_eq!(levels.len(), 1_000);
    let all = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
    ];
    assert_eq!(levels[..5], all);
    assert!(done.is_sorted() && done.len() < 1_000, "{done:?}");
    assert_eq!((done.first(), done.last()), (Some(&1), Some(&1_000)));
}

/// Messages are output: they have its limit, and what passes it ends the call.
#[tokio::test]
async fn messages_have_the_limit_of_output() {
    let run = TestEngine::new()
        .limits(|limits| limits.output(engine::Bytes::kib(64)))
        .call(guest("steps"), "tell", json!([1_000_000, 1_000]))
        .await;
    assert_eq!(run.code(), "E-LIMIT-OUTPUT");
    run.check_events();
    let logged = run
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Logged { .. }));
    // 1,016 bytes for a message, and 23 for its progress.
    assert_eq!(logged.count(), 64 * 1024 / (1_016 + 23));
}

/// A message that is longer than an event may be is cut there, and what it had is told.
#[tokio::test]
async fn long_messages_are_cut() {
    let run = TestEngine::new()
        .call(guest("steps"), "tell", json!([1, 20_000]))
        .await;
    assert_eq!(run.outcome.fault().map(ToString::to_string), None);
    let mut events = run.events.iter();
    let logged = events.find(|event| matches!(event.kind, EventKind::Logged { .. }));
    let EventKind::Logged { message, .. } = &logged.unwrap().kind else {
        panic!("nothing was logged")
    };
    assert_eq!(
        (message.text.len(), message.bytes, message.truncated),
        (8_192, 20_000, true)
    );
}

/// A step's messages belong to it.
#[tokio::test]
async fn messages_of_a_step_are_told_of_it() {
    let flow = Flow::builder().build().await;
    let plan = Flow::plan(
        &[("a", "tell", json!({"messages": 2, "bytes": 1}), json!({}))],
        json!({}),
    );
    assert_eq!(flow.run(&plan).await.calls, 1);
    let logged = flow.events();
    let logged = logged
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Logged { .. }));
    let of_the_step = |event: &&engine::Event| {
        event
            .scope
            .iter()
            .any(|scope| scope.to_string() == "step:a")
    };
    assert_eq!(logged.filter(of_the_step).count(), 2);
}

/// The SDK carries its own copy of the engine's WIT, so that it can be used outside of this repository.
#[test]
fn the_sdk_has_the_engines_wit() {
    let read = |path: &str| std::fs::read_to_string(repository().join(path)).unwrap();
    assert_eq!(read("guest-sdk/wit/host.wit"), read("wit/host/host.wit"));
}

/// Artifacts are events, and come with the outcome; what is wrong with one is an answer in words.
#[tokio::test]
async fn artifacts_come_with_the_outcome() {
    let call = async |function: &str, arguments: Value| {
        TestEngine::new()
            .call(guest("relay"), function, arguments)
            .await
    };
    let make = |name: &str, media: Option<&str>| json!({"name": name, "media-type": media, "content": "AP8="});
    let run = call("make", make("a.bin", Some("image/png"))).await;
    let outcome = run.outcome;
    let [artifact] = outcome.artifacts() else {
        panic!("{}", outcome.to_json())
    };
    assert_eq!(
        (artifact.name(), artifact.media_type(), artifact.content()),
        ("a.bin", "image/png", &[0, 255][..])
    );
    let shown: Value = serde_json::from_str(&outcome.to_json()).unwrap();
    assert_eq!(shown["artifacts"][0]["bytes"], 2);
    assert_eq!(
        shown["artifacts"][0]["digest"],
        artifact.digest().to_string()
    );
    let events = run.events;
    assert!(events.iter().any(
        |event| matches!(&event.kind, EventKind::ArtifactMade { name, .. } if name == "a.bin")
    ));

    let long = "a".repeat(129);
    for name in [
        "",
        ".",
        "..",
        ".a",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "ä",
        "a b",
        "a\0",
        "C:a",
        &long,
    ] {
        let outcome = call("make", make(name, None)).await.outcome;
        assert_eq!(
            outcome.fault().unwrap().code().as_str(),
            "E-GUEST-ERROR",
            "{name:?}"
        );
        assert!(outcome.artifacts().is_empty());
    }
    for media in [
        "",
        "text",
        "text/",
        "/csv",
        "text/a b",
        "text/csv; x=y",
        "text/\u{1b}[31m",
    ] {
        let outcome = call("make", make("a", Some(media))).await.outcome;
        assert_eq!(
            outcome.fault().unwrap().code().as_str(),
            "E-GUEST-ERROR",
            "{media:?}"
        );
    }
    let outcome = call("flood", json!({"count": 300, "bytes": 1}))
        .await
        .outcome;
    assert_eq!(
        (outcome.value().as_str(), outcome.artifacts().len()),
        ("256", 256)
    );
    let outcome = call("flood", json!({"count": 3, "bytes": 600_000}))
        .await
        .outcome;
    assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-OUTPUT");
    assert_eq!(
        outcome.artifacts().len(),
        1,
        "what was taken before is there"
    );
}
