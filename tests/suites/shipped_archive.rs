//! The shipped `archive`, on bombs and traps that are made here, inside its sandbox.
use std::io::Write as _;
use std::path::Path;

use engine::{Bytes, Call, Engine, Fuel, Rights};
use engine_tests::{TestEngine, guest};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Directories `in`, which may be read, and `out`, which may be written.
struct Place {
    dir: tempfile::TempDir,
    engine: Engine,
}

impl Place {
    fn new(change: impl FnOnce(TestEngine) -> TestEngine) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["in", "out"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let tests = TestEngine::new()
            .unguarded()
            .dir(&dir.path().join("in"), "in", Rights::ReadOnly)
            .dir(&dir.path().join("out"), "out", Rights::ReadWrite);
        let (engine, _) = change(tests).build();
        Self { dir, engine }
    }

    fn with(self, name: &str, bytes: &[u8]) -> Self {
        std::fs::write(self.dir.path().join("in").join(name), bytes).unwrap();
        self
    }

    async fn run(&self, function: &str, arguments: Value) -> engine::Outcome {
        let archive = self.engine.load(guest("archive")).await.unwrap();
        let call = Call::function(function, arguments);
        self.engine.run(&archive, call).await
    }

    /// The value of a call, or the payload of its error.
    async fn value(&self, function: &str, arguments: Value) -> Value {
        let outcome = self.run(function, arguments).await;
        outcome.value().parse().unwrap()
    }

    fn out(&self) -> std::path::PathBuf {
        self.dir.path().join("out")
    }
}

/// Everything below a directory.
fn below(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(below(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found
}

/// A part of a tar in the form of POSIX.
fn part(kind: u8, name: &str, size: usize) -> [u8; 512] {
    let mut header = [0; 512];
    let field = header.get_mut(..name.len()).unwrap();
    field.copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[148..156].fill(b' ');
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn tar(parts: &[(u8, &str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, content) in parts {
        bytes.extend(part(*kind, name, content.len()));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1_024, 0);
    bytes
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A zip of files that are not compressed.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let numbers = |first: u32| {
            let size = u32::try_from(content.len()).unwrap();
            [first, crc.sum(), size, size]
                .into_iter()
                .flat_map(u32::to_le_bytes)
        };
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let offset = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0\0\0");
        directory.extend(numbers(0x21 << 16));
        directory.extend(length);
        directory.extend([0; 12]);
        directory.extend(offset);
        directory.extend(name.as_bytes());
        bytes.extend(b"PK\x03\x04\x14\0\0\0\0\0");
        bytes.extend(numbers(0x21 << 16));
        bytes.extend(length);
        bytes.extend([0; 2]);
        bytes.extend(name.as_bytes());
        bytes.extend_from_slice(content);
    }
    let start = u32::try_from(bytes.len()).unwrap().to_le_bytes();
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let size = u32::try_from(directory.len()).unwrap().to_le_bytes();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for field in [&count[..], &count, &size, &start, &[0, 0]] {
        bytes.extend_from_slice(field);
    }
    bytes
}

#[tokio::test]
async fn archives_are_listed_and_unpacked_in_the_sandbox() {
    let place = Place::new(|tests| tests)
        .with("a.zip", &zip(&[("d/one", b"one"), ("two", b"two")]))
        .with(
            "b.tar.gz",
            &gzip(&tar(&[
                (b'5', "d/", b""),
                (b'0', "d/one", b"one"),
                (b'2', "ln", b""),
            ])),
        );
    let listing = place.value("list", json!(["in/b.tar.gz"])).await;
    assert_eq!(
        listing,
        json!({
            "format": "tar-gzip", "size": 3,
            "entries": [
                { "path": "d", "kind": "directory", "size": 0, "fate": { "tag": "unpacked" } },
                { "path": "d/one", "kind": "file", "size": 3, "fate": { "tag": "unpacked" } },
                { "path": "ln", "kind": "link", "size": 0,
                  "fate": { "tag": "skipped", "value": "it is a link" } },
            ]
        })
    );
    for (archive, skipped) in [
        ("a.zip", json!([])),
        ("b.tar.gz", json!([{ "path": "ln", "why": "it is a link" }])),
    ] {
        let into = format!("out/{archive}");
        let arguments = json!({ "path": format!("in/{archive}"), "into": into });
        let done = place.value("extract", arguments.clone()).await;
        assert_eq!(done["skipped"], skipped);
        assert_eq!(done["directories"], 2, "{done}");
        let one = place.dir.path().join(&into).join("d/one");
        assert_eq!(std::fs::read_to_string(one).unwrap(), "one");
        let again = place.value("extract", arguments).await;
        assert_eq!(again["tag"], "already-exists", "{again}");
    }
}

/// What is written out of an archive is in the directory that was granted to write, or nowhere.
#[tokio::test]
async fn nothing_is_unpacked_elsewhere() {
    let place = Place::new(|tests| tests)
        .with(
            "up.tar",
            &tar(&[(b'0', "good", b"x"), (b'0', "../up", b"x")]),
        )
        .with("up.zip", &zip(&[("good", b"x"), ("d/../../up", b"x")]))
        .with("root.tar", &tar(&[(b'0', "/tmp/rooted", b"x")]))
        .with("case.zip", &zip(&[("a", b"x"), ("A", b"x")]))
        .with("good.zip", &zip(&[("sub/good", b"x")]));
    for archive in ["up.tar", "up.zip", "root.tar", "case.zip"] {
        let arguments = json!({ "path": format!("in/{archive}"), "into": "out" });
        let done = place.value("extract", arguments).await;
        assert_eq!(done["tag"], "refused", "{archive}: {done}");
    }
    let into = |into: &str| json!({ "path": "in/good.zip", "into": into });
    let done = place.value("extract", into("in/new")).await;
    assert_eq!(done["tag"], "not-permitted", "{done}");

    let aside = place.dir.path().join("aside");
    std::fs::create_dir(&aside).unwrap();
    std::os::unix::fs::symlink(&aside, place.out().join("sub")).unwrap();
    let done = place.value("extract", into("out")).await;
    assert_eq!(done["tag"], "already-exists", "{done}");
    assert_eq!(
        below(&place.out()),
        [place.out().join("sub").display().to_string()]
    );
    assert!(below(&aside).is_empty());
}

/// Hundreds of megabytes out of some hundred kilobytes are refused before a byte of them is written, in little memory.
#[tokio::test]
async fn bombs_leave_nothing() {
    let zeros = vec![0; 64 << 20];
    let skipped = part(b'V', "label", zeros.len());
    let place = Place::new(|tests| tests)
        .with(
            "file.tar.gz",
            &gzip(&tar(&[(b'0', "good", b"x"), (b'0', "zeros", &zeros)])),
        )
        .with(
            "skipped.tar.gz",
            &gzip(&[&skipped[..], &zeros, &[0; 1_024]].concat()),
        )
        .with(
            "name.tar.gz",
            &gzip(&tar(&[
                (b'L', "long", &zeros[..32 << 20]),
                (b'0', "a", b""),
            ])),
        )
        .with("one.gz", &gzip(&zeros[1..]));
    for archive in ["file.tar.gz", "skipped.tar.gz", "name.tar.gz", "one.gz"] {
        let arguments = json!({ "path": format!("in/{archive}"), "into": "out/new" });
        let outcome = place.run("extract", arguments).await;
        let done: Value = outcome.value().parse().unwrap();
        assert_eq!(done["tag"], "too-large", "{archive}: {done}");
        assert!(outcome.usage().memory_peak < Bytes::mib(16), "{archive}");
        assert!(below(&place.out()).is_empty(), "{archive}");
    }
}

/// An archive as large as it may be fits into the memory that every call has.
#[tokio::test]
async fn the_largest_archive_fits() {
    let most = 64 << 20;
    let content = vec![b'x'; most - 200];
    let bytes = zip(&[("large", &content)]);
    assert!(bytes.len() <= most);
    let place = Place::new(|tests| tests)
        .with("largest.zip", &bytes)
        .with("larger.zip", &[bytes.as_slice(), &[0; 512]].concat());
    let listing = place.value("list", json!(["in/largest.zip"])).await;
    assert_eq!(listing["size"], most - 200, "{listing}");
    let listing = place.value("list", json!(["in/larger.zip"])).await;
    assert_eq!(listing["tag"], "too-large", "{listing}");
}

/// A call that runs out of fuel is a limit that was reached, whatever was written until then.
#[tokio::test]
async fn too_little_fuel_is_no_result() {
    let content = vec![b'x'; 4 << 20];
    let place = Place::new(|tests| tests.limits(|limits| limits.fuel(Fuel::new(20_000_000)))).with(
        "a.tar",
        &tar(&[(b'0', "a", &content), (b'0', "b", &content)]),
    );
    let arguments = json!({ "path": "in/a.tar", "into": "out/new" });
    let outcome = place.run("extract", arguments).await;
    assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-FUEL");
}
