use crate::shell::{
    self, build_engine, build_guests, cargo, ensure_authoring_tools, ensure_guest_target, has,
    root, target,
};

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

    let tests = if has(&mut cargo(&["nextest", "--version"])) {
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
