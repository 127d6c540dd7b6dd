//! Memory and the host's resources: the rows B of the attacks.

use engine::data::{Budget, Phase};
use engine::{Bytes, Call, FaultKind, Forward, Outcome, Rights, Source, Stdin, WallTime};
use engine_tests::{Attack, TestEngine, attack, guest, wat};
use serde_json::json;

const MIB: u64 = 1 << 20;

fn component(text: &str) -> Source {
    Source::bytes("generated", wat::parse_str(text).unwrap()).unwrap()
}

/// Checks that a run ended with a code.
fn ended(outcome: &Outcome, code: &str) {
    let found = outcome.fault().map(|fault| fault.code().as_str());
    assert_eq!(found, Some(code), "{}", outcome.to_json());
}

/// Many core instances, each with memories of their own.
fn instances(count: usize, pages: u32) -> Source {
    let instances: String = (0..count)
        .map(|i| format!("(core instance $i{i} (instantiate $m))"))
        .collect();
    component(&format!(
        "(component (core module $m (memory {pages}) (func (export \"f\"))) {instances}
           (func (export \"f\") (canon lift (core func $i0 \"f\"))))"
    ))
}

/// B1. A guest that asks for too much is told no, and may go on.
#[test]
fn growth_over_the_limit_is_refused_and_seen_by_the_guest() {
    let tests = TestEngine::new().limits(|limits| limits.memory(Bytes::mib(16)));
    attack(&tests, 16 * MIB, async |attack: &Attack| {
        let growing = attack.engine.load(wat("grow")).await.unwrap();
        for (pages, answer) in [(65_535, "-1"), (256, "-1"), (255, "1"), (0, "1")] {
            let outcome = attack
                .engine
                .run(&growing, Call::function("grow", json!([pages])))
                .await;
            assert_eq!(outcome.value().as_str(), answer, "{pages} pages");
        }
    });
}

/// A trap after a refused growth is the limit's doing; the peak is what was really held.
#[tokio::test]
async fn a_guest_that_needs_more_memory_ends_at_the_limit() {
    let tests = TestEngine::new().limits(|limits| limits.memory(Bytes::mib(16)));
    let run = tests.call(wat("grow"), "need", json!([1000])).await;
    let FaultKind::Exhausted {
        budget,
        used,
        limit,
    } = run.fault().kind()
    else {
        panic!("wrong fault: {}", run.fault());
    };
    assert_eq!(
        (*budget, *used, *limit),
        (Budget::Memory, 1001 << 16, 16 * MIB)
    );
    assert_eq!(run.code(), "E-LIMIT-MEMORY");
    assert_eq!(
        run.event_names(),
        [
            "run_started",
            "component_loaded",
            "permit_issued",
            "call_started",
            "limit_reached",
            "call_completed",
            "run_completed"
        ]
    );
    let run = tests.call(wat("grow"), "hoard", json!([])).await;
    assert_eq!(
        (run.code(), run.outcome.usage().memory_peak),
        ("E-LIMIT-MEMORY", Bytes::mib(16))
    );
}

/// B2. A minimum over the limit stops the start.
#[tokio::test]
async fn a_minimum_over_the_limit_is_refused_at_the_start() {
    let run = TestEngine::new()
        .call(wat("large_minimum"), "f", json!([]))
        .await;
    assert_eq!(
        (run.code(), run.fault().phase()),
        ("E-LIMIT-MEMORY", Some(Phase::Start))
    );
}

/// B3. Two hundred memories of 64 MiB count together.
#[test]
fn the_memories_of_all_instances_are_summed() {
    let tests = TestEngine::new();
    attack(&tests, 128 * MIB, async |attack: &Attack| {
        // Each alone is below the limit: over it together, at the third.
        let outcome = attack
            .engine
            .run_source(instances(200, 1024), Call::function("f", json!([])))
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-MEMORY");
        assert_eq!(outcome.usage().memory_peak, Bytes::mib(128));
        // Far below the limit together, but too many.
        let outcome = attack
            .engine
            .run_source(instances(200, 1), Call::function("f", json!([])))
            .await;
        let fault = outcome.fault().unwrap();
        assert_eq!(fault.code().as_str(), "E-LIMIT-MEMORY");
        assert_eq!(
            fault.to_string(),
            "the guest needs more than 64 core instances, memories or tables"
        );
        let outcome = attack
            .engine
            .run_source(instances(64, 32), Call::function("f", json!([])))
            .await;
        assert!(outcome.fault().is_none(), "{}", outcome.to_json());
        assert_eq!(outcome.usage().memory_peak, Bytes::mib(128));
    });
}

/// The memories of one module count together, too.
#[tokio::test]
async fn several_memories_of_one_module_are_summed() {
    let memories = |count: usize| {
        component(&format!(
            "(component (core module $m {} (func (export \"f\"))) (core instance $i (instantiate $m))
               (func (export \"f\") (canon lift (core func $i \"f\"))))",
            "(memory 512)".repeat(count)
        ))
    };
    let tests = TestEngine::new();
    let run = tests.call(memories(4), "f", json!([])).await;
    assert_eq!(run.outcome.usage().memory_peak, Bytes::mib(128));
    let run = tests.call(memories(5), "f", json!([])).await;
    assert_eq!(run.code(), "E-LIMIT-MEMORY");
}

/// B5, B6, B8. What the engine leaves off is refused at load, and named.
#[tokio::test]
async fn components_that_need_what_is_off_are_refused() {
    for (core, feature) in [
        ("(memory 1 2 shared)", "shared memories (threads)"),
        ("(memory i64 1)", "64-bit memories or tables"),
        ("(table i64 1 funcref)", "64-bit memories or tables"),
        ("(type (struct))", "garbage collected types"),
        ("(type $a (array i8))", "garbage collected types"),
        ("(tag)", "exceptions"),
        ("(func $f return_call $f)", "tail calls"),
    ] {
        let run = TestEngine::new()
            .call(
                component(&format!("(component (core module {core}))")),
                "f",
                json!([]),
            )
            .await;
        assert_eq!(run.code(), "E-INVALID-COMPONENT", "{core}");
        assert_eq!(
            run.fault().to_string(),
            format!("`generated` needs {feature}, which this engine does not run"),
            "{core}"
        );
    }
}

/// Everything else that is off is refused by the validator.
#[tokio::test]
async fn features_that_are_off_do_not_load() {
    for text in [
        "(core module (func (result v128)
           (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
        "(core module (type $f (func)) (func (param (ref $f))))",
        "(core module (memory 1 (pagesize 1)))",
        "(core module (func (param i64) (result i64 i64)
           (i64.add128 (local.get 0) (local.get 0) (local.get 0) (local.get 0))))",
        "(core module (type $f (func)) (type $c (cont $f)))",
        "(core module (memory 1 1 shared))",
        "(type (list u8 4))",
        "(type (map string u32))",
        "(type (func async))",
        "(type (stream u8))",
        "(type (future u8))",
        "(type error-context)",
    ] {
        let run = TestEngine::new()
            .call(component(&format!("(component {text})")), "f", json!([]))
            .await;
        assert_eq!(run.code(), "E-INVALID-COMPONENT", "{text}: {}", run.fault());
    }
}

/// B7. Tables count as memory, and no size of one hurts the host.
#[test]
fn tables_are_summed_with_the_memories() {
    attack(&TestEngine::new(), 128 * MIB, async |attack: &Attack| {
        for tables in [
            "(table 10000000 funcref)".repeat(60),
            "(table 4294967295 funcref)".into(),
            "(table 1 funcref)".repeat(65),
        ] {
            let source = component(&format!(
                "(component (core module $m {tables} (func (export \"f\"))) (core instance $i (instantiate $m))
                   (func (export \"f\") (canon lift (core func $i \"f\"))))"
            ));
            let outcome = attack
                .engine
                .run_source(source, Call::function("f", json!([])))
                .await;
            ended(&outcome, "E-LIMIT-MEMORY");
        }
    });
}

/// B9. Host objects and resource handles are both bounded.
#[test]
fn hoarding_handles_ends_at_the_limit() {
    attack(&TestEngine::new(), 128 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(
                guest("pollables"),
                Call::command(["pollables"], Stdin::Empty),
            )
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-HANDLES");
        let outcome = attack
            .engine
            .run_source(wat("handles"), Call::function("f", json!([])))
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-HANDLES");
    });
}

/// B10. Too many header fields are an error for the guest, not for the host.
#[test]
fn too_many_header_fields_are_the_guests_error() {
    attack(&TestEngine::new(), 128 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(guest("headers"), Call::command(["headers"], Stdin::Empty))
            .await;
        // wasmtime-wasi-http answers with a trap where the interface has no error for it.
        let text = outcome.to_json();
        assert!(
            outcome.stdout().starts_with(b"from-list true")
                || outcome.fault().unwrap().code().as_str() == "E-TRAP",
            "{text}"
        );
    });
}

/// B13. Nothing is allocated for random bytes that nobody may ask for.
#[test]
fn four_gibibytes_of_random_bytes_are_refused() {
    attack(&TestEngine::new(), 16 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(guest("random"), Call::command(["random"], Stdin::Empty))
            .await;
        ended(&outcome, "E-TRAP");
    });
}

/// B14. What crosses to the host in one call is bounded, however little memory it takes in the guest.
#[test]
fn moving_too_much_to_the_host_at_once_is_stopped() {
    attack(&TestEngine::new(), 256 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(wat("overlapping"), Call::function("f", json!([])))
            .await;
        ended(&outcome, "E-LIMIT-HOSTCALL");
        assert!(outcome.denials().is_empty(), "the import was never reached");
        let outcome = attack
            .engine
            .run_source(guest("big_write"), Call::command(["big"], Stdin::Empty))
            .await;
        ended(&outcome, "E-LIMIT-HOSTCALL");
    });
}

/// B15, B16. A result over the output limit is never written out, and one that would cost the host much
/// more than it cost the guest is never even read.
#[test]
fn results_over_the_limits_are_stopped() {
    attack(&TestEngine::new(), 256 * MIB, async |attack: &Attack| {
        let returning = attack.engine.load(wat("large_results")).await.unwrap();
        for (function, length, code) in [
            ("bytes", 100 * MIB, "E-LIMIT-OUTPUT"),
            ("bytes", MIB, "E-LIMIT-OUTPUT"),
            ("text", 100 * MIB, "E-LIMIT-OUTPUT"),
            ("text", 2 * MIB, "E-LIMIT-OUTPUT"),
            ("tuples", 20 * MIB, "E-LIMIT-HOSTCALL"),
            ("flags", 20 * MIB, "E-LIMIT-HOSTCALL"),
            ("records", 20 * MIB, "E-LIMIT-HOSTCALL"),
            ("records", 100_000, "E-LIMIT-OUTPUT"),
            // Beyond the end of the guest's memory.
            ("bytes", 1024 * MIB, "E-TRAP"),
        ] {
            let outcome = attack
                .engine
                .run(&returning, Call::function(function, json!([length])))
                .await;
            assert_eq!(
                outcome.fault().unwrap().code().as_str(),
                code,
                "{function} {length}: {}",
                outcome.to_json()
            );
        }
        let outcome = attack
            .engine
            .run(&returning, Call::function("bytes", json!([700_000])))
            .await;
        assert!(outcome.fault().is_none(), "{}", outcome.to_json());
    });
}

/// B17. A guest that writes without end is stopped; what it wrote up to the limit is kept.
#[test]
fn a_gigabyte_of_output_is_cut_at_the_limit() {
    attack(&TestEngine::new(), 128 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(guest("much_stdout"), Call::command(["much"], Stdin::Empty))
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-OUTPUT");
        assert_eq!(outcome.stdout().len() as u64, MIB);
        assert_eq!(outcome.usage().stdout, Bytes::mib(1));
    });
}

/// The chunks of output are few, whatever the guest's writes were.
#[tokio::test]
async fn output_becomes_few_events() {
    let run = TestEngine::new().command(guest("much_stdout"), &[]).await;
    let chunks = run
        .events
        .iter()
        .filter(|event| event.kind.name() == "output")
        .count();
    assert!((16..=130).contains(&chunks), "{chunks} chunks for 1 MiB");
}

/// B19. Open files are counted, also those that only a stream still holds.
#[test]
fn open_files_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "content").unwrap();
    let tests = TestEngine::new().dir(dir.path(), "/data", Rights::ReadOnly);
    attack(&tests, 128 * MIB, async |attack: &Attack| {
        for how in ["descriptors", "streams"] {
            let outcome = attack
                .engine
                .run_source(
                    guest("descriptors"),
                    Call::command(["guest", how], Stdin::Empty),
                )
                .await;
            let fault = outcome.fault().unwrap();
            assert_eq!(
                (fault.code().as_str(), fault.budget()),
                ("E-LIMIT-HANDLES", Some(Budget::Files)),
                "{how}"
            );
        }
    });
}

/// B24. Names from the component do not flood reports or act on terminals.
#[test]
fn a_trap_with_huge_and_evil_names_stays_small_and_plain() {
    let evil = format!(
        "{}\u{1b}[2J\u{1b}]0;title\u{7}\nforged\u{202e}{}",
        "<".repeat(40),
        "n".repeat(99_000)
    );
    let functions: String = (0..20)
        .map(|i| {
            let next = if i == 19 {
                "unreachable".to_owned()
            } else {
                format!("call {}", i + 1)
            };
            format!(
                "(func (@name {:?}) (export \"f{i}\") {next})",
                format!("{evil}{i}")
            )
        })
        .collect();
    let source = component(&format!(
        "(component (core module $m {functions}) (core instance $i (instantiate $m))
           (func (export \"f\") (canon lift (core func $i \"f0\"))))"
    ));
    attack(&TestEngine::new(), 64 * MIB, async |attack: &Attack| {
        let outcome = attack
            .engine
            .run_source(source, Call::function("f", json!([])))
            .await;
        let fault = outcome.fault().unwrap();
        assert_eq!(fault.code().as_str(), "E-TRAP");
        assert!(!fault.backtrace().is_empty());
        let text = outcome.to_json();
        assert!(text.len() < 8 << 10, "{} bytes", text.len());
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\n', '\u{202e}']),
            "{text}"
        );
    });
}

/// B25. Types nest as deep as the validator allows, and no deeper.
#[tokio::test]
async fn a_result_nested_a_thousand_deep_is_refused_at_load() {
    let nested = |depth: usize| {
        let types: String = (1..=depth)
            .map(|i| format!("(type $t{i} (list $t{}))", i - 1))
            .collect();
        component(&format!(
            "(component (type $t0 u8) {types}
               (core module $m (memory (export \"memory\") 1) (func (export \"f\") (result i32) (i32.const 0)))
               (core instance $i (instantiate $m))
               (alias core export $i \"memory\" (core memory $memory))
               (func (export \"f\") (result $t{depth}) (canon lift (core func $i \"f\") (memory $memory))))"
        ))
    };
    let run = TestEngine::new().call(nested(1000), "f", json!([])).await;
    assert_eq!(run.code(), "E-INVALID-COMPONENT");
    let run = TestEngine::new().call(nested(90), "f", json!([])).await;
    assert_eq!(run.outcome.value().as_str(), "[]");
}

/// The time that growing takes counts as fuel.
#[tokio::test]
async fn growing_memory_costs_fuel() {
    let tests = TestEngine::new().limits(|limits| limits.wall(WallTime::secs(5)));
    let few = tests
        .call(wat("grow"), "grow", json!([1]))
        .await
        .outcome
        .usage()
        .fuel;
    let many = tests
        .call(wat("grow"), "grow", json!([101]))
        .await
        .outcome
        .usage()
        .fuel;
    assert_eq!(many - few, 100 * 100);
}

/// What is written into requests that are never sent is kept by the host, so there is little room for it.
#[test]
fn bodies_of_requests_hold_little_of_the_hosts_memory() {
    let tests = TestEngine::new();
    attack(&tests, 16 * MIB, async |attack: &Attack| {
        let hog = attack.engine.load(wat("request_bodies")).await.unwrap();
        let outcome = attack
            .engine
            .run(&hog, Call::function("hog", json!([1000])))
            .await;
        assert!(outcome.fault().is_some(), "{}", outcome.to_json());
    });
}

/// A write larger than the stream permits ends the guest, and nothing of it waits anywhere.
#[test]
fn a_write_beyond_its_permit_is_a_trap() {
    let tests = TestEngine::new();
    attack(&tests, 64 * MIB, async |attack: &Attack| {
        let (sender, _receiver) = tokio::sync::mpsc::channel(16);
        let writes = attack.engine.load(wat("large_writes")).await.unwrap();
        let call = Call::function("hog", json!([16, 60_000_000])).forward(Forward {
            stdout: sender.clone(),
            stderr: sender,
        });
        let outcome = attack.engine.run(&writes, call).await;
        assert_eq!(
            outcome.fault().unwrap().to_string(),
            "the guest trapped: a write of more than `check-write` permitted"
        );
    });
}
