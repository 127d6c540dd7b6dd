use super::*;

/// Whether so many brackets are counted in the middle of this text.
fn fits(before: &str, brackets: usize, after: &str) -> bool {
    let text = format!(
        "{before}{}{}{after}",
        "(".repeat(brackets),
        ")".repeat(brackets)
    );
    check(&text).is_ok()
}

#[test]
fn brackets_inside_one_another_are_counted() {
    assert!(fits("", MOST_BRACKETS, ""));
    assert!(!fits("", MOST_BRACKETS + 1, ""));
    assert!(
        fits("{[]}", MOST_BRACKETS, ""),
        "what is closed does not count"
    );
    assert!(!fits("{[", MOST_BRACKETS - 1, "]}"));
    assert!(
        fits("}}}", MOST_BRACKETS, ""),
        "what does not match is for the parser"
    );
    assert!(
        !fits("`${", MOST_BRACKETS, "}`"),
        "a place in a template counts"
    );
    assert_eq!(
        check(&format!("\n'\n`\n`/*\n*/{}", "[".repeat(MOST_BRACKETS + 1))).unwrap_err(),
        "more than 64 brackets inside one another, in line 5"
    );
}

#[test]
fn brackets_in_texts_and_comments_do_not_count() {
    let many = "([{".repeat(MOST_BRACKETS);
    // A bracket of a class would have to be closed.
    let groups = "({".repeat(MOST_BRACKETS);
    for text in [
        format!("'{many}'"),
        format!("'\\'{many}'"),
        format!("\"{many}\""),
        format!("`{many}`"),
        format!("`\\`\\${{{many}`"),
        format!("`$ {many} $`"),
        format!("// {many}"),
        format!("/*\n {many} **/"),
        format!("/*/{many}*/"),
        format!("x = /{groups}/g"),
        format!("x = /\\/{groups}/"),
        format!("x = /[/]{groups}/"),
        format!("return /{groups}/"),
        format!("f(/{groups}/)"),
        format!("}} /{groups}/"),
    ] {
        // Enough after it that a bracket too many would be noticed, and not missed by what is skipped.
        assert_eq!(
            (
                fits(&text, 0, ""),
                fits(&format!("{text}\n"), MOST_BRACKETS, "")
            ),
            (true, true),
            "{text}"
        );
        assert!(!fits(&format!("{text}\n"), MOST_BRACKETS + 1, ""), "{text}");
    }
}

#[test]
fn a_division_is_not_taken_for_a_regular_expression() {
    for text in [
        "a / ", "1 / ", "(a) / ", "a[0] / ", "'' / ", "`` / ", "/a/ / ",
    ] {
        assert!(!fits(text, MOST_BRACKETS + 1, " / 2"), "{text}");
    }
    assert!(!fits("= / ", MOST_BRACKETS + 1, ""), "it does not end");
}

#[test]
fn a_value_in_a_template_is_code() {
    let many = "(".repeat(MOST_BRACKETS);
    assert!(check(&format!("`a${{ '{many}' }}{many}${{1}}{many}`")).is_ok());
    assert!(check(&format!("`a${{ {{}} }}{many}`")).is_ok());
    assert!(check(&format!("`a${{ {many} }}`")).is_err());
    assert!(check("`a${").is_ok());
    assert!(check("'").is_ok());
    assert!(check("/*").is_ok());
}
