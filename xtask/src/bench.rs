mod instructions;

use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::shell::{
    self, build_guests, build_release, cargo, ensure_guest_target, output, root, target,
};

const USAGE: &str = "\
usage: cargo xtask bench [<group>…]           every figure that the project aims at, as one table; or some groups of it
       cargo xtask bench --report [<page>]    the same with plots of how it grows, as a page; usually target/bench-report.html
       cargo xtask bench --instructions       instructions of one call, compared with benches/budget.toml
       cargo xtask bench details [<filter>…]  each part by itself

groups: call, values, threads, cpu, process, journal, memory, guard";

/// `cargo xtask bench`: measures against bare wasmtime, in the same run.
pub(crate) fn run(words: &[&str]) -> anyhow::Result<()> {
    let words = match words {
        ["--", rest @ ..] => rest,
        words => words,
    };
    match words {
        ["details", filters @ ..] => details(filters),
        ["--report"] => report(&target().join("bench-report.html")),
        ["--report", page] => report(&std::path::absolute(page)?),
        ["--instructions"] => instructions::check(),
        [first, ..] if first.starts_with('-') => bail!("{USAGE}"),
        groups => shell::run(figures()?.arg("table").args(groups)),
    }
}

/// The figures, with the guests and the program that they are of.
fn figures() -> anyhow::Result<Command> {
    ensure_guest_target()?;
    let guests = build_guests("benches/guests")?;
    let engine = build_release()?;
    let mut bench = bench("figures");
    bench
        .env("ENGINE_BENCH_GUESTS", guests)
        .env("ENGINE_BENCH_BINARY", engine)
        .env("ENGINE_BENCH_TARGET", target());
    Ok(bench)
}

/// The figures and how they grow, as a page, and their numbers as JSON.
fn report(page: &Path) -> anyhow::Result<()> {
    let numbers = target().join("bench.json");
    shell::run(
        figures()?
            .arg("report")
            .args([page, &numbers])
            .env("ENGINE_BENCH_VERSIONS", versions()?),
    )
}

/// The versions of what is measured, and of what it is measured with.
fn versions() -> anyhow::Result<String> {
    let said = |command: &mut Command| -> anyhow::Result<String> {
        let output = output(command.current_dir(root()))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = said(Command::new("git").args(["describe", "--always", "--dirty"]))?;
    let rustc = said(Command::new("rustc").arg("--version"))?;
    let lock = said(&mut cargo(&["pkgid", "--package", "wasmtime"]))?;
    let wasmtime = lock.rsplit(['@', '#']).next().unwrap_or_default();
    Ok(format!("engine {commit}, wasmtime {wasmtime}, {rustc}"))
}

/// Each part by itself, as criterion measures it.
fn details(filters: &[&str]) -> anyhow::Result<()> {
    ensure_guest_target()?;
    let guests = build_guests("capabilities")?;
    shell::run(
        bench("details")
            .args(filters)
            .env("ENGINE_BENCH_GUESTS", guests),
    )
}

fn bench(name: &str) -> Command {
    cargo(&[
        "bench",
        "--locked",
        "--package",
        "engine-benches",
        "--bench",
        name,
        "--",
    ])
}
