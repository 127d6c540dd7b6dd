//! The thread that writes: many events in one transaction, one sync for all who wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, params};

use super::chain::Head;
use super::key::{self, CheckpointKind, Claim, Key};
use super::schema;
use super::shared::Shared;
use crate::event::{Audit, Event, Lost, Source, Taken};
use crate::types::{Clock, EventId, JournalId, named_point};

/// Events in one transaction.
const MOST_AT_ONCE: usize = 4096;
/// Rows after which the head is signed.
const BETWEEN_CHECKPOINTS: u64 = 1024;
/// How large the log may grow while there is no quiet time to move it.
const MOST_UNMOVED: usize = 32 << 20;
/// How long nothing happens before the log is moved into the file.
const QUIET: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 200 });
/// How long to wait before a failed batch is tried again by itself.
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
/// How often a batch is tried once the journal is being closed.
const LAST_TRIES: u32 = 4;

/// Writes until the queue is closed and empty.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) path: PathBuf,
    pub(super) connection: Option<Connection>,
    pub(super) journal: JournalId,
    pub(super) key: Key,
    pub(super) key_file: PathBuf,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) audit: Audit,
    /// Taken out of the queue, and not durable yet.
    pub(super) batch: Vec<Taken>,
    pub(super) marks: u64,
    pub(super) since_checkpoint: u64,
    /// Whether a try failed in a way that may have written some of the batch all the same.
    pub(super) doubtful: bool,
    /// Bytes in the log that are not in the file yet, about.
    pub(super) unmoved: usize,
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut last_tries = 0;
        loop {
            if self.batch.is_empty() {
                // In this order: what comes between two of these is seen the next time.
                self.shared.awake();
                let closed = self.shared.queue.is_closed();
                self.batch = self.shared.queue.drain(MOST_AT_ONCE);
                if self.batch.is_empty() {
                    if closed {
                        break;
                    }
                    self.idle();
                    continue;
                }
            }
            let started = self.elapsed();
            match self.write() {
                Ok(()) => {
                    self.settled(self.elapsed().saturating_sub(started));
                    if self.unmoved > MOST_UNMOVED {
                        self.move_log();
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    if self.shared.queue.is_closed() {
                        last_tries += 1;
                        if last_tries == LAST_TRIES {
                            break;
                        }
                    }
                    self.shared.sleep(Some(BETWEEN_TRIES));
                }
            }
        }
        self.close();
    }

    /// Nothing to write. After a while that is a time to move the log into the file.
    fn idle(&mut self) {
        if self.unmoved == 0 {
            self.shared.sleep(None);
        } else if !self.shared.sleep(Some(QUIET)) {
            self.move_log();
        }
    }

    /// Copies the log into the file, as far as readers allow; it waits for nobody.
    fn move_log(&mut self) {
        self.unmoved = 0;
        if let Some(connection) = &self.connection {
            named_point("during-checkpoint");
            // What cannot be moved now is moved the next time.
            connection
                .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
                .ok();
        }
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                // After a failed sync nothing is known about the old connection's cache.
                let (connection, journal) = schema::writable(&self.path)
                    .map_err(|_| rusqlite::Error::InvalidPath(self.path.clone()))?;
                if journal != self.journal {
                    return Err(rusqlite::Error::InvalidPath(self.path.clone()));
                }
                none.insert(connection)
            }
        };
        named_point("before-write");
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let first = Head::read(&transaction, self.journal)?;
        let mut head = first;
        let source = Source::Stream {
            stream_id: self.shared.stream,
        };
        let mark = |head: Head, lost: Lost, marks: &mut u64| {
            let event = lost.into_event(EventId::fresh(), *marks, source.clone());
            *marks += 1;
            let body = event.to_json();
            head.next(&event, body)
        };
        let mut marks = self.marks;
        let mut bytes = 0;
        for taken in &self.batch {
            let row = match taken {
                Taken::Event(event) => match stored(&transaction, event, self.doubtful)? {
                    Stored::Not => head.next(event, self.audit.json(event)),
                    Stored::This => continue,
                    Stored::Another => mark(head, Lost::first(event), &mut marks),
                },
                Taken::Lost(lost) => mark(head, lost.clone(), &mut marks),
            };
            // A mark of a try whose end was not clear may be there as well.
            if self.doubtful && body_at(&transaction, &row.source, row.seq)?.is_some() {
                continue;
            }
            row.insert(&transaction)?;
            head = row.head();
            bytes += row.body.len() + 512;
        }
        let added = head.position - first.position;
        let sign = self.since_checkpoint + added >= BETWEEN_CHECKPOINTS;
        if sign {
            checkpoint(&transaction, &self.key, self.journal, head)?;
        }
        named_point("before-commit");
        transaction.commit()?;
        named_point("after-commit");
        self.marks = marks;
        self.unmoved += bytes;
        self.since_checkpoint = if sign {
            0
        } else {
            self.since_checkpoint + added
        };
        self.doubtful = false;
        if sign {
            self.remember(head);
        }
        Ok(())
    }

    /// Time by the clock that was given, if one was.
    fn elapsed(&self) -> Duration {
        self.clock
            .as_ref()
            .map_or(Duration::ZERO, |clock| clock.elapsed())
    }

    fn settled(&mut self, latency: Duration) {
        let (mut events, mut lost) = (0, 0);
        for taken in self.batch.drain(..) {
            match taken {
                Taken::Event(_) => events += 1,
                Taken::Lost(mark) => lost += mark.count(),
            }
        }
        self.shared.progress.send_modify(|progress| {
            progress.durable += events;
            progress.lost += lost;
            progress.latency = latency;
            progress.reason.clear();
        });
    }

    fn failed(&mut self, error: &rusqlite::Error) {
        let code = error.sqlite_error_code();
        // A commit whose sync failed may be in the log all the same.
        self.doubtful = true;
        if !matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull)) {
            self.connection = None;
        }
        let reason = error.to_string();
        self.shared.progress.send_modify(|progress| {
            progress.failures += 1;
            progress.reason = reason;
        });
    }

    /// Signs the head and leaves one whole file behind.
    fn close(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            if self.since_checkpoint > 0 {
                // What is durable stays so without it; the next writer signs it.
                if let Err(error) = self.sign(&mut connection) {
                    tracing::warn!(%error, journal = %self.journal, "the end of the journal is not signed");
                }
            }
            named_point("during-checkpoint");
            // Whoever reads meanwhile is not waited for: then the log stays, and the next writer moves it.
            connection
                .busy_timeout(Duration::ZERO)
                .and_then(|()| {
                    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                })
                .ok();
        }
        self.shared
            .progress
            .send_modify(|progress| progress.ended = true);
    }

    fn sign(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let head = Head::read(&transaction, self.journal)?;
        checkpoint(&transaction, &self.key, self.journal, head)?;
        transaction.commit()?;
        self.remember(head);
        Ok(())
    }

    /// Remembers what was signed, outside of the journal. It helps `verify`; the journal is whole without it.
    fn remember(&self, head: Head) {
        if let Err(error) = key::remember(&self.key_file, self.journal, head) {
            tracing::warn!(%error, journal = %self.journal, "what was signed is not remembered");
        }
    }
}

/// What is in the journal at the place of an event.
enum Stored {
    Not,
    /// It is itself, from a try whose end was not clear.
    This,
    /// Another event has its source and number: somebody numbers events twice.
    Another,
}

/// Looks whether the place of an event is taken; that can only be after a try that failed.
fn stored(connection: &Connection, event: &Event, doubtful: bool) -> rusqlite::Result<Stored> {
    if !doubtful {
        return Ok(Stored::Not);
    }
    let body = body_at(connection, &event.source.to_string(), event.seq)?;
    Ok(match body {
        None => Stored::Not,
        Some(body) if Event::from_json(&body).is_ok_and(|stored| stored.id == event.id) => {
            Stored::This
        }
        Some(_) => Stored::Another,
    })
}

fn body_at(connection: &Connection, source: &str, seq: u64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT body FROM event WHERE source = ?1 AND seq = ?2")?
        .query_row(params![source, seq], |row| row.get(0))
        .optional()
}

fn checkpoint(
    connection: &Connection,
    key: &Key,
    journal: JournalId,
    head: Head,
) -> rusqlite::Result<()> {
    let claim = Claim {
        journal,
        kind: CheckpointKind::Checkpoint,
        head,
    };
    store(connection, key, &claim)
}

/// Writes a signed claim down.
pub(super) fn store(connection: &Connection, key: &Key, claim: &Claim) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO checkpoint (position, kind, hash, key, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            claim.head.position,
            claim.kind.as_str(),
            claim.head.hash.as_bytes().as_slice(),
            key.public().as_bytes().as_slice(),
            key.sign(claim).as_slice(),
        ])
        .map(drop)
}
