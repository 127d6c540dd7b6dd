//! Processes that end in the middle of writing, and disks that are full.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use super::{Random, bodies, completed, emitter, started, wait};
use crate::journal::{Expected, JournalOptions, verify};

/// The other side of the tests of crashes: writes for as long as it lives, and says what is acknowledged.
#[test]
#[ignore = "a part of other tests, which run it in a process of its own"]
#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os("ENGINE_TEST_JOURNAL") else {
        return;
    };
    let journal = JournalOptions::new().open(&path).unwrap();
    loop {
        let emitter = emitter(&journal);
        for round in 0..20u64 {
            emitter.emit(|| started(&format!("[{round}]")));
            wait(emitter.commit()).unwrap();
            println!("intent {} {}", emitter.run(), 2 * round);
            emitter.emit(completed);
            wait(emitter.commit()).unwrap();
            println!("outcome {} {}", emitter.run(), 2 * round + 1);
        }
        // Now and then it is quiet, so that the log is moved into the file.
        std::thread::sleep(Duration::from_millis(15));
    }
}

fn writer(path: &Path, crash: Option<(&str, u32)>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "journal::tests::crashes::writes_until_it_is_killed",
        ])
        .args(["--ignored", "--nocapture"])
        .env("ENGINE_TEST_JOURNAL", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some((point, after)) = crash {
        command
            .env("ENGINE_TEST_CRASH_AT", point)
            .env("ENGINE_TEST_CRASH_AFTER", after.to_string());
    }
    command.spawn().unwrap()
}

/// Ends a writer after a time, or waits for its own end, and returns the last acknowledged number of each run.
fn acknowledged(mut child: Child, after: Option<Duration>) -> BTreeMap<String, u64> {
    let lines = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let mut newest = BTreeMap::new();
        for line in lines.lines() {
            // A line that was cut is no acknowledgement.
            let line = line.unwrap_or_default();
            let words: Vec<&str> = line.split(' ').collect();
            if let ["intent" | "outcome", run, seq] = words[..]
                && let Ok(seq) = seq.parse::<u64>()
                && run.len() == 36
            {
                newest.insert(run.to_owned(), seq);
            }
        }
        newest
    });
    if let Some(after) = after {
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    // Without a time the process ends at its named point.
    let mut looks = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        looks += 1;
        if looks == 6000 {
            child.kill().unwrap();
            panic!("its named point was not reached in half a minute");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(ended.signal(), Some(9), "{ended}");
    reading.join().unwrap()
}

/// Checks that every acknowledged event is there.
fn survived(path: &Path, newest: &BTreeMap<String, u64>) {
    if !path.exists() {
        assert!(newest.is_empty());
        return;
    }
    let connection = Connection::open(path).unwrap();
    for (run, seq) in newest {
        let stored: u64 = connection
            .query_row("SELECT count(*) FROM event WHERE run = ?1", [run], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(
            stored > *seq,
            "{run}: {seq} was acknowledged, and {stored} are stored"
        );
    }
}

/// Checks every row and the file itself, once another writer has opened it. Returns how many events there are.
fn whole(path: &Path) -> u64 {
    JournalOptions::new().open(path).unwrap().close().unwrap();
    verify(path, Expected::default()).unwrap().events
}

/// `ENGINE_TEST_KILLS` sets how often.
#[test]
#[expect(clippy::print_stdout, reason = "long runs show how far they are")]
fn nothing_acknowledged_is_lost_to_a_kill() {
    let kills = std::env::var("ENGINE_TEST_KILLS").map_or(40, |kills| kills.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let mut random = Random(u64::from(std::process::id()));
    let mut acked = 0;
    for kill in 1..=kills {
        let after = Duration::from_micros(5_000 + random.below(120_000) as u64);
        let newest = acknowledged(writer(&path, None), Some(after));
        acked += newest.values().map(|seq| seq + 1).sum::<u64>();
        survived(&path, &newest);
        // To check all of it takes longer the more there is.
        if kill % 50 == 0 || kill == kills {
            let stored = whole(&path);
            assert!(
                stored >= acked,
                "{acked} were acknowledged, and {stored} are stored"
            );
            println!("{kill} kills: {acked} events acknowledged, {stored} stored");
        }
    }
    assert!(acked > 0, "every writer was killed before its first event");
}

/// At each named point, at its first passing and later ones; each of them is reached.
#[test]
fn nothing_acknowledged_is_lost_at_any_named_point() {
    for (point, times) in [
        ("during-migration", &[0, 1][..]),
        ("before-write", &[0, 1, 7]),
        ("before-commit", &[0, 1, 7]),
        ("after-commit", &[0, 1, 7]),
        ("during-checkpoint", &[0, 1]),
    ] {
        for after in times {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal.db");
            let newest = acknowledged(writer(&path, Some((point, *after))), None);
            survived(&path, &newest);
            whole(&path);
        }
    }
}

/// A file system without room: nothing new starts, what is there can be read, and with room it goes on.
#[test]
fn a_full_disk_refuses_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "journal::tests::crashes::writes_with_little_room",
        ])
        .args(["--ignored", "--nocapture"])
        .env("ENGINE_TEST_JOURNAL", &path);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("recovered"), "{said}");
    assert!(verify(&path, Expected::default()).unwrap().events > 2);
}

/// Files of this process may not grow beyond a bound for a while, as if the disk were full.
#[test]
#[ignore = "a part of another test, which runs it in a process of its own"]
#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
fn writes_with_little_room() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Some(path) = std::env::var_os("ENGINE_TEST_JOURNAL") else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Caught, so that a write that is too large is an error and not the end.
    let _caught = runtime.block_on(async {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::from_raw(25)).unwrap()
    });
    let before = getrlimit(Resource::Fsize);
    let journal = JournalOptions::new().open(&path).unwrap();
    let emitter = emitter(&journal);
    emitter.emit(|| started("[1]"));
    wait(emitter.commit()).unwrap();
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: Some(200_000),
            ..before
        },
    )
    .unwrap();
    let (mut emitted, mut durable) = (1, 1);
    let fault = loop {
        emitter.emit(|| started(&"x".repeat(900)));
        emitted += 1;
        match wait(emitter.commit()) {
            Ok(()) => durable = emitted,
            // Moving the log into the file can make room once more.
            Err(_) => match wait(emitter.commit()) {
                Ok(()) => durable = emitted,
                Err(fault) => break fault,
            },
        }
        assert!(emitted < 10_000, "it never was full");
    };
    assert_eq!(fault.code().as_str(), "E-JOURNAL-WRITE", "{fault}");
    // Reading goes on, and every acknowledged event is there.
    assert_eq!(bodies(path.as_ref()).len(), durable);
    setrlimit(Resource::Fsize, before).unwrap();
    emitter.emit(completed);
    wait(emitter.commit()).unwrap();
    // The event that was refused is there too: it was never lost, only late.
    assert_eq!(bodies(path.as_ref()).len(), emitted + 1);
    journal.close().unwrap();
    println!("recovered");
}
