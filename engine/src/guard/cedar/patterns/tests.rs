use serde_json::json;

use super::super::scan::tokens;
use super::super::set::tests::{ALL, action, ask, parse};
use super::*;
use crate::guard::{Force, Judgement};

fn patterns(condition: &str) -> Patterns {
    Patterns::of(&tokens(condition))
}

#[test]
fn what_a_pattern_costs() {
    for (pattern, expected) in [
        ("/etc/*", 1),
        ("plain", 0),
        ("", 0),
        ("*", 1),
        ("*.rs", 4),
        ("a*bcd*ef", 4),
        (r"a*\*\*", 3),
        (r#"a*\"b"#, 3),
    ] {
        assert_eq!(cost(&format!("\"{pattern}\"")), expected, "{pattern}");
    }
}

#[test]
fn patterns_belong_to_the_argument_that_they_are_for() {
    let found = patterns(
        r#"context.args.path like "*ab" && context.args.path like "*c" && context.args.spec.name like "*d"
           && resource.digest like "sha256:*" && context.args["text"] like "*efg" && x.context.args.y like "*h""#,
    );
    assert_eq!(found.by_argument, [("path".to_owned(), 3 + 2)].into());
    assert_eq!(found.others, 2 + 1 + 4 + 2);
    assert_eq!(
        patterns(r#"context.args.path == " like ""#),
        Patterns::default()
    );
}

fn judged(condition: &str, path: &str) -> Judgement {
    let policies = parse(&format!("permit{ALL}; forbid{ALL} when {{ {condition} }};"));
    let arguments = json!({ "path": path, "weight": 0.5 });
    ask(&policies, &action("fs.read.v1", "fs"), &arguments)
}

/// F5: a text made to be slow for a pattern is refused before it is compared; where it is compared, the time grows with
/// its length, whatever it says.
#[test]
fn a_hostile_text_cannot_make_a_pattern_slow() {
    let hostile = "a".repeat(1 << 20);
    for (pattern, refused) in [
        (format!("*{}b", "a".repeat(10_000)), true),
        (format!("*{}b*", "a".repeat(200)), true),
        (format!("*{}", "a*".repeat(10_000)), false),
        ("*aaaaaaaaaaaaaaab".to_owned(), false),
        ("/etc/*".to_owned(), false),
    ] {
        let judgement = judged(&format!("context.args.path like \"{pattern}\""), &hostile);
        let ban = judgement
            .ban
            .filter(|ban| ban.reason.contains("too long for the patterns"));
        assert_eq!(
            ban.is_some(),
            refused,
            "{}",
            &pattern[..pattern.len().min(30)]
        );
        if let Some(ban) = ban {
            assert_eq!(ban.force, Force::Deny);
            assert!(
                ban.reason.starts_with("the argument `path` is"),
                "{}",
                ban.reason
            );
            assert_eq!(judgement.permission, None);
        }
    }
    // The same pattern, and an argument that is as long as one is.
    let fine = judged(
        &format!("context.args.path like \"*{}b\"", "a".repeat(10_000)),
        "src/a.rs",
    );
    assert!(fine.ban.is_none() && fine.permission.is_some());
}

/// Patterns of many policies count together, and those on other things count the whole arguments.
#[test]
fn patterns_count_together() {
    let one = |n: usize| format!("context.args.path like \"*{}\"", "ab".repeat(n));
    let text = "x".repeat(1 << 20);
    assert!(judged(&one(50), &text).ban.is_none());
    let both = format!("{} && {}", one(50), one(40));
    assert!(judged(&both, &text).ban.is_some());
    let other = format!("resource.digest like \"*{}\"", "ab".repeat(80));
    let reason = judged(&other, &text).ban.unwrap().reason;
    assert!(reason.starts_with("its arguments are"), "{reason}");
}
