//! The architecture, as tests: who imports whom, how large things are, what is documented.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::Code;
use engine_tests::repository;

/// Which module of the library may name which others.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("event", &["types"]),
    ("guard", &["types", "event"]),
    ("host", &["types", "event", "guard"]),
    ("component", &["types", "event", "guard", "host"]),
    ("journal", &["types", "event"]),
    ("session", &["types", "event", "guard", "component"]),
    ("workflow", &["types", "event", "guard"]),
    ("workflow::machine", &["types", "event", "workflow"]),
    (
        "workflow::drive",
        &["types", "event", "guard", "session", "journal", "workflow"],
    ),
    (
        "workflow::resume",
        &["types", "event", "guard", "session", "journal", "workflow"],
    ),
    (
        "planner",
        &["types", "event", "guard", "workflow", "session"],
    ),
    (
        "lib",
        &[
            "types",
            "event",
            "guard",
            "host",
            "component",
            "journal",
            "session",
            "planner",
            "workflow",
        ],
    ),
];

/// Which module may name which outside crates; what is not here, all may.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("wasmtime", &["host", "component"]),
    ("wasmtime_wasi", &["host", "component"]),
    ("wasmtime_wasi_http", &["host"]),
    ("wasmparser", &["component", "bin"]),
    ("wasm_encoder", &["bin"]),
    ("wasm_metadata", &["bin"]),
    ("guest_sdk_manifest", &["bin"]),
    ("gimli", &["component"]),
    ("cap_std", &["host"]),
    ("cedar_policy", &["guard"]),
    ("miette", &["guard"]),
    ("url", &["guard"]),
    ("toml", &["bin"]),
    ("minisign_verify", &["bin"]),
    ("rusqlite", &["journal"]),
    ("ed25519_dalek", &["journal"]),
    ("prometheus_client", &["event"]),
    ("opentelemetry", &["event"]),
    ("opentelemetry_otlp", &["event"]),
    ("opentelemetry_sdk", &["event"]),
    ("clap", &["bin"]),
    ("anyhow", &["bin"]),
    ("anstream", &["bin"]),
    ("wat", &["bin"]),
];

struct Edge {
    from: String,
    to: String,
    place: String,
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module a file belongs to, and its path for messages.
fn module(file: &Path) -> (String, String) {
    let source = repository().join("engine/src");
    let relative = file
        .strip_prefix(&source)
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let mut parts = relative.split('/').map(|part| part.trim_end_matches(".rs"));
    let first = parts.next().unwrap().to_owned();
    // Parts of `workflow` that may name more than the others, or less.
    let inner = parts
        .next()
        .map(|second| format!("{first}::{second}"))
        .filter(|inner| MAY_IMPORT.iter().any(|(from, _)| from == inner));
    (inner.unwrap_or(first), relative)
}

fn is_test(file: &Path) -> bool {
    file.components()
        .any(|part| part.as_os_str() == "tests.rs" || part.as_os_str() == "tests")
}

/// Every `crate::x` and every outside crate that is named in the library, outside comments.
fn scan_imports() -> Vec<Edge> {
    let mut edges = Vec::new();
    for file in rust_files(&repository().join("engine/src")) {
        if is_test(&file) {
            continue;
        }
        let (from, place) = module(&file);
        let text = std::fs::read_to_string(&file).unwrap();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            let words = line
                .match_indices("::")
                .map(|(at, _)| &line[..at])
                .filter_map(|before| {
                    before
                        .rsplit(|c: char| !(c.is_alphanumeric() || c == '_'))
                        .next()
                        .map(|word| (before, word))
                });
            for (before, word) in words {
                let inner = before.ends_with(&format!("crate::{word}"));
                let outside = !before.trim_end_matches(word).ends_with("::")
                    && ONLY_IN.iter().any(|(name, _)| *name == word);
                if inner || outside {
                    edges.push(Edge {
                        from: from.clone(),
                        to: if inner {
                            format!("crate::{word}")
                        } else {
                            word.to_owned()
                        },
                        place: format!("{place}:{}", number + 1),
                    });
                }
            }
        }
    }
    edges
}

#[test]
fn modules_import_only_what_the_table_allows() {
    let edges = scan_imports();
    let inner: Vec<&Edge> = edges
        .iter()
        .filter(|edge| edge.to.starts_with("crate::") && edge.from != "bin")
        .collect();
    assert!(
        inner.len() > 60,
        "found {} imports: the scan is broken, not the code",
        inner.len()
    );
    for edge in inner {
        let to = edge.to.trim_start_matches("crate::");
        let allowed = MAY_IMPORT
            .iter()
            .find(|(from, _)| *from == edge.from)
            .map(|(_, to)| *to);
        let Some(allowed) = allowed else {
            panic!("{}: `{}` is not in the table", edge.place, edge.from)
        };
        assert!(
            edge.from.split("::").next() == Some(to) || allowed.contains(&to),
            "{}: `{}` may not import `{to}`",
            edge.place,
            edge.from
        );
    }
}

#[test]
fn outside_crates_are_named_only_where_they_belong() {
    let edges = scan_imports();
    let outside: Vec<&Edge> = edges
        .iter()
        .filter(|edge| !edge.to.starts_with("crate::"))
        .collect();
    assert!(
        outside.len() > 30,
        "found {} uses: the scan is broken, not the code",
        outside.len()
    );
    for edge in outside {
        let (name, allowed) = ONLY_IN.iter().find(|(name, _)| *name == edge.to).unwrap();
        assert!(
            allowed.contains(&edge.from.as_str()),
            "{}: `{}` may not name `{name}`",
            edge.place,
            edge.from
        );
    }
}

#[test]
fn the_program_uses_the_public_facade_alone() {
    let mut uses = 0;
    for file in rust_files(&repository().join("engine/src/bin")) {
        let text = std::fs::read_to_string(&file).unwrap();
        uses += text.matches("engine::").count();
        assert!(!text.contains("#[path"), "{}", file.display());
    }
    assert!(uses > 20, "found {uses} uses: the scan is broken");
}

/// 600 lines at most; a file that is longer is two things.
#[test]
fn no_file_is_two_things() {
    let mut files = 0;
    for dir in [
        "engine",
        "guest-sdk",
        "capabilities",
        "xtask",
        "tests",
        "benches",
    ] {
        for file in rust_files(&repository().join(dir)) {
            if file.components().any(|part| part.as_os_str() == "target") {
                continue;
            }
            files += 1;
            let lines = std::fs::read_to_string(&file).unwrap().lines().count();
            assert!(lines <= 600, "{} has {lines} lines", file.display());
            assert_ne!(
                file.file_name().unwrap(),
                "imp.rs",
                "{}: `imp` is no name",
                file.display()
            );
        }
    }
    assert!(files > 60, "found {files} files: the scan is broken");
}

#[test]
fn the_facade_stays_small() {
    let text = std::fs::read_to_string(repository().join("engine/src/lib.rs")).unwrap();
    let root = text.split("pub mod data").next().unwrap();
    let names: usize = root
        .split("pub use ")
        .skip(1)
        .map(|list| list.split(';').next().unwrap().matches(',').count() + 1)
        .sum();
    assert!(
        (20..=34).contains(&names),
        "{names} names at the root of the library"
    );
    let code = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    assert!(
        code.clone().count() > 10 && !code.clone().any(|line| line.contains("fn ")),
        "the facade has no logic"
    );
}

/// The names of the files in a directory, without their endings.
fn stems(dir: &str) -> Vec<String> {
    std::fs::read_dir(repository().join(dir))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect()
}

/// Every code has a page, and every page a code.
#[test]
fn every_error_code_is_documented() {
    let codes: BTreeSet<String> = Code::ALL
        .iter()
        .map(|code| code.as_str().to_owned())
        .collect();
    let pages: BTreeSet<String> = stems("docs/errors")
        .into_iter()
        .filter(|name| name.starts_with("E-"))
        .collect();
    assert_eq!(codes, pages);
    for code in codes {
        let page =
            std::fs::read_to_string(repository().join(format!("docs/errors/{code}.md"))).unwrap();
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
        for part in ["## When", "## What to do"] {
            assert!(page.contains(part), "{code} has no `{part}`");
        }
    }
}

/// Every hostile guest and every text is used by a test.
#[test]
fn no_guest_is_without_a_test() {
    let suites: String = rust_files(&repository().join("tests/suites"))
        .into_iter()
        .chain(rust_files(&repository().join("tests/src")))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let cases: String = std::fs::read_dir(repository().join("tests/cli"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let mut guests = stems("tests/guests/commands/src/bin");
    guests.extend(stems("tests/wat"));
    assert!(guests.len() > 30, "found {} guests", guests.len());
    for guest in guests {
        let used = suites.contains(&format!("\"{guest}\""))
            || suites.contains(&format!("{guest}.wat"))
            || cases.contains(&guest);
        assert!(used, "no test uses the guest `{guest}`");
    }
}
