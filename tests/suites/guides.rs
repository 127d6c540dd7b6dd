//! The guides: what they show is what happens.

use std::path::Path;
use std::process::{Command, Stdio};

use engine_tests::{authoring, engine_binary, guest, repository};

/// Every command of `docs/guides/policies.md`, in order, in one directory.
#[test]
fn the_guide_to_policies_is_true() {
    follow("policies.md", 12);
}

/// The same for `docs/guides/workflows.md`.
#[test]
fn the_guide_to_workflows_is_true() {
    follow("workflows.md", 25);
}

/// The same for `docs/guides/testing.md`.
#[test]
fn the_guide_to_testing_is_true() {
    follow("testing.md", 6);
}

/// The same for `docs/guides/authoring.md`, with the tools of each language.
#[test]
fn the_guide_to_authoring_is_true() {
    follow("authoring.md", 10);
}

fn follow(guide: &str, fewest: usize) {
    let text = std::fs::read_to_string(repository().join("docs/guides").join(guide)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for name in ["fs", "text"] {
        std::fs::write(
            dir.path().join(format!("{name}.wasm")),
            guest(name).as_bytes(),
        )
        .unwrap();
    }
    let mut commands = 0;
    for block in blocks(&text) {
        match block.kind.split_once(" file=") {
            Some((_, file)) => std::fs::write(dir.path().join(file), &block.body).unwrap(),
            None => {
                assert_eq!(block.kind, "console", "a block that nothing runs");
                commands += console(&block.body, dir.path());
            }
        }
    }
    assert!(
        commands > fewest,
        "only {commands} commands were found in {guide}"
    );
}

struct Block {
    kind: String,
    body: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(kind)) => {
                open = Some(Block {
                    kind: kind.to_owned(),
                    body: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.body.push_str(line);
                block.body.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Runs each line that begins with `$ ` and compares what follows it; `…` stands for any text in a line.
fn console(body: &str, dir: &Path) -> usize {
    let mut ran = 0;
    for part in body.split("\n$ ").map(|part| part.trim_start_matches("$ ")) {
        let (command, wanted) = part.split_once('\n').unwrap_or((part, ""));
        let home = dir.join("home");
        let output = Command::new("sh")
            .args(["-c", &format!("{command} 2>&1")])
            .current_dir(dir)
            .env("ENGINE_HOME", home)
            .env("PATH", path())
            // What is compiled for a new project is compiled once for all tests.
            .env("CARGO_TARGET_DIR", authoring().join("rust"))
            .env_remove("ENGINE_CONFIG")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        let fits = wanted.trim_end().lines().count() == found.trim_end().lines().count()
            && wanted
                .trim_end()
                .lines()
                .zip(found.lines())
                .all(|(wanted, found)| fits(wanted, found));
        assert!(
            fits,
            "$ {command}\n--- wanted\n{wanted}\n--- found\n{found}"
        );
        ran += 1;
    }
    ran
}

/// The directory of the program before all others.
fn path() -> String {
    let dir = engine_binary().parent().unwrap().display().to_string();
    format!("{dir}:{}", std::env::var("PATH").unwrap_or_default())
}

fn fits(wanted: &str, found: &str) -> bool {
    let mut parts = wanted.split('…');
    let Some(mut rest) = parts.next().and_then(|first| found.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}
