use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};

/// The target that guests are built for.
const GUEST_TARGET: &str = "wasm32-wasip2";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    // What cargo says now counts for more than where this was compiled: checkouts may share a target directory.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().unwrap_or(&own).to_owned()
}

/// The one target directory of the project.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Cargo, at the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(root());
    command
}

/// Builds the program as the tests want it, with the features that they want of the library, so that it is built once.
pub(crate) fn build_engine() -> anyhow::Result<PathBuf> {
    run(&mut cargo(&[
        "build",
        "--locked",
        "--package",
        "engine",
        "--features",
        "otel",
    ]))?;
    Ok(target().join("debug/engine"))
}

/// Says what is run, runs it, and fails if it does.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    println!("\n$ {}", shown(command));
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    ensure!(status.success(), "{} failed: {status}", shown(command));
    Ok(())
}

/// Runs something for its output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Output> {
    command
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))
}

/// Whether a program is there and says its version.
pub(crate) fn has(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// A command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let mut words = vec![program.into_owned()];
    words.extend(command.get_args().map(|arg| {
        let arg = arg.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@,+".contains(c);
        if !arg.is_empty() && arg.chars().all(plain) {
            arg.into_owned()
        } else {
            format!("'{arg}'")
        }
    }));
    words.join(" ")
}

/// Adds the guests' target where it is missing.
pub(crate) fn ensure_guest_target() -> anyhow::Result<()> {
    let libraries = output(
        Command::new("rustc")
            .args(["--print", "target-libdir", "--target", GUEST_TARGET])
            .current_dir(root()),
    )?;
    let libraries = String::from_utf8_lossy(&libraries.stdout).trim().to_owned();
    if !libraries.is_empty() && Path::new(&libraries).is_dir() {
        return Ok(());
    }
    println!("the target {GUEST_TARGET} is missing; adding it");
    run(Command::new("rustup").args(["target", "add", GUEST_TARGET]).current_dir(root()))
        .context("guests need the target wasm32-wasip2; without rustup, install it as your toolchain is installed")
}

/// Builds a workspace of guests, and returns the directory of its components.
pub(crate) fn build_guests(workspace: &str) -> anyhow::Result<PathBuf> {
    let target = target().join("guests");
    run(
        cargo(&["build", "--release", "--locked", "--target", GUEST_TARGET])
            .current_dir(root().join(workspace))
            .env("CARGO_TARGET_DIR", &target),
    )?;
    Ok(target.join(GUEST_TARGET).join("release"))
}

/// Tools that the tests of new projects need: how to see that one is there, and Debian's package of it.
const AUTHORING: [(&str, &[&str], &str); 4] = [
    ("node", &["--version"], "nodejs"),
    ("npm", &["--version"], "npm"),
    ("python3", &["--version"], "python3"),
    // It comes apart from Python on Debian.
    ("python3", &["-c", "import ensurepip, venv"], "python3-venv"),
];

/// The tool that counts instructions.
const COUNTING: [(&str, &[&str], &str); 1] = [("valgrind", &["--version"], "valgrind")];

/// Installs what is missing of the tools for capabilities in JavaScript and Python.
pub(crate) fn ensure_authoring_tools() -> anyhow::Result<()> {
    ensure_tools(&AUTHORING)
}

/// Installs valgrind, if it is missing.
pub(crate) fn ensure_valgrind() -> anyhow::Result<()> {
    ensure_tools(&COUNTING)
}

/// Installs what is missing of some tools, with Debian's packages.
fn ensure_tools(tools: &[(&str, &[&str], &str)]) -> anyhow::Result<()> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|(program, args, _)| !has(Command::new(program).args(*args)))
        .map(|(_, _, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("{} missing; installing", missing.join(", "));
    let packages = || format!("`apt-get install {}`", missing.join(" "));
    // What needs a password asks for none here.
    let root = has(Command::new("sh").args(["-c", "test $(id -u) = 0"]));
    let apt = |args: &[&str]| {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            let mut sudo = Command::new("sudo");
            sudo.args(["-n", "apt-get"]);
            sudo
        };
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(&mut apt(&["update", "--quiet"])).with_context(packages)?;
    run(apt(&["install", "--yes", "--quiet", "--no-install-recommends"]).args(&missing))
        .with_context(packages)
}

/// Builds the program as it is handed out.
pub(crate) fn build_release() -> anyhow::Result<PathBuf> {
    run(&mut cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "engine",
    ]))?;
    Ok(target().join("release/engine"))
}
