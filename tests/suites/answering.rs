//! Answering questions on the command line, and what answers for always hold for.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine_tests::engine_binary;
use serde_json::Value;

use super::registry::Place;

/// A place with the sample component and two directories to write to.
pub(super) fn place() -> Place {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    for dir in ["out", "other"] {
        std::fs::create_dir(place.path().join(dir)).unwrap();
    }
    place
}

/// The questions that wait.
pub(super) fn waiting(place: &Place) -> Vec<Value> {
    let told = place.works(&["approvals", "ls", "--output", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    told.get("waiting").unwrap().as_array().unwrap().clone()
}

pub(super) fn id(question: &Value) -> String {
    question["id"].as_str().unwrap().to_owned()
}

/// The one question that waits, as soon as it does.
pub(super) fn awaited(place: &Place) -> Value {
    let begun = Instant::now();
    loop {
        if let Some(question) = waiting(place).pop() {
            return question;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody asked");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts the program, and leaves it running.
fn started(place: &Place, args: &[&str]) -> Child {
    Command::new(engine_binary())
        .args(args)
        .current_dir(place.path())
        .env("ENGINE_HOME", place.path().join("home"))
        .env_remove("ENGINE_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A write that `paranoid` asks about.
fn store<'a>(path: &'a str, dir: &'a str) -> [&'a str; 8] {
    let [exec, tool, function] = ["exec", "tool.wasm", "store"];
    [
        exec, tool, function, path, "--dir", dir, "--policy", "paranoid",
    ]
}

/// There need be no `engine.toml` for an answer for always to be given from then on, a yes or a no; and it is for no
/// more than the call was given.
#[test]
fn an_answer_for_always_needs_no_configuration() {
    let place = place();
    let call = store("[\"out/a\"]", "out:rw");
    place.fails(&call, 3, "E-DENIED-APPROVAL");
    let question = id(&awaited(&place));
    place.works(&["approvals", "approve", &question, "--always"]);
    assert_eq!(place.works(&call), "5\n");
    let elsewhere = store("[\"other/new.txt\"]", "other:rw");
    place.fails(&elsewhere, 3, "E-DENIED-APPROVAL");
    let question = id(&awaited(&place));
    place.works(&["approvals", "deny", &question, "--always"]);
    place.fails(&elsewhere, 3, "E-DENIED-POLICY");
    assert_eq!(place.works(&call), "5\n");
    assert!(waiting(&place).is_empty());
}

/// Row 48: what was learned comes after the operator's rules: a ban of the configuration wins, and what was learned is
/// there again when it is gone.
#[test]
fn a_rule_of_the_operator_wins_over_an_answer_for_always() {
    let place = place();
    place.write("engine.toml", "[guard]\nbundle = \"paranoid\"\n");
    let call = [
        "exec",
        "tool.wasm",
        "store",
        "[\"out/a\"]",
        "--dir",
        "out:rw",
        "--config",
        "engine.toml",
        "--events",
        "events.jsonl",
    ];
    place.fails(&call, 3, "E-DENIED-APPROVAL");
    let question = id(&awaited(&place));
    let always = [
        "approvals",
        "approve",
        &question,
        "--always",
        "--config",
        "engine.toml",
    ];
    place.works(&always);
    assert_eq!(place.works(&call), "5\n");
    let events = std::fs::read_to_string(place.path().join("events.jsonl")).unwrap();
    let skipped = events
        .lines()
        .find(|line| line.contains("approval_skipped"))
        .unwrap();
    let skipped: Value = serde_json::from_str(skipped).unwrap();
    let reason = skipped["data"]["action"]["reason"].as_str().unwrap();
    assert!(reason.ends_with("said always"), "{skipped:#}");

    let ban = "[[rules]]\nid = \"not-today\"\ndecision = \"deny\"\ncapability = \"tool.store\"\n";
    place.write(
        "engine.toml",
        format!("[guard]\nbundle = \"paranoid\"\n{ban}"),
    );
    let told = place.fails(&call, 3, "E-DENIED-POLICY");
    assert!(told.contains("not-today"), "{told}");
    assert!(
        waiting(&place).is_empty(),
        "nobody is asked about what is banned"
    );
    place.write("engine.toml", "[guard]\nbundle = \"paranoid\"\n");
    assert_eq!(place.works(&call), "5\n");
}

/// A configuration that is named has to be there before an answer is kept beside it.
#[test]
fn nothing_is_learned_beside_a_configuration_that_is_not_there() {
    let place = place();
    place.fails(&store("[\"out/a\"]", "out:rw"), 3, "E-DENIED-APPROVAL");
    let question = id(&awaited(&place));
    let always = [
        "approvals",
        "approve",
        &question,
        "--always",
        "--config",
        "none.toml",
    ];
    place.fails(&always, 2, "E-INVALID-CONFIG");
    assert_eq!(waiting(&place).len(), 1, "nothing was answered");
    assert!(!place.path().join("learned.toml").exists());
}

/// Whoever answers what somebody answered is told who, by the start of the name, too.
#[test]
fn a_second_answer_is_told_who_gave_the_first() {
    let place = place();
    place.fails(&store("[\"out/a\"]", "out:rw"), 3, "E-DENIED-APPROVAL");
    let question = id(&awaited(&place));
    let start = &question[..12];
    place.works(&["approvals", "deny", start, "--as", "ann"]);
    let told = place.fails(&["approvals", "approve", start], 3, "E-APPROVAL-USED");
    assert!(told.contains("`ann` answered already: no"), "{told}");
    let shown = place.works(&["approvals", "show", start]);
    assert!(shown.contains("denied by ann"), "{shown}");
    place.fails(&["approvals", "show", "zzzz"], 3, "E-APPROVAL-UNKNOWN");
}

/// What a plan wants approved is approved for that plan's step, never for always.
#[test]
fn a_plans_own_approval_cannot_be_given_for_always() {
    let place = place();
    let plan = |goal: &str| {
        format!(
            "version = 1\ngoal = \"{goal}\"\n[[steps]]\nid = \"one\"\ncapability = \"tool\"\n\
             function = \"compute\"\nargs = {{ path = \"x\" }}\napproval = \"\"\n"
        )
    };
    place.write("a.toml", plan("one thing"));
    let run = started(&place, &["run", "a.toml", "--component", "tool.wasm"]);
    let question = id(&awaited(&place));
    let always = ["approvals", "approve", &question, "--always"];
    for told in [&["approvals", "ls"][..], &["approvals", "show", &question]] {
        let told = place.works(told);
        let of = awaited(&place)["workflow"].as_str().unwrap().to_owned();
        assert!(told.contains(&of) && told.contains("one"), "{told}");
    }
    let told = place.fails(&always, 2, "E-USAGE");
    assert!(told.contains("cannot be answered for always"), "{told}");
    assert_eq!(waiting(&place).len(), 1, "nothing was answered");
    place.works(&["approvals", "approve", &question]);
    let output = run.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
}
