use super::super::set::CedarPolicies;
use super::super::set::tests::ALL;

fn problems(text: &str) -> Vec<String> {
    let files = [("a.cedar".to_owned(), text.to_owned())];
    let problems = CedarPolicies::parse(&files).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn annotations_without_effect_are_refused_with_their_place() {
    for (text, problem) in [
        (
            "@note(\"x\") permit",
            "a.cedar:1:2: unknown annotation `@note`",
        ),
        (
            "@approval(\"x\") permit",
            "a.cedar:1:2: `@approval` has no effect on a `permit`",
        ),
        (
            "@kill permit",
            "a.cedar:1:2: `@kill` has no effect on a `permit`",
        ),
        (
            "@id(\"a\")\n @warn forbid",
            "a.cedar:2:3: `@warn` has no effect on a `forbid`",
        ),
        (
            "@approval(\"x\") @kill forbid",
            "a.cedar:1:17: `@kill` and `@approval` exclude each other",
        ),
        (
            "@approval forbid",
            "a.cedar:1:2: `@approval` needs a text: `@approval(\"…\")`",
        ),
        (
            "@approval(\" \") forbid",
            "a.cedar:1:2: `@approval` needs a text: `@approval(\"…\")`",
        ),
        (
            "@kill(\"now\") forbid",
            "a.cedar:1:2: `@kill` takes no text; `@reason` is for it",
        ),
    ] {
        assert_eq!(problems(&format!("{text}{ALL};")), [problem]);
    }
    let files = [(
        "a.cedar".to_owned(),
        format!("@approvals(\"x\") forbid{ALL};"),
    )];
    let problems = CedarPolicies::parse(&files).unwrap_err();
    assert_eq!(
        problems[0].help.as_deref(),
        Some("did you mean `approval`?")
    );
}

#[test]
fn templates_are_refused() {
    assert_eq!(
        problems(
            "permit(principal, action, resource);\npermit(principal == ?principal, action, resource);"
        ),
        ["a.cedar:2:21: `?principal` makes a template, which is never used"]
    );
}

#[test]
fn ids_are_unique_over_all_files() {
    let file = |name: &str, text: String| (name.to_owned(), text);
    let one = format!("@id(\"x\") permit{ALL};");
    let twice = [
        file("a.cedar", one.clone()),
        file("b.cedar", format!("\n {one}")),
    ];
    let problems = CedarPolicies::parse(&twice).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "b.cedar:2:3: the id `x` is taken by the policy at a.cedar:1"
    );

    let text = format!("permit{ALL}; permit{ALL};\n@id(\"a.cedar:3\") permit{ALL};\npermit{ALL};");
    let policies = CedarPolicies::parse(&[file("a.cedar", text)]).unwrap();
    let ids: Vec<String> = policies.refs().into_iter().map(|place| place.id).collect();
    assert_eq!(
        ids,
        ["a.cedar:1", "a.cedar:1:38", "a.cedar:3", "a.cedar:3:1"]
    );
}

#[test]
fn syntax_errors_have_their_place_and_what_was_expected() {
    let files = [(
        "a.cedar".to_owned(),
        "permit(principal, action resource);".to_owned(),
    )];
    let problems = CedarPolicies::parse(&files).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "a.cedar:1:26: unexpected token `resource`"
    );
    assert!(
        problems[0]
            .help
            .as_deref()
            .unwrap()
            .starts_with("expected "),
        "{problems:?}"
    );
    assert_eq!(problems[0].length, "resource".len());
    // A string that does not end, and a text that ends too early.
    assert_eq!(self::problems("permit(\"x"), ["a.cedar:1:8: invalid token"]);
    assert!(self::problems("permit(\n").len() == 1);
}

#[test]
fn what_is_shown_of_a_file_does_not_act_on_a_terminal() {
    let files = [("a.cedar".to_owned(), "\tpermit(\u{1b}[31m".to_owned())];
    let problems = CedarPolicies::parse(&files).unwrap_err();
    assert_eq!(problems[0].source_line, " permit(\u{fffd}[31m");
    assert_eq!(problems[0].column, 9);
}

#[test]
fn texts_over_a_cap_are_refused_before_cedar_sees_them() {
    let deep = |open: &str, close: &str| {
        format!(
            "permit{ALL} when {{ {}true{} }};",
            open.repeat(10_000),
            close.repeat(10_000)
        )
    };
    assert_eq!(
        problems(&deep("(", ")")),
        ["a.cedar:1:107: more than 64 brackets are open here"]
    );
    let message = "more than 256 operators hang on each other here";
    for chain in [
        deep("", " && true"),
        deep("if true then true else ", ""),
        deep("", ".a"),
    ] {
        let problems = problems(&chain);
        assert!(
            problems.len() == 1 && problems[0].ends_with(message),
            "{problems:?}"
        );
    }
    assert_eq!(
        problems(&" ".repeat(1 << 20)),
        ["a.cedar:1:1: the file has 1MiB, over the limit of 256KiB"]
    );
    let many = format!("permit{ALL};\n").repeat(2_001);
    assert_eq!(
        problems(&many),
        ["a.cedar:1:1: there are more than 2000 policies in all files together"]
    );
}
