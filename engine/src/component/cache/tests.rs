use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::super::{Cancel, compile::Runtime};
use super::*;

fn source(number: u32) -> Source {
    let text = format!(
        r#"(component
            (core module $m (func (export "f") (result i32) (i32.const {number})))
            (core instance $i (instantiate $m))
            (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
    );
    Source::bytes("sample", wat::parse_str(text).unwrap()).unwrap()
}

struct Kitchen {
    dir: tempfile::TempDir,
}

impl Kitchen {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn cache(&self) -> CodeCache {
        CodeCache::open(self.path()).unwrap()
    }

    /// Where the code of a component comes from in a new process.
    fn origin(&self, source: &Source) -> Origin {
        let runtime = Runtime::new(Some(self.cache()), None, false, None).unwrap();
        runtime
            .compile(source, &Cancel::new())
            .unwrap()
            .untold()
            .unwrap()
            .clone()
    }

    /// The file of the only entry.
    fn entry(&self) -> PathBuf {
        let cache = self.cache();
        let entries = cache.entries().unwrap();
        assert_eq!(entries.len(), 1);
        self.path().join(format!("{}{ENDING}", entries[0].key))
    }
}

#[test]
fn code_is_found_again() {
    let kitchen = Kitchen::new();
    assert_eq!(kitchen.origin(&source(1)), Origin::Compiled);
    assert!(matches!(kitchen.origin(&source(1)), Origin::Found(_)));
    assert_eq!(kitchen.origin(&source(2)), Origin::Compiled, "other bytes");
    assert_eq!(kitchen.cache().entries().unwrap().len(), 2);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&kitchen.path()), 0o700);
    assert_eq!(mode(&kitchen.path().join("key")), 0o600);
}

/// Deterministic code is other code, which keeps NaN the same.
#[test]
fn deterministic_code_is_not_found_for_other_engines() {
    let kitchen = Kitchen::new();
    let origin = |deterministic| {
        let runtime = Runtime::new(Some(kitchen.cache()), None, deterministic, None).unwrap();
        let compiled = runtime.compile(&source(1), &Cancel::new()).unwrap();
        compiled.untold().unwrap().clone()
    };
    assert_eq!(origin(false), Origin::Compiled);
    assert_eq!(origin(true), Origin::Compiled);
    assert!(matches!(origin(true), Origin::Found(_)));
    assert!(matches!(origin(false), Origin::Found(_)));
}

/// E16 and D: whatever is changed in an entry, and whatever else is put in its place, is not run.
#[test]
fn what_was_tampered_with_is_compiled_anew() {
    let kitchen = Kitchen::new();
    kitchen.origin(&source(1));
    let file = kitchen.entry();
    let good = std::fs::read(&file).unwrap();
    let refused = |what: &str| {
        let origin = kitchen.origin(&source(1));
        assert!(matches!(origin, Origin::Refused(..)), "{what}: {origin:?}");
        // Compiling anew has put a good entry there.
        assert!(
            matches!(kitchen.origin(&source(1)), Origin::Found(_)),
            "{what}"
        );
    };
    let step = good.len() / 40;
    for at in (0..good.len()).step_by(step).chain([good.len() - 1]) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, bad).unwrap();
        refused(&format!("a bit at {at}"));
    }
    for length in [0, 1, 31, 32, 33, good.len() - 1] {
        std::fs::write(&file, &good[..length]).unwrap();
        refused(&format!("cut to {length}"));
    }
    std::fs::write(&file, [&good[..], b"x"].concat()).unwrap();
    refused("longer");

    // The code of another component, with its own good seal.
    kitchen.origin(&source(2));
    let other = kitchen.cache().entries().unwrap();
    let named = |key: &str| kitchen.path().join(format!("{key}{ENDING}"));
    let other = other.iter().map(|entry| named(&entry.key));
    let other = other.into_iter().find(|path| *path != file).unwrap();
    std::fs::copy(&other, &file).unwrap();
    refused("another component's code");
    std::fs::remove_file(&other).unwrap();

    // A seal of another key.
    std::fs::remove_file(kitchen.path().join("key")).unwrap();
    refused("another key");

    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    refused("readable by others");
    let aside = kitchen.path().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    symlink(&aside, &file).unwrap();
    refused("a link");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let origin = kitchen.origin(&source(1));
    assert!(matches!(origin, Origin::Refused(..)), "a directory");
}

/// E17: a directory that others can write to holds no code that is run.
#[test]
fn a_cache_that_is_not_ones_own_is_refused() {
    let kitchen = Kitchen::new();
    kitchen.origin(&source(1));
    let refused = |mode: u32, path: &Path| {
        let before = path.metadata().unwrap().permissions();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let fault = CodeCache::open(kitchen.path()).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{mode:o}");
        std::fs::set_permissions(path, before).unwrap();
    };
    for mode in [0o777, 0o770, 0o720, 0o702, 0o755] {
        refused(mode, &kitchen.path());
    }
    refused(0o640, &kitchen.path().join("key"));
    let link = kitchen.dir.path().join("link");
    symlink(kitchen.path(), &link).unwrap();
    assert!(CodeCache::open(&link).is_err());
    std::fs::write(kitchen.path().join("key"), "short").unwrap();
    assert!(CodeCache::open(kitchen.path()).is_err());
}

#[test]
fn what_was_used_least_lately_goes_first() {
    let kitchen = Kitchen::new();
    for hours in (2..=4).rev() {
        kitchen.origin(&source(5 - hours));
        let newest = kitchen.cache().entries().unwrap()[0].key.clone();
        let file = std::fs::File::options()
            .append(true)
            .open(kitchen.path().join(format!("{newest}{ENDING}")));
        let file = file.unwrap();
        let before = std::time::Duration::from_secs(3600 * u64::from(hours));
        let made = file.metadata().unwrap().modified().unwrap();
        file.set_modified(made - before).unwrap();
    }
    // The first one is used again.
    assert!(matches!(kitchen.origin(&source(1)), Origin::Found(_)));
    let size = kitchen.cache().entries().unwrap()[0].size.get();
    let runtime = Runtime::new(
        Some(kitchen.cache().most(Bytes::new(size * 5 / 2))),
        None,
        false,
        None,
    )
    .unwrap();
    runtime.compile(&source(4), &Cancel::new()).unwrap();
    assert!(matches!(kitchen.origin(&source(1)), Origin::Found(_)));
    assert!(matches!(kitchen.origin(&source(4)), Origin::Found(_)));
    assert_eq!(kitchen.origin(&source(2)), Origin::Compiled);
    let (count, bytes) = kitchen.cache().clear().unwrap();
    assert!(count > 0 && bytes.get() > 0);
    assert_eq!(kitchen.cache().entries().unwrap(), []);
}

/// Any number of writers at once leave one good entry.
#[test]
fn writers_do_not_disturb_each_other() {
    let kitchen = Kitchen::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for number in 0..4 {
                    kitchen.origin(&source(number));
                }
            });
        }
    });
    for number in 0..4 {
        assert!(matches!(kitchen.origin(&source(number)), Origin::Found(_)));
    }
    let names: Vec<_> = std::fs::read_dir(kitchen.path()).unwrap().collect();
    assert_eq!(names.len(), 5, "four entries and the key");
}
