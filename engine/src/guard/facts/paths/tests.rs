#![expect(
    clippy::disallowed_methods,
    reason = "a test makes the files it looks at"
)]

use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

mod oracle;

/// `public`, which is granted as `/data/public`, and `private` next to it, which is not.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    let public = tree.path().join("public");
    std::fs::create_dir_all(public.join("sub")).unwrap();
    std::fs::create_dir(tree.path().join("private")).unwrap();
    std::fs::write(tree.path().join("private/secret.txt"), "x").unwrap();
    std::fs::write(public.join("a.txt"), "x").unwrap();
    std::fs::write(public.join("id.key"), "x").unwrap();
    for (target, link) in [
        ("sub", "link-in"),
        ("id.key", "link-key"),
        ("../private", "link-out"),
        ("sub/../../private", "link-climb"),
        ("none", "dangling"),
        ("../none", "dangling-out"),
        ("loop", "loop"),
    ] {
        symlink(target, public.join(link)).unwrap();
    }
    symlink(public.join("sub"), public.join("link-abs")).unwrap();
    tree
}

fn grants(tree: &Path, rights: Rights) -> Grants {
    let public = tree.join("public");
    Grants::builder()
        .dir(public, "/data/public", rights)
        .build()
        .unwrap()
}

fn fact(path: &str, grants: &Grants) -> PathFact {
    PathFact::of((path, path), true, grants)
}

/// Each path, whether it is canonical, and whether it is inside.
const SPELLINGS: &[(&str, bool, bool)] = &[
    ("/data/public", true, true),
    ("/data/public/a.txt", true, true),
    ("/data/public/none.txt", true, true),
    ("/data/public/sub/none/deeper", true, true),
    ("/data/public/link-in", true, true),
    ("/data/public/link-in/none", true, true),
    ("/data/public/dangling", true, true),
    ("/data/public/caf\u{e9}", true, true),
    ("/data/public/~", true, true),
    // Inside, and not in the one spelling.
    ("/data/public/", false, true),
    ("/data/public/./a.txt", false, true),
    ("/data/public//a.txt", false, true),
    ("//data/public/a.txt", false, true),
    ("/data/public/sub/../a.txt", false, true),
    ("/data/public/..%2fprivate", false, true),
    ("/data/public/%2e%2e/private", false, true),
    ("/data/public/%2E%2E%2Fprivate", false, true),
    ("/data/public/%252e%252e/private", false, true),
    ("/data/public/..%c0%afprivate", false, true),
    ("/data/public/..%5cprivate", false, true),
    (r"/data/public/..\private", false, true),
    ("/data/public/\u{ff0e}\u{ff0e}/private", false, true),
    ("/data/public/..\u{2215}private", false, true),
    ("/data/public/cafe\u{301}", false, true),
    ("/data/public/\u{212a}", false, true),
    ("/data/public/a\u{200b}.txt", false, true),
    ("/data/public/a.txt.", false, true),
    ("/data/public/a.txt ", false, true),
    ("/data/public/sub /a.txt", false, true),
    ("/data/public/a\nb", false, true),
    ("/data/public/a\u{202e}b", false, true),
    // Outside.
    ("/", true, false),
    ("/data", true, false),
    ("/data/publicity", true, false),
    ("/data/private", true, false),
    ("/data/private/secret.txt", true, false),
    ("/Data/Public", true, false),
    ("/Data/Public/a.txt", true, false),
    ("/DATA/public/a.txt", true, false),
    ("/data/PUBLIC/../public/a.txt", false, false),
    ("/data/public/..", false, false),
    ("/data/public/../private", false, false),
    ("/data/public/../private/secret.txt", false, false),
    ("/data/public/../public/a.txt", false, false),
    ("/data/public/sub/../../private", false, false),
    ("/data/public/none/../a.txt", false, false),
    ("/data/./public/a.txt", false, false),
    ("/data//public/a.txt", false, false),
    ("/../data/public/a.txt", false, false),
    ("/data/public%2f..%2fprivate", false, false),
    ("/data%2fpublic/a.txt", false, false),
    (r"/data/public\..\private", false, false),
    (r"\data\public\a.txt", false, false),
    ("/data/public\0/a.txt", false, false),
    ("/data/public/a\0b", false, false),
    ("/data/public /a.txt", false, false),
    ("data/public/a.txt", true, false),
    ("./data/public/a.txt", false, false),
    ("../data/public", true, false),
    ("~/public", true, false),
    ("/data/public/link-out", true, false),
    ("/data/public/link-out/secret.txt", true, false),
    ("/data/public/link-out/none", true, false),
    ("/data/public/link-climb", true, false),
    ("/data/public/link-abs", true, false),
    ("/data/public/dangling-out", true, false),
    ("/data/public/loop", true, false),
    ("/data/public/a.txt/x", true, false),
];

#[test]
fn only_what_the_guest_reaches_is_inside() {
    let tree = tree();
    let grants = grants(tree.path(), Rights::ReadOnly);
    assert!(SPELLINGS.len() >= 40);
    for (path, canonical, inside) in SPELLINGS {
        let fact = fact(path, &grants);
        assert_eq!(
            (fact.canonical, fact.inside),
            (*canonical, *inside),
            "{path:?}: {fact:?}"
        );
        assert!(!fact.writable, "{path:?}");
    }
    let long = format!("/data/public/{}", "x".repeat(256));
    assert!(!fact(&long, &grants).inside);
}

#[test]
fn what_every_reader_takes_for_the_same_is_plain() {
    for (path, plain) in [
        ("docs/a.md", true),
        ("./docs/a.md", true),
        ("docs/", true),
        ("./docs/", true),
        (".", true),
        ("./", true),
        ("/", true),
        ("/docs/", true),
        ("file:///docs/a.md", true),
        ("", false),
        ("././docs", false),
        ("docs//", false),
        ("docs//a.md", false),
        ("docs/./a.md", false),
        ("docs/../a.md", false),
        ("//docs", false),
        ("docs/a%2fb", false),
        (r"docs\a.md", false),
    ] {
        let decoded = path.strip_prefix("file://").unwrap_or(path);
        let fact = PathFact::of((path, decoded), true, &Grants::none());
        assert_eq!(fact.plain, plain, "{path}: {fact:?}");
    }
}

#[test]
fn a_place_is_where_links_lead() {
    let tree = tree();
    let grants = grants(tree.path(), Rights::ReadOnly);
    for (path, place) in [
        ("/data/public", Some("/data/public")),
        ("/data/public/a.txt", Some("/data/public/a.txt")),
        ("/data/public/none/x", Some("/data/public/none/x")),
        ("/data/public/link-in", Some("/data/public/sub")),
        ("/data/public/link-in/x", Some("/data/public/sub/x")),
        ("/data/public/sub/../link-key", Some("/data/public/id.key")),
        ("/data/public/link-out", None),
        ("/data/private", None),
    ] {
        assert_eq!(fact(path, &grants).place.as_deref(), place, "{path}");
    }
}

#[test]
fn rights_come_from_the_directory_that_is_reached() {
    let tree = tree();
    let writable = grants(tree.path(), Rights::ReadWrite);
    assert!(fact("/data/public/new.txt", &writable).writable);
    assert!(!fact("/data/private/new.txt", &writable).writable);
    assert!(!fact("/data/public/a.txt", &Grants::none()).inside);
}

#[test]
fn a_link_to_a_blocked_place_is_blocked() {
    let tree = tree();
    let grants = grants(tree.path(), Rights::ReadOnly);
    let link = fact("/data/public/link-key", &grants);
    assert!(link.inside && link.canonical && link.blocked, "{link:?}");
    assert!(!fact("/data/public/link-in", &grants).blocked);
}

#[test]
fn the_longest_guest_name_wins_and_ways_that_differ_lead_nowhere() {
    let tree = tempfile::tempdir().unwrap();
    let mut grants = Grants::builder();
    for (host, guest, rights) in [
        ("here", ".", Rights::ReadOnly),
        ("a", "/a", Rights::ReadOnly),
        ("ab", "/a/b", Rights::ReadWrite),
        ("r", "r", Rights::ReadWrite),
    ] {
        std::fs::create_dir(tree.path().join(host)).unwrap();
        grants = grants.dir(tree.path().join(host), guest, rights);
    }
    let grants = grants.build().unwrap();
    for (path, host) in [
        ("/a", Some("a")),
        ("/a/x", Some("a")),
        ("/a/b", Some("ab")),
        ("/a/b/x", Some("ab")),
        ("/a/bb", Some("a")),
        ("x", Some("here")),
        (".", Some("here")),
        ("./x", Some("here")),
        ("r/x", Some("r")),
        // wasi-libc reaches `/a` by these, and others do not.
        ("a", None),
        ("a/b/x", None),
        ("./a/x", None),
        ("./r/x", None),
        ("/x", None),
        ("/r/x", None),
        ("/", None),
    ] {
        let dir = reached(grants.dirs(), path).map(|(dir, _)| dir.host.file_name().unwrap());
        assert_eq!(dir, host.map(std::ffi::OsStr::new), "{path}");
    }
}

#[test]
fn paths_are_made_normal_by_their_text_alone() {
    for (path, normal) in [
        ("/", "/"),
        ("//", "/"),
        ("/a/b", "/a/b"),
        ("/a//b/./c/", "/a/b/c"),
        ("/a/../b", "/b"),
        ("/../../a", "/a"),
        ("a/../b", "b"),
        ("a/..", "."),
        (".", "."),
        ("./a", "a"),
        ("../a/../..", "../.."),
        ("~/a", "~/a"),
        (r"a\..\b", r"a\..\b"),
        ("a/%2e%2e/b", "a/%2e%2e/b"),
    ] {
        assert_eq!(fact(path, &Grants::none()).normal, normal, "{path}");
    }
}

#[test]
fn what_looks_like_a_path() {
    let long = format!("/{}", "x".repeat(MOST_LINE - 1));
    for (text, by_itself, named) in [
        ("/a", true, true),
        ("a/b", true, true),
        (r"a\b", true, true),
        (".env", true, true),
        ("~", true, true),
        (long.as_str(), true, true),
        ("notes.txt", false, true),
        ("notes.txt\0", false, true),
        ("/a\0", false, true),
        ("/a\n", false, true),
        ("/a\nb", false, true),
        ("", false, false),
        (&format!("{long}x"), false, false),
    ] {
        assert_eq!(looks_like_path(text, false), by_itself, "{text:?}");
        assert_eq!(looks_like_path(text, true), named, "{text:?} with a name");
    }
}

#[test]
fn what_is_shown_is_short_and_safe() {
    let fact = fact(&format!("/a\u{1b}[2J{}", "x".repeat(1000)), &Grants::none());
    assert!(fact.written.starts_with(r"/a\u{1b}[2J"), "{}", fact.written);
    assert!(fact.written.len() < 270);
}
