//! Policies that were written before a capability had its name.

use super::registry::Place;

/// What is banned by the names of a component and its function stays banned when the function is configured as a
/// capability, on whatever way it is called; and what is permitted stays permitted.
#[test]
fn rules_outlast_the_naming_of_a_capability() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.write(
        "p.cedar",
        "@id(\"no-drafts\") forbid (principal, action == Action::\"tool.look\", resource) \
         when { context.args.path like \"*draft*\" };",
    );
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    let config = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    let draft = r#"{"path":"a/draft"}"#;
    let by_file = [
        "exec",
        "tool.wasm",
        "look",
        draft,
        "--config",
        "engine.toml",
    ];
    let by_name = ["exec", "sample.look.v1", draft, "--config", "engine.toml"];
    for call in [&by_file[..], &by_name] {
        let told = place.fails(
            &[call, &["--policy", "p.cedar"]].concat(),
            3,
            "E-DENIED-POLICY",
        );
        assert!(told.contains("no-drafts"), "{told}");
    }
    let other = [
        "exec",
        "sample.look.v1",
        r#"{"path":"a"}"#,
        "--config",
        "engine.toml",
        "--policy",
        "p.cedar",
    ];
    assert_eq!(place.works(&other), "1\n");
    place.works(&["policy", "check", "p.cedar", "--config", "engine.toml"]);

    for name in ["tool.look", "tool.*", "sample.look.v1"] {
        let ban = format!("[[rules]]\nid = \"no\"\ndecision = \"deny\"\ncapability = \"{name}\"\n");
        place.write("engine.toml", format!("{config}\n{ban}"));
        for call in [&by_file[..], &by_name] {
            place.fails(call, 3, "E-DENIED-POLICY");
        }
    }
}

/// `policy check` sees the rules of a configuration, too: a name that nothing has is an error with its place, a pattern
/// that nothing fits may be meant for later.
#[test]
fn a_rule_about_nothing_is_an_error() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    place.works(&["add", "tool.wasm", "--config", "engine.toml"]);
    let config = std::fs::read_to_string(place.path().join("engine.toml")).unwrap();
    let check = ["policy", "check", "--config", "engine.toml"];
    let rule = |name: &str| {
        let rule =
            format!("[[rules]]\nid = \"no\"\ndecision = \"deny\"\ncapability = \"{name}\"\n");
        place.write("engine.toml", format!("{config}\n{rule}"));
    };
    for fits in ["sample.look.v1", "tool.look", "tool.*", "*"] {
        rule(fits);
        let (code, told) = place.told(&check);
        assert_eq!(code, 0, "{fits}: {told}");
        assert!(!told.contains("applies to nothing"), "{fits}: {told}");
    }
    rule("sample.lok.v1");
    let (code, told) = place.told(&check);
    let line = config.lines().count() + 5;
    assert_eq!(code, 2, "{told}");
    for part in [
        "the rule `no` is about `sample.lok.v1`, and there is no such capability",
        "did you mean `sample.look.v1`?",
        &format!("engine.toml:{line}:14"),
    ] {
        assert!(told.contains(part), "`{part}` is missing: {told}");
    }
    rule("later.*");
    let (code, told) = place.told(&check);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("applies to nothing"), "{told}");
}
