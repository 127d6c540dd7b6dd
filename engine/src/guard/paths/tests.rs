#![expect(
    clippy::disallowed_methods,
    reason = "a test makes the files it looks at"
)]

use super::*;

#[test]
fn kernel_interfaces_and_the_root_are_never_granted() {
    for path in [
        "/",
        "/proc",
        "/proc/self",
        "/sys",
        "/dev",
        "/dev/shm/..",
        "/usr/../proc",
    ] {
        let fault = resolve(Path::new(path)).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{path}: {fault}");
        assert!(fault.to_string().starts_with("cannot grant `/"), "{fault}");
    }
}

#[test]
fn a_link_to_a_forbidden_place_is_forbidden_too() {
    let dir = std::env::temp_dir().join(format!("engine-paths-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let link = dir.join("link");
    std::os::unix::fs::symlink("/proc", &link).unwrap();
    let fault = resolve(&link).unwrap_err();
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(
        fault.to_string().contains("`/proc` is never given"),
        "{fault}"
    );
}

#[test]
fn the_engines_home_is_kept_out_in_both_directions_and_before_it_exists() {
    let home = Path::new("/tmp/some/where/engine-home-that-does-not-exist");
    for granted in [
        "/tmp",
        "/tmp/some/where/engine-home-that-does-not-exist/journal",
    ] {
        let fault = keep_out_of(home, Path::new(granted)).unwrap_err();
        assert!(fault.to_string().contains("keeps its own state"), "{fault}");
    }
    keep_out_of(home, Path::new("/usr/share")).unwrap();
    keep_out_of(home, Path::new("/tmp/some/where/else")).unwrap();
}

#[test]
fn guest_names_are_checked_and_lose_their_trailing_slash() {
    assert_eq!(guest_name("/data/").unwrap(), "/data");
    assert_eq!(guest_name("/").unwrap(), "/");
    assert_eq!(guest_name(".").unwrap(), ".");
    for name in ["", "a/../b", "..", "a\0b", "a\nb", &"x".repeat(5000)] {
        assert!(guest_name(name).is_err(), "{name:?}");
    }
}

#[test]
fn a_home_that_is_relative_and_not_there_yet_is_kept() {
    let here = std::env::current_dir().unwrap();
    assert!(keep_out_of(Path::new("state-that-is-not-there"), &here).is_err());
    assert!(keep_out_of(Path::new("state-that-is-not-there"), Path::new("/usr")).is_ok());
}

#[test]
fn a_guest_sees_plain_names() {
    for (typed, seen) in [
        ("./docs", "docs"),
        ("docs/", "docs"),
        (".", "."),
        ("./", "."),
        ("/a/./b//", "/a/b"),
        ("/", "/"),
    ] {
        assert_eq!(guest_name(typed).unwrap(), seen, "{typed}");
    }
    for typed in ["../docs", "a/../b", "/d:rx", "docs:"] {
        assert!(
            !guest_name(typed).unwrap_err().hints().is_empty(),
            "{typed}"
        );
    }
}

/// F17: whoever can replace a link on the way to a file decides what is read, so the link is kept like the file.
#[test]
fn a_link_on_the_way_to_what_decides_is_kept_as_well() {
    use std::os::unix::fs::symlink;
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    for dir in ["own", "first", "second", "plain"] {
        std::fs::create_dir(root.join(dir)).unwrap();
    }
    std::fs::write(root.join("own/engine.toml"), "").unwrap();
    symlink("../second/engine.toml", root.join("first/engine.toml")).unwrap();
    symlink("../own/engine.toml", root.join("second/engine.toml")).unwrap();
    symlink("../own", root.join("second/dir")).unwrap();
    symlink("loop", root.join("plain/loop")).unwrap();
    for (file, granted, kept) in [
        ("first/engine.toml", "first", true),
        ("first/engine.toml", "second", true),
        ("first/engine.toml", "own", true),
        ("first/engine.toml", "plain", false),
        ("second/engine.toml", "first", false),
        ("second/dir/engine.toml", "second", true),
        ("second/dir/new.toml", "second", true),
        ("second/dir/new.toml", "own", true),
        ("second/dir/../engine.toml", "first", false),
        ("own/engine.toml", "second", false),
        ("plain/loop", "plain", true),
        ("plain/loop", "own", false),
    ] {
        let checked = keep_from_changing(&root.join(file), &root.join(granted));
        assert_eq!(checked.is_err(), kept, "{file} {granted}");
    }
}
