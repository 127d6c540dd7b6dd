use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::*;
use crate::event::{Audit, Emitter, EventKind, Room, Sink, Stream};
use crate::session::SystemClock;
use crate::types::{Bounded, Bytes, Digest, RunId, Status, Timestamp, Usage};

fn emitter(sink: &Journal) -> Emitter {
    let sink: Arc<dyn Sink> = Arc::new(sink.clone());
    Emitter::new(RunId::fresh(), Arc::new(SystemClock::new()), [sink].into())
}

fn started(arguments: &str) -> EventKind {
    EventKind::CallStarted {
        function: "f".to_owned(),
        arguments: Bounded::new(arguments, 1000),
        absent: Vec::new(),
    }
}

fn output(text: &str) -> EventKind {
    EventKind::Output {
        stream: Stream::Stdout.into(),
        text: text.to_owned(),
        base64: None,
        bytes: text.len() as u64,
        digest: None,
    }
}

fn completed() -> EventKind {
    EventKind::CallCompleted {
        status: Status::Ok,
        usage: Usage::default(),
        exit_code: None,
        value: Bounded::new("3", 10),
        denials: 0,
        error: None,
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// A closed journal of that many runs, each of a call that starts and ends.
fn filled(path: &Path, runs: usize) -> PublicKey {
    let journal = JournalOptions::new().open(path).unwrap();
    for run in 0..runs {
        let emitter = emitter(&journal);
        emitter.emit(|| started(&format!("[{run}]")));
        emitter.emit(completed);
    }
    journal.close().unwrap();
    journal.public_key()
}

/// Whoever waits for what came after the end learns that it is nowhere, and begins nothing.
#[test]
fn nothing_is_durable_after_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let journal = JournalOptions::new()
        .open(dir.path().join("journal.db"))
        .unwrap();
    let (before, after) = (emitter(&journal), emitter(&journal));
    before.emit(|| started("[1]"));
    journal.close().unwrap();
    wait(before.commit()).unwrap();
    after.emit(|| started("[2]"));
    let fault = wait(after.commit()).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-JOURNAL-WRITE");
    assert_eq!(bodies(&dir.path().join("journal.db")).len(), 1);
}

fn bodies(path: &Path) -> Vec<String> {
    let mut bodies = Vec::new();
    JournalReader::open(path)
        .unwrap()
        .each(Filter::default(), |stored| {
            bodies.push(stored.json);
            Ok(())
        })
        .unwrap();
    bodies
}

/// Changes a journal behind the engine's back, and puts its triggers back as they were.
fn meddle(path: &Path, statements: &str) {
    let connection = Connection::open(path).unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    connection
        .execute_batch(&format!(
            "DROP TRIGGER event_stays; DROP TRIGGER event_is_kept; {statements}; {}",
            triggers.join(";")
        ))
        .unwrap();
}

fn keyed(key: PublicKey) -> Expected {
    Expected {
        key: Some(key),
        ..Expected::default()
    }
}

fn headed(head: Digest) -> Expected {
    Expected {
        head: Some(head),
        ..Expected::default()
    }
}

fn reason(path: &Path, key: Option<PublicKey>) -> String {
    let expected = Expected {
        key,
        ..Expected::default()
    };
    let fault = verify(path, expected).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-JOURNAL-TAMPERED", "{fault}");
    fault.to_string()
}

#[test]
fn what_was_acknowledged_is_there_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let journal = JournalOptions::new().open(&path).unwrap();
    let emitter = emitter(&journal);
    emitter.emit(|| started("[1]"));
    wait(emitter.commit()).unwrap();
    // Readable while it is open, by another connection.
    assert_eq!(bodies(&path).len(), 1);
    emitter.emit(completed);
    wait(emitter.commit()).unwrap();
    journal.close().unwrap();
    let verified = verify(&path, keyed(journal.public_key())).unwrap();
    assert_eq!(
        (
            verified.events,
            verified.position,
            verified.signed,
            verified.anchor
        ),
        (2, 2, 2, 0)
    );
    assert_eq!(verified.keys, [journal.public_key()]);
    let again = verify(&path, headed(verified.head)).unwrap();
    assert_eq!(again.head, verified.head);
}

/// Somebody who reads does not hold up the end of a run.
#[test]
fn a_reader_delays_no_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    filled(&path, 2);
    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT count(*) FROM event;")
        .unwrap();
    let journal = JournalOptions::new().open(&path).unwrap();
    emitter(&journal).emit(completed);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(journal.close()));
    receiver
        .recv_timeout(Duration::from_secs(5))
        .unwrap()
        .unwrap();
    drop(reader);
}

/// Whoever lost an event learns it, also when there is room again by then; nobody else does.
#[test]
fn a_lost_intent_is_never_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    filled(&path, 1);
    let blocker = Connection::open(&path).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let room = Room {
        reserved: 1,
        ..Room::default()
    };
    let journal = JournalOptions::new().room(room).open(&path).unwrap();
    let (first, second) = (emitter(&journal), emitter(&journal));
    first.emit(completed);
    // With the writer, which waits.
    while journal.load().waiting > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    first.emit(completed);
    second.emit(|| started("[1]"));
    blocker.execute_batch("COMMIT").unwrap();
    wait(first.commit()).unwrap();
    while journal.load().lost == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let fault = wait(second.commit()).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-JOURNAL-WRITE", "{fault}");
    second.emit(completed);
    wait(second.commit()).unwrap();
    journal.close().unwrap();
    assert!(!bodies(&path).iter().any(|body| body.contains("[1]")));
}

/// Events that somebody numbers twice do not stop all that come after them.
#[test]
fn a_number_that_is_taken_is_left_out_and_marked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let journal = JournalOptions::new().open(&path).unwrap();
    let (run, clock) = (RunId::fresh(), || Arc::new(SystemClock::new()));
    let sinks = || -> Arc<[Arc<dyn Sink>]> {
        let sink: Arc<dyn Sink> = Arc::new(journal.clone());
        [sink].into()
    };
    for _ in 0..2 {
        let emitter = Emitter::new(run, clock(), sinks());
        emitter.emit(completed);
        // The first try of the second one fails; the next leaves it out.
        while wait(emitter.commit()).is_err() {}
    }
    journal.close().unwrap();
    let kinds: Vec<bool> = bodies(&path)
        .iter()
        .map(|body| body.contains("stream_truncated"))
        .collect();
    assert_eq!(kinds, [false, true]);
}

/// Room that ran out comes back, and a mark says what is missing.
#[test]
fn a_journal_recovers_from_an_overflow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let blocker = {
        filled(&path, 1);
        Connection::open(&path).unwrap()
    };
    let room = Room {
        reserved: 10,
        ..Room::default()
    };
    let journal = JournalOptions::new().room(room).open(&path).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let emitter = emitter(&journal);
    // One batch is with the writer, ten events wait, and the rest has no room.
    for _ in 0..50 {
        emitter.emit(completed);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(wait(emitter.commit()).is_err(), "the room is full");
    blocker.execute_batch("COMMIT").unwrap();
    let mut tries = 0;
    while wait(emitter.commit()).is_err() {
        tries += 1;
        assert!(tries < 100, "it never recovered");
        std::thread::sleep(Duration::from_millis(50));
    }
    journal.close().unwrap();
    let marks = bodies(&path)
        .iter()
        .filter(|body| body.contains("stream_truncated"))
        .count();
    assert!(marks > 0);
    verify(&path, Expected::default()).unwrap();
}

struct Random(u64);

impl Random {
    /// Numbers from a linear congruential generator (Knuth, MMIX).
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn retention_keeps_the_chain_and_signs_where_it_begins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let key = filled(&path, 50);
    let newest = verify(&path, Expected::default()).unwrap();
    let keep = Keep {
        bytes: Some(Bytes::new(5_000)),
        ..Keep::default()
    };
    let retained = keep.apply(&path).unwrap();
    assert!(
        retained.removed > 50 && retained.removed == retained.anchor,
        "{retained:?}"
    );
    let verified = verify(
        &path,
        Expected {
            key: Some(key),
            ..headed(newest.head)
        },
    )
    .unwrap();
    assert_eq!(verified.anchor, retained.anchor);
    assert_eq!(verified.events + retained.removed, 100);

    // Everything may go; the chain goes on where it was.
    let keep = Keep {
        since: Some(Timestamp::MAX),
        ..Keep::default()
    };
    let all = keep.apply(&path).unwrap();
    assert_eq!(all.anchor, 100);
    assert_eq!(keep.apply(&path).unwrap().removed, 0);
    filled(&path, 1);
    let verified = verify(&path, keyed(key)).unwrap();
    assert_eq!(
        (verified.anchor, verified.position, verified.events),
        (100, 102, 2)
    );

    // The anchor is as hard to change as a row.
    meddle(
        &path,
        "UPDATE checkpoint SET hash = zeroblob(32) WHERE kind = 'anchor'",
    );
    assert!(reason(&path, None).contains("row 100"));
}

#[test]
fn other_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let said = |path: &Path| {
        let fault = JournalOptions::new().open(path).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-JOURNAL");
        assert!(verify(path, Expected::default()).is_err());
        fault.to_string()
    };
    let text = dir.path().join("text");
    std::fs::write(&text, "not a database, but long enough to be looked at").unwrap();
    assert!(said(&text).contains("it is not a journal"));
    assert!(
        std::fs::read_to_string(&text)
            .unwrap()
            .starts_with("not a database")
    );

    let other = dir.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(said(&other).contains("a database of something else"));

    let newer = dir.path().join("newer.db");
    filled(&newer, 1);
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    assert!(said(&newer).contains("its version is 99, and this engine knows versions up to 4"));

    assert!(said(&dir.path().join("no/such/dir/journal.db")).contains("it cannot be opened"));
    assert!(said(dir.path()).contains("cannot"));
}

/// However soon a journal is closed after its last event, the event is in it.
#[test]
fn closing_at_once_loses_nothing() {
    for _ in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        filled(&path, 1);
        assert_eq!(bodies(&path).len(), 2);
    }
}

/// A journal of version 1 becomes one of this version, with every event.
#[test]
fn an_older_journal_is_brought_forward() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let dump = include_str!("../../../tests/goldens/journal-v1.sql");
    Connection::open(&path)
        .unwrap()
        .execute_batch(dump)
        .unwrap();
    let before = bodies(&path);
    assert_eq!(before.len(), 6);
    filled(&path, 1);
    let after = bodies(&path);
    assert_eq!((after.len(), &after[..6]), (8, &before[..]));
    assert_eq!(verify(&path, Expected::default()).unwrap().events, 8);
}

/// A journal of version 2 keeps its questions: those that wait can still be answered, and read without a change.
#[test]
fn questions_of_version_2_are_kept() {
    use crate::types::Approvals as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let dump = include_str!("../../../tests/goldens/journal-v2.sql");
    Connection::open(&path)
        .unwrap()
        .execute_batch(dump)
        .unwrap();
    assert_eq!(verify(&path, Expected::default()).unwrap().events, 10);
    let journal = JournalOptions::new().open(&path).unwrap();
    let now: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    let waiting = journal.waiting(now).unwrap();
    let [(token, request)] = waiting.as_slice() else {
        panic!("{waiting:?}");
    };
    let request: crate::types::ApprovalRequest = serde_json::from_str(request).unwrap();
    assert_eq!(request.id, *token);
    assert_eq!(request.arguments["text"], "two");
    // What it is about is not said in this version, so it is found by its token alone.
    let about = request.decision.to_string();
    assert_eq!(journal.about(&about, now, 10).unwrap(), []);
    assert!(journal.answer(token, "{}").unwrap());
    assert_eq!(journal.waiting(now).unwrap(), []);
    let (first, _) = dump
        .split_once("INTO \"approval\" VALUES('")
        .and_then(|(_, rest)| rest.split_once('\''))
        .unwrap();
    let answer = journal.answered(first).unwrap().unwrap();
    let answer: crate::types::ApprovalAnswer = serde_json::from_str(&answer).unwrap();
    assert!(answer.approved);
    journal.close().unwrap();
    assert_eq!(verify(&path, Expected::default()).unwrap().events, 10);
}

#[test]
fn there_is_one_driver() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let driver = JournalOptions::new()
        .role(Role::Driver)
        .open(&path)
        .unwrap();
    let fault = JournalOptions::new()
        .role(Role::Driver)
        .open(&path)
        .unwrap_err();
    let own = std::process::id();
    assert!(
        fault
            .to_string()
            .ends_with(&format!("the process {own} drives it already")),
        "{fault}"
    );
    // Anybody may append.
    JournalOptions::new().open(&path).unwrap().close().unwrap();
    drop(driver);
    JournalOptions::new()
        .role(Role::Driver)
        .open(&path)
        .unwrap();
}

/// Several writers of one file, each with its own connection and thread.
#[test]
fn any_number_may_append() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| filled(&path, 25));
        }
    });
    let verified = verify(&path, Expected::default()).unwrap();
    assert_eq!((verified.events, verified.keys.len()), (400, 1));
}

#[test]
fn metadata_has_no_content_and_neither_mode_has_secrets() {
    let dir = tempfile::tempdir().unwrap();
    for audit in [Audit::Full, Audit::Metadata] {
        let path = dir.path().join(format!("{audit:?}.db"));
        let journal = JournalOptions::new().audit(audit).open(&path).unwrap();
        let emitter = emitter(&journal);
        emitter.emit(|| started(r#"{"note":"plain words","password":"hunter2"}"#));
        emitter.emit(|| output("plain words and AKIAIOSFODNN7EXAMPLE\n"));
        journal.close().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let has = |needle: &str| {
            bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes())
        };
        assert!(!has("hunter2") && !has("AKIAIOSFODNN7EXAMPLE"), "{audit:?}");
        assert_eq!(has("plain words"), audit == Audit::Full, "{audit:?}");
        assert!(verify(&path, Expected::default()).is_ok());
        let written: serde_json::Value = serde_json::from_str(&bodies(&path)[0]).unwrap();
        assert_eq!(written["data"]["arguments"]["bytes"], 43);
    }
}

/// What has no room is left out with a mark; the mark says exactly how much, and the rest is all there.
#[test]
fn a_flood_is_cut_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let room = Room {
        events: 100,
        bytes: 1 << 20,
        reserved: 1000,
    };
    let journal = JournalOptions::new().room(room).open(&path).unwrap();
    let emitter = emitter(&journal);
    emitter.emit(|| started("[]"));
    for _ in 0..50_000 {
        emitter.emit(|| output("x"));
    }
    emitter.emit(completed);
    journal.close().unwrap();
    let (mut kept, mut lost, mut last) = (0, 0, String::new());
    for body in bodies(&path) {
        let event = crate::event::Event::from_json(&body).unwrap();
        kind_of(&event.kind, &mut kept, &mut lost);
        last = event.kind.name().to_owned();
    }
    assert_eq!(kept + lost, 50_000, "{kept} kept");
    assert!(lost > 0);
    assert_eq!(last, "call_completed");
    assert!(
        verify(&path, Expected::default()).is_ok(),
        "gaps are accounted for"
    );
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all others are not counted here"
)]
fn kind_of(kind: &EventKind, kept: &mut u64, lost: &mut u64) {
    match kind {
        EventKind::Output { .. } => *kept += 1,
        EventKind::StreamTruncated { lost: more, .. } => *lost += more,
        _ => {}
    }
}

mod crashes;
mod tampering;
