//! What somebody does to a journal behind the engine's back, and what `verify` says of it.

use rusqlite::Connection;

use super::*;

#[test]
fn every_way_to_change_a_row_is_named() {
    for (statement, said) in [
        (
            "UPDATE event SET body = replace(body, '[7]', '[8]') WHERE position = 15",
            "row 15 does not fit to its hash",
        ),
        (
            "UPDATE event SET kind = 'output' WHERE position = 3",
            "row 3 does not fit",
        ),
        (
            "UPDATE event SET ts = '2000-01-01T00:00:00Z' WHERE position = 4",
            "row 4 does not fit",
        ),
        (
            "UPDATE event SET run = '' WHERE position = 5",
            "row 5 does not fit",
        ),
        (
            "UPDATE event SET hash = zeroblob(32) WHERE position = 6",
            "row 6 does not fit",
        ),
        (
            "UPDATE event SET hash = zeroblob(3) WHERE position = 6",
            "row 6 cannot be read",
        ),
        (
            "DELETE FROM event WHERE position = 9",
            "row 9 is missing: the next one is row 10",
        ),
        ("DELETE FROM event WHERE position = 1", "row 1 is missing"),
        // The tail, where a checkpoint was signed.
        (
            "DELETE FROM event WHERE position > 38",
            "row 39 is missing: a checkpoint was signed at row 40",
        ),
        (
            "UPDATE checkpoint SET signature = zeroblob(64)",
            "the signed checkpoint at row 40 is about another chain",
        ),
        (
            "UPDATE journal SET value = 'x'",
            "its identity is not a UUID",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        filled(&path, 20);
        meddle(&path, statement);
        let found = reason(&path, None);
        assert!(found.contains(said), "{statement}: {found}");
    }
}

/// Somebody who computes every hash anew has no key: the signatures tell.
#[test]
fn a_chain_that_was_written_anew_is_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let key = filled(&path, 20);
    meddle(
        &path,
        "UPDATE event SET body = replace(body, '[7]', '[8]'); DELETE FROM checkpoint",
    );
    let connection = Connection::open(&path).unwrap();
    let trigger: String = connection
        .query_row(
            "SELECT sql FROM sqlite_schema WHERE name = 'event_stays'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    connection
        .execute_batch("DROP TRIGGER event_stays")
        .unwrap();
    let (_, journal) = schema::readable(&path).unwrap();
    let mut head = chain::Head::genesis(journal);
    for position in 1..=40u64 {
        let text = format!(
            "SELECT {} FROM event WHERE position = {position}",
            chain::COLUMNS
        );
        let mut row = connection.query_row(&text, [], chain::Row::read).unwrap();
        row.hash = row.hash_after(head.hash);
        connection
            .execute(
                "UPDATE event SET hash = ?1 WHERE position = ?2",
                rusqlite::params![row.hash.as_bytes().as_slice(), position],
            )
            .unwrap();
        head = row.head();
    }
    connection.execute_batch(&trigger).unwrap();
    drop(connection);
    assert!(reason(&path, Some(key)).contains("nothing in it is signed with the key"));
    // Without a key there is nothing to hold against it but a hash that somebody kept.
    let kept = Digest::of(b"the head as it was");
    assert!(verify(&path, Expected::default()).is_ok());
    assert!(verify(&path, headed(kept)).is_err());
}

/// What the key's holder remembers tells of a tail that was cut off with its signatures, and nothing is added
/// to such a journal.
#[test]
fn a_cut_that_leaves_no_trace_in_the_file_is_remembered_outside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let key = filled(&path, 20);
    let key_file = dir.path().join("journal.db.key");
    let (_, journal) = schema::readable(&path).unwrap();
    let known = remembered(&key_file, journal).unwrap();
    assert_eq!(known.map(|(position, _)| position), Some(40));
    meddle(
        &path,
        "DELETE FROM event WHERE position > 12; DELETE FROM checkpoint",
    );
    assert!(
        verify(&path, Expected::default()).is_ok(),
        "the file alone tells nothing"
    );
    let expected = Expected {
        key: Some(key),
        remembered: known,
        ..Expected::default()
    };
    let fault = verify(&path, expected).unwrap_err();
    assert!(fault.to_string().contains("row 13 is missing"), "{fault}");
    let fault = JournalOptions::new().open(&path).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-JOURNAL-TAMPERED", "{fault}");
}

/// Nobody's signature but the key's own lets events go.
#[test]
fn an_anchor_of_another_key_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let own = filled(&path, 20);
    let keep = Keep {
        bytes: Some(Bytes::new(5_000)),
        key: Some(dir.path().join("another.key")),
        ..Keep::default()
    };
    keep.apply(&path).unwrap();
    let fault = verify(&path, keyed(own)).unwrap_err();
    assert!(
        fault.to_string().contains("were removed by the key"),
        "{fault}"
    );
}

/// A trigger that keeps events out is found before anything is written.
#[test]
fn other_tables_and_triggers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    filled(&path, 2);
    meddle(
        &path,
        "CREATE TRIGGER z BEFORE INSERT ON event WHEN new.kind = 'call_completed'
         BEGIN SELECT RAISE(IGNORE); END",
    );
    assert!(reason(&path, None).contains("its trigger `z` is not as this engine makes it"));
    assert!(JournalOptions::new().open(&path).is_err());
}

/// A flipped byte is found, or it lay where nothing is stored: then every event is as it was.
#[test]
fn flipped_bytes_and_torn_sectors_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, damaged) = (dir.path().join("journal.db"), dir.path().join("damaged.db"));
    // Enough that most of the file is events, and not empty tables.
    filled(&path, 100);
    let whole = std::fs::read(&path).unwrap();
    let before = bodies(&path);
    let mut random = Random(7);
    let (mut found, mut harmless) = (0, 0);
    for round in 0..1000 {
        let mut bytes = whole.clone();
        let at = random.below(bytes.len());
        match round % 4 {
            0 => {
                // A sector that never reached the disk.
                let sector = at / 512 * 512;
                bytes[sector..sector + 512].fill(0);
            }
            1 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        if bytes == whole {
            continue;
        }
        std::fs::write(&damaged, &bytes).unwrap();
        match verify(&damaged, Expected::default()) {
            Err(fault) => {
                assert!(
                    ["E-JOURNAL-TAMPERED", "E-JOURNAL"].contains(&fault.code().as_str()),
                    "{fault}"
                );
                found += 1;
            }
            Ok(_) => {
                assert_eq!(bodies(&damaged), before, "round {round} at {at}");
                harmless += 1;
            }
        }
    }
    assert!(found > 700, "{found} found, {harmless} harmless");
}
