use std::collections::HashMap;
use std::path::Path;

use rusqlite::Connection;

use super::chain::{COLUMNS, Head, Row, digest};
use super::key::{CheckpointKind, Claim, PublicKey};
use super::{schema, shown};
use crate::event::{Event, EventKind};
use crate::types::{Digest, Fault, FaultKind, JournalId};

/// What was found out about a journal that is as it was written.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The journal's own id.
    pub journal: JournalId,
    /// How many events it holds.
    pub events: u64,
    /// Up to this position, events were removed by retention; 0 if none were.
    pub anchor: u64,
    /// The position of the newest event.
    pub position: u64,
    /// The hash of the newest event: whoever keeps it can tell later whether the tail was cut off.
    pub head: Digest,
    /// Up to this position the events are signed.
    pub signed: u64,
    /// The keys that signed, in order of their first signature.
    pub keys: Vec<PublicKey>,
}

/// What a journal is held against, besides itself. The default is nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected {
    /// Only signatures of this key count, and only it may have removed events.
    pub key: Option<PublicKey>,
    /// The newest event has this hash.
    pub head: Option<Digest>,
    /// The event at this position has this hash: what the holder of the key remembers.
    pub remembered: Option<(u64, Digest)>,
}

/// Checks every row, the order of every source, every signature, and the file itself; changes nothing.
///
/// # Errors
///
/// A fault with the code `E-JOURNAL-TAMPERED` that names the first row that is not as it was written, or with
/// `E-JOURNAL` if the file is no journal.
pub fn verify(path: impl AsRef<Path>, expected: Expected) -> Result<Verified, Fault> {
    let Expected {
        key,
        head,
        remembered,
    } = expected;
    let path = path.as_ref();
    let (connection, journal) = schema::readable(path)?;
    let tampered = |reason: String| {
        Fault::new(FaultKind::JournalTampered {
            path: shown(path),
            reason,
        })
    };
    // One state of the file for all that follows, whoever writes meanwhile.
    connection
        .execute_batch("BEGIN")
        .map_err(|error| tampered("it cannot be read".to_owned()).caused_by(error))?;
    let checkpoints = checkpoints(&connection)
        .map_err(|error| tampered("its checkpoints cannot be read".to_owned()).caused_by(error))?;
    schema::as_made(&connection).map_err(tampered)?;
    let mut check = Check::new(journal, checkpoints, key).map_err(tampered)?;
    check.remembered = remembered;
    check.remember(check.head).map_err(tampered)?;
    check.rows(&connection).map_err(tampered)?;
    sound(&connection).map_err(tampered)?;
    check.end(head).map_err(tampered)
}

struct Check {
    journal: JournalId,
    /// Those that are still ahead, the next one last.
    checkpoints: Vec<Checkpoint>,
    key: Option<PublicKey>,
    remembered: Option<(u64, Digest)>,
    anchor: u64,
    head: Head,
    events: u64,
    signed: u64,
    keys: Vec<PublicKey>,
    /// The next position in each source, and how many of its events are accounted for as lost.
    sources: HashMap<String, Sequence>,
}

#[derive(Default)]
struct Sequence {
    next: u64,
    missing: u64,
    lost: u64,
}

struct Checkpoint {
    claim: Claim,
    key: PublicKey,
    signature: [u8; 64],
}

impl Check {
    fn new(
        journal: JournalId,
        checkpoints: Vec<(Head, String, [u8; 32], [u8; 64])>,
        key: Option<PublicKey>,
    ) -> Result<Self, String> {
        let mut checkpoints: Vec<Checkpoint> = checkpoints
            .into_iter()
            .map(|(head, kind, key, signature)| {
                let kind = match kind.as_str() {
                    "anchor" => CheckpointKind::Anchor,
                    _ => CheckpointKind::Checkpoint,
                };
                let key = PublicKey::from_bytes(&key).ok_or_else(|| {
                    format!("the checkpoint at row {} has no valid key", head.position)
                })?;
                Ok(Checkpoint {
                    claim: Claim {
                        journal,
                        kind,
                        head,
                    },
                    key,
                    signature,
                })
            })
            .collect::<Result<_, String>>()?;
        let anchor = checkpoints
            .iter()
            .filter(|checkpoint| checkpoint.claim.kind == CheckpointKind::Anchor)
            .max_by_key(|checkpoint| checkpoint.claim.head.position);
        if let (Some(anchor), Some(key)) = (anchor, key)
            && anchor.key != key
        {
            return Err(format!(
                "the events up to row {} were removed by the key {}, not by {key}",
                anchor.claim.head.position, anchor.key
            ));
        }
        let anchor = anchor.map(|anchor| anchor.claim.head);
        // The next one last.
        checkpoints.sort_by_key(|checkpoint| std::cmp::Reverse(checkpoint.claim.head.position));
        let head = anchor.unwrap_or_else(|| Head::genesis(journal));
        let mut check = Self {
            journal,
            checkpoints,
            key,
            remembered: None,
            anchor: head.position,
            head,
            events: 0,
            signed: 0,
            keys: Vec::new(),
            sources: HashMap::new(),
        };
        check.signatures_at(head)?;
        Ok(check)
    }

    fn rows(&mut self, connection: &Connection) -> Result<(), String> {
        let unreadable = |position: u64, error: rusqlite::Error| {
            format!("row {} cannot be read: {error}", position + 1)
        };
        let text = format!("SELECT {COLUMNS} FROM event WHERE position > ?1 ORDER BY position");
        let mut query = connection
            .prepare(&text)
            .map_err(|error| unreadable(self.head.position, error))?;
        let mut rows = query
            .query([self.head.position])
            .map_err(|error| unreadable(self.head.position, error))?;
        loop {
            let row = match rows.next() {
                Ok(None) => return Ok(()),
                Ok(Some(row)) => Row::read(row),
                Err(error) => Err(error),
            };
            self.row(&row.map_err(|error| unreadable(self.head.position, error))?)?;
        }
    }

    fn row(&mut self, row: &Row) -> Result<(), String> {
        let expected = self.head.position + 1;
        if row.position != expected {
            return Err(if row.position < expected {
                format!("row {} was to be removed by retention", row.position)
            } else {
                format!(
                    "row {expected} is missing: the next one is row {}",
                    row.position
                )
            });
        }
        if row.hash_after(self.head.hash) != row.hash {
            return Err(format!(
                "row {} does not fit to its hash and the row before it",
                row.position
            ));
        }
        self.content(row)?;
        self.head = row.head();
        self.events += 1;
        self.remember(self.head)?;
        self.signatures_at(self.head)
    }

    /// Compares a head with what is remembered of it.
    fn remember(&mut self, head: Head) -> Result<(), String> {
        match self.remembered {
            Some((position, hash)) if position == head.position => {
                self.remembered = None;
                if hash != head.hash {
                    return Err(format!(
                        "row {position} is not the one that the key's holder remembers"
                    ));
                }
            }
            // What retention removed cannot be compared any more.
            Some((position, _)) if position < head.position => self.remembered = None,
            _ => {}
        }
        Ok(())
    }

    /// Checks that the columns say what the body says, and the numbers of its source.
    fn content(&mut self, row: &Row) -> Result<(), String> {
        let event = Event::from_json(&row.body)
            .map_err(|error| format!("row {} is {error}", row.position))?;
        let same = event.source.to_string() == row.source
            && event.seq == row.seq
            && event.kind.name() == row.kind
            && format!("{:.9}", event.ts) == row.ts;
        if !same {
            return Err(format!(
                "the columns of row {} say something else than its body",
                row.position
            ));
        }
        if let EventKind::StreamTruncated { gaps, .. } = &event.kind {
            for gap in gaps {
                self.sources.entry(gap.source.to_string()).or_default().lost += gap.lost;
            }
        }
        // Where retention removed the start of a source, its numbers begin anywhere.
        let first = if self.anchor > 0 { event.seq } else { 0 };
        let sequence = self
            .sources
            .entry(row.source.clone())
            .or_insert_with(|| Sequence {
                next: first,
                ..Sequence::default()
            });
        if event.seq < sequence.next {
            return Err(format!(
                "row {} has number {} of its source, and {} was next",
                row.position, event.seq, sequence.next
            ));
        }
        sequence.missing += event.seq - sequence.next;
        sequence.next = event.seq + 1;
        Ok(())
    }

    /// Checks the signatures that are about this head.
    fn signatures_at(&mut self, head: Head) -> Result<(), String> {
        while let Some(checkpoint) = self
            .checkpoints
            .pop_if(|checkpoint| checkpoint.claim.head.position <= head.position)
        {
            if checkpoint.claim.head.position < head.position {
                // Before an anchor there is nothing to hold it against.
                continue;
            }
            let claim = Claim {
                head,
                ..checkpoint.claim
            };
            if checkpoint.claim.head.hash != head.hash
                || !checkpoint.key.verifies(&claim, &checkpoint.signature)
            {
                return Err(format!(
                    "the signed checkpoint at row {} is about another chain",
                    head.position
                ));
            }
            if self.key.is_none_or(|key| key == checkpoint.key) {
                self.signed = head.position;
            }
            if !self.keys.contains(&checkpoint.key) {
                self.keys.push(checkpoint.key);
            }
        }
        Ok(())
    }

    fn end(self, head: Option<Digest>) -> Result<Verified, String> {
        let beyond = self
            .checkpoints
            .last()
            .map(|checkpoint| checkpoint.claim.head.position)
            .or(self.remembered.map(|(position, _)| position));
        if let Some(beyond) = beyond {
            return Err(format!(
                "row {} is missing: a checkpoint was signed at row {beyond}, and the last row is {}",
                self.head.position + 1,
                self.head.position
            ));
        }
        if let Some((source, sequence)) = self
            .sources
            .iter()
            .filter(|_| self.anchor == 0)
            // A mark can be about events whose place is not written yet.
            .find(|(_, sequence)| sequence.missing > sequence.lost)
        {
            return Err(format!(
                "{} events of `{source}` are missing, and {} were left out when they came",
                sequence.missing, sequence.lost
            ));
        }
        if let Some(key) = self.key
            && self.signed == 0
            && self.events > 0
        {
            return Err(format!("nothing in it is signed with the key {key}"));
        }
        if let Some(head) = head
            && head != self.head.hash
        {
            return Err(format!(
                "row {} is the last and has the hash {}, not {head}: the tail was cut off or goes on",
                self.head.position, self.head.hash
            ));
        }
        Ok(Verified {
            journal: self.journal,
            events: self.events,
            anchor: self.anchor,
            position: self.head.position,
            head: self.head.hash,
            signed: self.signed,
            keys: self.keys,
        })
    }
}

/// Checks the rows after the newest signature of `key`, and that this signature and what is remembered are about
/// this chain. Returns how many rows there are after it.
pub(super) fn tail(
    connection: &Connection,
    journal: JournalId,
    key: PublicKey,
    remembered: Option<(u64, Digest)>,
) -> Result<u64, String> {
    let unread = |error: rusqlite::Error| format!("its end cannot be read: {error}");
    let newest: Option<Signed> = connection
        .prepare(
            "SELECT position, hash, kind, key, signature FROM checkpoint WHERE key = ?1 \
             ORDER BY position DESC LIMIT 1",
        )
        .and_then(|mut query| {
            query
                .query_map([key.as_bytes()], signed)?
                .next()
                .transpose()
        })
        .map_err(unread)?;
    let anchors = anchored(connection).map_err(unread)?;
    let head = Head::read(connection, journal).map_err(unread)?;
    let start = match (&newest, anchors) {
        (Some((at, ..)), _) => *at,
        (None, Some(anchor)) => anchor,
        (None, None) => Head::genesis(journal),
    };
    let latest = remembered.map_or(start.position, |(position, _)| position.max(start.position));
    if latest > head.position {
        return Err(format!(
            "row {} is missing: a checkpoint was signed at row {latest}",
            head.position + 1
        ));
    }
    let checkpoints = newest.into_iter().collect();
    let mut check = Check::new(journal, checkpoints, None)?;
    check.head = start;
    check.anchor = start.position;
    check.remembered = remembered.filter(|(position, _)| *position >= start.position);
    check.remember(start)?;
    // The row that was signed last, and all after it.
    if start.position > 0 {
        let found = connection
            .prepare("SELECT hash FROM event WHERE position = ?1")
            .and_then(|mut query| {
                query
                    .query_map([start.position], |row| digest(row, 0))?
                    .next()
                    .transpose()
            })
            .map_err(unread)?;
        if found.is_some_and(|found| found != start.hash) {
            return Err(format!(
                "row {} is not the one that was signed",
                start.position
            ));
        }
    }
    check.signatures_at(start)?;
    check.rows(connection)?;
    check.end(None).map(|found| found.events)
}

/// The newest place where retention cut.
fn anchored(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare(
            "SELECT position, hash FROM checkpoint WHERE kind = 'anchor' ORDER BY position DESC LIMIT 1",
        )?
        .query_map([], |row| {
            Ok(Head {
                position: row.get(0)?,
                hash: digest(row, 1)?,
            })
        })?
        .next()
        .transpose()
}

fn signed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Signed> {
    let head = Head {
        position: row.get(0)?,
        hash: digest(row, 1)?,
    };
    Ok((head, row.get(2)?, row.get(3)?, row.get(4)?))
}

type Signed = (Head, String, [u8; 32], [u8; 64]);

fn checkpoints(connection: &Connection) -> rusqlite::Result<Vec<Signed>> {
    connection
        .prepare("SELECT position, hash, kind, key, signature FROM checkpoint ORDER BY position")?
        .query_map([], signed)?
        .collect()
}

/// SQLite's own check: pages, indexes against rows.
fn sound(connection: &Connection) -> Result<(), String> {
    let found: rusqlite::Result<String> =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0));
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(format!(
            "its rows are as they were written, but not its file: {}",
            crate::types::text::line(&found, 200)
        )),
        Err(error) => Err(format!(
            "its rows are as they were written, but not its file: {error}"
        )),
    }
}
