//! Deterministic runs: nothing but the inputs decides what comes out.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine::data::Digest;
use engine::{Call, EventKind, Outcome, Rights, Stdin};
use engine_tests::{Run, TestEngine, engine_binary, guest};
use serde_json::Value;

/// Files with the same content, made in this order, at a time of their own.
fn directory(names: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        std::fs::write(dir.path().join(name), name).unwrap();
    }
    std::fs::create_dir(dir.path().join("inner")).unwrap();
    dir
}

async fn chance(tests: TestEngine, dir: &Path, seconds: &str) -> Run {
    tests
        .dir(dir, "/data", Rights::ReadOnly)
        .command(guest("chance"), &[seconds])
        .await
}

fn printed(outcome: &Outcome) -> String {
    assert!(outcome.fault().is_none(), "{}", outcome.to_json());
    String::from_utf8(outcome.stdout().to_vec()).unwrap()
}

/// Time, random numbers, NaN, hash maps and files: two runs print the same, over directories that were made
/// differently. A sleep of an hour takes no time.
#[tokio::test]
async fn two_deterministic_runs_are_one() {
    let one = directory(&["b", "a", "c"]);
    std::thread::sleep(Duration::from_millis(20));
    let other = directory(&["c", "b", "a"]);
    let start = Instant::now();
    let first = chance(TestEngine::new().deterministic(), one.path(), "3600").await;
    let second = chance(TestEngine::new().deterministic(), other.path(), "3600").await;
    assert!(start.elapsed() < Duration::from_secs(60));
    assert!(first.outcome.deterministic());
    let (first_text, second_text) = (printed(&first.outcome), printed(&second.outcome));
    assert_eq!(first_text, second_text);
    let [first_usage, second_usage] = [&first, &second].map(|run| *run.outcome.usage());
    assert_eq!(first_usage.fuel, second_usage.fuel);
    assert_eq!(first_usage.memory_peak, second_usage.memory_peak);
    // What it is on this machine, it has to be on every other.
    assert_eq!(
        Digest::of(first_text.as_bytes()).to_string(),
        EVERYWHERE,
        "{first_text}"
    );
}

/// Without it, all of that is the machine's own.
#[tokio::test]
async fn two_usual_runs_differ() {
    let dir = directory(&["b", "a", "c"]);
    let first = chance(TestEngine::new(), dir.path(), "0").await;
    let second = chance(TestEngine::new(), dir.path(), "0").await;
    assert!(!first.outcome.deterministic());
    let (first, second) = (printed(&first.outcome), printed(&second.outcome));
    for what in ["wall ", "random ", "insecure ", "seed ", "map "] {
        let lines = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|line| line.starts_with(what))
                .map(str::to_owned)
                .collect()
        };
        assert!(!lines(&first).is_empty(), "{first}");
        assert_ne!(lines(&first), lines(&second), "{what}");
    }
}

/// A guest that waits for ever, or only asks what time it is, comes to its end.
#[tokio::test]
async fn no_wait_hangs_when_only_the_guest_moves_the_clock() {
    let run = TestEngine::new()
        .deterministic()
        .command(guest("sleep"), &[])
        .await;
    printed(&run.outcome);
    assert!(run.outcome.usage().wall < Duration::from_secs(10));
    let run = TestEngine::new()
        .deterministic()
        .limits(|limits| limits.wall(engine::WallTime::millis(500)))
        .command(guest("timer_storm"), &[])
        .await;
    assert_eq!(
        run.fault().code().as_str(),
        "E-LIMIT-TIME",
        "limits are real"
    );
}

/// The first event says whether the run is deterministic; the outcome of the program does, too.
#[tokio::test]
async fn events_and_the_outcome_say_so() {
    for deterministic in [true, false] {
        let mut tests = TestEngine::new();
        if deterministic {
            tests = tests.deterministic();
        }
        let run = tests
            .run(guest("hello"), Call::command(["hello"], Stdin::Empty))
            .await;
        let Some(EventKind::RunStarted {
            deterministic: told,
            ..
        }) = run.events.first().map(|event| &event.kind)
        else {
            panic!("{:?}", run.events.first())
        };
        assert_eq!(*told, deterministic);
        assert_eq!(
            run.events[0].to_json().contains("\"deterministic\""),
            deterministic,
            "what is usual is not written"
        );
        assert_eq!(exec(deterministic)["deterministic"], deterministic);
    }
}

/// The outcome document of the real program.
fn exec(deterministic: bool) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let component = dir.path().join("chance.wasm");
    std::fs::write(&component, guest("chance").as_bytes()).unwrap();
    let flag = deterministic.then_some("--deterministic");
    let output = Command::new(engine_binary())
        .arg("exec")
        .arg(&component)
        .args(flag)
        .args(["--output", "json", "--", "0"])
        .env("ENGINE_HOME", dir.path().join("home"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stdout = document.get("stdout").and_then(Value::as_str).unwrap();
    assert_eq!(stdout.contains(RANDOM), deterministic, "{stdout}");
    document
}

/// The first random numbers of every deterministic run: the lowest bytes of the first words of the stream.
const RANDOM: &str = "random [187, 19, 124, 84, 137, 12, 178, 69]\n";

/// The digest of all that the guest prints.
const EVERYWHERE: &str = "sha256:04d2f1e499c9d423335274ec21d35b27577f072408a7de4faf42c2942fd1ff1a";
