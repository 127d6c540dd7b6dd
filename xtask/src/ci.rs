use std::process::Command;

use crate::demo;
use crate::docs;
use crate::shell::{self, cargo, has, output, root, target};
use crate::test;

/// Tools that checks need, with the versions they are checked with.
const TOOLS: [(&str, &str, &str); 2] = [
    ("cargo-deny", "0.20.2", "cargo-deny"),
    ("typos-cli", "1.52.0", "typos"),
];

/// `cargo xtask ci`: the tests, then every check of the house style, in order of speed.
pub(crate) fn run() -> anyhow::Result<()> {
    let before = state()?;
    test::run()?;
    // What a newcomer sees first, on the engine that the tests ran on.
    demo::show(&target().join("debug/engine"))?;
    docs::check()?;

    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    for workspace in ["benches/guests", "capabilities", "tests/guests"] {
        shell::run(cargo(&["fmt", "--all", "--check"]).current_dir(root().join(workspace)))?;
    }
    shell::run(&mut cargo(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    // Each feature of the library alone, and none.
    for features in [
        "",
        "guard-cedar",
        "metrics",
        "otel",
        "schema",
        "store-sqlite",
    ] {
        shell::run(&mut cargo(&[
            "clippy",
            "--locked",
            "--package",
            "engine",
            "--no-default-features",
            "--features",
            features,
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    for workspace in ["benches/guests", "capabilities", "tests/guests"] {
        shell::run(
            cargo(&[
                "clippy",
                "--locked",
                "--release",
                "--target",
                "wasm32-wasip2",
                "--",
                "-D",
                "warnings",
            ])
            .current_dir(root().join(workspace))
            .env("CARGO_TARGET_DIR", target().join("guests")),
        )?;
    }
    shell::run(
        cargo(&["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;

    newest_wasmtime()?;

    for (package, version, program) in TOOLS {
        install(package, version, program)?;
    }
    shell::run(Command::new(tool("typos")).current_dir(root()))?;
    shell::run(
        Command::new(tool("cargo-deny"))
            .args(["check", "licenses", "bans", "sources"])
            .current_dir(root()),
    )?;
    anyhow::ensure!(
        state()? == before,
        "the checks changed files of the project: {}",
        state()?
    );
    println!("\nall checks passed");
    Ok(())
}

/// Fails if there is a newer patch of wasmtime's long-term line: most of them close holes that guests
/// can reach.
fn newest_wasmtime() -> anyhow::Result<()> {
    let update = output(&mut cargo(&[
        "update",
        "--dry-run",
        "--package",
        "wasmtime",
        "--package",
        "wasmtime-wasi",
        "--package",
        "wasmtime-wasi-http",
    ]))?;
    let said = String::from_utf8_lossy(&update.stderr).into_owned();
    anyhow::ensure!(
        update.status.success(),
        "cannot ask for the newest wasmtime: {said}"
    );
    let newer = said
        .lines()
        .find(|line| line.contains(" wasmtime") && line.contains(" v48") && line.contains("->"));
    match newer {
        Some(line) => {
            anyhow::bail!("wasmtime is not the newest of its line:{line}; run `cargo update`")
        }
        None => Ok(()),
    }
}

fn tool(program: &str) -> std::path::PathBuf {
    target().join("tools/bin").join(program)
}

/// Installs a tool into the target directory, where the next run finds it.
fn install(package: &str, version: &str, program: &str) -> anyhow::Result<()> {
    let place = target().join("tools");
    if has(Command::new(tool(program)).arg("--version")) {
        return Ok(());
    }
    shell::run(
        cargo(&[
            "install",
            package,
            "--version",
            version,
            "--locked",
            "--quiet",
            "--root",
        ])
        .arg(&place)
        .arg("--target-dir")
        .arg(place.join("build")),
    )
}

/// What git sees of the tree, to tell whether the checks wrote into it.
fn state() -> anyhow::Result<String> {
    let status = output(
        Command::new("git")
            .args(["status", "--porcelain"])
            .current_dir(root()),
    )?;
    Ok(String::from_utf8_lossy(&status.stdout).into_owned())
}
