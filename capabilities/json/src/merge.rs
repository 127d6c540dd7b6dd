//! Merges one document into another, by RFC 7396.

use serde_json::{Map, Value};

use crate::document;
use crate::exports::engine::json::documents::Error;

pub(crate) fn merge(text: &str, patch: &str) -> Result<String, Error> {
    let document = document::read("the document", text)?;
    let patch = document::read("the patch", patch)?;
    document::write(&merged(document, patch))
}

fn merged(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch;
    };
    let mut fields = match target {
        Value::Object(fields) => fields,
        _other => Map::new(),
    };
    // All at once: taking names out one by one moves the rest each time.
    fields.retain(|name, _| !matches!(patch.get(name), Some(Value::Null)));
    for (name, change) in patch {
        if change.is_null() {
            continue;
        }
        match fields.get_mut(&name) {
            Some(field) => {
                let old = field.take();
                *field = merged(old, change);
            }
            None => {
                fields.insert(name, merged(Value::Null, change));
            }
        }
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::merge;

    fn text(document: &str, patch: &str) -> String {
        merge(document, patch).unwrap()
    }

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn it_does_what_the_rfc_says() {
        for (document, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            assert_eq!(text(document, patch), result, "{document} {patch}");
        }
    }

    #[test]
    fn names_keep_their_order_and_numbers_their_digits() {
        assert_eq!(
            text(
                r#"{"z":1,"y":2.10,"x":3,"w":123456789012345678901234567890}"#,
                r#"{"z":null,"x":1e+400,"a":-0}"#
            ),
            r#"{"y":2.10,"x":1e+400,"w":123456789012345678901234567890,"a":-0}"#
        );
    }
}
