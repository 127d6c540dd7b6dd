use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::types::{Case, Parameter};

fn list(of: WitType) -> WitType {
    WitType::List(Arc::new(of))
}

fn option(of: WitType) -> WitType {
    WitType::Option(Arc::new(of))
}

/// What is found in one argument, with the names around it.
fn found(ty: WitType, value: Value) -> Vec<String> {
    let function = Function {
        interface: None,
        name: "f".to_owned(),
        parameters: vec![Parameter {
            name: "p".to_owned(),
            ty,
        }],
        result: None,
    };
    let by_name = json!({ "p": value.clone() });
    let all = collect(&by_name, Some(&function));
    assert_eq!(
        collect(&json!([value]), Some(&function)),
        all,
        "by position"
    );
    all
}

fn collect(arguments: &Value, function: Option<&Function>) -> Vec<String> {
    let mut all = Vec::new();
    leaves(arguments, function, |leaf, place| {
        let names: Vec<&str> = place.names().collect();
        let text = match leaf {
            Leaf::Text(text) => text.to_owned(),
            Leaf::Bytes(bytes) => format!("{bytes:?}"),
        };
        all.push(format!("{} = {text}", names.join(".")));
    });
    all
}

#[test]
fn text_and_bytes_are_found_in_every_type() {
    use WitType::{Char, Enum, Flags, Result, String, Tuple, U8, U64, Variant};
    let names: Arc<[std::string::String]> = Arc::new(["x".to_owned()]);
    for (ty, value, expected) in [
        (String, json!("a"), &["p = a"][..]),
        (list(String), json!(["a", "b"]), &["p = a", "p = b"]),
        (list(U8), json!("YQ=="), &["p = [97]"]),
        (list(U8), json!([97]), &["p = [97]"]),
        (list(U8), json!("no base64"), &["p = no base64"]),
        (
            list(list(U8)),
            json!(["YQ==", [98]]),
            &["p = [97]", "p = [98]"],
        ),
        (option(list(U8)), json!("YQ=="), &["p = [97]"]),
        (option(String), json!(null), &[]),
        (option(option(String)), json!({"some": "a"}), &["p = a"]),
        (option(option(String)), json!({"some": null}), &[]),
        (
            option(option(option(list(U8)))),
            json!({"some": {"some": "YQ=="}}),
            &["p = [97]"],
        ),
        (
            Tuple(Arc::new([String, list(U8)])),
            json!(["a", "YQ=="]),
            &["p = a", "p = [97]"],
        ),
        (
            Variant(Arc::new([Case {
                name: "c".to_owned(),
                ty: Some(list(U8)),
            }])),
            json!({"tag": "c", "value": "YQ=="}),
            &["p.c = [97]"],
        ),
        (
            Result {
                ok: Some(Arc::new(list(U8))),
                err: Some(Arc::new(String)),
            },
            json!({"ok": "YQ=="}),
            &["p = [97]"],
        ),
        (
            Result {
                ok: None,
                err: Some(Arc::new(String)),
            },
            json!({"err": "a"}),
            &["p = a"],
        ),
        (
            WitType::Record(Arc::new([
                Field {
                    name: "z".to_owned(),
                    ty: list(U8),
                },
                Field {
                    name: "a".to_owned(),
                    ty: option(String),
                },
            ])),
            json!({"a": "1", "z": "YQ==", "more": "2"}),
            &["z = [97]", "a = 1", "more = 2"],
        ),
        (Enum(names.clone()), json!("x"), &[]),
        (Flags(names), json!(["x"]), &[]),
        (Char, json!("x"), &[]),
        (U64, json!("18446744073709551615"), &[]),
        // A value that does not fit is looked at all the same.
        (WitType::Bool, json!({"x": ["a"]}), &["x = a"]),
        (String, json!({"x": ["a"]}), &["x = a"]),
        (list(U8), json!(["a", 1]), &["p = a"]),
    ] {
        assert_eq!(found(ty.clone(), value.clone()), expected, "{ty}: {value}");
    }
}

#[test]
fn arguments_without_a_type_are_looked_at_too() {
    assert_eq!(collect(&json!(["a", "b"]), None), [" = a", " = b"]);
    assert_eq!(collect(&json!({"x": {"y": "a"}}), None), ["y = a"]);
    assert_eq!(collect(&json!("a"), None), [" = a"]);
}

/// 200,000 levels, more than any stack of calls would hold.
#[test]
fn depth_is_no_matter() {
    let mut value = json!("a");
    for _ in 0..200_000 {
        value = Value::Array(vec![value]);
    }
    assert_eq!(collect(&value, None), [" = a"]);
    // To drop it needs care as well.
    let mut rest = Some(value);
    while let Some(Value::Array(mut items)) = rest {
        rest = items.pop();
    }
}

#[test]
fn names_say_what_their_text_is() {
    for (name, path, shell) in [
        ("path", true, false),
        ("input-path", true, false),
        ("FILE", true, false),
        ("output_dir", true, false),
        ("directory", true, false),
        ("files", true, false),
        ("pathology", false, false),
        ("profile", false, false),
        ("command", false, true),
        ("shell-cmd", false, true),
        ("args", false, true),
        ("script-file", true, true),
        ("description", false, false),
        ("text", false, false),
    ] {
        let place = Place::named(name);
        let lines = name != "FILE" && name != "files" && name != "script-file" && path;
        assert_eq!(place.means_path("a\nb"), lines, "{name} of several lines");
        assert_eq!(
            (place.means_path("a"), place.is_for_shell()),
            (path, shell),
            "{name}"
        );
    }
}
