mod laws;

use std::sync::Arc;

use super::super::encode::encode;
use super::*;
use crate::types::{Case, Field};

fn takes(ty: WitType) -> Function {
    Function {
        interface: None,
        name: "f".into(),
        parameters: vec![Parameter {
            name: "x".into(),
            ty: ty.clone(),
        }],
        result: Some(ty),
    }
}

/// What the engine says of `json` as the only argument of a function.
fn refusal(ty: WitType, json: &str) -> String {
    let fault = Arguments::decode(&takes(ty), &format!("[{json}]")).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-ARGS");
    fault.to_string()
}

fn read(ty: &WitType, json: &str) -> Val {
    let arguments = Arguments::decode(&takes(ty.clone()), &format!("{{\"x\":{json}}}"))
        .unwrap_or_else(|fault| panic!("{ty} from {json}: {fault}"));
    values(&arguments).remove(0)
}

/// The values, whichever way they would cross.
fn values(arguments: &Arguments) -> Vec<Val> {
    match arguments.given() {
        Given::Values(values) => values.clone(),
        Given::Bulk(items, _) => items
            .iter()
            .map(|item| match item {
                Item::Text(text) => Val::String(text.clone()),
                Item::Bytes(bytes) => Val::List(bytes.iter().copied().map(Val::U8).collect()),
            })
            .collect(),
    }
}

fn list(ty: WitType) -> WitType {
    WitType::List(Arc::new(ty))
}

fn option(ty: WitType) -> WitType {
    WitType::Option(Arc::new(ty))
}

fn record(fields: Vec<(String, WitType)>) -> WitType {
    WitType::Record(
        fields
            .into_iter()
            .map(|(name, ty)| Field { name, ty })
            .collect(),
    )
}

#[test]
fn integers_are_exact_up_to_the_edges_of_their_types() {
    assert_eq!(
        read(&WitType::U64, "18446744073709551615"),
        Val::U64(u64::MAX)
    );
    assert_eq!(
        read(&WitType::U64, "\"18446744073709551615\""),
        Val::U64(u64::MAX)
    );
    assert_eq!(
        read(&WitType::S64, "-9223372036854775808"),
        Val::S64(i64::MIN)
    );
    assert_eq!(
        read(&WitType::S64, "\"9007199254740993\""),
        Val::S64(9_007_199_254_740_993)
    );
    let written = |value| encode(&value, &WitType::U64, 100).unwrap();
    assert_eq!(written(Val::U64((1 << 53) - 1)), "9007199254740991");
    assert_eq!(written(Val::U64(1 << 53)), "\"9007199254740992\"");
    let written = |value| encode(&value, &WitType::S64, 100).unwrap();
    assert_eq!(written(Val::S64(-(1 << 53) + 1)), "-9007199254740991");
    assert_eq!(written(Val::S64(-(1 << 53))), "\"-9007199254740992\"");
}

#[test]
fn numbers_that_do_not_fit_are_refused_with_the_range_and_the_value() {
    for (ty, json, message) in [
        (
            WitType::U8,
            "256",
            "at `/0`: expected u8 (0 to 255), found 256",
        ),
        (
            WitType::U8,
            "-1",
            "at `/0`: expected u8 (0 to 255), found -1",
        ),
        (
            WitType::U8,
            "1.5",
            "at `/0`: expected u8 (0 to 255), found 1.5",
        ),
        (
            WitType::S8,
            "128",
            "at `/0`: expected s8 (-128 to 127), found 128",
        ),
        (
            WitType::U32,
            "\"5\"",
            "at `/0`: expected u32 (0 to 4294967295), found \"5\"",
        ),
        (
            WitType::U32,
            "0.1",
            "at `/0`: expected u32 (0 to 4294967295), found 0.1",
        ),
        (
            WitType::U64,
            "18446744073709551616",
            "at `/0`: expected u64 (0 to 18446744073709551615, as a number or a string), found 1.8446744073709552e19",
        ),
        (
            WitType::U64,
            "\"007\"",
            "at `/0`: expected u64 (0 to 18446744073709551615, as a number or a string), found \"007\"",
        ),
        (
            WitType::F32,
            "1e39",
            "at `/0`: expected f32 (a number, \"NaN\", \"Infinity\" or \"-Infinity\"), found 1e39",
        ),
        (
            WitType::F64,
            "\"nan\"",
            "at `/0`: expected f64 (a number, \"NaN\", \"Infinity\" or \"-Infinity\"), found \"nan\"",
        ),
        (WitType::Bool, "0", "at `/0`: expected bool, found 0"),
        (
            WitType::Char,
            "\"ab\"",
            "at `/0`: expected char (a string of one character), found \"ab\"",
        ),
        (
            WitType::Char,
            "\"\"",
            "at `/0`: expected char (a string of one character), found \"\"",
        ),
        (
            WitType::String,
            "null",
            "at `/0`: expected string, found null",
        ),
    ] {
        assert_eq!(refusal(ty, json), message);
    }
    for (ty, text) in [(WitType::F64, "1e400"), (WitType::F32, "3.5e38")] {
        let refused = refusal(ty, text);
        assert!(refused.starts_with("at `/0`: expected f"), "{refused}");
        assert!(refused.ends_with(&format!("found {text}")), "{refused}");
    }
}

#[test]
fn floats_keep_their_bits() {
    for number in [
        0.1f32,
        f32::MIN_POSITIVE,
        f32::MAX,
        -0.0,
        16_777_217.0,
        1.0e-45,
        3.402_823e38,
    ] {
        let json = encode(&Val::Float32(number), &WitType::F32, 100).unwrap();
        let Val::Float32(back) = read(&WitType::F32, &json) else {
            panic!()
        };
        assert_eq!(back.to_bits(), number.to_bits(), "{json}");
    }
    // Halfway between two floats when rounded to a double first.
    assert_eq!(
        read(&WitType::F32, "1.00000017881393432617187500001"),
        Val::Float32(1.000_000_2)
    );
    assert_eq!(read(&WitType::F32, "\"NaN\""), Val::Float32(f32::NAN));
    assert_eq!(
        read(&WitType::F64, "\"-Infinity\""),
        Val::Float64(f64::NEG_INFINITY)
    );
    assert_eq!(read(&WitType::F64, "-0"), Val::Float64(-0.0));
    assert_eq!(read(&WitType::F64, "3"), Val::Float64(3.0));
}

#[test]
fn bytes_are_base64_and_take_numbers_too() {
    let bytes = list(WitType::U8);
    let value = Val::List(vec![Val::U8(0), Val::U8(255)]);
    assert_eq!(encode(&value, &bytes, 100).unwrap(), "\"AP8=\"");
    assert_eq!(read(&bytes, "\"AP8=\""), value);
    assert_eq!(read(&bytes, "[0,255]"), value);
    assert_eq!(read(&bytes, "\"\""), Val::List(vec![]));
    assert_eq!(
        refusal(bytes.clone(), "\"AP8\""),
        "at `/0`: expected list<u8> (base64 with padding, or an array of numbers), found \"AP8\""
    );
    assert_eq!(
        refusal(bytes, "[0,256]"),
        "at `/0/1`: expected u8 (0 to 255), found 256"
    );
}

#[test]
fn records_want_each_field_once_and_no_other() {
    let point = record(vec![
        ("x/y".into(), WitType::U8),
        ("note".into(), option(WitType::String)),
    ]);
    assert_eq!(
        read(&point, r#"{"x/y":1}"#),
        Val::Record(vec![
            ("x/y".into(), Val::U8(1)),
            ("note".into(), Val::Option(None))
        ])
    );
    for (json, message) in [
        (
            "{}",
            "at `/0`: expected the field `x/y`: u8 (0 to 255), found nothing",
        ),
        (
            r#"{"x/y":1,"x/y":2}"#,
            "at `/0`: expected each field once, found \"x/y\" twice",
        ),
        (
            r#"{"x/y":1,"z":2}"#,
            "at `/0`: expected the fields `x/y`, `note`, found an unknown field \"z\"",
        ),
        (
            r#"{"x/y":"a"}"#,
            "at `/0/x~1y`: expected u8 (0 to 255), found \"a\"",
        ),
        (
            "[1]",
            "at `/0`: expected record { x/y: u8, note: option<string> }, found an array",
        ),
    ] {
        assert_eq!(refusal(point.clone(), json), message);
    }
    let fault = Arguments::decode(&takes(point), r#"[{"x/y":1,"notes":"a"}]"#).unwrap_err();
    assert_eq!(fault.hints()[0], "did you mean `note`?");
}

#[test]
fn options_inside_options_stay_apart() {
    let nested = option(option(WitType::U8));
    let some = |value: Val| Val::Option(Some(Box::new(value)));
    for (json, value) in [
        ("null", Val::Option(None)),
        (r#"{"some":null}"#, some(Val::Option(None))),
        (r#"{"some":7}"#, some(some(Val::U8(7)))),
    ] {
        assert_eq!(read(&nested, json), value);
        assert_eq!(encode(&value, &nested, 100).unwrap(), json);
    }
    assert_eq!(
        refusal(nested.clone(), "7"),
        "at `/0`: expected option<option<u8>> as null or {\"some\": …}, found 7"
    );
    assert_eq!(
        refusal(nested, r#"{"some":7,"more":8}"#),
        "at `/0`: expected option<option<u8>> as null or {\"some\": …}, found more than one key"
    );
}

#[test]
fn variants_and_results_check_their_keys_in_any_order() {
    let shape = WitType::Variant(Arc::new([
        Case {
            name: "dot".into(),
            ty: None,
        },
        Case {
            name: "circle".into(),
            ty: Some(WitType::U8),
        },
    ]));
    let circle = Val::Variant("circle".into(), Some(Box::new(Val::U8(3))));
    assert_eq!(read(&shape, r#"{"tag":"circle","value":3}"#), circle);
    assert_eq!(read(&shape, r#"{"value":3,"tag":"circle"}"#), circle);
    assert_eq!(
        read(&shape, r#"{"tag":"dot"}"#),
        Val::Variant("dot".into(), None)
    );
    assert_eq!(
        read(&shape, r#"{"tag":"dot","value":null}"#),
        Val::Variant("dot".into(), None)
    );
    for (json, message) in [
        (
            r#"{"tag":"circel","value":3}"#,
            "at `/0/tag`: expected one of `dot`, `circle`, found \"circel\"",
        ),
        (
            r#"{"tag":"circle","value":300}"#,
            "at `/0/value`: expected u8 (0 to 255), found 300",
        ),
        (
            r#"{"tag":"circle"}"#,
            "at `/0`: expected \"value\" for `circle`: u8 (0 to 255), found nothing",
        ),
        (
            r#"{"tag":"dot","value":3}"#,
            "at `/0`: expected no value for `dot`, found a value",
        ),
        (
            r#"{"tag":"dot","tag":"dot"}"#,
            "at `/0`: expected each key once, found \"tag\" twice",
        ),
    ] {
        assert_eq!(refusal(shape.clone(), json), message);
    }
    let result = WitType::Result {
        ok: None,
        err: Some(Arc::new(WitType::String)),
    };
    assert_eq!(read(&result, r#"{"ok":null}"#), Val::Result(Ok(None)));
    assert_eq!(
        read(&result, r#"{"err":"no"}"#),
        Val::Result(Err(Some(Box::new(Val::String("no".into())))))
    );
    assert!(
        refusal(result.clone(), r#"{"ok":1}"#)
            .contains("expected null: there is no payload, found 1")
    );
    assert!(refusal(result.clone(), r#"{"ok":null,"err":"x"}"#).contains("more than one key"));
    assert!(refusal(result, r#"{}"#).contains("an empty object"));
}

#[test]
fn arguments_come_by_name_or_by_position_and_in_the_right_number() {
    let function = Function {
        interface: None,
        name: "search".into(),
        parameters: vec![
            Parameter {
                name: "text".into(),
                ty: WitType::String,
            },
            Parameter {
                name: "most".into(),
                ty: option(WitType::U32),
            },
        ],
        result: None,
    };
    let decode = |json: &str| Arguments::decode(&function, json).map_err(|fault| fault.to_string());
    let one = vec![Val::String("a".into()), Val::Option(None)];
    assert_eq!(values(&decode(r#"{"text":"a"}"#).unwrap()), one);
    assert_eq!(values(&decode(r#"["a",null]"#).unwrap()), one);
    let both = "expected an object with `text`, `most` or an array of 2, found";
    for (json, message) in [
        ("[]", format!("{both} an array of 0")),
        (r#"["a",null,1]"#, format!("{both} an array of more than 2")),
        ("7", format!("{both} 7")),
        ("\"a\"", format!("{both} \"a\"")),
        ("null", format!("{both} null")),
        (
            "{}",
            "expected the parameter `text`: string, found nothing".to_owned(),
        ),
        (
            r#"{"txt":"a"}"#,
            "expected the parameters `text`, `most`, found an unknown parameter \"txt\"".to_owned(),
        ),
        (
            r#"{"text":"a""#,
            "the arguments are not JSON: EOF while parsing an object at line 1 column 11"
                .to_owned(),
        ),
        (
            r#"["a",null] x"#,
            "the arguments are not JSON: trailing characters at line 1 column 12".to_owned(),
        ),
        (
            "",
            "the arguments are not JSON: EOF while parsing a value at line 1 column 0".to_owned(),
        ),
    ] {
        assert_eq!(decode(json).unwrap_err(), message, "{json}");
    }
    // An option at the end may be left out, in an array as in an object.
    for short in [r#"["a"]"#, r#"{"text":"a"}"#] {
        assert_eq!(
            values(&decode(short).unwrap()),
            [Val::String("a".into()), Val::Option(None)]
        );
    }
    let fault = Arguments::decode(&function, "7").unwrap_err();
    assert_eq!(
        fault.hints(),
        ["`search: func(text: string, most: option<u32>)`"]
    );
}

#[test]
fn bombs_are_refused_before_they_cost_much() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(WitType::U8, &deep).contains("found an array"));
    let nested = (0..60).fold(WitType::U8, |ty, _| list(ty));
    assert!(refusal(nested, &deep).contains("expected u8"));

    let long = format!("[{}0]", "0,".repeat(2_000_000));
    assert!(refusal(list(WitType::U16), &long).contains("expected at most 2000000 values"));
    let variant = WitType::Variant(Arc::new([Case {
        name: "a".into(),
        ty: Some(WitType::U8),
    }]));
    assert!(
        refusal(variant, &format!(r#"{{"value":{deep},"tag":"a"}}"#)).contains("found an array")
    );
}

#[test]
fn strings_with_broken_surrogates_are_refused() {
    for json in [r#""\ud800""#, r#""\udc00\ud800""#, "\"\u{0}\""] {
        assert!(
            refusal(WitType::String, json).contains("not JSON"),
            "{json}"
        );
    }
    assert_eq!(
        read(&WitType::String, r#""\ud83e\udd80\u0000""#),
        Val::String("🦀\0".into())
    );
}

#[test]
fn a_function_with_an_opaque_part_cannot_be_called() {
    let fault = Arguments::decode(&takes(option(WitType::Opaque("resource".into()))), "[null]")
        .unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-FUNCTION");
    assert_eq!(
        fault.to_string(),
        "`f` cannot be called: its parameter `x` is or holds a resource"
    );
}
