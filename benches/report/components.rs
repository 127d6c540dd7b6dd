//! Many components in one process.

use std::path::PathBuf;

use engine::data::CodeCache;
use engine::{Engine, Source};
use serde::{Deserialize, Serialize};

use super::chart::Plot;
use super::{line, plain, wide};
use crate::children::{Task, ask};
use crate::live::resident;
use crate::subject::{measured, target};
use crate::timing::timed;

/// Components that differ in a section that means nothing, loaded one after the other.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Components {
    count: u32,
    cache: PathBuf,
}

/// What was measured after so many of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    count: u32,
    /// Milliseconds for each since the last time.
    each_ms: f64,
    /// Memory for all of them, in bytes.
    held: u64,
}

const COUNT: u32 = 1_000;

impl Components {
    pub(crate) fn measure(&self) -> Vec<Loaded> {
        let bytes = measured();
        let cache = CodeCache::open(&self.cache).unwrap();
        let engine = Engine::builder().cache(cache).build().unwrap();
        let before = resident();
        let (mut kept, mut found, mut spent) = (Vec::new(), Vec::new(), 0.0);
        let mut last = 0;
        for number in 1..=self.count {
            let source = Source::bytes(&format!("c{number}"), variant(&bytes, number)).unwrap();
            let (took, loaded) = timed(|| engine.load_blocking(&source).unwrap());
            kept.push(loaded);
            spent += took.as_secs_f64();
            if [1, 3, 10, 30, 100, 300, 1_000].contains(&number) {
                found.push(Loaded {
                    count: number,
                    each_ms: spent * 1e3 / f64::from(number - last),
                    held: resident().saturating_sub(before),
                });
                (last, spent) = (number, 0.0);
            }
        }
        found
    }
}

/// The same component with a custom section that holds a number.
fn variant(bytes: &[u8], number: u32) -> Vec<u8> {
    let mut varied = bytes.to_vec();
    // A section of seven bytes: the length of its name, the name, the number.
    varied.extend([0, 7, 2, b'n', b'o']);
    varied.extend(number.to_le_bytes());
    varied
}

pub(super) fn plots() -> anyhow::Result<Vec<Plot>> {
    let dir = tempfile::tempdir_in(target())?;
    let task = Task::Components(Components {
        count: COUNT,
        cache: dir.path().join("cache"),
    });
    let compiled: Vec<Loaded> = ask(&task)?;
    let mapped: Vec<Loaded> = ask(&task)?;
    let time = |loaded: &[Loaded]| -> Vec<(f64, f64)> {
        let point = |one: &Loaded| (f64::from(one.count), one.each_ms);
        loaded.iter().map(point).collect()
    };
    let memory = |loaded: &[Loaded]| -> Vec<(f64, f64)> {
        let each = |one: &Loaded| one.held as f64 / 1024.0 / f64::from(one.count);
        loaded
            .iter()
            .map(|one| (f64::from(one.count), each(one)))
            .collect()
    };
    Ok(vec![
        Plot {
            title: "Time to load each component".to_owned(),
            note: "A thousand components in one process, one after the other: compiled, and then from the cache of compiled code."
                .to_owned(),
            across: wide("components in the process"),
            up: wide("ms each"),
            lines: vec![
                line("compiled", time(&compiled)),
                line("from the cache", time(&mapped)),
            ],
        },
        Plot {
            title: "Memory of each component".to_owned(),
            note: "Loaded and linked, with no instance.".to_owned(),
            across: wide("components in the process"),
            up: plain("KiB each"),
            lines: vec![
                line("compiled", memory(&compiled)),
                line("from the cache", memory(&mapped)),
            ],
        },
    ])
}
