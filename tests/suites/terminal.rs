//! Somebody who is there: what they are asked, what counts as an answer, and who else can give it.
#![expect(
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::Engine;
use engine::data::{ApprovalAnswer, ApprovalRequest, Approver, Bundle, Policies};
use engine_tests::AtTerminal;
use serde_json::Value;

use super::answering::{awaited, id, place, waiting};
use super::approvals::{Office, code, says, store, token};
use super::registry::Place;

type Told = dyn Fn(&ApprovalRequest) -> Option<ApprovalAnswer> + Send + Sync;

/// Somebody who does what a test says.
struct There(Box<Told>);

impl Approver for There {
    fn ask(&self, request: &ApprovalRequest) -> Option<ApprovalAnswer> {
        (self.0)(request)
    }
}

/// The engine of an office with somebody who is there.
fn with(
    office: &Office,
    desk: bool,
    told: impl Fn(&ApprovalRequest) -> Option<ApprovalAnswer> + Send + Sync + 'static,
) -> Engine {
    let policies = Policies::builder().bundle(Bundle::Paranoid);
    let grants = engine::Grants::builder()
        .dir(
            office.dir.path().join("out"),
            "out",
            engine::Rights::ReadWrite,
        )
        .build()
        .unwrap();
    let config = engine::Config::new()
        .policies(policies.build().unwrap())
        .grants(grants);
    let builder = Engine::builder()
        .config(config)
        .clock(office.hands.clone())
        .shared_sink(office.events.clone())
        .approver(There(Box::new(told)));
    let builder = if desk {
        builder.approvals(office.desk.clone())
    } else {
        builder
    };
    builder.build().unwrap()
}

/// While somebody is asked, everybody sees the question at the desk, and can answer it; the first answer counts.
#[tokio::test]
async fn a_question_that_is_open_can_be_answered_at_the_desk() {
    for (elsewhere, here, expected) in [
        (Some(true), None, "ok"),
        (Some(false), None, "E-APPROVAL-DENIED"),
        (Some(false), Some(true), "E-APPROVAL-DENIED"),
        (Some(true), Some(false), "ok"),
        (None, Some(true), "ok"),
        (None, Some(false), "E-APPROVAL-DENIED"),
    ] {
        let office = Office::open().await;
        let (desk, hands) = (office.desk.clone(), office.hands.clone());
        let engine = with(&office, true, move |request| {
            let waiting = desk.waiting(&*hands).unwrap();
            assert_eq!(waiting.len(), 1);
            assert_eq!(waiting[0], *request);
            if let Some(approved) = elsewhere {
                let answer = says(approved, "ann");
                desk.answer(&request.id, &answer, &*hands).unwrap();
            }
            here.map(|approved| says(approved, "bob"))
        });
        let outcome = engine.run(&office.component, store("out/a.txt")).await;
        assert_eq!(code(&outcome), expected, "{elsewhere:?} {here:?}");
        assert!(office.desk.waiting(&*office.hands).unwrap().is_empty());
        let who = if elsewhere.is_some() { "ann" } else { "bob" };
        let told = outcome.fault().map_or_else(
            || outcome.verdict().unwrap().reason.clone(),
            ToString::to_string,
        );
        assert!(told.contains(&format!("`{who}`")), "{told}");
    }
}

/// Whoever says nothing leaves the question to others.
#[tokio::test]
async fn no_answer_is_no_denial() {
    let office = Office::open().await;
    let engine = with(&office, true, |_| None);
    let token = token(&engine.run(&office.component, store("out/a.txt")).await);
    assert_eq!(office.desk.waiting(&*office.hands).unwrap().len(), 1);
    office.answer(&token, true);
    let again = store("out/a.txt").approval(token);
    assert_eq!(code(&engine.run(&office.component, again).await), "ok");
}

/// Whoever goes on with a call that waits is asked the question that waits, and no second one.
#[tokio::test]
async fn a_question_that_waits_is_put_again_to_somebody_who_is_there() {
    let office = Office::open().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = seen.clone();
    let engine = with(&office, true, move |request| {
        let mut asked = asked.lock().unwrap();
        asked.push(request.id.clone());
        (asked.len() == 2).then(|| says(true, "ann"))
    });
    let goes_on = || store("out/a.txt").redeem_answered();
    let first = engine.run(&office.component, goes_on()).await;
    assert_eq!(code(&first), "E-DENIED-APPROVAL");
    assert_eq!(code(&engine.run(&office.component, goes_on()).await), "ok");
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], seen[1]);
}

/// F11: a clock that is set back while somebody reads prolongs nothing, with a desk or without.
#[tokio::test]
async fn an_answer_that_comes_too_late_counts_for_nothing() {
    for desk in [true, false] {
        for back in [true, false] {
            let office = Office::open().await;
            let hands = office.hands.clone();
            let engine = with(&office, desk, move |_| {
                hands.pass(15 * 60);
                if back {
                    hands.seconds.fetch_sub(14 * 60, Ordering::Relaxed);
                }
                Some(says(true, "ann"))
            });
            let outcome = engine.run(&office.component, store("out/a.txt")).await;
            assert_eq!(code(&outcome), "E-APPROVAL-EXPIRED", "{desk} {back}");
        }
    }
}

const PROMPT: &str = "[y/n]";

fn at_terminal(place: &Place, args: &[&str]) -> AtTerminal {
    AtTerminal::start(env!("CARGO_BIN_EXE_at-terminal"), place.path(), args)
}

const STORE: [&str; 8] = [
    "exec",
    "tool.wasm",
    "store",
    "[\"out/a\"]",
    "--dir",
    "out:rw",
    "--policy",
    "paranoid",
];

fn state(place: &Place, id: &str) -> Value {
    let told = place.works(&["approvals", "show", id, "--output", "json"]);
    serde_json::from_str::<Value>(&told).unwrap()["answer"].clone()
}

/// `y` and `n` are answers; what was typed before the question was read is none.
#[test]
fn a_terminal_takes_a_word_for_an_answer() {
    for (word, exit, shown) in [
        ("y\n", 0, "5"),
        ("yes\n", 0, "5"),
        ("n\n", 3, "E-APPROVAL-DENIED"),
        ("what\ny\n", 3, "E-APPROVAL-DENIED"),
    ] {
        let place = place();
        let mut terminal = at_terminal(&place, &STORE);
        terminal.types("y\ny\n");
        terminal.until(PROMPT, 1);
        std::thread::sleep(Duration::from_millis(100));
        let question = id(&awaited(&place));
        terminal.types(word);
        // What is pasted behind a word that is no answer is none either.
        if word.starts_with("what") {
            terminal.until(PROMPT, 2);
            terminal.types("no\n");
        }
        let (status, told) = terminal.ends();
        assert_eq!(status.code(), Some(exit), "{word}: {told}");
        assert!(told.contains(shown), "{word}: {told}");
        assert_eq!(state(&place, &question)["approved"], exit == 0);
    }
}

/// Three times something else, or the end of the input, is no answer: the question waits for somebody else.
#[test]
fn what_is_no_answer_leaves_the_question() {
    for words in [&["a\n", "\n", "yy\n"][..], &["\u{4}"]] {
        let place = place();
        let mut terminal = at_terminal(&place, &STORE);
        for (at, word) in words.iter().enumerate() {
            terminal.until(PROMPT, at + 1);
            std::thread::sleep(Duration::from_millis(100));
            terminal.types(word);
        }
        let (status, told) = terminal.ends();
        assert_eq!(status.code(), Some(3), "{told}");
        assert!(told.contains("E-DENIED-APPROVAL"), "{told}");
        assert!(told.contains("--approval"), "{told}");
        assert_eq!(waiting(&place).len(), 1);
    }
}

/// An interrupt ends the program at once, and is no denial.
#[test]
fn an_interrupt_at_the_question_is_no_denial() {
    let place = place();
    place.write(
        "plan.toml",
        "version = 1\ngoal = \"store\"\n[[steps]]\nid = \"one\"\ncapability = \"tool\"\n\
         function = \"compute\"\nargs = { path = \"x\" }\napproval = \"\"\n",
    );
    for args in [
        &STORE[..],
        &["run", "plan.toml", "--component", "tool.wasm"],
    ] {
        let before = waiting(&place).len();
        let mut terminal = at_terminal(&place, args);
        terminal.until(PROMPT, 1);
        assert_eq!(waiting(&place).len(), before + 1, "others see it, too");
        let begun = Instant::now();
        terminal.types("\u{3}");
        let (status, told) = terminal.ends();
        assert_eq!(status.code(), Some(7), "{told}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{told}");
        assert!(!told.contains("denied it"), "{told}");
        // The call may still be answered; the workflow has ended, and nobody has to answer for it.
        let waits = usize::from(args[0] == "exec");
        assert_eq!(waiting(&place).len(), before + waits, "nobody denied it");
    }
}

/// An answer from another shell ends the question at the terminal.
#[test]
fn an_answer_from_elsewhere_ends_the_question_at_the_terminal() {
    for (answer, exit) in [("approve", 0), ("deny", 3)] {
        let place = place();
        let terminal = at_terminal(&place, &STORE);
        terminal.until(PROMPT, 1);
        let question = id(&awaited(&place));
        place.works(&["approvals", answer, &question, "--as", "ann"]);
        let (status, told) = terminal.ends();
        assert_eq!(status.code(), Some(exit), "{told}");
        assert!(told.contains("answered elsewhere"), "{told}");
    }
}
