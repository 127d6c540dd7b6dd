//! What happened, kept: an append-only table of events in SQLite, each row chained to the one before.
//!
//! Any number of processes may read and append; each append reads the head of the chain inside the
//! transaction that writes. A chain alone proves nothing against somebody who writes all of it anew or cuts
//! its tail off, so checkpoints and the anchors of retention are signed.

mod chain;
mod export;
mod key;
mod open;
mod read;
mod retain;
mod schema;
mod shared;
mod store;
mod verify;
mod workflows;
mod writer;

pub use export::csv_header;
pub use key::{PublicKey, PublicKeyError, remembered};
pub use open::{Journal, JournalLoad, JournalOptions, Role};
pub use read::{Filter, JournalReader, Stored};
pub use retain::{Keep, Retained};
pub use verify::{Expected, Verified, verify};

use crate::types::{Fault, FaultKind, text};

/// The oldest SQLite that is used: those before can corrupt a database when two connections write and
/// checkpoint at once. (sqlite.org, "WAL-reset bug", fixed in 3.51.3)
const OLDEST_SQLITE: i32 = 3_051_003;

/// How a path appears in messages.
fn shown(path: &std::path::Path) -> String {
    text::line(&path.to_string_lossy(), 256)
}

fn unusable(path: &std::path::Path, reason: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Journal {
        path: shown(path),
        reason: reason.into(),
    })
}

/// Fails under an SQLite that loses data.
fn check_sqlite(path: &std::path::Path) -> Result<(), Fault> {
    let found = rusqlite::version_number();
    if found < OLDEST_SQLITE {
        return Err(unusable(
            path,
            format!("SQLite {found} is older than {OLDEST_SQLITE} and can lose data"),
        ));
    }
    Ok(())
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests damage files as nobody else does"
)]
mod tests;
