//! Compiling in a process of its own, the rows E of the attacks that are about compilers; and ahead of time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::data::{CodeCache, Compiler};
use engine::{Bytes, Call, Engine, Event, EventKind, Source, WallTime};
use engine_tests::{Attack, TestEngine, attack, engine_binary, guest, wat};
use serde_json::json;

use super::registry::Place;

/// A component that is a module with these functions.
fn module(functions: &str) -> Vec<u8> {
    wat::parse_str(format!("(component (core module (func $f) {functions}))")).unwrap()
}

/// E6, in the size that passes the bound on functions: some five seconds of processor time.
fn many_functions() -> Vec<u8> {
    module(&"(func)".repeat(49_000))
}

/// E7, in the size that passes the bound on one function: some eight seconds and a gigabyte.
fn many_calls() -> Vec<u8> {
    module(&format!("(func {})", "call $f ".repeat(520_000)))
}

/// Small, and still more than a gigabyte: what is kept of each variable for each branch.
fn many_variables() -> Vec<u8> {
    let branches: String = (0..20_000)
        .map(|variable| format!("i32.const 0 if i64.const 0 local.set {variable} end "))
        .collect();
    module(&format!(
        "(func (local {}) {branches})",
        "i64 ".repeat(49_000)
    ))
}

fn compiler() -> Compiler {
    Compiler::new(engine_binary())
}

fn source(bytes: Vec<u8>) -> Source {
    Source::bytes("bomb", bytes).unwrap()
}

async fn refused(attack: &Attack, bomb: &[u8]) -> String {
    let call = Call::function("f", json!([]));
    let bomb = source(bomb.to_vec());
    let outcome = attack.engine.run_source(bomb, call).await;
    let fault = outcome.fault().unwrap();
    assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE", "{fault}");
    fault.to_string()
}

/// E6, E7. Bombs end at the compiler's bounds, and this process does not grow.
#[test]
fn bombs_end_in_the_compilers_process() {
    let functions = many_functions();
    let large = [many_calls(), many_variables()];
    let bounded = compiler().processor(WallTime::secs(1));
    attack(&TestEngine::new().compiler(bounded), 0, async |attack| {
        assert_eq!(
            refused(attack, &functions).await,
            "compiling `bomb` takes more than 1s of processor time"
        );
    });
    let bounded = compiler().memory(Bytes::mib(128));
    attack(&TestEngine::new().compiler(bounded), 0, async |attack| {
        for bomb in &large {
            assert_eq!(
                refused(attack, bomb).await,
                "compiling `bomb` takes more than 128MiB of memory"
            );
        }
    });
    let bounded = compiler().wall(WallTime::millis(200));
    attack(&TestEngine::new().compiler(bounded), 0, async |attack| {
        let begun = Instant::now();
        assert_eq!(
            refused(attack, &functions).await,
            "compiling `bomb` takes longer than 200ms"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{:?}",
            begun.elapsed()
        );
    });
}

/// What is cheap to refuse is refused before anything is compiled, with a compiler and without.
#[tokio::test]
async fn blocks_and_variables_are_bounded_everywhere() {
    let deep = module(&format!(
        "(func {} {})",
        "loop ".repeat(5_001),
        "end ".repeat(5_001)
    ));
    let wide = module(&format!("(func (local {}))", "i64 ".repeat(49_000)).repeat(103));
    for engine in [TestEngine::new(), TestEngine::new().compiler(compiler())] {
        let (engine, _) = engine.build();
        for (bomb, what) in [
            (&deep, "has 5001 blocks inside each other"),
            (
                &wide,
                "has 5047000 local variables, over the limit of 5000000",
            ),
        ] {
            let fault = engine.load(source(bomb.clone())).await.unwrap_err();
            assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE", "{fault}");
            assert!(fault.to_string().contains(what), "{fault}");
        }
    }
}

/// E25. Of many uploads at once a few are compiled, a few wait, and the others are told at once; who runs is served.
#[test]
fn a_hundred_uploads_at_once_do_not_stop_others() {
    let bounded = compiler()
        .processor(WallTime::secs(1))
        .at_once(2)
        .waiting(4);
    attack(&TestEngine::new().compiler(bounded), 0, async |attack| {
        let bomb = source(many_functions());
        let uploads: Vec<_> = (0..100)
            .map(|_| {
                let (engine, bomb) = (attack.engine.clone(), bomb.clone());
                tokio::spawn(async move { engine.load(bomb).await.unwrap_err() })
            })
            .collect();
        let (mut refused, mut stopped) = (0, 0);
        for upload in uploads {
            let fault = upload.await.unwrap();
            assert_eq!(fault.code().as_str(), "E-LIMIT-COMPILE", "{fault}");
            let told = fault.to_string();
            if told.ends_with("has to wait, and 4 others wait already, which is the most") {
                refused += 1;
            } else {
                assert!(told.ends_with("1s of processor time"), "{told}");
                stopped += 1;
            }
        }
        assert_eq!((refused, stopped), (94, 6));
    });
}

/// What a compiler refuses, it refuses in the words that are used without one; E9 is among it.
#[tokio::test]
async fn a_component_is_judged_alike_with_a_compiler_and_without() {
    let targets = "0 ".repeat(70_000);
    let tables = module(&format!(
        "(func (block (br_table {targets} 0 (i32.const 0))))"
    ));
    let wrong = module("(func (result i32))");
    let threads = module("(memory 1 1 shared)");
    let here = TestEngine::new().build().0;
    let there = TestEngine::new().compiler(compiler()).build().0;
    for bytes in [tables, wrong, threads] {
        let own = here.load(source(bytes.clone())).await.unwrap_err();
        let others = there.load(source(bytes)).await.unwrap_err();
        assert_eq!(own.code().as_str(), "E-INVALID-COMPONENT", "{own}");
        assert_eq!(
            (own.code(), own.to_string(), own.hints()),
            (others.code(), others.to_string(), others.hints())
        );
    }
}

/// Code of a compiler in another process runs like code of this one, deterministic code too, and gives the same.
#[tokio::test]
async fn code_from_another_process_runs() {
    for engine in [TestEngine::new(), TestEngine::new().deterministic()] {
        let engine = engine.compiler(compiler());
        let run = engine.call(wat("add"), "add", json!([2, 3])).await;
        assert_eq!(run.outcome.value().as_str(), "5");
        let run = engine.command(guest("hello"), &[]).await;
        assert!(run.outcome.fault().is_none(), "{}", run.outcome.to_json());
    }
}

fn with(compiler: Compiler, cache: &Path) -> Engine {
    let cache = CodeCache::open(cache).unwrap();
    Engine::builder()
        .compiler(compiler)
        .cache(cache)
        .build()
        .unwrap()
}

/// The cache is filled with a compiler's code, and what is in it, or small, starts no compiler.
#[test]
fn a_compiler_is_started_only_for_what_is_large_and_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    with(compiler(), &cache)
        .load_blocking(&guest("hello"))
        .unwrap();
    let missing = || Compiler::new("/nowhere/engine");
    let engine = with(missing(), &cache);
    engine.load_blocking(&guest("hello")).unwrap();
    let fault = engine.load_blocking(&wat("add")).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "there is no compiler at `/nowhere/engine`"
    );

    let empty = dir.path().join("empty");
    let sparing = with(missing().small_here(), &empty);
    sparing.load_blocking(&wat("add")).unwrap();
    let large = [
        Source::bytes(
            "calls",
            module(&format!("(func {})", "call $f ".repeat(40_000))),
        ),
        Source::bytes("functions", module(&"(func)".repeat(4_000))),
        Source::bytes(
            "variables",
            module(&format!("(func (local {}))", "i64 ".repeat(1_001))),
        ),
        Source::bytes(
            "blocks",
            module(&format!(
                "(func {} {})",
                "block ".repeat(257),
                "end ".repeat(257)
            )),
        ),
        Ok(guest("text")),
    ];
    for large in large.map(Result::unwrap) {
        let fault = sparing.load_blocking(&large).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{large:?}");
    }
}

/// The processes that compile for a process.
fn compilers_of(parent: u32) -> Vec<PathBuf> {
    let parent = format!("PPid:\t{parent}\n");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut found: Vec<PathBuf> = processes.map(|process| process.path()).collect();
    found.retain(|process| {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let words = std::fs::read(process.join("cmdline")).unwrap_or_default();
        status.contains(&parent) && String::from_utf8_lossy(&words).contains(Compiler::WORD)
    });
    found
}

/// Waits for something that is about to be so.
fn soon<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(3), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_gone(process: &Path) -> Option<()> {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    (status.is_empty() || status.contains("State:\tZ")).then_some(())
}

/// A component whose code nobody waits for any more is not compiled to the end.
#[tokio::test]
async fn dropping_the_future_ends_the_compiler() {
    let (engine, _) = TestEngine::new().compiler(compiler()).build();
    let loading = tokio::spawn(async move { engine.load(source(many_functions())).await });
    let of_this = || compilers_of(std::process::id()).into_iter().next();
    let process = tokio::task::spawn_blocking(move || soon("no compiler", of_this))
        .await
        .unwrap();
    loading.abort();
    assert!(loading.await.unwrap_err().is_cancelled());
    soon("the compiler goes on", || is_gone(&process));
}

/// Whoever is killed while it compiles leaves no compiler behind.
#[cfg(target_os = "linux")]
#[test]
fn the_compiler_ends_with_who_started_it() {
    let place = Place::new();
    place.write("bomb.wasm", many_functions());
    let mut program = Command::new(engine_binary())
        .args(["inspect", "bomb.wasm"])
        .current_dir(place.path())
        .env("ENGINE_HOME", place.path().join("home"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let parent = program.id();
    let process = soon("no compiler", || compilers_of(parent).into_iter().next());
    program.kill().unwrap();
    program.wait().unwrap();
    soon("the compiler goes on", || is_gone(&process));
}

/// The kinds of a run's events that are about kept code.
fn kept(place: &Place, component: &str) -> Vec<EventKind> {
    let call = ["exec", component, "look", r#"{"path":"a"}"#];
    place.works(&[&call[..], &["--events", "seen.jsonl"]].concat());
    let seen = std::fs::read_to_string(place.path().join("seen.jsonl")).unwrap();
    let events = seen
        .lines()
        .map(|line| Event::from_json(line).unwrap().kind);
    events
        .filter(|kind| {
            matches!(
                kind,
                EventKind::CacheHit { .. } | EventKind::CacheRefused { .. }
            )
        })
        .collect()
}

/// What was compiled ahead of time runs under the name and with the digest of its component, and compiles nothing.
#[test]
fn a_file_compiled_ahead_of_time_runs() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    assert_eq!(place.works(&["compile", "tool.wasm"]), "");
    place.works(&["cache", "clear"]);
    assert!(matches!(
        kept(&place, "tool.cwasm")[..],
        [EventKind::CacheHit { .. }]
    ));
    let shown = |file: &str| place.works(&["inspect", file, "--output", "json"]);
    assert_eq!(shown("tool.cwasm"), shown("tool.wasm"));
    // Anew, from what is in it; and with settings of which it knows.
    let again = place.works(&["compile", "tool.cwasm", "--output", "json"]);
    assert!(again.contains(r#""file":"tool.cwasm""#), "{again}");
    let look = [
        "exec",
        "tool.cwasm",
        "look",
        r#"{"path":"a"}"#,
        "--deterministic",
    ];
    let told = place.fails(&look, 2, "E-INVALID-COMPONENT");
    assert!(
        told.contains("for other settings") && told.contains("--deterministic"),
        "{told}"
    );
    place.works(&[
        "compile",
        "tool.wasm",
        "--deterministic",
        "-o",
        "tool.cwasm",
    ]);
    place.works(&look);
}

/// What is in the place of the compiled file stays as it is, unless it is a file.
#[test]
fn compiled_code_replaces_files_alone() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    let compile = |out| ["compile", "tool.wasm", "-o", out];
    std::fs::create_dir(place.path().join("dir")).unwrap();
    let socket = place.path().join("socket");
    let _listens = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (out, why) in [
        ("socket", "it is there, and is no file"),
        ("dir", "it is there, and is no file"),
        ("./tool.wasm", "it is the component itself"),
        ("none/tool.cwasm", "cannot write `none/tool.cwasm`"),
    ] {
        let told = place.fails(&compile(out), 2, "E-USAGE");
        assert!(told.contains(why) && told.contains("-o FILE"), "{told}");
    }
    assert!(!std::fs::metadata(&socket).unwrap().is_file());
    assert!(!place.path().join("none").exists());
    // A link is followed, and stays one.
    place.write("there.cwasm", b"old");
    std::os::unix::fs::symlink("there.cwasm", place.path().join("link.cwasm")).unwrap();
    place.works(&compile("link.cwasm"));
    let about = std::fs::symlink_metadata(place.path().join("link.cwasm")).unwrap();
    assert!(about.is_symlink());
    place.works(&["exec", "there.cwasm", "look", r#"{"path":"a"}"#]);
}

/// E14. Code that this engine did not seal is never loaded, wherever it is from.
#[test]
fn compiled_code_of_others_is_refused() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.works(&["compile", "tool.wasm"]);
    let look = |file| ["exec", file, "look", r#"{"path":"a"}"#];
    let elsewhere = [&look("tool.cwasm")[..], &["--home", "other"]].concat();
    let told = place.fails(&elsewhere, 2, "E-INVALID-COMPONENT");
    assert!(
        told.contains("this engine did not seal it") && told.contains("`engine compile`"),
        "{told}"
    );
    let mut file = std::fs::read(place.path().join("tool.cwasm")).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 1;
    place.write("bad.cwasm", file);
    place.fails(&look("bad.cwasm"), 2, "E-INVALID-COMPONENT");
    // What `wasmtime compile` makes begins like this.
    place.write("other.cwasm", b"\x7fELF\x02\x01\x01\xc8");
    let told = place.fails(&look("other.cwasm"), 2, "E-INVALID-COMPONENT");
    assert!(told.contains("native code of others"), "{told}");
}

/// A bomb on the command line ends with its code, in bounds.
#[test]
fn a_bomb_on_the_command_line_has_a_code() {
    let place = Place::new();
    let deep = format!("{} {}", "loop ".repeat(50_000), "end ".repeat(50_000));
    place.write("deep.wasm", module(&format!("(func {deep})")));
    place.write("wide.wasm", module(&"(func)".repeat(50_001)));
    for bomb in ["deep.wasm", "wide.wasm"] {
        for command in [
            &["exec", bomb, "f"][..],
            &["inspect", bomb],
            &["compile", bomb],
        ] {
            place.fails(command, 4, "E-LIMIT-COMPILE");
        }
    }
    // The program that compiles tells people what it is for.
    let output = place.run(&[Compiler::WORD]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("this is for engines that compile"),
        "{told}"
    );
}

/// One compiler serves all clones of an engine, from many threads at once.
#[test]
fn many_threads_share_a_compiler() {
    let engine = Engine::builder()
        .compiler(compiler().at_once(2).waiting(100))
        .build()
        .unwrap();
    let add = Arc::new(wat("add"));
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| engine.load_blocking(&add).unwrap());
        }
    });
}
