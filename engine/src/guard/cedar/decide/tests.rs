use serde_json::json;

use super::super::set::tests::{ALL, action, ask, parse};
use super::*;
use crate::guard::{Counters, Grants, Guard as _, Known};
use crate::types::Action;

/// What the policies say of reading `/etc/passwd`.
fn judged(text: &str) -> Judgement {
    let arguments = json!({ "path": "/etc/passwd", "weight": 0.5 });
    ask(&parse(text), &action("fs.read.v1", "fs"), &arguments)
}

/// The force, the ids and the reason of the ban.
fn ban(judgement: &Judgement) -> (Force, Vec<&str>, &str) {
    let Ban {
        force,
        policies,
        reason,
    } = judgement.ban.as_ref().unwrap();
    let ids = policies.iter().map(|policy| policy.id.as_str()).collect();
    (force.clone(), ids, reason)
}

fn permits(judgement: &Judgement) -> Vec<&str> {
    let policies = judgement
        .permission
        .iter()
        .flat_map(|permission| &permission.policies);
    policies.map(|policy| policy.id.as_str()).collect()
}

#[test]
fn what_nobody_permits_gets_no_answer() {
    assert_eq!(judged(""), Judgement::default());
    assert_eq!(
        judged(&format!("permit{ALL} when {{ false }};")),
        Judgement::default()
    );
    assert_eq!(
        judged("permit(principal, action == Action::\"other\", resource);"),
        Judgement::default()
    );
}

#[test]
fn a_permit_names_itself_its_place_and_its_reason() {
    let judgement = judged(&format!(
        "\n@id(\"readers\")\n@reason(\"may read\")\npermit{ALL};"
    ));
    assert_eq!(judgement.ban, None);
    let permission = judgement.permission.unwrap();
    assert_eq!(permission.reason, "may read");
    assert!(!permission.warns);
    let places: Vec<String> = permission
        .policies
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(places, ["readers (a.cedar:2)"]);
}

#[test]
fn a_forbid_wins_over_every_permit() {
    let judgement = judged(&format!(
        "permit{ALL}; @id(\"no\") @reason(\"never\") forbid{ALL};"
    ));
    assert_eq!(judgement.permission, None);
    assert_eq!(ban(&judgement), (Force::Deny, vec!["no"], "never"));
}

#[test]
fn the_scope_and_the_context_are_what_they_say() {
    for condition in [
        "principal == Principal::\"local\"",
        "action == Action::\"fs.read.v1\" && action in Action::\"read\" && action in Action::\"component:fs\"",
        "!(action in Action::\"write\") && !(action in Action::\"computing\")",
        "resource == Component::\"fs\" && resource.manifest && resource.version == \"1.2.3\"",
        "resource.digest like \"sha256:*\"",
        "context.args.path like \"/etc/*\" && context.args.weight.lessThan(decimal(\"0.6\"))",
        "context.args == {path: \"/etc/passwd\", weight: decimal(\"0.5\")}",
        "context.calls == {all: 7, denied: 0, same: 0, repeats: 0}",
        "context.facts.paths == [\"/etc/passwd\"] && !context.facts.shell && context.facts.bytes == 11",
        "context.via == \"direct\" && !(context has workflow)",
        "context == {args: context.args, facts: context.facts, calls: context.calls, labels: [\"web\"], via: \"direct\"}",
        "context.labels.contains(\"web\") && !context.labels.contains(\"secret\")",
    ] {
        let text = format!("@id(\"p\") permit{ALL} when {{ {condition} }};");
        let action = Action {
            labels: ["web".to_owned()].into(),
            ..action("fs.read.v1", "fs")
        };
        let arguments = json!({ "path": "/etc/passwd", "weight": 0.5 });
        let judgement = ask(&parse(&text), &action, &arguments);
        assert_eq!(permits(&judgement), ["p"], "{condition}: {judgement:?}");
    }
}

/// What flowed into the arguments decides, also where the arguments are the same.
#[test]
fn a_label_on_the_data_is_seen() {
    let text = format!(
        "permit{ALL}; @id(\"tainted\") forbid{ALL} when {{ context.labels.containsAny([\"untrusted\", \"secret\"]) }};"
    );
    let plain = action("fs.read.v1", "fs");
    let labelled = Action {
        labels: ["untrusted".to_owned()].into(),
        ..plain.clone()
    };
    let known = Known {
        name: "fs.read.v1".into(),
        component: "fs".into(),
        function: Some(super::super::set::tests::function()),
        declared: None,
    };
    let policies = parse(&text);
    assert_eq!(policies.check(&[known]), []);
    assert_eq!(ask(&policies, &plain, &json!({})).ban, None);
    let judgement = ask(&policies, &labelled, &json!({}));
    assert_eq!(ban(&judgement), (Force::Deny, vec!["tainted"], ""));
}

#[test]
fn a_step_and_a_function_without_a_manifest_are_seen() {
    let step = (crate::types::WorkflowId::fresh(), "fetch".to_owned());
    let text = format!(
        "permit{ALL} when {{ context.step == \"fetch\" && context.workflow == \"{}\" \
         && action in Action::\"unknown\" && !resource.manifest }};",
        step.0
    );
    let action = Action {
        step: Some(step),
        declared: None,
        version: None,
        ..action("fs.read.v1", "fs")
    };
    assert_eq!(
        permits(&ask(&parse(&text), &action, &json!({}))),
        ["a.cedar:1"]
    );
}

#[test]
fn the_words_of_a_command_are_seen() {
    let policies = parse(
        "permit(principal, action, resource)
         when { context.args.words.len == 2 && context.args.words.items.contains(\"-v\") };",
    );
    let (action, grants) = (action("tool", "tool"), Grants::none());
    let make = || json!(["tool", "-v"]);
    let question = Question::new(&action, None, &grants, Counters::default(), &make);
    assert_eq!(permits(&policies.judge(&question).unwrap()), ["a.cedar:1"]);
}

#[test]
fn a_warning_is_not_lost_among_other_permits() {
    let judgement = judged(&format!(
        "permit{ALL}; @warn @reason(\"look\") permit{ALL};"
    ));
    let permission = judgement.permission.unwrap();
    assert!(permission.warns);
    assert_eq!(permission.reason, "look");
}

#[test]
fn an_approval_is_asked_for_only_if_nothing_else_is_in_the_way() {
    let asks = format!("@id(\"b\") @approval(\"ops\") @reason(\"risky\") forbid{ALL};");
    let permit = format!("@id(\"p\") permit{ALL};");

    let judgement = judged(&format!("{asks} {permit}"));
    assert_eq!(
        ban(&judgement),
        (Force::Ask("ops".into()), vec!["b"], "risky")
    );
    assert_eq!(permits(&judgement), ["p"]);

    let judgement = judged(&asks);
    assert_eq!(ban(&judgement).0, Force::Ask("ops".into()));
    assert_eq!(judgement.permission, None);

    // Who approves has to be named by every policy that asks; where nobody is, nobody can.
    for (who, force) in [("cfo, ops", Force::Ask("ops".into())), ("cfo", Force::Deny)] {
        let two = format!("@id(\"a\") @approval(\"{who}\") forbid{ALL};");
        let judgement = judged(&format!("{asks} {permit} {two}"));
        assert_eq!(ban(&judgement), (force, vec!["a", "b"], "risky"));
    }

    let judgement = judged(&format!("{asks} {permit} @id(\"no\") forbid{ALL};"));
    assert_eq!(ban(&judgement), (Force::Deny, vec!["no"], ""));
    assert_eq!(judgement.permission, None);
}

#[test]
fn a_kill_is_the_strongest() {
    let kill = format!("@id(\"z\") @kill @reason(\"stop\") forbid{ALL};");
    let deny = format!("@id(\"a\") @reason(\"no\") forbid{ALL};");
    let fails = format!("@id(\"f\") forbid{ALL} when {{ {OVERFLOW} }};");
    assert_eq!(ban(&judged(&kill)), (Force::Kill, vec!["z"], "stop"));
    let judgement = judged(&format!("{deny} {kill} {fails} permit{ALL};"));
    assert_eq!(ban(&judgement), (Force::Kill, vec!["a", "z"], "stop; no"));
}

const OVERFLOW: &str = "9223372036854775807 + context.calls.all > 0";

#[test]
fn a_policy_that_fails_denies_even_what_others_permit() {
    for effect in ["permit", "forbid"] {
        let judgement = judged(&format!(
            "permit{ALL}; @id(\"f\") {effect}{ALL} when {{ {OVERFLOW} }};"
        ));
        let (force, ids, reason) = ban(&judgement);
        assert_eq!((force, ids), (Force::Deny, vec!["f"]));
        assert!(
            reason.starts_with("the policy `f` failed: integer overflow"),
            "{reason}"
        );
        assert_eq!(judgement.permission, None);
    }
    let missing = judged(&format!(
        "permit{ALL}; forbid{ALL} when {{ context.args.nothing }};"
    ));
    assert_eq!(ban(&missing).0, Force::Deny);
}

#[test]
fn nan_denies_where_a_policy_would_see_it() {
    let arguments = json!({ "path": "a", "weight": "NaN" });
    let action = action("fs.read.v1", "fs");
    let blind = parse(&format!(
        "permit{ALL} when {{ context.args.path == \"a\" }};"
    ));
    assert_eq!(permits(&ask(&blind, &action, &arguments)), ["a.cedar:1"]);
    let seeing = parse(&format!("permit{ALL} when {{ context.args has weight }};"));
    let judgement = ask(&seeing, &action, &arguments);
    assert_eq!(
        ban(&judgement),
        (
            Force::Deny,
            vec![],
            "the argument `weight` is NaN, which no policy can compare"
        )
    );
}
