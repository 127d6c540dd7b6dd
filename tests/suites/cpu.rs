//! Processor and time: the rows A of the attacks.

use std::time::{Duration, Instant};

use engine::data::Budget;
use engine::{Bytes, Call, FaultKind, Fuel, Stdin, WallTime};
use engine_tests::{Attack, TestEngine, attack, guest, wat};
use serde_json::json;

/// How late a guest may be stopped: what the attacks' rows allow.
const LATE: Duration = Duration::from_millis(60);

/// A1. An endless loop spends its fuel to the last unit, the same on every run.
#[test]
fn an_endless_loop_spends_exactly_its_fuel() {
    let tests = TestEngine::new().limits(|limits| limits.fuel(Fuel::new(10_000_000)));
    attack(&tests, 0, async |attack: &Attack| {
        let spinning = attack.engine.load(wat("loop")).await.unwrap();
        for _ in 0..3 {
            let outcome = attack
                .engine
                .run(&spinning, Call::function("spin", json!([])))
                .await;
            let fault = outcome.fault().unwrap();
            assert_eq!(fault.code().as_str(), "E-LIMIT-FUEL");
            assert_eq!(fault.budget(), Some(Budget::Fuel));
            assert_eq!(outcome.usage().fuel, 10_000_000);
        }
    });
}

/// A2. Without a fuel limit the deadline ends the loop, on time.
#[test]
fn an_endless_loop_with_all_the_fuel_ends_at_its_deadline() {
    for fuel in [Fuel::new(1 << 62), Fuel::UNLIMITED] {
        let tests =
            TestEngine::new().limits(|limits| limits.fuel(fuel).wall(WallTime::millis(100)));
        attack(&tests, 0, async |attack: &Attack| {
            let spinning = attack.engine.load(wat("loop")).await.unwrap();
            let start = Instant::now();
            let outcome = attack
                .engine
                .run(&spinning, Call::function("spin", json!([])))
                .await;
            let took = start.elapsed();
            assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-TIME");
            assert!(
                took >= Duration::from_millis(100) && took < Duration::from_millis(100) + LATE,
                "{took:?}"
            );
        });
    }
}

/// A3. The limits are armed before the first instruction.
#[tokio::test]
async fn an_initialiser_that_never_ends_is_stopped_before_the_call() {
    let run = TestEngine::new()
        .limits(|limits| limits.fuel(Fuel::new(10_000_000)))
        .call(wat("start_loop"), "f", json!([]))
        .await;
    assert_eq!(run.code(), "E-LIMIT-FUEL");
    assert_eq!(run.fault().phase(), Some(engine::data::Phase::Start));
    assert_eq!(run.outcome.usage().fuel, 10_000_000);
}

/// A5. One huge operation is all that may run after the deadline.
#[test]
fn filling_the_whole_memory_over_and_over_ends_soon_after_its_deadline() {
    let tests = TestEngine::new().limits(|limits| {
        limits
            .memory("64MiB".parse().unwrap())
            .fuel(Fuel::UNLIMITED)
            .wall(WallTime::millis(50))
    });
    attack(&tests, 64 << 20, async |attack: &Attack| {
        let filling = attack.engine.load(wat("fill")).await.unwrap();
        let start = Instant::now();
        let outcome = attack
            .engine
            .run(&filling, Call::function("fill", json!([])))
            .await;
        let took = start.elapsed();
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-TIME");
        assert!(took < Duration::from_millis(50 + 150), "{took:?}");
    });
}

/// A6. A guest that sleeps is stopped as well, and its timer with it.
#[test]
fn a_guest_asleep_in_a_host_call_ends_at_its_deadline() {
    let tests = TestEngine::new().limits(|limits| limits.wall(WallTime::millis(100)));
    attack(&tests, 0, async |attack: &Attack| {
        let sleeping = attack.engine.load(guest("sleep")).await.unwrap();
        let start = Instant::now();
        let outcome = attack
            .engine
            .run(&sleeping, Call::command(["sleep"], Stdin::Empty))
            .await;
        let took = start.elapsed();
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-TIME");
        assert!(took < Duration::from_millis(100) + LATE, "{took:?}");
        assert!(
            outcome.usage().cpu < Duration::from_millis(50),
            "{:?}",
            outcome.usage()
        );
    });
}

/// A9. Host calls are counted, whatever they do.
#[test]
fn a_storm_of_host_calls_is_stopped_by_their_number() {
    let tests =
        TestEngine::new().limits(|limits| limits.fuel(Fuel::UNLIMITED).wall(WallTime::secs(600)));
    attack(&tests, 0, async |attack: &Attack| {
        let storm = attack.engine.load(guest("clock_storm")).await.unwrap();
        let outcome = attack
            .engine
            .run(&storm, Call::command(["storm"], Stdin::Empty))
            .await;
        let FaultKind::Exhausted { budget, limit, .. } = outcome.fault().unwrap().kind() else {
            panic!("wrong fault: {:?}", outcome.fault());
        };
        assert_eq!((*budget, *limit), (Budget::HostCalls, 10_000_000));
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-HOSTCALL");
    });
}

/// A9. Many short sleeps do not hold up anybody else.
#[test]
fn a_storm_of_short_sleeps_ends_at_its_deadline() {
    let tests = TestEngine::new().limits(|limits| limits.wall(WallTime::millis(300)));
    attack(&tests, 0, async |attack: &Attack| {
        let storm = attack.engine.load(guest("timer_storm")).await.unwrap();
        let outcome = attack
            .engine
            .run(&storm, Call::command(["storm"], Stdin::Empty))
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-TIME");
    });
}

/// A10. A thousand guests that recurse without end trap, each on its own.
#[test]
fn recursion_without_end_traps() {
    attack(&TestEngine::new(), 512 << 20, async |attack: &Attack| {
        let recursing = attack.engine.load(wat("recurse")).await.unwrap();
        let runs: Vec<_> = (0..1_000)
            .map(|_| {
                let (engine, recursing) = (attack.engine.clone(), recursing.clone());
                tokio::spawn(
                    async move { engine.run(&recursing, Call::function("f", json!([]))).await },
                )
            })
            .collect();
        for run in runs {
            let outcome = run.await.unwrap();
            let fault = outcome.fault().unwrap();
            assert_eq!(fault.code().as_str(), "E-TRAP");
            assert_eq!(fault.to_string(), "the guest trapped: call stack exhausted");
        }
    });
}

/// A13, without the journal. A cancelled call ends once: as cancelled, or as done.
#[test]
fn a_call_cancelled_at_any_time_ends_exactly_once() {
    let tests = TestEngine::new();
    attack(&tests, 0, async |attack: &Attack| {
        let napping = attack.engine.load(guest("nap")).await.unwrap();
        let (mut cancelled, mut done) = (0, 0);
        for i in 0..200u64 {
            let cancel = engine::data::Cancel::new();
            let call = Call::command(["nap", "3"], Stdin::Empty).cancelled_by(cancel.clone());
            let asking = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(i * 40)).await;
                cancel.cancel();
            });
            let outcome = attack.engine.run(&napping, call).await;
            asking.await.unwrap();
            match outcome.fault().map(|fault| fault.code().as_str()) {
                None => done += 1,
                Some("E-CANCELLED") => cancelled += 1,
                other => panic!("ended as {other:?}"),
            }
        }
        assert_eq!(cancelled + done, 200);
        assert!(
            cancelled > 0 && done > 0,
            "{cancelled} cancelled, {done} done"
        );
    });
}

/// Row 38. A busy guest is gone within 100 ms of being cancelled.
#[tokio::test]
async fn a_busy_guest_stops_when_it_is_cancelled() {
    let start = Instant::now();
    let run = TestEngine::new()
        .cancelled_after(
            wat("loop"),
            Call::function("spin", json!([])),
            Duration::from_millis(50),
        )
        .await;
    assert_eq!(run.code(), "E-CANCELLED");
    assert!(
        start.elapsed() < Duration::from_millis(150),
        "{:?}",
        start.elapsed()
    );
}

/// Dropping the future is cancellation, too, and the events say so.
#[test]
fn a_dropped_call_leaves_events_that_end() {
    attack(&TestEngine::new(), 0, async |attack: &Attack| {
        for component in [wat("loop"), guest("sleep")] {
            let loaded = attack.engine.load(component).await.unwrap();
            let call = match loaded.describe().is_command() {
                true => Call::command(["sleep"], Stdin::Empty),
                false => Call::function("spin", json!([])),
            };
            let abandoned =
                tokio::time::timeout(Duration::from_millis(30), attack.engine.run(&loaded, call))
                    .await;
            assert!(abandoned.is_err(), "the guest ended by itself");
        }
        // That there is one last event for each run is checked by `attack`.
    });
}

/// Row 10. Sleeping is not computing.
#[tokio::test]
async fn processor_time_tells_sleep_from_work() {
    let tests = TestEngine::new();
    let asleep = tests.command(guest("nap"), &["150"]).await.outcome;
    let busy = tests.command(guest("busy"), &["150"]).await.outcome;
    for outcome in [&asleep, &busy] {
        assert!(outcome.fault().is_none(), "{}", outcome.to_json());
        assert!(outcome.usage().wall >= Duration::from_millis(150));
    }
    assert!(
        asleep.usage().cpu < Duration::from_millis(50),
        "{:?}",
        asleep.usage()
    );
    assert!(
        busy.usage().cpu > Duration::from_millis(75),
        "{:?}",
        busy.usage()
    );
}

/// Values of a type with ten thousand cases take long to write; the deadline is looked at meanwhile.
#[tokio::test]
async fn the_deadline_holds_while_a_result_becomes_json() {
    let cases: String = (0..10_000)
        .map(|i| format!("(case \"c{i:05}\") "))
        .collect();
    let bytes = wat::parse_str(format!(
        "(component
           (type $v (variant {cases})) (export $ve \"v\" (type $v))
           (core module $m (memory (export \"memory\") 100)
             (func (export \"f\") (param i32) (result i32)
               (memory.fill (i32.const 64) (i32.const 0x26) (i32.const 6000000))
               (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (local.get 0)) (i32.const 0)))
           (core instance $i (instantiate $m))
           (alias core export $i \"memory\" (core memory $memory))
           (func $f (param \"n\" u32) (result (list $ve)) (canon lift (core func $i \"f\") (memory $memory)))
           (export \"f\" (func $f)))"
    ))
    .unwrap();
    let wall = Duration::from_millis(100);
    let run = TestEngine::new()
        .limits(|limits| limits.wall(WallTime::millis(100)).output(Bytes::mib(512)))
        .call(
            engine::Source::bytes("cases", bytes).unwrap(),
            "f",
            json!([500_000]),
        )
        .await;
    assert_eq!(run.code(), "E-LIMIT-TIME", "{}", run.fault());
    // Lifting the values out of the guest's memory is one step of wasmtime, which no one can stop.
    let used = run.outcome.usage().wall;
    assert!(used < wall + Duration::from_secs(2), "{used:?}");
}

/// Debug information made to be read for hours is left aside after a moment.
#[tokio::test]
async fn a_trap_report_takes_no_longer_than_it_may() {
    let source = engine::Source::bytes("dwarf", costly_debug_information(200_000, 2_000)).unwrap();
    let engine = TestEngine::new();
    let start = Instant::now();
    let run = engine.call(source, "f", json!([])).await;
    let took = start.elapsed();
    assert_eq!(run.code(), "E-TRAP");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// A component that traps, whose units all share one huge table of abbreviations.
fn costly_debug_information(abbreviations: u32, units: usize) -> Vec<u8> {
    fn leb(mut n: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while n >= 0x80 {
            bytes.push(u8::try_from(n & 0x7f).unwrap() | 0x80);
            n >>= 7;
        }
        bytes.push(u8::try_from(n).unwrap());
        bytes
    }
    fn section(id: u8, body: &[u8]) -> Vec<u8> {
        [&[id][..], &leb(u32::try_from(body.len()).unwrap()), body].concat()
    }
    fn custom(name: &str, body: &[u8]) -> Vec<u8> {
        let name = [&[u8::try_from(name.len()).unwrap()][..], name.as_bytes()].concat();
        section(0, &[&name, body].concat())
    }
    let mut table: Vec<u8> = (1..=abbreviations)
        .flat_map(|code| [leb(code), vec![0x11, 0, 0, 0]].concat())
        .collect();
    table.push(0);
    let unit = [8, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 1].repeat(units);
    let module = [
        &b"\0asm\x01\0\0\0"[..],
        &section(1, &[1, 0x60, 0, 0]),
        &section(3, &[1, 0]),
        &section(7, &[1, 1, b'f', 0, 0]),
        &section(10, &[1, 3, 0, 0, 0x0b]),
        &custom(".debug_abbrev", &table),
        &custom(".debug_info", &unit),
    ]
    .concat();
    [
        &b"\0asm\x0d\0\x01\0"[..],
        &section(1, &module),
        &section(2, &[1, 0, 0, 0]),
        &section(6, &[1, 0, 0, 1, 0, 1, b'f']),
        &section(7, &[1, 0x40, 0, 1, 0]),
        &section(8, &[1, 0, 0, 0, 0, 0]),
        &section(11, &[1, 0, 1, b'f', 1, 0, 0]),
    ]
    .concat()
}
