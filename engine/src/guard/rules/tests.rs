#![expect(
    clippy::disallowed_methods,
    reason = "a test makes the files it looks at"
)]

use std::sync::Arc;

use super::super::tests::{action, decision, verdict};
use super::*;
use crate::guard::{Bundle, Counters, Grants, Policies};
use crate::types::{Action, Decision, Parameter, Principal, WitType};

fn rule(json: serde_json::Value) -> Rule {
    serde_json::from_value(json).unwrap()
}

fn policies(rules: Vec<Rule>) -> Policies {
    Policies::builder()
        .bundle(Bundle::None)
        .rules(rules)
        .build()
        .unwrap()
}

fn all() -> Rule {
    Rule::new("all", RuleDecision::Allow)
}

/// Whether one rule that denies applies to an action that everything else allows.
fn denies(json: serde_json::Value, action: &Action, argument: (&str, &str)) -> bool {
    decision(&policies(vec![all(), rule(json)]), action, argument) == Decision::Deny
}

#[test]
fn the_strongest_rule_wins_wherever_it_is() {
    use RuleDecision::{Allow, Ask, Deny, Kill, Warn};
    let ordered = [
        (Allow, Decision::Allow),
        (Warn, Decision::Warn),
        (Ask, Decision::Ask),
        (Deny, Decision::Deny),
        (Kill, Decision::Kill),
    ];
    for (weaker, (weak, _)) in ordered.iter().enumerate() {
        for (strong, expected) in &ordered[weaker..] {
            let expected = match (weak, strong) {
                // Nobody is asked about what nobody permits.
                (Ask, Ask) => Decision::Deny,
                _ => *expected,
            };
            let (one, two) = (Rule::new("one", *weak), Rule::new("two", *strong));
            let action = action("a.b.v1", None);
            for rules in [vec![one.clone(), two.clone()], vec![two, one]] {
                let found = decision(&policies(rules.clone()), &action, ("t", ""));
                assert_eq!(found, expected, "{rules:?}");
            }
        }
    }
    assert_eq!(
        decision(
            &policies(Vec::new()),
            &action("a.b.v1", Some(&[])),
            ("t", "")
        ),
        Decision::Deny,
        "silence is a denial"
    );
}

#[test]
fn each_condition_counts() {
    use serde_json::json;
    let fs = action("fs.read.v1", Some(&[Effect::Read]));
    let unknown = action("fs.read.v1", None);
    let of = |extra: serde_json::Value| {
        let mut rule = json!({ "id": "r", "decision": "deny" });
        rule.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        rule
    };
    let nothing = ("path", "a.txt");
    assert!(denies(of(json!({})), &fs, nothing));
    assert!(denies(of(json!({ "capability": "fs.*" })), &fs, nothing));
    assert!(denies(
        of(json!({ "capability": "fs.read.v1" })),
        &fs,
        nothing
    ));
    assert!(!denies(
        of(json!({ "capability": "fs.read" })),
        &fs,
        nothing
    ));
    assert!(denies(of(json!({ "principal": "loc*" })), &fs, nothing));
    assert!(!denies(of(json!({ "principal": "ann" })), &fs, nothing));
    let ann = Action {
        principal: Principal::new("ann"),
        ..fs.clone()
    };
    assert!(denies(of(json!({ "principal": "ann" })), &ann, nothing));
    assert!(denies(of(json!({ "via": "direct" })), &fs, nothing));
    assert!(!denies(of(json!({ "via": "served" })), &fs, nothing));
    assert!(denies(of(json!({ "manifest": true })), &fs, nothing));
    assert!(!denies(of(json!({ "manifest": true })), &unknown, nothing));
    assert!(denies(
        of(json!({ "effects": ["read", "spend"] })),
        &fs,
        nothing
    ));
    assert!(!denies(of(json!({ "effects": ["write"] })), &fs, nothing));
    assert!(
        denies(of(json!({ "effects": ["write"] })), &unknown, nothing),
        "what is unknown may do anything"
    );
    assert!(denies(of(json!({ "within": ["read"] })), &fs, nothing));
    assert!(!denies(of(json!({ "within": [] })), &fs, nothing));
    assert!(!denies(
        of(json!({ "within": ["read"] })),
        &unknown,
        nothing
    ));
    let labelled = Action {
        labels: ["untrusted".to_owned(), "from-the-web".to_owned()].into(),
        ..fs.clone()
    };
    let tainted = json!({ "labels": ["secret", "untrusted"] });
    assert!(denies(of(tainted.clone()), &labelled, nothing));
    assert!(!denies(of(tainted), &fs, nothing), "nothing flowed into it");
    assert!(!denies(
        of(json!({ "labels": ["secret"] })),
        &labelled,
        nothing
    ));
    assert!(denies(of(json!({ "argument": "*.txt" })), &fs, nothing));
    assert!(!denies(of(json!({ "argument": "*.pem" })), &fs, nothing));
}

/// A permission for an effect is none for a component that says nothing.
#[test]
fn what_is_unknown_is_not_permitted_by_its_effect() {
    let permits = rule(serde_json::json!({ "id": "r", "decision": "allow", "effects": ["read"] }));
    let set = policies(vec![permits]);
    assert_eq!(
        decision(&set, &action("a.b.v1", Some(&[Effect::Read])), ("t", "")),
        Decision::Allow
    );
    assert_eq!(
        decision(&set, &action("a.b.v1", None), ("t", "")),
        Decision::Deny
    );
}

#[test]
fn texts_are_found_however_deep_they_are() {
    let deep =
        serde_json::json!({ "a": [[{ "b": ["x", { "c": "find me" }] }]], "n": 1, "z": null });
    assert!(any_text(&deep, None, &|text| text == "find me"));
    assert!(!any_text(&deep, None, &|text| text == "find"));
}

#[test]
fn text_is_found_in_bytes() {
    let takes = Function {
        interface: None,
        name: "f".to_owned(),
        parameters: vec![Parameter {
            name: "content".to_owned(),
            ty: WitType::List(Arc::new(WitType::U8)),
        }],
        result: None,
    };
    // `drop it`, and the same after a byte that is no text.
    for encoded in ["ZHJvcCBpdA==", "/2Ryb3AgaXQ="] {
        let arguments = serde_json::json!({ "content": encoded });
        let found =
            |wanted: &str| any_text(&arguments, Some(&takes), &|text| text.contains(wanted));
        assert!(found("drop it"), "{encoded}");
        assert!(!found("keep it"), "{encoded}");
    }
}

/// C13: a rule about a path means the path, and not one way of writing it.
#[test]
fn no_spelling_gets_around_a_rule_about_a_path() {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().canonicalize().unwrap().join("docs");
    std::fs::create_dir_all(docs.join("private")).unwrap();
    std::fs::write(docs.join("private/s.md"), "x").unwrap();
    std::os::unix::fs::symlink("private/s.md", docs.join("link.md")).unwrap();
    let grants = Grants::builder()
        .dir(docs, "docs", crate::types::Rights::ReadOnly)
        .build()
        .unwrap();
    let fs = action("fs.read.v1", Some(&[Effect::Read]));
    let decided = |rules: &[Rule], path: &str| {
        let set = policies(rules.to_vec());
        verdict(&set, &fs, ("path", path), &grants, Counters::default()).decision
    };
    let ban =
        rule(serde_json::json!({ "id": "r", "decision": "deny", "argument": "docs/private/*" }));
    let permit = |argument: &str| {
        [rule(
            serde_json::json!({ "id": "r", "decision": "allow", "argument": argument }),
        )]
    };
    for path in [
        "docs/private/s.md",
        "docs//private/s.md",
        "./docs/private/s.md",
        "docs/./private/s.md",
        "docs/x/../private/s.md",
        "docs/link.md",
    ] {
        assert_eq!(
            decided(&[all(), ban.clone()], path),
            Decision::Deny,
            "{path}"
        );
        let public = permit("docs/l*");
        assert_eq!(
            decided(&public, path),
            Decision::Deny,
            "{path} is not permitted"
        );
    }
    assert_eq!(decided(&[all(), ban], "docs/a.md"), Decision::Allow);
    assert_eq!(decided(&permit("docs/*"), "docs/a.md"), Decision::Allow);
    assert_eq!(decided(&permit("docs/*"), "docs/../x"), Decision::Deny);
}

#[test]
fn a_rule_bans_one_of_the_hosts_and_permits_all_of_them() {
    use serde_json::json;
    let deny = json!({ "id": "r", "decision": "deny", "hosts": ["evil.example"] });
    let allow = json!({ "id": "r", "decision": "allow", "hosts": ["good.example"] });
    let fetch = action("web.get.v1", Some(&[Effect::Network]));
    for (text, banned, permitted) in [
        ("https://good.example/a", false, true),
        ("https://evil.example/", true, false),
        ("http://evil.example/", true, false),
        ("https://evil.example:8443/", true, false),
        (
            "see https://good.example and http://evil.example",
            true,
            false,
        ),
        (
            "https://good.example and https://other.example",
            false,
            false,
        ),
        ("http://good.example", false, false),
        // A host that nobody can read may be any.
        ("http://[::bad", false, false),
        ("no host", false, false),
    ] {
        assert_eq!(
            denies(deny.clone(), &fetch, ("text", text)),
            banned,
            "{text}"
        );
        let set = policies(vec![rule(allow.clone())]);
        let allowed = decision(&set, &fetch, ("text", text)) == Decision::Allow;
        assert_eq!(allowed, permitted, "{text}");
    }
}

#[test]
fn rules_that_make_no_sense_are_refused() {
    for (json, word) in [
        (r#"{"id":"","decision":"allow"}"#, "needs an id"),
        (
            r#"{"id":"r","decision":"deny","approver":"ann"}"#,
            "names an approver",
        ),
        (r#"{"id":"r","decision":"ask","approver":""}"#, "is empty"),
        (
            r#"{"id":"r","decision":"deny","labels":["Untrusted"]}"#,
            "`Untrusted`, which is no label",
        ),
    ] {
        let rule: Rule = serde_json::from_str(json).unwrap();
        let fault = Policies::builder().rule(rule).build().unwrap_err();
        assert!(fault.to_string().contains(word), "{fault}");
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
    }
    let twice = Policies::builder()
        .rule(all())
        .rule(all())
        .build()
        .unwrap_err();
    assert_eq!(twice.to_string(), "two rules have the id `all`");
    let unknown = serde_json::from_str::<Rule>(r#"{"id":"r","decision":"allow","capabilty":"x"}"#);
    assert!(unknown.unwrap_err().to_string().contains("`capabilty`"));
    let many = (0..10_001).map(|n| Rule::new(n.to_string(), RuleDecision::Allow));
    let fault = Policies::builder().rules(many).build().unwrap_err();
    assert!(fault.to_string().contains("10000"), "{fault}");
}
