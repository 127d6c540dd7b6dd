use std::collections::BTreeSet;

use cedar_policy::{Authorizer, Context, Request};
use proptest::prelude::*;

use super::super::set::CedarPolicies;
use super::super::set::tests::action;
use super::*;
use crate::types::{Declared, Effect};

const NAMES: [&str; 3] = ["a.f", "a.g", "read"];
const COMPONENTS: [&str; 2] = ["a", "b"];

fn scopes() -> impl Strategy<Value = String> {
    let actions = prop_oneof![
        Just("action".to_owned()),
        Just("action in []".to_owned()),
        prop::sample::select(vec![
            "a.f",
            "a.g",
            "read",
            "write",
            "component:a",
            "unknown"
        ])
        .prop_map(|name| format!("action == Action::\"{name}\"")),
        prop::sample::subsequence(vec!["a.f", "read", "write", "component:b", "pure"], 1..3)
            .prop_map(|names| {
                let names: Vec<String> = names
                    .iter()
                    .map(|name| format!("Action::\"{name}\""))
                    .collect();
                format!("action in [{}]", names.join(", "))
            }),
    ];
    let resources = prop::sample::select(vec![
        "resource",
        "resource == Component::\"a\"",
        "resource in Component::\"b\"",
        "resource is Component",
        "resource is Component in Component::\"a\"",
    ]);
    let effects = prop::sample::select(vec!["permit", "forbid"]);
    (effects, actions, resources).prop_map(|(effect, action, resource)| {
        format!("{effect}(principal, {action}, {resource});\n")
    })
}

proptest! {
    /// What is left out by the index would have said nothing.
    #[test]
    fn index_gives_the_same_decisions(
        policies in prop::collection::vec(scopes(), 0..12),
        name in prop::sample::select(NAMES.to_vec()),
        component in prop::sample::select(COMPONENTS.to_vec()),
        effects in prop::sample::subsequence(vec![Effect::Read, Effect::Write], 0..=2),
        pure in any::<bool>(),
        manifest in any::<bool>(),
    ) {
        let text: String = policies.concat();
        let parsed = super::super::parse::rules(&[super::super::problem::Source {
            name: "a.cedar".into(),
            text,
        }])
        .unwrap();
        let rules: Vec<Arc<Rule>> = parsed.into_iter().map(Arc::new).collect();
        let action = Action {
            declared: manifest.then(|| Declared {
                effects: effects.into_iter().collect(),
                pure,
                idempotent: false,
            }),
            ..action(name, component)
        };
        let slice = Slice::of(&rules, &action).unwrap();
        let request = Request::new(
            names::entity(names::PRINCIPAL, "local").unwrap(),
            slice.action.clone(),
            slice.resource.clone(),
            Context::empty(),
            None,
        )
        .unwrap();
        let answer = |policies: &PolicySet| {
            let response = Authorizer::new().is_authorized(&request, policies, &slice.entities);
            let reasons: BTreeSet<String> =
                response.diagnostics().reason().map(ToString::to_string).collect();
            (response.decision(), reasons)
        };
        let all = rules.iter().map(|rule| rule.policy.clone());
        let all = PolicySet::from_policies(all).unwrap();
        prop_assert_eq!(answer(&slice.policies), answer(&all));
    }
}

#[test]
fn only_policies_that_can_apply_are_asked() {
    let text = "permit(principal, action in Action::\"component:a\", resource);
                permit(principal, action in Action::\"component:b\", resource);
                permit(principal, action, resource == Component::\"b\");
                permit(principal, action, resource);";
    let policies = CedarPolicies::parse(&[("p".to_owned(), text.to_owned())]).unwrap();
    let slice = policies.ready(&action("a.f", "a")).unwrap();
    let ids: Vec<&String> = slice.rules.keys().collect();
    assert_eq!(ids, ["p:1", "p:4"]);
}

#[test]
fn reads_are_what_policies_look_at() {
    let reads = |text: &str| Reads::of(&scan::tokens(text));
    let one = reads("context.args.path == context.facts.paths");
    assert!(one.attribute("args", "path") && one.attribute("facts", "paths") && one.part("facts"));
    assert!(!one.attribute("args", "paths") && !one.part("calls"));
    let all = reads("context.args == {}");
    assert!(all.attribute("args", "any") && !all.part("facts"));
    let everything = reads("context == {}");
    assert!(everything.attribute("args", "any") && everything.part("facts"));
}
