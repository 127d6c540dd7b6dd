//! Whole processes: how long they take from start to end, and the most memory they hold.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use wait4::Wait4 as _;

/// A program, and the directory that it finds its state in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) args: Vec<String>,
    /// Where the engine keeps its state: the same each time, so that it is warm, or another each time.
    pub(crate) home: Home,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Home {
    Same(PathBuf),
    Fresh(PathBuf),
}

/// Programs that take turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Programs {
    pub(crate) programs: Vec<Program>,
    pub(crate) rounds: usize,
}

/// What the runs of one program took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) times: Vec<Duration>,
    /// The most memory of each run, in bytes.
    pub(crate) peaks: Vec<u64>,
}

impl Programs {
    pub(crate) fn measure(&self) -> Vec<Runs> {
        let none = Runs {
            times: Vec::new(),
            peaks: Vec::new(),
        };
        let mut found = vec![none; self.programs.len()];
        for round in 0..self.rounds + 3 {
            for (program, runs) in self.programs.iter().zip(&mut found) {
                let (took, peak) = program.run(round);
                // The first runs fill caches.
                if round >= 3 {
                    runs.times.push(took);
                    runs.peaks.push(peak);
                }
            }
        }
        found
    }
}

impl Program {
    fn run(&self, round: usize) -> (Duration, u64) {
        let home = match &self.home {
            Home::Same(home) => home.clone(),
            Home::Fresh(beneath) => beneath.join(format!("home-{round}")),
        };
        let start = Instant::now();
        let child = Command::new(&self.path)
            .args(&self.args)
            .env("ENGINE_HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ended = child.wait4().unwrap();
        let took = start.elapsed();
        assert!(
            ended.status.success(),
            "{:?}: {:?}",
            self.args,
            ended.status
        );
        (took, ended.rusage.maxrss)
    }
}

/// Where a program of this name is, as a shell would find it.
pub(crate) fn found(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// The `wasmtime` to compare with: the one that ENGINE_BENCH_WASMTIME names, or the one that a shell would find.
pub(crate) fn wasmtime() -> Option<PathBuf> {
    let named = std::env::var_os("ENGINE_BENCH_WASMTIME").map(PathBuf::from);
    named.or_else(|| found("wasmtime"))
}

/// The release binary that `cargo xtask bench` builds first.
pub(crate) fn engine(target: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("ENGINE_BENCH_BINARY").map(PathBuf::from);
    Some(named.unwrap_or_else(|| target.join("release/engine"))).filter(|file| file.is_file())
}
