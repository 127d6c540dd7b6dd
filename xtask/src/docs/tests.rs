use serde_json::json;

use super::*;
use crate::shipped::Shipped;

fn told() -> Value {
    json!({
        "functions": [{
            "name": "count", "full_name": "a:b/c@1.0.0#count",
            "signature": "count: func(of: thing) -> result<u32, string>",
            "parameters": {"type": "object"}, "result": null,
        }],
        "types": [{
            "name": "thing", "definition": "record { name: string }",
            "description": "Something.", "parts": {"name": "Its\nname."},
        }],
        "manifest": {
            "name": "things", "version": "1.2.0", "description": "Counts | things.\nMany.\n\nMore.",
            "functions": {"count": {
                "capability": "things.count.v1", "description": "Counts.\n\nAt most 7.",
                "effects": ["read"], "idempotent": true,
                "examples": [{"args": {"of": {"name": "it's"}}, "value": 1}],
            }},
            "asks": {"files": "ro", "env": ["LANG"], "limits": {"memory": "16MiB"}},
        },
    })
}

fn shipped() -> Shipped {
    Shipped {
        name: "things".to_owned(),
        file: "things.wasm".to_owned(),
    }
}

#[test]
fn a_page_says_what_the_component_says() {
    let page = page::of(&shipped(), &told()).unwrap();
    for part in [
        "# things\n\nCounts | things.\nMany.\n\nMore.\n\nVersion 1.2.0.\n",
        "It asks for directories to read (`--dir HOST`), the variable `LANG` (`--env LANG`), at most 16MiB of memory;",
        "- [`count`](#count): Counts.\n",
        "### count\n\nCounts.\n\nAt most 7.\n",
        "```wit\ncount: func(of: thing) -> result<u32, string>\n```",
        "- Name to configure: `things.count.v1`\n- Full name: `a:b/c@1.0.0#count`\n",
        "- Effects: `read`; idempotent: to do it twice is to do it once\n",
        "$ engine exec things.wasm count '{\"of\":{\"name\":\"it'\\''s\"}}'\n1\n```",
        "JSON Schema of the parameters</summary>\n\n```json\n{\n  \"type\": \"object\"\n}\n```",
        "### thing\n\nSomething.\n\n```wit\nrecord { name: string }\n```\n\n- `name`: Its name.\n",
    ] {
        assert!(page.contains(part), "{part}\n\nis not in\n\n{page}");
    }
    assert!(!page.contains("Schema of the result"));
    let index = page::index(&[(shipped(), told())]).unwrap();
    assert!(
        index.contains("| [things](things.md) | Counts \\| things. Many. | directories to read"),
        "{index}"
    );
}

#[test]
fn a_component_that_says_too_little_has_no_page() {
    for pointer in [
        "/manifest/functions/count",
        "/manifest/version",
        "/functions",
    ] {
        let mut told = told();
        *told.pointer_mut(pointer).unwrap() = Value::Null;
        assert!(page::of(&shipped(), &told).is_err(), "{pointer}");
    }
    let mut silent = told();
    silent["manifest"]["functions"]["count"]["description"] = json!("");
    let error = page::of(&shipped(), &silent).unwrap_err();
    assert_eq!(error.to_string(), "`count` has no description");
}

#[test]
fn every_page_that_is_wrong_is_named() {
    let pages = |pages: &[(&str, &str)]| {
        let pages = pages.iter();
        pages
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    };
    let wrong = differences(
        &pages(&[("a.md", "a"), ("b.md", "b"), ("c.md", "c")]),
        &pages(&[("a.md", "a"), ("b.md", "old"), ("d.md", "d")]),
    );
    assert_eq!(
        wrong,
        [
            "docs/capabilities/b.md is not what its capability says",
            "docs/capabilities/c.md is missing",
            "docs/capabilities/d.md has no capability",
        ]
    );
    assert!(differences(&pages(&[("a.md", "a")]), &pages(&[("a.md", "a")])).is_empty());
}
