use super::super::tests::{action, function};
use super::*;
use crate::guard::{
    Ask, Ban, Bundle, Counters, Force, Grants, Layer, Policies, Policy, Rule, RuleDecision, Target,
};
use crate::session::SystemClock;
use crate::types::{Effect, Function, Rights};

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
    let policy = Policy::default().grants(grants.clone());
    changes(
        &question,
        &judgement,
        &verdict,
        &reach(&policy, &asks(action)),
    )
    .iter()
    .map(Change::to_string)
    .collect()
}

/// A call without layers of its own.
fn asks(action: &Action) -> Ask {
    Ask {
        target: Target::Command,
        action: action.clone(),
        capability: Layer::default(),
        layers: Vec::new(),
        approvers: None,
        counters: Counters::default(),
    }
}

fn reach<'a>(policy: &'a Policy, ask: &'a Ask) -> Reach<'a> {
    Reach {
        policy,
        ask,
        most: Some(Rights::ReadWrite),
    }
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
             resource.digest == \"sha256:af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf\" && \
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

/// A directory itself is enough for what is in it, and of two that are nested the outer one is.
#[test]
fn no_more_is_granted_than_is_needed() {
    let write = action("fs.write.v1", Some(&[Effect::Write]));
    let two = Function {
        parameters: ["path", "target_path"]
            .map(|name| Parameter {
                name: name.to_owned(),
                ty: WitType::String,
            })
            .into(),
        ..function("path")
    };
    let (none, policies) = (Grants::none(), Policies::default());
    let of = |one: &str, other: &str| {
        let make = || serde_json::json!({ "path": one, "target_path": other });
        let question = Question::new(&write, Some(&two), &none, Counters::default(), &make);
        let judgement = policies.judge(&question, &SystemClock::new());
        let verdict = policies.verdict(&judgement, &question);
        let (policy, ask) = (Policy::default(), asks(&write));
        let found = changes(&question, &judgement, &verdict, &reach(&policy, &ask));
        found.iter().map(Change::to_string).collect::<Vec<_>>()
    };
    for (one, other) in [("src/a", "src/guard/b"), ("src/guard/b", "src/a")] {
        assert_eq!(of(one, other), ["add `--dir src:rw`"]);
    }
    assert_eq!(of("src/guard", "src/guard/b"), ["add `--dir src/guard:rw`"]);
    assert_eq!(
        of("src/guard/a", "src/types/b"),
        ["add `--dir src/guard:rw`", "add `--dir src/types:rw`"]
    );
}

/// What a component does not ask for no grant gives it, and no other directory's `..` leads to a file.
#[test]
fn what_no_grant_reaches_is_said_in_words() {
    let write = action("fs.write.v1", Some(&[Effect::Write]));
    let (function, none) = (function("path"), Grants::none());
    let policies = Policies::default();
    let of = |path: &str, most: Option<Rights>| {
        let make = || serde_json::json!({ "path": path });
        let question = Question::new(&write, Some(&function), &none, Counters::default(), &make);
        let judgement = policies.judge(&question, &SystemClock::new());
        let verdict = policies.verdict(&judgement, &question);
        let (policy, ask) = (Policy::default(), asks(&write));
        let reach = Reach {
            most,
            ..reach(&policy, &ask)
        };
        match changes(&question, &judgement, &verdict, &reach).as_slice() {
            [Change::Otherwise(words)] => words.clone(),
            other => panic!("{other:?}"),
        }
    };
    let writable = Some(Rights::ReadWrite);
    assert!(of("../x/a.txt", writable).contains("cannot leave a directory by `..`"));
    assert!(of("src/a.txt", Some(Rights::ReadOnly)).contains("files to read alone"));
    assert!(of("src/a.txt", None).contains("asks for no files"));
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
    assert_eq!(
        of("out/a.txt", &Grants::none()),
        [
            "make the directory with `mkdir -p out`",
            "add `--dir out:rw`"
        ]
    );
    assert_eq!(
        of("-x/a.txt", &Grants::none()),
        [
            "make the directory with `mkdir -p -- -x`",
            "add `--dir=-x:rw`"
        ]
    );
    assert_eq!(of("a.txt", &Grants::none()), ["add `--dir .:rw`"]);
    assert_eq!(
        of("/srv/x/a.txt", &Grants::none()),
        [
            "make the directory with `mkdir -p /srv/x`",
            "add `--dir /srv/x:rw`"
        ]
    );
    assert_eq!(
        of("data/a.txt", &reading),
        [format!("add `--dir {}::data:rw`", host.display())]
    );
    assert_eq!(
        of("other/a.txt", &reading),
        [
            "make the directory with `mkdir -p other`",
            "add `--dir other:rw`"
        ]
    );
    assert_eq!(
        of("data/../a.txt", &reading),
        ["write `a.txt` in the place of `data/../a.txt`"],
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
             action in Action::\"fs.read.v1\" && resource.digest == \"sha256:af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf\" && \
             context.args.path == \"a.txt\" }`",
            "permit it, in a file for `--policy`: `permit (principal == Principal::\"local\", action \
             == Action::\"fs.read.v1\", resource == Component::\"sample\") when { \
             resource.digest == \"sha256:af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf\" && \
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
    let (policy, ask) = (Policy::default(), asks(&action));
    assert!(changes(&question, &judgement, &verdict, &reach(&policy, &ask)).is_empty());
}

#[test]
fn names_that_are_no_identifiers_are_quoted() {
    assert_eq!(attribute("path"), ".path");
    assert_eq!(attribute("max-depth"), "[\"max-depth\"]");
    assert_eq!(attribute("if"), "[\"if\"]");
    assert_eq!(attribute("0"), "[\"0\"]");
}
