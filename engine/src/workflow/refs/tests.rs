mod fitting;
mod laws;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::component::Arguments;
use crate::types::{Case, Field, Function, Parameter, WitType};

fn takes(parameters: &[(&str, WitType)]) -> Function {
    let parameter = |(name, ty): &(&str, WitType)| Parameter {
        name: (*name).to_owned(),
        ty: ty.clone(),
    };
    Function {
        interface: None,
        name: "f".into(),
        parameters: parameters.iter().map(parameter).collect(),
        result: None,
    }
}

fn list(ty: WitType) -> WitType {
    WitType::List(Arc::new(ty))
}

fn option(ty: WitType) -> WitType {
    WitType::Option(Arc::new(ty))
}

fn record(fields: &[(&str, WitType)]) -> WitType {
    let field = |(name, ty): &(&str, WitType)| Field {
        name: (*name).to_owned(),
        ty: ty.clone(),
    };
    WitType::Record(fields.iter().map(field).collect())
}

fn variant(cases: &[(&str, Option<WitType>)]) -> WitType {
    let case = |(name, ty): &(&str, Option<WitType>)| Case {
        name: (*name).to_owned(),
        ty: ty.clone(),
    };
    WitType::Variant(cases.iter().map(case).collect())
}

fn names(names: &[&str]) -> Arc<[String]> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn path(path: &str) -> Vec<String> {
    path.split_terminator('.').map(str::to_owned).collect()
}

fn told(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{problem} ({hint})"),
        None => problem.to_string(),
    }
}

fn parse_error(text: &str) -> String {
    let problems = Template::parse(text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    told(&problems[0])
}

#[test]
fn a_string_that_is_one_reference_is_whole() {
    let template = Template::parse("${steps.a-1.output.lines.0.text}").unwrap();
    let reference = Reference::Output {
        step: "a-1".into(),
        path: path("lines.0.text"),
    };
    assert_eq!(template.whole(), Some(&reference));
    assert_eq!(
        Template::parse("${inputs.q}").unwrap().whole(),
        Some(&Reference::Input {
            name: "q".into(),
            path: vec![]
        })
    );
    assert_eq!(
        Template::parse("${step.idempotency_key}").unwrap().whole(),
        Some(&Reference::IdempotencyKey)
    );
    assert_eq!(Template::parse(" ${inputs.q}").unwrap().whole(), None);
}

#[test]
fn pairs_of_dollars_before_a_brace_stand_for_one() {
    for (text, plain) in [
        ("", ""),
        ("$${", "${"),
        ("$${inputs.q}", "${inputs.q}"),
        ("$$$${a", "$${a"),
        ("$5 $$ {} a$", "$5 $$ {} a$"),
    ] {
        assert_eq!(
            Template::parse(text).unwrap().plain(),
            Some(plain),
            "{text}"
        );
    }
    let price = Template::parse("$$${inputs.price}").unwrap();
    assert!(matches!(price.parts(), [Part::Text(text), Part::Reference(_)] if text == "$"));
}

#[test]
fn what_is_no_reference_is_refused_with_the_closest_that_is() {
    for (text, told) in [
        (
            "${step.a}",
            "expected `${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`, found `${step.a}` (did you mean `${steps.a.output}`?)",
        ),
        (
            "${outputs.x}",
            "expected `${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`, found `${outputs.x}` (did you mean `${steps.x.output}`?)",
        ),
        (
            "${input.x.y}",
            "expected `${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`, found `${input.x.y}` (did you mean `${inputs.x.y}`?)",
        ),
        (
            "${steps.a.text.0}",
            "expected `${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`, found `${steps.a.text.0}` (did you mean `${steps.a.output.text.0}`?)",
        ),
        (
            "${step.key}",
            "expected `${steps.ID.output}`, `${inputs.NAME}` or `${step.idempotency_key}`, found `${step.key}` (did you mean `${step.idempotency_key}`?)",
        ),
        (
            "a ${inputs.x",
            "expected a `}` after `${`, found `${inputs.x` (close the reference, or write `$${` for the text `${`)",
        ),
        (
            "${inputs.x ${inputs.y}",
            "expected a `}` after `${`, found `${inputs.x ` (close the reference, or write `$${` for the text `${`)",
        ),
        (
            "${inputs..x}",
            "expected a name or an index on each side of a `.`, found `${inputs..x}`",
        ),
        (
            "${ inputs.x }",
            "expected letters, digits, `-`, `_` and `.` in a reference, found `${ inputs.x }` (leave out the spaces; write `$${` for the text `${`)",
        ),
    ] {
        assert_eq!(parse_error(text), told, "{text}");
    }
}

#[test]
fn references_are_bounded() {
    let of = |length: usize| {
        format!(
            "${{inputs.x.{}}}",
            "a".repeat(length - "${inputs.x.}".len())
        )
    };
    assert!(Template::parse(&of(512)).is_ok());
    assert_eq!(
        parse_error(&of(513)),
        "expected a reference of at most 512 bytes, found 513 bytes"
    );
    let id = "a".repeat(64);
    assert!(Template::parse(&format!("${{steps.{id}.output}}")).is_ok());
    assert!(
        parse_error(&format!("${{steps.{id}a.output}}"))
            .starts_with("expected a step's id of at most 64 bytes, found `${steps.aaa")
    );
    assert!(Template::parse(&"${inputs.x}".repeat(64)).is_ok());
    assert!(
        parse_error(&"${inputs.x}".repeat(65))
            .starts_with("expected at most 64 references in a string, found more in")
    );
}

#[test]
fn all_references_of_a_value_are_found_with_their_places() {
    let found = references(&json!({
        "a/b": ["x", "${inputs.q} and ${steps.s.output.n}"],
        "c": { "d": "$${inputs.q}" },
        "e": "${step.idempotency_key}",
    }))
    .unwrap();
    let found: Vec<String> = found
        .iter()
        .map(|(pointer, reference)| format!("{pointer} {reference}"))
        .collect();
    assert_eq!(
        found,
        [
            "/a~1b/1 ${inputs.q}",
            "/a~1b/1 ${steps.s.output.n}",
            "/e ${step.idempotency_key}"
        ]
    );
}

#[test]
fn every_broken_reference_is_told_and_keys_have_none() {
    let value = json!({ "a": "${x} ${inputs.q} ${inputs.}", "${inputs.q}": 1, "b": ["${"] });
    let problems: Vec<String> = references(&value)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("at `/a`: expected `${steps.ID.output}`"));
    assert!(problems[1].starts_with("at `/a`: expected a name or an index"));
    assert_eq!(
        problems[2],
        "expected keys that stand for themselves, found a reference in the key \"${inputs.q}\""
    );
    assert!(problems[3].starts_with("at `/b/0`: expected a `}` after `${`"));
    let resolved = resolve(&json!({ "${inputs.q}": 1 }), &|_| Ok(Value::Null));
    assert!(resolved.unwrap_err().found.contains("in the key"));
}

#[test]
fn values_that_lie_too_deep_are_refused_and_the_deepest_is_read() {
    let nested = |depth: usize| (0..depth).fold(json!("x"), |inner, _| json!([inner]));
    assert!(references(&nested(127)).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(127).to_string()).is_ok());
    assert!(serde_json::from_str::<Value>(&nested(128).to_string()).is_err());
    assert!(
        references(&nested(128)).unwrap_err()[0]
            .expected
            .starts_with("at most 127 arrays")
    );
    let inside = |depth| resolve(&json!(["${inputs.q}"]), &move |_| Ok(nested(depth)));
    assert!(inside(126).is_ok());
    assert!(
        inside(127)
            .unwrap_err()
            .expected
            .starts_with("at most 127 arrays")
    );
}

#[test]
fn a_path_yields_the_type_of_what_it_leads_to() {
    let ty = record(&[
        ("count", WitType::U32),
        ("lines", list(record(&[("text", WitType::String)]))),
        ("maybe", option(record(&[("some", WitType::Bool)]))),
        ("twice", option(option(WitType::U8))),
        ("pair", WitType::Tuple([WitType::Char, WitType::F32].into())),
        (
            "same",
            variant(&[
                ("a", Some(WitType::U8)),
                ("b", None),
                ("c", Some(WitType::U8)),
            ]),
        ),
        (
            "mixed",
            variant(&[("a", Some(WitType::U8)), ("b", Some(WitType::Bool))]),
        ),
        (
            "result",
            WitType::Result {
                ok: Some(Arc::new(WitType::String)),
                err: None,
            },
        ),
    ]);
    for (to, expected, missing) in [
        ("count", "u32", false),
        ("lines", "list<record { text: string }>", false),
        ("lines.7.text", "string", true),
        ("maybe", "option<record { some: bool }>", false),
        ("maybe.some", "bool", true),
        ("twice.some", "option<u8>", true),
        ("pair.1", "f32", false),
        ("same.tag", "enum { a, b, c }", false),
        ("same.value", "u8", true),
        ("mixed.value", "a type that only the run tells", true),
        ("mixed.value.any.7", "a type that only the run tells", true),
        ("result.ok", "string", true),
    ] {
        let found = yields(Some(&ty), &path(to)).unwrap();
        assert_eq!(found.to_string(), expected, "{to}");
        // Of an unknown type nothing is known, so a value may be missing as well.
        assert_eq!(found.may_be_missing(), missing, "{to}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_refused_with_what_there_is() {
    let ty = record(&[
        ("text", WitType::String),
        ("bytes", list(WitType::U8)),
        ("lines", list(WitType::String)),
        ("pair", WitType::Tuple([WitType::Char, WitType::F32].into())),
        ("twice", option(option(WitType::U8))),
        ("kind", variant(&[("a", None)])),
    ]);
    for (to, expected) in [
        (
            "texts",
            "expected a field of the record, one of `text`, `bytes`, `lines`, `pair`, `twice`, `kind`, found \"texts\" (did you mean `text`?)",
        ),
        (
            "bytes.0",
            "expected all of the list<u8>, found \"0\" (bytes are written as base64, which has no parts)",
        ),
        (
            "lines.01",
            "expected an index into the list<string>, from 0, found \"01\"",
        ),
        (
            "pair.2",
            "expected an index into the tuple<char, f32>, from 0 and below 2, found \"2\"",
        ),
        (
            "twice.0",
            "expected `some` of option<option<u8>> as null or {\"some\": …}, found \"0\" (an option that holds an option is written as {\"some\": …})",
        ),
        (
            "kind.value",
            "expected `tag` of the variant { a }, found \"value\"",
        ),
        (
            "text.length",
            "expected the end of the reference: string has no parts, found \"length\"",
        ),
    ] {
        assert_eq!(told(&yields(Some(&ty), &path(to)).unwrap_err()), expected);
    }
    assert_eq!(
        yields(None, &[]).unwrap_err().to_string(),
        "expected a step with an output, found a step without one"
    );
}

#[test]
fn the_output_of_a_step_is_what_its_function_returns_when_it_succeeds() {
    let returns = |result| Function {
        result,
        ..takes(&[])
    };
    let result = |ok: Option<WitType>| WitType::Result {
        ok: ok.map(Arc::new),
        err: Some(Arc::new(WitType::String)),
    };
    assert_eq!(output(&returns(None)), None);
    assert_eq!(output(&returns(Some(WitType::U8))), Some(&WitType::U8));
    assert_eq!(output(&returns(Some(result(None)))), None);
    assert_eq!(
        output(&returns(Some(result(Some(WitType::U8))))),
        Some(&WitType::U8)
    );
}

#[test]
fn values_take_the_place_of_references_and_are_not_searched_again() {
    let lookup = |reference: &Reference| match reference {
        Reference::Output { path, .. } => {
            let output = json!({ "n": 3, "t": "${inputs.q}", "big": "18446744073709551615" });
            at(&output, path).cloned()
        }
        Reference::Input { .. } => Ok(json!(null)),
        Reference::IdempotencyKey => Ok(json!("key")),
    };
    let resolved = resolve(
        &json!({
            "whole": "${steps.s.output.n}",
            "text": "$${a} ${steps.s.output.n}/${steps.s.output.t}/${steps.s.output.big}",
            "list": ["${step.idempotency_key}", "${inputs.q}", 1.5, "$5"],
        }),
        &lookup,
    );
    assert_eq!(
        resolved.unwrap(),
        json!({
            "whole": 3,
            "text": "${a} 3/${inputs.q}/18446744073709551615",
            "list": ["key", null, 1.5, "$5"],
        })
    );
    let missing = resolve(&json!(["${steps.s.output.m}"]), &lookup);
    assert_eq!(
        missing.unwrap_err().to_string(),
        "at `/0`: expected `m`, found an object with `n`, `t`, `big` in `${steps.s.output.m}`"
    );
    let null = resolve(&json!(["a${inputs.q}"]), &lookup);
    assert_eq!(
        null.unwrap_err().to_string(),
        "at `/0`: expected a string, a number, true or false, found null in `${inputs.q}`"
    );
}

#[test]
fn a_result_is_at_most_as_large_as_the_reader_takes() {
    // With its quotes and its comma 1 MiB.
    let megabyte = json!("a".repeat((1 << 20) - 3));
    let lookup = |_: &Reference| Ok(megabyte.clone());
    let mut arguments = vec!["${inputs.q}"; 63];
    let rest = "b".repeat((1 << 20) - 4);
    arguments.push(&rest);
    let largest = resolve(&json!(arguments), &lookup).unwrap();
    assert_eq!(largest.to_string().len(), 64 << 20);
    let rest = format!("{rest}b");
    arguments.pop();
    arguments.push(&rest);
    assert_eq!(
        resolve(&json!(arguments), &lookup).unwrap_err().to_string(),
        "at `/63`: expected at most 64MiB of arguments, found more"
    );
    let text = resolve(&json!(["${inputs.q} ".repeat(64), "${inputs.q}"]), &lookup).unwrap_err();
    assert_eq!(text.expected, "at most 64MiB of arguments");
}

#[test]
fn a_path_is_followed_through_values_as_the_engine_writes_them() {
    let value = json!({
        "lines": [{ "text": "a" }],
        "shape": { "tag": "circle", "value": 1.5 },
        "twice": { "some": null },
        "none": null,
    });
    let found = |to: &str| at(&value, &path(to)).map(ToString::to_string);
    assert_eq!(found("").unwrap(), value.to_string());
    assert_eq!(found("lines.0.text").unwrap(), "\"a\"");
    assert_eq!(found("shape.value").unwrap(), "1.5");
    assert_eq!(found("twice.some").unwrap(), "null");
    for (to, told) in [
        ("lines.1", "expected an element `1`, found an array of 1"),
        ("lines.00", "expected an element `00`, found an array of 1"),
        ("none.x", "expected `x`, found null"),
        ("lines.0.txt", "expected `txt`, found an object with `text`"),
    ] {
        assert_eq!(found(to).unwrap_err().to_string(), told);
    }
}
