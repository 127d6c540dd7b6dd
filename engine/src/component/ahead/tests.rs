use super::super::{Cancel, Runtime};
use super::*;
use crate::component::Origin;

fn source() -> Source {
    let text = r#"(component
        (core module $m (func (export "f") (result i32) (i32.const 7)))
        (core instance $i (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    Source::bytes("sample", wat::parse_str(text).unwrap()).unwrap()
}

struct Kitchen(tempfile::TempDir);

impl Kitchen {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn runtime(&self, deterministic: bool) -> Runtime {
        let cache = CodeCache::open(self.0.path().join("cache")).unwrap();
        Runtime::new(Some(cache), None, deterministic, None).unwrap()
    }

    fn file(&self) -> Vec<u8> {
        let made = self.runtime(false).compile_ahead(&source(), &Cancel::new());
        // Code from the file is told from code of the cache.
        CodeCache::open(self.0.path().join("cache"))
            .unwrap()
            .clear()
            .unwrap();
        made.unwrap()
    }
}

fn loaded(runtime: &Runtime, file: impl Into<Arc<[u8]>>) -> Result<super::super::Compiled, Fault> {
    runtime.compile(&Source::bytes("sample", file)?, &Cancel::new())
}

fn why(runtime: &Runtime, file: impl Into<Arc<[u8]>>) -> String {
    let fault = loaded(runtime, file).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-COMPONENT", "{fault}");
    fault.to_string()
}

#[test]
fn a_file_is_loaded_as_the_component_in_it() {
    let kitchen = Kitchen::new();
    let file = kitchen.file();
    assert_eq!(
        Source::bytes("x", file.clone()).unwrap().digest(),
        source().digest()
    );
    let compiled = loaded(&kitchen.runtime(false), file).unwrap();
    assert!(matches!(compiled.untold(), Some(Origin::Found(_))));
    assert_eq!(compiled.describe().digest(), source().digest());
    assert_eq!(compiled.describe().size(), source().size());
    assert_eq!(compiled.source().as_bytes(), source().as_bytes());
    assert!(
        compiled.source().ahead().is_none(),
        "code is not held twice"
    );
}

/// A file can be compiled anew from what is in it.
#[test]
fn a_file_is_compiled_again() {
    let kitchen = Kitchen::new();
    let first = kitchen.file();
    let other = Kitchen::new();
    let taken = Source::bytes("sample", first).unwrap();
    let second = other.runtime(false).compile_ahead(&taken, &Cancel::new());
    loaded(&other.runtime(false), second.unwrap()).unwrap();
}

/// Whatever is changed in a file, nothing of it is run.
#[test]
fn a_file_that_was_changed_is_refused() {
    let kitchen = Kitchen::new();
    let runtime = kitchen.runtime(false);
    let good = kitchen.file();
    let step = good.len() / 300;
    let mut reasons = std::collections::BTreeSet::new();
    for at in (MAGIC.len()..good.len())
        .step_by(step)
        .chain([good.len() - 1])
    {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let fault = loaded(&runtime, bad).unwrap_err();
        assert_eq!(
            fault.code().as_str(),
            "E-INVALID-COMPONENT",
            "at {at}: {fault}"
        );
        reasons.insert(fault.to_string());
    }
    assert!(
        reasons
            .contains("the compiled code in `sample` cannot be used: this engine did not seal it, or it was changed"),
        "{reasons:?}"
    );
    for length in (0..HEADER + SEAL + 40).chain([good.len() - 1]) {
        why(&runtime, &good[..length]);
    }
    why(&runtime, [&good[..], b"x"].concat());
    let mut huge = good.clone();
    huge[HEADER - 8..HEADER].fill(0xff);
    assert!(why(&runtime, huge).ends_with("the file is cut short or damaged"));
    loaded(&runtime, good).unwrap();
}

#[test]
fn code_of_others_is_refused() {
    let (kitchen, other) = (Kitchen::new(), Kitchen::new());
    let file = kitchen.file();
    assert_eq!(
        why(&other.runtime(false), file.clone()),
        "the compiled code in `sample` cannot be used: this engine did not seal it, or it was changed"
    );
    let nobody = Runtime::new(None, None, false, None).unwrap();
    assert!(why(&nobody, file.clone()).contains("this engine has no cache"));
    assert!(nobody.compile_ahead(&source(), &Cancel::new()).is_err());
    assert!(
        why(&kitchen.runtime(true), file).contains("for other settings"),
        "code of an engine that is not deterministic"
    );
}

/// An entry of the cache has a seal of the same key, and cannot be put into a file.
#[test]
fn an_entry_of_the_cache_is_no_file() {
    let kitchen = Kitchen::new();
    let runtime = kitchen.runtime(false);
    runtime.compile(&source(), &Cancel::new()).unwrap();
    let cache = CodeCache::open(kitchen.0.path().join("cache")).unwrap();
    let entry = cache.entries().unwrap().remove(0);
    #[expect(
        clippy::disallowed_methods,
        reason = "the test takes an entry of a cache"
    )]
    let sealed = std::fs::read(cache.dir().join(format!("{}.code", entry.key))).unwrap();
    let component = source();
    let length = Bytes::of_len(component.as_bytes().len())
        .get()
        .to_le_bytes();
    let forged = [
        &MAGIC[..],
        entry.key.as_bytes(),
        &length,
        component.as_bytes(),
        &sealed,
    ]
    .concat();
    assert!(why(&runtime, forged).ends_with("this engine did not seal it, or it was changed"));
}
