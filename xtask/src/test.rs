use crate::shell::{
    self, build_engine, build_guests, cargo, ensure_authoring_tools, ensure_guest_target, has,
    root, target,
};

/// The suites that attack the sandbox.
const HOSTILE: &str = "test(/^(authority|calling|cpu|deterministic|files|load|memory|network|outcome|telling|values)::/)";

/// `cargo xtask test`: builds what the tests need, and runs them all.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure_guest_target()?;
    ensure_authoring_tools()?;
    build_guests("capabilities")?;
    let guests = build_guests("tests/guests")?;
    // What computes in a capability is tested on this machine, too.
    shell::run(
        cargo(&["test", "--locked"])
            .current_dir(root().join("capabilities"))
            .env("CARGO_TARGET_DIR", target().join("guests")),
    )?;
    let engine = build_engine()?;

    let nextest = has(&mut cargo(&["nextest", "--version"]));
    let tests = if nextest {
        &[
            "nextest",
            "run",
            "--locked",
            "--workspace",
            "--no-fail-fast",
        ][..]
    } else {
        &[
            "test",
            "--locked",
            "--workspace",
            "--all-targets",
            "--no-fail-fast",
        ][..]
    };
    shell::run(
        cargo(tests)
            .env("ENGINE_TEST_GUESTS", &guests)
            .env("ENGINE_TEST_BINARY", &engine),
    )?;
    if nextest {
        // What a sandbox holds it holds with a pool of places as well.
        shell::run(
            cargo(&["nextest", "run", "--locked", "--package", "engine-tests"])
                .args(["--no-fail-fast", "-E", HOSTILE])
                .env("ENGINE_TEST_POOL", "4")
                .env("ENGINE_TEST_GUESTS", &guests)
                .env("ENGINE_TEST_BINARY", &engine),
        )?;
    }
    shell::run(
        cargo(&["test", "--locked", "--workspace", "--doc"]).env("ENGINE_TEST_GUESTS", &guests),
    )?;
    shell::run(
        cargo(&[
            "run",
            "--locked",
            "--package",
            "engine",
            "--example",
            "embed",
        ])
        .arg(guests.join("text.wasm")),
    )?;
    println!("\nall tests passed");
    Ok(())
}
