//! Generated paths against the kernel itself.

use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

use super::super::super::super::{Counters, DirGrant, Policies, tests as samples};
use super::*;
use crate::types::{Decision, Effect};

/// Two granted directories with links into each other, out of both, and around in circles.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    for dir in ["data", "work"] {
        let dir = tree.path().join(dir);
        std::fs::create_dir_all(dir.join("a/b/a")).unwrap();
        std::fs::write(dir.join("a/file"), "x").unwrap();
        std::fs::create_dir(dir.join("caf\u{e9}")).unwrap();
        for (target, link) in [
            ("a/b", "in"),
            ("../out", "out"),
            ("a/../../out", "a/climb"),
            ("..", "a/up"),
            ("../..", "a/upper"),
            ("none/a", "dangling"),
            ("loop", "loop"),
            ("/etc", "absolute"),
        ] {
            symlink(target, dir.join(link)).unwrap();
        }
        symlink(dir.join("a"), dir.join("a/back")).unwrap();
    }
    std::fs::create_dir_all(tree.path().join("out/a")).unwrap();
    tree
}

fn any_path() -> impl Strategy<Value = String> {
    let start = prop::sample::select(vec![
        "/data/", "/data/", "/data/", "/data", "//data/", "/", "", "", "./", "../", "data/",
        "/DATA/",
    ]);
    let part = prop::sample::select(vec![
        "a",
        "a",
        "a",
        "b",
        "b",
        "..",
        "..",
        ".",
        "",
        "in",
        "out",
        "climb",
        "up",
        "upper",
        "back",
        "dangling",
        "loop",
        "absolute",
        "file",
        "none",
        "A",
        "IN",
        "%2f",
        "%2e%2e",
        "..%2fout",
        "a\\b",
        "caf\u{e9}",
        "cafe\u{301}",
    ]);
    (start, prop::collection::vec(part, 0..7))
        .prop_map(|(start, parts)| format!("{start}{}", parts.join("/")))
}

/// The directory that wasi-libc picks and the path that it opens there, byte by byte as its C does it.
fn picked<'a>(dirs: &'a [DirGrant], path: &str) -> Option<(&'a DirGrant, String)> {
    let mut path = path.as_bytes();
    while path.first() == Some(&b'/') {
        path = &path[1..];
    }
    let mut best: Option<(&DirGrant, usize)> = None;
    for dir in dirs.iter().rev() {
        let name = dir.guest.trim_start_matches('/').as_bytes();
        let name = if name == b"." { b"" } else { name };
        let fits = path.starts_with(name) && matches!(path.get(name.len()), None | Some(b'/'));
        if (fits || name.is_empty()) && best.is_none_or(|(_, length)| name.len() > length) {
            best = Some((dir, name.len()));
        }
    }
    let (dir, length) = best?;
    let mut rest = &path[length..];
    while rest.first() == Some(&b'/') {
        rest = &rest[1..];
    }
    Some((dir, String::from_utf8(rest.to_vec()).unwrap()))
}

fn opens(dir: &Path, rest: &str) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let dir = openat(CWD, dir, flags, Mode::empty()).unwrap();
    let rest = if rest.is_empty() { "." } else { rest };
    openat2(dir, rest, flags, Mode::empty(), ResolveFlags::BENEATH).map(drop)
}

/// Whether the guest could open or make the file: one part after another is taken off until something
/// is there.
fn reachable(dir: &Path, rest: &str) -> bool {
    let mut parts: Vec<&str> = rest.split('/').collect();
    loop {
        match opens(dir, &parts.join("/")) {
            Ok(()) => return true,
            Err(Errno::NOENT) => {}
            Err(_) => return false,
        }
        if parts.pop() == Some("..") {
            return false;
        }
    }
}

/// Where the part of a path that exists ends up, by the standard library's own rules.
fn lands_in(dir: &Path, rest: &str) -> bool {
    let mut path = dir.join(rest);
    loop {
        if let Ok(place) = path.canonicalize() {
            return place.starts_with(dir);
        }
        assert!(path.pop(), "{rest}");
    }
}

/// C13, F5: no spelling of a path is inside for the guard and outside for the kernel, or the other way round.
#[test]
fn a_path_is_inside_exactly_where_the_kernel_lets_the_guest() {
    let tree = tree();
    let grants = Grants::builder()
        .dir(tree.path().join("data"), "/data", Rights::ReadWrite)
        .dir(tree.path().join("work"), ".", Rights::ReadOnly)
        .build()
        .unwrap();
    let strict = Policies::default();
    let writes = samples::action("fs.write.v1", Some(&[Effect::Write]));
    let mut both = [0_u32; 2];
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 10_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let seen = std::cell::RefCell::new(&mut both);
    runner
        .run(&any_path(), |path| {
            let fact = fact(&path, &grants);
            let chosen = picked(grants.dirs(), &path);
            // What only wasi-libc reaches is left out: `/a` by `.`, and `data/a` by `/data`.
            let plain = chosen.filter(|(dir, _)| {
                let meant = if path.starts_with('/') { "/data" } else { "." };
                let dotted = path.trim_start_matches(['.', '/']).starts_with("data/");
                dir.guest == meant && !(path.starts_with("./") && dotted)
            });
            let inside = plain
                .as_ref()
                .is_some_and(|(dir, rest)| reachable(&dir.host, rest));
            prop_assert_eq!(fact.inside, inside, "{:?}: {:?}", path, fact);
            // What is decided never goes further than what the kernel lets the guest do.
            let writable = plain
                .as_ref()
                .is_some_and(|(dir, _)| dir.rights == Rights::ReadWrite);
            let decided = samples::verdict(
                &strict,
                &writes,
                ("path", &path),
                &grants,
                Counters::default(),
            );
            prop_assert!(
                decided.decision == Decision::Deny
                    // No system opens an empty path.
                    || path.is_empty()
                    || (inside && writable),
                "{:?} may be written: {:?}",
                path,
                decided
            );
            if let (true, Some((dir, rest))) = (inside, plain) {
                prop_assert!(lands_in(&dir.host, &rest), "{:?} leads out", path);
                prop_assert_eq!(fact.writable, dir.rights == Rights::ReadWrite);
            }
            seen.borrow_mut()[usize::from(inside)] += 1;
            Ok(())
        })
        .unwrap();
    assert!(
        both.iter().all(|count| *count > 1_000),
        "{both:?}: the paths are of one kind"
    );
}
