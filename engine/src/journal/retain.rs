use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::chain::{Head, digest};
use super::key::{CheckpointKind, Claim, Key};
use super::open::beside;
use super::{schema, shown, writer};
use crate::types::{Bytes, Fault, FaultKind, JournalId, Timestamp};

/// What a journal keeps. The default is everything.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// Events of this time and later.
    pub since: Option<Timestamp>,
    /// The newest events, as many as have that many bytes together.
    pub bytes: Option<Bytes>,
    /// The file of the key that signs the anchor. Default: the journal's own path with `.key` added.
    pub key: Option<PathBuf>,
}

/// What retention removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// How many events.
    pub removed: u64,
    /// The position of the last of all that were ever removed.
    pub anchor: u64,
}

impl Keep {
    /// Removes what is older, in one transaction, and signs where the chain begins now.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-JOURNAL` or `E-JOURNAL-WRITE`; then nothing was removed.
    pub fn apply(&self, path: impl AsRef<Path>) -> Result<Retained, Fault> {
        let path = path.as_ref();
        let (mut connection, journal) = schema::writable(path)?;
        let key = Key::at(&self.key.clone().unwrap_or_else(|| beside(path, "key")))?;
        self.remove(&mut connection, journal, &key)
            .map_err(|error| {
                Fault::new(FaultKind::JournalWrite {
                    path: shown(path),
                    reason: "retention removed nothing".to_owned(),
                })
                .caused_by(error)
            })
    }

    fn remove(
        &self,
        connection: &mut Connection,
        journal: JournalId,
        key: &Key,
    ) -> rusqlite::Result<Retained> {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = transaction.query_row(
            "SELECT coalesce(max(position), 0) FROM checkpoint WHERE kind = 'anchor'",
            [],
            |row| row.get(0),
        )?;
        let last: Option<Head> = transaction
            .query_row(
                "SELECT position, hash FROM event WHERE position <= ?1 ORDER BY position DESC LIMIT 1",
                [self.cut(&transaction)?],
                |row| {
                    Ok(Head {
                        position: row.get(0)?,
                        hash: digest(row, 1)?,
                    })
                },
            )
            .optional()?;
        let Some(last) = last else {
            return Ok(Retained {
                removed: 0,
                anchor: before,
            });
        };
        let claim = Claim {
            journal,
            kind: CheckpointKind::Anchor,
            head: last,
        };
        writer::store(&transaction, key, &claim)?;
        transaction.execute_batch("DROP TRIGGER event_is_kept")?;
        let removed =
            transaction.execute("DELETE FROM event WHERE position <= ?1", [last.position])?;
        transaction.execute(
            "DELETE FROM checkpoint WHERE position < ?1",
            [last.position],
        )?;
        transaction.execute_batch(
            "CREATE TRIGGER event_is_kept BEFORE DELETE ON event
                 BEGIN SELECT RAISE(ABORT, 'events are only removed by retention'); END",
        )?;
        transaction.commit()?;
        // Each step gives back one page.
        let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        drop(pages);
        drop(vacuum);
        connection.busy_timeout(std::time::Duration::ZERO)?;
        // With readers the file shrinks later.
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .ok();
        Ok(Retained {
            removed: removed as u64,
            anchor: last.position,
        })
    }

    /// The last position that goes.
    fn cut(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let by_age: Option<u64> = match &self.since {
            None => None,
            Some(since) => connection.query_row(
                // Up to the first event that stays: what is kept has no holes.
                "SELECT coalesce((SELECT min(position) - 1 FROM event WHERE ts >= ?1),
                                     (SELECT max(position) FROM event))",
                [format!("{since:.9}")],
                |row| row.get(0),
            )?,
        };
        let by_size = match self.bytes {
            None => None,
            Some(most) => {
                let mut rows = connection.prepare(
                    "SELECT position, length(CAST(body AS BLOB)) FROM event ORDER BY position DESC",
                )?;
                let mut sizes = rows.query([])?;
                let mut kept = 0u64;
                loop {
                    let Some(row) = sizes.next()? else {
                        break None;
                    };
                    kept = kept.saturating_add(row.get(1)?);
                    if kept > most.get() {
                        break Some(row.get(0)?);
                    }
                }
            }
        };
        Ok(by_age.unwrap_or(0).max(by_size.unwrap_or(0)))
    }
}
