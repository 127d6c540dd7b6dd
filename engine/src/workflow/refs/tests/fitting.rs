//! What fits a function, and what is said of the rest.

use super::*;

/// What every reference has to be, where a test has one: the output of a step has the type `output`.
fn from_output(output: WitType) -> impl Fn(&Reference) -> Result<Yields, Problem> {
    move |reference| match reference {
        Reference::Output { path, .. } => yields(Some(&output), path),
        Reference::Input { .. } => Ok(Yields::unknown()),
        Reference::IdempotencyKey => Ok(Yields::known(WitType::String)),
    }
}

/// All problems of one argument, each with its hint.
fn problems(argument: &Value, ty: WitType, output: WitType) -> Vec<String> {
    let found = fit(
        &json!({ "x": argument }),
        &takes(&[("x", ty)]),
        &from_output(output),
    );
    found.iter().map(told).collect()
}

#[test]
fn a_reference_fits_where_each_of_its_values_does() {
    use WitType as T;
    let level = |count: usize| T::Enum(names(&["low", "mid", "high"][..count]));
    for (from, to) in [
        (T::U8, T::U8),
        (T::U8, T::S16),
        (T::U32, T::S64),
        (T::U32, T::F64),
        (T::S16, T::F32),
        (T::F32, T::F64),
        (T::Char, T::String),
        (level(2), T::String),
        (level(2), level(3)),
        (T::U8, option(T::U32)),
        (option(T::U8), option(T::U32)),
        // Left to the run.
        (option(T::U8), T::U32),
        (list(T::U8), list(T::U8)),
        (list(T::U16), list(T::U32)),
        (
            record(&[("a", T::U8)]),
            record(&[("b", option(T::Bool)), ("a", T::U64)]),
        ),
        (
            variant(&[("a", Some(T::U8))]),
            variant(&[("b", None), ("a", Some(T::U16))]),
        ),
    ] {
        let told = problems(&json!("${steps.s.output}"), to.clone(), from.clone());
        assert!(told.is_empty(), "{from} into {to}: {told:?}");
    }
    for (from, to) in [
        (T::U16, T::U8),
        (T::S8, T::U64),
        (T::U64, T::F64),
        (T::U32, T::F32),
        (T::F64, T::F32),
        (T::String, T::Char),
        (T::String, level(3)),
        (level(3), level(2)),
        (T::U8, T::String),
        (T::String, list(T::U8)),
        (list(T::U8), list(T::U16)),
        (option(T::U8), option(option(T::U8))),
        (option(option(T::U8)), option(T::U8)),
        (option(option(T::U8)), T::U8),
        (
            record(&[("a", T::U8), ("b", T::U8)]),
            record(&[("a", T::U8)]),
        ),
        (record(&[]), record(&[("a", T::U8)])),
        (list(option(T::U8)), list(T::U8)),
    ] {
        let told = problems(&json!("${steps.s.output}"), to.clone(), from.clone());
        assert_eq!(told.len(), 1, "{from} into {to}");
    }
}

#[test]
fn a_misfit_says_both_types_and_the_field_that_would_fit() {
    let output = record(&[("text", WitType::String), ("line", WitType::U32)]);
    assert_eq!(
        problems(&json!("${steps.s.output}"), WitType::String, output.clone()),
        [
            "at `/x`: expected string, found record { text: string, line: u32 } in `${steps.s.output}` (did you mean `${steps.s.output.text}`?)"
        ]
    );
    assert_eq!(
        problems(
            &json!(["${steps.s.output.lines}"]),
            list(WitType::U32),
            output
        ),
        [
            "at `/x/0`: expected a field of the record, one of `text`, `line`, found \"lines\" in `${steps.s.output.lines}` (did you mean `line`?)"
        ]
    );
}

#[test]
fn references_among_text_make_a_string_of_what_prints() {
    let output = record(&[
        ("n", option(WitType::U64)),
        ("bytes", list(WitType::U8)),
        ("flags", WitType::Flags(names(&["a"]))),
    ]);
    let text = json!("n = ${steps.s.output.n}, ${inputs.any}, ${step.idempotency_key}");
    assert!(problems(&text, WitType::String, output.clone()).is_empty());
    assert!(problems(&text, option(WitType::String), output.clone()).is_empty());
    assert_eq!(
        problems(&text, WitType::Char, output.clone()),
        [
            "at `/x`: expected char (a string of one character), found text with references, a string (a reference keeps its type where it stands alone)"
        ]
    );
    assert_eq!(
        problems(
            &json!("${steps.s.output.bytes} ${steps.s.output.flags}"),
            WitType::String,
            output
        ),
        [
            "at `/x`: expected a string, char, enum, number or bool among other text, found list<u8> in `${steps.s.output.bytes}`",
            "at `/x`: expected a string, char, enum, number or bool among other text, found flags { a } in `${steps.s.output.flags}`"
        ]
    );
}

#[test]
fn every_problem_of_the_arguments_is_told_in_their_order() {
    let function = takes(&[
        ("text", WitType::String),
        ("most", WitType::U8),
        ("mode", WitType::Enum(names(&["fast", "slow"]))),
        ("limit", option(WitType::U32)),
    ]);
    let found = fit(
        &json!({ "text": ["${steps.s.output}"], "mode": "faster", "limits": 1 }),
        &function,
        &from_output(WitType::String),
    );
    assert_eq!(
        found.iter().map(told).collect::<Vec<_>>(),
        [
            "at `/text`: expected string, found an array",
            "at `/mode`: expected one of `fast`, `slow`, found \"faster\" (did you mean `fast`?)",
            "expected the parameters `text`, `most`, `mode`, `limit`, found an unknown parameter \"limits\" (did you mean `limit`?)",
            "expected the parameter `most`: u8 (0 to 255), found nothing",
        ]
    );
    let by_position = fit(
        &json!(["a", 1, "slow"]),
        &function,
        &from_output(WitType::String),
    );
    assert_eq!(by_position, []);
    let whole = fit(
        &json!("${inputs.q}"),
        &function,
        &from_output(WitType::Bool),
    );
    assert_eq!(
        whole[0].hint.as_deref(),
        Some("a reference stands for one argument, not for all of them")
    );
}

#[test]
fn references_stand_for_flags_and_payloads_but_not_for_tags() {
    let flags = WitType::Flags(names(&["read", "write"]));
    let one = WitType::Enum(names(&["read"]));
    assert!(
        problems(
            &json!(["write", "${steps.s.output}"]),
            flags.clone(),
            one.clone()
        )
        .is_empty()
    );
    assert_eq!(
        problems(&json!(["${steps.s.output}"]), flags, WitType::String).len(),
        1
    );
    let shape = variant(&[("circle", Some(WitType::F64)), ("none", None)]);
    let with = |tag: &str| json!({ "tag": tag, "value": "${steps.s.output}" });
    assert!(problems(&with("circle"), shape.clone(), WitType::U32).is_empty());
    assert_eq!(
        problems(&with("none"), shape.clone(), WitType::U32),
        ["at `/x`: expected no value for `none`, found a value"]
    );
    assert_eq!(
        problems(&with("${steps.s.output}"), shape, one),
        [
            "at `/x/tag`: expected the name of a case, found \"${steps.s.output}\" (a tag is written out, so that the type of its value is known)"
        ]
    );
}

#[test]
fn problems_are_bounded_in_number_and_safe_to_show() {
    let many = json!(vec!["\u{1b}[2J"; 1000]);
    let found = fit(
        &json!([many]),
        &takes(&[("x", list(WitType::Bool))]),
        &from_output(WitType::Bool),
    );
    assert_eq!(found.len(), 256);
    assert_eq!(found[0].found, "\"\\u{1b}[2J\"");
    let long = json!({ "k".repeat(1 << 20): "v".repeat(1 << 20) });
    let found = fit(&long, &takes(&[]), &from_output(WitType::Bool));
    assert!(found[0].to_string().len() < 1000, "{}", found[0]);
    let many = json!(vec!["${inputs.q}"; 4097]);
    let found = fit(
        &json!([many]),
        &takes(&[("x", list(WitType::Bool))]),
        &from_output(WitType::Bool),
    );
    assert_eq!(found[0].expected, "at most 4096 references");
    assert_eq!(found.len(), 1);
    assert_eq!(
        references(&many).unwrap_err()[0].expected,
        "at most 4096 references"
    );
}

#[test]
fn values_are_counted_as_the_reader_counts_them() {
    use base64::Engine as _;
    // Where bytes cross in bulk they are one value.
    let bytes = ("x", list(WitType::U8));
    let in_bulk = takes(std::slice::from_ref(&bytes));
    let one_by_one = takes(&[bytes, ("y", WitType::Bool)]);
    for (function, bytes, fits) in [
        (&in_bulk, 2_000_001, true),
        (&one_by_one, 1_999_998, true),
        (&one_by_one, 1_999_999, false),
    ] {
        let text = base64::engine::general_purpose::STANDARD.encode(vec![0; bytes]);
        let mut arguments = json!([text]);
        if let (Some(list), 2) = (arguments.as_array_mut(), function.parameters.len()) {
            list.push(json!(true));
        }
        let read = Arguments::decode(function, &arguments.to_string());
        assert_eq!(read.is_ok(), fits, "{bytes}");
        let problems = fit(&arguments, function, &from_output(WitType::Bool));
        assert_eq!(problems.is_empty(), fits, "{bytes}: {problems:?}");
    }
}
