use std::path::{Path, PathBuf};

use rusqlite::{Connection, types::Value};

use super::chain::{COLUMNS, Row};
use super::{schema, shown};
use crate::event::{Event, EventError};
use crate::types::{Digest, Fault, FaultKind, JournalId, RunId, Timestamp};

/// Rows that are read at once.
const PAGE: u64 = 500;

/// Reads a journal, also while others write it.
#[derive(Debug)]
pub struct JournalReader {
    connection: Connection,
    journal: JournalId,
    path: PathBuf,
}

/// Which events are wanted. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those about this run.
    pub run: Option<RunId>,
    /// Only these kinds; none means all.
    pub kinds: Vec<String>,
    /// Only those of this time or later.
    pub since: Option<Timestamp>,
    /// Only those after this position.
    pub after: u64,
}

/// An event as it is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its place in the journal, from 1.
    pub position: u64,
    /// The hash that binds it to all before it.
    pub hash: Digest,
    /// Its kind.
    pub kind: String,
    /// Its JSON.
    pub json: String,
}

impl Stored {
    /// The event.
    ///
    /// # Errors
    ///
    /// As for [`Event::from_json`].
    pub fn event(&self) -> Result<Event, EventError> {
        Event::from_json(&self.json)
    }
}

impl JournalReader {
    /// Opens a journal to read.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-JOURNAL` if there is none, or it is of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Fault> {
        let path = path.as_ref();
        let (connection, journal) = schema::readable(path)?;
        Ok(Self {
            connection,
            journal,
            path: path.to_owned(),
        })
    }

    /// The journal's own id.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.journal
    }

    /// The position of the newest event; 0 if there is none.
    ///
    /// # Errors
    ///
    /// A fault if the file cannot be read.
    pub fn newest(&self) -> Result<u64, Fault> {
        self.connection
            .query_row("SELECT coalesce(max(position), 0) FROM event", [], |row| {
                row.get(0)
            })
            .map_err(|error| self.failed(error))
    }

    /// The position after which the newest `count` events of a filter lie.
    ///
    /// # Errors
    ///
    /// A fault if the file cannot be read.
    pub fn before_newest(&self, filter: &Filter, count: u64) -> Result<u64, Fault> {
        let (conditions, values) = filter.conditions();
        let text = format!(
            "SELECT position FROM event WHERE {conditions} ORDER BY position DESC LIMIT 1 OFFSET ?{}",
            values.len() + 1
        );
        let mut values = values;
        values.push(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)));
        let found = self
            .connection
            .prepare(&text)
            .and_then(|mut query| {
                query
                    .query_map(rusqlite::params_from_iter(values), |row| row.get(0))?
                    .next()
                    .transpose()
            })
            .map_err(|error| self.failed(error))?;
        Ok(found.unwrap_or(filter.after))
    }

    /// The next events of a filter, oldest first, at most some hundreds; none if there are no more now.
    /// To go on, set [`after`](Filter::after) to the last position.
    ///
    /// # Errors
    ///
    /// A fault if the file cannot be read.
    pub fn page(&self, filter: &Filter) -> Result<Vec<Stored>, Fault> {
        let rows = self.rows(filter).map_err(|error| self.failed(error))?;
        Ok(rows
            .into_iter()
            .map(|row| Stored {
                position: row.position,
                hash: row.hash,
                kind: row.kind,
                json: row.body,
            })
            .collect())
    }

    /// Hands every event of a filter to `each`, oldest first, with bounded memory.
    ///
    /// # Errors
    ///
    /// A fault if the file cannot be read, or what `each` returns.
    pub fn each(
        &self,
        mut filter: Filter,
        mut each: impl FnMut(Stored) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        loop {
            let page = self.page(&filter)?;
            let Some(last) = page.last().map(|stored| stored.position) else {
                return Ok(());
            };
            filter.after = last;
            page.into_iter().try_for_each(&mut each)?;
        }
    }

    fn rows(&self, filter: &Filter) -> rusqlite::Result<Vec<Row>> {
        let (conditions, values) = filter.conditions();
        let text = format!(
            "SELECT {COLUMNS} FROM event WHERE {conditions} ORDER BY position LIMIT {PAGE}"
        );
        let mut query = self.connection.prepare_cached(&text)?;
        query
            .query_map(rusqlite::params_from_iter(values), Row::read)?
            .collect()
    }

    fn failed(&self, error: rusqlite::Error) -> Fault {
        Fault::new(FaultKind::JournalTampered {
            path: shown(&self.path),
            reason: "it cannot be read".to_owned(),
        })
        .hint("`engine events verify` names the first row that is damaged")
        .caused_by(error)
    }
}

impl Filter {
    /// The conditions of a query; every value is bound, none is in the text.
    fn conditions(&self) -> (String, Vec<Value>) {
        let mut values = vec![Value::Integer(
            i64::try_from(self.after).unwrap_or(i64::MAX),
        )];
        let mut conditions = "position > ?1".to_owned();
        let mut condition = |text: &str, value: String| {
            values.push(Value::Text(value));
            conditions.push_str(&format!(" AND {text} ?{}", values.len()));
        };
        if let Some(run) = self.run {
            condition("run =", run.to_string());
        }
        if let Some(since) = self.since {
            condition("ts >=", format!("{since:.9}"));
        }
        if !self.kinds.is_empty() {
            let places: Vec<String> = (0..self.kinds.len())
                .map(|at| format!("?{}", values.len() + 1 + at))
                .collect();
            conditions.push_str(&format!(" AND kind IN ({})", places.join(", ")));
            values.extend(self.kinds.iter().cloned().map(Value::Text));
        }
        (conditions, values)
    }
}
