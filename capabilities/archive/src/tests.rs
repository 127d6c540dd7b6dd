mod bad;
mod build;

use build::{deflated, gzip, part, push32, record, stored, tar, zip};

use super::*;
use crate::exports::engine::archive::archives::{Fate, Format};
use crate::format::Archive;

/// Lists an archive of this name.
fn list(name: &str, bytes: &[u8]) -> Result<Listing, Error> {
    list::list(&Archive::new(name, bytes)?)
}

/// Unpacks an archive into an empty directory; whatever comes of it, nothing stays if it fails.
fn extract(name: &str, bytes: &[u8]) -> Result<(Extracted, Vec<(String, String)>), Error> {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("into");
    let done = Archive::new(name, bytes).and_then(|archive| unpack::extract(&archive, &into));
    match done {
        Ok(done) => Ok((done, files(&into))),
        Err(error) => {
            assert!(!into.exists(), "what failed left something behind");
            Err(error)
        }
    }
}

/// All files below a directory with their content, and directories with a `/`.
fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let shown = path.strip_prefix(dir).unwrap().display().to_string();
            if path.is_dir() {
                found.push((format!("{shown}/"), String::new()));
                open.push(path);
            } else {
                found.push((shown, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn told(found: &[(String, String)]) -> Vec<(&str, &str)> {
    let found = found.iter();
    found
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect()
}

/// The kind of an error, and what it says.
fn why<T>(result: Result<T, Error>) -> (&'static str, String) {
    match result.map(|_| ()).unwrap_err() {
        Error::NotFound(why) => ("not-found", why),
        Error::NotPermitted(why) => ("not-permitted", why),
        Error::AlreadyExists(why) => ("already-exists", why),
        Error::Invalid(why) => ("invalid", why),
        Error::Malformed(why) => ("malformed", why),
        Error::Refused(why) => ("refused", why),
        Error::Unsupported(why) => ("unsupported", why),
        Error::TooLarge(why) => ("too-large", why),
        Error::Other(why) => ("other", why),
    }
}

#[test]
fn every_format_is_listed_and_unpacked() {
    let long = format!("{}/x.txt", "d".repeat(120));
    let good_zip = zip(&[
        stored("./", b""),
        stored("a/", b""),
        deflated("a/one.txt", b"one one one"),
        stored("./b//two.txt", b"two"),
    ]);
    let good_tar = tar(&[
        part(b'5', "./", b""),
        part(b'5', "a/", b""),
        part(b'5', "a", b""),
        part(b'0', "a/one.txt", b"one one one"),
        part(b'0', "./b//two.txt", b"two"),
    ]);
    let archives = [
        ("x.zip", good_zip, Format::Zip),
        ("x.tar", good_tar.clone(), Format::Tar),
        ("x.bin", gzip(&good_tar), Format::TarGzip),
    ];
    for (name, bytes, format) in archives {
        let listing = list(name, &bytes).unwrap();
        assert_eq!(listing.format, format);
        assert_eq!(listing.size, 14);
        let paths: Vec<&str> = listing.entries.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths.last(), Some(&"b/two.txt"), "{name}");
        assert!(
            listing
                .entries
                .iter()
                .all(|it| matches!(it.fate, Fate::Unpacked))
        );
        let (done, files) = extract(name, &bytes).unwrap();
        assert_eq!(
            (done.files, done.directories, done.size),
            (2, 3, 14),
            "{name}"
        );
        assert_eq!(
            told(&files),
            [
                ("a/", ""),
                ("a/one.txt", "one one one"),
                ("b/", ""),
                ("b/two.txt", "two")
            ]
        );
    }
    let named = tar(&[
        part(b'x', "pax", &record("path", &long)),
        part(b'0', "cut", b"pax"),
        part(b'L', "././@LongLink", format!("e{long}\0").as_bytes()),
        part(b'0', "cut", b"gnu"),
    ]);
    let (_, files) = extract("x.tar", &named).unwrap();
    let texts: Vec<&str> = files.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["", "pax", "", "gnu"]);
    assert_eq!(files[1].0, long);

    for (name, inside) in [
        ("a.txt.gz", "a.txt"),
        ("b", "b.unpacked"),
        (".gz", ".gz.unpacked"),
    ] {
        let (done, files) = extract(name, &gzip(b"text")).unwrap();
        assert_eq!(told(&files), [(inside, "text")]);
        assert_eq!((done.files, done.size), (1, 4));
    }
    let two = [gzip(b"one "), gzip(b"two")].concat();
    assert_eq!(told(&extract("x.gz", &two).unwrap().1), [("x", "one two")]);
    for empty in [zip(&[]), tar(&[])] {
        assert!(list("x", &empty).unwrap().entries.is_empty());
        assert!(extract("x", &empty).unwrap().1.is_empty());
    }
    assert!(list("x.tgz", &gzip(&tar(&[]))).unwrap().entries.is_empty());
}

/// Before tar had types, a directory was a file with a `/` at its end.
#[test]
fn old_tars_have_directories() {
    for kind in [b'0', 0] {
        let old = tar(&[part(kind, "old/", b""), part(kind, "old/a", b"a")]);
        assert!(matches!(
            list("x", &old).unwrap().entries[0].kind,
            Kind::Directory
        ));
        assert_eq!(
            told(&extract("x", &old).unwrap().1),
            [("old/", ""), ("old/a", "a")]
        );
    }
}

#[test]
fn links_and_devices_are_skipped_and_told() {
    let mut link = stored("ln", b"/etc/passwd");
    link.mode = 0o120_777;
    let mut pipe = stored("pipe", b"");
    pipe.mode = 0o010_644;
    let linked_zip = zip(&[stored("a", b"a"), link, pipe]);
    let linked_tar = tar(&[
        part(b'0', "a", b"a"),
        part(b'2', "ln", b""),
        part(b'1', "hard", b""),
        part(b'3', "dev", b""),
        part(b'6', "pipe", b""),
        part(b'V', "label", b""),
    ]);
    for (bytes, skipped) in [
        (linked_zip, vec!["ln", "pipe"]),
        (linked_tar, vec!["ln", "hard", "dev", "pipe", "label"]),
    ] {
        let (done, files) = extract("x", &bytes).unwrap();
        assert_eq!(told(&files), [("a", "a")]);
        let paths: Vec<&str> = done.skipped.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(paths, skipped);
        assert_eq!(done.skipped[0].why, "it is a link");
    }
}

/// A writer that does not know sizes writes them behind the content.
#[test]
fn sizes_behind_the_content_are_compared() {
    let mut later = deflated("a", b"aaaa");
    later.flags = 8;
    let mut sizes = b"PK\x07\x08".to_vec();
    push32(
        &mut sizes,
        &[later.crc, u32::try_from(later.packed.len()).unwrap(), 4],
    );
    later.behind = sizes.clone();
    let good = zip(&[later.clone(), stored("b", b"b")]);
    assert_eq!(
        told(&extract("x", &good).unwrap().1),
        [("a", "aaaa"), ("b", "b")]
    );
    sizes[12] ^= 1;
    later.behind = sizes;
    assert_eq!(
        why(list("x", &zip(&[later]))),
        ("malformed", "`a` has two sizes or checksums".to_owned())
    );
}

#[test]
fn nothing_is_replaced_and_no_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("into");
    std::fs::create_dir_all(into.join("sub")).unwrap();
    std::fs::create_dir(dir.path().join("aside")).unwrap();
    std::os::unix::fs::symlink("../aside", into.join("link")).unwrap();
    std::fs::write(into.join("sub/there"), "old").unwrap();
    let run = |entries: &[&str]| {
        let entries: Vec<_> = entries.iter().map(|name| stored(name, b"new")).collect();
        let bytes = zip(&entries);
        unpack::extract(&Archive::new("x", &bytes).unwrap(), &into)
    };
    for entries in [
        ["new/a", "sub/there"],
        ["new/b", "link/c"],
        ["new/d", "sub"],
    ] {
        let (kind, text) = why(run(&entries));
        assert_eq!(kind, "already-exists", "{text}");
        assert!(!into.join("new").exists(), "nothing is written");
    }
    assert_eq!(
        std::fs::read_to_string(into.join("sub/there")).unwrap(),
        "old"
    );
    assert_eq!(run(&["sub/beside", "new/e"]).unwrap().directories, 1);
    assert_eq!(files(&dir.path().join("aside")), []);

    std::fs::write(dir.path().join("file"), "").unwrap();
    let bytes = zip(&[]);
    let archive = Archive::new("x", &bytes).unwrap();
    assert_eq!(
        why(unpack::extract(&archive, &dir.path().join("file"))).0,
        "invalid"
    );
}

/// What cannot be written is no fault of the archive, and takes back what was written before.
#[test]
fn a_write_that_fails_is_told_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = zip(&[stored("a", b"a"), stored(&"é".repeat(120), b"b")]);
    let archive = Archive::new("x", &bytes).unwrap();
    let into = Path::new("/proc/self");
    let (kind, text) = why(unpack::extract(&archive, into));
    assert!(
        kind == "not-found" || kind == "not-permitted" || kind == "other",
        "{kind}"
    );
    assert!(text.starts_with("cannot write `/proc/self/a`"), "{text}");
    let into = dir.path().join("missing/into");
    let (kind, text) = why(unpack::extract(&archive, &into));
    assert_eq!(kind, "not-found", "{text}");
    assert!(text.starts_with("cannot make"), "{text}");
}

#[test]
fn archives_are_read_where_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(path("a.txt"), "neither of them").unwrap();
    assert_eq!(why(Archives::list(path("a.txt"))).0, "unsupported");
    assert_eq!(why(Archives::list(path("none"))).0, "not-found");
    assert_eq!(why(Archives::list(path(""))).0, "invalid");
    assert_eq!(why(Archives::list(String::new())).0, "invalid");
    assert_eq!(
        why(Archives::extract(path("a.txt"), String::new())).0,
        "invalid"
    );
    let large = std::fs::File::create(path("large")).unwrap();
    large.set_len(bounds::MOST_ARCHIVE + 1).unwrap();
    let (kind, text) = why(Archives::list(path("large")));
    assert_eq!(kind, "too-large");
    assert!(
        text.ends_with("67108865 bytes, over the limit of 67108864"),
        "{text}"
    );
}
