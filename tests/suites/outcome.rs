//! Outcomes and events: every way a call can end, as the caller and a listener see it.

use engine::data::Phase;
use engine::{Call, EventKind, FaultKind, Forward, Status, Stdin, Stream};
use engine_tests::{Run, TestEngine, guest, wat};
use serde_json::{Value, json};

async fn values(function: &str, arguments: Value) -> Run {
    TestEngine::new()
        .call(guest("values"), function, arguments)
        .await
}

/// A function's own `result` decides the status; its payload is the value.
#[tokio::test]
async fn a_result_becomes_the_status_of_the_outcome() {
    let run = values("answer", json!({ "fail": false, "word": "yes" })).await;
    assert_eq!(
        (run.outcome.status(), run.outcome.value().as_str()),
        (Status::Ok, "\"yes\"")
    );
    let run = values("answer", json!({ "fail": true, "word": "no" })).await;
    assert_eq!(
        (run.outcome.status(), run.outcome.value().as_str()),
        (Status::Error, "\"no\"")
    );
    assert_eq!(run.code(), "E-GUEST-ERROR");
    let run = values("quiet-result", json!([true])).await;
    assert_eq!(
        (run.outcome.status(), run.outcome.value().as_str()),
        (Status::Error, "null")
    );
    for function in ["silent", "quiet-result"] {
        let arguments = if function == "silent" {
            json!([])
        } else {
            json!([false])
        };
        let run = values(function, arguments).await;
        assert_eq!(
            (run.outcome.status(), run.outcome.has_value()),
            (Status::Ok, false),
            "{function}"
        );
    }
}

/// Traps are named, and the engine is not to blame for them. (rows 8 and 14)
#[tokio::test]
async fn every_trap_has_its_reason() {
    for (function, reason) in [
        ("unreachable", "wasm `unreachable` instruction executed"),
        ("divide", "integer divide by zero"),
        ("beyond", "out of bounds memory access"),
        ("null", "uninitialized element"),
        ("convert", "invalid conversion to integer"),
        ("lie", "string pointer/length out of bounds of memory"),
        ("char", "converted integer out of range for `char`"),
    ] {
        let run = TestEngine::new()
            .call(wat("traps"), function, json!([]))
            .await;
        assert_eq!(
            (run.code(), run.fault().phase()),
            ("E-TRAP", Some(Phase::Call)),
            "{function}"
        );
        assert_eq!(run.fault().blame(), engine::data::Blame::Guest);
        assert_eq!(
            run.fault().to_string(),
            format!("the guest trapped: {reason}")
        );
    }
}

/// A panic of a guest shows its own functions, and its source lines where it carries them.
#[tokio::test]
async fn a_panic_shows_the_guests_stack_with_source_lines() {
    let run = values("panic", json!([])).await;
    assert_eq!(run.code(), "E-TRAP");
    let frames = run.fault().backtrace();
    let frame = frames
        .iter()
        .find(|frame| frame.function == "values::inner")
        .unwrap_or_else(|| panic!("{frames:#?}"));
    assert!(
        frame
            .file
            .as_deref()
            .is_some_and(|file| file.ends_with("values/src/lib.rs")),
        "{frame:?}"
    );
    assert!(frame.line.is_some_and(|line| line > 100), "{frame:?}");
    let stderr = String::from_utf8_lossy(run.outcome.stderr());
    assert!(stderr.contains("the guest gave up at depth 3"), "{stderr}");
    // A component without debug information still shows names.
    let run = TestEngine::new().call(wat("recurse"), "f", json!([])).await;
    assert!(
        run.fault()
            .backtrace()
            .iter()
            .all(|frame| frame.function == "f" && frame.file.is_none())
    );
}

/// A function that exits has not returned, whatever the code.
#[tokio::test]
async fn exiting_from_a_function_is_no_result() {
    let run = values("exit", json!([0])).await;
    assert_eq!(
        run.fault().to_string(),
        "the guest trapped: it exited with code 0 before the function returned"
    );
    let run = values("exit", json!([3])).await;
    assert_eq!(
        run.fault().to_string(),
        "the guest trapped: it exited with code 3 before the function returned"
    );
    assert_eq!(
        (run.outcome.status(), run.outcome.exit_code()),
        (Status::Trap, None)
    );
}

/// A command that was refused memory and then exits has said itself how it ended.
#[tokio::test]
async fn an_exit_after_refused_memory_is_an_exit() {
    let run = TestEngine::new().command(wat("exits"), &[]).await;
    assert_eq!(
        (run.code(), run.outcome.exit_code()),
        ("E-GUEST-ERROR", Some(1))
    );
}

/// An interface with the name of a command's, but not its function, makes no command.
#[tokio::test]
async fn only_the_right_function_makes_a_command() {
    for name in ["not_run", "other_run"] {
        let run = TestEngine::new().command(wat(name), &[]).await;
        assert_eq!(run.code(), "E-INVALID-FUNCTION", "{name}");
    }
}

/// A command's exit code is its own.
#[tokio::test]
async fn the_exit_code_of_a_command_is_passed_through() {
    for code in [0, 1, 3, 77, 255] {
        let run = TestEngine::new()
            .command(guest("args"), &[&format!("exit={code}")])
            .await;
        assert_eq!(run.outcome.exit_code(), Some(code));
        assert_eq!(
            run.outcome.status(),
            if code == 0 { Status::Ok } else { Status::Error }
        );
    }
    let run = TestEngine::new().command(guest("hello"), &[]).await;
    assert_eq!(
        (run.outcome.exit_code(), run.stdout().as_str()),
        (Some(0), "hello\n")
    );
}

/// What cannot be called says why, and what can be called instead.
#[tokio::test]
async fn a_wrong_function_gets_one_clear_message() {
    let run = values("take", json!([null])).await;
    assert_eq!(run.code(), "E-INVALID-FUNCTION");
    assert_eq!(
        run.fault().to_string(),
        "`test:values/deeds@0.1.0#take` cannot be called: its parameter `it` is or holds a resource"
    );
    let run = values("answr", json!([])).await;
    assert_eq!(run.fault().hints(), ["did you mean `answer`?"]);
    let run = values("bytes", json!({ "value": [1, 2, 300] })).await;
    assert_eq!(
        (run.code(), run.fault().phase()),
        ("E-INVALID-ARGS", Some(Phase::Decide))
    );
    assert_eq!(
        run.fault().to_string(),
        "at `/value/2`: expected u8 (0 to 255), found 300"
    );
    let run = TestEngine::new().command(guest("values"), &[]).await;
    assert_eq!(
        run.fault().to_string(),
        "`values` is not a command, so a function has to be named"
    );
}

/// Row 9. Output is kept and returned, in events as well, and the escape sequences in it do nothing.
#[tokio::test]
async fn output_of_a_function_is_captured_and_escaped() {
    let run = values("chatter", json!([])).await;
    assert_eq!(run.outcome.value().as_str(), "7");
    assert_eq!(run.outcome.stdout(), b"to the output: \x1b[31mred\x1b[0m\n");
    assert_eq!(run.outcome.stderr(), b"to the error stream\n");
    assert_eq!(run.outcome.usage().stdout.get(), 28);
    let chunks: Vec<_> = run
        .events
        .iter()
        .filter_map(|event| {
            let EventKind::Output {
                stream,
                text,
                base64,
                ..
            } = &event.kind
            else {
                return None;
            };
            Some((*stream.known()?, text.as_str(), base64.is_some()))
        })
        .collect();
    assert_eq!(
        chunks,
        [
            (
                Stream::Stdout,
                "to the output: \\u{1b}[31mred\\u{1b}[0m\n",
                true
            ),
            (Stream::Stderr, "to the error stream\n", false),
        ]
    );
    assert!(
        run.events
            .iter()
            .all(|event| !event.to_json().contains('\u{1b}'))
    );
}

fn both(to: tokio::sync::mpsc::Sender<engine::Chunk>) -> Forward {
    Forward {
        stdout: to.clone(),
        stderr: to,
    }
}

/// Output can be had as it comes, instead of at the end.
#[tokio::test]
async fn output_can_be_forwarded_while_the_guest_runs() {
    let (sender, mut chunks) = tokio::sync::mpsc::channel(4);
    let call = Call::function("chatter", json!([])).forward(both(sender));
    let run = TestEngine::new().run(guest("values"), call).await;
    let mut stdout = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        if chunk.stream == Stream::Stdout {
            stdout.extend_from_slice(&chunk.bytes);
        }
    }
    assert_eq!(stdout, b"to the output: \x1b[31mred\x1b[0m\n");
    assert!(run.outcome.stdout().is_empty());
    assert_eq!(run.outcome.usage().stdout.get(), 28);
}

/// A reader that has gone away closes the guest's streams; the guest decides what that means.
#[tokio::test]
async fn a_closed_receiver_is_a_closed_stream() {
    let (sender, chunks) = tokio::sync::mpsc::channel(1);
    drop(chunks);
    let call = Call::command(["hello"], Stdin::Empty).forward(both(sender));
    let run = TestEngine::new().run(guest("hello"), call).await;
    assert_eq!(
        run.code(),
        "E-TRAP",
        "println! panics when standard output is gone"
    );
}

/// The events of a good call and of a refused one, whole.
#[tokio::test]
async fn the_events_of_a_run_are_complete_and_in_order() {
    let run = TestEngine::new()
        .call(wat("add"), "add", json!([2, 3]))
        .await;
    assert_eq!(
        run.event_names(),
        [
            "run_started",
            "component_loaded",
            "permit_issued",
            "call_started",
            "call_completed",
            "run_completed"
        ]
    );
    let events: Vec<Value> = run
        .events
        .iter()
        .map(|event| serde_json::from_str(&event.to_json()).unwrap())
        .collect();
    let id = run.outcome.run().to_string();
    for (seq, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], seq);
        assert_eq!(event["source"], json!({ "type": "run", "run_id": id }));
        assert_eq!(event["scope"][0], format!("run:{id}"));
        let keys: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "id", "seq", "ts", "source", "scope", "trace_id", "type", "data"
            ]
        );
        assert_eq!(
            event["ts"].as_str().unwrap().len(),
            "2026-01-01T00:00:00.000000000Z".len()
        );
    }
    assert_eq!(
        events[2]["scope"].as_array().unwrap().len(),
        1,
        "the permit is the run's"
    );
    assert!(events[3]["scope"][1].as_str().unwrap().starts_with("call:"));
    assert_eq!(
        events[3]["data"],
        json!({ "function": "add", "arguments": { "text": "[2,3]", "bytes": 5, "truncated": false } })
    );
    assert_eq!(events[4]["data"]["status"], "ok");
    assert_eq!(events[4]["data"]["value"]["text"], "5");
    assert_eq!(
        events[4]["data"]["usage"],
        serde_json::to_value(run.outcome.usage()).unwrap()
    );
    assert_eq!(events[5]["data"], json!({ "status": "ok", "error": null }));

    let run = TestEngine::new().call(wat("add"), "sub", json!([])).await;
    assert_eq!(
        run.event_names(),
        ["run_started", "component_loaded", "run_completed"]
    );
}

/// Long texts are cut in events, with the length they had; the outcome has them whole.
#[tokio::test]
async fn long_values_are_bounded_in_events_and_whole_in_the_outcome() {
    let word = "é".repeat(50_000);
    let run = values("answer", json!({ "fail": false, "word": word })).await;
    assert_eq!(run.outcome.value().parse::<String>().unwrap(), word);
    let Some(EventKind::CallCompleted { value, .. }) = run
        .events
        .iter()
        .map(|event| &event.kind)
        .find(|kind| kind.name() == "call_completed")
    else {
        panic!("no end of the call");
    };
    assert_eq!((value.bytes, value.truncated), (100_002, true));
    assert!(value.text.len() <= 65_536 && value.text.len() > 65_530);
}

/// The keys of the outcome document, in the order of the command line contract.
const KEYS: [&str; 15] = [
    "run",
    "status",
    "value",
    "component",
    "function",
    "usage",
    "limits",
    "deterministic",
    "exit_code",
    "stdout",
    "stderr",
    "denials",
    "grants",
    "verdict",
    "error",
];

/// Every key of the outcome document is always there, in this order.
#[tokio::test]
async fn the_outcome_document_has_every_key() {
    let keys = |text: &str| -> Vec<String> {
        // serde_json sorts keys, so the order is looked at in the text.
        let mut found: Vec<(usize, String)> = KEYS
            .iter()
            .map(|key| {
                (
                    text.find(&format!("\"{key}\":"))
                        .unwrap_or_else(|| panic!("no {key} in {text}")),
                    (*key).to_owned(),
                )
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, key)| key).collect()
    };
    let good = TestEngine::new()
        .call(wat("add"), "add", json!([2, 3]))
        .await
        .outcome
        .to_json();
    assert_eq!(keys(&good), KEYS);
    let bad = TestEngine::new()
        .call(wat("traps"), "divide", json!([]))
        .await
        .outcome
        .to_json();
    let bad: Value = serde_json::from_str(&bad).unwrap();
    let error: Vec<&String> = bad["error"].as_object().unwrap().keys().collect();
    assert_eq!(error, ["code", "message", "limit", "hint", "source"]);
    assert_eq!(bad["verdict"]["decision"], "allow");
}

/// A request for more than was granted is refused with everything that is missing.
#[tokio::test]
async fn a_call_that_asks_for_more_than_the_operator_grants_is_denied() {
    use engine::{Grants, Rights};
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tests = TestEngine::new().dir(inside.path(), "/data", Rights::ReadOnly);
    let asked = Grants::builder()
        .dir(outside.path(), "/other", Rights::ReadOnly)
        .env("TOKEN", "x")
        .build()
        .unwrap();
    let run = tests
        .run(
            wat("add"),
            Call::function("add", json!([1, 2])).grants(asked),
        )
        .await;
    assert_eq!(
        (run.code(), run.outcome.status()),
        ("E-DENIED-GRANT", Status::Denied)
    );
    assert_eq!(
        run.event_names(),
        [
            "run_started",
            "component_loaded",
            "permit_denied",
            "run_completed"
        ]
    );
    assert_eq!(run.outcome.denials().len(), 2);
    assert!(matches!(run.fault().kind(), FaultKind::Denied(denials) if denials.len() == 2));
    let document: Value = serde_json::from_str(&run.outcome.to_json()).unwrap();
    assert_eq!(document["verdict"]["decision"], "deny");

    // Asking for less narrows: write access is asked for, read-only is what there is.
    let asked = Grants::builder()
        .dir(inside.path(), "/mine", Rights::ReadWrite)
        .build()
        .unwrap();
    let run = tests
        .run(
            guest("paths"),
            Call::command(["p", "create", "new"], Stdin::Empty).grants(asked),
        )
        .await;
    assert!(run.stdout().contains("not-permitted"), "{}", run.stdout());
}
