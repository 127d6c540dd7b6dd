use std::time::Duration;

use super::*;
use crate::session::SystemClock;
use crate::types::Clock as _;

/// F5: a pattern that would make others search without end costs as much as reading the text.
#[test]
fn hostile_patterns_take_linear_time() {
    let clock = SystemClock::new();
    let cost = |length: usize| {
        let text = "a".repeat(length);
        let pattern = Glob::new("*a".repeat(500) + "*b*" + &"a*".repeat(500));
        let start = clock.thread_cpu();
        assert!(!pattern.matches(&text));
        clock.thread_cpu().saturating_sub(start)
    };
    let most = Duration::from_millis(500);
    let found = cost(4 << 20);
    assert!(found < most, "{found:?}");
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("*", "anything", true),
        ("", "", true),
        ("", "a", false),
        ("fs.read.v1", "fs.read.v1", true),
        ("fs.read.v1", "fs.read.v11", false),
        ("fs.*", "fs.read.v1", true),
        ("fs.*", "fsx.read.v1", false),
        ("*.v1", "fs.read.v1", true),
        ("*.v1", "fs.read.v12", false),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a*a", "a", false),
        ("a*a", "aa", true),
        ("**", "x", true),
        ("*ä*", "xäy", true),
    ] {
        assert_eq!(Glob::new(pattern).matches(text), fits, "{pattern} {text}");
    }
}
