use super::super::tests::{action, function};
use super::*;
use crate::guard::{Ban, Bundle, Counters, Force, Policies, Rule, RuleDecision};
use crate::session::SystemClock;
use crate::types::{Effect, Rights};

fn changes_of(
    policies: &Policies,
    action: &Action,
    (parameter, text): (&str, &str),
    grants: &Grants,
) -> Vec<String> {
    let function = function(parameter);
    let arguments = serde_json::json!({ parameter: text });
    let make = || arguments.clone();
    let question = Question::new(action, Some(&function), grants, Counters::default(), &make);
    let judgement = policies.judge(&question, &SystemClock::new());
    let verdict = policies.verdict(&judgement, &question);
    changes(&question, &judgement, &verdict)
        .iter()
        .map(Change::to_string)
        .collect()
}

/// What is not permitted needs a policy for this very call and no other.
#[test]
fn silence_needs_the_narrowest_policy() {
    let fetch = action("net.fetch.v1", Some(&[Effect::Network]));
    assert_eq!(
        changes_of(
            &Policies::default(),
            &fetch,
            ("url", "https://a.example/\"x"),
            &Grants::none()
        ),
        [
            "permit it, in a file for `--policy`: `permit (principal == Principal::\"local\", \
             action == Action::\"net.fetch.v1\", resource == Component::\"sample\") when { \
             context.args.url == \"https://a.example/\\\"x\" };`"
        ]
    );
}

/// What lets labelled data through lets no other data through.
#[test]
fn a_permit_for_labelled_data_is_for_these_labels() {
    let labelled = Action {
        labels: ["secret".to_owned(), "untrusted".to_owned()].into(),
        ..action("net.fetch.v1", Some(&[Effect::Network]))
    };
    let none = Grants::none();
    let changes = changes_of(&Policies::default(), &labelled, ("url", "x"), &none);
    assert!(
        changes[0].ends_with(
            "context.args.url == \"x\" && context.labels == [\"secret\", \"untrusted\"] };`"
        ),
        "{changes:?}"
    );
}

#[test]
fn a_file_out_of_reach_needs_its_directory() {
    let write = action("fs.write.v1", Some(&[Effect::Write]));
    let dir = tempfile::tempdir().unwrap();
    let host = dir.path().canonicalize().unwrap();
    let reading = Grants::builder()
        .dir(&host, "data", Rights::ReadOnly)
        .build()
        .unwrap();
    let of = |path: &str, grants: &Grants| {
        changes_of(&Policies::default(), &write, ("path", path), grants)
    };
    assert_eq!(of("out/a.txt", &Grants::none()), ["add `--dir out:rw`"]);
    assert_eq!(of("a.txt", &Grants::none()), ["add `--dir .:rw`"]);
    assert_eq!(
        of("/srv/x/a.txt", &Grants::none()),
        ["add `--dir /srv/x:rw`"]
    );
    assert_eq!(
        of("data/a.txt", &reading),
        [format!("add `--dir {}::data:rw`", host.display())]
    );
    assert_eq!(of("other/a.txt", &reading), ["add `--dir other:rw`"]);
    assert_eq!(
        of("data/../a.txt", &reading),
        [""; 0],
        "written plainly first"
    );
    assert_eq!(of("/etc/shadow", &reading), [""; 0], "always blocked");
    for hostile in [
        "/x",
        "/tmp/$(touch pwn)/a",
        "/etc::/tmp/x/a",
        "a b/c",
        "x:rw/y",
    ] {
        assert_eq!(of(hostile, &Grants::none()), [""; 0], "{hostile}");
    }
}

#[test]
fn every_ban_has_to_be_lifted() {
    let read = action("fs.read.v1", Some(&[Effect::Read]));
    let rule = |id: &str, file: &str| Rule {
        place: Some((file.to_owned(), 3)),
        ..Rule::new(id, RuleDecision::Deny)
    };
    let policies = Policies::builder()
        .bundle(Bundle::None)
        .rule(rule("one", "engine.toml"))
        .rule(rule("two", "p.cedar"))
        .build()
        .unwrap();
    assert_eq!(
        changes_of(&policies, &read, ("path", "a.txt"), &Grants::none()),
        [
            "remove the rule one (engine.toml:3), or let it apply to less",
            "before the `;` of two (p.cedar:3), add `unless { principal == Principal::\"local\" && \
             action == Action::\"fs.read.v1\" && context.args.path == \"a.txt\" }`",
            "permit it, in a file for `--policy`: `permit (principal == Principal::\"local\", action \
             == Action::\"fs.read.v1\", resource == Component::\"sample\") when { \
             context.args.path == \"a.txt\" };`",
        ]
    );
}

#[test]
fn what_may_run_needs_nothing_and_what_waits_an_approval() {
    let write = action("fs.write.v1", Some(&[Effect::Write]));
    let dir = tempfile::tempdir().unwrap();
    let writable = Grants::builder()
        .dir(dir.path(), "out", Rights::ReadWrite)
        .build()
        .unwrap();
    let paranoid = Policies::builder()
        .bundle(Bundle::Paranoid)
        .build()
        .unwrap();
    let of = |policies: &Policies| changes_of(policies, &write, ("path", "out/a.txt"), &writable);
    let strict = Policies::default();
    assert_eq!(of(&strict), [""; 0]);
    assert_eq!(of(&paranoid), ["have it approved"]);
}

#[test]
fn a_ban_that_nothing_lifts_is_not_explained_away() {
    let judgement = Judgement {
        permission: None,
        ban: Some(Ban {
            force: Force::Deny,
            policies: vec![PolicyRef::builtin("strict.blocked-path")],
            reason: String::new(),
        }),
    };
    let action = action("fs.read.v1", Some(&[Effect::Read]));
    let (function, grants) = (function("path"), Grants::none());
    let make = || serde_json::json!({ "path": "/etc/shadow" });
    let none = Counters::default();
    let question = Question::new(&action, Some(&function), &grants, none, &make);
    let policies = Policies::default();
    let verdict = policies.verdict(&judgement, &question);
    assert!(changes(&question, &judgement, &verdict).is_empty());
}

#[test]
fn names_that_are_no_identifiers_are_quoted() {
    assert_eq!(attribute("path"), ".path");
    assert_eq!(attribute("max-depth"), "[\"max-depth\"]");
    assert_eq!(attribute("if"), "[\"if\"]");
    assert_eq!(attribute("0"), "[\"0\"]");
}
