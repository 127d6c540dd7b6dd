use super::*;

fn texts(text: &str) -> Vec<&str> {
    tokens(text).iter().map(|token| token.text).collect()
}

#[test]
fn tokens_are_words_strings_and_marks_without_comments() {
    assert_eq!(
        texts("permit(principal) // a \"comment\" (\n when{A::\"b // \\\" c\" != 12};?slot"),
        [
            "permit",
            "(",
            "principal",
            ")",
            "when",
            "{",
            "A",
            "::",
            "\"b // \\\" c\"",
            "!=",
            "12",
            "}",
            ";",
            "?slot"
        ]
    );
    assert_eq!(tokens("é a").last(), Some(&Token { text: "a", at: 3 }));
    assert_eq!(texts("\"open ( "), ["\"", "open", "("]);
    assert!(tokens("").is_empty());
}

#[test]
fn brackets_in_strings_and_comments_do_not_count() {
    let brackets = "(".repeat(100);
    for text in [format!("\"{brackets}\""), format!("// {brackets}\n()")] {
        assert_eq!(too_deep(&tokens(&text)), None);
    }
}

#[test]
fn the_first_bracket_over_the_limit_is_named() {
    let nested = |depth: usize| format!("{}{}", "[{(".repeat(depth), ")}]".repeat(depth));
    assert_eq!(too_deep(&tokens(&nested(MOST_NESTED / 3))), None);
    let text = nested(MOST_NESTED / 3 + 1);
    let Some(TooDeep::Nested(bracket)) = too_deep(&tokens(&text)) else {
        panic!("it is over the limit");
    };
    assert_eq!(bracket.at, MOST_NESTED);
}

#[test]
fn chains_count_but_lists_do_not() {
    for chain in [
        "a && ".repeat(300),
        "a.b || ".repeat(300),
        format!("context{}", ".a".repeat(300)),
        format!("context{}", "[\"a\"]".repeat(300)),
        "if a then b else ".repeat(300),
        "when { a }".repeat(300),
        format!(
            "{}(a{}){}",
            "a && ".repeat(100),
            " && a".repeat(100),
            " && a".repeat(100)
        ),
    ] {
        let found = too_deep(&tokens(&chain));
        assert!(matches!(found, Some(TooDeep::Chained(_))), "{chain}");
    }
    for flat in [
        format!("[{}]", "\"a\", ".repeat(5000)),
        "permit(principal, action == Action::\"a\", resource);".repeat(300),
        format!(
            "{}true",
            "context.facts.hosts.contains(\"a\") || ".repeat(200)
        ),
    ] {
        assert_eq!(too_deep(&tokens(&flat)), None);
    }
}

#[test]
fn accesses_are_followed_as_far_as_names_lead() {
    let paths = |text: &str| -> Vec<String> {
        let tokens = tokens(text);
        let names = |access: &Access<'_>| {
            access
                .path
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join("/")
        };
        accesses(&tokens).iter().map(names).collect()
    };
    assert_eq!(paths("context.args.path like \"a\""), ["args/path"]);
    assert_eq!(
        paths("context[\"args\"] [\"max-depth\"] > 1"),
        ["args/max-depth"]
    );
    assert_eq!(
        paths("context.facts.hosts.contains(\"a\")"),
        ["facts/hosts"]
    );
    assert_eq!(
        paths("context has workflow && context has args.r.a"),
        ["workflow", "args/r/a"]
    );
    assert_eq!(paths("context.args has \"max-depth\""), ["args/max-depth"]);
    assert_eq!(paths("(context.args).path"), ["args"]);
    assert_eq!(paths("context == context.args"), ["", "args"]);
    assert_eq!(paths("context[\"a\\u{72}gs\"].path"), [""]);
    assert_eq!(
        paths("principal.context \"context.args\" // context"),
        Vec::<String>::new()
    );
}
