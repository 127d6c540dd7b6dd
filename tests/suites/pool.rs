//! Instances that have their places in a pool.

use std::sync::Arc;
use std::time::Duration;

use engine::data::{Cancel, Pool};
use engine::{Bytes, Call, Compiled, Config, Engine, Limits, Memory, Source, WallTime};
use engine_tests::wat;
use serde_json::json;

fn component(text: &str) -> Source {
    Source::bytes("generated", wat::parse_str(text).unwrap()).unwrap()
}

fn engine(pool: Pool) -> Engine {
    let config = Config::new().pool(pool);
    Engine::builder().config(config).build().unwrap()
}

async fn value(engine: &Engine, component: &Compiled, function: &str) -> String {
    let outcome = engine.call(component, function, json!([])).await.unwrap();
    outcome.value().as_str().to_owned()
}

/// A guest that writes over all it can (its memory as it is, and grown by 40 pages, a table, a global, its stack), and
/// one that counts what is not as it should be at the start.
const TENANT: &str = r#"(component
    (core module $m
        (memory 20)
        (data (i32.const 65536) "begin")
        (table $t 100 2000 funcref)
        (elem (i32.const 0) $one)
        (type $n (func (result i32)))
        (global $g (mut i32) (i32.const 7))
        (func $one (result i32) (i32.const 1))
        (func $deep (param i32) (result i64) (local i64 i64 i64 i64)
            (local.set 1 (i64.const 0x5a5a5a5a5a5a5a5a))
            (if (result i64) (local.get 0)
                (then (i64.add (local.get 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
                (else (local.get 1))))
        (func (export "spoil") (result i32)
            (drop (memory.grow (i32.const 40)))
            (memory.fill (i32.const 0) (i32.const 0xa5) (i32.mul (memory.size) (i32.const 65536)))
            (drop (table.grow $t (ref.func $one) (i32.const 500)))
            (table.fill $t (i32.const 0) (ref.func $one) (table.size $t))
            (global.set $g (i32.const 8))
            (drop (call $deep (i32.const 1000)))
            (memory.size))
        (func (export "look") (result i32) (local $at i32) (local $wrong i32)
            (if (i32.ne (global.get $g) (i32.const 7))
                (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
            (if (i32.ne (i32.load (i32.const 65536)) (i32.const 0x69676562))
                (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
            (i32.store (i32.const 65536) (i32.const 0))
            (i32.store8 (i32.const 65540) (i32.const 0))
            (if (i32.ne (memory.size) (i32.const 20))
                (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
            (drop (memory.grow (i32.const 40)))
            (loop $next
                (if (i64.ne (i64.load (local.get $at)) (i64.const 0))
                    (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
                (local.set $at (i32.add (local.get $at) (i32.const 8)))
                (br_if $next (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
            (if (i32.ne (table.size $t) (i32.const 100))
                (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
            (local.set $at (i32.const 1))
            (loop $more
                (if (i32.eqz (ref.is_null (table.get $t (local.get $at))))
                    (then (local.set $wrong (i32.add (local.get $wrong) (i32.const 1)))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $at) (i32.const 100))))
            (local.get $wrong))
        (elem declare func $one))
    (core instance $i (instantiate $m))
    (func (export "spoil") (result u32) (canon lift (core func $i "spoil")))
    (func (export "look") (result u32) (canon lift (core func $i "look"))))"#;

/// B: a place is as new for whoever gets it next, whether the guest before wrote less than stays there or more.
#[tokio::test]
async fn no_byte_of_one_instance_is_left_for_the_next() {
    for resident in [Bytes::ZERO, Bytes::kib(64), Bytes::mib(1), Bytes::mib(16)] {
        let engine = engine(Pool::new(1).resident(resident));
        let tenant = engine.load(component(TENANT)).await.unwrap();
        // What looks for traces finds those that are there.
        for _ in 0..20 {
            assert_eq!(value(&engine, &tenant, "look").await, "0", "{resident}");
            assert_eq!(value(&engine, &tenant, "spoil").await, "60");
        }
        // A component of another shape in the same place.
        let other = TENANT
            .replace("(memory 20)", "(memory 19)")
            .replace("(i32.const 20)", "(i32.const 19)");
        let other = engine.load(component(&other)).await.unwrap();
        assert_eq!(value(&engine, &tenant, "spoil").await, "60");
        assert_eq!(value(&engine, &other, "look").await, "0", "{resident}");
    }
}

/// The guest that looks for traces is able to find them.
#[tokio::test]
async fn traces_would_be_found() {
    let engine = engine(Pool::new(1));
    let spoilt = TENANT
        .replace(
            "(global $g (mut i32) (i32.const 7))",
            "(global $g (mut i32) (i32.const 6))",
        )
        .replace("(memory 20)", "(memory 21)")
        .replace(
            "(elem (i32.const 0) $one)",
            "(elem (i32.const 0) $one) (elem (i32.const 5) $one)",
        )
        .replace("\"begin\")", "\"begin\") (data (i32.const 800000) \"x\")");
    let tenant = engine.load(component(&spoilt)).await.unwrap();
    assert_eq!(value(&engine, &tenant, "look").await, "4");
}

/// A guest that computes until its fuel or its time is over.
const ENDLESS: &str = r#"(component
    (core module $m (memory 1) (func (export "f") (loop $l (br $l))))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))"#;

#[tokio::test]
async fn calls_wait_for_room_and_their_time_begins_when_they_start() {
    let engine = engine(Pool::new(2).waiting(3));
    let endless = engine.load(component(ENDLESS)).await.unwrap();
    let limits = Limits::builder()
        .wall(WallTime::millis(150))
        .build()
        .unwrap();
    let calls: Vec<_> = (0..7)
        .map(|_| {
            let (engine, endless) = (engine.clone(), endless.clone());
            let call = Call::function("f", json!([])).limits(limits);
            tokio::spawn(async move { engine.run(&endless, call).await })
        })
        .collect();
    let mut codes = Vec::new();
    for call in calls {
        let outcome = call.await.unwrap();
        let fault = outcome.fault().unwrap();
        if fault.code().as_str() == "E-LIMIT-TIME" {
            // Those that waited had their whole time.
            assert!(
                outcome.usage().wall >= Duration::from_millis(150),
                "{:?}",
                outcome.usage()
            );
        } else {
            assert_eq!(
                fault.to_string(),
                "2 instances run and 3 calls wait already"
            );
            assert_eq!(outcome.usage().fuel, 0);
        }
        codes.push(fault.code().as_str());
    }
    codes.sort_unstable();
    let (busy, time) = (["E-LIMIT-BUSY"; 2], ["E-LIMIT-TIME"; 5]);
    assert_eq!(codes, [&busy[..], &time[..]].concat());
}

#[tokio::test]
async fn a_call_that_waits_can_be_cancelled_and_leaves_its_turn() {
    let events = Arc::new(Memory::default());
    let engine = Engine::builder()
        .config(Config::new().pool(Pool::new(1).waiting(1)))
        .shared_sink(events.clone())
        .build()
        .unwrap();
    let endless = engine.load(component(ENDLESS)).await.unwrap();
    let stop = Cancel::new();
    let first = {
        let (engine, endless) = (engine.clone(), endless.clone());
        let call = Call::function("f", json!([])).cancelled_by(stop.clone());
        tokio::spawn(async move { engine.run(&endless, call).await })
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..3 {
        let cancel = Cancel::new();
        let call = Call::function("f", json!([])).cancelled_by(cancel.clone());
        let waiting = engine.run(&endless, call);
        let (outcome, ()) = tokio::join!(waiting, async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            cancel.cancel();
        });
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-CANCELLED");
        assert_eq!(outcome.usage().fuel, 0);
    }
    stop.cancel();
    assert_eq!(
        first.await.unwrap().fault().unwrap().code().as_str(),
        "E-CANCELLED"
    );
    // Those that were cancelled never began.
    let events = events.events();
    let count = |name| {
        events
            .iter()
            .filter(|event| event.kind.name() == name)
            .count()
    };
    assert_eq!((count("run_started"), count("call_started")), (4, 1));
}

/// What needs more than a place has, in each way there is, runs beside the pool.
#[tokio::test]
async fn a_component_that_does_not_fit_the_pool_runs_beside_it() {
    let engine = engine(Pool::new(1));
    let memories = "(memory 1)".repeat(3);
    let tables = "(table 1 funcref)".repeat(9);
    let globals = "(global (mut i64) (i64.const 0))".repeat(70_000);
    let shapes = [
        ("memories", memories.as_str()),
        ("tables", tables.as_str()),
        ("elements of a table", "(table 16777217 funcref)"),
        ("globals", globals.as_str()),
        ("nothing", ""),
    ];
    for (what, shape) in shapes {
        let text = format!(
            r#"(component (core module $m {shape} (func (export "f") (result i32) (i32.const 4)))
                (core instance $i (instantiate $m))
                (func (export "f") (result u32) (canon lift (core func $i "f"))))"#
        );
        let loaded = engine.load(component(&text)).await;
        let loaded = loaded.unwrap_or_else(|fault| panic!("{what}: {fault}"));
        let call = Call::function("f", json!([]));
        let outcome = engine.run(&loaded, call).await;
        if what == "elements of a table" {
            // Beside the pool it ends by its own limit, as it does without a pool.
            assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-MEMORY");
            continue;
        }
        assert_eq!(
            outcome.value().as_str(),
            "4",
            "{what}: {}",
            outcome.to_json()
        );
    }
}

/// A guest sees no difference: a table cannot grow further beside the pool than in it.
#[tokio::test]
async fn tables_grow_as_far_with_a_pool_as_without() {
    let text = r#"(component
        (core module $m (table $t 0 funcref)
            (func (export "f") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))
        (core instance $i (instantiate $m))
        (func (export "f") (param "n" u32) (result s32) (canon lift (core func $i "f"))))"#;
    let config =
        || Config::new().limits(Limits::builder().memory(Bytes::mib(1024)).build().unwrap());
    for config in [config(), config().pool(Pool::new(1))] {
        let engine = Engine::builder().config(config).build().unwrap();
        let growing = engine.load(component(text)).await.unwrap();
        for (elements, answer) in [(16 << 20, "0"), ((16 << 20) + 1, "-1")] {
            let outcome = engine.call(&growing, "f", json!([elements])).await.unwrap();
            assert_eq!(outcome.value().as_str(), answer, "{elements} elements");
        }
    }
}

#[tokio::test]
async fn many_threads_share_a_pool() {
    let engine = engine(Pool::new(3).waiting(1000));
    let add = engine.load(wat("add")).await.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (engine, add) = (&engine, &add);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                for n in 0..200 {
                    let outcome = runtime
                        .block_on(engine.call(add, "add", json!([thread, n])))
                        .unwrap();
                    assert_eq!(outcome.value().as_str(), (thread + n).to_string());
                }
            });
        }
    });
}
