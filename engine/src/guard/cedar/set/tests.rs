use serde_json::{Value, json};

use super::super::values::tests::named;
use super::*;
use crate::guard::{Counters, Grants};
use crate::types::{Declared, Effect, Function, WitType};

pub(in crate::guard::cedar) const ALL: &str = "(principal, action, resource)";

pub(in crate::guard::cedar) fn parse(text: &str) -> CedarPolicies {
    CedarPolicies::parse(&[("a.cedar".to_owned(), text.to_owned())])
        .unwrap_or_else(|problems| panic!("{problems:#?}"))
}

pub(in crate::guard::cedar) fn action(name: &str, component: &str) -> Action {
    Action {
        principal: crate::types::Principal::default(),
        via: crate::types::Via::Direct,
        name: name.into(),
        also: None,
        component: component.into(),
        version: Some("1.2.3".into()),
        digest: Digest::of(component.as_bytes()),
        function: "read".into(),
        declared: Some(Declared {
            effects: [Effect::Read].into(),
            ..Declared::default()
        }),
        arguments: Digest::of(b"arguments"),
        step: None,
        labels: [].into(),
    }
}

pub(in crate::guard::cedar) fn function() -> Function {
    named(
        "read",
        vec![("path", WitType::String), ("weight", WitType::F64)],
    )
}

pub(in crate::guard::cedar) fn ask(
    policies: &CedarPolicies,
    action: &Action,
    arguments: &Value,
) -> Judgement {
    let function = function();
    let grants = Grants::none();
    let counters = Counters {
        calls: 7,
        ..Counters::default()
    };
    let make = || arguments.clone();
    let question = Question::new(action, Some(&function), &grants, counters, &make);
    policies.judge(&question).unwrap()
}

/// Cedar and this crate call themselves for every level; a test has a stack of 2 MiB.
#[test]
fn texts_under_every_cap_do_not_overflow_the_stack() {
    let brackets = 60;
    let deepest = format!(
        "{}true{}",
        "(true && true && ".repeat(brackets),
        ")".repeat(brackets)
    );
    let parens = format!("{}true{}", "(".repeat(brackets), ")".repeat(brackets));
    let sets = format!(
        "{}1{}.contains(1)",
        "[".repeat(brackets),
        "]".repeat(brackets)
    );
    let chained = format!(
        "({}true)",
        "if context.via == \"x\" then true else ".repeat(120)
    );
    let sums = format!("1{} == 2", " + 1".repeat(240));
    for condition in [deepest, parens, sets, chained, sums] {
        let policies = parse(&format!("permit{ALL} when {{ {condition} }};"));
        let _ = policies.check(&[]);
        let known = Known {
            name: "fs.read.v1".into(),
            component: "fs".into(),
            function: Some(function()),
            declared: None,
        };
        let _ = policies.check(&[known]);
        ask(&policies, &action("fs.read.v1", "fs"), &json!({}));
    }
}

#[test]
fn the_digest_is_that_of_names_and_texts() {
    let digest = |name: &str, text: &str| {
        CedarPolicies::parse(&[(name.to_owned(), text.to_owned())])
            .unwrap()
            .digest()
    };
    assert_eq!(digest("a", "//b"), digest("a", "//b"));
    assert_ne!(digest("a", "//b"), digest("a", "//c"));
    assert_ne!(digest("a", "//b"), digest("b", "//b"));
    assert_ne!(digest("a//b", ""), digest("a", "//b"));
}

#[test]
fn made_up_actions_do_not_fill_the_memory() {
    let policies = parse(&format!("permit{ALL};"));
    for i in 0..MOST_READY + 10 {
        ask(&policies, &action(&format!("f{i}"), "c"), &json!({}));
    }
    assert!(policies.ready.read().unwrap().len() <= MOST_READY);
}
