//! Drivers that are killed at every point, and workflows that go on all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::component::Source;
use crate::event::{Event, EventKind, Scope, Sink, Source as Speaker};
use crate::guard::{Grants, Policies};
use crate::journal::{Filter, Journal, JournalOptions, JournalReader};
use crate::session::{Config, Engine};
use crate::types::{Principal, Rights, RosterEntry, RunId, Status, WorkflowId};
use crate::workflow::{About, Act, Plan, Start, State, StepStatus, Workflows};

/// The test guests, as `cargo xtask test` or the suites have built them.
fn guests() -> PathBuf {
    let built =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests/wasm32-wasip2/release");
    let guests = std::env::var_os("ENGINE_TEST_GUESTS").map_or(built, PathBuf::from);
    assert!(
        guests.join("steps.wasm").exists(),
        "there are no guests in {}: run `cargo xtask test`",
        guests.display()
    );
    guests
}

/// Two chains of actions that must not be done twice, one that may be, and values that pass between them.
fn plan(fails: bool) -> Plan {
    let append = |id: &str, after: &[&str]| {
        json!({
            "id": id, "capability": "steps", "function": "append",
            "args": {"path": "work/log", "line": id}, "depends_on": after,
            "undo": {"function": "append", "args": {"path": "work/log", "line": format!("undo {id}")}},
        })
    };
    let put = |id: &str, after: &[&str]| {
        json!({
            "id": id, "capability": "steps", "function": "put",
            "args": {"path": format!("work/{id}"), "text": "${steps.word.output}"}, "depends_on": after,
        })
    };
    let mut steps = vec![
        json!({"id": "word", "capability": "steps", "function": "echo", "args": {"text": "word"}}),
        append("a1", &[]),
        append("a2", &["a1"]),
        append("a3", &["a2", "p1"]),
        append("a4", &["a3"]),
        append("b1", &["word"]),
        append("b2", &["b1"]),
        append("b3", &["b2", "p2"]),
        put("p1", &[]),
        put("p2", &["p1"]),
        json!({"id": "nap", "capability": "steps", "function": "nap", "args": {"ms": 5}, "depends_on": ["p2"]}),
        put("p3", &["nap"]),
    ];
    if fails {
        steps.push(json!({
            "id": "end", "capability": "steps", "function": "flaky",
            "args": {"path": "work/f", "failures": 1000}, "depends_on": ["a4", "b3", "p3"],
        }));
    }
    let spec = json!({"version": 1, "goal": "survive", "steps": steps});
    Plan::new(serde_json::from_value(spec).unwrap(), BTreeMap::new()).unwrap()
}

/// Says on standard output what was acknowledged.
struct Said;

impl Sink for Said {
    #[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
    fn emit(&self, event: &Arc<Event>) {
        if let (EventKind::StepCompleted(end), Some(Scope::Step(step))) =
            (&event.kind, event.scope.last())
        {
            println!("ended {step} {}", end.status);
        }
    }
}

async fn workflows(dir: &Path, sink: bool) -> (Workflows, Journal) {
    let work = dir.join("work");
    let kept = dir.join("kept");
    for dir in [&work, &kept] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let journal = JournalOptions::new().open(kept.join("journal.db")).unwrap();
    let grants = Grants::builder()
        .dir(&work, "work", Rights::ReadWrite)
        .build()
        .unwrap();
    let config = Config::new().policies(Policies::default()).grants(grants);
    let mut engine = Engine::builder().config(config).sink(journal.clone());
    if sink {
        engine = engine.sink(Said);
    }
    let engine = engine.build().unwrap();
    let steps = engine
        .load(Source::file(guests().join("steps.wasm")).unwrap())
        .await
        .unwrap();
    let workflows = Workflows::new(engine, Arc::new(journal.clone())).component(steps);
    (workflows, journal)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// The other side of these tests: begins the workflow, or goes on with it, until it is killed or the workflow has
/// ended.
#[test]
#[ignore = "a part of other tests, which run it in a process of its own"]
#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
fn drives_until_it_is_killed() {
    let Some(dir) = std::env::var_os("ENGINE_TEST_DIR").map(PathBuf::from) else {
        return;
    };
    let fails = std::env::var_os("ENGINE_TEST_FAILS").is_some();
    // A driver that waits for ever is a fault of its own, and must not keep the tests.
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_secs(60));
        std::process::abort();
    });
    runtime().block_on(async {
        let (workflows, _journal) = workflows(&dir, true).await;
        println!("ready");
        let known = workflows.list(1).unwrap().pop();
        let driven = match known {
            None => {
                let checked = workflows.check(&plan(fails)).await;
                assert!(checked.is_accepted(), "{:?}", checked.problems);
                workflows.run(checked, Start::default()).await
            }
            // It was killed after its end, and before it could say so.
            Some(RosterEntry { workflow, .. })
                if workflows.state(workflow).unwrap().has_ended() =>
            {
                workflows.summary(workflow)
            }
            Some(RosterEntry { workflow, .. }) => {
                let answering = tokio::spawn(answer(workflows.clone(), workflow, dir.clone()));
                let driven = workflows.resume(workflow, false).await;
                answering.abort();
                driven
            }
        };
        println!("over {:?}", driven.unwrap().state);
    });
}

/// A person who looks at the file, and says the truth about what happened.
async fn answer(workflows: Workflows, workflow: WorkflowId, dir: PathBuf) {
    loop {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let state = workflows.state(workflow).unwrap();
        for question in state.questions() {
            let About::Uncertain { step } = question.about else {
                continue;
            };
            let id = state.steps()[step].id();
            let act = if lines(&dir).iter().any(|line| line == id) {
                Act::MarkDone {
                    value: json!(id.len()),
                }
            } else {
                Act::Retry {}
            };
            let by = Principal::new("witness");
            // Another question may have ended the workflow meanwhile.
            workflows
                .act(workflow, by, Some(question.token.clone()), act)
                .await
                .ok();
        }
    }
}

fn lines(dir: &Path) -> Vec<String> {
    std::fs::read_to_string(dir.join("work/log"))
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn driver(dir: &Path, fails: bool, crash: Option<(&str, u32)>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "workflow::tests::crashes::drives_until_it_is_killed",
        ])
        .args(["--ignored", "--nocapture"])
        .env("ENGINE_TEST_DIR", dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if fails {
        command.env("ENGINE_TEST_FAILS", "1");
    }
    if let Some((point, after)) = crash {
        command
            .env("ENGINE_TEST_CRASH_AT", point)
            .env("ENGINE_TEST_CRASH_AFTER", after.to_string());
    }
    command.spawn().unwrap()
}

/// What became of a driver.
struct Ended {
    killed: bool,
    /// Steps whose end was acknowledged.
    acknowledged: Vec<String>,
}

/// Ends a driver a while after it was ready, or waits for its own end.
fn end(mut child: Child, after: Option<Duration>) -> Ended {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut note = |line: &str| {
        if let ["ended", step, "ok"] = line.split(' ').collect::<Vec<_>>()[..] {
            acknowledged.push(step.to_owned());
        }
    };
    if let Some(after) = after {
        for line in lines.by_ref() {
            let line = line.unwrap_or_default();
            note(&line);
            if line.contains("ready") {
                break;
            }
        }
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    for line in lines {
        note(&line.unwrap_or_default());
    }
    let status = child.wait().unwrap();
    assert!(
        status.signal() == Some(9) || status.success(),
        "the driver failed: {status}"
    );
    Ended {
        killed: status.signal() == Some(9),
        acknowledged,
    }
}

/// What is known of the workflow after a driver is gone; nothing if it had not begun.
fn known(dir: &Path) -> Option<(State, BTreeSet<(String, RunId)>)> {
    let path = dir.join("kept/journal.db");
    if !path.exists() {
        return None;
    }
    runtime().block_on(async {
        let (workflows, journal) = workflows(dir, false).await;
        let entry = workflows.list(1).unwrap().pop()?;
        let state = workflows.state(entry.workflow).unwrap();
        journal.close().unwrap();
        // Calls that had begun and have not ended, as the journal of events has it; one that was cancelled may have
        // had its effect.
        let reader = JournalReader::open(&path).unwrap();
        let mut open: BTreeMap<RunId, String> = BTreeMap::new();
        let mut each = |event: Event| {
            let Speaker::Run { run_id } = event.source else {
                return;
            };
            let step = event.scope.iter().find_map(|scope| match scope {
                Scope::Step(step) => Some(step.clone()),
                Scope::Workflow(_) | Scope::Run(_) | Scope::Call(_) => None,
            });
            match (event.kind, step) {
                (EventKind::CallStarted { .. }, Some(step)) => {
                    open.insert(run_id, step);
                }
                (EventKind::CallCompleted { status, .. }, _) if status != Status::Cancelled => {
                    open.remove(&run_id);
                }
                _ => {}
            }
        };
        reader
            .each(Filter::default(), |stored| {
                each(stored.event().unwrap());
                Ok(())
            })
            .unwrap();
        Some((
            state,
            open.into_iter().map(|(run, step)| (step, run)).collect(),
        ))
    })
}

/// Checks what has to hold after every kill.
fn holds(dir: &Path, acknowledged: &BTreeSet<String>) {
    let lines = lines(dir);
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(
        distinct.len(),
        lines.len(),
        "something was done twice: {lines:?}"
    );
    let Some((state, _)) = known(dir) else {
        assert!(acknowledged.is_empty());
        assert!(lines.is_empty(), "{lines:?}");
        return;
    };
    for step in acknowledged {
        let found = state.steps().iter().find(|found| found.id() == step);
        assert_eq!(
            found.map(|found| found.status),
            Some(StepStatus::Completed),
            "{step} was acknowledged"
        );
    }
}

/// Takes the workflow up in this process, and checks that it is uncertain about exactly what was in flight.
fn uncertain_about_what_was_in_flight(dir: &Path) -> usize {
    let Some((before, in_flight)) = known(dir) else {
        return 0;
    };
    if before.has_ended() {
        return 0;
    }
    runtime().block_on(async {
        let (workflows, journal) = workflows(dir, false).await;
        let driving = crate::workflow::resume::taken_up(&workflows, before.id(), false)
            .await
            .unwrap();
        drop(driving);
        let state = workflows.state(before.id()).unwrap();
        let uncertain: BTreeSet<String> = state
            .steps()
            .iter()
            .filter(|step| step.status == StepStatus::Uncertain)
            .map(|step| step.id().to_owned())
            .collect();
        let wanted: BTreeSet<String> = state
            .steps()
            .iter()
            .zip(before.steps())
            .filter(|(step, before)| {
                !step.known.repeatable
                    && (before.status == StepStatus::Running
                        || before.status == StepStatus::Uncertain)
                    && (before.status == StepStatus::Uncertain
                        || in_flight
                            .iter()
                            .any(|(id, run)| id == step.id() && !before.runs.contains(run)))
            })
            .map(|(step, _)| step.id().to_owned())
            .collect();
        if !state.is_ending() {
            assert_eq!(uncertain, wanted);
        }
        journal.close().unwrap();
        uncertain.len()
    })
}

/// Drives a workflow whose drivers are killed again and again; returns how many were.
fn survives(fails: bool, mut kill: impl FnMut(u32) -> Option<Crash>) -> (u32, usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    let (mut kills, mut doubts) = (0, 0);
    for round in 0.. {
        let crash = kill(round);
        let (point, after) = match &crash {
            Some(Crash::At(point, after)) => (Some((*point, *after)), None),
            Some(Crash::After(after)) => (None, Some(*after)),
            None => (None, None),
        };
        let ended = end(driver(dir.path(), fails, point), after);
        acknowledged.extend(ended.acknowledged);
        kills += u32::from(ended.killed);
        holds(dir.path(), &acknowledged);
        if !ended.killed {
            break;
        }
        doubts += uncertain_about_what_was_in_flight(dir.path());
        assert!(round < 1_000, "it never ends");
    }
    let (state, _) = known(dir.path()).unwrap();
    assert!(state.has_ended());
    let mut lines = lines(dir.path());
    lines.sort();
    let done = ["a1", "a2", "a3", "a4", "b1", "b2", "b3"].map(str::to_owned);
    if fails {
        // Each was done once, and taken back at most once. What is said to be taken back is; of the others only such
        // can be missing that were in flight when a driver was killed, or dropped after it: those are not repeated.
        let mut doubtful = 0;
        for id in &done {
            assert!(lines.contains(id), "{lines:?}");
            let step = state.steps().iter().find(|step| step.id() == id).unwrap();
            let undone = step
                .undone
                .unwrap_or_else(|| panic!("{id} was left as it is: {lines:?}"));
            if undone == Status::Ok {
                assert!(lines.contains(&format!("undo {id}")), "{id}: {lines:?}");
            } else {
                doubtful += 1;
            }
        }
        assert!(
            doubtful <= 2 * kills,
            "{doubtful} of {kills} kills: {lines:?}"
        );
    } else {
        assert_eq!(state.phase(), crate::event::WorkflowState::Completed);
        assert_eq!(lines, done);
        for file in ["p1", "p2", "p3"] {
            let written = std::fs::read_to_string(dir.path().join("work").join(file)).unwrap();
            assert_eq!(written, "word");
        }
    }
    (kills, doubts)
}

enum Crash {
    At(&'static str, u32),
    After(Duration),
}

/// At each named point, at its first passing and later ones, of the workflow and of the journal below it.
#[test]
fn every_action_is_done_once_at_any_named_point() {
    for (point, times, fails) in [
        ("before-input", &[0, 1, 2, 9][..], false),
        ("after-input", &[0, 1, 2, 9], false),
        ("before-call", &[0, 3, 8], false),
        ("after-call", &[0, 3, 8], false),
        ("before-commit", &[4, 11, 18], false),
        ("after-commit", &[4, 11, 18], false),
        ("before-undo", &[0, 2], true),
        ("after-input", &[16, 18], true),
    ] {
        for after in times {
            let (kills, _) = survives(fails, |round| {
                (round == 0).then_some(Crash::At(point, *after))
            });
            assert_eq!(kills, 1, "{point} was not reached for the time {after}");
        }
    }
}

/// At random times; `ENGINE_TEST_KILLS` sets how often, and `ENGINE_TEST_SEED` when.
#[test]
#[expect(clippy::print_stdout, reason = "long runs show how far they are")]
fn every_action_is_done_once_at_any_time() {
    let wanted = std::env::var("ENGINE_TEST_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let seed = std::env::var("ENGINE_TEST_SEED")
        .map_or(u64::from(std::process::id()), |seed| seed.parse().unwrap());
    println!("ENGINE_TEST_SEED={seed}");
    let mut random = seed;
    let mut below = move |most: u64| {
        // SplitMix64.
        random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most
    };
    let (mut kills, mut doubts, mut workflows) = (0, 0, 0);
    while kills < wanted {
        let fails = workflows % 4 == 3;
        let (more, uncertain) = survives(fails, |round| {
            (round < 4).then(|| Crash::After(Duration::from_micros(below(90_000))))
        });
        kills += more;
        doubts += uncertain;
        workflows += 1;
        println!("{kills} kills of {workflows} workflows, {doubts} uncertain steps");
    }
}

/// The state is the same whoever makes it from the inputs, and no input is lost on the way through JSON.
#[test]
fn replaying_gives_the_state_back() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        let (workflows, journal) = workflows(dir.path(), false).await;
        let checked = workflows.check(&plan(true)).await;
        let summary = workflows.run(checked, Start::default()).await.unwrap();
        let once = workflows.state(summary.workflow).unwrap();
        let twice = workflows.state(summary.workflow).unwrap();
        assert_eq!(once, twice);
        assert_eq!(once.usage(), summary.usage);
        let value: Value = serde_json::from_str(&summary.to_json()).unwrap();
        assert_eq!(value["state"], "failed");
        journal.close().unwrap();
    });
}
