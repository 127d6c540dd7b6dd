//! Loading: what is refused before anything is compiled, the structural rows E of the attacks.

use engine::{Call, Source};
use engine_tests::{Attack, TestEngine, attack, guest, wat};
use serde_json::json;

async fn refusal(bytes: Vec<u8>) -> (&'static str, String) {
    let run = TestEngine::new()
        .call(Source::bytes("sample", bytes).unwrap(), "f", json!([]))
        .await;
    assert_eq!(run.event_names(), ["run_started", "run_completed"]);
    (run.code(), run.fault().to_string())
}

fn assemble(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// E1, E2, E3, E5. Counts are bounded before compilation, and the message says by how much.
#[tokio::test]
async fn large_counts_are_refused() {
    let imports: String = (0..10_000)
        .map(|i| format!("(import \"f{i}\" (func))"))
        .collect();
    let (code, message) = refusal(assemble(&format!("(component {imports})"))).await;
    assert_eq!(
        (code, message.as_str()),
        (
            "E-INVALID-COMPONENT",
            "`sample` has 257 imports, over the limit of 256"
        )
    );

    let interfaces: String = (0..10_000)
        .map(|i| format!("(import \"a:b/i{i}\" (instance))"))
        .collect();
    assert_eq!(
        refusal(assemble(&format!("(component {interfaces})")))
            .await
            .0,
        "E-INVALID-COMPONENT"
    );

    let types = format!(
        "(component (core module {}))",
        "(type (func (param i32)))".repeat(100_000)
    );
    assert_eq!(refusal(assemble(&types)).await.0, "E-LIMIT-COMPILE");

    assert!(
        refusal(nested(1000))
            .await
            .1
            .ends_with("levels of nesting, over the limit of 16")
    );
    let wide = format!("(component {})", "(component)".repeat(1_001));
    assert!(
        refusal(assemble(&wide))
            .await
            .1
            .ends_with("modules and components, over the limit of 1000")
    );
}

/// Nested components that instantiate each other multiply: a few hundred bytes would take gigabytes to
/// compile.
#[test]
fn nested_instances_are_counted_as_often_as_they_are_made() {
    let tower = (1..=12).fold(
        "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned(),
        |inner, level| {
            let instances = format!("(instance (instantiate $c{}))", level - 1).repeat(10);
            format!("(component $c{level} {inner} {instances})")
        },
    );
    let bytes = assemble(&tower);
    assert!(bytes.len() < 2_000, "{} bytes", bytes.len());
    let tests = TestEngine::new();
    attack(&tests, 0, async |attack: &Attack| {
        let source = Source::bytes("tower", bytes).unwrap();
        let call = Call::function("f", json!([]));
        let outcome = attack.engine.run_source(source, call).await;
        let fault = outcome.fault().unwrap();
        assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE", "{fault}");
    });
}

/// Components inside components, deeper than the text format can say.
fn nested(depth: usize) -> Vec<u8> {
    let empty = b"\0asm\x0d\0\x01\0".to_vec();
    (1..depth).fold(empty.clone(), |inner, _| {
        let mut length = inner.len();
        let mut outer = empty.clone();
        outer.push(4); // the section of a nested component
        while length >= 0x80 {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.extend(inner);
        outer
    })
}

/// E9. Large tables of branches compile within bounds.
#[test]
fn huge_branch_tables_are_bounded() {
    let targets = "0 ".repeat(100_000);
    let functions = format!("(func (block (br_table {targets} 0 (i32.const 0))))").repeat(10);
    let bytes = assemble(&format!("(component (core module {functions}))"));
    attack(&TestEngine::new(), 512 << 20, async |attack: &Attack| {
        let source = Source::bytes("tables", bytes).unwrap();
        let outcome = attack
            .engine
            .run_source(source, Call::function("f", json!([])))
            .await;
        let code = outcome.fault().unwrap().code().as_str();
        assert!(
            ["E-INVALID-FUNCTION", "E-INVALID-COMPONENT"].contains(&code),
            "{}",
            outcome.to_json()
        );
    });
}

/// E12. Damaged components are refused; nothing panics and nothing is let through half.
#[test]
fn damaged_components_never_hurt_the_loader() {
    let sources: Vec<Vec<u8>> = ["add", "foreign", "traps"]
        .iter()
        .map(|name| wat(name).as_bytes().to_vec())
        .collect();
    let tests = TestEngine::new().limits(|limits| limits.fuel(engine::Fuel::new(1_000_000)));
    attack(&tests, 256 << 20, async |attack: &Attack| {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move || {
            // xorshift64: the same inputs on every machine.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let (mut refused, mut loaded) = (0u32, 0u32);
        for round in 0..100_000usize {
            let mut bytes = sources[round % sources.len()].clone();
            for _ in 0..=random() % 3 {
                let at = usize::try_from(random()).unwrap() % bytes.len();
                match random() % 4 {
                    0 => bytes[at] ^= 1 << (random() % 8),
                    1 => bytes[at] = (random() & 0xff) as u8,
                    2 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, (random() & 0xff) as u8),
                }
            }
            let source = Source::bytes("damaged", bytes).unwrap();
            match attack.engine.load_blocking(&source) {
                Ok(_) => loaded += 1,
                Err(fault) => {
                    assert_ne!(fault.code().as_str(), "E-INTERNAL", "{fault}");
                    refused += 1;
                }
            }
        }
        assert!(
            refused > 50_000 && loaded > 0,
            "{refused} refused, {loaded} loaded"
        );
    });
}

/// E14. What is no component at all is named for what it is.
#[tokio::test]
async fn other_formats_are_refused_by_name() {
    for (bytes, what) in [
        (b"(component)".to_vec(), "text"),
        (assemble("(module)"), "a core WebAssembly module"),
        (
            b"\x7fELF\x02\x01\x01\0".to_vec(),
            "a native program or native code",
        ),
        (Vec::new(), "empty"),
        (vec![0], "a truncated file"),
        (
            b"\0asm\x0d\0\x02\0".to_vec(),
            "WebAssembly of an unknown version 0d 00 02 00",
        ),
    ] {
        let (code, message) = refusal(bytes).await;
        assert_eq!(
            (code, message),
            (
                "E-INVALID-COMPONENT",
                format!("`sample` is {what}, not a component")
            )
        );
    }
}

/// E23. What is digested is what is compiled, however often the file changes meanwhile.
#[test]
fn a_file_that_changes_is_never_compiled_under_another_digest() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("changing.wasm");
    let versions: Vec<Vec<u8>> = (0..2)
        .map(|answer| {
            assemble(&format!(
                "(component (core module $m (func (export \"f\") (result i32) (i32.const {answer}))) (core instance $i (instantiate $m))
                   (func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))"
            ))
        })
        .collect();
    std::fs::write(&path, &versions[0]).unwrap();
    let (engine, _) = TestEngine::new().build();
    let digests: Vec<_> = versions
        .iter()
        .map(|bytes| Source::bytes("v", bytes.clone()).unwrap().digest())
        .collect();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (stopped, target, contents) = (stop.clone(), path.clone(), versions.clone());
    let changing = std::thread::spawn(move || {
        let new = target.with_extension("new");
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            for content in &contents {
                std::fs::write(&new, content).unwrap();
                std::fs::rename(&new, &target).unwrap();
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut seen = [0u32; 2];
    for _ in 0..1_000 {
        let source = Source::file(&path).unwrap();
        let compiled = engine.load_blocking(&source).unwrap();
        let outcome = runtime
            .block_on(engine.call(&compiled, "f", json!([])))
            .unwrap();
        let answer: usize = outcome.value().parse().unwrap();
        assert_eq!(compiled.describe().digest(), digests[answer]);
        assert_eq!(outcome.component().digest, Some(digests[answer]));
        seen[answer] += 1;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    changing.join().unwrap();
    assert!(
        seen.iter().all(|count| *count > 0),
        "nothing was raced for: {seen:?}"
    );
}

/// Components of WASI 0.3, and ones that import code, get a message that says so.
#[tokio::test]
async fn components_for_other_hosts_are_told_what_to_do() {
    let run = TestEngine::new()
        .call(wat("wasi_three"), "f", json!([]))
        .await;
    assert_eq!(
        run.fault().to_string(),
        "`wasi_three` needs WASI 0.3 (`wasi:cli/environment@0.3.0`), which this engine does not run"
    );
    assert_eq!(
        run.fault().hints(),
        ["build it for WASI 0.2: the Rust target is `wasm32-wasip2`"]
    );
    let asynchronous = assemble(
        r#"(component (core module $m (func (export "f") (result i32) (i32.const 0)) (func (export "c") (param i32 i32 i32) (result i32) (i32.const 0)))
             (core instance $i (instantiate $m))
             (func (export "f") async (canon lift (core func $i "f") async (callback (core func $i "c")))))"#,
    );
    let (code, message) = refusal(asynchronous).await;
    assert_eq!(code, "E-INVALID-COMPONENT");
    assert!(message.contains("WASI 0.3"), "{message}");

    let run = TestEngine::new()
        .call(wat("imports_module"), "f", json!([]))
        .await;
    assert_eq!(
        run.fault().to_string(),
        "`imports_module` imports the module `plugin`, and code is never given to a guest"
    );
}

/// The largest files are refused before they are digested.
#[test]
fn a_file_over_the_size_limit_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(Source::LARGEST.get() + 1).unwrap();
    let fault = Source::file(file.path()).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-COMPONENT");
    assert!(
        fault.to_string().ends_with("over the limit of 67108864"),
        "{fault}"
    );
}

/// A short name, a full name, and the digest are the same from wherever a component came.
#[tokio::test]
async fn a_component_is_described_as_plain_data() {
    let (engine, _) = TestEngine::new().build();
    let text = engine.load(guest("text")).await.unwrap();
    let shape = text.describe();
    assert_eq!(shape.name(), "text");
    assert_eq!(
        shape
            .functions()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [
            "count-words: func(text: string) -> list<record { word: string, count: u32 }>",
            "search: func(text: string, pattern: string) -> result<list<record { line: u32, column: u32, text: string }>, string>",
            "diff: func(old: string, new: string, context: option<u32>, name: option<string>) -> result<record { patch: string, added: u32, removed: u32 }, string>",
            "replace: func(text: string, pattern: string, replacement: string, limit: option<u32>, literal: option<bool>) -> result<record { text: string, count: u32 }, string>",
        ]
    );
    assert!(shape.imports().iter().all(|import| import.provided));
    assert!(!shape.is_command());
    assert!(
        engine
            .load(guest("hello"))
            .await
            .unwrap()
            .describe()
            .is_command()
    );
}
