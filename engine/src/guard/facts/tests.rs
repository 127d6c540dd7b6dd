use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::types::Clock as _;
use crate::types::{Field, Parameter, WitType};

fn list(of: WitType) -> WitType {
    WitType::List(Arc::new(of))
}

fn option(of: WitType) -> WitType {
    WitType::Option(Arc::new(of))
}

fn record(name: &str, ty: WitType) -> WitType {
    WitType::Record(Arc::new([Field {
        name: name.to_owned(),
        ty,
    }]))
}

fn takes(name: &str, ty: WitType) -> Function {
    Function {
        interface: None,
        name: "f".to_owned(),
        parameters: vec![Parameter {
            name: name.to_owned(),
            ty,
        }],
        result: None,
    }
}

/// The facts of one argument.
fn of(name: &str, ty: WitType, value: Value) -> Facts {
    Facts::of(
        &json!({ name: value }),
        Some(&takes(name, ty)),
        &Grants::none(),
    )
}

fn of_text(text: &str) -> Facts {
    of("text", WitType::String, json!(text))
}

fn paths(facts: &Facts) -> Vec<&str> {
    facts
        .paths
        .iter()
        .map(|path| path.normal.as_str())
        .collect()
}

fn hosts(facts: &Facts) -> Vec<&str> {
    facts.hosts.iter().map(|host| host.host.as_str()).collect()
}

#[test]
fn nothing_is_found_in_plain_values() {
    let facts = of_text("to be or not to be");
    let expected = Facts {
        bytes: 18,
        ..Facts::default()
    };
    assert_eq!(facts, expected);
    let nothing = of("path", WitType::U32, json!(5));
    assert_eq!(nothing, Facts::default());
}

#[test]
fn facts_are_found_however_deep_they_lie() {
    let text = "/etc/shadow";
    let in_record = record("target", list(option(option(WitType::String))));
    let value = json!([{"target": [null, {"some": text}]}, null]);
    let facts = of("items", list(option(in_record)), value);
    assert_eq!(paths(&facts), [text]);
    assert!(facts.paths[0].blocked);

    let bytes = of(
        "items",
        list(list(WitType::U8)),
        json!(["", "L2V0Yy9zaGFkb3c="]),
    );
    assert_eq!(paths(&bytes), [text]);
    assert_eq!(bytes.bytes, 11);

    // As deep as JSON text may be.
    let mut ty = WitType::String;
    let mut value = json!(text);
    for _ in 0..60 {
        ty = list(record("x", ty));
        value = json!([{ "x": value }]);
    }
    assert_eq!(paths(&of("deep", ty, value)), [text]);
}

#[test]
fn a_name_makes_a_path_of_a_word() {
    assert_eq!(
        paths(&of("path", WitType::String, json!("secret"))),
        ["secret"]
    );
    assert!(paths(&of("word", WitType::String, json!("secret"))).is_empty());
    let nested = record("output-file", option(WitType::String));
    assert_eq!(paths(&of("x", nested, json!({"output-file": "a"}))), ["a"]);
    assert!(paths(&of("file", WitType::String, json!("a\nb\n"))).is_empty());
}

#[test]
fn a_url_is_a_host_and_a_file_url_a_path_as_well() {
    let facts = of("path", WitType::String, json!("https://user@a.example/x"));
    assert_eq!((paths(&facts), hosts(&facts)), (vec![], vec!["a.example"]));
    assert!(facts.hosts[0].userinfo && !facts.hosts[0].private);

    let facts = of_text("file://a.example/etc/%70asswd");
    assert_eq!(
        (paths(&facts), hosts(&facts)),
        (vec!["/etc/passwd"], vec!["a.example"])
    );
    assert!(facts.paths[0].blocked && !facts.paths[0].canonical);
    assert_eq!(facts.paths[0].written, "file://a.example/etc/%70asswd");

    let facts = of_text("file:///srv/x");
    assert!(facts.paths[0].canonical, "{facts:?}");
    assert!(hosts(&facts).is_empty() && !facts.incomplete);

    assert!(of_text("https://[fe80::zz]/").incomplete);
}

#[test]
fn the_same_is_kept_once() {
    let value = json!([
        "/a",
        "/a",
        "http://a.example",
        "http://A.example/x",
        "http://a.example:81"
    ]);
    let facts = of("items", list(WitType::String), value);
    assert_eq!(paths(&facts), ["/a"]);
    assert_eq!(hosts(&facts), ["a.example", "a.example"]);
    assert_eq!(facts.hosts[1].port, 81);
}

#[test]
fn commands_and_shell_characters_are_found() {
    let facts = Facts::of(
        &json!(["rm", "-rf", "--to=/etc/shadow"]),
        None,
        &Grants::none(),
    );
    assert_eq!(facts.commands, BTreeSet::from(["rm -rf"]));
    assert_eq!(paths(&facts), ["--to=/etc/shadow", "/etc/shadow"]);
    assert!(facts.paths[1].blocked && !facts.shell);

    assert!(Facts::of(&json!(["a;b"]), None, &Grants::none()).shell);
    assert!(of("command", WitType::String, json!("a | b")).shell);
    assert!(of("args", list(WitType::String), json!(["a", "$b"])).shell);
    assert!(
        of(
            "x",
            record("script", WitType::String),
            json!({"script": "a\nb"})
        )
        .shell
    );
    assert!(!of("description", WitType::String, json!("a | b")).shell);
    let long = format!("{};", "x".repeat(MOST_LINE));
    assert!(of("command", WitType::String, json!(long)).shell);

    let cat = of("command", WitType::String, json!("cat '/etc/shadow'"));
    assert!(cat.paths.iter().any(|path| path.blocked), "{cat:?}");
}

#[test]
fn secrets_are_found_by_form_and_by_name() {
    let kinds = |facts: Facts| facts.secrets.into_iter().collect::<Vec<_>>();
    assert_eq!(kinds(of_text("key AKIAIOSFODNN7EXAMPLE")), ["aws_key"]);
    assert_eq!(
        kinds(of("user-password", WitType::String, json!("x"))),
        ["password"]
    );
    assert_eq!(
        kinds(of("api-key", option(WitType::String), json!("x"))),
        ["api_key"]
    );
    assert!(kinds(of("api-key", option(WitType::String), json!(null))).is_empty());
    // `password=x` as bytes.
    assert_eq!(
        kinds(of("data", list(WitType::U8), json!("cGFzc3dvcmQ9eA=="))),
        ["password"]
    );
}

#[test]
fn bytes_that_are_no_text_are_only_counted() {
    // `/etc/passwd` after a byte that UTF-8 does not have.
    let facts = of("data", list(WitType::U8), json!("/y9ldGMvcGFzc3dk"));
    let expected = Facts {
        bytes: 12,
        ..Facts::default()
    };
    assert_eq!(facts, expected);
}

#[test]
fn beyond_a_thousand_the_facts_are_incomplete() {
    let many = |count: usize, prefix: &str| {
        let all: Vec<String> = (0..count).map(|i| format!("{prefix}{i}")).collect();
        of("items", list(WitType::String), json!(all))
    };
    let all = many(MOST_FOUND, "/a/");
    assert_eq!((all.paths.len(), all.incomplete), (MOST_FOUND, false));
    let more = many(MOST_FOUND + 1, "/a/");
    assert_eq!((more.paths.len(), more.incomplete), (MOST_FOUND, true));

    let all = many(MOST_FOUND, "http://a.example:");
    assert_eq!((all.hosts.len(), all.incomplete), (MOST_FOUND, false));
    let more = many(MOST_FOUND + 1, "http://h.example/?x=http://h");
    assert_eq!((more.hosts.len(), more.incomplete), (MOST_FOUND, true));
}

#[test]
fn beyond_sixteen_mebibytes_the_facts_are_incomplete() {
    let full = "x ".repeat(MOST_TEXT / 2);
    let facts = of_text(&full);
    assert_eq!((facts.bytes, facts.incomplete), (16 << 20, false));

    let value = json!([full, "/etc/passwd"]);
    let facts = of("items", list(WitType::String), value);
    assert_eq!((facts.bytes, facts.incomplete), ((16 << 20) + 11, true));
    assert!(facts.paths.is_empty());

    // A bound in the middle of a character.
    let cut = readable("aé!".as_bytes(), 2);
    assert_eq!(cut, Some("a"));
    assert_eq!(readable(b"a\xff", 2), None);
    assert_eq!(readable(b"a\xff", 1), Some("a"));
}

/// Text made to be slow: many secrets, of which each could be the start of a longer one. Four times the text takes four
/// times as long and not sixteen times.
#[test]
fn hostile_text_takes_linear_time() {
    let clock = crate::session::SystemClock::new();
    let quickest = |text: &str| {
        let times = (0..3).map(|_| {
            let before = clock.thread_cpu();
            assert_eq!(of_text(text).bytes, text.len() as u64);
            clock.thread_cpu() - before
        });
        times.min().unwrap()
    };
    for unit in [
        "eyJaaaaaaaa-AKIA0123456789ABCDEF-",
        "eyJ",
        "http://a:",
        "https://",
        "rm -r -",
        "x://[",
        "dd a=",
        "password",
        "-----BEGIN PRIVATE KEY-----",
        "../",
        "%2e%2e/",
        "bearer ",
        "postgres://a@",
    ] {
        let text = |bytes: usize| unit.repeat(bytes / unit.len());
        let short = quickest(&text(512 << 10));
        let long = quickest(&text(2 << 20));
        let noise = std::time::Duration::from_millis(5);
        assert!(long <= short * 9 + noise, "{unit}: {short:?}, {long:?}");
    }
}

proptest! {
    /// Whatever the arguments are, they are gone through without a panic and within the bounds.
    #[test]
    fn any_text_has_facts(text in "(\\PC|[/\\\\.~%:@\\[\\]]|https?://|file:|\\.\\./|rm -rf|\\x00){0,40}") {
        for name in ["text", "path", "command"] {
            let facts = of(name, WitType::String, json!(text));
            prop_assert_eq!(facts.bytes, text.len() as u64);
            for path in &facts.paths {
                prop_assert!(!path.inside && !path.writable);
                prop_assert!(!path.normal.contains("//"));
            }
        }
    }
}

/// Padding does not hide a path: one that is too long to look at is blocked.
#[test]
fn a_path_that_is_too_long_is_blocked() {
    let function = crate::guard::tests::function("path");
    let long = format!("home{}.ssh/id_rsa", "/".repeat(4200));
    let facts = Facts::of(
        &serde_json::json!({ "path": long }),
        Some(&function),
        &Grants::none(),
    );
    assert!(facts.paths.iter().any(|path| path.blocked && path.named));
}
