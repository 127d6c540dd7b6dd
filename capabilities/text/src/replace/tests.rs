use super::{How, replace};

const ALL: How = How {
    limit: None,
    literal: false,
};

fn replaced(text: &str, pattern: &str, replacement: &str, how: How) -> (String, u32) {
    let replaced = replace(text, pattern, replacement, how).unwrap();
    (replaced.text, replaced.count)
}

#[test]
fn matches_are_replaced_and_counted() {
    assert_eq!(
        replaced("a1b22c", r"\d+", "#", ALL),
        ("a#b#c".to_owned(), 2)
    );
    assert_eq!(replaced("abc", "x", "y", ALL), ("abc".to_owned(), 0));
    assert_eq!(replaced("", "^", "y", ALL), ("y".to_owned(), 1));
    assert_eq!(replaced("éé", "", "-", ALL), ("-é-é-".to_owned(), 3));
    assert_eq!(
        replaced("a\nb", "(?m)^", "> ", ALL),
        ("> a\n> b".to_owned(), 2)
    );
}

#[test]
fn groups_stand_for_what_they_matched() {
    assert_eq!(
        replaced(
            "Ada Lovelace",
            r"(?<first>\w+) (\w+)",
            "$2, ${first}, $$1, ${1}a",
            ALL
        )
        .0,
        "Lovelace, Ada, $1, Adaa"
    );
    assert_eq!(
        replaced("b", "(a)?b", "[$1]", ALL).0,
        "[]",
        "a group without a match is empty"
    );
    for group in ["$2", "${name}", "$1a"] {
        let problem = replace("a", "(a)", group, ALL).unwrap_err();
        let name = group.trim_matches(['$', '{', '}']);
        assert!(
            problem.starts_with(&format!("the replacement has the group `{name}`")),
            "{problem}"
        );
    }
}

#[test]
fn a_literal_pattern_and_replacement_are_plain() {
    let literal = How {
        literal: true,
        ..ALL
    };
    assert_eq!(
        replaced("a.b(c", ".", "$1", literal),
        ("a$1b(c".to_owned(), 1)
    );
    assert_eq!(replaced("a.b(c", "(", "", literal), ("a.bc".to_owned(), 1));
}

#[test]
fn a_limit_counts_from_the_beginning() {
    let once = How {
        limit: Some(1),
        ..ALL
    };
    assert_eq!(replaced("aaa", "a", "b", once), ("baa".to_owned(), 1));
    let none = How {
        limit: Some(0),
        ..ALL
    };
    assert!(
        replace("a", "a", "b", none)
            .unwrap_err()
            .starts_with("a limit of 0")
    );
}

#[test]
fn the_result_is_bounded_however_it_grows() {
    let text = "x".repeat(1 << 20);
    let whole = "$0".repeat(1 << 19);
    for (text, pattern, replacement) in [
        (text.as_str(), "", "yy"),
        (text.as_str(), "x", "yy"),
        (text.as_str(), ".*", &whole),
        (&format!("{text}x"), "x", ""),
        ("x", "x", &format!("{text}x")),
    ] {
        let problem = replace(text, pattern, replacement, ALL).unwrap_err();
        assert!(problem.contains("1048576"), "{problem}");
    }
    assert_eq!(replaced(&text, "x", "y", ALL).1, 1 << 20);
}

#[test]
fn a_broken_pattern_is_told_of() {
    for pattern in [
        "(",
        "a{1000}{1000}{1000}",
        &"(".repeat(1_000),
        "(?=a)",
        r"\1",
    ] {
        assert!(replace("a", pattern, "", ALL).is_err(), "{pattern}");
    }
}
