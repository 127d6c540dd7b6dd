use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};
use sha2::{Digest as _, Sha256};

use crate::event::{Event, Scope, Source};
use crate::types::{Digest, JournalId};

/// One event as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place in the journal, from 1.
    pub(super) position: u64,
    pub(super) source: String,
    pub(super) seq: u64,
    /// The run it is about; empty if it is about none.
    pub(super) run: String,
    pub(super) ts: String,
    pub(super) kind: String,
    pub(super) body: String,
    pub(super) hash: Digest,
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) position: u64,
    pub(super) hash: Digest,
}

impl Head {
    /// The start of a journal: no row has this hash, and no two journals share it.
    pub(super) fn genesis(journal: JournalId) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"engine-journal-1");
        hasher.update(journal.to_string().as_bytes());
        Self {
            position: 0,
            hash: Digest::from_bytes(hasher.finalize().into()),
        }
    }

    /// The head after the newest row, or after the newest anchor where no row is left.
    pub(super) fn read(connection: &Connection, journal: JournalId) -> rusqlite::Result<Self> {
        let newest = |table| {
            connection
                .prepare_cached(table)?
                .query_row([], |row| {
                    Ok(Head {
                        position: row.get(0)?,
                        hash: digest(row, 1)?,
                    })
                })
                .optional()
        };
        let rows = "SELECT position, hash FROM event ORDER BY position DESC LIMIT 1";
        if let Some(head) = newest(rows)? {
            return Ok(head);
        }
        let anchors = "SELECT position, hash FROM checkpoint WHERE kind = 'anchor' \
                       ORDER BY position DESC LIMIT 1";
        Ok(newest(anchors)?.unwrap_or_else(|| Head::genesis(journal)))
    }

    /// Makes the next row of the chain: an event, and its body as it may be written down.
    pub(super) fn next(self, event: &Event, body: String) -> Row {
        let run = event
            .scope
            .iter()
            .find_map(|scope| match scope {
                Scope::Run(run) => Some(run.to_string()),
                Scope::Workflow(_) | Scope::Step(_) | Scope::Call(_) => None,
            })
            .or_else(|| match &event.source {
                Source::Run { run_id } => Some(run_id.to_string()),
                Source::Workflow { .. }
                | Source::Stream { .. }
                | Source::Journal { .. }
                | Source::External { .. } => None,
            });
        let mut row = Row {
            position: self.position + 1,
            source: event.source.to_string(),
            seq: event.seq,
            run: run.unwrap_or_default(),
            ts: format!("{:.9}", event.ts),
            kind: event.kind.name().to_owned(),
            body,
            hash: self.hash,
        };
        row.hash = row.hash_after(self.hash);
        row
    }
}

/// The columns of a row, in the order that [`Row::read`] wants.
pub(super) const COLUMNS: &str = "position, source, seq, run, ts, kind, body, hash";

impl Row {
    /// The hash that binds this row to the one before: SHA-256 over the hash before and every column,
    /// each with its length, so that no two different rows have the same bytes.
    pub(super) fn hash_after(&self, before: Digest) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update(before.as_bytes());
        hasher.update(self.position.to_le_bytes());
        hasher.update(self.seq.to_le_bytes());
        for column in [&self.source, &self.run, &self.ts, &self.kind, &self.body] {
            hasher.update((column.len() as u64).to_le_bytes());
            hasher.update(column.as_bytes());
        }
        Digest::from_bytes(hasher.finalize().into())
    }

    pub(super) fn read(row: &SqlRow<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get(0)?,
            source: row.get(1)?,
            seq: row.get(2)?,
            run: row.get(3)?,
            ts: row.get(4)?,
            kind: row.get(5)?,
            body: row.get(6)?,
            hash: digest(row, 7)?,
        })
    }

    pub(super) fn insert(&self, connection: &Connection) -> rusqlite::Result<()> {
        let added = connection
            .prepare_cached(
                "INSERT INTO event (position, source, seq, run, ts, kind, body, hash) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.position,
                self.source,
                self.seq,
                self.run,
                self.ts,
                self.kind,
                self.body,
                self.hash.as_bytes().as_slice(),
            ])?;
        if added == 1 {
            Ok(())
        } else {
            Err(rusqlite::Error::StatementChangedRows(added))
        }
    }

    pub(super) fn head(&self) -> Head {
        Head {
            position: self.position,
            hash: self.hash,
        }
    }
}

/// Reads a hash.
pub(super) fn digest(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Digest> {
    let bytes: [u8; 32] = row.get(column)?;
    Ok(Digest::from_bytes(bytes))
}
