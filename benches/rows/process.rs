//! `engine exec` as a whole process, beside `wasmtime run` on the same component.

use std::path::{Path, PathBuf};

use crate::children::{Task, ask};
use crate::subject::{guest, target};
use crate::table::{Row, Target};
use crate::timing::Times;
use crate::whole::{Home, Program, Programs, Runs, engine, wasmtime};

const WARM: (&str, Target) = (
    "`engine exec`, warm cache, whole process ÷ `wasmtime run`, warm cache",
    Target::AtMost(0.4),
);
const PEAK: (&str, Target) = ("peak memory of these two processes", Target::AtMost(0.5));
const COLD: (&str, Target) = (
    "first `engine exec` of a component ÷ `wasmtime run` without cache",
    Target::AtMost(1.1),
);

/// The two programs that take turns.
struct Pair {
    engine: PathBuf,
    wasmtime: PathBuf,
}

impl Pair {
    /// Both run a guest in turns, wasmtime with each of these options.
    fn run<const N: usize>(
        &self,
        name: &str,
        home: Home,
        options: [&[&str]; N],
    ) -> anyhow::Result<(Runs, [Runs; N])> {
        let component = guest(name).to_string_lossy().into_owned();
        let program = |path: &Path, words: &[&str]| Program {
            path: path.to_owned(),
            args: words
                .iter()
                .map(|word| (*word).to_owned())
                .chain([component.clone()])
                .collect(),
            home: home.clone(),
        };
        let run = |options: &[&str]| program(&self.wasmtime, &[&["run"], options].concat());
        let mut programs = vec![program(&self.engine, &["exec"])];
        programs.extend(options.into_iter().map(run));
        let programs = Programs {
            programs,
            rounds: match home {
                Home::Same(_) => 200,
                Home::Fresh(_) => 30,
            },
        };
        let mut found: Vec<Runs> = ask(&Task::Programs(programs))?;
        anyhow::ensure!(!found.is_empty(), "the programs gave no results");
        let engine = found.remove(0);
        let others = found.try_into();
        let others = others.map_err(|_| anyhow::anyhow!("some programs gave no results"))?;
        Ok((engine, others))
    }
}

pub(super) fn rows() -> Vec<Row> {
    let none = |why: &str| {
        [WARM, PEAK, COLD]
            .map(|(figure, target)| Row::missing(figure, target, why))
            .into()
    };
    let Some(wasmtime) = wasmtime() else {
        return none("wasmtime is not installed");
    };
    let Some(engine) = engine(&target()) else {
        return none(
            "there is no release build of the engine; `cargo build --release -p engine` makes it",
        );
    };
    match measured(&Pair { engine, wasmtime }) {
        Ok(rows) => rows,
        Err(error) => none(&format!("{error:#}")),
    }
}

fn measured(pair: &Pair) -> anyhow::Result<Vec<Row>> {
    let dir = tempfile::tempdir_in(target())?;
    let config = dir.path().join("cache.toml");
    let kept = dir.path().join("wasmtime");
    std::fs::write(&config, format!("[cache]\ndirectory = {kept:?}\n"))?;
    let cached = format!("cache-config={}", config.display());
    let size = std::fs::metadata(guest("counts"))?.len() / 1000;

    let home = Home::Same(dir.path().join("home"));
    let (engine, [wasmtime]) = pair.run("greets", home, [&["-C", &cached]])?;
    let [of_engine, of_wasmtime] = [&engine, &wasmtime].map(|runs| Times::new(runs.times.clone()));
    let [peak, other] = [&engine, &wasmtime].map(|runs| median(&runs.peaks));
    let fresh = Home::Fresh(dir.path().to_owned());
    let uncached = ["-C", "cache=n"];
    let fuelled = [&uncached[..], &["-W", "fuel=10000000000"]].concat();
    let (first, others) = pair.run("counts", fresh, [&uncached, &fuelled])?;
    let first = Times::new(first.times);
    let [without, fuelled] = others.map(|runs| Times::new(runs.times));
    Ok(vec![
        Row::times(
            WARM.0,
            WARM.1,
            of_engine.over(&of_wasmtime),
            format!("engine {of_engine}, wasmtime {of_wasmtime}"),
        ),
        Row::times(
            PEAK.0,
            PEAK.1,
            peak / other,
            format!(
                "engine {:.1} MB, wasmtime {:.1} MB",
                peak / 1e6,
                other / 1e6
            ),
        ),
        Row::times(
            COLD.0,
            COLD.1,
            first.over(&without),
            format!(
                "a component of {size} KB: engine {first}, wasmtime {without}, wasmtime with fuel {fuelled}"
            ),
        ),
    ])
}

fn median(peaks: &[u64]) -> f64 {
    let mut peaks = peaks.to_vec();
    peaks.sort_unstable();
    peaks.get(peaks.len() / 2).copied().unwrap_or_default() as f64
}
