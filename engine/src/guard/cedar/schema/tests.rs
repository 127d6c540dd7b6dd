use cedar_policy::Schema;
use proptest::prelude::*;

use super::super::values::tests::{kinds, named};
use super::*;

fn known(name: &str, component: &str, parameters: Vec<(&str, WitType)>) -> Known {
    Known {
        name: name.into(),
        component: component.into(),
        function: Some(named("f", parameters)),
        declared: None,
    }
}

fn parses(text: &str) {
    let (_, warnings) =
        Schema::from_cedarschema_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(warnings.count(), 0, "{text}");
}

#[test]
fn a_schema_says_what_policies_can_speak_about() {
    let mut one = known(
        "fs.read.v1",
        "fs",
        vec![
            ("path", WitType::String),
            ("max-depth", WitType::Option(WitType::U32.into())),
            ("handle", WitType::Opaque("resource".into())),
        ],
    );
    one.declared = Some(Declared {
        effects: [crate::types::Effect::Read].into(),
        ..Declared::default()
    });
    let text = schema(&[one]);
    parses(&text);
    assert!(text.contains("action \"destructive\";\n"), "{text}");
    assert!(
        text.contains("action \"fs.read.v1\" in [\"read\", \"component:fs\"]"),
        "{text}"
    );
    assert!(
        text.contains("\"args\": {\"max-depth\"?: Long, \"path\": String}, \"calls\": Calls"),
        "{text}"
    );
    assert!(text.contains("\"labels\": Set<String>"), "{text}");
}

#[test]
fn a_schema_is_the_same_in_any_order_and_without_anything_to_know() {
    let (one, two) = (known("a.f", "a", vec![]), known("b.f", "b", vec![]));
    assert_eq!(schema(&[one.clone(), two.clone()]), schema(&[two, one]));
    parses(&schema(&[]));
}

#[test]
fn a_command_has_words() {
    let command = Known {
        function: None,
        ..known("tool", "tool", vec![])
    };
    let text = schema(&[command]);
    parses(&text);
    assert!(
        text.contains("{\"words\": {\"items\": Set<String>, \"len\": Long}}"),
        "{text}"
    );
}

#[test]
fn names_that_mean_something_elsewhere_do_no_harm() {
    let names = [
        "read",
        "write",
        "component:a",
        "in",
        "\" ] {",
        "\\",
        "a\nb",
        "é",
        "",
        "Action::\"x\"",
    ];
    let known: Vec<Known> = names
        .iter()
        .map(|name| {
            let effects = crate::types::Effect::ALL.into();
            Known {
                declared: Some(Declared {
                    effects,
                    ..Declared::default()
                }),
                ..known(
                    name,
                    name,
                    vec![(name, WitType::Bool), ("__cedar", WitType::S8)],
                )
            }
        })
        .collect();
    parses(&schema(&known));
}

#[test]
fn a_case_called_tag_does_not_hide_the_tag() {
    let case = crate::types::Case {
        name: "tag".into(),
        ty: Some(WitType::Bool),
    };
    let shape = Shape::of(&WitType::Variant([case].into())).unwrap();
    assert_eq!(shape.to_string(), "{\"tag\": String, \"tag_\"?: Bool}");
}

proptest! {
    #[test]
    fn every_type_gives_a_schema_that_cedar_takes(types in proptest::collection::vec(kinds(), 0..4)) {
        let names = ["a", "max-depth", "in", "x1"];
        let parameters = names.into_iter().zip(types).collect();
        parses(&schema(&[known("c.f", "c", parameters)]));
    }
}

/// However an action is called, the groups of its effects and of its component hold it.
#[test]
fn a_name_takes_an_action_out_of_no_group_but_its_own() {
    let declared = Declared {
        effects: [crate::types::Effect::Read].into(),
        ..Declared::default()
    };
    for (name, component, expected) in [
        ("fs.read", "fs", vec!["read", "component:fs"]),
        (
            "component:x.read",
            "component:x",
            vec!["read", "component:component:x"],
        ),
        ("component:fs", "fs", vec!["read"]),
        ("read", "fs", vec!["component:fs"]),
    ] {
        assert_eq!(groups(name, component, Some(&declared)), expected, "{name}");
    }
}
