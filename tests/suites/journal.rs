//! The journal with real guests and the real program.

use std::process::Command;

use engine::data::{Expected, Filter, JournalOptions, JournalReader, SystemClock, verify};
use engine::{Bytes, Call, Engine, Event, EventKind, Stdin};
use engine_tests::{Process, engine_binary, guest, repository};

const MIB: u64 = 1 << 20;

/// J10. A million events from one guest: memory stays, what is missing is counted to the last event, and the end
/// is there.
#[tokio::test]
async fn a_guest_that_chatters_a_million_times_is_cut_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let journal = JournalOptions::new()
        .clock(std::sync::Arc::new(SystemClock::new()))
        .open(&path)
        .unwrap();
    let engine = Engine::builder().sink(journal.clone()).build().unwrap();
    let chatter = engine.load(guest("alternate")).await.unwrap();
    let before = Process::now();
    Process::forget_peak();
    let limits = engine::Limits::builder()
        .output(Bytes::mib(2))
        .build()
        .unwrap();
    let outcome = engine
        .run(
            &chatter,
            Call::command(["alternate"], Stdin::Empty).limits(limits),
        )
        .await;
    let peak = Process::now().peak;
    assert!(outcome.fault().is_none(), "{}", outcome.to_json());
    drop(engine);
    journal.close().unwrap();
    let load = journal.load();
    assert_eq!((load.waiting, load.failures), (0, 0));
    assert!(!load.latency.is_zero());
    assert!(
        peak < before.resident + 256 * MIB,
        "memory peaked {} MiB above where it was",
        (peak - before.resident) / MIB
    );

    let (mut chunks, mut lost, mut last) = (0, 0, String::new());
    JournalReader::open(&path)
        .unwrap()
        .each(Filter::default(), |stored| {
            let event = stored.event().unwrap();
            if let EventKind::Output { .. } = event.kind {
                chunks += 1;
            } else if let EventKind::StreamTruncated { lost: more, .. } = event.kind {
                lost += more;
            }
            last = event.kind.name().to_owned();
            Ok(())
        })
        .unwrap();
    assert_eq!(load.lost, lost);
    assert_eq!(chunks + lost, 1_000_000, "{chunks} kept, {lost} lost");
    assert_eq!(last, "run_completed");
    verify(&path, Expected::default()).unwrap();
}

fn engine_in(dir: &std::path::Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(engine_binary())
        .args(args)
        .current_dir(dir)
        .env("ENGINE_HOME", dir.join("home"))
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// What a person does with a journal, from the first run to a byte that somebody changed.
#[test]
fn a_journal_is_kept_read_and_checked_by_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| engine_in(dir.path(), args);
    let add = repository().join("tests/wat/add.wat");
    let add = add.to_str().unwrap();
    for _ in 0..3 {
        let (code, out, _) = run(&["exec", add, "add", "[2,3]", "--journal", "j.db"]);
        assert_eq!((code, out.as_str()), (Some(0), "5\n"));
    }
    let (code, _, _) = run(&["exec", add, "sub", "[2,3]", "--journal", "j.db"]);
    assert_eq!(code, Some(2));

    let (code, verified, _) = run(&["events", "verify", "--journal", "j.db", "--output", "json"]);
    let verified: serde_json::Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(
        (code, &verified["events"], &verified["signed"]),
        // Three of the runs find compiled code, and say so.
        (Some(0), &24.into(), &24.into())
    );
    let head = verified["head"].as_str().unwrap();
    assert_eq!(
        run(&["events", "verify", "--journal", "j.db", "--head", head]).0,
        Some(0)
    );

    // Every line is an event, in both directions of the same filter.
    let (_, lines, _) = run(&["events", "export", "--journal", "j.db"]);
    let events: Vec<Event> = lines
        .lines()
        .map(|line| Event::from_json(line).unwrap())
        .collect();
    assert_eq!(events.len(), 24);
    let (_, ended, _) = run(&[
        "events",
        "tail",
        "--journal",
        "j.db",
        "--kind",
        "run_completed",
        "--since",
        "1h",
        "--format",
        "jsonl",
    ]);
    assert_eq!(ended.lines().count(), 4);
    let (code, _, said) = run(&[
        "events",
        "tail",
        "--journal",
        "j.db",
        "--kind",
        "run_complete",
    ]);
    assert_eq!(code, Some(2));
    assert!(said.contains("did you mean `run_completed`?"), "{said}");

    let first = events[0].source.to_string();
    let id = first.strip_prefix("run:").unwrap();
    let (code, timeline, _) = run(&["events", "show", id, "--journal", "j.db"]);
    assert_eq!(code, Some(0));
    assert!(
        timeline.contains("call_completed    ok, fuel") && timeline.contains("verdict  allowed by"),
        "{timeline}"
    );

    // The forms of other tools.
    let (_, csv, _) = run(&["events", "export", "--journal", "j.db", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 25);
    let (_, cloud, _) = run(&[
        "events",
        "export",
        "--journal",
        "j.db",
        "--format",
        "cloudevents",
    ]);
    for line in cloud.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["specversion"], "1.0");
        assert!(
            event["source"]
                .as_str()
                .unwrap()
                .starts_with("urn:engine:run:")
        );
    }
    let (_, sums, _) = run(&[
        "events",
        "export",
        "--journal",
        "j.db",
        "--format",
        "prometheus",
    ]);
    assert!(
        sums.contains("engine_calls_total{status=\"ok\"} 3"),
        "{sums}"
    );
    exposition(&sums);
    let (_, spans, _) = run(&["events", "export", "--journal", "j.db", "--format", "otlp"]);
    assert_eq!(spans.lines().count(), 4);
    let request: serde_json::Value = serde_json::from_str(spans.lines().next().unwrap()).unwrap();
    let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans[1]["parentSpanId"], spans[0]["spanId"]);
    assert_eq!(spans[1]["traceId"], spans[0]["traceId"]);

    // One byte of one payload.
    let path = dir.path().join("j.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"[2,3]";
    let places: Vec<usize> = (0..bytes.len() - needle.len())
        .filter(|at| bytes[*at..].starts_with(needle))
        .collect();
    bytes[places[0] + 1] = b'9';
    std::fs::write(&path, bytes).unwrap();
    let (code, _, said) = run(&["events", "verify", "--journal", "j.db"]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("E-JOURNAL-TAMPERED") && said.contains("row 4 does not fit"),
        "{said}"
    );
}

/// A strict reader of the exposition format: a HELP and a TYPE before every family, no name twice, labels quoted,
/// an end.
fn exposition(text: &str) {
    let sample = regex::Regex::new(
        r#"^([a-z_]+)(\{([a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*)\})? [0-9.e+-]+$|^[a-z_]+_bucket\{le="\+Inf"\} [0-9]+$"#,
    )
    .unwrap();
    let (mut family, mut seen) = (String::new(), std::collections::BTreeSet::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap().to_owned();
            assert!(seen.insert(family.clone()), "`{family}` twice");
            assert!(
                lines
                    .peek()
                    .unwrap()
                    .starts_with(&format!("# TYPE {family} ")),
                "{line}"
            );
        } else if line == "# EOF" {
            assert!(lines.peek().is_none(), "something comes after the end");
        } else if !line.starts_with("# TYPE ") && !line.starts_with("# UNIT ") {
            assert!(line.starts_with(&family) && sample.is_match(line), "{line}");
        }
    }
    assert_eq!(text.lines().last(), Some("# EOF"), "it has no end");
}

/// The schema of the program is the one that golden files were checked against.
#[test]
fn the_program_prints_the_schema_of_events() {
    let dir = tempfile::tempdir().unwrap();
    let (code, schema, _) = engine_in(dir.path(), &["events", "schema"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut checked = 0;
    for file in std::fs::read_dir(repository().join("tests/goldens/events/v2")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(
            validator.is_valid(&serde_json::from_str(&text).unwrap()),
            "{text}"
        );
        checked += 1;
    }
    assert_eq!(checked, EventKind::NAMES.len());
}

/// A journal that cannot be written lets nothing run, and says so.
#[test]
fn without_its_journal_nothing_runs() {
    let dir = tempfile::tempdir().unwrap();
    let add = repository().join("tests/wat/add.wat");
    let add = add.to_str().unwrap();
    std::fs::write(
        dir.path().join("text"),
        "this is no database, and it stays as it is",
    )
    .unwrap();
    for (journal, said) in [
        ("no/such/journal.db", "it cannot be opened"),
        ("text", "it is not a journal"),
        ("/proc/journal.db", "it cannot be opened"),
    ] {
        let (code, out, err) = engine_in(
            dir.path(),
            &[
                "exec",
                add,
                "add",
                "[2,3]",
                "--journal",
                journal,
                "--output",
                "json",
            ],
        );
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (code, &document["error"]["code"]),
            (Some(2), &"E-JOURNAL".into()),
            "{err}"
        );
        assert!(err.contains(said), "{err}");
    }
    // A key that others may read signs nothing.
    std::fs::create_dir_all(dir.path().join("home")).unwrap();
    std::fs::write(dir.path().join("home/journal.key"), [7; 32]).unwrap();
    let (code, _, err) = engine_in(
        dir.path(),
        &["exec", add, "add", "[2,3]", "--journal", "j.db"],
    );
    assert_eq!(code, Some(2));
    assert!(err.contains("its owner alone may read"), "{err}");
}

/// The program is killed while its guest runs: the intent is there, no outcome is, and the journal goes on.
#[test]
fn a_kill_during_the_effect_leaves_an_intent_without_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("j.db");
    let sleeping = dir.path().join("sleep.wasm");
    std::fs::write(&sleeping, guest("sleep").as_bytes()).unwrap();
    let kinds = || -> Vec<String> {
        let mut kinds = Vec::new();
        // Until the first commit there is no journal to read.
        if let Ok(reader) = JournalReader::open(&path) {
            let keep = |stored: engine::data::Stored| {
                kinds.push(stored.kind);
                Ok(())
            };
            reader.each(Filter::default(), keep).unwrap();
        }
        kinds
    };
    for round in 1..=3 {
        let mut child = Command::new(engine_binary())
            .args(["exec", "sleep.wasm", "--journal", "j.db"])
            .current_dir(dir.path())
            .env("ENGINE_HOME", dir.path().join("home"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begun = || {
            kinds()
                .iter()
                .filter(|kind| *kind == "call_started")
                .count()
        };
        while begun() < round {
            assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let kinds = kinds();
    assert!(
        !kinds.iter().any(|kind| kind == "call_completed"),
        "{kinds:?}"
    );
    let add = repository().join("tests/wat/add.wat");
    let (code, out, _) = engine_in(
        dir.path(),
        &[
            "exec",
            add.to_str().unwrap(),
            "add",
            "[2,3]",
            "--journal",
            "j.db",
        ],
    );
    assert_eq!((code, out.as_str()), (Some(0), "5\n"));
    assert_eq!(
        verify(&path, Expected::default()).unwrap().events,
        // Two of the killed ones found their code compiled.
        3 * 4 + 2 + 6
    );
}
