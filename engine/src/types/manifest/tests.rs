use super::*;

fn read(json: &str) -> Result<Manifest, String> {
    Manifest::read(json.as_bytes())
}

#[test]
fn a_small_manifest_is_enough() {
    let manifest = read(r#"{"manifest":1,"name":"text","version":"1.0.0"}"#).unwrap();
    assert_eq!(manifest.asks, Asks::default());
    assert!(manifest.functions.is_empty());
}

#[test]
fn quantities_are_text_or_numbers() {
    let manifest = read(
        r#"{"manifest":1,"name":"t","version":"1","asks":{"files":"ro","env":["LANG"],
            "limits":{"fuel":1000,"memory":"16MiB","timeout":"2s","output":65536}}}"#,
    )
    .unwrap();
    let limits = manifest.asks.limits.narrow(&Limits::default());
    assert_eq!(limits.fuel(), Fuel::new(1000));
    assert_eq!(limits.memory(), Bytes::mib(16));
    assert_eq!(limits.wall(), WallTime::secs(2));
    assert_eq!(limits.output(), Bytes::new(65_536));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (json, word) in [
        ("", "EOF"),
        ("[]", "expected struct Manifest"),
        (r#"{"manifest":2,"name":"a","version":"1"}"#, "version 2"),
        (r#"{"manifest":1,"name":"A","version":"1"}"#, "`A`"),
        (
            r#"{"manifest":1,"name":"fs/read","version":"1"}"#,
            "`fs/read`",
        ),
        (r#"{"manifest":1,"name":"а","version":"1"}"#, "`а`"),
        (r#"{"manifest":1,"name":"a","version":""}"#, "version ``"),
        (
            r#"{"manifest":1,"name":"a","version":"1","nmae":1}"#,
            "unknown field `nmae`",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","functions":{"f":{"effect":["read"]}}}"#,
            "unknown field `effect`",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","functions":{"f":{"effects":["reed"]}}}"#,
            "unknown variant `reed`",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","functions":{"f":{"pure":true,"effects":["read"]}}}"#,
            "pure and yet has effects",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","functions":{"f":{"capability":"fs.read"}}}"#,
            "`fs.read`",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","asks":{"env":["A=B"]}}"#,
            "`A=B`",
        ),
        (
            r#"{"manifest":1,"name":"a","version":"1","asks":{"limits":{"memory":"lots"}}}"#,
            "lots",
        ),
    ] {
        let why = read(json).unwrap_err();
        assert!(why.contains(word), "{json}: {why}");
    }
    let long = format!(
        r#"{{"manifest":1,"name":"a","version":"1","description":"{}"}}"#,
        "x".repeat(MOST_MANIFEST)
    );
    assert!(read(&long).unwrap_err().contains("over the limit"));
    let name = format!(
        r#"{{"manifest":1,"name":"{}","version":"1"}}"#,
        "x".repeat(10_000)
    );
    assert!(read(&name).unwrap_err().len() < 300);
}

/// A description cannot act on a terminal, hide text from a reader, or flood them.
#[test]
fn descriptions_are_cleaned_and_cut() {
    let poison = "Reads.\u{1b}[2J\u{202e}txt\u{e0041}\u{200b}\u{9b}31m\nSecond line.";
    let json = serde_json::json!({
        "manifest": 1, "name": "a", "version": "1", "description": poison,
        "functions": { "f": { "description": "é".repeat(10_000) } }
    });
    let manifest = read(&json.to_string()).unwrap();
    assert_eq!(manifest.description, "Reads.[2Jtxt31m\nSecond line.");
    let described = manifest
        .functions
        .get("f")
        .map(|function| function.description.len());
    assert_eq!(described, Some(MOST_DESCRIPTION));
}

#[test]
fn names_of_capabilities_have_a_version() {
    for name in [
        "fs.read.v1",
        "text.count-words.v12",
        "a.b.c.v1",
        "a1.b2.v999999",
    ] {
        assert!(is_capability(name), "{name}");
    }
    for name in [
        "fs",
        "fs.read",
        "fs.v1",
        "fs.read.v0",
        "fs.read.v01",
        "fs.read.v1.",
        ".read.v1",
        "fs..v1",
        "Fs.read.v1",
        "fs.reаd.v1",
        "fs.read_x.v1",
        "fs.read-.v1",
        "fs.read.v1x",
        "fs.read.v1234567",
        "fs.read.v",
        "fs. read.v1",
        "",
    ] {
        assert!(!is_capability(name), "{name}");
    }
    assert!(!is_capability(&format!("{}.v1", "a.".repeat(100))));
}

/// What an example hides is told to nobody, so that there is none that hides anything.
#[test]
fn examples_hide_nothing() {
    let of = |text: &str| {
        let json = serde_json::json!({
            "manifest": 1, "name": "a", "version": "1",
            "functions": { "f": { "examples": [{ "args": { "text": text } }] } }
        });
        Manifest::read(json.to_string().as_bytes())
    };
    assert!(of("two\nlines and é").is_ok());
    for odd in ["\u{202e}txt", "a\u{200b}b", "\u{e0041}"] {
        let why = of(odd).unwrap_err();
        assert!(why.contains("an example of `f`"), "{why}");
    }
}
