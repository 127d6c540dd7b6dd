use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{check_sqlite, shown, unusable};
use crate::types::{Fault, FaultKind, JournalId};

/// Marks a file as a journal of this engine: `engj`.
const APPLICATION: i32 = 0x656e_676a;
/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait for a journal that is being made, and how often.
const MAKING: (Duration, u32) = (Duration::from_millis(20), 50);

/// What brings a journal from one version to the next, oldest first. Published steps never change.
const STEPS: [&str; 4] = [
    // 1: events and what proves them.
    "CREATE TABLE journal (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
     CREATE TABLE event (
         position INTEGER PRIMARY KEY,
         source TEXT NOT NULL,
         seq INTEGER NOT NULL,
         run TEXT NOT NULL,
         ts TEXT NOT NULL,
         kind TEXT NOT NULL,
         body TEXT NOT NULL,
         hash BLOB NOT NULL
     ) STRICT;
     CREATE UNIQUE INDEX event_of_source ON event (source, seq);
     CREATE INDEX event_of_run ON event (run, position);
     CREATE INDEX event_of_kind ON event (kind, position);
     CREATE TABLE checkpoint (
         position INTEGER NOT NULL,
         kind TEXT NOT NULL CHECK (kind IN ('checkpoint', 'anchor')),
         hash BLOB NOT NULL,
         key BLOB NOT NULL,
         signature BLOB NOT NULL,
         PRIMARY KEY (position, kind)
     ) STRICT, WITHOUT ROWID;
     CREATE TRIGGER event_stays BEFORE UPDATE ON event
         BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
     CREATE TRIGGER event_is_kept BEFORE DELETE ON event
         BEGIN SELECT RAISE(ABORT, 'events are only removed by retention'); END;",
    // 2: what other parts of the engine need durable and atomic.
    "CREATE TABLE nonce (
         scope TEXT NOT NULL, nonce TEXT NOT NULL, expires TEXT NOT NULL,
         PRIMARY KEY (scope, nonce)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE claim (
         scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT,
         PRIMARY KEY (scope, key)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE approval (
         token TEXT PRIMARY KEY, request TEXT NOT NULL, answer TEXT
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE input (
         workflow TEXT NOT NULL, seq INTEGER NOT NULL, body TEXT NOT NULL,
         PRIMARY KEY (workflow, seq)
     ) STRICT, WITHOUT ROWID;",
    // 3: questions that are found by what they are about, and those that wait without the others. Of older ones
    // it is not said here when they expire, only in the request.
    "ALTER TABLE approval ADD COLUMN about TEXT NOT NULL DEFAULT '';
     ALTER TABLE approval ADD COLUMN expires TEXT NOT NULL DEFAULT '9999';
     CREATE INDEX approval_about ON approval (about, expires);
     CREATE INDEX approval_waits ON approval (expires) WHERE answer IS NULL;",
    // 4: what workflows keep besides their inputs.
    "CREATE TABLE workflow (
         id TEXT PRIMARY KEY, began INTEGER NOT NULL, entry TEXT NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX workflow_by_age ON workflow (began);
     CREATE TABLE wish (
         workflow TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, reply TEXT,
         PRIMARY KEY (workflow, number)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE blob (digest TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;",
];

/// The version that this engine writes.
pub(super) const VERSION: usize = STEPS.len();

/// Opens a journal to write, makes it if there is none, and brings it to this version.
pub(super) fn writable(path: &Path) -> Result<(Connection, JournalId), Fault> {
    check_sqlite(path)?;
    let failed = |error: rusqlite::Error| {
        unusable(path, "it cannot be opened")
            .hint("name a file in a directory that exists and that you may write to")
            .caused_by(error)
    };
    // Its events are for its owner alone.
    private(path).map_err(|error| {
        unusable(path, "it cannot be opened")
            .hint("name a file in a directory that exists and that you may write to")
            .caused_by(error)
    })?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    check_kind(&connection, path)?;
    // Only a new file takes this; it lets retention give room back.
    let new = connection
        .pragma_query_value(None, "page_count", |row| row.get::<_, u32>(0))
        .map_err(failed)?
        == 0;
    let vacuum = if new {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")
    } else {
        Ok(())
    };
    vacuum
        .and_then(|()| connection.pragma_update(None, "journal_mode", "WAL"))
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        // Automatic checkpoints stall a commit; the writer makes them when it is idle.
        .and_then(|()| connection.pragma_update(None, "wal_autocheckpoint", 0))
        // No copies of events in parts of the file that are no longer used.
        .and_then(|()| connection.pragma_update(None, "secure_delete", "ON"))
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        .and_then(|()| migrate(&mut connection))
        .map_err(failed)?;
    as_made(&connection).map_err(|reason| {
        Fault::new(FaultKind::JournalTampered {
            path: shown(path),
            reason,
        })
    })?;
    let id = identity(&connection, path)?;
    Ok((connection, id))
}

/// Makes an empty file that its owner alone may read, if there is none.
#[expect(clippy::disallowed_methods, reason = "the journal makes its own file")]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Opens a journal to read, as it is.
pub(super) fn readable(path: &Path) -> Result<(Connection, JournalId), Fault> {
    check_sqlite(path)?;
    let failed = |error: rusqlite::Error| unusable(path, "it cannot be read").caused_by(error);
    if !path.is_file() {
        return Err(
            unusable(path, "there is no such file").hint("`engine exec --journal FILE` makes one")
        );
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let open = |suffix: &str| -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(uri(path, suffix), flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        // The first look at the file.
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    let connection = match open("") {
        Ok(connection) => connection,
        // Readers of a journal in use share memory through a file beside it. Where that cannot be made and
        // nobody has written since the last checkpoint, the file alone is the whole journal.
        Err(first) => {
            let log = path.with_file_name(format!(
                "{}-wal",
                path.file_name().unwrap_or_default().to_string_lossy()
            ));
            let closed = !log.exists();
            let again = if closed {
                open("?immutable=1")
            } else {
                Err(first)
            };
            again.map_err(|error| not_a_database(path, error))?
        }
    };
    check_kind(&connection, path)?;
    let mut tries = 0;
    while version(&connection).map_err(failed)? == 0 {
        if tries >= MAKING.1 {
            return Err(unusable(path, "it is empty"));
        }
        // Somebody else may be making it at this moment.
        tries += 1;
        std::thread::sleep(MAKING.0);
    }
    let id = identity(&connection, path)?;
    Ok((connection, id))
}

fn not_a_database(path: &Path, error: rusqlite::Error) -> Fault {
    let reason = match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => "it is not a journal",
        _ => "it cannot be read",
    };
    unusable(path, reason).caused_by(error)
}

/// A path as a URI, whatever characters it has.
fn uri(path: &Path, suffix: &str) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => {
                let _ = write!(uri, "%{other:02X}"); // writing to a string cannot fail
            }
        }
    }
    uri + suffix
}

/// Compares every table, index and trigger with those that the steps make: one more trigger could keep events
/// out.
pub(super) fn as_made(connection: &Connection) -> Result<(), String> {
    type Part = (String, String, String);
    let parts = |connection: &Connection| -> rusqlite::Result<Vec<Part>> {
        connection
            .prepare("SELECT type, name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
    };
    let wanted = || -> rusqlite::Result<Vec<Part>> {
        let model = Connection::open_in_memory()?;
        for step in STEPS.iter().take(version(connection)?) {
            model.execute_batch(step)?;
        }
        parts(&model)
    };
    let unread = |error: rusqlite::Error| format!("its tables cannot be read: {error}");
    let (found, wanted) = (
        parts(connection).map_err(unread)?,
        wanted().map_err(unread)?,
    );
    let words = |sql: &str| {
        sql.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let same = |a: &Part, b: &Part| (&a.0, &a.1, words(&a.2)) == (&b.0, &b.1, words(&b.2));
    let has = |all: &[Part], part: &Part| all.iter().any(|other| same(other, part));
    let odd = found
        .iter()
        .find(|part| !has(&wanted, part))
        .or_else(|| wanted.iter().find(|part| !has(&found, part)));
    match odd {
        None => Ok(()),
        Some((kind, name, _)) => Err(format!(
            "its {} `{}` is not as this engine makes it",
            crate::types::text::line(kind, 20),
            crate::types::text::line(name, 100)
        )),
    }
}

/// Refuses other databases, and journals of a later version.
fn check_kind(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let unread = |error| not_a_database(path, error);
    // Both from one state of the file: another process may just be making it.
    let (tables, application): (u32, i32) = connection
        .query_row(
            "SELECT (SELECT count(*) FROM sqlite_schema), application_id FROM pragma_application_id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(unread)?;
    if tables > 0 && application != APPLICATION {
        return Err(unusable(path, "it is a database of something else")
            .hint("name another file; nothing was changed in this one"));
    }
    let version = version(connection).map_err(unread)?;
    if version > VERSION {
        return Err(unusable(
            path,
            format!("its version is {version}, and this engine knows versions up to {VERSION}"),
        )
        .hint("use a newer engine; nothing was changed in the file"));
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Takes every missing step, all in one transaction: the old version or the new one, nothing between.
fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let from = version(&transaction)?;
    for step in STEPS.iter().skip(from) {
        transaction.execute_batch(step)?;
        crate::types::named_point("during-migration");
    }
    if from == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.execute(
            "INSERT INTO journal (name, value) VALUES ('id', ?1)",
            [JournalId::fresh().to_string()],
        )?;
    }
    transaction.pragma_update(None, "user_version", u32::try_from(VERSION).unwrap_or(0))?;
    transaction.commit()
}

pub(super) fn identity(connection: &Connection, path: &Path) -> Result<JournalId, Fault> {
    let id: rusqlite::Result<String> =
        connection.query_row("SELECT value FROM journal WHERE name = 'id'", [], |row| {
            row.get(0)
        });
    let id = id.map_err(|error| {
        Fault::new(FaultKind::JournalTampered {
            path: shown(path),
            reason: "it has no identity".to_owned(),
        })
        .caused_by(error)
    })?;
    id.parse().map_err(|error: uuid::Error| {
        Fault::new(FaultKind::JournalTampered {
            path: shown(path),
            reason: "its identity is not a UUID".to_owned(),
        })
        .caused_by(error)
    })
}
