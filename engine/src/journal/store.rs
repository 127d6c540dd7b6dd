//! What other parts of the engine need durable and atomic, in the same file as the events.
//!
//! Each answer is one transaction of its own, so that what two processes ask at once is answered one after
//! the other.

use rusqlite::{OptionalExtension as _, params};

use super::open::Journal;
use crate::types::{Approvals, Claimed, Claims, Fault, Inputs, Nonces, Timestamp, WorkflowId};

impl Nonces for Journal {
    fn spend(
        &self,
        scope: &str,
        nonce: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached("DELETE FROM nonce WHERE scope = ?1 AND expires < ?2")?
                .execute(params![scope, format!("{now:.9}")])?;
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO nonce (scope, nonce, expires) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![scope, nonce, format!("{until:.9}")])
                .map(|added| added == 1)
        })
    }
}

impl Claims for Journal {
    fn claim(&self, scope: &str, key: &str) -> Result<Claimed, Fault> {
        self.within(|transaction| {
            let known: Option<Option<String>> = transaction
                .prepare_cached("SELECT value FROM claim WHERE scope = ?1 AND key = ?2")?
                .query_row([scope, key], |row| row.get(0))
                .optional()?;
            Ok(match known {
                Some(Some(value)) => Claimed::Settled(value),
                Some(None) => Claimed::Open,
                None => {
                    transaction
                        .prepare_cached("INSERT INTO claim (scope, key) VALUES (?1, ?2)")?
                        .execute([scope, key])?;
                    Claimed::New
                }
            })
        })
    }

    fn settle(&self, scope: &str, key: &str, value: &str) -> Result<(), Fault> {
        let known = self.within(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE claim SET value = coalesce(value, ?3) WHERE scope = ?1 AND key = ?2",
                )?
                .execute([scope, key, value])
        })?;
        if known == 0 {
            return Err(Fault::config(format!(
                "nobody claimed the key `{}`",
                crate::types::text::line(key, 200)
            )));
        }
        Ok(())
    }

    fn release(&self, scope: &str, key: &str) -> Result<(), Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached("DELETE FROM claim WHERE scope = ?1 AND key = ?2 AND value IS NULL")?
                .execute([scope, key])
                .map(drop)
        })
    }
}

impl Approvals for Journal {
    fn ask(&self, token: &str, request: &str) -> Result<(), Fault> {
        let added = self.within(|transaction| {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO approval (token, request) VALUES (?1, ?2)")?
                .execute([token, request])
        })?;
        if added == 0 {
            return Err(Fault::config(
                "an approval was asked for twice with the same token",
            ));
        }
        Ok(())
    }

    fn asked(&self, token: &str) -> Result<Option<String>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached("SELECT request FROM approval WHERE token = ?1")?
                .query_row([token], |row| row.get(0))
                .optional()
        })
    }

    fn answer(&self, token: &str, answer: &str) -> Result<bool, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE approval SET answer = ?2 WHERE token = ?1 AND answer IS NULL",
                )?
                .execute([token, answer])
                .map(|changed| changed == 1)
        })
    }

    fn answered(&self, token: &str) -> Result<Option<String>, Fault> {
        self.within(|transaction| {
            let answer: Option<Option<String>> = transaction
                .prepare_cached("SELECT answer FROM approval WHERE token = ?1")?
                .query_row([token], |row| row.get(0))
                .optional()?;
            Ok(answer.flatten())
        })
    }

    fn waiting(&self) -> Result<Vec<(String, String)>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "SELECT token, request FROM approval WHERE answer IS NULL ORDER BY token",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
    }
}

impl Inputs for Journal {
    fn append(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO input (workflow, seq, body)
                     SELECT ?1, coalesce(max(seq) + 1, 0), ?2 FROM input WHERE workflow = ?1
                     RETURNING seq",
                )?
                .query_row([&workflow.to_string(), body], |row| row.get(0))
        })
    }

    fn inputs(&self, workflow: WorkflowId) -> Result<Vec<String>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached("SELECT body FROM input WHERE workflow = ?1 ORDER BY seq")?
                .query_map([workflow.to_string()], |row| row.get(0))?
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::JournalOptions;
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let dir = tempfile::tempdir().unwrap();
        let journal = JournalOptions::new()
            .open(dir.path().join("journal.db"))
            .unwrap();
        (dir, journal)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// However many ask at once, a nonce is spent and a key claimed by one of them.
    #[test]
    fn one_of_many_wins() {
        let (dir, first) = journal();
        let second = JournalOptions::new()
            .open(dir.path().join("journal.db"))
            .unwrap();
        let won = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let journal = if thread % 2 == 0 { &first } else { &second };
                    scope.spawn(move || {
                        let spent = journal.spend("api", "n", at(100), at(1)).unwrap();
                        let claimed = journal.claim("api", "k").unwrap() == Claimed::New;
                        (u32::from(spent), u32::from(claimed))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .fold((0, 0), |sum, won| (sum.0 + won.0, sum.1 + won.1))
        });
        assert_eq!(won, (1, 1));
    }

    #[test]
    fn a_nonce_is_forgotten_after_its_time() {
        let (_dir, journal) = journal();
        assert!(journal.spend("a", "n", at(10), at(1)).unwrap());
        assert!(!journal.spend("a", "n", at(10), at(9)).unwrap());
        assert!(
            journal.spend("b", "n", at(10), at(9)).unwrap(),
            "another scope"
        );
        assert!(journal.spend("a", "n", at(20), at(11)).unwrap());
    }

    #[test]
    fn a_claim_keeps_its_first_value() {
        let (_dir, journal) = journal();
        assert!(journal.settle("s", "k", "1").is_err());
        assert_eq!(journal.claim("s", "k").unwrap(), Claimed::New);
        assert_eq!(journal.claim("s", "k").unwrap(), Claimed::Open);
        journal.settle("s", "k", "1").unwrap();
        journal.settle("s", "k", "2").unwrap();
        assert_eq!(
            journal.claim("s", "k").unwrap(),
            Claimed::Settled("1".to_owned())
        );
    }

    #[test]
    fn an_approval_is_answered_once() {
        let (_dir, journal) = journal();
        journal.ask("t2", "delete it?").unwrap();
        journal.ask("t1", "send it?").unwrap();
        assert!(journal.ask("t1", "again?").is_err());
        assert_eq!(journal.waiting().unwrap().len(), 2);
        assert!(journal.answer("t1", "yes").unwrap());
        assert!(!journal.answer("t1", "no").unwrap());
        assert!(!journal.answer("t3", "yes").unwrap());
        assert_eq!(journal.answered("t1").unwrap().as_deref(), Some("yes"));
        assert_eq!(journal.answered("t2").unwrap(), None);
        assert_eq!(journal.asked("t1").unwrap().as_deref(), Some("send it?"));
        assert_eq!(journal.asked("t3").unwrap(), None);
        assert_eq!(
            journal.waiting().unwrap(),
            [("t2".to_owned(), "delete it?".to_owned())]
        );
    }

    #[test]
    fn inputs_stay_in_order_in_each_workflow() {
        let (dir, journal) = journal();
        let (one, two) = (WorkflowId::fresh(), WorkflowId::fresh());
        for number in 0..5 {
            assert_eq!(journal.append(one, &format!("i{number}")).unwrap(), number);
        }
        assert_eq!(journal.append(two, "other").unwrap(), 0);
        journal.close().unwrap();
        let again = JournalOptions::new()
            .open(dir.path().join("journal.db"))
            .unwrap();
        assert_eq!(again.inputs(one).unwrap(), ["i0", "i1", "i2", "i3", "i4"]);
        assert_eq!(again.inputs(two).unwrap(), ["other"]);
        assert_eq!(again.inputs(WorkflowId::fresh()).unwrap(), [""; 0]);
    }
}
