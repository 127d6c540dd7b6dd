use super::patch;
use crate::exports::engine::json::documents::Error;

fn patched(document: &str, operations: &str) -> String {
    patch(document, operations).unwrap()
}

/// The message of a patch that cannot be applied.
fn failed(document: &str, operations: &str) -> String {
    match patch(document, operations) {
        Err(Error::Failed(message)) => message,
        other => panic!("{document} {operations}: {other:?}"),
    }
}

/// The examples of RFC 6902, appendix A, that are done.
#[test]
fn it_does_what_the_rfc_says() {
    for (document, operations, result) in [
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
            r#"{"foo":"bar","baz":"qux"}"#,
        ),
        (
            r#"{"foo":["bar","baz"]}"#,
            r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
            r#"{"foo":["bar","qux","baz"]}"#,
        ),
        (
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"remove","path":"/baz"}]"#,
            r#"{"foo":"bar"}"#,
        ),
        (
            r#"{"foo":["bar","qux","baz"]}"#,
            r#"[{"op":"remove","path":"/foo/1"}]"#,
            r#"{"foo":["bar","baz"]}"#,
        ),
        (
            r#"{"baz":"qux","foo":"bar"}"#,
            r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
            r#"{"baz":"boo","foo":"bar"}"#,
        ),
        (
            r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
            r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
            r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
        ),
        (
            r#"{"foo":["all","grass","cows","eat"]}"#,
            r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
            r#"{"foo":["all","cows","eat","grass"]}"#,
        ),
        (
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
            r#"{"baz":"qux","foo":["a",2,"c"]}"#,
        ),
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
            r#"{"foo":"bar","child":{"grandchild":{}}}"#,
        ),
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
            r#"{"foo":"bar","baz":"qux"}"#,
        ),
        (
            r#"{"/":9,"~1":10}"#,
            r#"[{"op":"test","path":"/~01","value":10}]"#,
            r#"{"/":9,"~1":10}"#,
        ),
        (
            r#"{"foo":["bar"]}"#,
            r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
            r#"{"foo":["bar",["abc","def"]]}"#,
        ),
        ("[1]", r#"[{"op":"replace","path":"","value":2}]"#, "2"),
        (
            r#"{"a":1}"#,
            r#"[{"op":"copy","from":"/a","path":"/b"},{"op":"copy","from":"","path":"/c"}]"#,
            r#"{"a":1,"b":1,"c":{"a":1,"b":1}}"#,
        ),
    ] {
        assert_eq!(patched(document, operations), result, "{operations}");
    }
}

#[test]
fn names_keep_their_order_and_numbers_their_digits() {
    assert_eq!(
        patched(
            r#"{"z":1.10,"y":2,"x":123456789012345678901234567890,"w":4}"#,
            r#"[{"op":"remove","path":"/y"},{"op":"move","from":"/z","path":"/v"}]"#
        ),
        r#"{"x":123456789012345678901234567890,"w":4,"v":1.10}"#
    );
}

#[test]
fn a_test_compares_by_value() {
    for (document, wanted) in [
        ("1", "1.0"),
        ("100", "1e2"),
        (r#"{"a":1,"b":[1]}"#, r#"{"b":[1.0],"a":1}"#),
    ] {
        let operations = format!(r#"[{{"op":"test","path":"","value":{wanted}}}]"#);
        assert_eq!(patched(document, &operations), document);
    }
    assert_eq!(
        failed(
            "[1,\"1\"]",
            r#"[{"op":"test","path":"/0","value":1},{"op":"test","path":"/1","value":1}]"#
        ),
        "operation 1: `/1` is `\"1\"` and not `1`"
    );
}

#[test]
fn what_cannot_be_done_is_told() {
    for (document, operations, message) in [
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/baz/bat","value":1}]"#,
            "operation 0: there is nothing for `/baz/bat` to be in",
        ),
        (
            r#"{"foo":"bar"}"#,
            r#"[{"op":"add","path":"/foo/bat","value":1}]"#,
            "operation 0: there is no object or array for `/foo/bat` to be in",
        ),
        (
            "[1]",
            r#"[{"op":"add","path":"/2","value":1}]"#,
            "operation 0: `/2` is no place in an array of 1; `-` stands for its end",
        ),
        (
            "[1]",
            r#"[{"op":"remove","path":"/-"}]"#,
            "operation 0: there is nothing at `/-`",
        ),
        (
            "[1]",
            r#"[{"op":"remove","path":"/00"}]"#,
            "operation 0: there is nothing at `/00`",
        ),
        (
            "[1]",
            r#"[{"op":"remove","path":"/+0"}]"#,
            "operation 0: there is nothing at `/+0`",
        ),
        (
            "[1]",
            r#"[{"op":"remove","path":""}]"#,
            "operation 0: the root cannot be removed",
        ),
        (
            "{}",
            r#"[{"op":"replace","path":"/a","value":1}]"#,
            "operation 0: there is nothing at `/a`",
        ),
        (
            r#"{"a":{}}"#,
            r#"[{"op":"move","from":"/a","path":"/a/b"}]"#,
            "operation 0: `/a` cannot move into itself, to `/a/b`",
        ),
    ] {
        assert_eq!(failed(document, operations), message);
    }
}

#[test]
fn a_patch_that_makes_no_sense_is_told() {
    let many = format!(
        "[{}]",
        [r#"{"op":"test","path":"","value":1}"#; 1_001].join(",")
    );
    for (operations, message) in [
        ("{}", "the patch is no array of operations"),
        ("[1]", "operation 0: it is no object"),
        ("[{}]", "operation 0: it has no `op`"),
        (r#"[{"op":1}]"#, "operation 0: its `op` is no string"),
        (r#"[{"op":"add"}]"#, "operation 0: it has no `path`"),
        (
            r#"[{"op":"add","path":""}]"#,
            "operation 0: it has no `value`",
        ),
        (
            r#"[{"op":"copy","path":""}]"#,
            "operation 0: it has no `from`",
        ),
        (
            r#"[{"op":"test","path":"a","value":1}]"#,
            "operation 0: `a` is no JSON Pointer: it does not begin with `/`",
        ),
        (
            r#"[{"op":"test","path":"/~2","value":1}]"#,
            "operation 0: `/~2` is no JSON Pointer: a `~` is followed by neither `0` nor `1`",
        ),
        (
            r#"[{"op":"spill","path":""}]"#,
            "operation 0: `spill` is no operation; known are",
        ),
        (&many, "the patch has 1001 operations, and the most is 1000"),
    ] {
        let Err(Error::Invalid(found)) = patch("1", operations) else {
            panic!("{operations} is taken");
        };
        assert!(found.starts_with(message), "{found}");
    }
}

#[test]
fn copies_cannot_grow_without_bound() {
    let double = r#"{"op":"copy","from":"","path":"/-"}"#;
    let doubling = format!("[{}]", [double; 60].join(","));
    let Err(Error::TooLarge(message)) = patch(&format!("[\"{}\"]", "x".repeat(1_000)), &doubling)
    else {
        panic!("it grew");
    };
    assert!(
        message.contains("copies more than 1048576 bytes"),
        "{message}"
    );

    let deeper = |steps: usize| {
        let path = "/0".repeat(steps);
        format!(r#"{{"op":"add","path":"{path}","value":[]}}"#)
    };
    let deepening: Vec<String> = (1..=100).map(deeper).collect();
    let deepening = format!("[{}]", deepening.join(","));
    let Err(Error::TooLarge(message)) = patch("[]", &deepening) else {
        panic!("it went deeper");
    };
    assert!(message.starts_with("operation 99: "), "{message}");
    assert!(message.contains("more than 100 levels"), "{message}");
}
