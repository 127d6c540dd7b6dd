//! What workflows need durable: who they are, large results, wishes of people, and what their events say.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use rusqlite::{Connection, OptionalExtension as _, params};
use rustix::fs::{FlockOperation, flock};

use super::open::{Journal, beside};
use crate::event::Source;
use crate::types::{
    Begun, Blobs, Digest, Fault, FaultKind, Lease, Roster, RosterEntry, RunId, WorkflowId,
};

impl Blobs for Journal {
    fn put(&self, body: &str) -> Result<Digest, Fault> {
        let digest = Digest::of(body.as_bytes());
        self.within(|transaction| {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO blob (digest, body) VALUES (?1, ?2)")?
                .execute([&digest.to_string(), body])
        })?;
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> Result<String, Fault> {
        let found: Option<String> = self.reading(|connection| {
            connection
                .prepare_cached("SELECT body FROM blob WHERE digest = ?1")?
                .query_row([digest.to_string()], |row| row.get(0))
                .optional()
        })?;
        let body = found.ok_or_else(|| self.damaged(format!("the result {digest} is missing")))?;
        if Digest::of(body.as_bytes()) != digest {
            return Err(self.damaged(format!("the result {digest} was changed")));
        }
        Ok(body)
    }
}

impl Roster for Journal {
    fn enter(&self, entry: &RosterEntry) -> Result<(), Fault> {
        let written = serde_json::to_string(entry).map_err(|error| {
            Fault::new(FaultKind::Bug {
                at: "the text of a workflow's entry",
            })
            .caused_by(error)
        })?;
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO workflow (id, began, entry) VALUES (?1, ?2, ?3)
                     ON CONFLICT (id) DO UPDATE SET entry = excluded.entry",
                )?
                .execute(params![
                    entry.workflow.to_string(),
                    i64::try_from(entry.began_ms).unwrap_or(i64::MAX),
                    written
                ])
                .map(drop)
        })
    }

    fn entries(&self, most: usize) -> Result<Vec<RosterEntry>, Fault> {
        let written: Vec<String> = self.reading(|connection| {
            connection
                .prepare_cached("SELECT entry FROM workflow ORDER BY began DESC, id DESC LIMIT ?1")?
                .query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| row.get(0))?
                .collect()
        })?;
        written
            .iter()
            .map(|entry| {
                serde_json::from_str(entry).map_err(|error| {
                    self.damaged("the entry of a workflow cannot be read".to_owned())
                        .caused_by(error)
                })
            })
            .collect()
    }

    #[expect(clippy::disallowed_methods, reason = "the journal keeps its own locks")]
    fn lease(&self, workflow: WorkflowId) -> Result<Option<Box<dyn Lease>>, Fault> {
        let path = beside(self.path(), &format!("{workflow}.lock"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Fault::system("making a workflow's lock").caused_by(error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Ok(None);
        }
        // Whoever gave the place back may have removed the file between the two.
        let same = same_file(&file, &path);
        Ok(same.then(|| {
            let lease: Box<dyn Lease> = Box::new(Held { _file: file, path });
            lease
        }))
    }

    fn wish(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO wish (workflow, number, body)
                     SELECT ?1, coalesce(max(number) + 1, 1), ?2 FROM wish WHERE workflow = ?1
                     RETURNING number",
                )?
                .query_row([&workflow.to_string(), body], |row| row.get(0))
        })
    }

    fn wishes(&self, workflow: WorkflowId) -> Result<Vec<(u64, String)>, Fault> {
        self.reading(|connection| {
            connection
                .prepare_cached(
                    "SELECT number, body FROM wish WHERE workflow = ?1 AND reply IS NULL
                     ORDER BY number",
                )?
                .query_map([workflow.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }

    fn reply(&self, workflow: WorkflowId, wish: u64, body: &str) -> Result<(), Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE wish SET reply = coalesce(reply, ?3) WHERE workflow = ?1 AND number = ?2",
                )?
                .execute(params![workflow.to_string(), wish, body])
                .map(drop)
        })
    }

    fn replied(&self, workflow: WorkflowId, wish: u64) -> Result<Option<String>, Fault> {
        self.reading(|connection| {
            let reply: Option<Option<String>> = connection
                .prepare_cached("SELECT reply FROM wish WHERE workflow = ?1 AND number = ?2")?
                .query_row(params![workflow.to_string(), wish], |row| row.get(0))
                .optional()?;
            Ok(reply.flatten())
        })
    }

    fn told(&self, workflow: WorkflowId) -> Result<u64, Fault> {
        let source = Source::Workflow {
            workflow_id: workflow,
        };
        self.reading(|connection| {
            connection
                .prepare_cached("SELECT coalesce(max(seq) + 1, 0) FROM event WHERE source = ?1")?
                .query_row([source.to_string()], |row| row.get(0))
        })
    }

    fn begun(&self, workflow: WorkflowId) -> Result<Option<Vec<Begun>>, Fault> {
        let source = Source::Workflow {
            workflow_id: workflow,
        };
        // Without its first event this journal is no sink of the engine, or retention has removed some.
        let whole: bool = self.reading(|connection| {
            connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM event WHERE source = ?1 AND seq = 0)",
                )?
                .query_row([source.to_string()], |row| row.get(0))
        })?;
        if !whole {
            return Ok(None);
        }
        let rows: Vec<(String, String)> = self.reading(|connection| begun(connection, workflow))?;
        let mut calls: Vec<Begun> = Vec::new();
        for (kind, body) in rows {
            let event = crate::event::Event::from_json(&body).map_err(|error| {
                self.damaged("an event of a workflow cannot be read".to_owned())
                    .caused_by(error)
            })?;
            let Some((step, run)) = of_step(&event.scope, workflow) else {
                continue;
            };
            if kind == "call_started" {
                calls.push(Begun {
                    step,
                    run,
                    ended: None,
                });
            } else if let Some(call) = calls.iter_mut().find(|call| call.run == run) {
                call.ended = Some(body);
            }
        }
        Ok(Some(calls))
    }
}

/// The first and last events of all calls since the workflow began that speak of it.
fn begun(connection: &Connection, workflow: WorkflowId) -> rusqlite::Result<Vec<(String, String)>> {
    let source = Source::Workflow {
        workflow_id: workflow,
    };
    connection
        .prepare_cached(
            "SELECT kind, body FROM event
             WHERE kind IN ('call_started', 'call_completed')
               AND position > coalesce((SELECT min(position) FROM event WHERE source = ?1), 0)
               AND instr(body, ?2) > 0
             ORDER BY position",
        )?
        .query_map(
            [source.to_string(), format!("workflow:{workflow}")],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect()
}

/// The step and its run that an event is about, if it is about a call that this workflow made itself.
fn of_step(scope: &[crate::event::Scope], workflow: WorkflowId) -> Option<(String, RunId)> {
    use crate::event::Scope;
    let (mut ours, mut step, mut run) = (false, None, None);
    for part in scope {
        match part {
            Scope::Workflow(id) => ours |= *id == workflow,
            Scope::Step(name) => step = Some(name.clone()),
            // An action that another one called belongs to that one.
            Scope::Run(_) if run.is_some() => return None,
            Scope::Run(id) => run = Some(*id),
            Scope::Call(_) => {}
        }
    }
    ours.then_some(())?;
    step.zip(run)
}

/// The place of the one who drives a workflow.
struct Held {
    _file: File,
    path: std::path::PathBuf,
}

impl Lease for Held {}

impl Drop for Held {
    #[expect(
        clippy::disallowed_methods,
        reason = "the journal removes its own lock"
    )]
    fn drop(&mut self) {
        // Still locked: nobody else holds this file. One that stays does no harm.
        std::fs::remove_file(&self.path).ok();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the journal looks at its own lock"
)]
fn same_file(file: &File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(named)) = (file.metadata(), std::fs::metadata(path)) else {
        return false;
    };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}
