//! JSON ⇄ WIT through a real component, and the schemas that describe it.

use engine::{Call, schema};
use engine_tests::{TestEngine, guest};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

/// Every way in which bytes cross in bulk gives what the types say.
#[tokio::test]
async fn bytes_and_text_cross_in_bulk() {
    let (engine, _) = TestEngine::new().build();
    let values = engine.load(guest("values")).await.unwrap();
    for (function, arguments, expected) in [
        ("joined", json!({"text": "b", "bytes": "YQ=="}), r#""YWI=""#),
        // An array of numbers is taken, too.
        ("joined", json!([[97], "b"]), r#""YWI=""#),
        ("labelled", json!(["n", "AAEC"]), r#""n: 3""#),
        ("appended", json!(["AAE=", "Ag=="]), r#""AAEC""#),
        ("some", json!([""]), "null"),
        ("some", json!(["/w=="]), r#""/w==""#),
        ("checked", json!(["/w=="]), "null"),
        ("decoded", json!(["4pyT"]), "\"✓\""),
        ("encoded", json!(["✓"]), r#""4pyT""#),
        ("both", json!(["a", "b"]), r#""YWI=""#),
        ("swallowed", json!(["/w=="]), "null"),
    ] {
        let call = Call::function(function, arguments);
        let outcome = engine.run(&values, call).await;
        assert_eq!(outcome.value().as_str(), expected, "{}", outcome.to_json());
        assert!(outcome.fault().is_none());
    }
    for (function, arguments, value) in [
        ("joined", json!(["YQ==", ""]), r#""no text""#),
        ("checked", json!([""]), r#""nothing""#),
        (
            "decoded",
            json!(["/w=="]),
            r#""invalid utf-8 sequence of 1 bytes from index 0""#,
        ),
    ] {
        let outcome = engine
            .run(&values, Call::function(function, arguments))
            .await;
        assert_eq!(outcome.fault().unwrap().code().as_str(), "E-GUEST-ERROR");
        assert_eq!(outcome.value().as_str(), value);
    }
    // The place of what is wrong is named as elsewhere.
    for (arguments, message) in [
        (
            json!(["YQ", "b"]),
            "at `/0`: expected list<u8> (base64 with padding, or an array of numbers), found \"YQ\"",
        ),
        (
            json!([[256], "b"]),
            "at `/0/0`: expected u8 (0 to 255), found 256",
        ),
        (
            json!([7, "b"]),
            "at `/0`: expected list<u8> (base64 with padding, or an array of numbers), found 7",
        ),
        (json!(["YQ=="]), "at the end"),
    ] {
        let outcome = engine
            .run(&values, Call::function("joined", arguments))
            .await;
        let fault = outcome.fault().unwrap();
        assert_eq!(fault.code().as_str(), "E-INVALID-ARGS");
        if message != "at the end" {
            assert_eq!(fault.to_string(), message);
        }
    }
    // More than the limit on output is not handed out.
    let outcome = engine.run(&values, Call::function("made", json!([]))).await;
    assert_eq!(outcome.fault().unwrap().code().as_str(), "E-LIMIT-OUTPUT");
}

fn integer(low: i128, high: i128) -> BoxedStrategy<Value> {
    let edges = prop::sample::select(vec![low, high, 0, 1]);
    prop_oneof![edges, low..=high]
        .prop_map(
            |number| match (i64::try_from(number), u64::try_from(number)) {
                _ if number.unsigned_abs() > (1 << 53) - 1 => json!(number.to_string()),
                (Ok(number), _) => json!(number),
                (_, Ok(number)) => json!(number),
                _ => unreachable!("no type is wider than 64 bits"),
            },
        )
        .boxed()
}

fn float64() -> BoxedStrategy<Value> {
    prop_oneof![
        4 => any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| json!(number)),
        1 => prop::sample::select(vec![json!("NaN"), json!("Infinity"), json!("-Infinity")]),
    ]
    .boxed()
}

fn float32() -> BoxedStrategy<Value> {
    prop_oneof![
        // As the engine writes them: the shortest digits that name the same 32 bits.
        4 => any::<f32>().prop_filter("finite", |number| number.is_finite())
            .prop_map(|number| serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap()),
        1 => prop::sample::select(vec![json!("NaN"), json!("Infinity"), json!("-Infinity")]),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<Value> {
    any::<String>().prop_map(Value::String).boxed()
}

fn bytes() -> BoxedStrategy<Value> {
    use base64::Engine as _;
    prop::collection::vec(any::<u8>(), 0..40)
        .prop_map(|bytes| json!(base64::engine::general_purpose::STANDARD.encode(bytes)))
        .boxed()
}

fn nullable(inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![Just(Value::Null), inner].boxed()
}

fn nested_option(inner: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        nullable(inner).prop_map(|value| json!({ "some": value }))
    ]
    .boxed()
}

fn point() -> BoxedStrategy<Value> {
    let s32 = || integer(i32::MIN.into(), i32::MAX.into());
    (s32(), s32(), nullable(text()))
        .prop_map(|(x, y, note)| json!({ "x": x, "y": y, "note": note }))
        .boxed()
}

fn shape() -> BoxedStrategy<Value> {
    let s32 = || integer(i32::MIN.into(), i32::MAX.into());
    prop_oneof![
        Just(json!({ "tag": "dot" })),
        float64().prop_map(|value| json!({ "tag": "circle", "value": value })),
        text().prop_map(|value| json!({ "tag": "label", "value": value })),
        (s32(), s32(), s32(), s32())
            .prop_map(|(a, b, c, d)| json!({ "tag": "corners", "value": [a, b, c, d] })),
        nullable(integer(0, 255)).prop_map(|value| json!({ "tag": "nothing", "value": value })),
    ]
    .boxed()
}

fn direction() -> BoxedStrategy<Value> {
    prop::sample::select(vec!["up", "down", "left", "right"])
        .prop_map(|name| json!(name))
        .boxed()
}

fn rights() -> BoxedStrategy<Value> {
    prop::sample::subsequence(vec!["read", "write", "run"], 0..=3)
        .prop_map(|names| json!(names))
        .boxed()
}

fn outcome(ok: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    prop_oneof![
        ok.prop_map(|value| json!({ "ok": value })),
        text().prop_map(|value| json!({ "err": value }))
    ]
    .boxed()
}

/// A function of the guest `values` and a value it takes and returns.
fn echoed() -> BoxedStrategy<(&'static str, Value)> {
    let s16 = || integer(i16::MIN.into(), i16::MAX.into());
    let all = (
        (any::<bool>(), integer(0, 255), s16(), integer(0, u64::MAX.into()), integer(i64::MIN.into(), i64::MAX.into())),
        (float32(), float64(), any::<char>(), text(), bytes(), prop::collection::vec(point(), 0..3)),
        (integer(0, 65_535), text(), shape(), direction(), rights()),
        (nested_option(integer(0, u32::MAX.into())), outcome(integer(-128, 127))),
    )
        .prop_map(|((flag, byte, small, wide, deep), (ratio, exact, letter, name, bytes, points), (one, two, shape, direction, rights), (maybe, outcome))| {
            json!({
                "flag": flag, "byte": byte, "small": small, "wide": wide, "deep": deep, "ratio": ratio, "exact": exact,
                "letter": letter, "name": name, "bytes": bytes, "points": points, "pair": [one, two], "shape": shape,
                "direction": direction, "rights": rights, "maybe": maybe, "outcome": outcome,
            })
        });
    let of = |name: &'static str, values: BoxedStrategy<Value>| {
        values.prop_map(move |value| (name, value)).boxed()
    };
    prop::strategy::Union::new([
        of(
            "bools",
            any::<bool>().prop_map(|value| json!(value)).boxed(),
        ),
        of("s8s", integer(i8::MIN.into(), i8::MAX.into())),
        of("u8s", integer(0, u8::MAX.into())),
        of("s16s", s16()),
        of("u16s", integer(0, u16::MAX.into())),
        of("s32s", integer(i32::MIN.into(), i32::MAX.into())),
        of("u32s", integer(0, u32::MAX.into())),
        of("s64s", integer(i64::MIN.into(), i64::MAX.into())),
        of("u64s", integer(0, u64::MAX.into())),
        of("f32s", float32()),
        of("f64s", float64()),
        of(
            "chars",
            any::<char>().prop_map(|value| json!(value)).boxed(),
        ),
        of("strings", text()),
        of("bytes", bytes()),
        of(
            "lists",
            prop::collection::vec(prop::collection::vec(s16(), 0..4), 0..4)
                .prop_map(|value| json!(value))
                .boxed(),
        ),
        of("records", point()),
        of(
            "tuples",
            (integer(0, 255), text(), float64())
                .prop_map(|(a, b, c)| json!([a, b, c]))
                .boxed(),
        ),
        of("variants", shape()),
        of("enums", direction()),
        of("options", nested_option(text())),
        of("results", outcome(integer(0, u32::MAX.into()))),
        of("flags-of", rights()),
        of("all", all.boxed()),
    ])
    .boxed()
}

/// Ten thousand generated arguments are taken by their schema and come back as they went in.
#[test]
fn arguments_validate_under_the_schemas_and_come_back_equal() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (engine, _) = TestEngine::new().build();
    let values = engine.load_blocking(&guest("values")).unwrap();
    let shape = values.describe();
    let validators: std::collections::HashMap<
        String,
        (jsonschema::Validator, jsonschema::Validator),
    > = shape
        .functions()
        .iter()
        .filter(|function| function.obstacle().is_none())
        .map(|function| {
            let (parameters, result) = schema(function);
            let compile = |schema: &Value| jsonschema::validator_for(schema).unwrap();
            (
                function.name.clone(),
                (compile(&parameters), compile(&result)),
            )
        })
        .collect();
    let mut runner = TestRunner::new(Config {
        cases: 10_000,
        ..Config::default()
    });
    runner
        .run(&echoed(), |(function, value)| {
            let (parameters, result) = &validators[function];
            let arguments = json!({ "value": value });
            prop_assert!(parameters.is_valid(&arguments), "{function} {arguments}");
            let outcome =
                runtime.block_on(engine.run(&values, Call::function(function, arguments)));
            prop_assert!(
                outcome.fault().is_none(),
                "{function} {value}: {}",
                outcome.to_json()
            );
            let mut back: Value = outcome.value().parse().unwrap();
            prop_assert!(result.is_valid(&back), "{function} {back}");
            if function == "results" {
                // A result at the top would become the status, so this one comes in a tuple.
                back = back[0].clone();
            }
            prop_assert_eq!(back, value, "{}", function);
            Ok(())
        })
        .unwrap();
    assert_eq!(
        validators.len(),
        shape.functions().len() - 2,
        "all but the two that have a resource"
    );
}

/// What the schema refuses, the engine refuses, with a place and an expectation.
#[test]
fn what_a_schema_refuses_the_engine_refuses() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (engine, _) = TestEngine::new().build();
    let values = engine.load_blocking(&guest("values")).unwrap();
    for (function, wrong, message) in [
        (
            "bools",
            json!("true"),
            "at `/value`: expected bool, found \"true\"",
        ),
        (
            "u16s",
            json!(65_536),
            "at `/value`: expected u16 (0 to 65535), found 65536",
        ),
        (
            "chars",
            json!("ab"),
            "at `/value`: expected char (a string of one character), found \"ab\"",
        ),
        (
            "enums",
            json!("north"),
            "at `/value`: expected one of `up`, `down`, `left`, `right`, found \"north\"",
        ),
        (
            "flags-of",
            json!(["read", "read"]),
            "at `/value`: expected each flag once, found \"read\" twice",
        ),
        (
            "tuples",
            json!([1, "a"]),
            "at `/value`: expected tuple<u8, string, f64> as an array of 3, found an array of 2",
        ),
        (
            "records",
            json!({ "x": 1 }),
            "at `/value`: expected the field `y`: s32 (-2147483648 to 2147483647), found nothing",
        ),
        (
            "variants",
            json!({ "tag": "circle", "value": "x" }),
            "at `/value/value`: expected f64 (a number, \"NaN\", \"Infinity\" or \"-Infinity\"), found \"x\"",
        ),
        (
            "lists",
            json!([[1], ["a"]]),
            "at `/value/1/0`: expected s16 (-32768 to 32767), found \"a\"",
        ),
    ] {
        let arguments = json!({ "value": wrong });
        let described = values
            .describe()
            .functions()
            .iter()
            .find(|it| it.name == function)
            .unwrap();
        assert!(
            !jsonschema::is_valid(&schema(described).0, &arguments),
            "{function} {arguments}"
        );
        let outcome = runtime.block_on(engine.run(&values, Call::function(function, arguments)));
        assert_eq!(outcome.fault().unwrap().to_string(), message);
    }
}
