use super::validate;
use crate::exports::engine::json::documents::Error;

/// The problems as path and keyword.
fn problems(document: &str, schema: &str) -> Vec<(String, String)> {
    let verdict = validate(document, schema, false).unwrap();
    assert_eq!(verdict.valid, verdict.problems.is_empty());
    let problems = verdict.problems.into_iter();
    problems
        .map(|problem| (problem.path, problem.schema_path))
        .collect()
}

fn problem(path: &str, schema_path: &str) -> (String, String) {
    (path.to_owned(), schema_path.to_owned())
}

#[test]
fn problems_are_told_by_place() {
    let schema = r#"{
        "type": "object",
        "required": ["name"],
        "properties": { "age": { "type": "integer", "minimum": 0 }, "tags": { "items": { "type": "string" } } }
    }"#;
    assert_eq!(
        problems(r#"{"name":"Ada","age":36.0,"tags":["a"]}"#, schema),
        []
    );
    assert_eq!(
        problems(r#"{"age":-1,"tags":[1,"b",2]}"#, schema),
        [
            problem("", "/required"),
            problem("/age", "/properties/age/minimum"),
            problem("/tags/0", "/properties/tags/items/type"),
            problem("/tags/2", "/properties/tags/items/type"),
        ]
    );
}

#[test]
fn large_numbers_are_compared_exactly() {
    let schema = r#"{"maximum": 18446744073709551616}"#;
    assert_eq!(problems("18446744073709551616", schema), []);
    assert_eq!(
        problems("18446744073709551617", schema),
        [problem("", "/maximum")]
    );
}

#[test]
fn formats_are_checked_on_demand() {
    let schema = r#"{"format": "date"}"#;
    for (formats, valid) in [(false, true), (true, false)] {
        assert_eq!(
            validate("\"2026-02-30\"", schema, formats).unwrap().valid,
            valid
        );
    }
}

#[test]
fn a_schema_may_refer_to_itself_and_to_nothing_outside() {
    let tree = r##"{"properties": {"children": {"items": {"$ref": "#"}}}, "required": ["n"]}"##;
    assert_eq!(
        problems(r#"{"n":1,"children":[{"n":2,"children":[{}]}]}"#, tree),
        [problem("/children/0/children/0", "/required")]
    );
    for schema in [
        r#"{"$ref": "https://example.com/schema"}"#,
        r#"{"$ref": "file:///etc/passwd"}"#,
        r#"{"type": 1}"#,
        r#"{"pattern": "("}"#,
        "3",
    ] {
        let result = validate("1", schema, false);
        assert!(
            matches!(result, Err(Error::Invalid(_))),
            "{schema}: {result:?}"
        );
    }
}

#[test]
fn problems_are_bounded() {
    let document = format!("[{}\"{}\"]", "1,".repeat(200), "é".repeat(1_000));
    let verdict = validate(&document, r#"{"items": {"type": "null"}}"#, false).unwrap();
    assert_eq!((verdict.problems.len(), verdict.truncated), (100, true));
    let long = validate(
        &format!("\"{}\"", "é".repeat(1_000)),
        r#"{"type": "null"}"#,
        false,
    )
    .unwrap();
    assert_eq!(long.problems[0].message.chars().count(), 501);
    let schema = format!("{{\"$comment\": \"{}\"}}", "x".repeat(262_144));
    assert!(matches!(
        validate("1", &schema, false),
        Err(Error::Invalid(_))
    ));
}
