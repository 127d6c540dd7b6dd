use std::collections::BTreeSet;

use super::super::schema::Known;
use super::super::set::CedarPolicies;
use super::super::values::tests::named;
use super::*;
use crate::types::{Declared, Effect, WitType};

fn world() -> Vec<Known> {
    let known = |name: &str, component: &str, parameters, effect| Known {
        name: name.into(),
        component: component.into(),
        function: Some(named("f", parameters)),
        declared: Some(Declared {
            effects: BTreeSet::from_iter(effect),
            ..Declared::default()
        }),
    };
    let depth = WitType::Option(WitType::U32.into());
    vec![
        known(
            "fs.read.v1",
            "fs",
            vec![("path", WitType::String), ("max-depth", depth)],
            Some(Effect::Read),
        ),
        known(
            "fs.write.v1",
            "fs",
            vec![("file", WitType::String)],
            Some(Effect::Write),
        ),
        known(
            "text.count-words",
            "text",
            vec![("text", WitType::String)],
            None,
        ),
    ]
}

fn check(text: &str) -> Vec<Problem> {
    let files = [("a.cedar".to_owned(), text.to_owned())];
    CedarPolicies::parse(&files)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .check(&world())
}

/// The only problem, as it is shown, and what it points at.
fn only(text: &str) -> (String, String, Option<String>) {
    let problems = check(text);
    let [problem] = problems.as_slice() else {
        panic!("{text}: {problems:#?}");
    };
    assert!(!problem.warning, "{problem}");
    let skipped = problem.source_line.chars().skip(problem.column - 1);
    let meant = skipped.take(problem.length).collect();
    (problem.to_string(), meant, problem.help.clone())
}

#[test]
fn a_misspelt_argument_is_pointed_at_wherever_it_is() {
    let scope = "permit(principal, action == Action::\"fs.read.v1\", resource)\n";
    for (condition, column, word, help) in [
        (
            "when { context.args.pth == \"x\" };",
            21,
            "pth",
            "did you mean `path`?",
        ),
        (
            "when { context.args has pth && true };",
            25,
            "pth",
            "did you mean `path`?",
        ),
        (
            "unless { context has args.pth };",
            27,
            "pth",
            "did you mean `path`?",
        ),
        (
            "unless { context.args[\"max-dpth\"] > 1 };",
            23,
            "\"max-dpth\"",
            "did you mean `max-depth`?",
        ),
    ] {
        let name = word.trim_matches('"');
        assert_eq!(
            only(&format!("{scope}{condition}")),
            (
                format!("a.cedar:2:{column}: `fs.read.v1` has no argument `{name}`"),
                word.to_owned(),
                Some(help.to_owned())
            )
        );
    }
}

#[test]
fn an_argument_that_no_function_has_is_unknown_everywhere() {
    let (shown, _, help) =
        only("forbid(principal, action, resource) unless { context.args has pth };");
    assert_eq!(
        shown,
        "a.cedar:1:63: no function here has an argument `pth`"
    );
    assert_eq!(help.as_deref(), Some("did you mean `path`?"));
}

#[test]
fn an_argument_that_some_functions_lack_has_to_be_tested_for() {
    let (shown, meant, help) =
        only("permit(principal, action, resource) when { context.args.path == \"x\" };");
    assert_eq!(shown, "a.cedar:1:57: `fs.write.v1` has no `path`");
    assert_eq!(meant, "path");
    assert!(help.unwrap().contains("`context.args has path && …`"));
    let tested = "context.args has path && context.args.path == \"x\"";
    assert_eq!(
        check(&format!(
            "permit(principal, action, resource) when {{ {tested} }};"
        )),
        []
    );
}

#[test]
fn unknown_capabilities_functions_and_components_are_errors_with_help() {
    for (scope, message, meant, help) in [
        (
            "action == Action::\"fs.reed.v1\", resource",
            "unknown capability or group `fs.reed.v1`",
            "\"fs.reed.v1\"",
            "did you mean `fs.read.v1`?",
        ),
        (
            "action in [Action::\"read\", Action::\"text.count-wrods\"], resource",
            "`text` has no function `count-wrods`",
            "\"text.count-wrods\"",
            "did you mean `text.count-words`?",
        ),
        (
            "action in Action::\"component:txt\", resource",
            "unknown component `txt`",
            "\"component:txt\"",
            "did you mean `component:text`?",
        ),
        (
            "action, resource == Component::\"fz\"",
            "unknown component `fz`",
            "\"fz\"",
            "there is `fs`, `text`; if the name is right, configure its component with `engine add FILE`, or give it to \
             `engine policy check` with `--component FILE`",
        ),
    ] {
        let (shown, pointed, helps) = only(&format!("permit(principal, {scope});"));
        assert!(shown.ends_with(&format!(": {message}")), "{shown}");
        assert_eq!((pointed.as_str(), helps.as_deref()), (meant, Some(help)));
    }
}

/// In a condition an action has one name, and may get another one when it is configured: `==` would fail open then.
#[test]
fn an_action_is_not_compared_with_a_functions_name_in_a_condition() {
    for condition in [
        "action == Action::\"text.count-words\"",
        "Action::\"text.count-words\" == action",
        "action != Action::\"text.count-words\"",
        "context.args has text && (action == Action::\"text.count-words\")",
    ] {
        let (shown, pointed, help) = only(&format!(
            "forbid(principal, action, resource) when {{ {condition} }};"
        ));
        assert!(
            shown.contains("is compared with \"text.count-words\" in a condition"),
            "{shown}"
        );
        assert_eq!(pointed, "\"text.count-words\"");
        assert_eq!(
            help.as_deref(),
            Some(
                "write `action in Action::\"text.count-words\"`, which holds under each of its names"
            )
        );
    }
    for fine in [
        "forbid(principal, action == Action::\"text.count-words\", resource);",
        "forbid(principal, action, resource) when { action in Action::\"text.count-words\" };",
        "forbid(principal, action, resource) when { action in [Action::\"text.count-words\", Action::\"text.count-words\"] };",
    ] {
        assert_eq!(check(fine), [], "{fine}");
    }
}

#[test]
fn names_in_conditions_are_compared_too() {
    let (shown, ..) =
        only("forbid(principal, action, resource) when { resource == Component::\"nowhere\" };");
    assert_eq!(shown, "a.cedar:1:67: unknown component `nowhere`");
    let (shown, _, help) = only("forbid(principal, action, resource) when { context.fact.shell };");
    assert_eq!(shown, "a.cedar:1:52: `context` has no attribute `fact`");
    assert_eq!(help.as_deref(), Some("did you mean `facts`?"));
    let (shown, ..) = only("forbid(principal, action, resource) when { resource.digits == \"\" };");
    assert!(
        shown.starts_with("a.cedar:1:53: attribute `digits`"),
        "{shown}"
    );
}

#[test]
fn types_are_compared() {
    let (shown, ..) =
        only("forbid(principal, action, resource) when { context.calls.all == \"3\" };");
    assert_eq!(
        shown,
        "a.cedar:1:44: the types Long and String are not compatible"
    );
    let (shown, meant, help) = only(
        "forbid(principal, action == Action::\"fs.read.v1\", resource)\n\
         when { context.args[\"max-depth\"] > 3 };",
    );
    assert!(
        shown.starts_with("a.cedar:2:21: unable to guarantee safety"),
        "{shown}"
    );
    assert_eq!(meant, "\"max-depth\"");
    assert!(help.unwrap().starts_with("try testing for"));
}

/// The right side of `||` does not learn from the left.
#[test]
fn the_trap_of_not_has_or_is_found() {
    let scope = "forbid(principal, action, resource) when";
    assert!(
        !check(&format!(
            "{scope} {{ !(context has step) || context.step == \"x\" }};"
        ))
        .is_empty()
    );
    assert_eq!(
        check(&format!(
            "{scope} {{ !(context has step && context.step == \"x\") }};"
        )),
        []
    );
    let conditional = "if context has step then context.step == \"x\" else false";
    assert_eq!(check(&format!("{scope} {{ {conditional} }};")), []);
}

#[test]
fn what_never_applies_is_a_warning() {
    for text in [
        "permit(principal, action in Action::\"spend\", resource);",
        "permit(principal, action, resource) when { 1 == 2 };",
    ] {
        let problems = check(text);
        assert!(
            !problems.is_empty() && problems.iter().all(|problem| problem.warning),
            "{problems:?}"
        );
    }
}

#[test]
fn the_whole_vocabulary_passes() {
    let text = "
        permit(principal == Principal::\"local\", action in Action::\"read\", resource == Component::\"fs\")
        when { resource.manifest && resource has version && resource.version == \"1.0\" };
        forbid(principal is Principal, action in Action::\"component:fs\", resource)
        when { context.facts.outside.contains(\"/etc\") || context.facts.shell || context.facts.bytes > 10 };
        forbid(principal, action in [Action::\"write\", Action::\"text.count-words\"], resource is Component)
        when { context.calls.repeats > 3 && context.via == \"planned\" && context has workflow };
        forbid(principal, action, resource)
        unless { context.facts.hosts.containsAny([\"a\"]) || context.facts.secrets.isEmpty() };";
    assert_eq!(check(text), []);
}

#[test]
fn equal_problems_come_in_the_order_of_the_text() {
    let wrong = "permit(principal, action == Action::\"x\", resource);\n";
    let lines: Vec<usize> = check(&wrong.repeat(3))
        .iter()
        .map(|problem| problem.line)
        .collect();
    assert_eq!(lines, [1, 2, 3]);
}

#[test]
fn escapes_do_not_hide_a_name() {
    let text = r#"permit(principal, action, resource == Component::"f\u{7a}");"#;
    let (shown, ..) = only(text);
    assert_eq!(shown, r"a.cedar:1:50: unknown component `f\u{7a}`");
}
