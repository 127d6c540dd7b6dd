//! `engine exec --each`: a stream of calls in one process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::thread;

use engine_tests::{engine_binary, guest, repository};
use serde_json::{Value, json};

fn engine(args: &[&str]) -> Command {
    let mut command = Command::new(engine_binary());
    command
        .args(args)
        .current_dir(repository().join("tests/wat"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Gives all input from another thread, so that nobody waits for each other.
fn fed(mut command: Command, input: String) -> Output {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = thread::spawn(move || {
        stdin.write_all(input.as_bytes()).ok();
    });
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    output
}

fn documents(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Every line has its outcome, in order; those that are no arguments have one in their place, and nothing else is lost.
#[test]
fn a_thousand_lines_give_a_thousand_outcomes_in_their_order() {
    let mut input = String::new();
    for number in 0..1000_u32 {
        match number % 100 {
            // Not JSON, of the wrong type, one too many, none at all, and a blank line besides.
            10 => input.push_str("nonsense\n"),
            20 => input.push_str("[\"1\", 2]\n"),
            30 => input.push_str("[1, 2, 3]\n"),
            40 => input.push_str("\n  \n{}\n"),
            50 => input.push_str(&format!("{{\"b\": {number}, \"a\": 1}}\r\n")),
            _ => input.push_str(&format!("[1, {number}]\n")),
        }
    }
    // The last line needs no end.
    input.push_str("[1, 1000]");
    let output = fed(engine(&["exec", "add.wat", "add", "--each"]), input);
    let outcomes = documents(&output);
    assert_eq!(outcomes.len(), 1001);
    for (number, outcome) in outcomes.iter().enumerate() {
        let bad = matches!(number % 100, 10 | 20 | 30 | 40);
        if bad {
            assert_eq!(outcome["status"], "invalid", "{number}: {outcome}");
            assert_eq!(outcome["error"]["code"], "E-INVALID-ARGS", "{number}");
        } else {
            assert_eq!(outcome["status"], "ok", "{number}: {outcome}");
            assert_eq!(outcome["value"], json!(number + 1), "{number}");
        }
    }
    let hint = outcomes[10]["error"]["hint"].as_str().unwrap();
    assert!(hint.contains("line 11 of standard input"), "{hint}");
    // Every run is one of its own.
    let mut runs: Vec<&str> = outcomes
        .iter()
        .map(|outcome| outcome["run"].as_str().unwrap())
        .collect();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!(runs.len(), 1001);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        said(&output),
        "40 of 1001 calls did not end ok; the first is that of line 11 [E-INVALID-ARGS]\n"
    );
}

/// Someone who talks with it: an answer comes before the next line is written.
#[test]
fn an_answer_comes_while_the_input_stays_open() {
    let mut child = engine(&["exec", "add.wat", "add", "--each"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for number in 0..20 {
        // In two parts, because a line is whole only with its end.
        write!(stdin, "[{number}, ").unwrap();
        stdin.flush().unwrap();
        writeln!(stdin, "1]").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        let outcome: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(outcome["value"], json!(number + 1));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// A reader that has enough ends the stream, quietly and at once, though there are more lines.
#[test]
fn a_reader_that_goes_away_ends_the_stream_quietly() {
    let mut child = engine(&["exec", "add.wat", "add", "--each"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = thread::spawn(move || {
        // For as long as anybody listens.
        let mut fed = 0_u64;
        while writeln!(stdin, "[1, 2]\nnonsense").is_ok() {
            fed += 1;
        }
        fed
    });
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    answers.read_line(&mut first).unwrap();
    assert!(first.contains("\"value\":3"), "{first}");
    drop(answers);
    let output = child.wait_with_output().unwrap();
    assert!(feeding.join().unwrap() > 0);
    assert_eq!(said(&output), "");
}

/// The same many calls over again need no more memory.
#[test]
fn memory_does_not_grow_with_the_number_of_calls() {
    let mut child = engine(&["exec", "add.wat", "add", "--each"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    let mut resident = Vec::new();
    for _ in 0..6 {
        call(&mut stdin, &mut answers, 1000);
        resident.push(resident_of(&child));
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let (after_first, after_all) = (resident[0], resident[5]);
    assert!(
        after_all <= after_first + (1 << 20),
        "5,000 calls took {} KiB more: {resident:?}",
        (after_all - after_first) >> 10
    );
}

fn call(stdin: &mut ChildStdin, answers: &mut impl std::io::BufRead, times: usize) {
    let batch = 100;
    for _ in 0..times / batch {
        stdin
            .write_all("[1, 2]\n".repeat(batch).as_bytes())
            .unwrap();
        for _ in 0..batch {
            let mut answer = String::new();
            answers.read_line(&mut answer).unwrap();
            assert!(answer.contains("\"value\":3"), "{answer}");
        }
    }
}

/// The resident memory of a process, in bytes.
fn resident_of(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.unwrap().parse::<u64>().unwrap() << 10
}

/// A thousand runs are in the events, each from its beginning to its end, and all of them in a journal that holds.
#[test]
fn events_and_journal_have_every_run() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let (events, journal) = (dir.path().join("events"), dir.path().join("journal.db"));
    let mut command = engine(&["exec", "add.wat", "add", "--each", "--events"]);
    command.arg(&events).env("ENGINE_HOME", &home);
    let output = fed(command, "[1, 2]\n".repeat(999) + "nonsense\n");
    assert_eq!(documents(&output).len(), 1000);
    let told: Vec<Value> = std::fs::read_to_string(&events)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |kind: &str| told.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(count("run_started"), 1000);
    assert_eq!(count("call_completed"), 999);
    assert_eq!(count("run_completed"), 1000);

    let mut command = engine(&["exec", "add.wat", "add", "--each", "--journal"]);
    command.arg(&journal).env("ENGINE_HOME", &home);
    let output = fed(command, "[1, 2]\n".repeat(20));
    assert!(output.status.success(), "{}", said(&output));
    let outcomes = documents(&output);
    let kept = engine(&["events", "export", "--journal"])
        .arg(&journal)
        .env("ENGINE_HOME", &home)
        .output()
        .unwrap();
    let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
    assert_eq!(outcomes.len(), 20);
    for outcome in outcomes {
        let run = outcome["run"].as_str().unwrap();
        let ended = kept
            .lines()
            .any(|line| line.contains(run) && line.contains("\"type\":\"call_completed\""));
        assert!(ended, "{run}");
    }
    let verified = engine(&["events", "verify", "--journal"])
        .arg(&journal)
        .env("ENGINE_HOME", &home)
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// When an outcome is printed, the end of its call is in the journal already.
#[test]
fn an_outcome_is_printed_after_its_end_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal.db");
    let mut child = engine(&["exec", "add.wat", "add", "--each", "--journal"])
        .arg(&journal)
        .env("ENGINE_HOME", dir.path().join("home"))
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..5 {
        writeln!(stdin, "[1, 2]").unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        let outcome: Value = serde_json::from_str(&answer).unwrap();
        let run = outcome["run"].as_str().unwrap();
        let kept = engine(&["events", "export", "--run", run, "--journal"])
            .arg(&journal)
            .output()
            .unwrap();
        let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
        assert!(kept.contains("\"type\":\"call_completed\""), "{kept}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

/// An interrupt ends the call that runs as cancelled, and no other one begins.
#[test]
fn an_interrupt_ends_the_stream() {
    let interrupt = |child: &Child| {
        let pid = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    };
    // While a call runs.
    let mut child = engine(&[
        "exec",
        "loop.wat",
        "spin",
        "--each",
        "--events",
        "-",
        "--fuel",
        "unlimited",
    ])
    .spawn()
    .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"[]\n[]\n[]\n").unwrap();
    let mut events = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("call_started") {
        line.clear();
        assert!(events.read_line(&mut line).unwrap() > 0);
    }
    interrupt(&child);
    let mut rest = String::new();
    events.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let outcomes = documents(&output);
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    assert_eq!(outcomes[0]["status"], "cancelled");
    assert_eq!(output.status.code(), Some(7), "{rest}");
    drop(stdin);

    // While it waits for a line.
    let mut child = engine(&["exec", "add.wat", "add", "--each"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap());
    writeln!(stdin, "[1, 2]").unwrap();
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(answers.read_line(&mut answer).unwrap(), 0, "{answer}");
}

/// Each call has its own limits, and one that reaches them takes nothing from the next.
#[test]
fn limits_are_those_of_each_call() {
    let command = engine(&[
        "exec",
        "loop.wat",
        "spin",
        "--each",
        "--fuel",
        "1000000",
        "--timeout",
        "10s",
    ]);
    let output = fed(command, "[]\n[]\nnonsense\n[]\n".to_owned());
    let statuses: Vec<Value> = documents(&output)
        .into_iter()
        .map(|outcome| outcome["status"].clone())
        .collect();
    assert_eq!(statuses, ["limit", "limit", "invalid", "limit"]);
    assert_eq!(output.status.code(), Some(4));
}

/// A line over 64 MiB is refused in its place, and is not kept in memory.
#[test]
fn a_line_that_is_too_long_is_refused_in_its_place() {
    let mut child = engine(&["exec", "add.wat", "add", "--each"])
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = thread::spawn(move || {
        stdin.write_all(b"[1, 2]\n[\"").unwrap();
        for _ in 0..300 {
            stdin.write_all(&[b'x'; 1 << 20]).unwrap();
        }
        stdin.write_all(b"\"]\n[3, 4]\n").unwrap();
        // Nothing more is read than came before.
        stdin
    });
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["value"], 3);
    let long = next();
    assert_eq!(long["status"], "invalid", "{long}");
    let message = long["error"]["message"].as_str().unwrap();
    assert_eq!(
        message,
        "the arguments in line 2 of standard input are over 64MiB"
    );
    assert_eq!(next()["value"], 7);
    let peak = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = peak
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let peak: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    // The bound, twice while the buffer grew.
    assert!(peak < 250 << 10, "{peak} KiB");
    drop(feeding.join().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// An answer that cannot be written is not lost in silence.
#[test]
fn a_full_standard_output_is_an_error() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = engine(&["exec", "add.wat", "add", "--each"]);
    command.stdout(full);
    let output = fed(command, "[1, 2]\n".repeat(100));
    assert_eq!(output.status.code(), Some(70));
    assert!(said(&output).contains("writing standard output failed"));
}

/// What a guest keeps in its memory is gone with its instance.
#[test]
fn every_call_has_a_fresh_instance() {
    let mut file = tempfile::Builder::new().suffix(".wasm").tempfile().unwrap();
    file.write_all(guest("text").as_bytes()).unwrap();
    let path = file.into_temp_path();
    let command = engine(&["exec", path.to_str().unwrap(), "count-words", "--each"]);
    let output = fed(command, "{\"text\": \"a b a\"}\n".repeat(50));
    let outcomes = documents(&output);
    assert_eq!(outcomes.len(), 50);
    let first = &outcomes[0];
    for outcome in &outcomes {
        assert_eq!(outcome["value"], first["value"]);
        // An instance that goes on from the one before would need less, or more.
        assert_eq!(outcome["usage"]["fuel"], first["usage"]["fuel"]);
        assert_eq!(
            outcome["usage"]["memory_peak_bytes"],
            first["usage"]["memory_peak_bytes"]
        );
    }
}
