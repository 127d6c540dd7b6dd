//! What other parts of the engine need durable and atomic, in the same file as the events.
//!
//! Each answer is one transaction of its own, so that what two processes ask at once is answered one after
//! the other.

use rusqlite::{OptionalExtension as _, params};

use super::open::Journal;
use crate::types::{
    Approvals, Asked, Claimed, Claims, Fault, Inputs, Nonces, Timestamp, WorkflowId,
};

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

    fn spent(&self, scope: &str, nonce: &str) -> Result<bool, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached("SELECT 1 FROM nonce WHERE scope = ?1 AND nonce = ?2")?
                .exists([scope, nonce])
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
                .prepare_cached(
                    "DELETE FROM claim WHERE scope = ?1 AND key = ?2 AND value IS NULL",
                )?
                .execute([scope, key])
                .map(drop)
        })
    }
}

/// Finds questions about the same that last.
const ABOUT: &str = "SELECT token, request, answer FROM approval
     WHERE about = ?1 AND expires > ?2 ORDER BY expires DESC LIMIT ?3";
/// Finds questions by the start of their token.
const STARTING: &str = "SELECT token, request, answer FROM approval
     WHERE token >= ?1 AND token < ?2 ORDER BY expires DESC LIMIT ?3";
/// Finds questions without an answer, however many there are with one.
const WAITING: &str = "SELECT token, request FROM approval INDEXED BY approval_waits
     WHERE answer IS NULL AND expires >= ?1 ORDER BY token";

fn asked(row: &rusqlite::Row<'_>) -> rusqlite::Result<Asked> {
    Ok(Asked {
        token: row.get(0)?,
        request: row.get(1)?,
        answer: row.get(2)?,
    })
}

impl Approvals for Journal {
    fn ask(
        &self,
        token: &str,
        about: &str,
        expires: Timestamp,
        request: &str,
    ) -> Result<(), Fault> {
        let added = self.within(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT OR IGNORE INTO approval (token, about, expires, request)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![token, about, format!("{expires:.9}"), request])
        })?;
        if added == 0 {
            return Err(Fault::config(
                "an approval was asked for twice with the same token",
            ));
        }
        Ok(())
    }

    fn about(&self, about: &str, now: Timestamp, most: usize) -> Result<Vec<Asked>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(ABOUT)?
                .query_map(
                    params![
                        about,
                        format!("{now:.9}"),
                        i64::try_from(most).unwrap_or(i64::MAX)
                    ],
                    asked,
                )?
                .collect()
        })
    }

    fn starting(&self, start: &str, most: usize) -> Result<Vec<Asked>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(STARTING)?
                .query_map(
                    params![
                        start,
                        // No character comes after this one.
                        format!("{start}{}", char::MAX),
                        i64::try_from(most).unwrap_or(i64::MAX)
                    ],
                    asked,
                )?
                .collect()
        })
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

    fn waiting(&self, now: Timestamp) -> Result<Vec<(String, String)>, Fault> {
        self.within(|transaction| {
            transaction
                .prepare_cached(WAITING)?
                .query_map([format!("{now:.9}")], |row| Ok((row.get(0)?, row.get(1)?)))?
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
        journal.ask("t2", "file", at(20), "delete it?").unwrap();
        journal.ask("t1", "mail", at(20), "send it?").unwrap();
        assert!(journal.ask("t1", "mail", at(20), "again?").is_err());
        assert_eq!(journal.waiting(at(20)).unwrap().len(), 2);
        assert_eq!(journal.waiting(at(21)).unwrap(), []);
        assert!(journal.answer("t1", "yes").unwrap());
        assert!(!journal.answer("t1", "no").unwrap());
        assert!(!journal.answer("t3", "yes").unwrap());
        assert_eq!(journal.answered("t1").unwrap().as_deref(), Some("yes"));
        assert_eq!(journal.answered("t2").unwrap(), None);
        assert_eq!(journal.asked("t1").unwrap().as_deref(), Some("send it?"));
        assert_eq!(journal.asked("t3").unwrap(), None);
        assert_eq!(
            journal.waiting(at(1)).unwrap(),
            [("t2".to_owned(), "delete it?".to_owned())]
        );
    }

    /// Of many questions those about one thing are found, by an index, and no more of them than are wanted.
    #[test]
    fn questions_are_found_by_what_they_are_about() {
        let (dir, journal) = journal();
        for n in 0..200_i64 {
            let (token, about) = (format!("t{n:03}"), format!("a{}", n % 2));
            journal.ask(&token, &about, at(100 + n), "may it?").unwrap();
        }
        assert!(journal.answer("t197", "yes").unwrap());
        let found = journal.about("a1", at(290), 3).unwrap();
        let tokens: Vec<&str> = found.iter().map(|asked| asked.token.as_str()).collect();
        assert_eq!(tokens, ["t199", "t197", "t195"]);
        assert_eq!(found[1].answer.as_deref(), Some("yes"));
        assert_eq!(journal.about("a1", at(296), 100).unwrap().len(), 2);
        assert_eq!(journal.about("a2", at(1), 100).unwrap(), []);

        let connection = rusqlite::Connection::open(dir.path().join("journal.db")).unwrap();
        let plan = |query: &str| -> String {
            let mut steps = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {query}"))
                .unwrap();
            let none = vec![rusqlite::types::Null; steps.parameter_count()];
            let steps = steps
                .query_map(rusqlite::params_from_iter(none), |row| {
                    row.get::<_, String>(3)
                })
                .unwrap();
            steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
        };
        for (query, index) in [(ABOUT, "approval_about"), (WAITING, "approval_waits")] {
            let plan = plan(query);
            assert!(plan.contains(index) && !plan.contains("SCAN"), "{plan}");
        }
    }

    #[test]
    fn a_used_nonce_is_known() {
        let (_dir, journal) = journal();
        assert!(!journal.spent("a", "n").unwrap());
        assert!(journal.spend("a", "n", at(10), at(1)).unwrap());
        assert!(journal.spent("a", "n").unwrap());
        assert!(!journal.spent("b", "n").unwrap());
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
