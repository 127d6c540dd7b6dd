use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use engine::Source;

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where the build puts things: two levels above this test's own program.
pub(crate) fn target() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    own.ancestors()
        .find(|dir| dir.join(".rustc_info.json").exists())
        .expect("a test runs inside a target directory")
        .to_owned()
}

/// A component built from Rust: one of `tests/guests` or `capabilities`.
pub fn guest(name: &str) -> Source {
    Source::file(guests().join(format!("{name}.wasm"))).unwrap()
}

/// A component from its text in `tests/wat`.
pub fn wat(name: &str) -> Source {
    let path = repository().join("tests/wat").join(format!("{name}.wat"));
    Source::bytes(name, wat::parse_file(path).unwrap()).unwrap()
}

/// The directory of all components built from Rust.
///
/// `cargo xtask test` builds them and says where with `ENGINE_TEST_GUESTS`; a plain `cargo test` builds
/// them here, once.
pub(crate) fn guests() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        if let Some(dir) = std::env::var_os("ENGINE_TEST_GUESTS") {
            return dir.into();
        }
        let target = target().join("guests");
        for workspace in ["tests/guests", "capabilities"] {
            cargo(
                Command::new(env!("CARGO"))
                    .args(["build", "--release", "--quiet", "--target", "wasm32-wasip2"])
                    .current_dir(repository().join(workspace))
                    .env("CARGO_TARGET_DIR", &target),
                "build the guests; is the target there? `rustup target add wasm32-wasip2`",
            );
        }
        target.join("wasm32-wasip2/release")
    })
}

/// The program `engine`.
///
/// `cargo xtask test` builds it and says where with `ENGINE_TEST_BINARY`; a plain `cargo test` builds it
/// here, once.
pub fn engine_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("ENGINE_TEST_BINARY") {
            return binary.into();
        }
        let target = target();
        cargo(
            Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", "engine", "--bin", "engine"])
                .current_dir(repository())
                .env("CARGO_TARGET_DIR", &target),
            "build the engine",
        );
        target.join("debug/engine")
    })
}

/// What tests of new projects keep between them: compiled crates, and tools from registries.
pub fn authoring() -> PathBuf {
    // Beside the program, wherever that was built.
    let target = engine_binary().ancestors().nth(2).unwrap();
    target.join("authoring")
}

fn cargo(command: &mut Command, what: &str) {
    let status = command.status().unwrap();
    assert!(status.success(), "failed to {what}");
}
