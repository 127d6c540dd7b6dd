//! The capability `script`: real libraries of the npm registry, and scripts that do not want to end.

use engine::{Bytes, Call, Fuel, Limits, Outcome, WallTime};
use engine_tests::{TestEngine, guest, npm_modules};
use serde_json::{Value, json};

/// What `script` made of a script: its result, parsed, and its console.
fn done(outcome: &Outcome) -> (Value, Value) {
    assert!(outcome.fault().is_none(), "{}", outcome.to_json());
    let made: Value = outcome.value().parse().unwrap();
    let value = made.get("value").and_then(Value::as_str).unwrap();
    (
        serde_json::from_str(value).unwrap(),
        made.get("console").cloned().unwrap(),
    )
}

/// `semver` is 40 small modules that require one another; `lodash` is one of half a megabyte.
#[tokio::test]
async fn libraries_of_the_npm_registry_run_under_limits() {
    let semver = npm_modules(
        "semver",
        "7.8.6",
        "9lpSSU4Mly3mrtruwLs1eLK6+gzbzqeBFwRNjIjE+9LuDpWdYctrQlQ3ej1Ilgi7gknpsTRnPoLP8DpCHqHIJw==",
    );
    let mut lodash = npm_modules(
        "lodash",
        "4.18.1",
        "dMInicTPVE8d1e5otfwmmjlxkZoUpiVLwyeTdUsi/Caj/gfzzblBcCE5sRHV/AsjuCmxWrte2TNGSYuCeCq+0Q==",
    );
    // The rest are the same functions, one by one, and over the bound on all sources together.
    lodash.retain(|module| {
        module["name"] == "lodash/lodash.js" || module["name"] == "lodash/package.json"
    });
    let (engine, _) = TestEngine::new()
        .limits(|limits| limits.fuel(Fuel::new(3_000_000_000)).memory(Bytes::mib(64)))
        .build();
    let script = engine.load(guest("script")).await.unwrap();
    let run = async |source: &str, input: Value, modules: &[Value]| -> Outcome {
        let arguments = json!({ "source": source, "input": input.to_string(), "modules": modules });
        engine.run(&script, Call::function("run", arguments)).await
    };

    let source = "
        const semver = require('semver');
        console.log('range', semver.validRange(input.range));
        ({
            best: semver.maxSatisfying(input.versions, input.range),
            sorted: semver.rsort([...input.versions]),
            next: semver.inc('1.2.3-beta.4', 'prerelease'),
            diff: semver.diff('1.2.3', '2.0.0'),
            coerced: semver.coerce('v3.4 of it').version,
            bad: semver.valid('1.2'),
        })";
    let input = json!({ "range": "^1.2 || ~3.0.1", "versions": ["1.2.0", "1.10.3", "2.0.0", "3.0.0", "1.9.9"] });
    let (value, console) = done(&run(source, input, &semver).await);
    assert_eq!(
        value,
        json!({
            "best": "1.10.3",
            "sorted": ["3.0.0", "2.0.0", "1.10.3", "1.9.9", "1.2.0"],
            "next": "1.2.3-beta.5",
            "diff": "major",
            "coerced": "3.4.0",
            "bad": null,
        })
    );
    assert_eq!(
        console,
        json!([{ "level": "log", "text": "range >=1.2.0 <2.0.0-0||>=3.0.1 <3.1.0-0" }])
    );

    let source = "
        const _ = require('lodash');
        ({
            version: _.VERSION,
            groups: _.groupBy(input, 'kind'),
            total: _.sumBy(input, 'n'),
            chained: _(input).filter((one) => one.n > 1).map('n').sortBy().reverse().value(),
            cloned: _.isEqual(_.cloneDeep(input), input),
            text: _.template('<%= a %>-<%- b %>')({ a: _.camelCase('one two'), b: '<' }),
            merged: _.merge({ a: [{ b: 1 }] }, { a: [{ c: 2 }] }),
        })";
    let input = json!([{ "kind": "x", "n": 1 }, { "kind": "y", "n": 2 }, { "kind": "x", "n": 3 }]);
    let outcome = run(source, input, &lodash).await;
    let (value, _) = done(&outcome);
    assert_eq!(
        value,
        json!({
            "version": "4.18.1",
            "groups": { "x": [{ "kind": "x", "n": 1 }, { "kind": "x", "n": 3 }], "y": [{ "kind": "y", "n": 2 }] },
            "total": 6,
            "chained": [3, 2],
            "cloned": true,
            "text": "oneTwo-&lt;",
            "merged": { "a": [{ "b": 1, "c": 2 }] },
        })
    );
    let usage = outcome.usage();
    assert!(
        usage.fuel < 3_000_000_000 && usage.fuel > 100_000_000,
        "{}",
        usage.fuel
    );

    // A loop that ends after nine quadrillion turns, inside the library.
    let endless = "require('lodash').every({ length: Number.MAX_SAFE_INTEGER }, () => true)";
    let outcome = run(endless, json!(null), &lodash).await;
    assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-FUEL");
    assert!(outcome.usage().fuel <= 3_000_000_000);
}

/// Whatever a script does without end, one of the engine's limits ends it.
#[tokio::test]
async fn a_script_without_end_ends_as_a_limit() {
    let (engine, _) = TestEngine::new()
        .limits(|limits| limits.fuel(Fuel::UNLIMITED))
        .build();
    let script = engine.load(guest("script")).await.unwrap();
    let run = async |source: &str, fuel: Fuel, wall: WallTime| -> Outcome {
        let limits = Limits::builder().fuel(fuel).wall(wall).build().unwrap();
        let call = Call::function("run", json!([source, null, null])).limits(limits);
        engine.run(&script, call).await
    };
    for source in [
        "while (true);",
        "(function again() { Promise.resolve().then(again) })()",
        "(async () => { while (true) await null })()",
        "setInterval(() => {}, 1000)",
        "(function again() { setTimeout(again) })()",
        "(function again() { queueMicrotask(again) })()",
        "({ toJSON() { while (true); } })",
        "console.log({ get a() { while (true); } })",
        "throw { toJSON() { while (true); } }",
        "/(a+)+b/.test('a'.repeat(50))",
        "const until = Date.now() + 1; while (Date.now() < until);",
        "for (const one of (function* () { while (true) yield 1 })());",
        "'a'.padEnd(100000000).replace(/a/g, (a) => a).split('').length",
        "let n = 3n; for (;;) n *= n",
    ] {
        let outcome = run(source, Fuel::new(500_000_000), WallTime::secs(30)).await;
        let code = outcome.fault().map(|fault| fault.code().as_str());
        assert!(
            matches!(code, Some("E-LIMIT-FUEL" | "E-LIMIT-MEMORY")),
            "{source}: {}",
            outcome.to_json()
        );
    }
    let outcome = run("for (;;);", Fuel::UNLIMITED, WallTime::millis(500)).await;
    assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-TIME");
}

/// What a script holds is in the component's memory, and so under its limit; what goes too deep is told or trapped.
#[tokio::test]
async fn a_script_that_wants_too_much_is_stopped() {
    let (engine, _) = TestEngine::new()
        .limits(|limits| limits.memory(Bytes::mib(48)))
        .build();
    let script = engine.load(guest("script")).await.unwrap();
    let run = async |source: &str| -> Outcome {
        engine
            .run(&script, Call::function("run", json!([source, null, null])))
            .await
    };
    let code = |outcome: &Outcome| outcome.fault().map(|fault| fault.code().as_str());

    let much = run("const all = []; for (let i = 0; ; i++) all.push('x'.repeat(100000) + i)").await;
    assert_eq!(code(&much), Some("E-LIMIT-MEMORY"), "{}", much.to_json());
    // What nobody holds any more is given back: this makes 200 MB.
    let buffers =
        run("let one; for (let i = 0; i < 2000; i++) one = new Uint8Array(100000); one.length")
            .await;
    assert_eq!(done(&buffers).0, json!(100_000));

    let tag = |outcome: &Outcome| -> Value {
        assert_eq!(
            code(outcome),
            Some("E-GUEST-ERROR"),
            "{}",
            outcome.to_json()
        );
        let error: Value = outcome.value().parse().unwrap();
        error["problem"]["tag"].clone()
    };
    let nested = |open: &str, close: &str, times: usize| {
        format!("{}1{}", open.repeat(times), close.repeat(times))
    };
    for (source, wanted) in [
        (nested("(", ")", 300), "too-deep"),
        (nested("[", "]", 100_000), "too-deep"),
        ("let f = () => f(); f()".to_owned(), "too-deep"),
        ("let f = () => [1].map(f); f()".to_owned(), "too-deep"),
        (
            "let f = () => 'a'.replace('a', f); f()".to_owned(),
            "too-deep",
        ),
        (
            "let a = { get b() { return this.b } }; a.b".to_owned(),
            "too-deep",
        ),
        (
            "let p = new Proxy({}, { get: (_, key) => p[key] }); p.a".to_owned(),
            "too-deep",
        ),
        (
            "let a = { toJSON: () => JSON.stringify(a) }; a".to_owned(),
            "too-deep",
        ),
        ("let f = () => eval('f()'); f()".to_owned(), "too-deep"),
        (
            "let a = 1; for (let i = 0; i < 100000; i++) a = [a]; a".to_owned(),
            "not-json",
        ),
        ("JSON.parse('['.repeat(100000))".to_owned(), "thrown"),
        ("new RegExp('('.repeat(100000))".to_owned(), "thrown"),
    ] {
        let shown: String = source.chars().take(60).collect();
        assert_eq!(tag(&run(&source).await), wanted, "{shown}");
    }
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("({a:", "})"),
        ("`${", "}`"),
        ("(function(){", "})()"),
    ] {
        let times = 64 / open.matches(['(', '[', '{']).count();
        let source = format!("const f = (x) => x; {}", nested(open, close, times));
        let outcome = run(&source).await;
        assert!(outcome.fault().is_none(), "{source}: {}", outcome.to_json());
    }
    // Not told, but held: the guest's stack has a bound of its own, and so has what an address can reach.
    for source in [
        format!("1{}", "+1".repeat(100_000)),
        "'a'.repeat(2 ** 31)".to_owned(),
        "new Array(4294967295).sort()".to_owned(),
    ] {
        let shown: String = source.chars().take(60).collect();
        assert_eq!(code(&run(&source).await), Some("E-TRAP"), "{shown}");
    }
}
