//! The budget of a call in instructions, which a noisy machine does not change.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::shell::{
    self, build_guests, cargo, ensure_guest_target, ensure_valgrind, output, root, target,
};

/// Rounds of the two runs: what they differ in is that of the rounds between.
const FEW: u64 = 50;
const MANY: u64 = 250;

/// The budget of one figure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    /// What is counted.
    what: String,
    /// The instructions of one round.
    instructions: u64,
    /// The share by which they may be more.
    tolerance: f64,
}

/// Counts the instructions of every figure, and compares with the budget.
pub(super) fn check() -> anyhow::Result<()> {
    ensure_guest_target()?;
    ensure_valgrind()?;
    let guests = build_guests("benches/guests")?;
    let counter = Counter {
        program: program()?,
        guests,
        cache: target().join("bench-instructions"),
    };
    let budget = root().join("benches/budget.toml");
    let budget = std::fs::read_to_string(&budget).context("cannot read benches/budget.toml")?;
    let budget: BTreeMap<String, Budget> = toml::from_str(&budget)?;
    let mut over = Vec::new();
    println!(
        "\n{:24} {:>12} {:>12} {:>8}",
        "instructions of", "counted", "budget", ""
    );
    for figure in counter.figures()? {
        let counted = counter.each(&figure)?;
        let Some(budget) = budget.get(&figure) else {
            println!("{figure:24} {counted:>12} {:>12}", "–");
            over.push(format!("`{figure}` has no budget; it takes {counted}"));
            continue;
        };
        let share = counted as f64 / budget.instructions as f64 - 1.0;
        println!(
            "{figure:24} {counted:>12} {:>12} {:>+7.1} %  {}",
            budget.instructions,
            share * 100.0,
            budget.what
        );
        if share > budget.tolerance {
            over.push(format!(
                "`{figure}` takes {counted} instructions, {:.1} % over its budget of {}; {:.0} % are allowed",
                share * 100.0,
                budget.instructions,
                budget.tolerance * 100.0
            ));
        }
    }
    ensure!(over.is_empty(), "benches/budget.toml: {}", over.join("; "));
    Ok(())
}

struct Counter {
    program: PathBuf,
    guests: PathBuf,
    /// Where compiled code is kept from one run to the next.
    cache: PathBuf,
}

impl Counter {
    fn figures(&self) -> anyhow::Result<Vec<String>> {
        let told = output(Command::new(&self.program).arg("instructions"))?;
        let told = String::from_utf8(told.stdout)?;
        Ok(told.lines().map(str::to_owned).collect())
    }

    /// The instructions of one round.
    fn each(&self, figure: &str) -> anyhow::Result<u64> {
        // The first run of all compiles the guest.
        if !self.cache.is_dir() {
            self.count(figure, 1)?;
        }
        let (few, many) = (self.count(figure, FEW)?, self.count(figure, MANY)?);
        Ok(many.saturating_sub(few) / (MANY - FEW))
    }

    fn count(&self, figure: &str, rounds: u64) -> anyhow::Result<u64> {
        let counted = output(
            Command::new("valgrind")
                .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
                .arg(&self.program)
                .args(["instructions", figure, &rounds.to_string()])
                .arg(&self.cache)
                .env("ENGINE_BENCH_GUESTS", &self.guests),
        )?;
        let said = String::from_utf8_lossy(&counted.stderr).into_owned();
        ensure!(
            counted.status.success(),
            "valgrind failed at {figure}: {said}"
        );
        let collected = said
            .lines()
            .find_map(|line| line.split_once("Collected : "))
            .with_context(|| format!("valgrind tells no count: {said}"))?;
        Ok(collected.1.trim().parse()?)
    }
}

/// Builds the program of the figures, and says where it is.
fn program() -> anyhow::Result<PathBuf> {
    let mut build = cargo(&[
        "bench",
        "--no-run",
        "--locked",
        "--package",
        "engine-benches",
    ]);
    build.args([
        "--bench",
        "figures",
        "--message-format",
        "json-render-diagnostics",
    ]);
    println!("\n$ {}", shell::shown(&build));
    let built = output(build.stderr(Stdio::inherit()))?;
    ensure!(built.status.success(), "the build failed: {}", built.status);
    let told = String::from_utf8_lossy(&built.stdout).into_owned();
    let program = told.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let program = message.get("executable")?.as_str()?;
        let name = message.get("target")?.get("name")?.as_str()?;
        (name == "figures").then(|| PathBuf::from(program))
    });
    program.context("cargo tells no program of the benchmark `figures`")
}
