//! Calls whose intent and outcome are durable, against what the disk can do.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use engine::data::JournalOptions;
use serde_json::json;

use super::threads::throughput;
use crate::subject::{Guarding, Subject, measured, runtime, target, text};
use crate::table::{Row, Target};
use crate::timing::{Times, micros, timed};

const CALLERS: usize = 8;
const SPELL: Duration = Duration::from_secs(4);

/// How long the disk takes to make 4 KiB at the end of a file durable.
fn syncs(dir: &Path) -> Times {
    let mut file = File::create(dir.join("synced")).unwrap();
    let page = [7u8; 4096];
    let sync = |file: &mut File| {
        file.write_all(&page).unwrap();
        timed(|| file.sync_data().unwrap()).0
    };
    Times::new((0..400).map(|_| sync(&mut file)).collect())
}

pub(super) fn rows() -> Vec<Row> {
    let bytes = measured();
    let dir = tempfile::tempdir_in(target()).unwrap();
    let journal = JournalOptions::new()
        .open(dir.path().join("journal.db"))
        .unwrap();
    let subject = Subject::new(&bytes, Guarding::Cedar(20), journal.clone());
    let arguments = json!({ "text": text(64) }).to_string();
    let caller = || -> Box<dyn FnMut() + '_> {
        let runtime = runtime();
        let (subject, arguments) = (&subject, &arguments);
        Box::new(move || {
            subject.value(&runtime, "echo", arguments);
        })
    };
    // The disk is asked before and after, because it has moods.
    let before = syncs(dir.path()).median();
    let calls = throughput(CALLERS, SPELL, &caller);
    let after = syncs(dir.path());
    journal.close().unwrap();
    let sync = (before + after.median()) / 2;
    let possible = CALLERS as f64 / (2.0 * sync.as_secs_f64());
    vec![Row::times(
        "journaled calls a second, 8 callers ÷ (8 ÷ two syncs of the disk)",
        Target::AtLeast(0.5),
        calls / possible,
        format!(
            "{calls:.0} calls a second; fdatasync {}",
            micros(sync.as_secs_f64() * 1e6)
        ),
    )]
}
