//! Each knob of the host configuration, by its effect. (security.md, section 2)
//!
//! Fuel, wall time, memory, output, host calls, handles, open files, random bytes and header fields have
//! their tests with the attacks they answer; here are the rest.

use engine::{Call, Stdin};
use engine_tests::{TestEngine, guest, wat};
use serde_json::json;

/// The guest's stack is 512 KiB: deep recursion ends as a trap, not as a crash, also in async frames.
#[tokio::test]
async fn the_stack_of_a_guest_is_bounded() {
    let run = TestEngine::new().call(wat("recurse"), "f", json!([])).await;
    assert_eq!(
        run.fault().to_string(),
        "the guest trapped: call stack exhausted"
    );
    assert_eq!(
        run.fault().backtrace().len(),
        20,
        "frames of a report are bounded"
    );
    assert!(
        run.outcome.usage().fuel < 1_000_000,
        "{:?}",
        run.outcome.usage()
    );
}

/// Multi-memory stays on: a component of two memories loads.
#[tokio::test]
async fn several_memories_are_allowed() {
    let bytes = wat::parse_str(
        "(component (core module $m (memory 1) (memory 1) (func (export \"f\"))) (core instance $i (instantiate $m))
           (func (export \"f\") (canon lift (core func $i \"f\"))))",
    )
    .unwrap();
    let run = TestEngine::new()
        .call(engine::Source::bytes("two", bytes).unwrap(), "f", json!([]))
        .await;
    assert!(run.outcome.fault().is_none(), "{}", run.outcome.to_json());
}

/// Two components inside one, which call each other with strings: wasmtime's adapters need multi-memory.
#[tokio::test]
async fn components_inside_a_component_may_call_each_other() {
    let side = |body: &str| {
        format!(
            "(core module $libc (memory (export \"memory\") 1)
               (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
             (core instance $libc (instantiate $libc))
             (alias core export $libc \"memory\" (core memory $memory))
             (alias core export $libc \"realloc\" (core func $realloc)) {body}"
        )
    };
    let text = format!(
        "(component
          (component $inner {}
            (core module $m (func (export \"length\") (param i32 i32) (result i32) (local.get 1)))
            (core instance $i (instantiate $m))
            (func (export \"length\") (param \"text\" string) (result u32)
              (canon lift (core func $i \"length\") (memory $memory) (realloc (core func $realloc)))))
          (component $outer
            (import \"length\" (func $length (param \"text\" string) (result u32)))
            {}
            (core func $length-core (canon lower (func $length) (memory $memory)))
            (core module $m
              (import \"\" \"length\" (func $length (param i32 i32) (result i32)))
              (func (export \"f\") (result i32) (call $length (i32.const 0) (i32.const 5))))
            (core instance $i (instantiate $m (with \"\" (instance (export \"length\" (func $length-core))))))
            (func (export \"f\") (result u32) (canon lift (core func $i \"f\"))))
          (instance $inner (instantiate $inner))
          (instance $outer (instantiate $outer (with \"length\" (func $inner \"length\"))))
          (export \"f\" (func $outer \"f\")))",
        side(""),
        side("")
    );
    let source = engine::Source::bytes("both", wat::parse_str(text).unwrap()).unwrap();
    let run = TestEngine::new().call(source, "f", json!([])).await;
    assert_eq!(run.outcome.value().as_str(), "5");
}

/// A fresh instance for every call: nothing is left of the one before. (H2)
#[tokio::test]
async fn no_state_survives_a_call() {
    let (engine, _) = TestEngine::new().build();
    let values = engine.load(guest("values")).await.unwrap();
    for _ in 0..5 {
        let outcome = engine.call(&values, "count", json!([])).await.unwrap();
        assert_eq!(outcome.value().as_str(), "1");
    }
}

/// The same call uses the same fuel, so budgets mean the same everywhere.
#[tokio::test]
async fn equal_calls_use_equal_fuel() {
    let (engine, _) = TestEngine::new().build();
    let text = engine.load(guest("text")).await.unwrap();
    let mut used = Vec::new();
    for _ in 0..10 {
        let outcome = engine
            .call(&text, "count-words", json!(["to be or not to be"]))
            .await
            .unwrap();
        used.push(outcome.usage().fuel);
    }
    used.dedup();
    assert_eq!(used.len(), 1, "{used:?}");
}

/// Limits of a call only lower those of the engine.
#[tokio::test]
async fn a_call_cannot_raise_the_limits_of_its_engine() {
    use engine::{Bytes, Fuel, Limits};
    let tests =
        TestEngine::new().limits(|limits| limits.fuel(Fuel::new(1_000)).memory(Bytes::mib(2)));
    let more = Limits::builder()
        .fuel(Fuel::UNLIMITED)
        .memory(Bytes::mib(1024))
        .build()
        .unwrap();
    let run = tests
        .run(wat("loop"), Call::function("spin", json!([])).limits(more))
        .await;
    assert_eq!(
        (run.code(), run.outcome.usage().fuel),
        ("E-LIMIT-FUEL", 1_000)
    );
    assert_eq!(run.outcome.limits().memory(), Bytes::mib(2));
}

/// Standard input is empty unless it is given; what is given is read to its end.
#[tokio::test]
async fn standard_input_is_what_was_given() {
    let tests = TestEngine::new();
    let run = tests.command(guest("args"), &["a", "b c"]).await;
    assert_eq!(
        run.stdout(),
        "args [\"guest\", \"a\", \"b c\"]\nenv []\nstdin \"\"\n"
    );
    let call = Call::command(
        ["args"],
        Stdin::Bytes(bytes::Bytes::from_static(b"some input")),
    );
    let run = tests.run(guest("args"), call).await;
    assert!(
        run.stdout().ends_with("stdin \"some input\"\n"),
        "{}",
        run.stdout()
    );
}
