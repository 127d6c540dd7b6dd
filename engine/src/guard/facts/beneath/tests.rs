#![expect(
    clippy::disallowed_methods,
    reason = "a test makes the files it looks at"
)]

use std::os::unix::fs::symlink;

use super::*;

#[test]
fn the_way_without_the_kernels_help_never_reaches_further() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path().canonicalize().unwrap();
    let dir = root.join("dir");
    std::fs::create_dir_all(dir.join("sub")).unwrap();
    std::fs::create_dir(root.join("out")).unwrap();
    symlink("../out", dir.join("link-out")).unwrap();
    symlink("sub", dir.join("link-in")).unwrap();
    symlink("loop", dir.join("loop")).unwrap();
    for rest in ["", ".", "sub", "sub/..", "link-in"] {
        assert!(matches!(canonical(&dir, rest), Reach::At(_)), "{rest}");
        assert_eq!(canonical(&dir, rest), reach(&dir, rest), "{rest}");
    }
    for rest in ["..", "../out", "link-out", "link-out/x/..", "loop", "a\0b"] {
        assert!(!matches!(canonical(&dir, rest), Reach::At(_)), "{rest}");
        assert_eq!(resolve(&dir, rest), None, "{rest}");
    }
    assert_eq!(canonical(&dir, "none"), Reach::Missing);
    assert_eq!(canonical(&root.join("none"), "x"), Reach::Barred);
    assert_eq!(reach(&root.join("none"), "x"), Reach::Barred);
}

#[test]
fn what_does_not_exist_is_where_it_would_be_made() {
    let tree = tempfile::tempdir().unwrap();
    let root = tree.path().canonicalize().unwrap();
    std::fs::create_dir(root.join("sub")).unwrap();
    symlink("sub", root.join("link")).unwrap();
    for (rest, place) in [
        ("none", Some("none")),
        ("link/none", Some("sub/none")),
        ("link/./none//deep/", Some("sub/none/deep")),
        ("none/a/b/c/d/e", Some("none/a/b/c/d/e")),
        ("none/..", None),
        ("none/../sub", None),
        ("sub/none/../..", None),
    ] {
        assert_eq!(
            resolve(&root, rest),
            place.map(|place| root.join(place)),
            "{rest}"
        );
    }
}
